/* SPDX-License-Identifier: Apache-2.0 */
/* limits.h - how much of a file of tasks is believed */
#ifndef SOV_MEASURE_LIMITS_H
#define SOV_MEASURE_LIMITS_H

#include <stdint.h>

#define SOV_TASK_LINE_MAX (UINT64_C(4) << 20)   /* bytes of a line */
#define SOV_TASK_DEPTH    8                     /* nesting of its JSON */
#define SOV_TASK_VALUES   (UINT64_C(1) << 16)   /* ... values */
#define SOV_TASKS_MAX     (UINT64_C(1) << 24)   /* tasks of a file */
#define SOV_TASKS_BYTES   (UINT64_C(256) << 20) /* ... to draw from */

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limits.h - how much of anything is believed, of plans of pruning
 */
#ifndef SOV_PRUNE_LIMITS_H
#define SOV_PRUNE_LIMITS_H

#include <stdint.h>

#define SOV_PRUNE_OF_MAX     UINT32_C(256)  /* inputs of a group, N:M */
#define SOV_PRUNE_ROWS_MAX   UINT32_C(1024) /* rows that share a mask */
#define SOV_PRUNE_METHOD_MAX 64 /* bytes of a name of a method in a plan */

#endif

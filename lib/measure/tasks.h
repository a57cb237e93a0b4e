/* SPDX-License-Identifier: Apache-2.0 */
/* tasks.h - tasks out of a file that is open already */
#ifndef SOV_MEASURE_TASKS_H
#define SOV_MEASURE_TASKS_H

#include "sov/task.h"
#include "sys/file.h"

/* The file is taken over, in any case; name is for messages. */
int sov_tasks_over(sov_tasks **tasks, const struct sov_file *file,
                   const char *name, enum sov_task_form form,
                   struct sov_err *err) SOV_MUST_CHECK;

/* Is it scored from where the choices differ, and by its tokens? */
bool sov_tasks_by_tokens(const sov_tasks *tasks);

#endif

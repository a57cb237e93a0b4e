/* SPDX-License-Identifier: Apache-2.0 */
/*
 * making.h - a task, as it is put together from what a file says
 *
 * Texts stand in one buffer and are places in it until all are there.
 */
#ifndef SOV_MEASURE_MAKING_H
#define SOV_MEASURE_MAKING_H

#include "base/buf.h"
#include "base/json.h"
#include "sov/task.h"

#include <stdbool.h>
#include <stddef.h>

struct sov_making_place {
    size_t at, len;
};

struct sov_making {
    struct sov_buf text; /* owned */
    struct {
        struct sov_making_place lead, text;
        size_t letters;
    } choice[SOV_TASK_CHOICES];
    size_t n;
    size_t answer;
};

/* Texts one behind the other, the last one NULL. */
struct sov_making_place sov_making_put(struct sov_making *m, ...)
    __attribute__((sentinel));

/*
 * One more choice: what is read, and `text` behind it.  Blanks at the end of
 * what is read are scored; where there are none, and something is read, one is
 * put between the two.
 */
void sov_making_add(struct sov_making *m, struct sov_making_place lead,
                    const char *text);

/* A way to write a task as a JSON object. */
struct sov_choice_form {
    const char *name;
    const char *members; /* that an object of it has, between blanks */
    int (*read)(const json_t *o, struct sov_making *m, struct sov_err *err);
};

/* The task that an object says; the form in *form. */
int sov_choices_read(const json_t *o, struct sov_making *m,
                     const struct sov_choice_form **form,
                     struct sov_err *err) SOV_MUST_CHECK;

#endif

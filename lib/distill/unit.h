/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unit.h - sequences of a course, some together, as a trainee takes them
 */
#ifndef SOV_DISTILL_UNIT_H
#define SOV_DISTILL_UNIT_H

#include "distill/course.h"
#include "train/trainee.h"

/* Room for a unit; it borrows the course. */
struct sov_units {
    const sov_course *course;
    size_t most; /* sequences of a unit */
    struct sov_sequence *seq;
    size_t *first;
    int32_t *ids, *next;
    /* What is read in place of sequence i of a step, as sov_course_read()
     * does it; gives its tokens, n_ctx at most, or 0: the sequence itself.  Or
     * NULL. */
    size_t (*other)(void *arg, uint64_t step, uint64_t i, int32_t *ids,
                    int32_t *next);
    void *arg;
};

int sov_units_new(struct sov_units *u, const sov_course *course,
                  const struct sov_shape *shape, struct sov_err *err) SOV_MUST_CHECK;
void sov_units_free(struct sov_units *u);

/* Sequences i .. i + n - 1 of a step (from 1 on); or, with step 0, of all in
 * the order of the text.  n is u->most at most.  Holds until the next call. */
void sov_units_read(struct sov_units *u, uint64_t step, uint64_t i, size_t n,
                    struct sov_unit *unit);

#endif

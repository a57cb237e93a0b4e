/* SPDX-License-Identifier: Apache-2.0 */
/*
 * match.h - layers of a student that shall see what layers of a teacher see
 *
 * Beside what the head says, what leaves some layers of the student (the
 * stream that the next one begins with) is compared with what leaves some of
 * the teacher's, for each token that is scored.  With x and h of the two,
 *
 *     mse    |y - h|^2 / |h|^2
 *     cos    1 - cos(y, h)
 *
 * where y is x, or P x where the widths differ: P is learnt with the student,
 * and is none of what is kept of it in the end.  Both are 1 or so for a student
 * that knows nothing, whatever the size of the teacher's numbers.
 */
#ifndef SOV_TRAIN_MATCH_H
#define SOV_TRAIN_MATCH_H

#include "kern/kern.h"
#include "sov/err.h"
#include "train/real.h"

#include <stddef.h>
#include <stdint.h>

#define SOV_MATCHES_MAX 64

struct sov_match_row;

struct sov_match {
    const struct sov_match_row *row;
    double weight;           /* beside the loss of the head */
    size_t student, teacher; /* layers, from 0 */
};

/*
 * "mse:0.5:3=7,5=11": kind, weight, and layers of student and teacher, to list
 * [SOV_MATCHES_MAX]; *n are there then.  The same layer of the student twice is
 * SOV_EARG.
 */
int sov_match_parse(struct sov_match *list, size_t *n, const char *text,
                    struct sov_err *err) SOV_MUST_CHECK;

/* SOV_EARG: one of them has not so many layers. */
int sov_match_check(const struct sov_match *list, size_t n, size_t student,
                    size_t teacher, struct sov_err *err) SOV_MUST_CHECK;

/*
 * For n tokens: y [n][width] becomes the gradient of the sum of weighted losses
 * by y, 0 for those with next[] of -1, and loss[n] is set likewise.  k NULL:
 * that of this machine.  On all threads; a token at a time.
 */
void sov_match_run(const struct sov_match *match, const struct sov_kern *k,
                   const int32_t *next, size_t n, size_t width, sov_real *y,
                   const sov_real *h, double *loss);

#endif

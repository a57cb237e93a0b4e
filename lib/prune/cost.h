/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cost.h - what a run will take, before it is begun
 *
 * Work is counted, and what a piece of each kind of it takes is measured.  How
 * much of each there is a method of shapes says itself (struct
 * sov_prune_method); what it chooses by may depend on the text, and then it
 * says what is usual.
 */
#ifndef SOV_PRUNE_COST_H
#define SOV_PRUNE_COST_H

#include "prune/job.h"

struct sov_shape_ask;
struct sov_trim;

/* What a method of shapes does.  A pass is all of the text through all of the
 * layers. */
struct sov_shape_work {
    double passes;
    double looks;    /* passes that make statistics, up to what is last seen */
    double losses;   /* times all of the text through the end */
    double sums;     /* multiplications of a token for second moments */
    double shares;   /* ... for how long it is in other directions */
    double rows;     /* multiplications of all rows for second moments */
    double turns;    /* ... of all weights that are turned */
    size_t eigen;    /* the width of a matrix whose eigenvectors are found */
    bool marks;      /* where the text stood is remembered */
    uint64_t memory; /* bytes beside those of the text */
};

/* Where the text is read once and nothing is fitted to it. */
int sov_prune_look_cost(struct sov_prune *job, struct sov_prune_cost *cost,
                        struct sov_err *err) SOV_MUST_CHECK;

/* That work, on this machine.  calib as the job has it. */
int sov_shape_cost(struct sov_prune *job, const struct sov_shape_work *w,
                   struct sov_prune_cost *cost,
                   struct sov_err *err) SOV_MUST_CHECK;

/* Adds to cost->write what is written, as far as that is known. */
void sov_prune_write_cost(struct sov_prune *job, struct sov_prune_cost *cost);

#endif

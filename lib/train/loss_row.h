/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loss_row.h - what one loss is, inside the house
 *
 * Those that compare with a teacher differ in one function alone, which sees
 * pieces of both distributions and gives the derivative by q; how that goes
 * back through softmax, temperature and mixing is the same for all (loss.c).
 * Each gives exact zeros where p and q are equal bits.
 */
#ifndef SOV_TRAIN_LOSS_ROW_H
#define SOV_TRAIN_LOSS_ROW_H

#include "train/loss.h"

#define SOV_LOSS_PIECE 256 /* numbers that are worked on at once, at most */

enum sov_loss_from {
    SOV_FROM_TEXT,    /* what came next */
    SOV_FROM_SAMPLE,  /* struct sov_few */
    SOV_FROM_TEACHER, /* its logits */
};

struct sov_loss_row {
    const char *name;
    const char *value; /* what its value is called, or NULL: it has none */
    bool above_0;      /* the value may not be 0; it is below 1 in any case */
    enum sov_loss_from from;
    /*
     * Of n numbers of p and q (normal and positive): g[n], the derivative by q
     * up to a number that is the same for all of the vocabulary; or, if it is
     * direct, by the logits.  Gives their part of the loss.
     */
    double (*piece)(const struct sov_kern *k, sov_real value, const sov_real *p,
                    const sov_real *q, sov_real *g, size_t n);
    bool direct;
};

#define LOSS(sym) extern const struct sov_loss_row sov_loss_##sym;
#include "train/losses.def"
#undef LOSS

/*
 * Loops over numbers: kernels, or, for the checks in f64, plain
 * (tests/unit/loss_vec_f64.c).
 */
sov_real sov_loss_max(const struct sov_kern *k, const sov_real *x, size_t n);
double sov_loss_sum(const struct sov_kern *k, const sov_real *x, size_t n);
double sov_loss_dot(const struct sov_kern *k, const sov_real *x,
                    const sov_real *y, size_t n);
void sov_loss_exp(const struct sov_kern *k, sov_real *x, size_t n);
/* Of normal positive numbers; 0 for 1. */
void sov_loss_log(const struct sov_kern *k, sov_real *x, size_t n);

#endif

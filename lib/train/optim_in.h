/* SPDX-License-Identifier: Apache-2.0 */
/*
 * optim_in.h - what an optimiser is: a row of optims.def, sov_optim_row_<name>
 */
#ifndef SOV_TRAIN_OPTIM_IN_H
#define SOV_TRAIN_OPTIM_IN_H

#include "train/optim.h"

/* Numbers of a tensor that a thread takes at once, and whose squares are one
 * sum.  A tensor begins a block. */
#define SOV_OPTIM_BLOCK ((uint64_t)16384)

/* A step, and what has been found for it. */
struct sov_optim_now {
    const struct sov_optim *o;
    const struct sov_optim_step *s;
    uint64_t from, to;
    double rate; /* of learning */
    double by;   /* what gradients are shortened by */
};

struct sov_optim_row {
    const char *name;
    double lr, beta1, beta2, eps, decay, clip;
    size_t arrays;

    /* Is this a tensor that is done as a whole, by matrices()?  All others
     * are done by AdamW.  NULL: none. */
    bool (*whole)(const struct sov_weight *p);
    /* Work for a number of it; one of AdamW has 1.  And operations of products
     * for a number of it. */
    double (*work)(const struct sov_weight *p);
    double (*products)(const struct sov_weight *p);
    /* What matrices() needs for a step, and its end; nothing of the step has
     * been done yet. */
    int (*open)(const struct sov_optim_now *now, void **room,
                struct sov_err *err);
    void (*close)(void *room);
    /* All those of the part that are not frozen. */
    void (*matrices)(const struct sov_optim_now *now, void *room);
};

#define OPTIM(name) extern const struct sov_optim_row sov_optim_row_##name;
#include "train/optims.def"
#undef OPTIM

static inline uint64_t
sov_weight_count(const struct sov_weight *p)
{
    return p->n_in * p->n_out;
}

static inline bool
sov_optim_frozen(const struct sov_optim_step *s, size_t i)
{
    return s->frozen != NULL && s->frozen[i];
}

/* The sum of squares, up to a block of them at once. */
double sov_optim_square(const float *x, size_t n);

/* Zeros where keep has 0, of numbers at .. at + n. */
void sov_optim_mask(const uint8_t *keep, float *x, uint64_t at, uint64_t n);

#endif

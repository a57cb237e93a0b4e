/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layers.h - which layers go, by whatever they are judged
 */
#ifndef SOV_PRUNE_LAYERS_H
#define SOV_PRUNE_LAYERS_H

#include "prune/shape.h"

#include "calib/onward.h"

/* Those that are left so far, in order. */
struct sov_layers {
    uint32_t *id; /* [n] owned */
    size_t n;
    size_t stay;           /* ... and shall be in the end */
    size_t step;           /* so many leave together, see sov_trim_step() */
    struct sov_prune *job; /* for remarks, or NULL */
};

/* `step` of them leave, those at place p on, which is not 0. */
void sov_layers_drop(struct sov_layers *l, size_t p);

/* Read the text and let choose() drop some until l->stay are left, by the
 * influence of each. */
typedef int (*sov_layers_choose)(struct sov_layers *l, struct sov_onward *r,
                                 const double *influence, struct sov_err *err);
int sov_layers_cut(struct sov_trim *c, const struct sov_shape_ask *ask,
                   const char *method, sov_layers_choose choose,
                   struct sov_err *err) SOV_MUST_CHECK;

/*
 * What it takes to try each of few layers, until `stay` of n are left, step of
 * them at a time: layers that the text goes through, and times through the end.
 * With many it follows from where those stand that are tried, and this is usual.
 */
void sov_layers_rounds(size_t n, size_t stay, size_t step, double *layers,
                       double *losses);

/* influence.c: 1 - cosine of what each layer of the model begins and ends with. */
int sov_layers_influence(struct sov_onward *r, double *influence,
                         struct sov_err *err) SOV_MUST_CHECK;

#endif

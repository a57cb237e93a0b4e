/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shape.h - methods that give a model another shape, and what they share
 *
 * Such a method fills in the lists of a cut (trim.h).  The ratio is the share
 * of what it takes: of the layers, of the channels of each feed-forward, of the
 * key heads, of the channels of the stream, of the experts of each layer.  Of
 * n, floor(n * ratio) go; channels are then counted in whole multiples of 256,
 * or of 32, where that is near (sov_shape_width()), since quantized blocks are
 * so long.
 */
#ifndef SOV_PRUNE_SHAPE_H
#define SOV_PRUNE_SHAPE_H

#include "prune/trim.h"
#include "sov/calib.h"
#include "sov/stats.h"

struct sov_prune;
struct sov_shape_work; /* cost.h */

/* What a method is asked for. */
struct sov_shape_ask {
    double ratio;    /* NAN: what target needs */
    uint64_t target; /* bytes of all tensors at most; 0: ratio says it */
    const struct sov_calib_opts *calib; /* a text to read, or NULL */
    const sov_stats *stats;             /* what enters matrices, or NULL */
    struct sov_prune *job;              /* for remarks, or NULL */
};

/* How many of n stay. */
size_t sov_shape_stay(double ratio, size_t n);

/* The same of channels, in good multiples where one is near: within a 32nd of
 * n for 256, an 8th for 32. */
size_t sov_shape_width(double ratio, size_t n);

/*
 * The ratio that is asked for; or the smallest in hundredths with which the
 * tensors are no more than target bytes.  set makes a cut of that ratio, of
 * whatever numbers.  SOV_EUNSUP: there is none.
 */
typedef int (*sov_shape_set)(struct sov_trim *c, double ratio,
                             struct sov_err *err);
int sov_shape_ratio(struct sov_trim *c, const struct sov_shape_ask *ask,
                    sov_shape_set set, double *ratio,
                    struct sov_err *err) SOV_MUST_CHECK;

/* So many of a list stay, whichever: for sets as above. */
int sov_shape_first(struct sov_trim_list *l, size_t n,
                    struct sov_err *err) SOV_MUST_CHECK;

/* "NAME needs a text" unless there is one. */
int sov_shape_text(const struct sov_shape_ask *ask, const char *name,
                   struct sov_err *err) SOV_MUST_CHECK;

/* What a method takes that reads the text once. */
int sov_shape_once(struct sov_trim *c, const struct sov_shape_ask *ask,
                   struct sov_shape_work *w, struct sov_err *err);

/* ---- flow.c: what enters a matrix, and what its columns weigh ---- */

struct sov_flow {
    sov_stats *made; /* owned; of the text, or NULL */
    const sov_stats *stats;
};

/* From the text, or from statistics. */
int sov_flow_open(struct sov_flow *f, struct sov_trim *c,
                  const struct sov_shape_ask *ask, const char *method,
                  struct sov_err *err) SOV_MUST_CHECK;
void sov_flow_close(struct sov_flow *f);

/*
 * Of what enters a tensor of k columns: the mean of squares and, where plain
 * sums were made, the mean; else mean is left alone and *has_mean false.
 */
int sov_flow_of(const struct sov_flow *f, const char *tensor, size_t k,
                double *square, double *mean, bool *has_mean,
                struct sov_err *err) SOV_MUST_CHECK;

/*
 * The score of each column of blk.LAYER.NAME.weight as FLAP has it: how much
 * what enters there varies, times the squares of the weights that read it.
 * (Y. An et al., "Fluctuation-based Adaptive Structured Pruning for Large
 * Language Models", AAAI 2024.)  Without means the squares take the place of
 * the variance.
 */
int sov_flow_score(const struct sov_flow *f, const struct sov_trim *c,
                   size_t layer, const char *name, double *score,
                   struct sov_err *err) SOV_MUST_CHECK;

/*
 * What the columns that leave have given in the mean, as a bias of the matrix:
 * b += W[:, gone] mean[gone].  gone [k].  Where no bias can be written, or no
 * mean is known, nothing is; *made says which.
 */
int sov_flow_bias(const struct sov_flow *f, struct sov_trim *c, size_t layer,
                  const char *name, const bool *gone, bool *made,
                  struct sov_err *err) SOV_MUST_CHECK;

/* What such a method does: open the flow, find the ratio that set meets, and
 * let fn cut by both. */
typedef int (*sov_flow_fn)(struct sov_trim *c, const struct sov_flow *f,
                           double ratio, struct sov_prune *job,
                           struct sov_err *err);
int sov_flow_cut(struct sov_trim *c, const struct sov_shape_ask *ask,
                 const char *method, sov_shape_set set, sov_flow_fn fn,
                 struct sov_err *err) SOV_MUST_CHECK;

/* What they take: a look at the text, where there is one. */
int sov_flow_work(struct sov_trim *c, const struct sov_shape_ask *ask,
                  struct sov_shape_work *w, struct sov_err *err);

/* ffn.c and heads.c, which width.c does both of. */
int sov_ffn_set(struct sov_trim *c, double ratio, struct sov_err *err);
int sov_ffn_cut(struct sov_trim *c, const struct sov_flow *f, double ratio,
                struct sov_prune *job, struct sov_err *err) SOV_MUST_CHECK;
int sov_heads_set(struct sov_trim *c, double ratio, struct sov_err *err);
int sov_heads_cut(struct sov_trim *c, const struct sov_flow *f, double ratio,
                  struct sov_prune *job, struct sov_err *err) SOV_MUST_CHECK;

#endif

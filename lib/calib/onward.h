/* SPDX-License-Identifier: Apache-2.0 */
/*
 * onward.h - a text through a model as it is, for who looks at what comes out
 *
 * A calibration (calib.h) shows what enters matrices.  Going onward shows what
 * layers do: all windows of the text stand before a layer, go through it, or
 * through another one in its place, or leave it out; at the end there is how
 * well the rest of the model foretells the text.
 */
#ifndef SOV_CALIB_ONWARD_H
#define SOV_CALIB_ONWARD_H

#include "arch/arch.h"
#include "sov/calib.h"

#include <stdbool.h>

struct sov_onward;

/* What a layer did to one window. */
struct sov_onward_seen {
    size_t layer;
    size_t window;
    size_t n;                    /* columns (tokens) */
    const float *before, *after; /* [n, n_embd] the stream */
    const struct sov_pass *pass; /* with experts: ex has what was chosen, and
                                    in ex.x what they gave */
};

/* As sov_calib_new(): the model was opened with SOV_ACCESS_MAP. */
int sov_onward_new(struct sov_onward **r, sov_model *model,
                   const struct sov_calib_opts *opts,
                   struct sov_err *err) SOV_MUST_CHECK;
void sov_onward_free(struct sov_onward *r);

const struct sov_net *sov_onward_net(const struct sov_onward *r);
/* Tokens that are read. */
uint64_t sov_onward_tokens(const struct sov_onward *r);

/* All windows stand before the first layer. */
int sov_onward_begin(struct sov_onward *r, struct sov_err *err) SOV_MUST_CHECK;

/* All of them through a layer, from where they stand; look may be NULL. */
typedef int (*sov_onward_look)(void *arg, const struct sov_onward_seen *seen,
                               struct sov_err *err);
int sov_onward_layer(struct sov_onward *r, size_t layer, sov_onward_look look,
                     void *arg, struct sov_err *err) SOV_MUST_CHECK;

/* Remember where they stand, and go back there. */
int sov_onward_mark(struct sov_onward *r, struct sov_err *err) SOV_MUST_CHECK;
int sov_onward_back(struct sov_onward *r, struct sov_err *err) SOV_MUST_CHECK;

/*
 * From where they stand through the end: the mean of -log p of each token that
 * follows another in its window, in nats.  SOV_EUNSUP: there are no logits.
 */
int sov_onward_loss(struct sov_onward *r, double *loss,
                    struct sov_err *err) SOV_MUST_CHECK;

/* ---- before anything is read: what it will take */

/* Seconds of a multiplication in layers, of a column that statistics are made
 * of, and of a token of a loss. */
struct sov_onward_rates {
    double layer;
    double tally;
    double loss; /* 0: it was not asked for, or there are no logits */
};

int sov_onward_probe(struct sov_onward *r, bool loss,
                     struct sov_onward_rates *rates,
                     struct sov_err *err) SOV_MUST_CHECK;

/* Multiplications of a token through all layers, and as far as statistics look,
 * and columns that these are made of. */
uint64_t sov_onward_products(const struct sov_onward *r);
uint64_t sov_onward_looked(const struct sov_onward *r);
uint64_t sov_onward_tallied(const struct sov_onward *r);

/* Bytes of memory that it takes, and of temporary files; marks: where windows
 * stood is remembered, and there are losses. */
uint64_t sov_onward_memory(const struct sov_onward *r, bool marks);
uint64_t sov_onward_scratch(const struct sov_onward *r, bool marks);

#endif

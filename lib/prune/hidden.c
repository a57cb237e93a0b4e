/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hidden.c - channels of the stream go, those that are small behind norms
 *
 * A channel counts the mean square of what the norms make of it, of all layers
 * (S. Muralidharan et al., "Compact Language Models via Pruning and Knowledge
 * Distillation", NeurIPS 2024).  Everything that reads or writes the stream
 * loses rows or columns.
 *
 * A norm then divides by the mean of fewer channels, which is another number:
 * where those that stay carry the share p of the squares, norms of n of m
 * channels are taken times sqrt(p m / n), so that what they give stays as large
 * as it was.
 */
#include "prune/cost.h"
#include "prune/job.h"
#include "prune/shape.h"

#include "base/mem.h"
#include "calib/onward.h"
#include "sys/par.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static int
set(struct sov_trim *c, double ratio, struct sov_err *err)
{
    return sov_shape_first(&c->embd, sov_shape_width(ratio, c->hp.n_embd), err);
}

/* ---- which ---- */

/* What enters a matrix of the stream, added to score; 1: it is not there. */
static int
add_entering(const struct sov_flow *f, const struct sov_trim *c, size_t layer,
             const char *name, double *square, double *score,
             struct sov_err *err)
{
    size_t n = c->hp.n_embd;
    char full[96];
    bool has_mean;
    double *mean;
    int rc;

    snprintf(full, sizeof(full), "blk.%zu.%s.weight", layer, name);
    if (sov_model_find(c->model, full) < 0)
        return 1;
    mean = sov_mem_array(n, sizeof(*mean));
    if (mean == NULL)
        return sov_mem_fail(err);
    rc = sov_flow_of(f, full, n, square, mean, &has_mean, err);
    for (size_t i = 0; i < n && rc == 0; i++)
        score[i] += square[i];
    free(mean);
    return rc;
}

static int
score_layers(const struct sov_flow *f, const struct sov_trim *c, double *score,
             struct sov_err *err)
{
    double *square = sov_mem_array(c->hp.n_embd, sizeof(*square));
    int rc = square == NULL ? sov_mem_fail(err) : 0;

    for (size_t i = 0; i < c->hp.n_layer && rc >= 0; i++) {
        rc = add_entering(f, c, i, "attn_q", square, score, err);
        if (rc == 1)
            rc = add_entering(f, c, i, "attn_qkv", square, score, err);
        if (rc >= 0)
            rc = add_entering(f, c, i, "ffn_up", square, score, err);
        if (rc == 1)
            rc = add_entering(f, c, i, "ffn_gate_inp", square, score, err);
    }
    free(square);
    return rc < 0 ? rc : 0;
}

/* ---- how large ---- */

struct look {
    const struct sov_trim *c;
    const struct sov_onward_seen *seen;
    double *share; /* [tokens of a window] */
    double sum;
    uint64_t n;
};

static void
take_shares(void *arg, size_t first, size_t last, unsigned worker)
{
    const struct look *l = arg;
    size_t n = l->c->hp.n_embd;

    (void)worker;
    for (size_t t = first; t < last; t++) {
        const float *x = l->seen->after + t * n;
        double all = 0, stay = 0;

        for (size_t i = 0; i < n; i++)
            all += (double)x[i] * (double)x[i];
        for (size_t i = 0; i < l->c->embd.n; i++) {
            double v = (double)x[l->c->embd.id[i]];

            stay += v * v;
        }
        l->share[t] = all == 0 ? 1 : stay / all;
    }
}

static int
look_at(void *arg, const struct sov_onward_seen *seen, struct sov_err *err)
{
    struct look *l = arg;

    (void)err;
    l->seen = seen;
    sov_par_for(seen->n, 0, take_shares, l);
    for (size_t i = 0; i < seen->n; i++)
        l->sum += l->share[i];
    l->n += seen->n;
    return 0;
}

static int
find_gain(struct sov_trim *c, const struct sov_calib_opts *calib,
          struct sov_err *err)
{
    struct look l = { .c = c };
    struct sov_onward *r;
    int rc = sov_onward_new(&r, c->model, calib, err);

    if (rc < 0)
        return rc;
    l.share = sov_mem_array((size_t)sov_onward_tokens(r), sizeof(*l.share));
    rc = l.share == NULL ? sov_mem_fail(err) : sov_onward_begin(r, err);
    for (size_t i = 0; i < c->hp.n_layer && rc == 0; i++)
        rc = sov_onward_layer(r, i, look_at, &l, err);
    if (rc == 0 && !isfinite(l.sum))
        rc = sov_fail(err, SOV_EFORMAT,
                      "numbers that are not finite go through the model");
    if (rc == 0)
        c->gain = sqrt(l.sum / (double)l.n * (double)c->hp.n_embd /
                       (double)c->embd.n);
    free(l.share);
    sov_onward_free(r);
    return rc;
}

static int
cut(struct sov_trim *c, const struct sov_shape_ask *ask, struct sov_err *err)
{
    struct sov_flow f = { NULL, NULL };
    double *score = NULL, ratio;
    size_t stay;
    int rc = sov_shape_text(ask, "hidden", err);

    if (rc == 0)
        rc = sov_shape_ratio(c, ask, set, &ratio, err);
    if (rc < 0)
        return rc;
    stay = sov_shape_width(ratio, c->hp.n_embd);
    score = sov_mem_array(c->hp.n_embd, sizeof(*score));
    rc = score == NULL ? sov_mem_fail(err)
                       : sov_flow_open(&f, c, ask, "hidden", err);
    if (rc == 0)
        rc = score_layers(&f, c, score, err);
    if (rc == 0)
        rc = sov_trim_best(&c->embd, score, stay, err);
    if (rc == 0 && sov_trim_less(&c->embd))
        rc = find_gain(c, ask->calib, err);
    if (rc == 0 && ask->job != NULL)
        sov_prune_tell(ask->job, "the stream keeps %zu of %zu channels%s", stay,
                       (size_t)c->hp.n_embd,
                       stay % 256 == 0  ? ", a multiple of 256"
                       : stay % 32 == 0 ? ", a multiple of 32"
                                        : ", no multiple of 32");
    sov_flow_close(&f);
    free(score);
    return rc;
}

/* What enters matrices, and how large the stream is then. */
static int
work(struct sov_trim *c, const struct sov_shape_ask *ask,
     struct sov_shape_work *w, struct sov_err *err)
{
    w->looks = 1;
    return sov_shape_once(c, ask, w, err);
}

const struct sov_prune_method sov_prune_method_hidden = {
    .name = "hidden",
    .about = "channels of the stream",
    .needs = SOV_PRUNE_TEXT,
    .cut = cut,
    .work = work,
};

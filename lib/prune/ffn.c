/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ffn.c - channels of feed-forwards go, those that vary least
 *
 * A channel is a row of gate and up and a column of down.  Each layer loses as
 * many, since there is one width for all.  What the lost channels gave in the
 * mean becomes a bias of ffn_down, where the architecture has one.
 */
#include "prune/job.h"
#include "prune/shape.h"

#include "base/mem.h"

#include <stdlib.h>

static int
check(const struct sov_trim *c, struct sov_err *err)
{
    if (c->hp.n_expert > 0)
        return sov_fail(err, SOV_EUNSUP,
                        "feed-forwards of experts: take experts out as a whole "
                        "(experts)");
    return 0;
}

int
sov_ffn_set(struct sov_trim *c, double ratio, struct sov_err *err)
{
    int rc = check(c, err);

    for (size_t i = 0; i < c->hp.n_layer && rc == 0; i++)
        rc = sov_shape_first(&c->of[i].ffn,
                             sov_shape_width(ratio, c->hp.n_ff[i]), err);
    return rc;
}

static int
cut_layer(struct sov_trim *c, const struct sov_flow *f, size_t layer,
          size_t stay, bool *made, struct sov_err *err)
{
    size_t n = c->hp.n_ff[layer];
    double *score = sov_mem_array(n, sizeof(*score));
    bool *gone = sov_mem_array(n, sizeof(*gone));
    int rc = score == NULL || gone == NULL ? sov_mem_fail(err) : 0;

    if (rc == 0)
        rc = sov_flow_score(f, c, layer, "ffn_down", score, err);
    if (rc == 0)
        rc = sov_trim_best(&c->of[layer].ffn, score, stay, err);
    for (size_t i = 0; i < n && rc == 0; i++)
        gone[i] = !sov_trim_has(&c->of[layer].ffn, i);
    if (rc == 0)
        rc = sov_flow_bias(f, c, layer, "ffn_down", gone, made, err);
    free(score);
    free(gone);
    return rc;
}

int
sov_ffn_cut(struct sov_trim *c, const struct sov_flow *f, double ratio,
            struct sov_prune *job, struct sov_err *err)
{
    size_t n = c->hp.n_ff[0], stay = sov_shape_width(ratio, n);
    bool made = true;
    int rc = check(c, err);

    for (size_t i = 0; i < c->hp.n_layer && rc == 0; i++)
        rc = cut_layer(c, f, i, sov_shape_width(ratio, c->hp.n_ff[i]), &made,
                       err);
    if (rc == 0 && job != NULL)
        sov_prune_tell(job, "feed-forwards keep %zu of %zu channels%s%s", stay,
                       n,
                       stay % 256 == 0  ? ", a multiple of 256"
                       : stay % 32 == 0 ? ", a multiple of 32"
                                        : ", no multiple of 32",
                       made ? "; biases make up for the rest"
                            : "; no biases make up for the rest");
    return rc;
}

static int
cut(struct sov_trim *c, const struct sov_shape_ask *ask, struct sov_err *err)
{
    return sov_flow_cut(c, ask, "ffn", sov_ffn_set, sov_ffn_cut, err);
}

const struct sov_prune_method sov_prune_method_ffn = {
    .name = "ffn",
    .about = "channels of feed-forwards",
    .needs = SOV_PRUNE_SQUARES,
    .cut = cut,
    .work = sov_flow_work,
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * heads.c - key heads go, each with all the query heads that read it
 *
 * A group is rows of q, k and v and columns of attn_output.  It counts what its
 * columns count in the mean.  Each layer loses as many groups.  What they gave
 * in the mean becomes a bias of attn_output, where the architecture has one.
 */
#include "prune/job.h"
#include "prune/shape.h"

#include "base/mem.h"

#include <stdlib.h>

int
sov_heads_set(struct sov_trim *c, double ratio, struct sov_err *err)
{
    int rc = 0;

    for (size_t i = 0; i < c->hp.n_layer && rc == 0; i++)
        rc = sov_shape_first(&c->of[i].kv, sov_shape_stay(ratio, c->hp.n_kv[i]),
                             err);
    return rc;
}

static int
cut_layer(struct sov_trim *c, const struct sov_flow *f, size_t layer,
          size_t stay, bool *made, struct sov_err *err)
{
    size_t n = (size_t)c->hp.n_head[layer] * c->hp.v_len;
    size_t n_kv = c->hp.n_kv[layer], each = n / n_kv;
    double *score = sov_mem_array(n, sizeof(*score));
    double *group = sov_mem_array(n_kv, sizeof(*group));
    bool *gone = sov_mem_array(n, sizeof(*gone));
    int rc = 0;

    if (score == NULL || group == NULL || gone == NULL)
        rc = sov_mem_fail(err);
    if (rc == 0)
        rc = sov_flow_score(f, c, layer, "attn_output", score, err);
    for (size_t i = 0; i < n && rc == 0; i++)
        group[i / each] += score[i] / (double)each;
    if (rc == 0)
        rc = sov_trim_best(&c->of[layer].kv, group, stay, err);
    for (size_t i = 0; i < n && rc == 0; i++)
        gone[i] = !sov_trim_has(&c->of[layer].kv, i / each);
    if (rc == 0)
        rc = sov_flow_bias(f, c, layer, "attn_output", gone, made, err);
    free(score);
    free(group);
    free(gone);
    return rc;
}

int
sov_heads_cut(struct sov_trim *c, const struct sov_flow *f, double ratio,
              struct sov_prune *job, struct sov_err *err)
{
    size_t n = c->hp.n_kv[0], stay = sov_shape_stay(ratio, n);
    bool made = true;
    int rc = 0;

    for (size_t i = 0; i < c->hp.n_layer && rc == 0; i++)
        rc = cut_layer(c, f, i, sov_shape_stay(ratio, c->hp.n_kv[i]), &made,
                       err);
    if (rc == 0 && job != NULL)
        sov_prune_tell(job, "attention keeps %zu of %zu key heads%s", stay, n,
                       made ? "; biases make up for the rest"
                            : "; no biases make up for the rest");
    return rc;
}

static int
cut(struct sov_trim *c, const struct sov_shape_ask *ask, struct sov_err *err)
{
    return sov_flow_cut(c, ask, "heads", sov_heads_set, sov_heads_cut, err);
}

const struct sov_prune_method sov_prune_method_heads = {
    .name = "heads",
    .about = "key heads with their queries",
    .needs = SOV_PRUNE_SQUARES,
    .cut = cut,
    .work = sov_flow_work,
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * experts.c - the experts go that add least where they are chosen
 *
 * Of each layer as many.  An expert counts the mean, over the tokens that chose
 * it, of its weight times the length of what it gave (M. Lasby et al., "REAP
 * the Experts: Why Pruning Prevails for One-Shot MoE Compression", 2025).  One
 * that nobody chose counts nothing.
 *
 * Experts are whole matrices of a stack, so those that stay keep their bytes
 * whatever their type is; the router loses rows.
 */
#include "prune/job.h"
#include "prune/shape.h"

#include "base/mem.h"
#include "calib/onward.h"
#include "sys/par.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

struct look {
    const struct sov_hparams *hp;
    const struct sov_onward_seen *seen;
    double *each;      /* [tokens of a window, n_used] */
    double *sum;       /* [n_expert] of the layer so far */
    uint64_t *seen_by; /* [n_expert] tokens */
};

/* Weight times length, of each choice of each token. */
static void
take_lengths(void *arg, size_t first, size_t last, unsigned worker)
{
    const struct look *l = arg;
    const struct sov_experts *ex = &l->seen->pass->ex;
    size_t n = l->hp->n_embd;

    (void)worker;
    for (size_t i = first; i < last; i++) {
        const float *y = ex->x + ex->slot[i] * n;
        double sum = 0;

        for (size_t j = 0; j < n; j++)
            sum += (double)y[j] * (double)y[j];
        l->each[i] = fabs((double)ex->weight[i]) * sqrt(sum);
    }
}

static int
look_at(void *arg, const struct sov_onward_seen *seen, struct sov_err *err)
{
    struct look *l = arg;
    size_t n = seen->n * l->hp->n_used;

    (void)err;
    l->seen = seen;
    sov_par_for(n, 0, take_lengths, l);
    for (size_t i = 0; i < n; i++) {
        uint32_t expert = seen->pass->ex.pick[i];

        l->sum[expert] += l->each[i];
        l->seen_by[expert]++;
    }
    return 0;
}

static int
set(struct sov_trim *c, double ratio, struct sov_err *err)
{
    size_t stay = sov_shape_stay(ratio, c->hp.n_expert);
    int rc = 0;

    for (size_t i = 0; i < c->hp.n_layer && rc == 0; i++)
        rc = sov_shape_first(&c->of[i].expert, stay, err);
    return rc;
}

static int
cut_layer(struct sov_trim *c, struct sov_onward *r, struct look *l,
          size_t layer, size_t stay, uint64_t *unseen, struct sov_err *err)
{
    size_t n = c->hp.n_expert;
    int rc;

    for (size_t i = 0; i < n; i++) {
        l->sum[i] = 0;
        l->seen_by[i] = 0;
    }
    rc = sov_onward_layer(r, layer, look_at, l, err);
    for (size_t i = 0; i < n; i++) {
        *unseen += l->seen_by[i] == 0;
        if (l->seen_by[i] > 0)
            l->sum[i] /= (double)l->seen_by[i];
        if (rc == 0 && !isfinite(l->sum[i]))
            rc = sov_fail(err, SOV_EFORMAT,
                          "layer %zu: what expert %zu gives is not finite",
                          layer, i);
    }
    return rc == 0 ? sov_trim_best(&c->of[layer].expert, l->sum, stay, err)
                   : rc;
}

static int
cut_all(struct sov_trim *c, struct sov_onward *r, size_t stay,
        struct sov_prune *job, struct sov_err *err)
{
    size_t n = c->hp.n_expert;
    struct look l = { .hp = &c->hp };
    uint64_t unseen = 0;
    int rc = 0;

    l.each = sov_mem_array((size_t)sov_onward_tokens(r) * c->hp.n_used,
                           sizeof(*l.each));
    l.sum = sov_mem_array(n, sizeof(*l.sum));
    l.seen_by = sov_mem_array(n, sizeof(*l.seen_by));
    if (l.each == NULL || l.sum == NULL || l.seen_by == NULL)
        rc = sov_mem_fail(err);
    if (rc == 0)
        rc = sov_onward_begin(r, err);
    for (size_t i = 0; i < c->hp.n_layer && rc == 0; i++)
        rc = cut_layer(c, r, &l, i, stay, &unseen, err);
    if (rc == 0 && job != NULL)
        sov_prune_tell(job,
                       "%zu of %zu experts of each layer stay; %" PRIu64
                       " in all were chosen by no token",
                       stay, n, unseen);
    free(l.each);
    free(l.sum);
    free(l.seen_by);
    return rc;
}

static int
cut(struct sov_trim *c, const struct sov_shape_ask *ask, struct sov_err *err)
{
    struct sov_onward *r = NULL;
    double ratio;
    int rc = sov_shape_text(ask, "experts", err);

    if (rc == 0 && c->hp.n_expert == 0)
        rc = sov_fail(err, SOV_EUNSUP, "the model has no experts");
    if (rc == 0)
        rc = sov_shape_ratio(c, ask, set, &ratio, err);
    if (rc == 0)
        rc = sov_onward_new(&r, c->model, ask->calib, err);
    if (rc == 0)
        rc =
            cut_all(c, r, sov_shape_stay(ratio, c->hp.n_expert), ask->job, err);
    sov_onward_free(r);
    return rc;
}

const struct sov_prune_method sov_prune_method_experts = {
    .name = "experts",
    .about = "experts, also of quantized models",
    .needs = SOV_PRUNE_TEXT,
    .cut = cut,
    .work = sov_shape_once,
};

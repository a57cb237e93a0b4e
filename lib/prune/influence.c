/* SPDX-License-Identifier: Apache-2.0 */
/*
 * influence.c - the layers go that change the stream's direction least
 *
 * The influence of a layer is 1 minus the mean, over all tokens, of the cosine
 * between what it begins with and what it ends with (X. Men et al., "ShortGPT:
 * Layers in Large Language Models are More Redundant Than You Expect", 2024).
 * One pass over the text.  The first and the last layer stay.
 */
#include "prune/job.h"
#include "prune/layers.h"

#include "base/mem.h"
#include "calib/onward.h"
#include "sys/par.h"

#include <math.h>
#include <stdlib.h>

struct look {
    const struct sov_onward_seen *seen;
    size_t n;       /* width */
    double *cosine; /* [tokens of a window] */
    double sum;     /* of the layer so far */
};

static void
take_cosines(void *arg, size_t first, size_t last, unsigned worker)
{
    const struct look *l = arg;

    (void)worker;
    for (size_t c = first; c < last; c++) {
        const float *a = l->seen->before + c * l->n;
        const float *b = l->seen->after + c * l->n;
        double aa = 0, bb = 0, ab = 0;

        for (size_t i = 0; i < l->n; i++) {
            aa += (double)a[i] * (double)a[i];
            bb += (double)b[i] * (double)b[i];
            ab += (double)a[i] * (double)b[i];
        }
        l->cosine[c] = aa == 0 || bb == 0 ? 0 : ab / (sqrt(aa) * sqrt(bb));
    }
}

static int
look_at(void *arg, const struct sov_onward_seen *seen, struct sov_err *err)
{
    struct look *l = arg;

    (void)err;
    l->seen = seen;
    sov_par_for(seen->n, 0, take_cosines, l);
    for (size_t i = 0; i < seen->n; i++)
        l->sum += l->cosine[i];
    return 0;
}

int
sov_layers_influence(struct sov_onward *r, double *influence,
                     struct sov_err *err)
{
    const struct sov_net *net = sov_onward_net(r);
    struct look l = { .n = net->hp.n_embd };
    double tokens = (double)sov_onward_tokens(r);
    int rc;

    l.cosine = sov_mem_array((size_t)tokens, sizeof(*l.cosine));
    rc = l.cosine == NULL ? sov_mem_fail(err) : sov_onward_begin(r, err);
    for (size_t i = 0; i < net->hp.n_layer && rc == 0; i++) {
        l.sum = 0;
        rc = sov_onward_layer(r, i, look_at, &l, err);
        if (rc == 0 && !isfinite(l.sum))
            rc = sov_fail(err, SOV_EFORMAT,
                          "layer %zu: numbers that are not finite go through "
                          "it",
                          i);
        influence[i] = 1 - l.sum / tokens;
    }
    free(l.cosine);
    return rc;
}

/* The place of the step layers side by side with the least influence. */
static size_t
least(const struct sov_layers *l, const double *influence)
{
    size_t best = 1;
    double low = INFINITY;

    for (size_t p = 1; p + l->step < l->n; p++) {
        double sum = 0;

        for (size_t i = 0; i < l->step; i++)
            sum += influence[l->id[p + i]];
        if (sum < low) {
            low = sum;
            best = p;
        }
    }
    return best;
}

static int
choose(struct sov_layers *l, struct sov_onward *r, const double *influence,
       struct sov_err *err)
{
    (void)r;
    (void)err;
    while (l->n > l->stay)
        sov_layers_drop(l, least(l, influence));
    return 0;
}

static int
cut(struct sov_trim *c, const struct sov_shape_ask *ask, struct sov_err *err)
{
    return sov_layers_cut(c, ask, "influence", choose, err);
}

const struct sov_prune_method sov_prune_method_influence = {
    .name = "influence",
    .about = "layers that change little",
    .needs = SOV_PRUNE_TEXT,
    .cut = cut,
    .work = sov_shape_once,
};

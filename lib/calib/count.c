/* SPDX-License-Identifier: Apache-2.0 */
/*
 * count.c - how much there is to do when a model reads a text
 */
#include "calib/calib_in.h"

size_t
sov_calib_at_once(const struct sov_calib *c, const struct sov_calib_look *look)
{
    bool held = c->n_windows >= SOV_CALIB_HELD;
    uint64_t each = sov_moments_bytes(look->k, 0, false, held);
    uint64_t left = c->limit - c->memory;
    uint64_t n = left / each + 1; /* one is counted already */

    return n < look->n_experts ? (size_t)n : look->n_experts;
}

/* Nothing is behind the last layer but the head, which few want. */
static bool
goes_on(const struct sov_calib *c, size_t layer)
{
    struct sov_calib_site site;

    return layer + 1 < c->net->hp.n_layer ||
           sov_calib_asked(c, 0, SOV_ENTERS_NONE, &site).wanted;
}

/* What a stream multiplies for a token in a layer: see run.c. */
static uint64_t
layer_work(const struct sov_calib *c, size_t layer, size_t stream)
{
    uint64_t whole = sov_calib_work(c, layer, SOV_ENTERS_NONE);
    uint64_t sum = 0, last = 0;
    unsigned e;

    if (!goes_on(c, layer)) /* the second stream is asked for nothing */
        whole = stream == 0 ? sov_calib_work(c, layer, SOV_ENTERS_DOWN) : 0;
    if (stream == 0 && c->fit != NULL && c->fit->tied && sov_calib_is_tied(c))
        sum += sov_calib_work(c, layer, SOV_ENTERS_NONE); /* to the head */
    for (e = SOV_ENTERS_QKV; e < SOV_N_ENTERS; e++) {
        struct sov_calib_site site;
        struct sov_calib_look look =
            sov_calib_asked(c, layer, (enum sov_enters)e, &site);
        size_t n;

        if (!look.wanted)
            continue;
        n = sov_calib_at_once(c, &look);
        last = sov_calib_work(c, layer, (enum sov_enters)e);
        sum += last * ((look.n_experts + n - 1) / n);
    }
    return sum + whole - (stream == 0 ? last : 0);
}

uint64_t
sov_calib_products(const struct sov_calib *c, size_t stream)
{
    uint64_t sum = 0;
    size_t i;

    for (i = 0; i < c->net->hp.n_layer && stream < c->n_streams; i++)
        sum += layer_work(c, i, stream);
    return sum;
}

/* Of a matrix that is symmetric half is computed; see sweep.c. */
uint64_t
sov_calib_sums(const struct sov_calib *c, const struct sov_calib_site *site,
               size_t k)
{
    uint64_t all = (uint64_t)k * k, half = (all + 1) / 2;

    if (site->n_experts > 1) /* each of those that it goes to, and of all */
        return half * ((uint64_t)c->net->hp.n_used + 1);
    return c->n_streams > 1 ? half + all + (uint64_t)site->out * k : half;
}

bool
sov_calib_holds(const struct sov_calib *c)
{
    return c->n_windows >= SOV_CALIB_HELD;
}

uint64_t
sov_calib_tallied(const struct sov_calib *c)
{
    uint64_t sum = 0;
    size_t i;
    unsigned e;

    for (i = 0; i < c->net->hp.n_layer; i++)
        for (e = SOV_ENTERS_QKV; e < SOV_N_ENTERS; e++) {
            struct sov_calib_site site;
            struct sov_calib_look look =
                sov_calib_asked(c, i, (enum sov_enters)e, &site);

            sum += look.k * (site.n_experts > 1 ? c->net->hp.n_used : 1);
        }
    return sum;
}

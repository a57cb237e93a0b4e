/* SPDX-License-Identifier: Apache-2.0 */
/*
 * insight.c - what layers of a teacher make of the tokens of a unit
 *
 * Owns a net and the memory of one pass over a whole sequence.  The layers are
 * walked one by one; a layer needs no keys and values of others, so all have
 * the same cache.
 */
#include "distill/insight.h"

#include "arch/arch.h"
#include "base/limits.h"
#include "base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct sov_insight {
    struct sov_net *net;
    struct sov_pass pass;
    unsigned char *work; /* owned: what all below is cut from */
    uint64_t bytes;
    struct sov_place *place; /* of keys and values */
    uint32_t *block;         /* 0, 1, 2 ... */
    float *kept;             /* [n_match][n_unit][n_embd] */
    const struct sov_match *match;
    size_t n_match;
    size_t n_ctx, n_unit;
    size_t deepest; /* layer that is asked for */

    /* the unit */
    size_t n_seq;
    const size_t *first;
    const int32_t *ids;
    bool ready; /* what it makes of it is in kept */
};

/* ---- memory */

static void
place_cache(struct sov_insight *s, struct sov_arena *a)
{
    const struct sov_hparams *hp = &s->net->hp;
    size_t n_blocks = sov_blocks_of(s->n_ctx), heads = 0, bytes = 0;
    unsigned char *memory;

    s->place = sov_arena_take(a, n_blocks, sizeof(*s->place));
    for (size_t i = 0; i < hp->n_layer; i++) {
        struct sov_cache *kv = &s->pass.kv[i];

        *kv = (struct sov_cache){
            .type = SOV_TYPE_F32,
            .n_kv = hp->n_kv[i],
            .n_ctx = s->n_ctx,
            .k_len = hp->k_len,
            .v_len = hp->v_len,
            .place = s->place,
        };
        sov_cache_sizes(kv);
        bytes = kv->bytes;
        heads = kv->n_kv > heads ? kv->n_kv : heads;
    }
    memory = sov_arena_take(a, (uint64_t)n_blocks * bytes, heads);
    if (memory != NULL)
        sov_cache_lay(s->place, memory, n_blocks, bytes);
}

static int
place(struct sov_insight *s, struct sov_arena *a)
{
    uint64_t all = (uint64_t)s->n_match * s->n_unit;

    place_cache(s, a);
    if (sov_pass_place(&s->pass, s->net, a) < 0)
        return SOV_EMEM;
    s->block = sov_arena_take(a, sov_blocks_of(s->n_ctx), sizeof(*s->block));
    s->kept = sov_arena_take(a, all, s->net->hp.n_embd * sizeof(*s->kept));
    return a->overflow ? SOV_EMEM : 0;
}

static int
take_memory(struct sov_insight *s, struct sov_err *err)
{
    struct sov_arena a = { 0 };

    s->pass.n_batch = s->n_ctx;
    s->pass.nn.k = sov_kern();
    s->pass.kv = sov_mem_array(s->net->hp.n_layer, sizeof(*s->pass.kv));
    if (s->pass.kv == NULL || place(s, &a) < 0 || a.used > SIZE_MAX / 2)
        return sov_mem_fail(err);
    s->bytes = a.used;
    s->work = sov_mem_aligned((size_t)a.used, 1);
    if (s->work == NULL)
        return sov_mem_fail(err);
    a = (struct sov_arena){ .base = s->work };
    if (place(s, &a) < 0)
        return sov_mem_fail(err);
    for (size_t i = 0; i < sov_blocks_of(s->n_ctx); i++)
        s->block[i] = (uint32_t)i;
    return sov_nn_ready(&s->pass.nn, err);
}

/* ---- opening */

int
sov_insight_open(sov_insight **insight, const sov_model *model, size_t n_ctx,
                 size_t n_unit, const struct sov_match *match, size_t n,
                 struct sov_err *err)
{
    sov_insight *s;
    int rc;

    *insight = NULL;
    if (n_ctx == 0 || n_ctx > SOV_CTX_MAX || n == 0)
        return sov_fail(err, SOV_EARG, "%zu layers of sequences of %zu tokens",
                        n, n_ctx);
    s = sov_mem_array(1, sizeof(*s));
    if (s == NULL)
        return sov_mem_fail(err);
    s->n_ctx = n_ctx;
    s->n_unit = n_unit;
    s->match = match;
    s->n_match = n;
    for (size_t i = 0; i < n; i++)
        s->deepest =
            match[i].teacher > s->deepest ? match[i].teacher : s->deepest;
    rc = sov_net_open(&s->net, model, NULL, 0, err);
    if (rc == 0)
        rc = sov_match_check(match, n, SIZE_MAX, s->net->hp.n_layer, err);
    if (rc == 0 && s->net->arch->encoder)
        rc = sov_fail(err, SOV_EUNSUP, "a %s sees what comes next",
                      s->net->arch->name);
    if (rc == 0)
        rc = take_memory(s, err);
    if (rc < 0) {
        sov_insight_close(s);
        return rc;
    }
    *insight = s;
    return 0;
}

void
sov_insight_close(sov_insight *s)
{
    if (s == NULL)
        return;
    sov_nn_done(&s->pass.nn);
    sov_mem_free_aligned(s->work);
    free(s->pass.kv);
    sov_net_close(s->net);
    free(s);
}

size_t
sov_insight_layers(const sov_insight *s)
{
    return s->net->hp.n_layer;
}

size_t
sov_insight_width(const sov_insight *s)
{
    return s->net->hp.n_embd;
}

uint64_t
sov_insight_bytes(const sov_insight *s)
{
    return s->bytes;
}

/* ---- reading */

int
sov_insight_unit(sov_insight *s, size_t n_seq, const size_t *first,
                 const int32_t *ids, struct sov_err *err)
{
    for (size_t i = 0; i < n_seq; i++)
        if (first[i + 1] - first[i] > s->n_ctx)
            return sov_fail(err, SOV_EARG,
                            "a sequence of %zu tokens, the teacher was opened "
                            "for %zu",
                            first[i + 1] - first[i], s->n_ctx);
    if (first[n_seq] > s->n_unit)
        return sov_fail(err, SOV_EARG,
                        "a unit of %zu tokens, there is room "
                        "for %zu",
                        first[n_seq], s->n_unit);
    for (size_t i = 0; i < first[n_seq]; i++)
        if (ids[i] < 0 || (size_t)ids[i] >= s->net->n_vocab)
            return sov_fail(err, SOV_EARG,
                            "token %d is not among the %zu of the teacher",
                            (int)ids[i], s->net->n_vocab);
    s->n_seq = n_seq;
    s->first = first;
    s->ids = ids;
    s->ready = false;
    return 0;
}

/* What leaves a layer, of n tokens from `at` on. */
static int
keep_layer(sov_insight *s, size_t layer, size_t at, size_t n,
           struct sov_err *err)
{
    size_t width = s->net->hp.n_embd;

    for (size_t m = 0; m < s->n_match; m++) {
        float *kept = s->kept + (m * s->n_unit + at) * width;

        if (s->match[m].teacher != layer)
            continue;
        memcpy(kept, s->pass.x, n * width * sizeof(*kept));
        for (size_t i = 0; i < n * width; i++)
            if (!isfinite(kept[i]))
                return sov_fail(err, SOV_EFORMAT,
                                "layer %zu of the teacher gives numbers that "
                                "are none",
                                layer);
    }
    return 0;
}

/* All layers that are asked for, of sequence q. */
static int
read_sequence(sov_insight *s, size_t q, struct sov_err *err)
{
    const struct sov_stretch stretch = {
        .ids = s->ids + s->first[q],
        .n = s->first[q + 1] - s->first[q],
        .block = s->block,
        .n_out = s->first[q + 1] - s->first[q],
    };
    struct sov_walk w;
    int rc = 0;

    sov_walk_begin(&w, s->net, &s->pass, &stretch);
    sov_walk_embed(&w);
    for (size_t i = 0; i <= s->deepest && rc == 0; i++) {
        sov_walk_begin(&w, s->net, &s->pass, &stretch);
        sov_walk_layer(&w, i);
        while (sov_walk_on(&w) != SOV_ENTERS_NONE)
            ;
        rc = keep_layer(s, i, s->first[q], stretch.n, err);
    }
    return rc;
}

int
sov_insight_read(void *insight, size_t i, size_t first, size_t n, sov_real *h,
                 struct sov_err *err)
{
    sov_insight *s = insight;
    size_t width = s->net->hp.n_embd;
    int rc = sov_nn_ready(&s->pass.nn, err);

    if (i >= s->n_match || s->n_seq == 0 || first > s->first[s->n_seq] ||
        n > s->first[s->n_seq] - first)
        return sov_fail(err, SOV_EARG,
                        "%zu tokens from %zu on are not in the unit", n, first);
    for (size_t q = 0; !s->ready && q < s->n_seq && rc == 0; q++)
        rc = read_sequence(s, q, err);
    s->ready = rc == 0;
    if (rc == 0)
        memcpy(h, s->kept + (i * s->n_unit + first) * width,
               n * width * sizeof(*h));
    return rc;
}

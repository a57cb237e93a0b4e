/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attn_rows.c - attention over a cache of rows
 *
 * A unit of work is one key head and a few queries, with all the query heads
 * that share it, so that a tile of keys is decoded once for all of them.
 */
#include "nn/attn_forms.h"

#include "nn/fn.h"

#include <string.h>

#define TILE 64 /* keys */
#define ROWS 32 /* queries times heads, as far as a group of heads allows */

void
sov_rows_put(const struct sov_nn *nn, const struct sov_cache *kv, size_t pos,
             const float *k, const float *v)
{
    size_t h;

    for (h = 0; h < kv->n_kv; h++) {
        size_t row = h * kv->n_ctx + pos;

        nn->k->encode[kv->type](k + h * kv->k_len, NULL,
                                kv->k + row * kv->k_bytes, kv->k_len, 1);
        nn->k->encode[kv->type](v + h * kv->v_len, NULL,
                                kv->v + row * kv->v_bytes, kv->v_len, 1);
    }
}

/* Queries of one piece of work. */
static size_t
queries(size_t group)
{
    return group < ROWS ? ROWS / group : 1;
}

static size_t
score_stride(size_t n_ctx)
{
    return (n_ctx + 15) / 16 * 16 + TILE;
}

size_t
sov_rows_room(const struct sov_cache *kv, size_t n_head)
{
    size_t group = n_head / kv->n_kv;
    size_t rows = group * queries(group);
    size_t len = kv->k_len > kv->v_len ? kv->k_len : kv->v_len;
    size_t room;

    if (__builtin_mul_overflow(rows, score_stride(kv->n_ctx) + kv->k_len,
                               &room) ||
        __builtin_add_overflow(room, TILE * len, &room))
        return 0;
    return room;
}

/* n rows of keys or values as f32: where they are, or decoded into tmp. */
static const float *
rows_of(const struct sov_nn *nn, enum sov_type type, const unsigned char *p,
        size_t bytes, size_t len, size_t n, float *tmp)
{
    size_t i;

    if (type == SOV_TYPE_F32)
        return (const float *)(const void *)p;
    for (i = 0; i < n; i++)
        nn->k->decode[type](p + i * bytes, tmp + i * len, len);
    return tmp;
}

/* One piece of work and its memory. */
struct piece {
    const struct sov_nn *nn;
    const struct sov_attn *at;
    size_t head;   /* of keys */
    size_t group;  /* heads of queries for it */
    size_t first;  /* column */
    size_t n;      /* columns */
    size_t key;     /* the first of the first column, down to a tile's */
    size_t key_end; /* of the last column */
    size_t stride; /* of the scores */
    float *q;      /* [n * group][k_len] */
    float *score;  /* [n * group][stride] */
    float *tile;
};

/* The keys that row r of the piece sees begin and end here. */
static size_t
first_of(const struct piece *p, size_t r)
{
    return sov_attn_first(p->at, p->first + r / p->group);
}

static size_t
end_of(const struct piece *p, size_t r)
{
    return sov_attn_end(p->at, p->first + r / p->group);
}

static float *
out_of(const struct piece *p, size_t r)
{
    size_t c = p->first + r / p->group;
    size_t h = p->head * p->group + r % p->group;

    return p->at->o + c * p->at->o_stride + h * p->at->kv->v_len;
}

/*
 * With keys and values in half precision the other side of their products is
 * rounded to it as well, as the peer does.
 */
static void
round_like(const struct sov_nn *nn, enum sov_type type, float *x, size_t n)
{
    unsigned char half[512];
    size_t step = sizeof(half) / 2;
    size_t at;

    if (type != SOV_TYPE_F16)
        return;
    for (at = 0; at < n; at += step) {
        size_t len = n - at < step ? n - at : step;

        nn->k->encode[type](x + at, NULL, half, len, 1);
        nn->k->decode[type](half, x + at, len);
    }
}

static void
take_queries(const struct piece *p)
{
    const struct sov_attn *at = p->at;
    size_t len = at->kv->k_len;
    size_t r;

    for (r = 0; r < p->n * p->group; r++) {
        size_t c = p->first + r / p->group;
        size_t h = p->head * p->group + r % p->group;
        const float *q = at->q + c * at->q_stride + h * len;

        memcpy(p->q + r * len, q, len * sizeof(*q));
    }
    round_like(p->nn, at->kv->type, p->q, p->n * p->group * len);
}

static void
make_scores(const struct piece *p)
{
    const struct sov_cache *kv = p->at->kv;
    const unsigned char *k = kv->k + p->head * kv->n_ctx * kv->k_bytes;
    size_t at, n;

    for (at = p->key; at < p->key_end; at += TILE) {
        const float *keys;

        n = p->key_end - at < TILE ? p->key_end - at : TILE;
        keys = rows_of(p->nn, kv->type, k + at * kv->k_bytes, kv->k_bytes,
                       kv->k_len, n, p->tile);
        p->nn->k->dots(keys, kv->k_len, n, p->q, kv->k_len, p->n * p->group,
                       kv->k_len, p->score + at, p->stride);
    }
}

static void
mix_values(const struct piece *p)
{
    const struct sov_cache *kv = p->at->kv;
    const unsigned char *v = kv->v + p->head * kv->n_ctx * kv->v_bytes;
    size_t at, n, r;

    for (r = 0; r < p->n * p->group; r++)
        memset(out_of(p, r), 0, kv->v_len * sizeof(float));
    for (at = p->key; at < p->key_end; at += TILE) {
        const float *values;

        n = p->key_end - at < TILE ? p->key_end - at : TILE;
        values = rows_of(p->nn, kv->type, v + at * kv->v_bytes, kv->v_bytes,
                         kv->v_len, n, p->tile);
        for (r = 0; r < p->n * p->group; r += p->group) {
            size_t from = first_of(p, r) > at ? first_of(p, r) - at : 0;
            size_t end = end_of(p, r) > at ? end_of(p, r) - at : 0;

            end = end < n ? end : n;
            if (from < end)
                p->nn->k->mixes(p->score + r * p->stride + at + from,
                                p->stride, p->group,
                                values + from * kv->v_len, kv->v_len,
                                end - from, out_of(p, r), kv->v_len,
                                kv->v_len);
        }
    }
}

/* Of row r, whose scores are s[n]. */
static void
softmax(const struct piece *p, size_t r, float *s, size_t n)
{
    const struct sov_kern *k = p->nn->k;
    const float *sink = p->at->sink;
    float one = 0;
    float top;

    sov_times(p->at->scale, s, n);
    if (p->at->cap > 0)
        sov_fn_cap(k, p->at->cap, s, n);
    top = k->max(s, n);
    if (sink != NULL) {
        one = sink[p->head * p->group + r % p->group];
        top = one > top ? one : top;
        k->exp(&one, 1, top);
    }
    k->exp(s, n, top);
    sov_times(1.0f / (k->sum(s, n) + one), s, n);
    round_like(p->nn, p->at->kv->type, s, n);
}

static void
do_piece(const struct piece *p)
{
    size_t r;

    take_queries(p);
    make_scores(p);
    for (r = 0; r < p->n * p->group; r++)
        softmax(p, r, p->score + r * p->stride + first_of(p, r),
                end_of(p, r) - first_of(p, r));
    mix_values(p);
}

size_t
sov_rows_units(const struct sov_attn *at)
{
    size_t each = queries(at->n_head / at->kv->n_kv);

    return (at->n_cols + each - 1) / each * at->kv->n_kv;
}

void
sov_rows_unit(const struct sov_nn *nn, const struct sov_attn *at, size_t first,
              size_t last, unsigned worker)
{
    size_t group = at->n_head / at->kv->n_kv;
    size_t rows = group * queries(group);
    struct piece p = { .nn = nn, .at = at, .group = group };
    size_t i;

    p.stride = score_stride(at->kv->n_ctx);
    p.score = sov_nn_scratch(nn, worker);
    p.q = p.score + rows * p.stride;
    p.tile = p.q + rows * at->kv->k_len;
    for (i = first; i < last; i++) {
        p.head = i % at->kv->n_kv;
        p.first = i / at->kv->n_kv * queries(group);
        p.n = at->n_cols - p.first < queries(group) ? at->n_cols - p.first
                                                    : queries(group);
        p.key = sov_attn_first(at, p.first) / TILE * TILE;
        p.key_end = sov_attn_end(at, p.first + p.n - 1);
        do_piece(&p);
    }
}

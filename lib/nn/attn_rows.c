/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attn_rows.c - attention over a cache of rows
 *
 * A unit of work is one key head and a few queries, with all the query heads
 * that share it, so that a tile of keys is decoded once for all of them.  Its
 * scores are kept for a span of keys; spans are put together as attn.h says.
 */
#include "nn/attn_forms.h"

#include "nn/fn.h"

#include <string.h>

#define TILE 64 /* keys */
#define ROWS 32 /* queries times heads, as far as a group of heads allows */
#define SPAN SOV_SPAN_KEYS /* whole tiles */

void
sov_rows_put(const struct sov_nn *nn, const struct sov_cache *kv, size_t pos,
             const float *k, const float *v)
{
    size_t h;

    for (h = 0; h < kv->n_kv; h++) {
        size_t row = h * kv->n_slots + pos % kv->n_slots;

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

/* Of scores: the largest, and the sum of the powers of e relative to it. */
struct soft {
    float top;
    float sum;
};

/* Scores of a span, so that those of two rows do not share the same places of
 * the first cache. */
static size_t
score_stride(size_t n_ctx)
{
    return ((n_ctx < SPAN ? n_ctx : SPAN) + TILE - 1) / TILE * TILE + 16;
}

#define SOFT (sizeof(struct soft) / sizeof(float))

/* Floats for n queries of len as the cache has its keys. */
static size_t
query_room(size_t n, size_t len)
{
    return n * ((len + 31) / 32 * 32);
}

size_t
sov_rows_room(const struct sov_cache *kv, size_t n_head)
{
    size_t group = n_head / kv->n_kv;
    size_t rows = group * queries(group);
    size_t each = score_stride(kv->n_ctx) + kv->v_len + 2 * SOFT;
    size_t room;

    if (__builtin_mul_overflow(rows, each, &room) ||
        __builtin_add_overflow(room, query_room(rows, kv->k_len), &room) ||
        __builtin_add_overflow(room, TILE * kv->v_len, &room))
        return 0;
    return room;
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
    float *q;      /* [n * group][k_len], in the form that the keys take */
    float *score;  /* [n * group][stride], of a span */
    struct soft *soft; /* [n * group] of all spans so far, */
    struct soft *last; /* [n * group] and of this one, if another was before */
    float *part;       /* [n * group][v_len], likewise */
    float *tile;   /* [TILE][v_len] values */
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

/* Has row r seen keys before the span that begins here? */
static bool
is_begun(const struct piece *p, size_t r, size_t begin)
{
    return first_of(p, r) < begin;
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

/* Bytes from one query to the next, in the form that keys take. */
static size_t
query_stride(const struct sov_cache *kv)
{
    if (kv->type == SOV_TYPE_BF16)
        return (kv->k_len + 31) / 32 * 32 * sizeof(uint16_t);
    return kv->k_len * sizeof(float);
}

static void
take_queries(const struct piece *p)
{
    const struct sov_attn *at = p->at;
    const struct sov_cache *kv = at->kv;
    size_t len = kv->k_len, stride = query_stride(kv);
    size_t r;

    for (r = 0; r < p->n * p->group; r++) {
        size_t c = p->first + r / p->group;
        size_t h = p->head * p->group + r % p->group;
        const float *q = at->q + c * at->q_stride + h * len;
        unsigned char *to = (unsigned char *)p->q + r * stride;

        if (kv->type == SOV_TYPE_BF16) {
            memset(to, 0, stride);
            p->nn->k->encode[SOV_TYPE_BF16](q, NULL, to, len, 1);
        } else {
            memcpy(to, q, len * sizeof(*q));
            round_like(p->nn, kv->type, (float *)(void *)to, len);
        }
    }
}

/* Scores of keys [begin, end) of a span. */
static void
make_scores(const struct piece *p, size_t begin, size_t end)
{
    const struct sov_cache *kv = p->at->kv;
    const unsigned char *k = kv->k + p->head * kv->n_slots * kv->k_bytes;
    size_t at, n;

    for (at = begin; at < end; at += TILE) {
        n = end - at < TILE ? end - at : TILE;
        p->nn->k->dot[kv->type](k + at % kv->n_slots * kv->k_bytes,
                                kv->k_bytes, n, p->q, query_stride(kv),
                                p->n * p->group, kv->k_len,
                                p->score + (at - begin), p->stride);
    }
}

/* n values as f32: where they are, or decoded. */
static const float *
values_of(const struct piece *p, size_t at, size_t n)
{
    const struct sov_cache *kv = p->at->kv;
    const unsigned char *v =
        kv->v + (p->head * kv->n_slots + at % kv->n_slots) * kv->v_bytes;

    if (kv->type == SOV_TYPE_F32)
        return (const float *)(const void *)v;
    p->nn->k->decode[kv->type](v, p->tile, n * kv->v_len);
    return p->tile;
}

static void
mix_values(const struct piece *p, size_t begin, size_t span_end)
{
    size_t len = p->at->kv->v_len;
    size_t at, n, r;

    for (r = 0; r < p->n * p->group; r++)
        memset(is_begun(p, r, begin) ? p->part + r * len : out_of(p, r), 0,
               len * sizeof(float));
    for (at = begin; at < span_end; at += TILE) {
        const float *values;

        n = span_end - at < TILE ? span_end - at : TILE;
        values = values_of(p, at, n);
        for (r = 0; r < p->n * p->group; r += p->group) {
            size_t from = first_of(p, r) > at ? first_of(p, r) - at : 0;
            size_t end = end_of(p, r) > at ? end_of(p, r) - at : 0;

            end = end < n ? end : n;
            if (from < end)
                p->nn->k->mixes(p->score + r * p->stride + at - begin + from,
                                p->stride, p->group, values + from * len, len,
                                end - from,
                                is_begun(p, r, begin) ? p->part + r * len
                                                      : out_of(p, r),
                                len, len);
        }
    }
}

/* The scores s[n] of a row become shares of their sum. */
static struct soft
softmax(const struct piece *p, const float *sink, float *s, size_t n)
{
    const struct sov_kern *k = p->nn->k;
    struct soft soft;
    float one = 0;

    sov_times(p->at->scale, s, n);
    if (p->at->cap > 0)
        sov_fn_cap(k, p->at->cap, s, n);
    soft.top = k->max(s, n);
    if (sink != NULL) {
        one = *sink;
        soft.top = one > soft.top ? one : soft.top;
        k->exp(&one, 1, soft.top);
    }
    k->exp(s, n, soft.top);
    soft.sum = k->sum(s, n) + one;
    sov_times(1.0f / soft.sum, s, n);
    round_like(p->nn, p->at->kv->type, s, n);
    return soft;
}

/* Add the part of row r that a later span has made. */
static void
add_part(const struct piece *p, size_t r)
{
    const struct sov_kern *k = p->nn->k;
    const struct soft *last = &p->last[r];
    struct soft *soft = &p->soft[r];
    size_t len = p->at->kv->v_len;
    float top = last->top > soft->top ? last->top : soft->top;
    float f = soft->top, g = last->top;

    k->exp(&f, 1, top);
    k->exp(&g, 1, top);
    f *= soft->sum;
    g *= last->sum;
    *soft = (struct soft){ top, f + g };
    sov_times(f / soft->sum, out_of(p, r), len);
    k->axpy(g / soft->sum, p->part + r * len, out_of(p, r), len);
}

static void
do_span(const struct piece *p, size_t begin, size_t end)
{
    size_t r;

    make_scores(p, begin, end);
    for (r = 0; r < p->n * p->group; r++) {
        size_t from = first_of(p, r) > begin ? first_of(p, r) : begin;
        size_t to = end_of(p, r) < end ? end_of(p, r) : end;
        bool begun = is_begun(p, r, begin);
        const float *sink = p->at->sink;

        if (from >= to)
            continue;
        if (sink != NULL)
            sink = begun ? NULL : sink + p->head * p->group + r % p->group;
        *(begun ? &p->last[r] : &p->soft[r]) =
            softmax(p, sink, p->score + r * p->stride + (from - begin),
                    to - from);
    }
    mix_values(p, begin, end);
    for (r = 0; r < p->n * p->group; r++)
        if (is_begun(p, r, begin) && begin < end_of(p, r))
            add_part(p, r);
}

static void
do_piece(const struct piece *p)
{
    size_t begin, end;

    take_queries(p);
    for (begin = p->key; begin < p->key_end; begin = end) {
        end = begin / SPAN * SPAN + SPAN;
        end = end < p->key_end ? end : p->key_end;
        do_span(p, begin, end);
    }
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
    p.part = p.q + query_room(rows, at->kv->k_len);
    p.tile = p.part + rows * at->kv->v_len;
    p.soft = (struct soft *)(void *)(p.tile + TILE * at->kv->v_len);
    p.last = p.soft + rows;
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

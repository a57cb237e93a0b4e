/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attn_rows.c - attention over a cache of rows
 *
 * A unit of work is one key head and a few queries, with all the query heads
 * that share it, so that a tile of keys, a block, is decoded once for all of
 * them; queries of several timelines where those share the block.  Scores are
 * kept for a span of keys; spans are put together as attn.h says.
 */
#include "nn/attn_forms.h"

#include "nn/fn.h"

#include <string.h>

#define TILE SOV_BLOCK_KEYS
#define ROWS 32 /* queries times heads, as far as a group of heads allows */
#define SPAN SOV_SPAN_KEYS /* whole tiles */

void
sov_rows_put(const struct sov_nn *nn, const struct sov_cache *kv,
             const uint32_t *block, size_t pos, const float *k, const float *v)
{
    uint32_t b = block[pos / TILE];
    size_t row = pos % TILE;
    size_t h;

    for (h = 0; h < kv->n_kv; h++) {
        nn->k->encode[kv->type](k + h * kv->k_len, NULL,
                                sov_cache_k(kv, h, b) + row * kv->k_bytes,
                                kv->k_len, 1);
        nn->k->encode[kv->type](v + h * kv->v_len, NULL,
                                sov_cache_v(kv, h, b) + row * kv->v_bytes,
                                kv->v_len, 1);
    }
}

/* Queries of one piece of work. */
static size_t
queries(size_t group)
{
    return group < ROWS ? ROWS / group : 1;
}

size_t
sov_rows_most(size_t group)
{
    return group * queries(group);
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
    size_t rows = sov_rows_most(group);
    size_t each = score_stride(kv->n_ctx) + kv->v_len + 2 * SOFT;
    size_t room;

    if (__builtin_mul_overflow(rows, each, &room) ||
        __builtin_add_overflow(room, query_room(rows, kv->k_len), &room) ||
        __builtin_add_overflow(room, TILE * kv->v_len, &room))
        return 0;
    return room;
}

/* A query of a piece: its column in the pass, and the keys that it sees. */
struct query {
    size_t column;
    size_t first;
    size_t end;
};

/* One piece of work and its memory.  Rows are queries times heads. */
struct piece {
    const struct sov_nn *nn;
    const struct sov_attn *at;
    const struct sov_tile *is;
    size_t head;   /* of keys */
    size_t group;  /* heads of queries for it */
    size_t n;      /* queries */
    struct query query[ROWS];
    size_t key;     /* the first that any query sees, down to a tile's */
    size_t key_end; /* of all */
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
    return p->query[r / p->group].first;
}

static size_t
end_of(const struct piece *p, size_t r)
{
    return p->query[r / p->group].end;
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
    size_t c = p->query[r / p->group].column;
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
        size_t c = p->query[r / p->group].column;
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

/*
 * Rows [row, row + n_rows) at a tile of keys, n of them, that begins at
 * position `at`, of a span that begins at `begin`.
 */
struct look {
    size_t row, n_rows;
    uint32_t block;
    size_t begin, at, n;
};

typedef void (*look_fn)(const struct piece *p, const struct look *look);

/* All rows at tiles that all timelines share; at others each for itself. */
static void
look_at(const struct piece *p, size_t begin, size_t end, look_fn fn)
{
    const struct sov_attn_seq *seq = &p->at->seq[p->is->seq];
    struct look look = { .begin = begin };
    size_t i;

    for (look.at = begin; look.at < end; look.at += TILE) {
        look.n = end - look.at < TILE ? end - look.at : TILE;
        look.row = 0;
        if (look.at / TILE < p->is->shared) {
            look.n_rows = p->n * p->group;
            look.block = seq->block[look.at / TILE];
            fn(p, &look);
            continue;
        }
        for (i = 0; i < p->is->n_seq; i++, look.row += look.n_rows) {
            look.n_rows = seq[i].n_cols * p->group;
            if (end_of(p, look.row + look.n_rows - 1) <= look.at)
                continue;
            look.block = seq[i].block[look.at / TILE];
            fn(p, &look);
        }
    }
}

static void
make_scores(const struct piece *p, const struct look *l)
{
    const struct sov_cache *kv = p->at->kv;
    size_t q_stride = query_stride(kv);

    p->nn->k->dot[kv->type](sov_cache_k(kv, p->head, l->block), kv->k_bytes,
                            l->n, (unsigned char *)p->q + l->row * q_stride,
                            q_stride, l->n_rows, kv->k_len,
                            p->score + l->row * p->stride + l->at - l->begin,
                            p->stride);
}

/* Values as f32: where they are, or decoded. */
static const float *
values_of(const struct piece *p, const struct look *l)
{
    const struct sov_cache *kv = p->at->kv;
    const unsigned char *v = sov_cache_v(kv, p->head, l->block);

    if (kv->type == SOV_TYPE_F32)
        return (const float *)(const void *)v;
    p->nn->k->decode[kv->type](v, p->tile, l->n * kv->v_len);
    return p->tile;
}

static void
mix_values(const struct piece *p, const struct look *l)
{
    size_t len = p->at->kv->v_len;
    const float *values = values_of(p, l);
    size_t at = l->at;
    size_t r;

    for (r = l->row; r < l->row + l->n_rows; r += p->group) {
        size_t from = first_of(p, r) > at ? first_of(p, r) - at : 0;
        size_t end = end_of(p, r) > at ? end_of(p, r) - at : 0;

        end = end < l->n ? end : l->n;
        if (from < end)
            p->nn->k->mixes(p->score + r * p->stride + at - l->begin + from,
                            p->stride, p->group, values + from * len, len,
                            end - from,
                            is_begun(p, r, l->begin) ? p->part + r * len
                                                     : out_of(p, r),
                            len, len);
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
    size_t len = p->at->kv->v_len;
    size_t r;

    look_at(p, begin, end, make_scores);
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
    for (r = 0; r < p->n * p->group; r++)
        memset(is_begun(p, r, begin) ? p->part + r * len : out_of(p, r), 0,
               len * sizeof(float));
    look_at(p, begin, end, mix_values);
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
    return at->n_tiles * at->kv->n_kv;
}

static void
start_piece(struct piece *p, const struct sov_tile *tile)
{
    const struct sov_attn *at = p->at;
    const struct sov_attn_seq *seq = &at->seq[tile->seq];
    size_t c = tile->row / p->group;
    size_t i;

    p->is = tile;
    p->n = tile->n_rows / p->group;
    p->key = SIZE_MAX;
    p->key_end = 0;
    for (i = 0; i < p->n; i++, c++) {
        struct query *q = &p->query[i];

        if (c == seq->n_cols) {
            seq++;
            c = 0;
        }
        q->column = seq->column + c;
        q->first = sov_attn_first(at, q->column);
        q->end = sov_attn_end(at, seq, c);
        p->key = q->first < p->key ? q->first : p->key;
        p->key_end = q->end > p->key_end ? q->end : p->key_end;
    }
    p->key = p->key / TILE * TILE;
}

void
sov_rows_unit(const struct sov_nn *nn, const struct sov_attn *at, size_t first,
              size_t last, unsigned worker)
{
    size_t group = at->n_head / at->kv->n_kv;
    size_t rows = sov_rows_most(group);
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
        start_piece(&p, &at->tile[i / at->kv->n_kv]);
        do_piece(&p);
    }
}

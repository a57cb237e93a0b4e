/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prim_attn.c - causal attention over whole sequences, there and back
 *
 * An item of work is a sequence and a key head, with all query heads that share
 * it: it owns what it writes, dk and dv too, so that no sum is split between
 * threads.  A row is a query of one head; rows of an item are in order of
 * tokens, and of heads within a token, and are worked on in tiles of ROWS.
 * Scores exist for a tile of rows and a span of keys only; on the way back they
 * are made once more, and become probabilities by way of lse.
 *
 * Keys and values are copied together, across (kt, vt: [length][tokens]) where
 * scores are made of them, and heads are filled up with zeros to whole vectors.
 * All products are sov_kern's blend().  What is fixed for each row, with q
 * multiplied by scale first:
 *
 *     x[j] = a chain of fma from 0 over the numbers of a head, of q and k[j]
 *     spans of SPAN keys, counted from the sequence's first token, in order;
 *     in each, for the keys j that the row sees there,
 *         top = the largest of m and all x[j];  e[j] = exp(x[j] - top)
 *         if a span was before it: f = exp(m - top), s = s * f, o = o * f
 *         s = s + the sum of e;  o: the chain goes on over j with e[j] v[j]
 *         m = top
 *     o * (1 / s);  lse = m + log s
 *
 * and back, with D = the dot product of do and o:
 *
 *     p[j] = exp(x[j] - lse);  g[j] = p[j] * (do . v[j] - D), the latter as x
 *     dq = scale * a chain over j of g[j] k[j]
 *     dk[j] = a chain over the rows that see j of g[j] q
 *     dv[j] = a chain over the rows that see j of p[j] do
 *
 * So tiles cannot be seen, nor spans on the way back.  (In a tile what a row
 * does not see counts as 0 times something; a NaN in it spreads.)
 */
#include "train/prim.h"

#include "base/fmath.h"
#include "base/mem.h"
#include "nn/nn.h"
#include "sov/base.h"
#include "sys/par.h"

#include <math.h>
#include <string.h>

#define ROWS   8
#define BLOCK  64  /* rows of which dk and dv are made at once; whole tiles */
#define SPAN   512 /* keys; the results show it */
#define REGION 256 /* keys, on the way back: what stays in the second cache */
#define VEC    16
#define APART  16 /* so that rows do not share the same places of a cache */

struct item;
struct sov_arena;

/* The way there, or back. */
typedef void (*lay_fn)(struct item *it, struct sov_arena *a, size_t longest);
typedef void (*work_fn)(const struct item *it);

struct job {
    lay_fn lay;
    work_fn work;
    const struct sov_kern *kern;
    const struct sov_attn_dims *d;
    const size_t *first;
    const float *q, *k, *v;
    float *o_out, *lse_out;     /* of the way there */
    const float *o, *lse, *d_o; /* on the way back */
    float *dq, *dk, *dv;
    size_t longest; /* tokens of a sequence */
    float *room;
    size_t each; /* floats of a worker */
};

/* One item of work and its memory. */
struct item {
    const struct job *job;
    const struct sov_kern *kern;
    const struct sov_attn_dims *d;
    size_t row;          /* its first token among all */
    size_t n;            /* tokens */
    size_t head;         /* of keys */
    size_t group;        /* heads of queries that share it */
    size_t k_pad, v_pad; /* lengths of heads, whole vectors */
    size_t wide;         /* from one row of kt and vt to the next */
    float *kt, *vt;      /* [k_len][wide], [v_len][wide] */
    float *k, *v;        /* [n][k_pad], [n][v_pad] */
    float *dk, *dv;      /* likewise, of whole panels of tokens */
    float *x, *g;        /* scores and their gradients */
    float *q, *dq;       /* [rows][k_pad] */
    float *o;            /* [rows][v_pad]; do on the way back */
    float *m, *s;        /* [rows]; lse and D on the way back */
};

static size_t
up(size_t n, size_t to)
{
    return (n + to - 1) / to * to;
}

static size_t
down(size_t n, size_t to)
{
    return n / to * to;
}

static size_t
least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t
most(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* ---- memory */

/* Floats from one row of scores to the next. */
#define FORTH_WIDE (SPAN + APART)
#define BACK_WIDE  (REGION + APART)

static void
lay_common(struct item *it, struct sov_arena *a, size_t longest, size_t rows,
           size_t wide)
{
    const struct sov_attn_dims *d = it->d;

    it->group = d->n_head / d->n_head_kv;
    it->k_pad = up(d->k_len, VEC);
    it->v_pad = up(d->v_len, VEC);
    it->wide = up(longest, VEC) + APART;
    it->kt = sov_arena_take(a, d->k_len, it->wide * sizeof(float));
    it->q = sov_arena_take(a, rows, it->k_pad * sizeof(float));
    it->o = sov_arena_take(a, rows, it->v_pad * sizeof(float));
    it->m = sov_arena_take(a, rows, sizeof(float));
    it->s = sov_arena_take(a, rows, sizeof(float));
    it->x = sov_arena_take(a, rows, wide * sizeof(float));
}

static void
lay_forth(struct item *it, struct sov_arena *a, size_t longest)
{
    lay_common(it, a, longest, ROWS, FORTH_WIDE);
    it->v = sov_arena_take(a, longest, it->v_pad * sizeof(float));
}

static void
lay_back(struct item *it, struct sov_arena *a, size_t longest)
{
    size_t n = up(longest, VEC);

    lay_common(it, a, longest, BLOCK, BACK_WIDE);
    it->vt = sov_arena_take(a, it->d->v_len, it->wide * sizeof(float));
    it->k = sov_arena_take(a, longest, it->k_pad * sizeof(float));
    it->dk = sov_arena_take(a, n, it->k_pad * sizeof(float));
    it->dv = sov_arena_take(a, n, it->v_pad * sizeof(float));
    it->g = sov_arena_take(a, BLOCK, BACK_WIDE * sizeof(float));
    it->dq = sov_arena_take(a, BLOCK, it->k_pad * sizeof(float));
}

static struct item
item_of(const struct job *job, size_t i, unsigned worker)
{
    struct item it = { .job = job, .kern = job->kern, .d = job->d };
    struct sov_arena a = { 0 };
    size_t seq = i / job->d->n_head_kv;

    a.base = (unsigned char *)(job->room + worker * job->each);
    job->lay(&it, &a, job->longest);
    it.row = job->first[seq];
    it.n = job->first[seq + 1] - it.row;
    it.head = i % job->d->n_head_kv;
    return it;
}

/* Room for all workers. */
static int
make_room(struct job *job, const size_t *first, size_t n_seq,
          struct sov_err *err)
{
    struct item it = { .d = job->d };
    struct sov_arena a = { 0 };
    size_t i;

    job->longest = 0;
    for (i = 0; i < n_seq; i++)
        job->longest = most(job->longest, first[i + 1] - first[i]);
    job->lay(&it, &a, job->longest);
    job->each = (size_t)a.used / sizeof(float);
    job->room = a.overflow ? NULL : sov_mem_aligned(sov_threads(), a.used);
    return job->room != NULL ? 0 : sov_mem_fail(err);
}

static void
do_items(void *arg, size_t first, size_t last, unsigned worker)
{
    const struct job *job = arg;
    size_t i;

    for (i = first; i < last; i++) {
        struct item it = item_of(job, i, worker);

        if (it.n > 0)
            job->work(&it);
    }
}

static int
do_all(struct job *job, const size_t *first, size_t n_seq, struct sov_err *err)
{
    int rc = make_room(job, first, n_seq, err);

    if (rc < 0)
        return rc;
    sov_par_for(n_seq * job->d->n_head_kv, 1, do_items, job);
    sov_mem_free_aligned(job->room);
    return 0;
}

/* ---- copies */

/* y[len] = x * by, zeros up to pad */
static void
times(const struct item *it, float *y, size_t pad, const float *x, size_t len,
      float by)
{
    memset(y, 0, pad * sizeof(*y));
    it->kern->axpy(by, x, y, len);
}

/* y[i][pad] = row i of x, zeros behind */
static void
rows_in(float *y, size_t pad, const float *x, size_t stride, size_t n,
        size_t len)
{
    size_t i;

    for (i = 0; i < n; i++, x += stride, y += pad) {
        memcpy(y, x, len * sizeof(*y));
        memset(y + len, 0, (pad - len) * sizeof(*y));
    }
}

/* row i of x = y[i][pad] */
static void
rows_out(float *x, size_t stride, const float *y, size_t pad, size_t n,
         size_t len)
{
    size_t i;

    for (i = 0; i < n; i++)
        memcpy(x + i * stride, y + i * pad, len * sizeof(*x));
}

/* y[d][wide] = column d of x; a few rows at a time, so that both sides stay
 * where they are fast */
static void
across_in(float *y, size_t wide, const float *x, size_t stride, size_t n,
          size_t len)
{
    size_t at, end, i, d;

    for (at = 0; at < n; at = end) {
        end = least(at + VEC, n);
        for (d = 0; d < len; d++)
            for (i = at; i < end; i++)
                y[d * wide + i] = x[i * stride + d];
    }
}

/* ---- rows */

/* Row r of the item: its token, and where its numbers lie. */
static size_t
token_of(const struct item *it, size_t r)
{
    return r / it->group;
}

static size_t
place_of(const struct item *it, size_t stride, size_t len, size_t r)
{
    return (it->row + token_of(it, r)) * stride +
           (it->head * it->group + r % it->group) * len;
}

static size_t
lse_of(const struct item *it, size_t r)
{
    return place_of(it, it->d->n_head, 1, r);
}

/* The first key that a token sees; the last is its own. */
static size_t
first_of(const struct item *it, size_t token)
{
    size_t window = it->d->window;

    return window > 0 && token >= window ? token + 1 - window : 0;
}

/* Rows [row, row + n) at keys [from, end) of one span: all that one of them
 * sees there, from whole vectors on. */
struct tile {
    size_t row, n;
    size_t from, end;
};

static struct tile
tile_at(const struct item *it, size_t row, size_t n, size_t begin, size_t end)
{
    size_t last = token_of(it, row + n - 1);
    size_t from = down(first_of(it, token_of(it, row)), VEC);

    return (struct tile){ row, n, most(begin, from), least(end, last + 1) };
}

/* x[r][key - from] = q[r] . key, for the rows of a tile and whole vectors */
static void
make_scores(const struct item *it, const struct tile *t, const float *q,
            size_t q_pad, size_t len, const float *across, float *x,
            size_t wide)
{
    struct sov_blend m = { .a = q,
                           .a_row = q_pad,
                           .a_step = 1,
                           .n_a = t->n,
                           .b = across + t->from,
                           .b_stride = it->wide,
                           .n_t = len,
                           .y = x,
                           .y_stride = wide,
                           .n = up(t->end - t->from, VEC) };

    it->kern->blend(&m);
}

/* y[r] += the sum over the tile's keys of x[r][key - from] v[key] */
static void
add_rows(const struct item *it, const struct tile *t, const float *x,
         size_t wide, const float *v, size_t pad, float *y)
{
    struct sov_blend m = { .a = x,
                           .a_row = wide,
                           .a_step = 1,
                           .n_a = t->n,
                           .b = v + t->from * pad,
                           .b_stride = pad,
                           .n_t = t->end - t->from,
                           .y = y,
                           .y_stride = pad,
                           .n = pad,
                           .more = true };

    it->kern->blend(&m);
}

/* What row r of the item sees of a tile: [*from, *end) relative to t->from. */
static void
sees(const struct item *it, const struct tile *t, size_t r, size_t *from,
     size_t *end)
{
    size_t token = token_of(it, r);

    *from = most(first_of(it, token), t->from) - t->from;
    *end = most(least(token + 1, t->end), t->from) - t->from;
}

/* Zeros outside of [from, end) of n. */
static void
clear_rest(float *x, size_t from, size_t end, size_t n)
{
    memset(x, 0, least(from, n) * sizeof(*x));
    if (end < n)
        memset(x + end, 0, (n - end) * sizeof(*x));
}

/* ---- there */

/* Scores x of row i of the tile become powers; m, s and o go on. */
static void
soften(const struct item *it, const struct tile *t, size_t i, float *x)
{
    const struct sov_kern *kern = it->kern;
    size_t from, end, d;
    float *o = it->o + i * it->v_pad;
    float top, f = it->m[i];

    sees(it, t, t->row + i, &from, &end);
    clear_rest(x, from, end, up(t->end - t->from, VEC));
    if (from >= end)
        return;
    top = kern->max(x + from, end - from);
    top = f > top ? f : top;
    if (top > f && f > -INFINITY) {
        kern->exp(&f, 1, top);
        it->s[i] *= f;
        for (d = 0; d < it->v_pad; d++)
            o[d] *= f;
    }
    it->s[i] += kern->exp_sum(x + from, end - from, top);
    it->m[i] = top;
}

static void
begin_tile(const struct item *it, size_t row, size_t n)
{
    const struct sov_attn_dims *d = it->d;
    size_t i;

    for (i = 0; i < n; i++) {
        times(it, it->q + i * it->k_pad, it->k_pad,
              it->job->q + place_of(it, d->q_stride, d->k_len, row + i),
              d->k_len, d->scale);
        it->m[i] = -INFINITY;
        it->s[i] = 0;
    }
    memset(it->o, 0, n * it->v_pad * sizeof(float));
}

static void
end_tile(const struct item *it, size_t row, size_t n)
{
    const struct sov_attn_dims *d = it->d;
    size_t i;

    for (i = 0; i < n; i++) {
        times(it, it->job->o_out + place_of(it, d->o_stride, d->v_len, row + i),
              d->v_len, it->o + i * it->v_pad, d->v_len, 1.0f / it->s[i]);
        it->job->lse_out[lse_of(it, row + i)] =
            (float)((double)it->m[i] + sov_log((double)it->s[i]));
    }
}

static void
attend(const struct item *it)
{
    const struct sov_attn_dims *d = it->d;
    size_t rows = it->n * it->group;
    size_t row, n, i, begin;

    across_in(it->kt, it->wide,
              it->job->k + it->row * d->k_stride + it->head * d->k_len,
              d->k_stride, it->n, d->k_len);
    rows_in(it->v, it->v_pad,
            it->job->v + it->row * d->v_stride + it->head * d->v_len,
            d->v_stride, it->n, d->v_len);
    for (row = 0; row < rows; row += n) {
        n = least(ROWS, rows - row);
        begin_tile(it, row, n);
        begin = down(first_of(it, token_of(it, row)), SPAN);
        for (; begin <= token_of(it, row + n - 1); begin += SPAN) {
            struct tile t = tile_at(it, row, n, begin, begin + SPAN);

            make_scores(it, &t, it->q, it->k_pad, d->k_len, it->kt, it->x,
                        FORTH_WIDE);
            for (i = 0; i < n; i++)
                soften(it, &t, i, it->x + i * FORTH_WIDE);
            add_rows(it, &t, it->x, FORTH_WIDE, it->v, it->v_pad, it->o);
        }
        end_tile(it, row, n);
    }
}

int
sov_prim_attn(const struct sov_prim *p, const struct sov_attn_dims *dims,
              const size_t *first, size_t n_seq, const sov_real *q,
              const sov_real *k, const sov_real *v, sov_real *o, sov_real *lse,
              struct sov_err *err)
{
    struct job job = { .lay = lay_forth,
                       .work = attend,
                       .kern = p->k,
                       .d = dims,
                       .first = first,
                       .q = q,
                       .k = k,
                       .v = v,
                       .o_out = o,
                       .lse_out = lse };

    return do_all(&job, first, n_seq, err);
}

/* ---- back */

/* Rows [row, row + n): q, do, and what softmax made of them. */
static void
begin_block(const struct item *it, size_t row, size_t n)
{
    const struct sov_attn_dims *d = it->d;
    const struct job *job = it->job;
    size_t i;

    for (i = 0; i < n; i++) {
        size_t at = place_of(it, d->o_stride, d->v_len, row + i);

        times(it, it->q + i * it->k_pad, it->k_pad,
              job->q + place_of(it, d->q_stride, d->k_len, row + i), d->k_len,
              d->scale);
        rows_in(it->o + i * it->v_pad, it->v_pad, job->d_o + at, 0, 1,
                d->v_len);
        it->m[i] = job->lse[lse_of(it, row + i)];
        it->s[i] = it->kern->dot_f32(job->d_o + at, job->o + at, d->v_len);
    }
    memset(it->dq, 0, n * it->k_pad * sizeof(float));
}

static void
end_block(const struct item *it, size_t row, size_t n)
{
    const struct sov_attn_dims *d = it->d;
    size_t i;

    for (i = 0; i < n; i++) {
        size_t at = place_of(it, d->q_stride, d->k_len, row + i);

        times(it, it->job->dq + at, d->k_len, it->dq + i * it->k_pad, d->k_len,
              d->scale);
    }
}

/* Probabilities x and gradients g of a tile, i rows into the block, which lie
 * `at` into the block's rows of scores; and what they give to dq. */
static void
tile_back(const struct item *it, const struct tile *t, size_t i, size_t at)
{
    size_t whole = up(t->end - t->from, VEC);
    float *x = it->x + i * BACK_WIDE + at;
    float *g = it->g + i * BACK_WIDE + at;
    size_t r, from, end;

    make_scores(it, t, it->q + i * it->k_pad, it->k_pad, it->d->k_len, it->kt,
                x, BACK_WIDE);
    make_scores(it, t, it->o + i * it->v_pad, it->v_pad, it->d->v_len, it->vt,
                g, BACK_WIDE);
    for (r = 0; r < t->n; r++) {
        float *xr = x + r * BACK_WIDE;
        float *gr = g + r * BACK_WIDE;

        sees(it, t, t->row + r, &from, &end);
        clear_rest(xr, from, end, whole);
        clear_rest(gr, from, end, whole);
        if (from < end)
            it->kern->exp_back(xr + from, gr + from, end - from, it->m[i + r],
                               it->s[i + r]);
    }
    add_rows(it, t, g, BACK_WIDE, it->k, it->k_pad, it->dq + i * it->k_pad);
}

/* dk and dv of the panel of keys that begins at `key`, of which the block's
 * scores begin `at` numbers in: of all its tiles that see one of them. */
static void
panel_back(const struct item *it, size_t row, size_t n, size_t key, size_t at)
{
    size_t window = it->d->window;
    size_t r = most(key * it->group, row) - row;
    size_t end = n;
    struct sov_blend m = {
        .a_row = 1, .a_step = BACK_WIDE, .n_a = VEC, .more = true
    };

    if (window > 0)
        end = least(n, most((key + VEC - 1 + window) * it->group, row) - row);
    r = down(r, ROWS);
    end = least(n, up(end, ROWS));
    if (r >= end)
        return;
    m.n_t = end - r;
    m.a = it->x + r * BACK_WIDE + at;
    m.b = it->o + r * it->v_pad;
    m.y = it->dv + key * it->v_pad;
    m.b_stride = m.y_stride = m.n = it->v_pad;
    it->kern->blend(&m);
    m.a = it->g + r * BACK_WIDE + at;
    m.b = it->q + r * it->k_pad;
    m.y = it->dk + key * it->k_pad;
    m.b_stride = m.y_stride = m.n = it->k_pad;
    it->kern->blend(&m);
}

static void
block_back(const struct item *it, size_t row, size_t n)
{
    size_t first = down(first_of(it, token_of(it, row)), VEC);
    size_t last = token_of(it, row + n - 1);
    size_t begin, end, i, key;

    for (begin = first; begin <= last; begin = end) {
        end = begin + REGION;
        for (i = 0; i < n; i += ROWS) {
            struct tile t =
                tile_at(it, row + i, least(ROWS, n - i), begin, end);

            if (t.from < t.end)
                tile_back(it, &t, i, t.from - begin);
        }
        for (key = begin; key < least(end, last + 1); key += VEC)
            panel_back(it, row, n, key, key - begin);
    }
}

static void
attend_back(const struct item *it)
{
    const struct sov_attn_dims *d = it->d;
    size_t k_at = it->row * d->k_stride + it->head * d->k_len;
    size_t v_at = it->row * d->v_stride + it->head * d->v_len;
    size_t rows = it->n * it->group;
    size_t row, n;

    across_in(it->kt, it->wide, it->job->k + k_at, d->k_stride, it->n,
              d->k_len);
    across_in(it->vt, it->wide, it->job->v + v_at, d->v_stride, it->n,
              d->v_len);
    rows_in(it->k, it->k_pad, it->job->k + k_at, d->k_stride, it->n, d->k_len);
    memset(it->dk, 0, up(it->n, VEC) * it->k_pad * sizeof(float));
    memset(it->dv, 0, up(it->n, VEC) * it->v_pad * sizeof(float));
    for (row = 0; row < rows; row += n) {
        n = least(BLOCK, rows - row);
        begin_block(it, row, n);
        block_back(it, row, n);
        end_block(it, row, n);
    }
    rows_out(it->job->dk + k_at, d->k_stride, it->dk, it->k_pad, it->n,
             d->k_len);
    rows_out(it->job->dv + v_at, d->v_stride, it->dv, it->v_pad, it->n,
             d->v_len);
}

int
sov_prim_attn_back(const struct sov_prim *p, const struct sov_attn_dims *dims,
                   const size_t *first, size_t n_seq, const sov_real *q,
                   const sov_real *k, const sov_real *v, const sov_real *o,
                   const sov_real *lse, const sov_real *d_o, sov_real *dq,
                   sov_real *dk, sov_real *dv, struct sov_err *err)
{
    struct job job = { .lay = lay_back,
                       .work = attend_back,
                       .kern = p->k,
                       .d = dims,
                       .first = first,
                       .q = q,
                       .k = k,
                       .v = v,
                       .o = o,
                       .lse = lse,
                       .d_o = d_o,
                       .dq = dq,
                       .dk = dk,
                       .dv = dv };

    return do_all(&job, first, n_seq, err);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attn_pages.c - attention over a cache of pages
 *
 * Keys and queries, and values, are turned by a Hadamard matrix as large as
 * their length allows, so that no single channel decides the scale of all; the
 * products of turned keys and queries are the same, and what is mixed of
 * turned values is turned back.
 *
 * The rows of a key head are its columns times the query heads that share it;
 * up to 32 of them are a tile.  A unit of work is a tile, or, where all rows
 * are one tile (decoding), a span of a tile: then whoever does the last span of
 * a tile puts all of them together, in their order.
 */
#include "nn/attn_forms.h"

#include <math.h>
#include <stdatomic.h>
#include <string.h>

#define ROWS     SOV_SPAN_ROWS
#define TURN_MAX 512 /* numbers that are turned together */
#define LOG2E    1.44269504f

/* ---- keeping */

/* Turn x[n], in pieces of the largest power of two that divides n. */
static void
turn_all(const struct sov_kern *k, float *x, size_t n)
{
    size_t piece = n & -n;
    float root;
    size_t i;

    piece = piece < TURN_MAX ? piece : TURN_MAX;
    if (piece == 1)
        return;
    root = 1.0f / sqrtf((float)piece);
    for (i = 0; i < n; i += piece)
        k->turn(x + i, piece, root);
}

static void
put_scale(unsigned char *p, size_t key, float d)
{
    memcpy(p + key * sizeof(d), &d, sizeof(d));
}

/* Key number `key` of page p, four bytes at a time; x is used up. */
static void
put_key(const struct sov_nn *nn, const struct sov_page *page, unsigned char *p,
        size_t key, float *x)
{
    int8_t q[SOV_PAGE_LEN];
    size_t i, b;

    turn_all(nn->k, x, page->k_len);
    put_scale(p + page->k_scale, key, nn->k->to_s8(x, q, page->k_len));
    memset(q + page->k_len, 0, page->k_pad - page->k_len);
    for (i = 0; i < page->k_pad; i += 4) {
        unsigned char *to = p + SOV_PAGE_KEYS * i + 4 * key;

        for (b = 0; b < 4; b++)
            to[b] = (unsigned char)(q[i + b] + 128);
    }
}

/* Value likewise; those of four keys are neighbours. */
static void
put_value(const struct sov_nn *nn, const struct sov_page *page,
          unsigned char *p, size_t key, float *x)
{
    unsigned char *to = p + page->v + key / 4 * 4 * page->v_pad + key % 4;
    int8_t q[SOV_PAGE_LEN];
    size_t i;

    turn_all(nn->k, x, page->v_len);
    put_scale(p + page->v_scale, key, nn->k->to_s8(x, q, page->v_len));
    for (i = 0; i < page->v_len; i++)
        to[4 * i] = (unsigned char)q[i];
}

static size_t
pages_of(size_t n_keys)
{
    return (n_keys + SOV_PAGE_KEYS - 1) / SOV_PAGE_KEYS;
}

void
sov_pages_put(const struct sov_nn *nn, const struct sov_cache *kv, size_t pos,
              float *k, float *v)
{
    size_t h;

    for (h = 0; h < kv->n_kv; h++) {
        size_t page = h * pages_of(kv->n_slots) +
                      pos % kv->n_slots / SOV_PAGE_KEYS;
        unsigned char *p = kv->k + page * kv->page.bytes;

        put_key(nn, &kv->page, p, pos % SOV_PAGE_KEYS, k + h * kv->k_len);
        put_value(nn, &kv->page, p, pos % SOV_PAGE_KEYS, v + h * kv->v_len);
    }
}

/* ---- units and their memory */

/* How the rows of a key head are cut. */
struct cut {
    size_t group;      /* query heads of a key head */
    size_t rows;       /* of a key head */
    size_t tiles;
    size_t first_span; /* of the earliest column; the last is at the end */
    size_t spans;
    bool split;        /* a unit is a span, not a tile */
};

static struct cut
cut_of(const struct sov_attn *at)
{
    struct cut cut = { .group = at->n_head / at->kv->n_kv };
    size_t last = sov_attn_end(at, at->n_cols - 1) - 1;

    cut.rows = at->n_cols * cut.group;
    cut.tiles = (cut.rows + ROWS - 1) / ROWS;
    cut.first_span = sov_attn_first(at, 0) / SOV_SPAN_KEYS;
    cut.spans = last / SOV_SPAN_KEYS - cut.first_span + 1;
    cut.split = cut.tiles == 1 && cut.spans > 1;
    return cut;
}

size_t
sov_pages_units(const struct sov_attn *at)
{
    struct cut cut = cut_of(at);

    return at->kv->n_kv * (cut.split ? cut.spans : cut.tiles);
}

/* What comes out of a span, or of several. */
struct part {
    float *m; /* [ROWS] */
    float *s; /* [ROWS] */
    float *o; /* [ROWS][v_pad] */
};

static size_t
part_floats(const struct sov_page *page)
{
    return ROWS * (page->v_pad + 2);
}

static struct part
part_at(float *p)
{
    return (struct part){ p, p + ROWS, p + 2 * ROWS };
}

/*
 * A worker's tile, and its memory.  The queries are made once for all spans of
 * a tile.
 */
struct tile {
    const struct sov_nn *nn;
    const struct sov_attn *at;
    struct cut cut;
    size_t head;     /* of keys */
    size_t row;      /* the first */
    size_t n;        /* rows */
    int8_t *q;       /* [ROWS][k_pad] */
    int8_t *room;    /* [ROWS][k_pad] */
    float *x;        /* [k_len] */
    float *scale;    /* [ROWS] */
    uint32_t *first; /* [ROWS] */
    uint32_t *end;   /* [ROWS] */
    struct part all; /* of the spans so far */
    struct part one; /* of one span */
    bool seen[ROWS]; /* whether there is anything in all */
};

static size_t
sixteens(size_t n)
{
    return (n + 15) / 16 * 16;
}

size_t
sov_pages_room(const struct sov_cache *kv)
{
    return 2 * ROWS / sizeof(float) * kv->page.k_pad +
           sixteens(kv->page.k_len) + 3 * ROWS + 2 * part_floats(&kv->page);
}

static void
take_room(struct tile *t, float *room)
{
    const struct sov_page *page = &t->at->kv->page;
    size_t bytes = ROWS * page->k_pad;

    t->q = (int8_t *)room;
    t->room = t->q + bytes;
    t->x = room + 2 * bytes / sizeof(float);
    t->scale = t->x + sixteens(page->k_len);
    t->first = (uint32_t *)(void *)(t->scale + ROWS);
    t->end = t->first + ROWS;
    t->all = part_at(t->scale + 3 * ROWS);
    t->one = part_at(t->scale + 3 * ROWS + part_floats(page));
}

/*
 * Memory of all workers: for each key head how many of its spans are done, 0
 * between calls, then the parts.
 */
static size_t
counts_bytes(size_t n_kv)
{
    return (n_kv * sizeof(atomic_uint) + 63) / 64 * 64;
}

static size_t
spans_of(size_t n_keys)
{
    return (n_keys + SOV_SPAN_KEYS - 1) / SOV_SPAN_KEYS;
}

uint64_t
sov_pages_share(const struct sov_cache *kv, size_t n_head)
{
    uint64_t parts;

    if (n_head / kv->n_kv > ROWS)
        return 0;
    if (__builtin_mul_overflow((uint64_t)kv->n_kv * spans_of(kv->n_ctx),
                               part_floats(&kv->page) * sizeof(float),
                               &parts) ||
        __builtin_add_overflow(parts, counts_bytes(kv->n_kv), &parts))
        return UINT64_MAX;
    return parts;
}

static struct part
shared_part(const struct tile *t, size_t span)
{
    char *parts = (char *)t->nn->share + counts_bytes(t->at->kv->n_kv);
    size_t i = t->head * t->cut.spans + span - t->cut.first_span;

    return part_at((float *)(void *)parts +
                   i * part_floats(&t->at->kv->page));
}

/* ---- the work */

static size_t
column_of(const struct tile *t, size_t r)
{
    return (t->row + r) / t->cut.group;
}

static size_t
query_head_of(const struct tile *t, size_t r)
{
    return t->head * t->cut.group + (t->row + r) % t->cut.group;
}

static void
take_queries(const struct tile *t)
{
    const struct sov_attn *at = t->at;
    const struct sov_page *page = &at->kv->page;
    size_t r;

    for (r = 0; r < t->n; r++) {
        int8_t *q = t->q + r * page->k_pad;
        float d;

        memcpy(t->x,
               at->q + column_of(t, r) * at->q_stride +
                   query_head_of(t, r) * page->k_len,
               page->k_len * sizeof(*t->x));
        turn_all(t->nn->k, t->x, page->k_len);
        d = t->nn->k->to_s8(t->x, q, page->k_len);
        memset(q + page->k_len, 0, page->k_pad - page->k_len);
        t->scale[r] = d * at->scale * LOG2E;
    }
}

/* Position at as seen from a span. */
static uint32_t
in_span(size_t at, size_t base)
{
    size_t i = at > base ? at - base : 0;

    return (uint32_t)(i < SOV_SPAN_KEYS ? i : SOV_SPAN_KEYS);
}

/* Where the rows begin and end in a span; what row r sees there. */
static void
set_bounds(const struct tile *t, size_t span)
{
    size_t r;

    for (r = 0; r < t->n; r++) {
        size_t c = column_of(t, r);

        t->first[r] = in_span(sov_attn_first(t->at, c), span * SOV_SPAN_KEYS);
        t->end[r] = in_span(sov_attn_end(t->at, c), span * SOV_SPAN_KEYS);
    }
}

static bool
sees(const struct tile *t, size_t r)
{
    return t->first[r] < t->end[r];
}

static void
do_span(const struct tile *t, size_t span, struct part out)
{
    const struct sov_cache *kv = t->at->kv;
    size_t page = t->head * pages_of(kv->n_slots) +
                  span * SOV_SPAN_KEYS % kv->n_slots / SOV_PAGE_KEYS;
    struct sov_attn_span a = {
        .page = &kv->page, .n_rows = t->n, .q = t->q, .q_scale = t->scale,
        .first = t->first, .end = t->end, .m = out.m, .s = out.s, .o = out.o,
        .room = t->room, .pages = kv->k + page * kv->page.bytes,
        .cap = t->at->cap * LOG2E,
        .cap_step = t->at->cap > 0 ? 2.0f / t->at->cap : 0,
    };

    set_bounds(t, span);
    a.n_pages = pages_of(t->end[t->n - 1]); /* ends do not fall */
    t->nn->k->attn_span(&a);
}

/* Add a span to all that came before it. */
static void
add_span(struct tile *t, struct part one)
{
    size_t v_pad = t->at->kv->page.v_pad;
    struct part all = t->all;
    size_t r;

    for (r = 0; r < t->n; r++) {
        float *o = all.o + r * v_pad;

        if (!sees(t, r))
            continue;
        if (t->seen[r]) {
            t->nn->k->attn_add(&all.m[r], &all.s[r], o, one.m[r], one.s[r],
                               one.o + r * v_pad, v_pad);
        } else {
            all.m[r] = one.m[r];
            all.s[r] = one.s[r];
            memcpy(o, one.o + r * v_pad, v_pad * sizeof(*o));
            t->seen[r] = true;
        }
    }
}

/* A sink is one more span, of one score and no value. */
static void
add_sinks(struct tile *t)
{
    size_t v_pad = t->at->kv->page.v_pad;
    size_t r;

    if (t->at->sink == NULL)
        return;
    memset(t->one.o, 0, v_pad * sizeof(float));
    for (r = 0; r < t->n; r++)
        t->nn->k->attn_add(&t->all.m[r], &t->all.s[r], t->all.o + r * v_pad,
                           t->at->sink[query_head_of(t, r)] * LOG2E, 1.0f,
                           t->one.o, v_pad);
}

/* The end: o / s, turned back. */
static void
give_out(struct tile *t)
{
    const struct sov_attn *at = t->at;
    size_t v_len = at->kv->v_len;
    size_t r, i;

    add_sinks(t);
    for (r = 0; r < t->n; r++) {
        float *out = at->o + column_of(t, r) * at->o_stride +
                     query_head_of(t, r) * v_len;
        const float *o = t->all.o + r * at->kv->page.v_pad;
        float part = 1.0f / t->all.s[r];

        for (i = 0; i < v_len; i++)
            out[i] = o[i] * part;
        turn_all(t->nn->k, out, v_len);
    }
}

/* Tile number i of a key head. */
static void
start_tile(struct tile *t, size_t head, size_t i)
{
    size_t left = t->cut.rows - i * ROWS;

    t->head = head;
    t->row = i * ROWS;
    t->n = left < ROWS ? left : ROWS;
    take_queries(t);
}

static void
do_tile(struct tile *t)
{
    size_t first = sov_attn_first(t->at, column_of(t, 0)) / SOV_SPAN_KEYS;
    size_t end = spans_of(sov_attn_end(t->at, column_of(t, t->n - 1)));
    size_t span;

    memset(t->seen, 0, sizeof(t->seen));
    for (span = first; span < end; span++) {
        do_span(t, span, t->one);
        add_span(t, t->one);
    }
    give_out(t);
}

/* A span of the only tile; the last to be done puts all together. */
static void
do_split(struct tile *t, size_t span)
{
    atomic_uint *done = (atomic_uint *)t->nn->share + t->head;
    size_t i;

    do_span(t, span, shared_part(t, span));
    if (atomic_fetch_add(done, 1) + 1 < t->cut.spans)
        return;
    atomic_store(done, 0);
    memset(t->seen, 0, sizeof(t->seen));
    for (i = 0; i < t->cut.spans; i++) {
        set_bounds(t, t->cut.first_span + i);
        add_span(t, shared_part(t, t->cut.first_span + i));
    }
    give_out(t);
}

/* Tiles of a head follow each other, the longest first. */
void
sov_pages_unit(const struct sov_nn *nn, const struct sov_attn *at,
               size_t first, size_t last, unsigned worker)
{
    struct tile t = { .nn = nn, .at = at, .cut = cut_of(at), .head = SIZE_MAX };
    size_t i;

    take_room(&t, sov_nn_scratch(nn, worker));
    for (i = first; i < last; i++) {
        if (t.cut.split) {
            if (t.head != i / t.cut.spans)
                start_tile(&t, i / t.cut.spans, 0);
            do_split(&t, t.cut.first_span + i % t.cut.spans);
        } else {
            start_tile(&t, i / t.cut.tiles,
                       t.cut.tiles - 1 - i % t.cut.tiles);
            do_tile(&t);
        }
    }
}

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
 * a tile puts all of them together, in their order.  Where a tile has several
 * timelines, the pages that they share come first, for all rows at once, and
 * each goes on with its own.
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

void
sov_pages_put(const struct sov_nn *nn, const struct sov_cache *kv,
              const uint32_t *block, size_t pos, float *k, float *v)
{
    size_t h;

    for (h = 0; h < kv->n_kv; h++) {
        unsigned char *p = sov_cache_k(kv, h, block[pos / SOV_PAGE_KEYS]);

        put_key(nn, &kv->page, p, pos % SOV_PAGE_KEYS, k + h * kv->k_len);
        put_value(nn, &kv->page, p, pos % SOV_PAGE_KEYS, v + h * kv->v_len);
    }
}

/* ---- units and their memory */

/* The only tile of a pass over a long context is cut into its spans. */
struct cut {
    size_t first_span; /* of the earliest column */
    size_t spans;      /* up to that of the last */
    bool split;        /* a unit is a span, not a tile */
};

static struct cut
cut_of(const struct sov_attn *at)
{
    struct cut cut = { .first_span = SIZE_MAX };
    size_t end = 0;
    size_t i;

    if (at->n_tiles != 1)
        return cut;
    for (i = 0; i < at->n_seq; i++) {
        const struct sov_attn_seq *seq = &at->seq[i];
        size_t first = sov_attn_first(at, seq->column) / SOV_SPAN_KEYS;
        size_t last = sov_attn_end(at, seq, seq->n_cols - 1) - 1;

        last = last / SOV_SPAN_KEYS + 1;
        cut.first_span = first < cut.first_span ? first : cut.first_span;
        end = last > end ? last : end;
    }
    cut.spans = end - cut.first_span;
    cut.split = cut.spans > 1;
    return cut;
}

size_t
sov_pages_units(const struct sov_attn *at)
{
    struct cut cut = cut_of(at);

    return at->kv->n_kv * (cut.split ? cut.spans : at->n_tiles);
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

/* A row of a tile: whose it is, and the keys that it sees. */
struct row {
    size_t column; /* of the pass */
    size_t head;   /* of queries */
    size_t first;
    size_t end;
};

/*
 * A worker's tile, and its memory.  The queries are made once for all spans of
 * a tile.
 */
struct tile {
    const struct sov_nn *nn;
    const struct sov_attn *at;
    const struct sov_tile *is;
    struct cut cut;
    size_t group;    /* query heads of a key head */
    size_t head;     /* of keys */
    size_t n;        /* rows */
    struct row row[ROWS];
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
               at->q + t->row[r].column * at->q_stride +
                   t->row[r].head * page->k_len,
               page->k_len * sizeof(*t->x));
        turn_all(t->nn->k, t->x, page->k_len);
        d = t->nn->k->to_s8(t->x, q, page->k_len);
        memset(q + page->k_len, 0, page->k_pad - page->k_len);
        t->scale[r] = d * at->scale * LOG2E;
    }
}

/* Position at as seen from another one, a page's first. */
static uint32_t
seen_from(size_t at, size_t base)
{
    size_t i = at > base ? at - base : 0;

    return (uint32_t)(i < SOV_SPAN_KEYS ? i : SOV_SPAN_KEYS);
}

/* Does row r see a key of a span? */
static bool
sees(const struct tile *t, size_t r, size_t span)
{
    size_t base = span * SOV_SPAN_KEYS;

    return t->row[r].first < base + SOV_SPAN_KEYS && t->row[r].end > base &&
           t->row[r].first < t->row[r].end;
}

/*
 * Rows [r, r + n) in pages [page, end) of a timeline, as far as they see any;
 * they go on from other pages of the span, or begin here.
 */
static void
walk(const struct tile *t, const struct sov_attn_seq *seq, size_t r, size_t n,
     size_t page, size_t end, bool more, struct part out)
{
    const struct sov_cache *kv = t->at->kv;
    const unsigned char *pages[SOV_SPAN_PAGES];
    struct sov_attn_span a = {
        .page = &kv->page, .pages = pages, .more = more, .n_rows = n,
        .q = t->q + r * kv->page.k_pad, .q_scale = t->scale + r,
        .first = t->first + r, .end = t->end + r, .m = out.m + r,
        .s = out.s + r, .o = out.o + r * kv->page.v_pad, .room = t->room,
        .cap = t->at->cap * LOG2E,
        .cap_step = t->at->cap > 0 ? 2.0f / t->at->cap : 0,
    };
    size_t last = 0;
    size_t i;

    for (i = r; i < r + n; i++) {
        t->first[i] = seen_from(t->row[i].first, page * SOV_PAGE_KEYS);
        t->end[i] = seen_from(t->row[i].end, page * SOV_PAGE_KEYS);
        last = t->end[i] > last ? t->end[i] : last;
    }
    last = page + sov_blocks_of(last);
    end = last < end ? last : end;
    for (; page < end; page++)
        pages[a.n_pages++] = sov_cache_k(kv, t->head, seq->block[page]);
    if (a.n_pages > 0 || !more)
        t->nn->k->attn_span(&a);
}

static void
do_span(const struct tile *t, size_t span, struct part out)
{
    const struct sov_attn_seq *seq = &t->at->seq[t->is->seq];
    size_t page = span * SOV_SPAN_PAGES;
    size_t end = page + SOV_SPAN_PAGES;
    size_t own = t->is->shared < end ? t->is->shared : end;
    size_t r, n, i;

    if (own > page)
        walk(t, seq, 0, t->n, page, own, false, out);
    else
        own = page;
    for (r = 0, i = 0; own < end && i < t->is->n_seq; i++, r += n) {
        n = seq[i].n_cols * t->group;
        walk(t, &seq[i], r, n, own, end, own > page, out);
    }
}

/* Add a span to all that came before it. */
static void
add_span(struct tile *t, size_t span, struct part one)
{
    size_t v_pad = t->at->kv->page.v_pad;
    struct part all = t->all;
    size_t r;

    for (r = 0; r < t->n; r++) {
        float *o = all.o + r * v_pad;

        if (!sees(t, r, span))
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
                           t->at->sink[t->row[r].head] * LOG2E, 1.0f,
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
        float *out = at->o + t->row[r].column * at->o_stride +
                     t->row[r].head * v_len;
        const float *o = t->all.o + r * at->kv->page.v_pad;
        float part = 1.0f / t->all.s[r];

        for (i = 0; i < v_len; i++)
            out[i] = o[i] * part;
        turn_all(t->nn->k, out, v_len);
    }
}

static void
take_rows(struct tile *t)
{
    const struct sov_attn *at = t->at;
    const struct sov_attn_seq *seq = &at->seq[t->is->seq];
    size_t row = t->is->row;
    size_t r;

    for (r = 0; r < t->n; r++, row++) {
        size_t c = row / t->group;

        if (c == seq->n_cols) {
            seq++;
            row = c = 0;
        }
        t->row[r] = (struct row){
            .column = seq->column + c,
            .head = t->head * t->group + row % t->group,
            .first = sov_attn_first(at, seq->column + c),
            .end = sov_attn_end(at, seq, c),
        };
    }
}

static void
start_tile(struct tile *t, size_t head, size_t i)
{
    t->head = head;
    t->is = &t->at->tile[i];
    t->n = t->is->n_rows;
    take_rows(t);
    take_queries(t);
}

static void
do_tile(struct tile *t)
{
    size_t first = SIZE_MAX;
    size_t end = 0;
    size_t span, r;

    for (r = 0; r < t->n; r++) {
        first = t->row[r].first < first ? t->row[r].first : first;
        end = t->row[r].end > end ? t->row[r].end : end;
    }
    memset(t->seen, 0, sizeof(t->seen));
    end = spans_of(end);
    for (span = first / SOV_SPAN_KEYS; span < end; span++) {
        do_span(t, span, t->one);
        add_span(t, span, t->one);
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
    for (i = t->cut.first_span; i < t->cut.first_span + t->cut.spans; i++)
        add_span(t, i, shared_part(t, i));
    give_out(t);
}

/* Tiles of a head follow each other, the longest first. */
void
sov_pages_unit(const struct sov_nn *nn, const struct sov_attn *at,
               size_t first, size_t last, unsigned worker)
{
    struct tile t = { .nn = nn, .at = at, .cut = cut_of(at), .head = SIZE_MAX,
                      .group = at->n_head / at->kv->n_kv };
    size_t i;

    take_room(&t, sov_nn_scratch(nn, worker));
    for (i = first; i < last; i++) {
        if (t.cut.split) {
            if (t.head != i / t.cut.spans)
                start_tile(&t, i / t.cut.spans, 0);
            do_split(&t, t.cut.first_span + i % t.cut.spans);
        } else {
            start_tile(&t, i / at->n_tiles,
                       at->n_tiles - 1 - i % at->n_tiles);
            do_tile(&t);
        }
    }
}

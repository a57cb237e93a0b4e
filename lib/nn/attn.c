/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attn.c - keys and values of what was read, and attention over them: rows or
 * pages
 */
#include "nn/attn_forms.h"

#include "base/mem.h"
#include "sys/par.h"

#include <string.h>

static size_t
row_bytes(enum sov_type type, size_t n)
{
    const struct sov_type_info *t = sov_type_info(type);

    return n / t->block * t->bytes;
}

/* Sizes of a page; lengths are of SOV_WIDTH_MAX at most. */
static void
lay_page(struct sov_page *page, size_t k_len, size_t v_len)
{
    page->k_len = k_len;
    page->v_len = v_len;
    page->k_pad = (k_len + 3) / 4 * 4;
    page->v_pad = (v_len + 15) / 16 * 16;
    page->k_scale = SOV_PAGE_KEYS * page->k_pad;
    page->v = page->k_scale + SOV_PAGE_KEYS * sizeof(float);
    page->v_scale = page->v + SOV_PAGE_KEYS * page->v_pad;
    page->bytes = page->v_scale + SOV_PAGE_KEYS * sizeof(float);
}

void
sov_cache_sizes(struct sov_cache *kv)
{
    if (kv->paged) {
        lay_page(&kv->page, kv->k_len, kv->v_len);
        kv->bytes = kv->page.bytes;
        return;
    }
    kv->k_bytes = row_bytes(kv->type, kv->k_len);
    kv->v_bytes = row_bytes(kv->type, kv->v_len);
    kv->bytes = SOV_BLOCK_KEYS * (kv->k_bytes + kv->v_bytes);
}

void
sov_cache_lay(struct sov_place *place, unsigned char *p, size_t n,
              size_t bytes)
{
    size_t i;

    for (i = 0; i < n; i++)
        place[i] = (struct sov_place){ p + i * bytes, n * bytes };
}

void
sov_cache_put(const struct sov_nn *nn, const struct sov_cache *kv,
              const uint32_t *block, size_t pos, float *k, float *v)
{
    if (kv->paged)
        sov_pages_put(nn, kv, block, pos, k, v);
    else
        sov_rows_put(nn, kv, block, pos, k, v);
}

void
sov_cache_copy(const struct sov_cache *kv, uint32_t from, uint32_t to)
{
    size_t h;

    for (h = 0; h < kv->n_kv; h++)
        memcpy(sov_cache_k(kv, h, to), sov_cache_k(kv, h, from), kv->bytes);
}

void
sov_cache_wipe(const struct sov_cache *kv, uint32_t block)
{
    size_t h;

    for (h = 0; h < kv->n_kv; h++)
        sov_mem_wipe(sov_cache_k(kv, h, block), kv->bytes);
}

/* ---- tiles */

static size_t
most_rows(const struct sov_cache *kv, size_t group)
{
    return kv->paged ? SOV_SPAN_ROWS : sov_rows_most(group);
}

uint64_t
sov_attn_tiles(const struct sov_cache *kv, size_t n_head, size_t n_cols)
{
    size_t group = n_head / kv->n_kv;
    size_t most = most_rows(kv, group);

    return (uint64_t)n_cols * ((group + most - 1) / most);
}

/*
 * May a timeline of so many rows join those of a tile?  What they share is
 * read once then; but those that are there may share more with each other.
 */
static bool
joins(const struct sov_tile *t, const struct sov_attn_seq *seq, size_t rows,
      size_t most)
{
    if (seq->shared == 0 || t->row != 0 || t->n_rows + rows > most)
        return false;
    return t->n_seq == 1 || seq->shared >= t->shared ||
           (t->shared - seq->shared) * (t->n_seq - 1) <= seq->shared;
}

static void
join(struct sov_tile *t, const struct sov_attn_seq *seq, size_t rows)
{
    t->n_seq++;
    t->n_rows += rows;
    t->shared = seq->shared < t->shared ? seq->shared : t->shared;
}

void
sov_attn_cut(struct sov_attn *at, struct sov_tile *tile)
{
    size_t group = at->n_head / at->kv->n_kv;
    size_t most = most_rows(at->kv, group);
    size_t n = 0;
    size_t i, row;

    for (i = 0; i < at->n_seq; i++) {
        const struct sov_attn_seq *seq = &at->seq[i];
        size_t rows = seq->n_cols * group;

        if (n > 0 && joins(&tile[n - 1], seq, rows, most)) {
            join(&tile[n - 1], seq, rows);
            continue;
        }
        for (row = 0; row < rows; row += most)
            tile[n++] = (struct sov_tile){
                .seq = i, .n_seq = 1, .row = row,
                .n_rows = rows - row < most ? rows - row : most,
                .shared = SIZE_MAX,
            };
    }
    at->tile = tile;
    at->n_tiles = n;
}

size_t
sov_attn_room(const struct sov_cache *kv, size_t n_head)
{
    return kv->paged ? sov_pages_room(kv) : sov_rows_room(kv, n_head);
}

uint64_t
sov_attn_share(const struct sov_cache *kv, size_t n_head)
{
    return kv->paged ? sov_pages_share(kv, n_head) : 0;
}

size_t
sov_attn_units(const struct sov_attn *at)
{
    return at->kv->paged ? sov_pages_units(at) : sov_rows_units(at);
}

void
sov_attn_unit(const struct sov_nn *nn, const struct sov_attn *at, size_t first,
              size_t last, unsigned worker)
{
    if (at->kv->paged)
        sov_pages_unit(nn, at, first, last, worker);
    else
        sov_rows_unit(nn, at, first, last, worker);
}

struct job {
    const struct sov_nn *nn;
    const struct sov_attn *at;
};

static void
run_units(void *arg, size_t first, size_t last, unsigned worker)
{
    const struct job *job = arg;

    sov_attn_unit(job->nn, job->at, first, last, worker);
}

uint64_t
sov_attn_work(const struct sov_attn *at)
{
    size_t units = sov_attn_units(at);
    uint64_t pairs = 0; /* of a query and a key */
    size_t i;

    for (i = 0; i < at->n_seq; i++)
        pairs += (uint64_t)at->seq[i].n_cols *
                 (at->seq[i].pos + at->seq[i].n_cols);
    return pairs * (at->kv->k_len + at->kv->v_len) * at->n_head /
           (units > 0 ? units : 1);
}

void
sov_attn(const struct sov_nn *nn, const struct sov_attn *at)
{
    struct job job = { nn, at };
    size_t n = sov_attn_units(at);

    sov_par_for(n, sov_nn_grain(n, sov_attn_work(at)), run_units, &job);
}

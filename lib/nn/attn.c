/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attn.c - keys and values of what was read, and attention over them: rows or
 * pages
 */
#include "nn/attn_forms.h"

#include "sys/par.h"

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

size_t
sov_cache_slots(const struct sov_cache *kv, uint64_t n_keys)
{
    uint64_t unit = kv->paged ? SOV_SPAN_KEYS : SOV_PAGE_KEYS;
    uint64_t slots = (n_keys + unit - 1) / unit * unit;

    return slots < kv->n_ctx ? (size_t)slots : kv->n_ctx;
}

uint64_t
sov_cache_bytes(struct sov_cache *kv, uint64_t *k_bytes, uint64_t *v_bytes)
{
    uint64_t rows, pages;

    if (kv->n_slots == 0)
        kv->n_slots = kv->n_ctx;
    rows = (uint64_t)kv->n_kv * kv->n_slots;
    pages = ((uint64_t)kv->n_slots + SOV_PAGE_KEYS - 1) / SOV_PAGE_KEYS;
    if (kv->paged) {
        lay_page(&kv->page, kv->k_len, kv->v_len);
        *k_bytes = kv->n_kv * pages * kv->page.bytes;
        *v_bytes = 0;
    } else {
        kv->k_bytes = row_bytes(kv->type, kv->k_len);
        kv->v_bytes = row_bytes(kv->type, kv->v_len);
        *k_bytes = rows * kv->k_bytes;
        *v_bytes = rows * kv->v_bytes;
    }
    return *k_bytes + *v_bytes;
}

void
sov_cache_put(const struct sov_nn *nn, const struct sov_cache *kv, size_t pos,
              float *k, float *v)
{
    if (kv->paged)
        sov_pages_put(nn, kv, pos, k, v);
    else
        sov_rows_put(nn, kv, pos, k, v);
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

void
sov_attn(const struct sov_nn *nn, const struct sov_attn *at)
{
    struct job job = { nn, at };
    size_t n = sov_attn_units(at);
    uint64_t keys = sov_attn_end(at, at->n_cols - 1);
    uint64_t all = keys * (at->kv->k_len + at->kv->v_len) * at->n_head *
                   at->n_cols;

    sov_par_for(n, sov_nn_grain(n, all / n), run_units, &job);
}

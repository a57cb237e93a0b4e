/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attn_forms.h - attention over each form of cache, for attn*.c alone
 */
#ifndef SOV_NN_ATTN_FORMS_H
#define SOV_NN_ATTN_FORMS_H

#include "nn/attn.h"

/* Rows of a tile at most. */
size_t sov_rows_most(size_t group);

void sov_rows_put(const struct sov_nn *nn, const struct sov_cache *kv,
                  const uint32_t *block, size_t pos, const float *k,
                  const float *v);
size_t sov_rows_room(const struct sov_cache *kv, size_t n_head);
size_t sov_rows_units(const struct sov_attn *at);
void sov_rows_unit(const struct sov_nn *nn, const struct sov_attn *at,
                   size_t first, size_t last, unsigned worker);

void sov_pages_put(const struct sov_nn *nn, const struct sov_cache *kv,
                   const uint32_t *block, size_t pos, float *k, float *v);
size_t sov_pages_room(const struct sov_cache *kv);
uint64_t sov_pages_share(const struct sov_cache *kv, size_t n_head);
size_t sov_pages_units(const struct sov_attn *at);
void sov_pages_unit(const struct sov_nn *nn, const struct sov_attn *at,
                    size_t first, size_t last, unsigned worker);

/* The first key that column c of the pass sees. */
static inline size_t
sov_attn_first(const struct sov_attn *at, size_t c)
{
    return at->first != NULL ? at->first[c] : 0;
}

/* The one after the last key that column i of a timeline sees. */
static inline size_t
sov_attn_end(const struct sov_attn *at, const struct sov_attn_seq *seq,
             size_t i)
{
    if (at->end != NULL)
        return at->end[seq->column + i];
    return seq->pos + (at->both ? seq->n_cols : i + 1);
}

/* The keys of a head in a block, or its page. */
static inline unsigned char *
sov_cache_k(const struct sov_cache *kv, size_t head, uint32_t block)
{
    const struct sov_place *at = &kv->place[block];

    return at->p + (kv->head + head) * at->step;
}

/* The values, of rows. */
static inline unsigned char *
sov_cache_v(const struct sov_cache *kv, size_t head, uint32_t block)
{
    return sov_cache_k(kv, head, block) + SOV_BLOCK_KEYS * kv->k_bytes;
}

#endif

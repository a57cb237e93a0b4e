/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attn_forms.h - attention over each form of cache, for attn.c alone
 */
#ifndef SOV_NN_ATTN_FORMS_H
#define SOV_NN_ATTN_FORMS_H

#include "nn/attn.h"

void sov_rows_put(const struct sov_nn *nn, const struct sov_cache *kv,
                  size_t pos, const float *k, const float *v);
size_t sov_rows_room(const struct sov_cache *kv, size_t n_head);
size_t sov_rows_units(const struct sov_attn *at);
void sov_rows_unit(const struct sov_nn *nn, const struct sov_attn *at,
                   size_t first, size_t last, unsigned worker);

void sov_pages_put(const struct sov_nn *nn, const struct sov_cache *kv,
                   size_t pos, float *k, float *v);
size_t sov_pages_room(const struct sov_cache *kv);
uint64_t sov_pages_share(const struct sov_cache *kv, size_t n_head);
size_t sov_pages_units(const struct sov_attn *at);
void sov_pages_unit(const struct sov_nn *nn, const struct sov_attn *at,
                    size_t first, size_t last, unsigned worker);

/* The first key that column c sees, and the one after its last. */
static inline size_t
sov_attn_first(const struct sov_attn *at, size_t c)
{
    return at->first != NULL ? at->first[c] : 0;
}

static inline size_t
sov_attn_end(const struct sov_attn *at, size_t c)
{
    if (at->end != NULL)
        return at->end[c];
    return at->pos + (at->both ? at->n_cols : c + 1);
}

#endif

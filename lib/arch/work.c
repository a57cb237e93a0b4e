/* SPDX-License-Identifier: Apache-2.0 */
/*
 * work.c - what a token costs a model
 *
 * Every matrix is multiplied with each token once, but for tables, of which a
 * token takes a row; where there is no output matrix the table of embeddings is
 * that, too.  Of experts a token meets some.
 */
#include "sov/run.h"

#include <string.h>

/* The part of a stack of experts that one token meets. */
static double
expert_share(const sov_meta *meta)
{
    uint64_t all, used;

    if (sov_meta_arch_u64(meta, "expert_count", &all, NULL) != 0 || all == 0 ||
        sov_meta_arch_u64(meta, "expert_used_count", &used, NULL) != 0 ||
        used > all)
        return 1;
    return (double)used / (double)all;
}

double
sov_model_met(const sov_model *model, const struct sov_tensor *t)
{
    double n = (double)sov_tensor_count(t);

    if (t->ndim < 2 || strstr(t->name, "position_embd") != NULL)
        return 0;
    if (strcmp(t->name, "token_embd.weight") == 0)
        return sov_model_find(model, "output.weight") < 0 ? n : 0;
    return strstr(t->name, "_exps.") != NULL
               ? n * expert_share(sov_model_meta(model))
               : n;
}

/* Numbers of the queries of all heads of a layer; 0: it does not say. */
static double
queries(const sov_meta *meta)
{
    uint64_t width, heads, len;

    if (sov_meta_arch_u64(meta, "attention.key_length", &len, NULL) == 0 &&
        sov_meta_arch_u64(meta, "attention.head_count", &heads, NULL) == 0)
        return (double)len * (double)heads;
    return sov_meta_arch_u64(meta, "embedding_length", &width, NULL) == 0
               ? (double)width
               : 0;
}

double
sov_model_flops(const sov_model *model, uint64_t n_ctx)
{
    const sov_meta *meta = sov_model_meta(model);
    double seen = ((double)n_ctx + 1) / 2, sum = 0;
    uint64_t layers = 0;

    for (size_t i = 0; i < sov_model_count(model); i++)
        sum += sov_model_met(model, sov_model_at(model, i));
    if (sov_meta_arch_u64(meta, "block_count", &layers, NULL) != 0)
        layers = 0;
    return 2 * (sum + (double)layers * 2 * queries(meta) * seen);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * llama.c - Llama 1 to 3, Mistral and what is made like them
 *
 * RMS norm before attention and before the gated feed-forward, rotary pairs
 * side by side (the rows of q and k are permuted for it when a model is
 * imported), optional biases everywhere.
 */
#include "arch/arch.h"

static int
load(struct sov_net *net, struct sov_bind *b)
{
    uint64_t experts = 0;
    int rc = sov_meta_u64(sov_model_meta(b->model), "llama.expert_count",
                          &experts, b->err);

    if (rc < 0)
        return rc;
    if (experts != 0)
        return sov_fail(b->err, SOV_EUNSUP,
                        "a llama with experts is not supported");
    return sov_dense_load(net, b);
}

const struct sov_arch sov_arch_llama = {
    .name = "llama",
    .rope = SOV_ROPE_NORM,
    .load = load,
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sparsegpt.c - what is cheapest to make up for goes, and is made up for
 *
 * Frantar, Alistarh, "SparseGPT: massive language models can be accurately
 * pruned in one-shot" (2023): see obs.h.
 */
#include "prune/obs.h"

const struct sov_prune_method sov_prune_method_sparsegpt = {
    .name = "sparsegpt",
    .about = "what the weights that stay make up for best",
    .needs = SOV_PRUNE_MOMENTS,
    .changes = true,
    .feed = sov_obs_prune,
};

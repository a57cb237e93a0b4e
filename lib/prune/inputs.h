/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inputs.h - what enters the matrices that are pruned, column by column
 */
#ifndef SOV_PRUNE_INPUTS_H
#define SOV_PRUNE_INPUTS_H

#include "sov/model.h"
#include "sov/prune.h"
#include "sov/stats.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sov_prune_fate;

struct sov_prune_inputs {
    const sov_stats *stats; /* borrowed; NULL: nothing is known */
    int64_t *entry;         /* owned; of each tensor, or -1 */
    struct sov_prune_fit fit;
    const char *first_missing;
    const char *first_unseen;
    uint64_t which_unseen;
};

/*
 * Of tensors that are pruned.  An entry of another length than its tensor's is
 * SOV_EFORMAT, and so are statistics without any that is needed.  Begin with
 * zeros; what was there before is forgotten.
 */
int sov_prune_inputs_take(struct sov_prune_inputs *in, const sov_model *model,
                          const struct sov_prune_fate *fate,
                          const sov_stats *stats,
                          struct sov_err *err) SOV_MUST_CHECK;
void sov_prune_inputs_free(struct sov_prune_inputs *in);

/* The mean squares of what enters matrix `matrix` of a tensor of k columns into
 * square[k]; false: it is not known. */
bool sov_prune_inputs_square(const struct sov_prune_inputs *in, size_t tensor,
                             uint64_t matrix, size_t k, float *square);

#endif

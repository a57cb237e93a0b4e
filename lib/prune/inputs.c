/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inputs.c - what enters the matrices that are pruned, column by column
 *
 * A tensor's weights are [columns, rows, matrices]; the entry of the statistics
 * is [columns, matrices].
 */
#include "prune/inputs.h"

#include "base/mem.h"
#include "calib/stats.h"
#include "prune/job.h"

#include <stdlib.h>

static int
find_entry(struct sov_prune_inputs *in, const struct sov_tensor *t,
           int64_t *entry, struct sov_err *err)
{
    uint64_t n, which = 0;

    in->fit.matrices++;
    *entry = sov_stats_find(in->stats, t->name);
    if (*entry < 0) {
        if (in->fit.missing++ == 0)
            in->first_missing = t->name;
        return 0;
    }
    if (sov_stats_fits(in->stats, (size_t)*entry, t, err) < 0)
        return SOV_EFORMAT;
    in->fit.used++;
    n = sov_stats_unseen(in->stats, (size_t)*entry, &which);
    if (n > 0 && in->fit.unseen == 0) {
        in->first_unseen = t->name;
        in->which_unseen = which;
    }
    in->fit.unseen += n;
    return 0;
}

static uint64_t
count_spare(const sov_stats *stats, const sov_model *model)
{
    uint64_t n = 0;

    for (size_t i = 0; i < sov_stats_count(stats); i++)
        n += sov_model_find(model, sov_stats_name(stats, i)) < 0;
    return n;
}

int
sov_prune_inputs_take(struct sov_prune_inputs *in, const sov_model *model,
                      const struct sov_prune_fate *fate, const sov_stats *stats,
                      struct sov_err *err)
{
    size_t n = sov_model_count(model);
    int rc = 0;

    sov_prune_inputs_free(in);
    *in = (struct sov_prune_inputs){ .stats = stats };
    in->entry = sov_mem_array(n, sizeof(*in->entry));
    if (in->entry == NULL)
        return sov_mem_fail(err);
    for (size_t i = 0; i < n && rc == 0; i++) {
        in->entry[i] = -1;
        if (stats != NULL && fate[i].pruned)
            rc = find_entry(in, sov_model_at(model, i), &in->entry[i], err);
    }
    if (rc == 0 && stats != NULL)
        in->fit.spare = count_spare(stats, model);
    if (rc == 0 && in->fit.used == 0 && in->fit.missing > 0)
        rc = sov_fail(err, SOV_EFORMAT,
                      "none of the %zu entries of the statistics is of one of "
                      "its matrices (%.80s, ...)",
                      sov_stats_count(stats), in->first_missing);
    return rc;
}

void
sov_prune_inputs_free(struct sov_prune_inputs *in)
{
    free(in->entry);
    in->entry = NULL;
}

bool
sov_prune_inputs_square(const struct sov_prune_inputs *in, size_t tensor,
                        uint64_t matrix, size_t k, float *square)
{
    if (in->entry[tensor] < 0)
        return false;
    sov_stats_mean(in->stats, (size_t)in->entry[tensor], matrix * k, k, square);
    return true;
}

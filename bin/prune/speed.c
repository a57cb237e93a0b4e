/* SPDX-License-Identifier: Apache-2.0 */
/*
 * speed.c - how many bytes a model may have to be faster by a factor
 *
 * A token is made in the time that it takes to read the weights which it needs;
 * so a model is made faster by a factor by having so much less of them.  Rows of
 * embeddings that are only looked up do not count, nor does what is no weight.
 */
#include "prune/prune.h"

#include <string.h>

/* Bytes of all files as they would be if nothing went. */
static int
whole_size(const struct prune *p, const struct sov_layout *layout,
           uint64_t *bytes, struct sov_err *err)
{
    sov_plan *plan = NULL;
    int rc = sov_plan_new(&plan, sov_model_meta(p->model), err);

    for (size_t i = 0; i < sov_model_count(p->model) && rc == 0; i++) {
        const struct sov_tensor *t = sov_model_at(p->model, i);

        rc = sov_plan_add(plan, t->name, t->type, t->ndim, t->dim, err);
    }
    if (rc == 0)
        rc = sov_plan_lay(plan, layout, err);
    if (rc == 0)
        *bytes = sov_plan_bytes(plan);
    sov_plan_free(plan);
    return rc;
}

/* Bytes of weights that are read for each token. */
static uint64_t
read_each_time(const sov_model *m)
{
    bool tied = sov_model_find(m, "output.weight") < 0;
    uint64_t sum = 0;

    for (size_t i = 0; i < sov_model_count(m); i++) {
        const struct sov_tensor *t = sov_model_at(m, i);

        if (tied || strcmp(t->name, "token_embd.weight") != 0)
            sum += t->size;
    }
    return sum;
}

int
prune_speed_target(const struct prune *p, const struct sov_layout *layout,
                   uint64_t *bytes, struct sov_err *err)
{
    uint64_t all = 0, moving = read_each_time(p->model);
    int rc;

    if (prune_options.speedup <= 0)
        return 0;
    rc = whole_size(p, layout, &all, err);
    if (rc == 0)
        *bytes =
            all - moving + (uint64_t)((double)moving / prune_options.speedup);
    return rc;
}

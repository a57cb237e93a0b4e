/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pack.c - --pack behind a method: what was pruned is packed in the same run
 *
 * What pruning, or healing, gives goes to a file without a name first, where
 * packing looks which types hold it.  How many bytes that will be is known
 * before where one pattern holds for all, and so are the patterns that a size
 * needs (fit.c).
 */
#include "prune/prune.h"

#include "cli/names.h"
#include "cli/progress.h"
#include "cli/tool.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

/* Weights of 64 that packed matrices keep, the most first. */
static const uint32_t keeps[] = { 32, 24, 16, 8 };

#define N_KEEPS (sizeof(keeps) / sizeof(keeps[0]))

struct prune_packing {
    struct prune_stage from;
    sov_prune *job;
};

unsigned
prune_pack_bits(void)
{
    const struct prune_options *o = &prune_options;

    if (!o->pack)
        return 0;
    if (o->pack_bits != 0)
        return (unsigned)o->pack_bits;
    return o->joint_bits != 0 ? (unsigned)o->joint_bits : 4;
}

/* A job that packs a model. */
static int
make(sov_prune **job, struct prune *p, sov_model *model,
     const struct sov_prune_pattern *pattern, struct sov_err *err)
{
    struct sov_prune_opts opt = {
        .ratio = NAN,
        .pack_bits = prune_pack_bits(),
        .patterned = pattern != NULL,
        .max_memory = sov_common.max_memory,
        .edit = prune_edit,
        .edit_arg = p,
        .progress = sov_progress_update,
    };

    if (pattern != NULL)
        opt.pattern = *pattern;
    prune_layout(p, &opt.layout);
    return sov_prune_new(job, model, &opt, err);
}

/* ---- how large it will be ---- */

/* With one pattern for all: what packs it then, to be freed. */
static int
with_pattern(struct prune *p, const struct sov_prune_pattern *pattern,
             sov_prune **job, struct sov_err *err)
{
    const struct sov_prune_pattern flat = { .rows = 1,
                                            .keep = pattern->keep,
                                            .of = pattern->of };

    return make(job, p, p->model, &flat, err);
}

static int
size_of(struct prune *p, const struct sov_prune_pattern *pattern,
        uint64_t *bytes, struct sov_err *err)
{
    sov_prune *job = NULL;
    int rc = with_pattern(p, pattern, &job, err);

    if (rc == 0)
        *bytes = sov_plan_bytes(sov_prune_plan(job));
    sov_prune_free(job);
    return rc;
}

/* The most weights that --target-size lets all matrices keep, and more of some
 * of them. */
static int
choose_patterns(struct prune *p, struct sov_err *err)
{
    sov_prune *job[N_KEEPS] = { NULL };
    struct sov_layout layout;
    const sov_plan *plan = NULL;
    size_t i;
    int rc = 0;

    prune_layout(p, &layout);
    for (i = 0; i < N_KEEPS && rc == 0; i++) {
        p->pattern =
            (struct sov_prune_pattern){ .rows = 1, .keep = keeps[i], .of = 64 };
        rc = with_pattern(p, &p->pattern, &job[i], err);
        plan = rc == 0 ? sov_prune_plan(job[i]) : NULL;
        if (rc == 0 && sov_plan_bytes(plan) <= prune_options.target_size)
            break;
    }
    if (rc == 0 && i == N_KEEPS)
        rc =
            sov_fail(err, SOV_EUNSUP,
                     "--target-size: with %" PRIu32 " of 64 weights in %u bits "
                     "it has %" PRIu64 " bytes, and fewer cannot be packed",
                     p->pattern.keep, prune_pack_bits(), sov_plan_bytes(plan));
    else if (rc == 0 && i > 0)
        rc = prune_fit(p, plan, sov_prune_plan(job[i - 1]), keeps[i - 1],
                       layout.align, err);
    else if (rc == 0)
        p->packed_bytes = sov_plan_bytes(plan);
    for (i = 0; i < N_KEEPS; i++)
        sov_prune_free(job[i]);
    return rc;
}

int
prune_pack_plan(struct prune *p, struct sov_err *err)
{
    const struct prune_options *o = &prune_options;
    int rc = 0;

    if (!p->packs)
        return 0;
    if (o->target_size > 0)
        rc = choose_patterns(p, err);
    else if (p->pattern.of != 0 && p->sheet == NULL && o->tensor_ratios.n == 0)
        rc = size_of(p, &p->pattern, &p->packed_bytes, err);
    return rc < 0 ? sov_err_wrap(err, "--pack") : 0;
}

/* ---- doing it ---- */

static struct prune_packing *
packing(struct prune *p)
{
    if (p->packing == NULL)
        p->packing = calloc(1, sizeof(*p->packing));
    return p->packing;
}

int
prune_pack_take(struct prune *p, const sov_plan *plan, prune_stage_fn fill,
                void *job, struct sov_err *err)
{
    struct prune_packing *k = packing(p);

    return k != NULL ? prune_stage_fill(&k->from, plan, fill, job, err)
                     : sov_fail(err, SOV_EMEM, "out of memory");
}

int
prune_pack(struct prune *p, struct sov_err *err)
{
    struct prune_packing *k = p->packing;
    const char *line;
    int rc = make(&k->job, p, k->from.model, NULL, err);

    for (size_t i = 0; rc == 0 && (line = sov_prune_warning(k->job, i)) != NULL;
         i++)
        sov_warn("%s: %s", sov_name_in(p->source), line);
    if (rc == 0)
        rc = prune_open_output(p, sov_prune_plan(k->job), err);
    if (rc < 0)
        return sov_err_wrap(err, "--pack");
    rc = prune_write(k->job, p->target.sink, err);
    return rc < 0 ? sov_err_wrap(err, "--pack") : 0;
}

void
prune_pack_end(struct prune *p)
{
    struct prune_packing *k = p->packing;

    if (k == NULL)
        return;
    sov_prune_free(k->job);
    prune_stage_end(&k->from);
    free(k);
    p->packing = NULL;
}

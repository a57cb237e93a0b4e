/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decide.c - which tensors lose weights, and how many
 *
 * The first of these that speaks of a tensor holds: a rule of the user's, the
 * sheet, and, for matrices of layers, the ratio or pattern for all.
 */
#include "base/map.h"
#include "base/mem.h"
#include "compress/mix.h"
#include "compress/settled.h"
#include "kern/kern.h"
#include "prune/job.h"

#include <fnmatch.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* While it is decided. */
struct decision {
    const struct sov_prune_opts *opts;
    struct sov_map names; /* of the sheet's rows */
    bool *used;           /* per rule: it matched something */
    size_t n_pruned;
};

bool
sov_prune_is_matrix(const struct sov_tensor *t)
{
    return sov_mix_is_matrix(t);
}

bool
sov_prune_is_usual(const struct sov_tensor *t)
{
    return sov_mix_is_matrix(t) && strncmp(t->name, "blk.", 4) == 0;
}

uint64_t
sov_prune_matrix_rows(const struct sov_tensor *t)
{
    return sov_tensor_rows(t) / (t->dim[2] * t->dim[3]);
}

/* Of n:m the ratio is that of whole groups. */
static struct sov_prune_share
share_of(bool patterned, const struct sov_prune_pattern *p, double ratio)
{
    struct sov_prune_share s = { .pattern = { .rows = 1 }, .ratio = ratio };

    if (patterned)
        s.pattern = *p;
    if (s.pattern.of != 0)
        s.ratio = (double)(s.pattern.of - s.pattern.keep) / s.pattern.of;
    return s;
}

static int
read_sheet(struct decision *d, const sov_model *model, struct sov_err *err)
{
    const struct sov_prune_sheet *s = d->opts->sheet;
    int rc = 0;

    for (size_t i = 0; s != NULL && i < s->n && rc == 0; i++) {
        const char *name = s->row[i].name;
        size_t at = 0;

        rc = sov_settled_find(model, name, &at, err);
        if (rc < 0)
            return rc;
        if (!sov_prune_is_matrix(sov_model_at(model, at)))
            return sov_fail(err, SOV_EFORMAT,
                            "the plan names tensor %.80s, which is no matrix",
                            name);
        rc = sov_map_add(&d->names, name, strlen(name), i, err);
        if (rc == 1)
            rc = sov_fail(err, SOV_EFORMAT, "the plan has tensor %.80s twice",
                          name);
    }
    return rc;
}

/* What is said of this tensor; a ratio of 0: it stays. */
static struct sov_prune_share
said_of(struct decision *d, const struct sov_tensor *t)
{
    const struct sov_prune_opts *o = d->opts;
    uint64_t at;

    for (size_t i = 0; i < o->n_rules; i++) {
        const struct sov_prune_rule *r = &o->rule[i];

        if (fnmatch(r->name, t->name, 0) == 0) {
            d->used[i] = true;
            return share_of(r->patterned, &r->pattern, r->ratio);
        }
    }
    if (o->sheet != NULL) {
        if (sov_map_get(&d->names, t->name, strlen(t->name), &at))
            return share_of(true, &o->sheet->row[at].pattern,
                            o->sheet->row[at].ratio);
    } else if (sov_prune_is_usual(t)) {
        return share_of(o->patterned, &o->pattern, o->ratio);
    }
    return share_of(false, NULL, 0);
}

/* Can its weights be put back as they were? */
static int
check_type(const struct sov_tensor *t, struct sov_err *err)
{
    const struct sov_type_info *info = sov_type_info((int)t->type);

    if (t->type == SOV_TYPE_F32 || t->type == SOV_TYPE_F16 ||
        t->type == SOV_TYPE_BF16)
        return 0;
    if (info->kind == SOV_KIND_BLOCK)
        return sov_fail(err, SOV_EUNSUP,
                        "tensor %.80s is %s: zeros do not stay where they are "
                        "put in weights that share scales; prune the f16 or "
                        "bf16 original and quantize what comes out",
                        t->name, info->name);
    return sov_fail(err, SOV_EUNSUP,
                    "tensor %.80s is %s; f32, f16 and bf16 can be pruned",
                    t->name, info->name);
}

static int
check_used(const struct decision *d, struct sov_err *err)
{
    for (size_t i = 0; i < d->opts->n_rules; i++)
        if (!d->used[i])
            return sov_fail(err, SOV_EARG, "no matrix is called like '%s'",
                            d->opts->rule[i].name);
    if (d->n_pruned == 0)
        return sov_fail(err, SOV_EARG,
                        "no weight of any matrix would go (those of layers are "
                        "called blk.*)");
    return 0;
}

static int
decide_all(struct sov_prune *job, struct decision *d, struct sov_err *err)
{
    int rc = read_sheet(d, job->model, err);

    for (size_t i = 0; i < sov_model_count(job->model) && rc == 0; i++) {
        const struct sov_tensor *t = sov_model_at(job->model, i);
        struct sov_prune_fate *f = &job->fate[i];

        f->share = share_of(false, NULL, 0);
        if (!sov_prune_is_matrix(t))
            continue;
        f->share = said_of(d, t);
        f->pruned = f->share.ratio > 0 && t->size > 0;
        d->n_pruned += f->pruned;
        if (f->pruned)
            rc = check_type(t, err);
    }
    return rc == 0 ? check_used(d, err) : rc;
}

int
sov_prune_decide(struct sov_prune *job, const struct sov_prune_opts *opts,
                 struct sov_err *err)
{
    struct decision d = { .opts = opts };
    int rc;

    d.used = sov_mem_array(opts->n_rules, sizeof(*d.used));
    rc = d.used == NULL ? sov_mem_fail(err) : decide_all(job, &d, err);
    sov_map_free(&d.names);
    free(d.used);
    return rc;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * importance.c - what an error costs, column by column
 *
 * A tensor's weights are [columns, rows, matrices]; the entry of the statistics
 * is [columns, matrices].  All rows of a matrix have the same importance, so a
 * view is filled anew only where the matrix or the piece of the row changes.
 */
#include "compress/importance.h"

#include "base/mem.h"
#include "calib/stats.h"
#include "compress/merge.h"
#include "sys/hash.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct importance {
    int64_t entry; /* of the statistics, or -1 */
    uint64_t columns;
    uint64_t rows; /* of a matrix */
};

struct sov_importance {
    const sov_stats *stats;
    struct importance *of; /* owned; by tensor */
    size_t n;
    struct sov_importance_facts facts;
};

bool
sov_importance_optional(const char *name)
{
    return strcmp(name, "token_embd.weight") == 0 ||
           strcmp(name, "per_layer_token_embd.weight") == 0 ||
           strcmp(name, "output.weight") == 0;
}

static void
count_unseen(struct sov_importance *imp, const struct sov_tensor *t,
             size_t entry)
{
    uint64_t which = 0;
    uint64_t n = sov_stats_unseen(imp->stats, entry, &which);

    if (n > 0 && imp->facts.unseen == 0) {
        imp->facts.first_unseen = t->name;
        imp->facts.which_unseen = which;
    }
    imp->facts.unseen += n;
}

static int
find_entry(struct sov_importance *imp, const struct sov_tensor *t,
           struct importance *of, struct sov_err *err)
{
    int64_t entry = sov_stats_find(imp->stats, t->name);

    imp->facts.wanted++;
    if (entry < 0) {
        if (!sov_importance_optional(t->name) && imp->facts.missing++ == 0)
            imp->facts.first_missing = t->name;
        return 0;
    }
    if (sov_stats_fits(imp->stats, (size_t)entry, t, err) < 0)
        return SOV_EFORMAT;
    of->entry = entry;
    imp->facts.used++;
    count_unseen(imp, t, (size_t)entry);
    return 0;
}

static size_t
count_spare(const sov_stats *stats, const sov_model *model)
{
    size_t n = 0;

    for (size_t i = 0; i < sov_stats_count(stats); i++)
        if (sov_model_find(model, sov_stats_name(stats, i)) < 0)
            n++;
    return n;
}

static int
find_all(struct sov_importance *imp, const sov_model *model,
         const sov_plan *plan, const struct sov_merge *merge,
         struct sov_err *err)
{
    int rc = 0;

    for (size_t i = 0; i < sov_plan_count(plan) && rc == 0; i++) {
        const struct sov_tensor *from = sov_model_at(model, i);
        const struct sov_tensor *to = sov_plan_at(plan, i);
        bool made = (to->type != from->type || sov_merge_has(merge, i)) &&
                    sov_type_info((int)to->type)->kind == SOV_KIND_BLOCK;

        imp->of[i].entry = -1;
        imp->of[i].columns = from->dim[0];
        imp->of[i].rows = from->dim[1];
        if (imp->stats != NULL && made)
            rc = find_entry(imp, from, &imp->of[i], err);
    }
    if (rc == 0 && imp->stats != NULL)
        imp->facts.spare = count_spare(imp->stats, model);
    if (rc == 0 && imp->facts.used == 0 && imp->facts.missing > 0)
        rc = sov_fail(err, SOV_EFORMAT,
                      "none of the %zu entries of the statistics is of one of "
                      "its matrices (%.80s, ...)",
                      sov_stats_count(imp->stats), imp->facts.first_missing);
    return rc;
}

int
sov_importance_new(struct sov_importance **imp, const sov_model *model,
                   const sov_plan *plan, const struct sov_merge *merge,
                   const sov_stats *stats, struct sov_err *err)
{
    struct sov_importance *m = sov_mem_array(1, sizeof(*m));
    int rc = 0;

    *imp = NULL;
    if (m == NULL)
        return sov_mem_fail(err);
    m->stats = stats;
    m->n = sov_plan_count(plan);
    m->of = sov_mem_array(m->n, sizeof(*m->of));
    rc = m->of == NULL ? sov_mem_fail(err)
                       : find_all(m, model, plan, merge, err);
    if (rc < 0) {
        sov_importance_free(m);
        return rc;
    }
    *imp = m;
    return 0;
}

void
sov_importance_free(struct sov_importance *imp)
{
    if (imp == NULL)
        return;
    free(imp->of);
    free(imp);
}

const struct sov_importance_facts *
sov_importance_facts(const struct sov_importance *imp)
{
    return &imp->facts;
}

int
sov_importance_view_new(struct sov_importance_view *view, size_t max,
                        struct sov_err *err)
{
    *view = (struct sov_importance_view){ 0 };
    view->w = sov_mem_aligned(max, sizeof(*view->w));
    return view->w == NULL ? sov_mem_fail(err) : 0;
}

void
sov_importance_view_free(struct sov_importance_view *view)
{
    sov_mem_free_aligned(view->w);
    view->w = NULL;
}

void
sov_importance_temper(float *w, size_t n)
{
    double sum = 0, factor;
    int exponent;

    for (size_t i = 0; i < n; i++)
        sum += w[i];
    (void)frexp(sum > 0 ? sum / (double)n : 1.0, &exponent);
    factor = ldexp(1.0, -exponent);
    for (size_t i = 0; i < n; i++) {
        double x = w[i] * factor;

        w[i] = x > 0x1p-20 ? (float)x : 0x1p-20f;
    }
}

const float *
sov_importance_row(const struct sov_importance *imp,
                   struct sov_importance_view *view, size_t i, uint64_t first,
                   size_t n)
{
    const struct importance *of = &imp->of[i];
    uint64_t matrix = first / of->columns / of->rows;
    uint64_t at = matrix * of->columns + first % of->columns;

    if (of->entry < 0)
        return NULL;
    if (view->tensor != i || view->first != at || view->n != n) {
        sov_stats_mean(imp->stats, (size_t)of->entry, at, n, view->w);
        sov_importance_temper(view->w, n);
        view->tensor = i;
        view->first = at;
        view->n = n;
    }
    return view->w;
}

/* All values of one entry, a few at a time. */
static void
add_entry(const struct sov_importance *imp, size_t entry, float *w, size_t n,
          struct sov_sum *sum)
{
    uint64_t all = sov_stats_values(imp->stats, entry);

    for (uint64_t at = 0; at < all; at += n) {
        size_t take = all - at < n ? (size_t)(all - at) : n;

        sov_stats_mean(imp->stats, entry, at, take, w);
        sov_sum_add(sum, w, take * sizeof(*w));
    }
}

int
sov_importance_digest(const struct sov_importance *imp,
                      unsigned char digest[SOV_XXH3_LEN], struct sov_err *err)
{
    enum { N = 4096 };
    struct sov_sum *sum = sov_sum_new();
    float *w = sov_mem_array(N, sizeof(*w));
    int rc = sum == NULL || w == NULL ? sov_mem_fail(err) : 0;

    for (size_t i = 0; i < imp->n && rc == 0; i++) {
        sov_sum_add(sum, &imp->of[i].entry, sizeof(imp->of[i].entry));
        if (imp->of[i].entry >= 0)
            add_entry(imp, (size_t)imp->of[i].entry, w, N, sum);
    }
    if (rc == 0)
        sov_sum_take(sum, digest);
    sov_sum_free(sum);
    free(w);
    return rc;
}

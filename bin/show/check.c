/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check.c - is there a number in it that is none?  sov-show --check
 *
 *   nan, infinite   weights of plain numbers
 *   scale           blocks whose scale is not finite, so that their weights
 *                   are not
 *   range           finite, but beyond what a half float can hold
 *   zero            a matrix of zeros
 *   metadata        a value, or an element of one, that is not finite
 */
#include "show/show.h"

#include "cli/progress.h"
#include "cli/report.h"
#include "cli/tool.h"
#include "sov/inspect.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct finding {
    const char *what;
    const char *name;
    const struct sov_tensor *t; /* NULL: metadata */
    uint64_t count;
    uint64_t index;
};

struct check {
    const struct show_facts *f;
    const struct show_pick *pick;
    struct finding *found;
    size_t n;
    size_t cap;
    uint64_t tensors, weights, unknown;
    double min, max;
};

static int
add(struct check *c, struct finding x, struct sov_err *err)
{
    struct finding *more;

    if (c->n == c->cap) {
        c->cap = c->cap == 0 ? 16 : 2 * c->cap;
        more = reallocarray(c->found, c->cap, sizeof(*more));
        if (more == NULL)
            return sov_fail(err, SOV_EMEM, "out of memory");
        c->found = more;
    }
    c->found[c->n++] = x;
    return 0;
}

static bool
is_matrix(const struct sov_tensor *t)
{
    return t->ndim >= 2 && sov_tensor_rows(t) > 1 && t->dim[0] > 1;
}

static int
look(void *arg, size_t i, const struct sov_stats *s, const sov_hist *hist,
     struct sov_err *err)
{
    struct check *c = arg;
    const struct sov_tensor *t = sov_model_at(c->f->model, i);
    const char *name = t->name;
    bool blocks = sov_type_info((int)t->type)->kind == SOV_KIND_BLOCK;
    int rc = 0;

    (void)hist;
    c->tensors++;
    c->weights += s->n;
    if (!s->known) {
        c->unknown++;
        return 0;
    }
    c->min = fmin(c->min, s->min);
    c->max = fmax(c->max, s->max);
    if (blocks && s->bad_blocks > 0)
        rc = add(
            c,
            (struct finding){ "scale", name, t, s->bad_blocks, s->first_bad },
            err);
    else if (s->nan > 0)
        rc = add(c, (struct finding){ "nan", name, t, s->nan, s->first_nan },
                 err);
    if (rc == 0 && !blocks && s->inf > 0)
        rc = add(c,
                 (struct finding){ "infinite", name, t, s->inf, s->first_inf },
                 err);
    if (rc == 0 && s->beyond > 0 &&
        sov_type_info((int)t->type)->kind != SOV_KIND_INT)
        rc = add(
            c, (struct finding){ "range", name, t, s->beyond, s->first_beyond },
            err);
    if (rc == 0 && s->n > 0 && s->zeros == s->n && is_matrix(t))
        rc = add(c, (struct finding){ "zero", name, t, s->zeros, 0 }, err);
    return rc;
}

static bool
wanted(void *arg, const struct sov_tensor *t)
{
    const struct check *c = arg;

    return show_picked(c->pick, t->name);
}

/* Keys alone are looked at when no tensor was named. */
static int
look_at_keys(struct check *c, struct sov_err *err)
{
    const sov_meta *meta = sov_model_meta(c->f->model);
    int rc = 0;

    for (size_t i = 0; i < sov_meta_count(meta) && rc == 0; i++) {
        const struct sov_kv *kv = sov_meta_at(meta, i);
        enum sov_vtype type = kv->type == SOV_V_ARR ? kv->elem : kv->type;
        struct finding x = { "metadata", kv->key, NULL, 0, 0 };

        if (type != SOV_V_F32 && type != SOV_V_F64)
            continue;
        for (uint64_t k = 0; k < kv->n; k++) {
            if (isfinite(sov_kv_num(kv, k)))
                continue;
            x.index = x.count++ == 0 ? k : x.index;
        }
        if (x.count > 0)
            rc = add(c, x, err);
    }
    return rc;
}

static void
report_finding(struct sov_report *r, const struct finding *x)
{
    sov_report_row(r);
    sov_report_text(r, "what", NULL, x->what);
    sov_report_text(r, x->t != NULL ? "tensor" : "key", NULL, x->name);
    sov_report_uint(r, "count", NULL, x->count);
    if (x->t == NULL || strcmp(x->what, "zero") != 0)
        sov_report_uint(r, "index", NULL, x->index);
    if (x->t != NULL && strcmp(x->what, "zero") != 0) {
        sov_report_uint(r, "row", NULL, x->index / x->t->dim[0]);
        sov_report_uint(r, "column", NULL, x->index % x->t->dim[0]);
    }
}

static int
report(const struct check *c, struct sov_err *err)
{
    struct sov_report *r = sov_report_new("sov.show.check/1");

    sov_report_text(r, "path", NULL, c->f->path);
    sov_report_bool(r, "ok", NULL, c->n == 0);
    sov_report_uint(r, "tensors", NULL, c->tensors);
    sov_report_uint(r, "weights", NULL, c->weights);
    sov_report_uint(r, "not_decoded", NULL, c->unknown);
    sov_report_real(r, "min", NULL, c->min, 0, NULL);
    sov_report_real(r, "max", NULL, c->max, 0, NULL);
    sov_report_table(r, "findings");
    for (size_t i = 0; i < c->n; i++)
        report_finding(r, &c->found[i]);
    sov_report_table_end(r);
    return sov_report_end(r, err);
}

static int
print_findings(const struct check *c, struct sov_err *err)
{
    struct show_table t = {
        .head = { "finding", "count", "where", "first at" },
        .right = { false, true, false, false },
        .n_columns = 4,
        .cut = 3,
    };

    for (size_t i = 0; i < c->n; i++) {
        const struct finding *x = &c->found[i];

        show_table_cell(&t, "%s", x->what);
        show_table_cell(&t, "%" PRIu64, x->count);
        show_table_cell(&t, "%s", x->name);
        if (x->t == NULL)
            show_table_cell(&t, "element %" PRIu64, x->index);
        else if (strcmp(x->what, "zero") == 0)
            show_table_cell(&t, "everywhere");
        else
            show_table_cell(&t, "row %" PRIu64 ", column %" PRIu64,
                            x->index / x->t->dim[0], x->index % x->t->dim[0]);
    }
    return show_table_print(&t, err);
}

static int
print(const struct check *c, struct sov_err *err)
{
    char count[16], low[32] = "", high[32] = "";
    int rc = 0;

    if (sov_common.quiet)
        return 0;
    if (c->n > 0) {
        rc = print_findings(c, err);
        putchar('\n');
    }
    snprintf(low, sizeof(low), "%.6g", c->min);
    snprintf(high, sizeof(high), "%.6g", c->max);
    printf("%" PRIu64 " tensors, %s weights", c->tensors,
           show_count(count, c->weights));
    if (isfinite(c->min))
        printf(" from %s to %s", low, high);
    printf(": %s\n", c->n > 0 ? "not good" : "all good");
    if (c->unknown > 0)
        printf("%" PRIu64 " tensors of types that cannot be decoded were not "
               "looked at\n",
               c->unknown);
    return rc;
}

int
show_check(const struct show_facts *f, const struct show_pick *pick,
           struct sov_err *err)
{
    struct check c = { .f = f, .pick = pick, .min = NAN, .max = NAN };
    struct sov_scan scan = {
        .pick = wanted,
        .found = look,
        .progress = sov_progress_update,
        .arg = &c,
    };
    int rc = pick->n == 0 ? look_at_keys(&c, err) : 0;

    sov_progress_begin("B");
    if (rc == 0)
        rc = sov_scan(f->model, &scan, err);
    sov_progress_end();
    if (rc == 0)
        rc = sov_common.json ? report(&c, err) : print(&c, err);
    free(c.found);
    if (rc == 0 && c.n > 0)
        return show_no(err);
    return rc;
}

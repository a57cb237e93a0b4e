/* SPDX-License-Identifier: Apache-2.0 */
/*
 * diff.c - what is different in another model: sov-show --diff
 *
 * A is the model that is looked at, B the other one.  Keys and tensors are
 * matched by name.  Tensors of one shape are compared weight by weight, of
 * whatever types they are; what differs most comes first.
 */
#include "show/show.h"

#include "cli/progress.h"
#include "cli/report.h"
#include "cli/text.h"
#include "cli/tool.h"
#include "sov/inspect.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_MAX    20 /* shown without --all */
#define VALUE_BYTES 2000

enum how { ONLY_A, ONLY_B, SHAPE, BYTES, TYPE };

static const char *const how_names[] = {
    [ONLY_A] = "removed", [ONLY_B] = "added", [SHAPE] = "reshaped",
    [BYTES] = "changed",  [TYPE] = "retyped",
};

struct change {
    enum how how;
    const struct sov_tensor *a;
    const struct sov_tensor *b;
    struct sov_gap gap;
};

struct diff {
    const struct show_facts *a;
    const struct show_facts *b;
    const struct show_pick *pick;
    bool all;
    struct sov_pair *pair; /* tensors of one name and shape */
    size_t n_pairs;
    struct change *change;
    size_t n;
    size_t keys; /* that differ */
};

static bool
same_value(const struct sov_kv *a, const struct sov_kv *b)
{
    return a->type == b->type && a->elem == b->elem && a->n == b->n &&
           a->val.len == b->val.len &&
           (a->val.len == 0 || memcmp(a->val.p, b->val.p, a->val.len) == 0);
}

/* ---- metadata ---- */

static int
report_key(struct sov_report *r, const char *key, const struct sov_kv *a,
           const struct sov_kv *b, struct sov_err *err)
{
    char *text[2] = { NULL, NULL };
    int rc = 0;

    if (a != NULL)
        text[0] = show_value(a, VALUE_BYTES);
    if (b != NULL)
        text[1] = show_value(b, VALUE_BYTES);
    if ((a != NULL && text[0] == NULL) || (b != NULL && text[1] == NULL)) {
        rc = sov_fail(err, SOV_EMEM, "out of memory");
    } else {
        sov_report_row(r);
        sov_report_text(r, "key", NULL, key);
        sov_report_text(r, "how", NULL,
                        how_names[a == NULL   ? ONLY_B
                                  : b == NULL ? ONLY_A
                                              : BYTES]);
        if (a != NULL)
            sov_report_text(r, "a", NULL, text[0]);
        if (b != NULL)
            sov_report_text(r, "b", NULL, text[1]);
    }
    free(text[0]);
    free(text[1]);
    return rc;
}

static int
print_key(const char *sign, const struct sov_kv *kv, struct sov_err *err)
{
    size_t width = sov_tool_columns(), used = strlen(kv->key) + 4;
    char *value = show_value(kv, width > used + 16 ? width - used : 16);
    struct show_table line = { .n_columns = 1 };

    if (value == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    show_table_cell(&line, "%s %s  %s", sign, kv->key, value);
    free(value);
    return show_table_print(&line, err);
}

/* Which is which, once. */
static void
print_names(const struct diff *d)
{
    char name[4200];

    printf("a  %s\n", sov_text_escape(name, sizeof(name), d->a->name));
    printf("b  %s\n\n", sov_text_escape(name, sizeof(name), d->b->name));
}

/* A key that differs: to the report, or as a line for each side. */
static int
tell_key(struct diff *d, struct sov_report *r, const struct sov_kv *a,
         const struct sov_kv *b, struct sov_err *err)
{
    int rc = 0;

    d->keys++;
    if (sov_common.quiet)
        return 0;
    if (r != NULL)
        return report_key(r, a != NULL ? a->key : b->key, a, b, err);
    if (d->keys == 1) {
        print_names(d);
        show_head("metadata");
    }
    if (a != NULL)
        rc = print_key("-", a, err);
    if (b != NULL && rc == 0)
        rc = print_key("+", b, err);
    return rc;
}

static int
compare_keys(struct diff *d, struct sov_report *r, struct sov_err *err)
{
    const sov_meta *a = sov_model_meta(d->a->model);
    const sov_meta *b = sov_model_meta(d->b->model);
    int rc = 0;

    for (size_t i = 0; i < sov_meta_count(a) && rc == 0; i++) {
        const struct sov_kv *x = sov_meta_at(a, i);
        const struct sov_kv *y = sov_meta_find(b, x->key);

        if (y == NULL || !same_value(x, y))
            rc = tell_key(d, r, x, y, err);
    }
    for (size_t i = 0; i < sov_meta_count(b) && rc == 0; i++) {
        const struct sov_kv *y = sov_meta_at(b, i);

        if (sov_meta_find(a, y->key) == NULL)
            rc = tell_key(d, r, NULL, y, err);
    }
    return rc;
}

/* ---- tensors ---- */

static void
note_change(struct diff *d, enum how how, const struct sov_tensor *a,
            const struct sov_tensor *b)
{
    d->change[d->n++] = (struct change){ .how = how, .a = a, .b = b };
}

static bool
same_shape(const struct sov_tensor *a, const struct sov_tensor *b)
{
    return a->ndim == b->ndim && memcmp(a->dim, b->dim, sizeof(a->dim)) == 0;
}

static int
by_b(const void *x, const void *y)
{
    const struct sov_pair *a = x, *b = y;

    return a->b < b->b ? -1 : a->b > b->b;
}

/* What one of the two lacks, and the pairs. */
static int
match_tensors(struct diff *d, struct sov_err *err)
{
    const sov_model *a = d->a->model, *b = d->b->model;
    size_t n = sov_model_count(a) + sov_model_count(b) + 1;

    d->pair = calloc(n, sizeof(*d->pair));
    d->change = calloc(n, sizeof(*d->change));
    if (d->pair == NULL || d->change == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    for (size_t i = 0; i < sov_model_count(a); i++) {
        const struct sov_tensor *t = sov_model_at(a, i);
        int64_t at = sov_model_find(b, t->name);

        if (!show_picked(d->pick, t->name))
            continue;
        if (at < 0)
            note_change(d, ONLY_A, t, NULL);
        else if (!same_shape(t, sov_model_at(b, (size_t)at)))
            note_change(d, SHAPE, t, sov_model_at(b, (size_t)at));
        else
            d->pair[d->n_pairs++] = (struct sov_pair){ i, (size_t)at };
    }
    for (size_t i = 0; i < sov_model_count(b); i++) {
        const struct sov_tensor *t = sov_model_at(b, i);

        if (show_picked(d->pick, t->name) && sov_model_find(a, t->name) < 0)
            note_change(d, ONLY_B, NULL, t);
    }
    if (sov_model_forward(b))
        qsort(d->pair, d->n_pairs, sizeof(*d->pair), by_b);
    return 0;
}

static int
found(void *arg, size_t i, const struct sov_gap *gap, struct sov_err *err)
{
    struct diff *d = arg;
    const struct sov_tensor *a = sov_model_at(d->a->model, d->pair[i].a);
    const struct sov_tensor *b = sov_model_at(d->b->model, d->pair[i].b);

    if (gap->same)
        return 0;
    note_change(d, a->type != b->type ? TYPE : BYTES, a, b);
    d->change[d->n - 1].gap = *gap;
    return sov_common.quiet ? show_no(err) : 0; /* enough is known */
}

/* Missing ones first, then by how far they are off. */
static int
by_size(const void *x, const void *y)
{
    const struct change *a = x, *b = y;
    bool whole_a = a->how < BYTES, whole_b = b->how < BYTES;
    double p = isnan(a->gap.nmse) ? HUGE_VAL : a->gap.nmse;
    double q = isnan(b->gap.nmse) ? HUGE_VAL : b->gap.nmse;

    if (whole_a != whole_b)
        return whole_a ? -1 : 1;
    if (whole_a && a->how != b->how)
        return a->how < b->how ? -1 : 1;
    if (!whole_a && p != q)
        return p > q ? -1 : 1;
    return strcmp((a->a != NULL ? a->a : a->b)->name,
                  (b->a != NULL ? b->a : b->b)->name);
}

static int
compare_tensors(struct diff *d, struct sov_err *err)
{
    struct sov_compare compare = {
        .found = found,
        .progress = sov_progress_update,
        .arg = d,
    };
    int rc = match_tensors(d, err);

    if (rc < 0)
        return rc;
    if (sov_common.quiet && (d->n > 0 || d->keys > 0))
        return 0;
    compare.pair = d->pair;
    compare.n = d->n_pairs;
    sov_progress_begin("B");
    rc = sov_compare(d->a->model, d->b->model, &compare, err);
    sov_progress_end();
    qsort(d->change, d->n, sizeof(*d->change), by_size);
    return rc;
}

/* ---- telling ---- */

static const char *
type_name(const struct sov_tensor *t)
{
    return t != NULL ? sov_type_info((int)t->type)->name : "-";
}

static void
row_of_change(struct show_table *t, const struct change *c)
{
    const struct sov_gap *g = &c->gap;
    char a[100], b[100];

    show_table_cell(t, "%s", (c->a != NULL ? c->a : c->b)->name);
    show_table_cell(t, "%s", type_name(c->a));
    show_table_cell(t, "%s", type_name(c->b));
    if (c->how < BYTES || !g->known) {
        show_table_cell(t, "%s", c->how < BYTES ? how_names[c->how] : "bytes");
        show_table_cell(t, "%s", "");
        if (c->how == SHAPE)
            show_table_cell(t, "%s to %s", show_shape(a, sizeof(a), c->a),
                            show_shape(b, sizeof(b), c->b));
        else
            show_table_cell(t, "%s", "");
        return;
    }
    show_table_cell(t, "%.1f %%",
                    g->n > 0 ? 100 * (double)g->differ / (double)g->n : 0);
    show_table_cell(t, "%.3g", g->max);
    if (g->bad > 0)
        show_table_cell(t, "%.3g, %" PRIu64 " not finite", g->nmse, g->bad);
    else
        show_table_cell(t, "%.3g", g->nmse);
}

static int
print_tensors(const struct diff *d, struct sov_err *err)
{
    struct show_table t = {
        .head = { "tensor", "a", "b", "differ", "largest", "nmse" },
        .right = { false, false, false, true, true, false },
        .n_columns = 6,
        .cut = 1,
    };
    size_t n = d->all || d->n <= ROWS_MAX ? d->n : ROWS_MAX;
    int rc;

    if (d->n == 0)
        return 0;
    if (d->keys > 0)
        putchar('\n');
    else
        print_names(d);
    for (size_t i = 0; i < n; i++)
        row_of_change(&t, &d->change[i]);
    rc = show_table_print(&t, err);
    if (n < d->n)
        printf("... and %zu more (--all shows them)\n", d->n - n);
    return rc;
}

/* Tensors that are the same in both. */
static uint64_t
count_same(const struct diff *d)
{
    uint64_t n = d->n_pairs;

    for (size_t i = 0; i < d->n; i++)
        n -= d->change[i].how >= BYTES;
    return n;
}

static int
print(const struct diff *d, struct sov_err *err)
{
    int rc = print_tensors(d, err);

    if (d->n + d->keys > 0)
        putchar('\n');
    if (d->n + d->keys == 0)
        printf("the same: %" PRIu64 " tensors, %zu keys\n", count_same(d),
               sov_meta_count(sov_model_meta(d->a->model)));
    else
        printf("%zu key%s and %zu tensor%s differ, %" PRIu64
               " tensor%s the same\n",
               d->keys, d->keys == 1 ? "" : "s", d->n, d->n == 1 ? "" : "s",
               count_same(d), count_same(d) == 1 ? " is" : "s are");
    return rc;
}

static void
report_change(struct sov_report *r, const struct change *c)
{
    const struct sov_gap *g = &c->gap;

    sov_report_row(r);
    sov_report_text(r, "name", NULL, (c->a != NULL ? c->a : c->b)->name);
    sov_report_text(r, "how", NULL, how_names[c->how]);
    if (c->a != NULL) {
        sov_report_text(r, "a_type", NULL, type_name(c->a));
        sov_report_counts(r, "a_shape", c->a->dim, c->a->ndim);
    }
    if (c->b != NULL) {
        sov_report_text(r, "b_type", NULL, type_name(c->b));
        sov_report_counts(r, "b_shape", c->b->dim, c->b->ndim);
    }
    if (c->how < BYTES || !g->known)
        return;
    sov_report_uint(r, "weights", NULL, g->n);
    sov_report_uint(r, "differ", NULL, g->differ);
    if (g->first < g->n)
        sov_report_uint(r, "first", NULL, g->first);
    sov_report_uint(r, "not_finite", NULL, g->bad);
    sov_report_real(r, "largest", NULL, g->max, 0, NULL);
    sov_report_real(r, "nmse", NULL, g->nmse, 0, NULL);
    sov_report_real(r, "rms", NULL, g->rms, 0, NULL);
}

static int
report(struct diff *d, struct sov_report *r, struct sov_err *err)
{
    sov_report_table(r, "tensors");
    for (size_t i = 0; i < d->n; i++)
        report_change(r, &d->change[i]);
    sov_report_table_end(r);
    sov_report_uint(r, "same_tensors", NULL, count_same(d));
    sov_report_bool(r, "same", NULL, d->n + d->keys == 0);
    return sov_report_end(r, err);
}

int
show_diff(const struct show_facts *a, const struct show_facts *b,
          const struct show_pick *pick, bool all, struct sov_err *err)
{
    struct diff d = { .a = a, .b = b, .pick = pick, .all = all };
    struct sov_report *r = NULL;
    int rc = 0;

    if (sov_common.json && !sov_common.quiet) {
        r = sov_report_new("sov.show.diff/1");
        sov_report_text(r, "a", NULL, a->path);
        sov_report_text(r, "b", NULL, b->path);
        sov_report_table(r, "metadata");
    }
    if (pick->n == 0)
        rc = compare_keys(&d, r, err);
    if (rc == 0)
        rc = compare_tensors(&d, err);
    if (rc == 0 && r != NULL) {
        rc = report(&d, r, err);
        r = NULL;
    } else if (rc == 0 && !sov_common.quiet) {
        rc = print(&d, err);
    }
    sov_report_free(r);
    free(d.pair);
    free(d.change);
    if (rc == 0 && d.n + d.keys > 0)
        return show_no(err);
    return rc;
}

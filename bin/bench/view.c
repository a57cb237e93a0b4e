/* SPDX-License-Identifier: Apache-2.0 */
/*
 * view.c - what all outputs tell, made ready once
 */
#include "bench/view.h"

#include "sov/base.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CHANGE_LEAST 0.01

/* Seconds since 1970 of "2026-11-21T05:00:00Z", or NaN. */
static double
seconds_of(const char *text)
{
    struct tm tm = { 0 };
    const char *end = strptime(bench_text(text), "%Y-%m-%dT%H:%M:%SZ", &tm);

    if (end == NULL || *end != '\0')
        return NAN;
    return (double)timegm(&tm);
}

static bool
same_machine(const struct sov_bench_record *a, const struct sov_bench_record *b)
{
    return strcmp(a->machine.id, b->machine.id) == 0;
}

/* One more value of the row's past, kept in order of time. */
static void
put_value(struct bench_row *row, const struct sov_bench_record *r)
{
    double when = seconds_of(r->time);
    size_t i = row->n;

    if (!isfinite(when) || !isfinite(r->stat.median))
        return;
    for (; i > 0 && row->when[i - 1] > when; i--) {
        row->when[i] = row->when[i - 1];
        row->value[i] = row->value[i - 1];
        row->low[i] = row->low[i - 1];
        row->high[i] = row->high[i - 1];
    }
    row->when[i] = when;
    row->value[i] = r->stat.median;
    row->low[i] = r->stat.low;
    row->high[i] = r->stat.high;
    row->n++;
}

static bool
is_past_of(const struct sov_bench_record *p, const struct sov_bench_record *r)
{
    return strcmp(p->run, r->run) != 0 && same_machine(p, r) &&
           sov_bench_record_alike(p, r);
}

static int
no_memory(struct sov_err *err)
{
    return sov_fail(err, SOV_EMEM, "out of memory");
}

static int
gather(struct bench_row *row, const struct sov_bench_set *past,
       struct sov_err *err)
{
    size_t n = 1;

    for (size_t i = 0; past != NULL && i < past->n; i++)
        n += is_past_of(&past->record[i], row->r);
    row->when = calloc(4 * n, sizeof(*row->when));
    if (row->when == NULL)
        return no_memory(err);
    row->value = row->when + n;
    row->low = row->value + n;
    row->high = row->low + n;
    for (size_t i = 0; past != NULL && i < past->n; i++)
        if (is_past_of(&past->record[i], row->r))
            put_value(row, &past->record[i]);
    put_value(row, row->r);
    return row->n < 2 ? 0
                      : sov_bench_changes(row->value, row->n,
                                          SOV_BENCH_CHANGE_ALPHA, CHANGE_LEAST,
                                          &row->change, &row->n_changes, err);
}

static bool
same_model(const struct sov_bench_model *a, const struct sov_bench_model *b)
{
    return strcmp(bench_text(a->name), bench_text(b->name)) == 0 &&
           strcmp(a->digest, b->digest) == 0;
}

static size_t
model_of(struct bench_view *view, const struct sov_bench_model *m)
{
    size_t i = 0;

    while (i < view->n_models && !same_model(view->models[i], m))
        i++;
    if (i == view->n_models && i < BENCH_MODEL_MAX) {
        view->models[view->n_models++] = m;
        view->n_named += bench_text(m->name)[0] != '\0';
    }
    return i < BENCH_MODEL_MAX ? i : BENCH_MODEL_MAX - 1;
}

/* Is text, where there is one, the one that was seen first? */
static bool
is_common(const char **first, char *text)
{
    if (bench_text(text)[0] == '\0')
        return true;
    if (*first == NULL)
        *first = text;
    return strcmp(*first, text) == 0;
}

/* Conditions that are the same wherever they apply need not be said of each
 * row. */
static void
find_common(struct bench_view *view)
{
    bool threads = true, kv = true, text = true;

    for (size_t i = 0; i < view->now->n; i++) {
        const struct sov_bench_cell *c = &view->now->record[i].cell;

        if (c->threads > 0 && view->threads == 0)
            view->threads = c->threads;
        threads = threads && (c->threads == 0 || c->threads == view->threads);
        kv = is_common(&view->kv, c->kv) && kv;
        text = is_common(&view->text, c->text) && text;
    }
    view->threads = threads ? view->threads : 0;
    view->kv = kv ? view->kv : NULL;
    view->text = text ? view->text : NULL;
}

static void
count_answers(struct bench_view *view)
{
    for (size_t i = 0; i < view->n_v; i++) {
        const struct sov_bench_verdict *v = &view->v[i];

        view->answers[v->answer]++;
        if (v->answer == SOV_BENCH_WORSE &&
            (view->worst == NULL || v->change > view->worst->change))
            view->worst = v;
    }
    view->status = view->o->fails && view->answers[SOV_BENCH_WORSE] > 0;
}

static const struct sov_bench_verdict *
verdict_of(const struct bench_view *view, const struct sov_bench_record *r)
{
    for (size_t i = 0; i < view->n_v; i++)
        if (view->v[i].now == r)
            return &view->v[i];
    return NULL;
}

/* Whose rows are those of the machine. */
static const struct sov_bench_model nobody;

static int
make_rows(struct bench_view *view, const struct sov_bench_set *past,
          struct sov_err *err)
{
    int rc = 0;

    view->rows = calloc(view->now->n + 1, sizeof(*view->rows));
    if (view->rows == NULL)
        return no_memory(err);
    for (size_t i = 0; i < view->now->n && rc == 0; i++) {
        struct bench_row *row = &view->rows[view->n++];

        row->r = &view->now->record[i];
        row->v = verdict_of(view, row->r);
        row->model =
            model_of(view, bench_of_machine(row->r) ? &nobody : &row->r->model);
        row->scale =
            bench_scale_of(bench_text(row->r->unit), row->r->stat.median);
        bench_row_words(row, view);
        rc = gather(row, past, err);
    }
    return rc;
}

/* What the machine could do was measured beside each model. */
static void
tell_limits_apart(struct bench_view *view)
{
    for (size_t i = 0; i < view->n && view->n_named > 1; i++) {
        struct bench_row *row = &view->rows[i];
        size_t len = strlen(row->what);

        if (bench_of_machine(row->r) &&
            bench_text(row->r->model.name)[0] != '\0')
            snprintf(row->what + len, sizeof(row->what) - len, " beside %s",
                     bench_text(row->r->model.name));
    }
}

int
bench_view_make(struct bench_view *view, const struct bench_outputs *o,
                const struct sov_bench_set *now,
                const struct sov_bench_set *past,
                const struct sov_bench_verdict *v, size_t n_v,
                struct sov_err *err)
{
    int rc;

    memset(view, 0, sizeof(*view));
    view->o = o;
    view->now = now;
    view->v = v;
    view->n_v = n_v;
    view->last_success = NAN;
    if (now->n > 0) {
        view->machine = &now->record[0].machine;
        view->time = bench_text(now->record[0].time);
    }
    find_common(view);
    rc = make_rows(view, past, err);
    if (rc < 0) {
        bench_view_free(view);
        return rc;
    }
    tell_limits_apart(view);
    count_answers(view);
    bench_headline(view);
    return 0;
}

void
bench_view_free(struct bench_view *view)
{
    for (size_t i = 0; i < view->n; i++) {
        free(view->rows[i].when);
        free(view->rows[i].change);
    }
    free(view->rows);
    view->rows = NULL;
    view->n = 0;
}

const struct bench_row *
bench_view_find(const struct bench_view *view, size_t model, const char *metric)
{
    for (size_t i = 0; i < view->n; i++)
        if (view->rows[i].model == model &&
            strcmp(bench_text(view->rows[i].r->metric), metric) == 0)
            return &view->rows[i];
    return NULL;
}

/* Of models that have a type of their own this is enough. */
const char *
bench_model_label(const struct bench_view *view, size_t model)
{
    const char *type = bench_text(view->models[model]->type);
    const char *name = bench_text(view->models[model]->name);

    for (size_t i = 0; i < view->n_models; i++)
        if (i != model && strcmp(bench_text(view->models[i]->type), type) == 0)
            return name;
    return type[0] != '\0' && view->n_named > 1 ? type : name;
}

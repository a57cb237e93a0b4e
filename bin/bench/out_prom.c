/* SPDX-License-Identifier: Apache-2.0 */
/*
 * out_prom.c - sov-bench --prom: a file for the textfile collector of
 * Prometheus' node_exporter
 *
 * A file in which one line is there twice is refused as a whole: of two models
 * of one name and type the first one is told.
 */
#include "bench/view.h"

#include "cli/prom.h"
#include "sov/base.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PREFIX     "sov_bench_"
#define LABELS_MAX 8192
#define VALUE_MAX  1e300 /* rounded it is a number still */

static const struct {
    const char *metric;
    const char *name;
    const char *label;
    const char *value;
    double by;
    const char *help;
} table[] = {
/* clang-format off */
#define PROM(metric, name, label, value, by, help) \
    { metric, PREFIX name, label, value, by, help },
#include "bench/prom.def"
    /* clang-format on */
};

#define N_TABLE (sizeof(table) / sizeof(table[0]))

/* ---- labels */

static void
add_label(char *buf, const char *name, const char *value)
{
    if (bench_text(value)[0] == '\0')
        return;
    if (buf[0] != '\0' && strlen(buf) + 1 < LABELS_MAX)
        strcat(buf, ",");
    sov_prom_label(buf, LABELS_MAX, name, value);
}

static void
add_count(char *buf, const char *name, uint32_t n)
{
    char text[16];

    snprintf(text, sizeof(text), "%" PRIu32, n);
    add_label(buf, name, n > 0 ? text : NULL);
}

static void
make_labels(char *buf, const struct sov_bench_record *r, size_t row)
{
    buf[0] = '\0';
    if (!bench_of_machine(r)) {
        add_label(buf, "model", r->model.name);
        add_label(buf, "quant", r->model.type);
    }
    if (table[row].label[0] != '\0')
        add_label(buf, table[row].label, table[row].value);
    add_count(buf, "prompt", r->cell.prompt);
    add_count(buf, "gen", r->cell.gen);
    add_count(buf, "depth", r->cell.depth);
    add_count(buf, "batch", r->cell.batch);
    add_count(buf, "threads", r->cell.threads);
    add_label(buf, "kv", r->cell.kv);
    add_label(buf, "text", r->cell.text);
}

/* ---- values */

static void
put_head(FILE *f, const char *name, const char *help)
{
    fprintf(f, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name);
}

static void
put_value(FILE *f, const char *name, const char *help, double value)
{
    put_head(f, name, help);
    fprintf(f, "%s %.15g\n", name, value);
}

/* The labels that were written under one name. */
struct seen {
    char **labels;
    size_t n;
};

static int
remember(struct seen *seen, const char *labels, bool *is_new,
         struct sov_err *err)
{
    char **grown;

    *is_new = false;
    for (size_t i = 0; i < seen->n; i++)
        if (strcmp(seen->labels[i], labels) == 0)
            return 0;
    grown = reallocarray(seen->labels, seen->n + 1, sizeof(*grown));
    if (grown == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    seen->labels = grown;
    grown[seen->n] = strdup(labels);
    if (grown[seen->n] == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    seen->n++;
    *is_new = true;
    return 0;
}

static void
forget(struct seen *seen)
{
    for (size_t i = 0; i < seen->n; i++)
        free(seen->labels[i]);
    free(seen->labels);
    *seen = (struct seen){ 0 };
}

/* What the row of the table says of all records; name's head with the first. */
static int
put_row(FILE *f, const struct bench_view *view, size_t row, struct seen *seen,
        struct sov_err *err)
{
    char labels[LABELS_MAX];
    int rc = 0;

    for (size_t i = 0; i < view->n && rc == 0; i++) {
        const struct sov_bench_record *r = view->rows[i].r;
        bool is_new;

        if (strcmp(bench_text(r->metric), table[row].metric) != 0 ||
            !(fabs(r->stat.median * table[row].by) < VALUE_MAX))
            continue;
        make_labels(labels, r, row);
        rc = remember(seen, labels, &is_new, err);
        if (rc < 0 || !is_new)
            continue;
        if (seen->n == 1) {
            size_t head = row;

            while (table[head].help[0] == '\0')
                head--;
            put_head(f, table[row].name, table[head].help);
        }
        fprintf(f, "%s{%s} %.15g\n", table[row].name, labels,
                r->stat.median * table[row].by);
    }
    return rc;
}

/* ---- the run as a whole */

static void
put_run(FILE *f, int status, double at, double last_success)
{
    put_value(f, PREFIX "exit_code",
              "How the last run ended: 0 well, 1 something became worse, 64 "
              "and above it could not be told.",
              status);
    put_value(f, PREFIX "last_run_timestamp_seconds",
              "When the last run was, in seconds since 1970.", at);
    if (status == 0 || isfinite(last_success))
        put_value(f, PREFIX "last_success_timestamp_seconds",
                  "When a run last ended with 0, in seconds since 1970.",
                  status == 0 ? at : last_success);
}

void
bench_prom_failed(FILE *f, int status, double last_success)
{
    put_run(f, status, (double)time(NULL), last_success);
}

static void
put_verdicts(FILE *f, const struct bench_view *view)
{
    put_head(f, PREFIX "verdicts",
             "Things that were compared with a baseline, by the answer.");
    for (int a = 0; a <= SOV_BENCH_REFUSED; a++)
        fprintf(f, PREFIX "verdicts{answer=\"%s\"} %zu\n",
                sov_bench_answer_name((enum sov_bench_answer)a),
                view->answers[a]);
}

static void
put_build(FILE *f, const struct bench_view *view)
{
    char labels[LABELS_MAX] = "";

    add_label(labels, "version", sov_version());
    add_label(labels, "isa", view->machine->isa);
    add_label(labels, "cpu", view->machine->cpu);
    put_head(f, PREFIX "build_info", "What measured, and on what.");
    fprintf(f, PREFIX "build_info{%s} 1\n", labels);
}

int
bench_out_prom(FILE *f, const struct bench_view *view, struct sov_err *err)
{
    struct seen seen = { 0 };
    double at = view->n > 0 && view->rows[0].n > 0
                    ? view->rows[0].when[view->rows[0].n - 1]
                    : (double)time(NULL);
    int rc = 0;

    put_run(f, view->status, at, view->last_success);
    if (view->machine != NULL)
        put_build(f, view);
    if (view->n_v > 0)
        put_verdicts(f, view);
    for (size_t row = 0; row < N_TABLE && rc == 0; row++) {
        if (row > 0 && strcmp(table[row].name, table[row - 1].name) != 0)
            forget(&seen);
        rc = put_row(f, view, row, &seen, err);
    }
    forget(&seen);
    return rc;
}

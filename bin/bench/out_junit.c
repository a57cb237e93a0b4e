/* SPDX-License-Identifier: Apache-2.0 */
/*
 * out_junit.c - sov-bench --junit: a test suite for each model, a test for each
 * thing that was measured
 *
 * Worse is a failure; what is not clear, or had nothing to be compared with, is
 * skipped, so that nobody takes it for tested.
 */
#include "bench/view.h"

#include "cli/markup.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

struct sums {
    size_t tests, failures, skipped;
    double seconds;
};

/* How long its samples took, as far as they say. */
static double
seconds_of(const struct sov_bench_record *r)
{
    bool rate = strcmp(bench_text(r->unit), "tok/s") == 0;
    bool time = strcmp(bench_text(r->unit), "s") == 0;
    double tokens = (double)r->cell.prompt + r->cell.gen;
    double sum = 0;

    tokens *= r->cell.batch > 0 ? r->cell.batch : 1;
    for (size_t i = 0; i < r->n; i++) {
        if (time)
            sum += r->samples[i];
        else if (rate && r->samples[i] > 0)
            sum += tokens / r->samples[i];
    }
    return isfinite(sum) && sum > 0 && sum < 1e9 ? sum : 0;
}

static bool
is_skipped(const struct bench_row *row)
{
    return row->v != NULL && (row->v->answer == SOV_BENCH_INCONCLUSIVE ||
                              row->v->answer == SOV_BENCH_REFUSED);
}

static bool
has_failed(const struct bench_row *row)
{
    return row->v != NULL && row->v->answer == SOV_BENCH_WORSE;
}

/* Of one model, or of all (SIZE_MAX). */
static struct sums
add_up(const struct bench_view *view, size_t model)
{
    struct sums s = { 0 };

    for (size_t i = 0; i < view->n; i++) {
        const struct bench_row *row = &view->rows[i];

        if (model != SIZE_MAX && row->model != model)
            continue;
        s.tests++;
        s.failures += has_failed(row);
        s.skipped += is_skipped(row);
        s.seconds += seconds_of(row->r);
    }
    return s;
}

static void
put_attribute(FILE *f, const char *name, const char *value)
{
    fprintf(f, " %s=\"", name);
    sov_markup_text(f, value);
    fputc('"', f);
}

static void
put_property(FILE *f, const char *name, const char *value)
{
    fputs("      <property", f);
    put_attribute(f, "name", name);
    put_attribute(f, "value", value);
    fputs("/>\n", f);
}

static void
put_test(FILE *f, const struct bench_row *row)
{
    const struct sov_bench_record *r = row->r;
    char number[96], interval[160], words[64];

    fputs("    <testcase", f);
    put_attribute(f, "classname",
                  bench_of_machine(r) ? "machine" : r->model.name);
    put_attribute(f, "name", row->what);
    fprintf(f, " time=\"%.3f\">\n", seconds_of(r));
    if (has_failed(row) || is_skipped(row)) {
        const char *kind = has_failed(row) ? "failure" : "skipped";

        fprintf(f, "      <%s", kind);
        put_attribute(f, "message", row->v->reason);
        if (has_failed(row)) {
            put_attribute(f, "type", "regression");
            fputc('>', f);
            sov_markup_text(f, row->what);
            fputs(": ", f);
            sov_markup_text(f,
                            bench_verdict_words(words, sizeof(words), row->v));
            fprintf(f, "</%s>\n", kind);
        } else
            fputs("/>\n", f);
    }
    bench_interval(interval, sizeof(interval), &row->scale, &r->stat);
    fputs("      <system-out>", f);
    sov_markup_text(
        f, bench_number(number, sizeof(number), &row->scale, r->stat.median));
    if (interval[0] != '\0')
        fprintf(f, " (%s)", interval);
    fprintf(f, ", %zu samples", r->stat.n);
    if (bench_text(r->note)[0] != '\0') {
        fputs("; ", f);
        sov_markup_text(f, r->note);
    }
    fputs("</system-out>\n    </testcase>\n", f);
}

static void
put_suite(FILE *f, const struct bench_view *view, size_t model)
{
    const struct sov_bench_model *m = view->models[model];
    struct sums s = add_up(view, model);
    const char *name = bench_text(m->name);
    char text[512];

    fputs("  <testsuite", f);
    put_attribute(f, "name", name[0] != '\0' ? name : "machine");
    fprintf(f,
            " tests=\"%zu\" failures=\"%zu\" errors=\"0\" skipped=\"%zu\" "
            "time=\"%.3f\"",
            s.tests, s.failures, s.skipped, s.seconds);
    if (strlen(view->time) == 20) { /* the schema wants no zone */
        snprintf(text, sizeof(text), "%.19s", view->time);
        put_attribute(f, "timestamp", text);
    }
    put_attribute(f, "hostname", view->machine->id);
    fputs(">\n    <properties>\n", f);
    put_property(f, "machine",
                 bench_machine_words(text, sizeof(text), view->machine));
    if (name[0] != '\0')
        put_property(f, "model", bench_model_words(text, sizeof(text), m));
    put_property(f, "sov", bench_text(view->machine->sov));
    fputs("    </properties>\n", f);
    for (size_t i = 0; i < view->n; i++)
        if (view->rows[i].model == model)
            put_test(f, &view->rows[i]);
    fputs("  </testsuite>\n", f);
}

int
bench_out_junit(FILE *f, const struct bench_view *view, struct sov_err *err)
{
    struct sums s = add_up(view, SIZE_MAX);

    (void)err;
    fprintf(f,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
            "<testsuites name=\"sov-bench\" tests=\"%zu\" failures=\"%zu\" "
            "errors=\"0\" time=\"%.3f\">\n",
            s.tests, s.failures, s.seconds);
    for (size_t i = 0; i < view->n_models; i++)
        put_suite(f, view, i);
    fputs("</testsuites>\n", f);
    return 0;
}

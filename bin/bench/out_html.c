/* SPDX-License-Identifier: Apache-2.0 */
/*
 * out_html.c - sov-bench --html: one file that opens from disk
 *
 * The answer first, then charts, then all figures, then how they came about.
 * It has no script and loads nothing; the policy in its head forbids both.
 */
#include "bench/html.h"

#include "cli/markup.h"
#include "sov/base.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define HISTORIES_MAX 16

static void
put_title(FILE *f, const struct bench_view *view)
{
    size_t n = 0;

    fputs("Benchmark of ", f);
    if (view->n_named == 0)
        fputs("this machine", f);
    if (view->n_named > 2)
        fprintf(f, "%zu models", view->n_named);
    for (size_t i = 0; i < view->n_models && view->n_named <= 2; i++) {
        const char *name = bench_text(view->models[i]->name);

        if (name[0] == '\0')
            continue;
        fputs(n++ > 0 ? " and " : "", f);
        sov_markup_short(f, name, 60);
    }
}

static void
put_head(FILE *f, const struct bench_view *view)
{
    fputs("<!DOCTYPE html>\n<!-- sov-bench -->\n<html lang=\"en\">\n<head>\n"
          "<meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" "
          "content=\"width=device-width, initial-scale=1\">\n"
          "<meta name=\"color-scheme\" content=\"light dark\">\n"
          "<meta http-equiv=\"Content-Security-Policy\" "
          "content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
          "<title>",
          f);
    put_title(f, view);
    fputs("</title>\n<style>\n", f);
    bench_html_style(f);
    fputs("</style>\n</head>\n<body>\n<header>\n<h1>", f);
    put_title(f, view);
    fputs("</h1>\n", f);
}

/* ---- the answer */

static const char *
answer_class(const struct bench_view *view)
{
    size_t compared = view->n_v - view->answers[SOV_BENCH_REFUSED];

    if (compared == 0)
        return "none";
    if (view->answers[SOV_BENCH_WORSE] > 0)
        return "bad";
    return view->answers[SOV_BENCH_INCONCLUSIVE] == compared ? "unsure"
                                                             : "good";
}

static const char *
answer_mark(const char *kind)
{
    return strcmp(kind, "bad") == 0      ? "\xe2\x96\xbc"
           : strcmp(kind, "good") == 0   ? "\xe2\x9c\x93"
           : strcmp(kind, "unsure") == 0 ? "?"
                                         : "\xe2\x80\xa2";
}

static void
put_answer(FILE *f, const struct bench_view *view)
{
    const char *kind = answer_class(view);
    char text[512];

    fputs("<p class=\"soft\">", f);
    if (view->machine != NULL) {
        sov_markup_text(f, bench_time_words(text, sizeof(text), view->time));
        fputs(", on ", f);
        sov_markup_text(f,
                        bench_machine_words(text, sizeof(text), view->machine));
        fputs(".", f);
    }
    fprintf(f,
            "</p>\n</header>\n<main>\n<section class=\"verdict %s\" "
            "aria-label=\"Verdict\"><span class=\"mark\" "
            "aria-hidden=\"true\">%s</span><p>",
            kind, answer_mark(kind));
    sov_markup_text(f, view->headline);
    fputs("</p></section>\n", f);
}

static void
put_noise(FILE *f, const struct bench_view *view)
{
    char text[512];

    if (view->n == 0)
        return;
    bench_noise_words(text, sizeof(text), &view->rows[0].r->noise);
    if (text[0] == '\0')
        return;
    fputs("<p><strong>The machine was disturbed</strong> while this was "
          "measured: ",
          f);
    sov_markup_text(f, text);
    fputs(".</p>\n", f);
}

static void
put_notes(FILE *f, const struct bench_view *view)
{
    for (size_t i = 0; i < view->n; i++) {
        const char *note = bench_text(view->rows[i].r->note);
        bool told = note[0] == '\0';

        for (size_t k = 0; k < i && !told; k++)
            told = strcmp(bench_text(view->rows[k].r->note), note) == 0;
        if (told)
            continue;
        fputs("<p class=\"soft\">Note on ", f);
        sov_markup_text(f, view->rows[i].what);
        if (view->n_named > 1) {
            fputs(" of ", f);
            sov_markup_text(f, bench_text(view->rows[i].r->model.name));
        }
        fputs(": ", f);
        sov_markup_text(f, note);
        fputs("</p>\n", f);
    }
}

/* ---- charts */

static const char *
caption_of(enum bench_chart chart)
{
    switch (chart) {
    case BENCH_CHART_DECODE:
        return "Tokens of answers in a second; longer is faster. The thin line "
               "is the interval.";
    case BENCH_CHART_PREFILL:
        return "Tokens of prompts in a second; longer is faster.";
    case BENCH_CHART_QUALITY:
        return "Lower left is better. The broken line joins the models that no "
               "other one beats in both.";
    case BENCH_CHART_ROOFLINE:
        return "Nothing can be above the broken lines. A mark at the slanted "
               "one is as fast as memory allows; at a level one, as fast as "
               "the processor computes.";
    case BENCH_CHART_HISTORY:
        break;
    }
    return "";
}

static int
put_chart(FILE *f, const struct bench_view *view, enum bench_chart chart,
          const struct bench_row *row, struct sov_err *err)
{
    char text[1024];
    int rc;

    fputs("<figure>\n", f);
    rc = bench_chart_draw(f, view, chart, row, 0, false, err);
    if (rc < 0)
        return rc;
    fputs("<figcaption>", f);
    if (chart == BENCH_CHART_HISTORY) {
        bench_history_words(text, sizeof(text), row);
        sov_markup_text(f, text);
    } else
        fputs(caption_of(chart), f);
    fputs("</figcaption>\n", f);
    bench_html_numbers(f, view, chart, row);
    fputs("</figure>\n", f);
    return 0;
}

static int
put_charts(FILE *f, const struct bench_view *view, struct sov_err *err)
{
    bool any = false;
    int rc = 0;

    for (int kind = 0; kind < BENCH_CHART_HISTORY && rc == 0; kind++) {
        enum bench_chart chart = (enum bench_chart)kind;

        if (bench_chart_height(view, chart, NULL) == 0)
            continue;
        fputs(any ? ""
                  : "<h2 id=\"charts\">Charts</h2>\n"
                    "<div class=\"charts\">\n",
              f);
        any = true;
        rc = put_chart(f, view, chart, NULL, err);
    }
    fputs(any ? "</div>\n" : "", f);
    return rc;
}

/* Histories in which something happened come first, then what is not clear. */
static int
pass_of(const struct bench_row *row)
{
    if (row->n_changes > 0 ||
        (row->v != NULL && (row->v->answer == SOV_BENCH_WORSE ||
                            row->v->answer == SOV_BENCH_BETTER)))
        return 0;
    return row->v != NULL && row->v->answer == SOV_BENCH_INCONCLUSIVE ? 1
           : bench_of_machine(row->r)                                 ? 3
                                                                      : 2;
}

static int
put_histories(FILE *f, const struct bench_view *view, struct sov_err *err)
{
    size_t n = 0, all = 0;
    int rc = 0;

    for (size_t i = 0; i < view->n; i++)
        all +=
            bench_chart_height(view, BENCH_CHART_HISTORY, &view->rows[i]) > 0;
    if (all == 0)
        return 0;
    fputs("<h2 id=\"history\">Over time</h2>\n<p>On this machine. The band is "
          "the interval of each run; an upright line is a change that "
          "stayed.</p>\n<div class=\"charts\">\n",
          f);
    for (int pass = 0; pass < 4; pass++) {
        for (size_t i = 0; i < view->n && rc == 0; i++) {
            const struct bench_row *row = &view->rows[i];

            if (pass_of(row) != pass || n == HISTORIES_MAX ||
                bench_chart_height(view, BENCH_CHART_HISTORY, row) == 0)
                continue;
            n++;
            rc = put_chart(f, view, BENCH_CHART_HISTORY, row, err);
        }
    }
    fputs("</div>\n", f);
    if (n < all)
        fprintf(f,
                "<p class=\"soft\">%zu more are in the tables below, as "
                "small lines.</p>\n",
                all - n);
    return rc;
}

/* ---- all figures */

static void
put_figures(FILE *f, const struct bench_view *view)
{
    char text[512];

    fputs("<h2 id=\"figures\">All figures</h2>\n", f);
    for (size_t i = 0; i < view->n_models; i++) {
        const char *name = bench_text(view->models[i]->name);

        fputs("<h3>", f);
        sov_markup_text(f, name[0] != '\0' ? name : "The machine");
        fputs("</h3>\n", f);
        bench_model_words(text, sizeof(text), view->models[i]);
        if (text[0] != '\0') {
            fputs("<p class=\"soft\">", f);
            sov_markup_text(f, text);
            fputs("</p>\n", f);
        }
        bench_html_figures(f, view, i);
    }
}

/* ---- how it came about */

static void
put_fact(FILE *f, const char *what, const char *value)
{
    if (bench_text(value)[0] == '\0')
        return;
    fprintf(f, "<dt>%s</dt><dd>", what);
    sov_markup_text(f, value);
    fputs("</dd>\n", f);
}

static const char *
on_off(int state)
{
    return state == 1 ? "on" : state == 0 ? "off" : "";
}

static void
put_share(FILE *f, const char *what, double share)
{
    char text[64] = "";

    if (isfinite(share))
        snprintf(text, sizeof(text), "%.2f %%", bench_percent(share));
    put_fact(f, what, text);
}

static void
put_machine(FILE *f, const struct bench_view *view)
{
    const struct sov_bench_machine *m = view->machine;
    const struct sov_bench_noise *noise;
    struct bench_scale s;
    char text[128];

    if (m == NULL)
        return;
    noise = &view->now->record[0].noise;
    s = bench_scale_of("bytes", (double)m->memory);
    fputs("<h2 id=\"machine\">The machine</h2>\n<dl class=\"facts\">\n", f);
    put_fact(f, "processor", m->cpu);
    snprintf(text, sizeof(text), "%" PRIu32, m->cpus);
    put_fact(f, "CPUs that may be used", m->cpus > 0 ? text : "");
    put_fact(f, "instruction set", m->isa);
    bench_number(text, sizeof(text), &s, (double)m->memory);
    put_fact(f, "memory that may be used", m->memory > 0 ? text : "");
    put_fact(f, "kernel", m->kernel);
    put_fact(f, "microcode", m->microcode);
    put_fact(f, "frequency governor", m->governor);
    put_fact(f, "turbo", on_off(m->turbo));
    put_fact(f, "SMT", on_off(m->smt));
    put_fact(f, "container", m->container ? "yes" : "no");
    put_fact(f, "measured by", m->sov);
    put_fact(f, "fingerprint", m->id);
    put_share(f, "waiting for a CPU", noise->cpu_pressure);
    put_share(f, "waiting for memory", noise->memory_pressure);
    put_share(f, "taken by other guests", noise->steal);
    put_share(f, "cut by a quota", noise->throttled);
    put_share(f, "clock moved by", noise->frequency_drift);
    fputs("</dl>\n", f);
}

static void
put_method(FILE *f, const struct bench_view *view)
{
    fputs("<h2 id=\"method\">How it was measured</h2>\n"
          "<p>Each thing was done again and again, after a warm-up until it "
          "was steady. The tables tell the median of the samples and an "
          "interval of it that is exact for any distribution.",
          f);
    if (view->threads > 0)
        fprintf(f, " The models ran with %u thread%s", view->threads,
                view->threads == 1 ? "" : "s");
    if (view->kv != NULL) {
        fputs(view->threads > 0 ? ", keys and values in "
                                : " Keys and values were kept in ",
              f);
        sov_markup_text(f, view->kv);
    }
    if (view->threads > 0 || view->kv != NULL)
        fputs(".", f);
    if (view->text != NULL) {
        fputs(" The text for quality was ", f);
        sov_markup_text(f, view->text);
        fputs(".", f);
    }
    fputs("</p>\n", f);
    if (view->n_v > 0)
        fputs(
            "<p>Against the baseline something is called worse only if that "
            "is beyond doubt: its interval lies behind the threshold as a "
            "whole, the change is larger than a floor, and the test is "
            "corrected for the number of things that were compared (Mann "
            "and Whitney, Holm). Point at a verdict to read its reason.</p>\n",
            f);
    fputs("<p>What the limits of the machine are was measured in the same run, "
          "with the same threads.</p>\n",
          f);
}

static void
put_glossary(FILE *f)
{
    static const struct {
        const char *word;
        const char *meaning;
    } terms[] = {
/* clang-format off */
#define TERM(word, meaning) { word, meaning },
#include "bench/glossary.def"
        /* clang-format on */
    };

    fputs("<h2 id=\"words\">Words</h2>\n<dl>\n", f);
    for (size_t i = 0; i < sizeof(terms) / sizeof(terms[0]); i++) {
        fprintf(f, "<dt>%s</dt><dd>", terms[i].word);
        sov_markup_text(f, terms[i].meaning);
        fputs("</dd>\n", f);
    }
    fputs("</dl>\n", f);
}

int
bench_out_html(FILE *f, const struct bench_view *view, struct sov_err *err)
{
    int rc;

    put_head(f, view);
    put_answer(f, view);
    put_noise(f, view);
    put_notes(f, view);
    if (view->n_named > 0) {
        fputs("<h2 id=\"glance\">At a glance</h2>\n", f);
        bench_html_glance(f, view);
    }
    rc = put_charts(f, view, err);
    if (rc == 0)
        rc = put_histories(f, view, err);
    if (rc < 0)
        return rc;
    put_figures(f, view);
    put_machine(f, view);
    put_method(f, view);
    put_glossary(f);
    fprintf(f,
            "</main>\n<footer>Made by sov-bench %s. This page has no scripts "
            "and loads nothing.</footer>\n</body>\n</html>\n",
            sov_version());
    return 0;
}

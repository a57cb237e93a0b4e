/* SPDX-License-Identifier: Apache-2.0 */
/*
 * html_table.c - tables of the report
 */
#include "bench/html.h"

#include "cli/markup.h"
#include "cli/svg.h"

#include <math.h>
#include <string.h>
#include <time.h>

#define SPARK_MAX  60 /* values in a line */
#define NIGHTS_MAX 60 /* rows of a history */

/* ---- pieces */

static void
open_table(FILE *f, const char *told, const char *kind)
{
    fputs("<div class=\"scroll\" role=\"region\" tabindex=\"0\" "
          "aria-label=\"",
          f);
    sov_markup_text(f, told);
    fprintf(f, "\"><table%s><thead><tr>", kind);
}

static void
open_rows(FILE *f)
{
    fputs("</tr></thead><tbody>\n", f);
}

static void
close_table(FILE *f)
{
    fputs("</tbody></table></div>\n", f);
}

static void
put_head(FILE *f, const char *text, bool number)
{
    fprintf(f,
            number ? "<th scope=\"col\" class=\"n\">%s</th>"
                   : "<th scope=\"col\">%s</th>",
            text);
}

static void
put_name(FILE *f, const char *text)
{
    fputs("<tr><th scope=\"row\">", f);
    sov_markup_text(f, text);
    fputs("</th>", f);
}

static void
put_cell(FILE *f, const char *text, bool number)
{
    fputs(number ? "<td class=\"n\">" : "<td>", f);
    sov_markup_text(f, text);
    fputs("</td>", f);
}

static void
put_real(FILE *f, double value, const char *unit)
{
    char text[64] = "";

    if (isfinite(value))
        snprintf(text, sizeof(text), "%.4g%s", value, unit);
    put_cell(f, text, true);
}

static void
put_share(FILE *f, double share)
{
    char text[64] = "";

    if (isfinite(share))
        snprintf(text, sizeof(text), "%.0f %%", bench_percent(share));
    put_cell(f, text, true);
}

const char *
bench_html_class(const struct sov_bench_verdict *v)
{
    if (v == NULL)
        return "none";
    return v->answer == SOV_BENCH_WORSE          ? "bad"
           : v->answer == SOV_BENCH_BETTER       ? "good"
           : v->answer == SOV_BENCH_INCONCLUSIVE ? "unsure"
                                                 : "none";
}

static void
put_verdict(FILE *f, const struct sov_bench_verdict *v)
{
    static const char *const marks[] = { "=", "\xe2\x96\xb2", "\xe2\x96\xbc",
                                         "?", "" };
    char text[96];

    fputs("<td>", f);
    if (v != NULL) {
        fprintf(f, "<span class=\"%s\" title=\"", bench_html_class(v));
        sov_markup_text(f, v->reason);
        fprintf(f, "\">%s %s</span>", marks[v->answer],
                bench_verdict_words(text, sizeof(text), v));
    }
    fputs("</td>", f);
}

/* ---- at a glance */

static const struct {
    const char *metric;
    const char *head;
} glance[] = {
    { "prefill", "reading" },
    { "decode", "writing" },
    { "first_token", "first token" },
    { "peak_memory", "memory" },
    { "joules_per_token", "energy per token" },
    { "cost", "price" },
    { "perplexity", "perplexity" },
    { "kld", "divergence" },
    { "same_top", "same first choice" },
    { "hellaswag", "HellaSwag" },
    { "lambada", "LAMBADA" },
    { "choice", "choice" },
};

#define N_GLANCE (sizeof(glance) / sizeof(glance[0]))

/* How all models' values of a metric are written, or false if there is none. */
static bool
glance_scale(const struct bench_view *view, const char *metric,
             struct bench_scale *s)
{
    double least = INFINITY, most = -INFINITY;
    const char *unit = "";

    for (size_t i = 0; i < view->n_models; i++) {
        const struct bench_row *row = bench_view_find(view, i, metric);

        if (row == NULL || !isfinite(row->r->stat.median))
            continue;
        unit = bench_text(row->r->unit);
        least = fmin(least, fabs(row->r->stat.median));
        most = fmax(most, fabs(row->r->stat.median));
    }
    *s = bench_scale_for(unit, least, most);
    return most >= 0;
}

static struct bench_scale
size_scale(const struct bench_view *view)
{
    double least = INFINITY, most = 0;

    for (size_t i = 0; i < view->n_models; i++) {
        double bytes = (double)view->models[i]->bytes;

        least = bytes > 0 ? fmin(least, bytes) : least;
        most = fmax(most, bytes);
    }
    return bench_scale_for("bytes", least, most);
}

static void
glance_head(FILE *f, const char *text, const struct bench_scale *s)
{
    fprintf(f, "<th scope=\"col\" class=\"n\">%s", text);
    if (s->unit[0] != '\0') {
        fputs("<br>", f);
        sov_markup_text(f, s->unit);
    }
    fputs("</th>", f);
}

static void
glance_row(FILE *f, const struct bench_view *view, size_t model)
{
    const struct sov_bench_model *m = view->models[model];
    struct bench_scale s = size_scale(view);
    char text[128] = "";

    if (bench_text(m->name)[0] == '\0')
        return;
    put_name(f, m->name);
    put_cell(f, bench_text(m->type), false);
    if (m->bytes > 0)
        bench_figure(text, sizeof(text), &s, (double)m->bytes);
    put_cell(f, text, true);
    for (size_t k = 0; k < N_GLANCE; k++) {
        const struct bench_row *row =
            bench_view_find(view, model, glance[k].metric);

        if (!glance_scale(view, glance[k].metric, &s))
            continue;
        put_cell(f,
                 row != NULL
                     ? bench_figure(text, sizeof(text), &s, row->r->stat.median)
                     : "",
                 true);
    }
    fputs("</tr>\n", f);
}

void
bench_html_glance(FILE *f, const struct bench_view *view)
{
    struct bench_scale s = size_scale(view);

    open_table(f, "At a glance", " class=\"wide\"");
    put_head(f, "model", false);
    put_head(f, "type", false);
    glance_head(f, "size", &s);
    for (size_t k = 0; k < N_GLANCE; k++)
        if (glance_scale(view, glance[k].metric, &s))
            glance_head(f, glance[k].head, &s);
    open_rows(f);
    for (size_t i = 0; i < view->n_models; i++)
        glance_row(f, view, i);
    close_table(f);
}

/* ---- all figures */

/* Which columns have something in them. */
struct columns {
    bool verdict, before, history, bandwidth, compute;
};

static struct columns
find_columns(const struct bench_view *view, size_t model)
{
    struct columns c = { 0 };

    for (size_t i = 0; i < view->n; i++) {
        const struct bench_row *row = &view->rows[i];

        if (row->model != model)
            continue;
        c.verdict = c.verdict || row->v != NULL;
        c.before = c.before || (row->v != NULL && row->v->base != NULL);
        c.history = c.history || row->n > 1;
        c.bandwidth = c.bandwidth || isfinite(row->r->bandwidth_share);
        c.compute = c.compute || isfinite(row->r->compute_share);
    }
    return c;
}

static void
figure_row(FILE *f, const struct bench_row *row, const struct columns *c)
{
    size_t skipped = row->n > SPARK_MAX ? row->n - SPARK_MAX : 0;
    char text[160];

    put_name(f, row->what);
    put_cell(f,
             bench_number(text, sizeof(text), &row->scale, row->r->stat.median),
             true);
    if (c->verdict)
        put_verdict(f, row->v);
    put_cell(f, bench_interval(text, sizeof(text), &row->scale, &row->r->stat),
             true);
    if (c->before)
        put_cell(
            f,
            row->v != NULL && row->v->base != NULL
                ? bench_number(text, sizeof(text), &row->scale, row->v->before)
                : "",
            true);
    if (c->history) {
        fputs("<td>", f);
        if (row->n > 1)
            sov_svg_spark(f, row->value + skipped, row->n - skipped, "history");
        fputs("</td>", f);
    }
    if (c->bandwidth)
        put_share(f, row->r->bandwidth_share);
    if (c->compute)
        put_share(f, row->r->compute_share);
    snprintf(text, sizeof(text), "%zu", row->r->stat.n);
    put_cell(f, row->r->stat.n > 0 ? text : "", true);
    fputs("</tr>\n", f);
}

void
bench_html_figures(FILE *f, const struct bench_view *view, size_t model)
{
    struct columns c = find_columns(view, model);
    const char *name = bench_text(view->models[model]->name);

    open_table(f, name[0] != '\0' ? name : "this machine", " class=\"wide\"");
    put_head(f, "what", false);
    put_head(f, "median", true);
    if (c.verdict)
        put_head(f, "verdict", false);
    put_head(f, "interval", true);
    if (c.before)
        put_head(f, "before", true);
    if (c.history)
        put_head(f, "history", false);
    if (c.bandwidth)
        put_head(f, "share of<br>bandwidth", true);
    if (c.compute)
        put_head(f, "share of<br>compute", true);
    put_head(f, "samples", true);
    open_rows(f);
    for (size_t i = 0; i < view->n; i++)
        if (view->rows[i].model == model)
            figure_row(f, &view->rows[i], &c);
    close_table(f);
}

/* ---- behind the charts */

static void
bar_numbers(FILE *f, const struct bench_view *view, const char *metric)
{
    char text[160];

    put_head(f, "model", false);
    put_head(f, "what", false);
    put_head(f, "median", true);
    put_head(f, "interval", true);
    open_rows(f);
    for (size_t i = 0; i < view->n; i++) {
        const struct bench_row *row = &view->rows[i];

        if (strcmp(bench_text(row->r->metric), metric) != 0)
            continue;
        put_name(f, bench_text(row->r->model.name));
        put_cell(f, row->what, false);
        put_cell(
            f,
            bench_number(text, sizeof(text), &row->scale, row->r->stat.median),
            true);
        put_cell(f,
                 bench_interval(text, sizeof(text), &row->scale, &row->r->stat),
                 true);
        fputs("</tr>\n", f);
    }
}

static void
quality_numbers(FILE *f, const struct bench_view *view)
{
    static const char *const metrics[] = { "perplexity", "kld",
                                           "bits_per_byte" };
    char text[160];

    put_head(f, "model", false);
    put_head(f, "size", true);
    put_head(f, "perplexity", true);
    put_head(f, "divergence", true);
    put_head(f, "bits per byte", true);
    open_rows(f);
    for (size_t i = 0; i < view->n_models; i++) {
        double bytes = (double)view->models[i]->bytes;
        struct bench_scale size = bench_scale_of("bytes", bytes);

        if (bench_text(view->models[i]->name)[0] == '\0')
            continue;
        put_name(f, view->models[i]->name);
        put_cell(f, bench_number(text, sizeof(text), &size, bytes), true);
        for (size_t k = 0; k < 3; k++) {
            const struct bench_row *row = bench_view_find(view, i, metrics[k]);

            put_real(f, row != NULL ? row->r->stat.median : NAN, "");
        }
        fputs("</tr>\n", f);
    }
}

static void
roof_numbers(FILE *f, const struct bench_view *view)
{
    put_head(f, "model", false);
    put_head(f, "what", false);
    put_head(f, "operations for a byte", true);
    put_head(f, "billion operations/s", true);
    put_head(f, "GB/s", true);
    open_rows(f);
    for (size_t i = 0; i < view->n; i++) {
        const struct sov_bench_record *r = view->rows[i].r;

        if (!(r->bytes_per_s > 0) || !(r->flop_per_s > 0))
            continue;
        put_name(f, bench_text(r->model.name));
        put_cell(f, view->rows[i].what, false);
        put_real(f, r->flop_per_s / r->bytes_per_s, "");
        put_real(f, r->flop_per_s / 1e9, "");
        put_real(f, r->bytes_per_s / 1e9, "");
        fputs("</tr>\n", f);
    }
}

static void
history_numbers(FILE *f, const struct bench_row *row)
{
    size_t from = row->n > NIGHTS_MAX ? row->n - NIGHTS_MAX : 0;
    struct sov_bench_stat stat = { 0 };
    char text[160];

    put_head(f, "time", false);
    put_head(f, "median", true);
    put_head(f, "interval", true);
    open_rows(f);
    for (size_t i = row->n; i-- > from;) {
        time_t seconds = (time_t)row->when[i];
        struct tm tm = { 0 };

        gmtime_r(&seconds, &tm);
        if (strftime(text, sizeof(text), "%Y-%m-%d %H:%M", &tm) == 0)
            text[0] = '\0';
        put_name(f, text);
        put_cell(f,
                 bench_number(text, sizeof(text), &row->scale, row->value[i]),
                 true);
        stat.low = row->low[i];
        stat.high = row->high[i];
        put_cell(f, bench_interval(text, sizeof(text), &row->scale, &stat),
                 true);
        fputs("</tr>\n", f);
    }
}

void
bench_html_numbers(FILE *f, const struct bench_view *view,
                   enum bench_chart chart, const struct bench_row *row)
{
    fputs("<details><summary>The numbers</summary>", f);
    open_table(f, "The numbers of the chart", "");
    switch (chart) {
    case BENCH_CHART_DECODE:
        bar_numbers(f, view, "decode");
        break;
    case BENCH_CHART_PREFILL:
        bar_numbers(f, view, "prefill");
        break;
    case BENCH_CHART_QUALITY:
        quality_numbers(f, view);
        break;
    case BENCH_CHART_ROOFLINE:
        roof_numbers(f, view);
        break;
    case BENCH_CHART_HISTORY:
        history_numbers(f, row);
        break;
    }
    close_table(f);
    fputs("</details>\n", f);
}

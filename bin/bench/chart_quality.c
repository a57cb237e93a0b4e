/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chart_quality.c - what is lost with each byte that is saved
 */
#include "bench/charts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEIGHT 300

struct mark {
    double x, y, low, high;
    const char *name;
    int series;
};

/* The models for which the metric is known. */
static size_t
find_quality(const struct bench_view *view, const char *metric,
             struct mark *marks)
{
    size_t n = 0;

    for (size_t i = 0; i < view->n_models; i++) {
        const struct bench_row *row = bench_view_find(view, i, metric);
        struct mark m = { .name = bench_model_label(view, i) };

        if (row == NULL || !(row->r->stat.median > 0) ||
            !isfinite(row->r->stat.median) || view->models[i]->bytes == 0)
            continue;
        m.x = (double)view->models[i]->bytes;
        m.y = row->r->stat.median;
        m.low = row->r->stat.low;
        m.high = row->r->stat.high;
        marks[n++] = m;
    }
    return n;
}

static const char *
choose_quality(const struct bench_view *view, struct mark *marks, size_t *n)
{
    static const char *const metrics[] = { "kld", "perplexity",
                                           "bits_per_byte" };

    for (size_t i = 0; i < sizeof(metrics) / sizeof(metrics[0]); i++) {
        *n = find_quality(view, metrics[i], marks);
        if (*n > 1)
            return metrics[i];
    }
    *n = 0;
    return NULL;
}

static int
by_size(const void *a, const void *b)
{
    double x = ((const struct mark *)a)->x, y = ((const struct mark *)b)->x;

    return x < y ? -1 : x > y;
}

/* A line through those that nothing beats in both. */
static void
draw_front(struct sov_svg *s, const struct mark *marks, size_t n)
{
    double x[BENCH_MODEL_MAX], y[BENCH_MODEL_MAX], best = INFINITY;
    size_t len = 0;

    for (size_t i = 0; i < n; i++) {
        if (marks[i].y >= best)
            continue;
        best = marks[i].y;
        x[len] = marks[i].x;
        y[len++] = marks[i].y;
    }
    sov_svg_guide(s, 5, x, y, len);
}

/* Wide ranges are better read as a logarithm. */
static void
choose_scale(struct sov_svg_axis *a)
{
    if (a->low > 0 && a->high / a->low > 8)
        a->scale = SOV_SVG_LOG;
}

void
bench_quality_draw(FILE *f, const struct bench_view *view,
                   struct sov_svg_chart *chart)
{
    struct mark marks[BENCH_MODEL_MAX];
    size_t n;
    const char *metric = choose_quality(view, marks, &n);
    bool kld = strcmp(metric, "kld") == 0;
    struct bench_scale size = bench_scale_of("bytes", marks[0].x);
    char label[64], told[BENCH_TEXT_MAX];
    struct sov_svg s;

    qsort(marks, n, sizeof(marks[0]), by_size);
    chart->x = chart->y =
        (struct sov_svg_axis){ .low = INFINITY, .high = -INFINITY };
    for (size_t i = 0; i < n; i++) {
        marks[i].x *= size.by;
        bench_chart_fit(&chart->x, marks[i].x);
        bench_chart_fit(&chart->y, marks[i].y);
    }
    choose_scale(&chart->x);
    choose_scale(&chart->y);
    for (size_t i = 0; i < n; i++) {
        bench_chart_fit(&chart->y, marks[i].low);
        bench_chart_fit(&chart->y, marks[i].high);
    }
    snprintf(label, sizeof(label), "size of the file, %s", size.unit);
    chart->x.label = label;
    chart->y.label =
        kld ? "divergence from the reference, nats (lower is better)"
        : strcmp(metric, "perplexity") == 0 ? "perplexity (lower is better)"
                                            : "bits per byte (lower is better)";
    chart->title = "Quality against size";
    chart->told = "A mark for each model. The broken line joins those that no "
                  "other one beats in size and in quality at once.";
    sov_svg_begin(&s, f, chart);
    draw_front(&s, marks, n);
    for (size_t i = 0; i < n; i++) {
        snprintf(told, sizeof(told), "%s: %.4g %s, %.4g", marks[i].name,
                 marks[i].x, size.unit, marks[i].y);
        sov_svg_point(&s, 0, marks[i].x, marks[i].y, marks[i].low,
                      marks[i].high, told);
    }
    for (size_t i = 0; i < n; i++)
        sov_svg_label(&s, marks[i].x, marks[i].y, marks[i].name);
    sov_svg_end(&s);
}

int
bench_quality_height(const struct bench_view *view)
{
    struct mark marks[BENCH_MODEL_MAX];
    size_t n;

    return choose_quality(view, marks, &n) != NULL ? HEIGHT : 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chart_roof.c - how near a model comes to what the machine can do
 */
#include "bench/charts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define HEIGHT    340
#define NAMED_MAX 12 /* marks that have names, all of them */

/* In operations and bytes a second; 0 where it was not measured. */
struct roof {
    double speed;
    const char *name;
};

#define N_ROOFS 3

static double
find_roofs(const struct bench_view *view, struct roof *roofs)
{
    static const char *const metrics[N_ROOFS] = { "compute_int8",
                                                  "compute_bf16",
                                                  "compute_f32" };
    static const char *const names[N_ROOFS] = { "8-bit", "bfloat16",
                                                "32-bit float" };
    double memory = 0;

    for (size_t k = 0; k < N_ROOFS; k++)
        roofs[k] = (struct roof){ 0, names[k] };
    for (size_t i = 0; i < view->n; i++) {
        double v = view->rows[i].r->stat.median;

        if (bench_chart_is(&view->rows[i], "bandwidth") && v > 0)
            memory = v * 1e9;
        for (size_t k = 0; k < N_ROOFS; k++)
            if (bench_chart_is(&view->rows[i], metrics[k]) && v > 0)
                roofs[k].speed = v * 1e12;
    }
    return memory;
}

static size_t
find_work(const struct bench_view *view, const struct bench_row **rows,
          size_t max)
{
    size_t n = 0;

    for (size_t i = 0; i < view->n && n < max; i++) {
        const struct sov_bench_record *r = view->rows[i].r;

        if (r->bytes_per_s > 0 && r->flop_per_s > 0 &&
            isfinite(r->bytes_per_s) && isfinite(r->flop_per_s))
            rows[n++] = &view->rows[i];
    }
    return n;
}

#define WORK_MAX 200

static void
draw_roofs(struct sov_svg *s, double memory, const struct roof *roofs,
           double x_low, double x_high)
{
    double top = 0;
    char text[96];

    for (size_t k = 0; k < N_ROOFS; k++) {
        double ridge = roofs[k].speed / memory;
        double x[2] = { fmin(fmax(ridge, x_low), x_high), x_high };
        double y[2] = { roofs[k].speed / 1e9, roofs[k].speed / 1e9 };

        if (roofs[k].speed == 0)
            continue;
        top = fmax(top, roofs[k].speed);
        sov_svg_guide(s, 5, x, y, 2);
        snprintf(text, sizeof(text), "%s: %.4g billion/s", roofs[k].name, y[0]);
        sov_svg_remark(s, x[0] * 1.8, y[0], false, text);
    }
    top = top > 0 ? top : memory * x_high;
    {
        double end = fmin(top / memory, x_high);
        double x[2] = { x_low, end };
        double y[2] = { x_low * memory / 1e9, end * memory / 1e9 };

        sov_svg_guide(s, 5, x, y, 2);
        snprintf(text, sizeof(text), "memory: %.4g GB/s", memory / 1e9);
        end = x_low * pow(end / x_low, 0.8);
        sov_svg_remark(s, end, end * memory / 1e9, true, text);
    }
}

void
bench_roof_draw(FILE *f, const struct bench_view *view,
                struct sov_svg_chart *chart)
{
    static const struct sov_svg_key keys[] = { { 0, "writing (decode)" },
                                               { 1, "reading (prefill)" } };
    const struct bench_row *rows[WORK_MAX];
    size_t n = find_work(view, rows, WORK_MAX);
    struct roof roofs[N_ROOFS];
    double memory = find_roofs(view, roofs);
    char told[BENCH_TEXT_MAX * 2];
    struct sov_svg s;

    chart->x = chart->y = (struct sov_svg_axis){ .scale = SOV_SVG_LOG,
                                                 .low = INFINITY,
                                                 .high = -INFINITY };
    for (size_t i = 0; i < n; i++) {
        bench_chart_fit(&chart->x,
                        rows[i]->r->flop_per_s / rows[i]->r->bytes_per_s);
        bench_chart_fit(&chart->y, rows[i]->r->flop_per_s / 1e9);
    }
    for (size_t k = 0; k < N_ROOFS; k++) {
        bench_chart_fit(&chart->x, roofs[k].speed / memory * 2);
        bench_chart_fit(&chart->y, roofs[k].speed / 1e9);
    }
    chart->x.low /= 4; /* names of marks stand before them */
    chart->x.high *= 1.5;
    bench_chart_fit(&chart->y, chart->x.low * memory / 1e9);
    chart->y.high *= 1.5;
    chart->x.label = "operations for each byte that is read";
    chart->y.label = "billion operations per second";
    chart->title = "How near to the limits of the machine";
    chart->told = "The slanted line is what memory allows, the level ones what "
                  "the processor can compute: nothing is above them. A mark on "
                  "a line cannot become faster without doing less work.";
    chart->keys = keys;
    chart->n_keys = 2;
    sov_svg_begin(&s, f, chart);
    draw_roofs(&s, memory, roofs, chart->x.low, chart->x.high);
    for (size_t i = 0; i < n; i++) {
        const struct sov_bench_record *r = rows[i]->r;

        snprintf(told, sizeof(told),
                 "%s, %s: %.4g billion operations/s, "
                 "%.4g GB/s",
                 bench_model_label(view, rows[i]->model), rows[i]->what,
                 r->flop_per_s / 1e9, r->bytes_per_s / 1e9);
        sov_svg_point(&s, bench_chart_is(rows[i], "prefill") ? 1 : 0,
                      r->flop_per_s / r->bytes_per_s, r->flop_per_s / 1e9, NAN,
                      NAN, told);
    }
    for (size_t i = 0; i < n; i++)
        if (n <= NAMED_MAX ||
            bench_view_find(view, rows[i]->model,
                            bench_text(rows[i]->r->metric)) == rows[i])
            sov_svg_label(&s, rows[i]->r->flop_per_s / rows[i]->r->bytes_per_s,
                          rows[i]->r->flop_per_s / 1e9,
                          view->n_named > 1
                              ? bench_model_label(view, rows[i]->model)
                              : rows[i]->what);
    sov_svg_end(&s);
}

int
bench_roof_height(const struct bench_view *view)
{
    const struct bench_row *rows[1];
    struct roof roofs[N_ROOFS];

    return find_roofs(view, roofs) > 0 && find_work(view, rows, 1) > 0 ? HEIGHT
                                                                       : 0;
}

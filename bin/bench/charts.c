/* SPDX-License-Identifier: Apache-2.0 */
/*
 * charts.c - the charts of a report: which there are
 */
#include "bench/charts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

bool
bench_chart_is(const struct bench_row *row, const char *metric)
{
    return strcmp(bench_text(row->r->metric), metric) == 0 &&
           isfinite(row->r->stat.median);
}

void
bench_chart_fit(struct sov_svg_axis *a, double v)
{
    if (!isfinite(v) || (a->scale == SOV_SVG_LOG && !(v > 0)))
        return;
    a->low = fmin(a->low, v);
    a->high = fmax(a->high, v);
}

int
bench_chart_height(const struct bench_view *view, enum bench_chart chart,
                   const struct bench_row *row)
{
    switch (chart) {
    case BENCH_CHART_DECODE:
    case BENCH_CHART_PREFILL:
        return bench_bars_height(view, chart);
    case BENCH_CHART_QUALITY:
        return bench_quality_height(view);
    case BENCH_CHART_ROOFLINE:
        return bench_roof_height(view);
    case BENCH_CHART_HISTORY:
        break;
    }
    return bench_history_height(row);
}

int
bench_chart_draw(FILE *f, const struct bench_view *view, enum bench_chart kind,
                 const struct bench_row *row, int at, bool inside,
                 struct sov_err *err)
{
    char id[40];
    struct sov_svg_chart chart = {
        .id = id,
        .width = BENCH_CHART_WIDTH,
        .height = bench_chart_height(view, kind, row),
        .at = at,
        .inside = inside,
    };

    snprintf(id, sizeof(id), "chart%d%c%zu", kind, 'r',
             row != NULL ? (size_t)(row - view->rows) : 0);
    switch (kind) {
    case BENCH_CHART_DECODE:
    case BENCH_CHART_PREFILL:
        bench_bars_draw(f, view, kind, &chart);
        return 0;
    case BENCH_CHART_QUALITY:
        bench_quality_draw(f, view, &chart);
        return 0;
    case BENCH_CHART_ROOFLINE:
        bench_roof_draw(f, view, &chart);
        return 0;
    case BENCH_CHART_HISTORY:
        break;
    }
    return bench_history_draw(f, view, row, &chart, err);
}

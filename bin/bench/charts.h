/* SPDX-License-Identifier: Apache-2.0 */
/*
 * charts.h - what charts share; one file for each
 */
#ifndef SOV_BENCH_CHARTS_H
#define SOV_BENCH_CHARTS_H

#include "bench/view.h"
#include "cli/svg.h"

#include <stdbool.h>
#include <stdio.h>

/* Has the row this metric, and a value? */
bool bench_chart_is(const struct bench_row *row, const char *metric);

/* Let the axis reach to v, if v is a number that it can have. */
void bench_chart_fit(struct sov_svg_axis *a, double v);

/* ---- how high each would be, 0: nothing to show; and drawn */

int bench_bars_height(const struct bench_view *view, enum bench_chart kind);
void bench_bars_draw(FILE *f, const struct bench_view *view,
                     enum bench_chart kind, struct sov_svg_chart *chart);

int bench_quality_height(const struct bench_view *view);
void bench_quality_draw(FILE *f, const struct bench_view *view,
                        struct sov_svg_chart *chart);

int bench_roof_height(const struct bench_view *view);
void bench_roof_draw(FILE *f, const struct bench_view *view,
                     struct sov_svg_chart *chart);

int bench_history_height(const struct bench_row *row);
int bench_history_draw(FILE *f, const struct bench_view *view,
                       const struct bench_row *row, struct sov_svg_chart *chart,
                       struct sov_err *err) SOV_MUST_CHECK;

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * html.h - pieces of the report
 */
#ifndef SOV_BENCH_HTML_H
#define SOV_BENCH_HTML_H

#include "bench/view.h"

#include <stdio.h>

/* ---- html_style.c */

/* The rules of CSS, those of charts among them. */
void bench_html_style(FILE *f);

/* ---- html_table.c */

/* One row for each model. */
void bench_html_glance(FILE *f, const struct bench_view *view);
/* All that was measured of one model (or of the machine). */
void bench_html_figures(FILE *f, const struct bench_view *view, size_t model);
/* The numbers of a chart, to be unfolded. */
void bench_html_numbers(FILE *f, const struct bench_view *view,
                        enum bench_chart chart, const struct bench_row *row);

/* "good", "bad", "unsure" or "none" */
const char *bench_html_class(const struct sov_bench_verdict *v);

#endif

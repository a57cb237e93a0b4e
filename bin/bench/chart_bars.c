/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chart_bars.c - how fast each model reads and writes
 */
#include "bench/charts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define BARS_MAX  24
#define CELLS_MAX 3  /* bars of one model that stand together */
#define BAR       24 /* of a row */
#define EDGE      84 /* above and below them */

static const char *
metric_of(enum bench_chart chart)
{
    return chart == BENCH_CHART_DECODE ? "decode" : "prefill";
}

static size_t
find_bars(const struct bench_view *view, const char *metric,
          const struct bench_row **bars)
{
    size_t n = 0;

    for (size_t i = 0; i < view->n && n < BARS_MAX; i++)
        if (bench_chart_is(&view->rows[i], metric))
            bars[n++] = &view->rows[i];
    return n;
}

/* Bars of one model stand together, where every one of them is a cell that
 * other models have too. */
struct bars {
    const struct bench_row *row[BARS_MAX];
    size_t n;
    const char *cell[CELLS_MAX]; /* a series for each, if there are groups */
    size_t n_cells;
    const char *name[BARS_MAX]; /* of rows of the chart */
    size_t n_rows;
    char text[BARS_MAX][2 * BENCH_TEXT_MAX];
    bool groups;
};

static void
find_cells(struct bars *b)
{
    b->groups = true;
    for (size_t i = 0; i < b->n && b->groups; i++) {
        size_t k = 0;

        while (k < b->n_cells && strcmp(b->cell[k], b->row[i]->what) != 0)
            k++;
        if (k < b->n_cells)
            continue;
        if (k == CELLS_MAX)
            b->groups = false;
        else
            b->cell[b->n_cells++] = b->row[i]->what;
    }
}

static size_t
cell_of(const struct bars *b, size_t i)
{
    size_t k = 0;

    while (strcmp(b->cell[k], b->row[i]->what) != 0)
        k++;
    return k;
}

/* What is left of a bar, and which row of the chart it is in. */
static size_t
row_of(struct bars *b, const struct bench_view *view, size_t i)
{
    const struct bench_row *row = b->row[i];
    const char *metric = bench_text(row->r->metric);
    char *text = b->text[b->n_rows];

    if (b->groups)
        for (size_t k = 0; k < i; k++)
            if (b->row[k]->model == row->model)
                for (size_t at = 0; at < b->n_rows; at++)
                    if (b->name[at] == bench_model_label(view, row->model))
                        return at;
    if (b->groups)
        b->name[b->n_rows] = bench_model_label(view, row->model);
    else {
        const char *cell = row->what + strlen(metric);

        snprintf(text, sizeof(b->text[0]), "%s%s",
                 view->n_named > 1 ? bench_model_label(view, row->model) : "",
                 view->n_named > 1 ? cell : cell + (cell[0] == ' '));
        b->name[b->n_rows] = text;
    }
    return b->n_rows++;
}

/* The bars of a chart: fills b, and at with the row of each. */
static void
lay_bars(struct bars *b, size_t *at, const struct bench_view *view,
         enum bench_chart kind)
{
    memset(b, 0, sizeof(*b));
    b->n = find_bars(view, metric_of(kind), b->row);
    find_cells(b);
    if (view->n_named < 2)
        b->groups = false;
    for (size_t i = 0; i < b->n; i++)
        at[i] = row_of(b, view, i);
    if (!b->groups)
        b->n_cells = 1;
}

int
bench_bars_height(const struct bench_view *view, enum bench_chart kind)
{
    struct bars b;
    size_t at[BARS_MAX], keys;

    lay_bars(&b, at, view, kind);
    keys = b.groups && b.n_cells > 1 ? b.n_cells : 0;
    if (b.n < 2)
        return 0;
    return EDGE +
           (int)b.n_rows * (b.n_cells > 1 ? 12 + 14 * (int)b.n_cells : BAR) +
           18 * (int)((keys + 1) / 2);
}

void
bench_bars_draw(FILE *f, const struct bench_view *view, enum bench_chart kind,
                struct sov_svg_chart *chart)
{
    int first = kind == BENCH_CHART_DECODE ? 0 : 1;
    struct sov_svg_key keys[CELLS_MAX];
    char title[2 * BENCH_TEXT_MAX], number[96];
    size_t at[BARS_MAX];
    struct bars b;
    double high = 0;
    struct sov_svg s;

    lay_bars(&b, at, view, kind);
    for (size_t i = 0; i < b.n; i++) {
        const struct sov_bench_stat *stat = &b.row[i]->r->stat;

        high = fmax(high,
                    fmax(stat->median, isfinite(stat->high) ? stat->high : 0));
    }
    for (size_t k = 0; k < b.n_cells && b.groups; k++)
        keys[k] = (struct sov_svg_key){ first + (int)k, b.cell[k] };
    snprintf(title, sizeof(title), "%s: %s",
             kind == BENCH_CHART_DECODE ? "Writing" : "Reading",
             b.groups && b.n_cells == 1 ? b.cell[0] : metric_of(kind));
    chart->title = title;
    chart->told = "Bars, one for each line of the table: the median, and its "
                  "interval as a line.";
    chart->x = (struct sov_svg_axis){ .label = "tokens per second",
                                      .high = high * 1.18,
                                      .zero = true };
    chart->y = (struct sov_svg_axis){ .scale = SOV_SVG_ROWS,
                                      .rows = b.name,
                                      .n_rows = b.n_rows };
    chart->keys = keys;
    chart->n_keys = b.groups && b.n_cells > 1 ? b.n_cells : 0;
    sov_svg_begin(&s, f, chart);
    for (size_t i = 0; i < b.n; i++) {
        const struct sov_bench_stat *stat = &b.row[i]->r->stat;
        size_t k = b.groups ? cell_of(&b, i) : 0;

        bench_figure(number, sizeof(number), &b.row[i]->scale, stat->median);
        sov_svg_bar(&s, first + (int)k, at[i], k, b.n_cells, stat->median,
                    stat->low, stat->high, number);
    }
    sov_svg_end(&s);
}

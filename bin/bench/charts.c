/* SPDX-License-Identifier: Apache-2.0 */
/*
 * charts.c - speed, quality against size, the roofline and histories
 */
#include "bench/view.h"

#include "cli/svg.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WIDTH      BENCH_CHART_WIDTH
#define HEIGHT     300
#define BARS_MAX   24
#define CELLS_MAX  3    /* bars of one model that stand together */
#define BAR        24   /* of a row */
#define BARS_EDGE  84   /* above and below them */
#define DRAWN_MAX  400  /* runs of a history that are drawn, the newest */
#define LEAST_SPAN 0.04 /* of a history, up and down */
#define NAMED_MAX  12   /* marks in a roofline that have names */

static bool
is_metric(const struct bench_row *row, const char *metric)
{
    return strcmp(bench_text(row->r->metric), metric) == 0 &&
           isfinite(row->r->stat.median);
}

static int
no_memory(struct sov_err *err)
{
    return sov_fail(err, SOV_EMEM, "out of memory");
}

/* ---- bars */

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
        if (is_metric(&view->rows[i], metric))
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

static int
bars_height(const struct bench_view *view, enum bench_chart kind)
{
    struct bars b;
    size_t at[BARS_MAX], keys;

    lay_bars(&b, at, view, kind);
    keys = b.groups && b.n_cells > 1 ? b.n_cells : 0;
    if (b.n < 2)
        return 0;
    return BARS_EDGE +
           (int)b.n_rows * (b.n_cells > 1 ? 12 + 14 * (int)b.n_cells : BAR) +
           18 * (int)((keys + 1) / 2);
}

static void
draw_bars(FILE *f, const struct bench_view *view, enum bench_chart kind,
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

/* ---- quality against size */

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

static void
fit(struct sov_svg_axis *a, double v)
{
    if (!isfinite(v) || (a->scale == SOV_SVG_LOG && !(v > 0)))
        return;
    a->low = fmin(a->low, v);
    a->high = fmax(a->high, v);
}

/* Wide ranges are better read as a logarithm. */
static void
choose_scale(struct sov_svg_axis *a)
{
    if (a->low > 0 && a->high / a->low > 8)
        a->scale = SOV_SVG_LOG;
}

static void
draw_quality(FILE *f, const struct bench_view *view,
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
        fit(&chart->x, marks[i].x);
        fit(&chart->y, marks[i].y);
    }
    choose_scale(&chart->x);
    choose_scale(&chart->y);
    for (size_t i = 0; i < n; i++) {
        fit(&chart->y, marks[i].low);
        fit(&chart->y, marks[i].high);
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

/* ---- the roofline */

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

        if (is_metric(&view->rows[i], "bandwidth") && v > 0)
            memory = v * 1e9;
        for (size_t k = 0; k < N_ROOFS; k++)
            if (is_metric(&view->rows[i], metrics[k]) && v > 0)
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

static void
draw_roofline(FILE *f, const struct bench_view *view,
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
        fit(&chart->x, rows[i]->r->flop_per_s / rows[i]->r->bytes_per_s);
        fit(&chart->y, rows[i]->r->flop_per_s / 1e9);
    }
    for (size_t k = 0; k < N_ROOFS; k++) {
        fit(&chart->x, roofs[k].speed / memory * 2);
        fit(&chart->y, roofs[k].speed / 1e9);
    }
    chart->x.low /= 2;
    chart->x.high *= 1.5;
    fit(&chart->y, chart->x.low * memory / 1e9);
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
        sov_svg_point(&s, is_metric(rows[i], "prefill") ? 1 : 0,
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

/* ---- a history */

static void
day_text(char *buf, size_t size, double when)
{
    time_t seconds = (time_t)when;
    struct tm tm = { 0 };

    gmtime_r(&seconds, &tm);
    if (strftime(buf, size, "%Y-%m-%d", &tm) == 0)
        buf[0] = '\0';
}

/* Between changes: the level, as a broken line. */
static void
draw_levels(struct sov_svg *s, const struct bench_row *row, size_t skipped)
{
    size_t from = skipped;

    for (size_t i = 0; i <= row->n_changes && row->n_changes > 0; i++) {
        bool last = i == row->n_changes;
        size_t end = last ? row->n - 1 : row->change[i].at - 1;
        double level = last ? row->change[i - 1].after : row->change[i].before;
        double x[2], y[2] = { level * row->scale.by, level * row->scale.by };

        if (end < from || end >= row->n)
            continue;
        x[0] = row->when[from];
        x[1] = row->when[end];
        sov_svg_guide(s, 1, x, y, 2);
        from = end + 1;
    }
}

static void
draw_changes(struct sov_svg *s, const struct bench_row *row, size_t skipped)
{
    char text[64];

    for (size_t i = 0; i < row->n_changes; i++) {
        const struct sov_bench_change *c = &row->change[i];

        if (c->at < skipped || c->at >= row->n)
            continue;
        snprintf(text, sizeof(text), "%+.1f %%", 100 * c->change);
        sov_svg_upright(s, row->when[c->at], text);
    }
}

void
bench_history_words(char *buf, size_t size, const struct bench_row *row)
{
    char first[32], last[32], number[96];
    size_t len;

    day_text(first, sizeof(first), row->when[0]);
    day_text(last, sizeof(last), row->when[row->n - 1]);
    snprintf(buf, size, "%zu runs from %s to %s; the last one: %s.", row->n,
             first, last,
             bench_number(number, sizeof(number), &row->scale,
                          row->value[row->n - 1]));
    for (size_t i = 0; i < row->n_changes; i++) {
        len = strlen(buf);
        day_text(first, sizeof(first), row->when[row->change[i].at]);
        snprintf(buf + len, size - len, " It changed by %+.1f %% on %s.",
                 100 * row->change[i].change, first);
    }
}

static const char *
unit_words(const struct bench_scale *s)
{
    if (s->unit[0] == '\0')
        return " ";
    if (strcmp(s->unit, "tok/s") == 0)
        return "tokens per second";
    return strcmp(s->unit, "s") == 0    ? "seconds"
           : strcmp(s->unit, "ms") == 0 ? "milliseconds"
                                        : s->unit;
}

static int
draw_history(FILE *f, const struct bench_view *view,
             const struct bench_row *row, struct sov_svg_chart *chart,
             struct sov_err *err)
{
    size_t skipped = row->n > DRAWN_MAX ? row->n - DRAWN_MAX : 0;
    size_t n = row->n - skipped;
    double *value = calloc(3 * n, sizeof(*value));
    double *low = value + n, *high = low + n;
    const double *when = row->when + skipped;
    char title[2 * BENCH_TEXT_MAX], told[1024];
    struct sov_svg s;

    if (value == NULL)
        return no_memory(err);
    chart->x = (struct sov_svg_axis){ .scale = SOV_SVG_TIME,
                                      .low = when[0],
                                      .high = when[n - 1] };
    chart->y = (struct sov_svg_axis){ .low = INFINITY, .high = -INFINITY };
    for (size_t i = 0; i < n; i++) {
        value[i] = row->value[skipped + i] * row->scale.by;
        low[i] = row->low[skipped + i] * row->scale.by;
        high[i] = row->high[skipped + i] * row->scale.by;
        fit(&chart->y, value[i]);
        fit(&chart->y, low[i]);
        fit(&chart->y, high[i]);
    }
    /* what differs by little shall look so */
    fit(&chart->y, value[n - 1] * (1 - LEAST_SPAN));
    fit(&chart->y, value[n - 1] * (1 + LEAST_SPAN));
    snprintf(title, sizeof(title), "%s%s%s", row->what,
             bench_of_machine(row->r) ? " of this machine"
             : view->n_named > 1      ? ", "
                                      : "",
             view->n_named > 1 ? bench_model_label(view, row->model) : "");
    bench_history_words(told, sizeof(told), row);
    chart->title = title;
    chart->told = told;
    chart->y.label = unit_words(&row->scale);
    sov_svg_begin(&s, f, chart);
    sov_svg_band(&s, 0, when, low, high, n);
    draw_levels(&s, row, skipped);
    sov_svg_line(&s, 0, when, value, n);
    draw_changes(&s, row, skipped);
    sov_svg_point(&s, 0, when[n - 1], value[n - 1], NAN, NAN, NULL);
    sov_svg_end(&s);
    free(value);
    return 0;
}

/* ---- which there are */

int
bench_chart_height(const struct bench_view *view, enum bench_chart chart,
                   const struct bench_row *row)
{
    const struct bench_row *rows[1];
    struct mark marks[BENCH_MODEL_MAX];
    struct roof roofs[N_ROOFS];
    size_t n;

    switch (chart) {
    case BENCH_CHART_DECODE:
    case BENCH_CHART_PREFILL:
        return bars_height(view, chart);
    case BENCH_CHART_QUALITY:
        return choose_quality(view, marks, &n) != NULL ? HEIGHT : 0;
    case BENCH_CHART_ROOFLINE:
        return find_roofs(view, roofs) > 0 && find_work(view, rows, 1) > 0
                   ? HEIGHT + 40
                   : 0;
    case BENCH_CHART_HISTORY:
        break;
    }
    return row->n < 3 ? 0 : HEIGHT - 60;
}

int
bench_chart_draw(FILE *f, const struct bench_view *view, enum bench_chart kind,
                 const struct bench_row *row, int at, bool inside,
                 struct sov_err *err)
{
    char id[40];
    struct sov_svg_chart chart = {
        .id = id,
        .width = WIDTH,
        .height = bench_chart_height(view, kind, row),
        .at = at,
        .inside = inside,
    };

    snprintf(id, sizeof(id), "chart%d%c%zu", kind, 'r',
             row != NULL ? (size_t)(row - view->rows) : 0);
    switch (kind) {
    case BENCH_CHART_DECODE:
    case BENCH_CHART_PREFILL:
        draw_bars(f, view, kind, &chart);
        return 0;
    case BENCH_CHART_QUALITY:
        draw_quality(f, view, &chart);
        return 0;
    case BENCH_CHART_ROOFLINE:
        draw_roofline(f, view, &chart);
        return 0;
    case BENCH_CHART_HISTORY:
        break;
    }
    return draw_history(f, view, row, &chart, err);
}

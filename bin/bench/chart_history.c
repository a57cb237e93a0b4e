/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chart_history.c - how it was, run by run
 */
#include "bench/charts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define HEIGHT     240
#define DRAWN_MAX  400  /* runs, the newest */
#define LEAST_SPAN 0.04 /* up and down */

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
        snprintf(text, sizeof(text), "%+.1f %%", bench_percent(c->change));
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
                 bench_percent(row->change[i].change), first);
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

int
bench_history_draw(FILE *f, const struct bench_view *view,
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
        return sov_fail(err, SOV_EMEM, "out of memory");
    chart->x = (struct sov_svg_axis){ .scale = SOV_SVG_TIME,
                                      .low = when[0],
                                      .high = when[n - 1] };
    chart->y = (struct sov_svg_axis){ .low = INFINITY, .high = -INFINITY };
    for (size_t i = 0; i < n; i++) {
        value[i] = row->value[skipped + i] * row->scale.by;
        low[i] = row->low[skipped + i] * row->scale.by;
        high[i] = row->high[skipped + i] * row->scale.by;
        bench_chart_fit(&chart->y, value[i]);
        bench_chart_fit(&chart->y, low[i]);
        bench_chart_fit(&chart->y, high[i]);
    }
    /* what differs by little shall look so */
    bench_chart_fit(&chart->y, value[n - 1] * (1 - LEAST_SPAN));
    bench_chart_fit(&chart->y, value[n - 1] * (1 + LEAST_SPAN));
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

int
bench_history_height(const struct bench_row *row)
{
    return row->n < 3 ? 0 : HEIGHT;
}

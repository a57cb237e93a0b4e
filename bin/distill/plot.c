/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plot.c - the curve of --plot: what the loss was, step after step
 *
 * Many steps are drawn as the means of some that follow each other.  The
 * points are those of the whole run, however often it was stopped.
 */
#include "distill/distill.h"

#include "cli/svg.h"
#include "cli/tool.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define WIDTH  720
#define HEIGHT 360
#define POINTS 240 /* of a line at most */

enum { LOSS, CE, EVAL, LINES };

struct line {
    double *x, *y;
    size_t n;
};

int
distill_plot_open(struct distill *q, struct sov_err *err)
{
    const struct sov_sink_opts opts = {
        .force = sov_common.force,
        .inputs = q->input,
        .n_inputs = q->n_inputs,
    };
    int rc;

    if (distill_options.plot == NULL)
        return 0;
    rc = sov_sink_open(&q->plot, distill_options.plot, &opts, err);
    return rc < 0 ? sov_err_wrap(err, "--plot") : 0;
}

/* Means of pieces of n steps; which of the two numbers. */
static void
means(struct line *l, const struct sov_distill_point *p, size_t n, int which)
{
    size_t piece = (n + POINTS - 1) / POINTS;

    for (size_t at = 0; at < n; at += piece) {
        size_t end = at + piece < n ? at + piece : n;
        double sum = 0;

        for (size_t i = at; i < end; i++)
            sum += which == LOSS ? p[i].loss : p[i].ce;
        l->x[l->n] = (double)(at + end + 1) / 2;
        l->y[l->n++] = sum / (double)(end - at);
    }
}

static int
make_lines(const struct distill *q, struct line line[LINES],
           struct sov_err *err)
{
    size_t n, n_evals;
    const struct sov_distill_point *p = sov_distill_points(q->run, &n);
    const struct sov_distill_eval *e = sov_distill_evals(q->run, &n_evals);
    size_t room = n_evals > POINTS ? n_evals : POINTS;
    bool two = false;

    for (size_t i = 0; i < n && !two; i++)
        two = p[i].loss != p[i].ce;
    for (int i = 0; i < LINES; i++) {
        line[i].x = calloc(room, sizeof(double));
        line[i].y = calloc(room, sizeof(double));
        if (line[i].x == NULL || line[i].y == NULL)
            return sov_fail(err, SOV_EMEM, "out of memory");
    }
    if (two)
        means(&line[LOSS], p, n, LOSS);
    means(&line[CE], p, n, CE);
    for (size_t i = 0; i < n_evals; i++) {
        line[EVAL].x[i] = (double)e[i].step;
        line[EVAL].y[i] = e[i].nats;
    }
    line[EVAL].n = n_evals;
    return 0;
}

static void
draw(FILE *f, const struct line line[LINES], const char *told)
{
    static const char *const words[LINES] = {
        "loss",
        "cross-entropy",
        "cross-entropy, --eval",
    };
    struct sov_svg_key keys[LINES];
    struct sov_svg_chart chart = {
        .id = "loss",
        .title = "Loss",
        .told = told,
        .width = WIDTH,
        .height = HEIGHT,
        .inside = true,
        .x = { .label = "step", .low = INFINITY, .high = -INFINITY },
        .y = { .label = "nats for each token",
               .low = INFINITY,
               .high = -INFINITY },
        .keys = keys,
    };
    struct sov_svg s;

    for (int i = 0; i < LINES; i++) {
        if (line[i].n > 0)
            keys[chart.n_keys++] = (struct sov_svg_key){ i, words[i] };
        for (size_t k = 0; k < line[i].n; k++) {
            chart.x.low = fmin(chart.x.low, line[i].x[k]);
            chart.x.high = fmax(chart.x.high, line[i].x[k]);
            chart.y.low = fmin(chart.y.low, line[i].y[k]);
            chart.y.high = fmax(chart.y.high, line[i].y[k]);
        }
    }
    sov_svg_document(f, "sov-distill", told, WIDTH, HEIGHT);
    sov_svg_begin(&s, f, &chart);
    for (int i = 0; i < LINES; i++)
        sov_svg_line(&s, i, line[i].x, line[i].y, line[i].n);
    for (size_t k = 0; k < line[EVAL].n; k++)
        sov_svg_point(&s, EVAL, line[EVAL].x[k], line[EVAL].y[k], NAN, NAN,
                      NULL);
    sov_svg_end(&s);
    sov_svg_document_end(f);
}

int
distill_plot_write(struct distill *q, struct sov_err *err)
{
    struct line line[LINES] = { { NULL, NULL, 0 } };
    char *text = NULL, told[120];
    size_t len = 0, n;
    FILE *f;
    int rc;

    if (q->plot == NULL)
        return 0;
    (void)sov_distill_points(q->run, &n);
    snprintf(told, sizeof(told), "The loss of %zu steps of training", n);
    rc = make_lines(q, line, err);
    f = rc == 0 ? open_memstream(&text, &len) : NULL;
    if (f != NULL) {
        draw(f, line, told);
        if (fclose(f) != 0)
            rc = sov_fail(err, SOV_EMEM, "out of memory");
    } else if (rc == 0) {
        rc = sov_fail(err, SOV_EMEM, "out of memory");
    }
    if (rc == 0)
        rc = sov_sink_write(q->plot, text, len, err);
    if (rc == 0)
        rc = sov_sink_commit(&q->plot, err);
    for (int i = 0; i < LINES; i++) {
        free(line[i].x);
        free(line[i].y);
    }
    free(text);
    return rc < 0 ? sov_err_wrap(err, "--plot") : 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * out_svg.c - sov-bench --svg: all charts, one below the other
 */
#include "bench/view.h"

#include "cli/svg.h"

#define GAP 16

/* All heights together, or, with f, draw them. */
static int
each_chart(FILE *f, const struct bench_view *view, int *height,
           struct sov_err *err)
{
    int rc = 0;

    *height = 0;
    for (int kind = BENCH_CHART_DECODE; kind <= BENCH_CHART_HISTORY; kind++) {
        enum bench_chart chart = (enum bench_chart)kind;
        bool each = chart == BENCH_CHART_HISTORY;

        for (size_t i = 0; i < (each ? view->n : 1) && rc == 0; i++) {
            const struct bench_row *row = each ? &view->rows[i] : NULL;
            int one = bench_chart_height(view, chart, row);

            if (one == 0)
                continue;
            if (f != NULL)
                rc = bench_chart_draw(f, view, chart, row, *height, true, err);
            *height += one + GAP;
        }
    }
    return rc;
}

int
bench_out_svg(FILE *f, const struct bench_view *view, struct sov_err *err)
{
    int height, rc;

    rc = each_chart(NULL, view, &height, err);
    if (rc < 0)
        return rc;
    sov_svg_document(f, "sov-bench", view->headline, BENCH_CHART_WIDTH,
                     height > 0 ? height : GAP);
    rc = each_chart(f, view, &height, err);
    sov_svg_document_end(f);
    return rc;
}

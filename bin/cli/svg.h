/* SPDX-License-Identifier: Apache-2.0 */
/*
 * svg.h - charts, as SVG that needs nothing else
 *
 *     struct sov_svg s;
 *     sov_svg_begin(&s, f, &chart);     axes, ticks, legend
 *     sov_svg_band(&s, 0, x, low, high, n);
 *     sov_svg_line(&s, 0, x, y, n);
 *     sov_svg_end(&s);
 *
 * A chart stands in a page, or in a document of its own.  It has no script and
 * asks for nothing from elsewhere, its colours are variables of CSS for light
 * and dark, and series differ in the form of their marks and the breaks of
 * their lines as well, so that colours can be told by nobody and the chart
 * still be read.  The same calls give the same bytes.  Texts may come from
 * anywhere.  Whether all was written is to be asked of f at the end.
 */
#ifndef SOV_CLI_SVG_H
#define SOV_CLI_SVG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define SOV_SVG_SERIES 6 /* that can be told apart; more begin anew */
#define SOV_SVG_LABELS 64

enum sov_svg_scale {
    SOV_SVG_LINEAR,
    SOV_SVG_LOG,  /* of numbers above 0 */
    SOV_SVG_TIME, /* of seconds since 1970 */
    SOV_SVG_ROWS, /* y alone: row i is at i, the first at the top */
};

struct sov_svg_axis {
    const char *label; /* what and in which unit */
    enum sov_svg_scale scale;
    double low, high; /* of what will be drawn; of rows not needed */
    bool zero;        /* begins at 0 */
    const char *const *rows;
    size_t n_rows;
};

struct sov_svg_key {
    int series;
    const char *text;
};

struct sov_svg_chart {
    const char *id;    /* letters and digits, another one for each chart */
    const char *title; /* one line, at the top */
    const char *told;  /* what it shows, for those who do not see it */
    int width, height; /* 480 by 280, say, in which letters have 12 */
    int at;            /* in a document: how far down; else 0 */
    bool inside;       /* it stands in a document */
    struct sov_svg_axis x, y;
    const struct sov_svg_key *keys; /* the legend */
    size_t n_keys;
};

/* A chart that is being drawn: nothing in it is for others. */
struct sov_svg {
    FILE *f;
    const struct sov_svg_chart *chart;
    double left, right, top, bottom;     /* of the field */
    double x_low, x_high, y_low, y_high; /* at its edges */
    double taken[SOV_SVG_LABELS][4];     /* by marks and labels */
    size_t n_taken;
};

void sov_svg_begin(struct sov_svg *s, FILE *f,
                   const struct sov_svg_chart *chart);
void sov_svg_end(struct sov_svg *s);

/* NaN breaks a line, and is no point. */
void sov_svg_line(struct sov_svg *s, int series, const double *x,
                  const double *y, size_t n);
/* Without marks, thin and broken: what is expected, a bound. */
void sov_svg_guide(struct sov_svg *s, int series, const double *x,
                   const double *y, size_t n);
/* Between low and high: how sure it is. */
void sov_svg_band(struct sov_svg *s, int series, const double *x,
                  const double *low, const double *high, size_t n);
/* A mark, with its interval if low and high are numbers; told is shown where
 * somebody points at it, or NULL. */
void sov_svg_point(struct sov_svg *s, int series, double x, double y,
                   double low, double high, const char *told);
/* Where y has rows: from the left edge to x, part i of n of the row. */
void sov_svg_bar(struct sov_svg *s, int series, size_t row, size_t i, size_t n,
                 double x, double low, double high, const char *text);
/* A line across the whole field at x, with a word at its top. */
void sov_svg_upright(struct sov_svg *s, double x, const char *text);
/* Text beside a mark, where there is room. */
void sov_svg_label(struct sov_svg *s, double x, double y, const char *text);

/* Text over a place, from there to the right, or to the left and ending there. */
void sov_svg_remark(struct sov_svg *s, double x, double y, bool left,
                    const char *text);

/* The rules of CSS that charts need: once in a page. */
void sov_svg_style(FILE *f);

/*
 * A file of charts, one below the other.  It begins with a comment that names
 * its maker (a word of our own).
 */
void sov_svg_document(FILE *f, const char *maker, const char *title, int width,
                      int height);
void sov_svg_document_end(FILE *f);

/* A row of numbers in the line of a text: told says what they are. */
void sov_svg_spark(FILE *f, const double *y, size_t n, const char *told);

#endif

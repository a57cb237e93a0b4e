/* SPDX-License-Identifier: Apache-2.0 */
/*
 * svg.c - charts, as SVG that needs nothing else
 *
 *     title
 *     label of y
 *        |                  what a field is: left, right, top, bottom;
 *     ticks     field       all positions are in units of the picture,
 *        |______________    y downwards
 *          ticks
 *          label of x
 *     legend
 *
 * Widths of texts are guessed, since nobody knows the font: a little more than
 * what usual ones take.
 */
#include "cli/svg.h"

#include "cli/markup.h"
#include "cli/svg_axis.h"
#include "cli/text.h"

#include <math.h>
#include <string.h>

#define LETTER    6.9 /* width of one, at 12 */
#define TITLE     8.2 /* of one of the title */
#define LINE      18.0
#define EDGE      8.0
#define TICKS_MAX 16
#define MARK      4.0   /* half of its size */
#define KEY_MAX   40    /* columns of a word in the legend */
#define FAR       1e200 /* no axis reaches there */
#define ROW_SHARE 0.4   /* of the width, that names of rows have at most */

/* ---- places */

static double
clamp(double v, double low, double high)
{
    return v > high ? high : v > low ? v : low; /* NaN is low */
}

/* Share of the way from low to high. */
static double
share(const struct sov_svg_axis *a, double low, double high, double v)
{
    if (a->scale == SOV_SVG_LOG) {
        if (!(v > 0))
            return 0;
        return (log10(v) - log10(low)) / (log10(high) - log10(low));
    }
    return (v - low) / (high - low);
}

static double
place_x(const struct sov_svg *s, double v)
{
    double at = share(&s->chart->x, s->x_low, s->x_high, v);

    return clamp(s->left + at * (s->right - s->left), s->left, s->right);
}

static double
place_y(const struct sov_svg *s, double v)
{
    const struct sov_svg_axis *a = &s->chart->y;
    double height = s->bottom - s->top;

    if (a->scale == SOV_SVG_ROWS)
        return s->top + (v + 0.5) * height / (double)a->n_rows;
    return clamp(s->bottom - share(a, s->y_low, s->y_high, v) * height, s->top,
                 s->bottom);
}

/* A little room around what will be drawn. */
static void
widen(const struct sov_svg_axis *a, double *low, double *high)
{
    double pad;

    *low = a->zero ? 0 : a->low;
    *high = a->high;
    if (!(*low > -FAR && *high < FAR && *low <= *high) ||
        (a->scale == SOV_SVG_LOG && !(*low > 1 / FAR))) {
        *low = a->scale == SOV_SVG_LOG ? 1 : 0;
        *high = 10;
        return;
    }
    if (a->scale == SOV_SVG_LOG) {
        pad = fmax(1.25, pow(10, 0.06 * (log10(*high) - log10(*low))));
        *low /= pad;
        *high *= pad;
        return;
    }
    pad = (*high - *low) * 0.06;
    if (!(pad > 1e-9 * fabs(*high)))
        pad = *high != 0 ? fabs(*high) * 0.1 : 1;
    *high += pad;
    if (!a->zero)
        *low = *low >= 0 && *low < pad ? 0 : *low - pad;
}

static double
text_width(const char *text, size_t most)
{
    size_t n = sov_text_width(text);

    return LETTER * (double)(n < most ? n : most);
}

/* ---- texts and forms */

static void
put_text(FILE *f, double x, double y, const char *kind, const char *anchor,
         const char *text, size_t columns)
{
    fprintf(f, "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">",
            kind, x, y, anchor);
    sov_markup_short(f, text, columns);
    fputs("</text>\n", f);
}

static void
put_line(FILE *f, const char *kind, double x0, double y0, double x1, double y1)
{
    fprintf(f,
            "<line class=\"%s\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" "
            "y2=\"%.1f\"/>\n",
            kind, x0, y0, x1, y1);
}

static int
look_of(int series)
{
    return (series % SOV_SVG_SERIES + SOV_SVG_SERIES) % SOV_SVG_SERIES;
}

/* The mark of a series; another form for each. */
static void
put_mark(FILE *f, int series, double x, double y, const char *told)
{
    static const char *const forms[SOV_SVG_SERIES] = {
        "m-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z",
        "m-4 -4h8v8h-8z",
        "m0 -5l5 9h-10z",
        "m0 -5.5l5.5 5.5l-5.5 5.5l-5.5 -5.5z",
        "m0 5l5 -9h-10z",
        "m-1.5 -5h3v3.5h3.5v3h-3.5v3.5h-3v-3.5h-3.5v-3h3.5z",
    };
    int look = look_of(series);

    fprintf(f, "<path class=\"sov-mark sov-s%d\" d=\"M%.1f %.1f%s", look, x, y,
            forms[look]);
    if (told == NULL || told[0] == '\0') {
        fputs("\"/>\n", f);
        return;
    }
    fputs("\"><title>", f);
    sov_markup_text(f, told);
    fputs("</title></path>\n", f);
}

/* ---- what is taken */

static void
take(struct sov_svg *s, double x0, double y0, double x1, double y1)
{
    double *box = s->taken[s->n_taken];

    if (s->n_taken == SOV_SVG_LABELS)
        return;
    s->n_taken++;
    box[0] = x0;
    box[1] = y0;
    box[2] = x1;
    box[3] = y1;
}

static bool
is_free(const struct sov_svg *s, double x0, double y0, double x1, double y1)
{
    for (size_t i = 0; i < s->n_taken; i++) {
        const double *box = s->taken[i];

        if (x0 < box[2] && x1 > box[0] && y0 < box[3] && y1 > box[1])
            return false;
    }
    return x0 >= 0 && x1 <= s->chart->width && y0 >= s->top - 4 &&
           y1 <= s->bottom + 4;
}

/* ---- the frame */

static size_t
ticks_of(const struct sov_svg *s, bool of_x, double *tick, double *step)
{
    const struct sov_svg_axis *a = of_x ? &s->chart->x : &s->chart->y;
    double low = of_x ? s->x_low : s->y_low;
    double high = of_x ? s->x_high : s->y_high;
    double room = of_x ? (s->right - s->left) / 58 : (s->bottom - s->top) / 30;
    size_t n = sov_svg_ticks(a->scale, low, high, tick,
                             (size_t)clamp(room, 2, TICKS_MAX));

    *step = n > 1 ? tick[1] - tick[0] : high - low;
    return n;
}

/* Room for what stands left of the field. */
static double
left_room(const struct sov_svg *s)
{
    const struct sov_svg_axis *a = &s->chart->y;
    double tick[TICKS_MAX], step, widest = 0;
    char text[32];
    size_t n;

    for (size_t i = 0; i < a->n_rows && a->scale == SOV_SVG_ROWS; i++)
        widest = fmax(widest, text_width(a->rows[i], 200));
    if (a->scale == SOV_SVG_ROWS)
        return fmin(widest, ROW_SHARE * s->chart->width) + EDGE + 6;
    n = ticks_of(s, false, tick, &step);
    for (size_t i = 0; i < n; i++) {
        sov_svg_tick_text(text, sizeof(text), a->scale, tick[i], step);
        widest = fmax(widest, text_width(text, sizeof(text)));
    }
    return widest + EDGE + 6;
}

/* Keys of the legend, row by row: draws them, or counts the rows alone. */
static size_t
legend(const struct sov_svg *s, double y, bool draw)
{
    const struct sov_svg_chart *c = s->chart;
    double x = EDGE;
    size_t rows = c->n_keys > 0;

    for (size_t i = 0; i < c->n_keys; i++) {
        double width = text_width(c->keys[i].text, KEY_MAX) + 30;

        if (x + width > c->width && x > EDGE) {
            x = EDGE;
            y += LINE;
            rows++;
        }
        if (draw) {
            put_mark(s->f, c->keys[i].series, x + MARK + 1, y - MARK, NULL);
            put_text(s->f, x + 14, y, "sov-text", "start", c->keys[i].text,
                     KEY_MAX);
        }
        x += width;
    }
    return rows;
}

static void
put_x_axis(struct sov_svg *s)
{
    const struct sov_svg_axis *a = &s->chart->x;
    double tick[TICKS_MAX], step, past = -1e9;
    size_t n = ticks_of(s, true, tick, &step);
    char text[32];

    for (size_t i = 0; i < n; i++) {
        double x = place_x(s, tick[i]), half;

        put_line(s->f, "sov-grid", x, s->top, x, s->bottom);
        sov_svg_tick_text(text, sizeof(text), a->scale, tick[i], step);
        half = text_width(text, sizeof(text)) / 2;
        if (x - half < past)
            continue;
        put_text(s->f, x, s->bottom + 15, "sov-tick", "middle", text,
                 sizeof(text));
        past = x + half + 4;
    }
    if (a->label != NULL)
        put_text(s->f, (s->left + s->right) / 2, s->bottom + 33, "sov-tick",
                 "middle", a->label, 80);
}

static void
put_y_axis(struct sov_svg *s)
{
    const struct sov_svg_axis *a = &s->chart->y;
    double tick[TICKS_MAX], step;
    size_t n = ticks_of(s, false, tick, &step);
    size_t columns = (size_t)((s->left - EDGE - 6) / LETTER + 0.5);
    char text[32];

    for (size_t i = 0; i < a->n_rows && a->scale == SOV_SVG_ROWS; i++)
        put_text(s->f, s->left - 6, place_y(s, (double)i) + 4, "sov-text",
                 "end", a->rows[i], columns);
    for (size_t i = 0; i < n; i++) {
        double y = place_y(s, tick[i]);

        put_line(s->f, "sov-grid", s->left, y, s->right, y);
        sov_svg_tick_text(text, sizeof(text), a->scale, tick[i], step);
        put_text(s->f, s->left - 6, y + 4, "sov-tick", "end", text,
                 sizeof(text));
    }
    if (a->label != NULL)
        put_text(s->f, EDGE, s->top - 10, "sov-tick", "start", a->label, 64);
}

static void
put_head(const struct sov_svg *s)
{
    const struct sov_svg_chart *c = s->chart;
    FILE *f = s->f;

    fputs("<svg class=\"sov-chart\" role=\"img\"", f);
    if (c->inside)
        fprintf(f, " x=\"0\" y=\"%d\"", c->at);
    fprintf(f,
            " width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" "
            "aria-labelledby=\"%s-t\" aria-describedby=\"%s-d\">\n"
            "<desc id=\"%s-d\">",
            c->width, c->height, c->width, c->height, c->id, c->id, c->id);
    sov_markup_text(f, c->told != NULL ? c->told : c->title);
    fprintf(f,
            "</desc>\n<text class=\"sov-title\" id=\"%s-t\" x=\"%.1f\" "
            "y=\"18\">",
            c->id, EDGE);
    sov_markup_short(f, c->title, (size_t)((c->width - 2 * EDGE) / TITLE));
    fputs("</text>\n", f);
}

void
sov_svg_begin(struct sov_svg *s, FILE *f, const struct sov_svg_chart *chart)
{
    size_t rows;

    memset(s, 0, sizeof(*s));
    s->f = f;
    s->chart = chart;
    widen(&chart->x, &s->x_low, &s->x_high);
    widen(&chart->y, &s->y_low, &s->y_high);
    rows = legend(s, 0, false);
    s->right = chart->width - 2 * EDGE;
    s->top = chart->y.label != NULL ? 52 : 32;
    s->bottom = chart->height - (chart->x.label != NULL ? 42 : 24) -
                LINE * (double)rows;
    s->left = left_room(s);
    put_head(s);
    put_x_axis(s);
    put_y_axis(s);
    legend(s, chart->height - 6 - LINE * ((double)rows - 1), true);
}

void
sov_svg_end(struct sov_svg *s)
{
    fputs("</svg>\n", s->f);
}

/* ---- what is drawn */

static void
put_path(struct sov_svg *s, const char *kind, int series, const double *x,
         const double *y, size_t n)
{
    bool down = false;

    fprintf(s->f, "<path class=\"%s sov-s%d\" d=\"", kind, look_of(series));
    for (size_t i = 0; i < n; i++) {
        if (isnan(x[i]) || isnan(y[i])) {
            down = false;
            continue;
        }
        fprintf(s->f, "%s%.1f %.1f", down ? "L" : "M", place_x(s, x[i]),
                place_y(s, y[i]));
        down = true;
    }
    fputs("\"/>\n", s->f);
}

void
sov_svg_line(struct sov_svg *s, int series, const double *x, const double *y,
             size_t n)
{
    put_path(s, "sov-line", series, x, y, n);
}

void
sov_svg_guide(struct sov_svg *s, int series, const double *x, const double *y,
              size_t n)
{
    put_path(s, "sov-guide", series, x, y, n);
}

/* One piece of a band, in which all are numbers. */
static void
put_area(struct sov_svg *s, int series, const double *x, const double *low,
         const double *high, size_t n)
{
    fprintf(s->f, "<path class=\"sov-band sov-s%d\" d=\"", look_of(series));
    for (size_t i = 0; i < n; i++)
        fprintf(s->f, "%s%.1f %.1f", i > 0 ? "L" : "M", place_x(s, x[i]),
                place_y(s, high[i]));
    for (size_t i = n; i-- > 0;)
        fprintf(s->f, "L%.1f %.1f", place_x(s, x[i]), place_y(s, low[i]));
    fputs("Z\"/>\n", s->f);
}

void
sov_svg_band(struct sov_svg *s, int series, const double *x, const double *low,
             const double *high, size_t n)
{
    size_t from = 0;

    for (size_t i = 0; i <= n; i++) {
        if (i < n && !isnan(x[i]) && !isnan(low[i]) && !isnan(high[i]))
            continue;
        if (i - from > 1)
            put_area(s, series, x + from, low + from, high + from, i - from);
        from = i + 1;
    }
}

/* An interval from one place to another, with feet. */
static void
put_whisker(struct sov_svg *s, int series, double x0, double y0, double x1,
            double y1)
{
    double dx = x0 == x1 ? 3 : 0, dy = x0 == x1 ? 0 : 3;

    fprintf(s->f,
            "<path class=\"sov-whisker sov-s%d\" d=\"M%.1f %.1fL%.1f %.1f"
            "M%.1f %.1fL%.1f %.1fM%.1f %.1fL%.1f %.1f\"/>\n",
            look_of(series), x0, y0, x1, y1, x0 - dx, y0 - dy, x0 + dx, y0 + dy,
            x1 - dx, y1 - dy, x1 + dx, y1 + dy);
}

void
sov_svg_point(struct sov_svg *s, int series, double x, double y, double low,
              double high, const char *told)
{
    double px, py;

    if (isnan(x) || isnan(y))
        return;
    px = place_x(s, x);
    py = place_y(s, y);
    if (!isnan(low) && !isnan(high) &&
        place_y(s, low) - place_y(s, high) > 2 * MARK)
        put_whisker(s, series, px, place_y(s, low), px, place_y(s, high));
    put_mark(s->f, series, px, py, told);
    take(s, px - MARK, py - MARK, px + MARK, py + MARK);
}

void
sov_svg_bar(struct sov_svg *s, int series, size_t row, size_t i, size_t n,
            double x, double low, double high, const char *text)
{
    double room = (s->bottom - s->top) / (double)s->chart->y.n_rows;
    double height = fmin(18, 0.8 * room / (double)n);
    double y =
        place_y(s, (double)row) - height * (double)n / 2 + height * (double)i;
    double end, middle = y + height / 2;

    if (isnan(x))
        return;
    end = place_x(s, x);
    fprintf(s->f,
            "<rect class=\"sov-bar sov-s%d\" x=\"%.1f\" y=\"%.1f\" "
            "width=\"%.1f\" height=\"%.1f\"/>\n",
            look_of(series), s->left, y + 1, end - s->left, height - 2);
    if (!isnan(low) && !isnan(high) && place_x(s, high) - place_x(s, low) > 3) {
        put_whisker(s, SOV_SVG_SERIES - 1, place_x(s, low), middle,
                    place_x(s, high), middle);
        end = fmax(end, place_x(s, high));
    }
    if (end + 6 + text_width(text, 30) < s->chart->width)
        put_text(s->f, end + 6, middle + 4, "sov-text", "start", text, 30);
    else
        put_text(s->f, end - 6, middle + 4, "sov-on", "end", text, 30);
}

void
sov_svg_upright(struct sov_svg *s, double x, const char *text)
{
    double px, y = s->top + 12, width = text_width(text, 40);
    double from;

    if (isnan(x))
        return;
    px = place_x(s, x);
    from = px + 5 + width <= s->right ? px + 5 : px - 5 - width;
    while (y < s->bottom && !is_free(s, from, y - 10, from + width, y + 3))
        y += 14;
    put_line(s->f, "sov-upright", px, s->top, px, s->bottom);
    put_text(s->f, from > px ? px + 5 : px - 5, y, "sov-word",
             from > px ? "start" : "end", text, 40);
    take(s, from, y - 10, from + width, y + 3);
}

void
sov_svg_label(struct sov_svg *s, double x, double y, const char *text)
{
    double px = place_x(s, x), py = place_y(s, y);
    double width = text_width(text, 40);
    const struct {
        double x, y; /* of the left end */
    } tries[] = {
        { px + 8, py + 4 },          { px - 8 - width, py + 4 },
        { px - width / 2, py - 9 },  { px - width / 2, py + 18 },
        { px + 6, py - 8 },          { px + 6, py + 16 },
        { px - 6 - width, py - 8 },  { px - 6 - width, py + 16 },
        { px - width / 2, py - 23 }, { px - width / 2, py + 32 },
    };

    if (isnan(x) || isnan(y))
        return;
    for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
        double x0 = tries[i].x, y0 = tries[i].y;

        if (!is_free(s, x0, y0 - 10, x0 + width, y0 + 3))
            continue;
        put_text(s->f, x0, y0, "sov-text", "start", text, 40);
        take(s, x0, y0 - 10, x0 + width, y0 + 3);
        return;
    }
}

void
sov_svg_remark(struct sov_svg *s, double x, double y, bool left,
               const char *text)
{
    double px = place_x(s, x), py = place_y(s, y) - 5;
    double width = text_width(text, 40);
    double from = left ? px - width : px;

    if (isnan(x) || isnan(y))
        return;
    put_text(s->f, px, py, "sov-tick", left ? "end" : "start", text, 40);
    take(s, from, py - 10, from + width, py + 3);
}

/* ---- the document */

void
sov_svg_style(FILE *f)
{
    fputs(":root{color-scheme:light dark;--sov-ground:#fff;--sov-ink:#1b1f24;"
          "--sov-soft:#57606a;--sov-grid:#e3e7eb;--sov-c0:#0b5cad;"
          "--sov-c1:#b14a00;--sov-c2:#0f7346;--sov-c3:#7a3fc4;--sov-c4:#b3175f;"
          "--sov-c5:#57606a}\n"
          "@media (prefers-color-scheme:dark){:root{--sov-ground:#14181d;"
          "--sov-ink:#e6eaee;--sov-soft:#a3adb8;--sov-grid:#2a3038;"
          "--sov-c0:#6cb2ff;--sov-c1:#f2a359;--sov-c2:#56c896;--sov-c3:#bd9cf7;"
          "--sov-c4:#f280ad;--sov-c5:#a3adb8}}\n"
          "@media print{:root{color-scheme:light;--sov-ground:#fff;"
          "--sov-ink:#000;--sov-soft:#444;--sov-grid:#ddd;--sov-c0:#0b5cad;"
          "--sov-c1:#b14a00;--sov-c2:#0f7346;--sov-c3:#7a3fc4;--sov-c4:#b3175f;"
          "--sov-c5:#57606a}}\n"
          ".sov-chart text{font:12px system-ui,\"DejaVu Sans\",sans-serif;"
          "fill:var(--sov-ink)}\n"
          ".sov-chart .sov-text,.sov-chart .sov-word{paint-order:stroke;"
          "stroke:var(--sov-ground);stroke-width:3px;stroke-linejoin:round}\n"
          ".sov-chart .sov-title{font-size:14px;font-weight:600}\n"
          ".sov-chart .sov-tick{fill:var(--sov-soft)}\n"
          ".sov-chart .sov-word{font-weight:600}\n"
          ".sov-chart .sov-on{fill:var(--sov-ground);font-weight:600}\n"
          ".sov-ground{fill:var(--sov-ground)}\n"
          ".sov-grid{stroke:var(--sov-grid)}\n"
          ".sov-upright{stroke:var(--sov-ink);stroke-dasharray:4 3}\n"
          ".sov-line{fill:none;stroke:var(--c);stroke-width:2;"
          "stroke-linejoin:round}\n"
          ".sov-guide{fill:none;stroke:var(--c);stroke-width:1.5;"
          "stroke-dasharray:5 4}\n"
          ".sov-band{fill:var(--c);opacity:.22}\n"
          ".sov-mark{fill:var(--c);stroke:var(--sov-ground)}\n"
          ".sov-whisker{fill:none;stroke:var(--c);stroke-width:1.5}\n"
          ".sov-bar{fill:var(--c)}\n"
          ".sov-s0{--c:var(--sov-c0)}.sov-s1{--c:var(--sov-c1)}"
          ".sov-s2{--c:var(--sov-c2)}.sov-s3{--c:var(--sov-c3)}"
          ".sov-s4{--c:var(--sov-c4)}.sov-s5{--c:var(--sov-c5)}\n"
          ".sov-line.sov-s1{stroke-dasharray:7 3}"
          ".sov-line.sov-s2{stroke-dasharray:2 3}"
          ".sov-line.sov-s3{stroke-dasharray:8 3 2 3}"
          ".sov-line.sov-s4{stroke-dasharray:4 2}"
          ".sov-line.sov-s5{stroke-dasharray:1 4}\n",
          f);
}

void
sov_svg_document(FILE *f, const char *maker, const char *title, int width,
                 int height)
{
    fprintf(f,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!-- %s -->\n"
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" "
            "height=\"%d\" viewBox=\"0 0 %d %d\">\n<title>",
            maker, width, height, width, height);
    sov_markup_text(f, title);
    fputs("</title>\n<style>\n", f);
    sov_svg_style(f);
    fprintf(f,
            "</style>\n<rect class=\"sov-ground\" width=\"%d\" "
            "height=\"%d\"/>\n",
            width, height);
}

void
sov_svg_document_end(FILE *f)
{
    fputs("</svg>\n", f);
}

void
sov_svg_spark(FILE *f, const double *y, size_t n, const char *told)
{
    double low = INFINITY, high = -INFINITY, x = 0, last = NAN;
    bool down = false;

    for (size_t i = 0; i < n; i++) {
        low = isfinite(y[i]) ? fmin(low, y[i]) : low;
        high = isfinite(y[i]) ? fmax(high, y[i]) : high;
    }
    fputs("<svg class=\"sov-spark\" width=\"96\" height=\"20\" "
          "viewBox=\"0 0 96 20\" role=\"img\" aria-label=\"",
          f);
    sov_markup_text(f, told);
    fputs("\"><path class=\"sov-line sov-s0\" d=\"", f);
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(y[i]))
            continue;
        x = 3 + 90 * (n > 1 ? (double)i / (double)(n - 1) : 0.5);
        last = high > low ? (y[i] - low) / (high - low) : 0.5;
        last = 17 - 14 * clamp(last, 0, 1);
        fprintf(f, "%s%.1f %.1f", down ? "L" : "M", x, last);
        down = true;
    }
    fputs("\"/>", f);
    if (!isnan(last))
        fprintf(f,
                "<circle class=\"sov-mark sov-s0\" cx=\"%.1f\" cy=\"%.1f\" "
                "r=\"3\"/>",
                x, last);
    fputs("</svg>", f);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * svg_axis.c - where the ticks of an axis are, and what stands beside them
 */
#include "cli/svg_axis.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define DAY 86400.0

/* The least of 1, 2 and 5 times a power of ten that is no less than step. */
static double
nice_step(double step)
{
    double unit = pow(10, floor(log10(step)));

    for (int k = 1; k <= 5; k += k == 1 ? 1 : 3)
        if (k * unit >= step * (1 - 1e-9))
            return k * unit;
    return 10 * unit;
}

static size_t
even_ticks(double low, double high, double step, double *tick, size_t max)
{
    double first = ceil(low / step - 1e-9);
    double last = floor(high / step + 1e-9);
    size_t n = 0;

    for (double k = first; k <= last && n < max; k++)
        tick[n++] = k * step;
    return n;
}

/* Powers of ten, and 2 and 5 times these if they are few. */
static size_t
log_ticks(double low, double high, double *tick, size_t max)
{
    double first = floor(log10(low)), last = ceil(log10(high));
    double decades = log10(high) - log10(low);
    double skip = ceil((last - first) / (double)max);
    size_t n = 0;

    for (double k = first; k <= last && n<max; k += skip> 1 ? skip : 1) {
        for (int m = 1; m <= 5 && n < max; m += m == 1 ? 1 : 3) {
            double v = m * pow(10, k);

            if ((m == 1 || decades < 2.5) && v >= low * (1 - 1e-9) &&
                v <= high * (1 + 1e-9))
                tick[n++] = v;
        }
    }
    return n;
}

static double
time_step(double seconds)
{
    static const double steps[] = { 1,         2,        5,        10,
                                    30,        60,       120,      300,
                                    600,       1800,     3600,     7200,
                                    21600,     43200,    DAY,      2 * DAY,
                                    7 * DAY,   14 * DAY, 28 * DAY, 91 * DAY,
                                    182 * DAY, 364 * DAY };

    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
        if (steps[i] >= seconds)
            return steps[i];
    return 364 * DAY * nice_step(seconds / (364 * DAY));
}

size_t
sov_svg_ticks(enum sov_svg_scale scale, double low, double high, double *tick,
              size_t max)
{
    double span = high - low;

    if (scale == SOV_SVG_ROWS || max < 2 || !(span > 0) || !isfinite(span))
        return 0;
    if (scale == SOV_SVG_LOG) {
        size_t n = low > 0 ? log_ticks(low, high, tick, max) : 0;

        if (n >= 2 || low <= 0)
            return n;
    }
    if (scale == SOV_SVG_TIME)
        return even_ticks(low, high, time_step(span / (double)max), tick, max);
    return even_ticks(low, high, nice_step(span / (double)max), tick, max);
}

/* A place to write a time: of no more figures than tell ticks apart. */
static void
time_text(char *buf, size_t size, double at, double step)
{
    time_t seconds = (time_t)at;
    struct tm tm = { 0 };
    size_t n;

    gmtime_r(&seconds, &tm);
    n = step >= 28 * DAY ? strftime(buf, size, "%Y-%m", &tm)
        : step >= DAY    ? strftime(buf, size, "%m-%d", &tm)
        : step >= 60     ? strftime(buf, size, "%H:%M", &tm)
                         : strftime(buf, size, "%H:%M:%S", &tm);
    if (n == 0)
        buf[0] = '\0';
}

/* Digits behind the point that a multiple of step needs. */
static int
digits_of(double step)
{
    int n = (int)-floor(log10(step) + 1e-9);

    return n < 0 ? 0 : n > 9 ? 9 : n;
}

void
sov_svg_tick_text(char *buf, size_t size, enum sov_svg_scale scale, double at,
                  double step)
{
    static const struct {
        double unit;
        const char *letter;
    } units[] = { { 1e12, "T" }, { 1e9, "G" }, { 1e6, "M" }, { 1e3, "k" } };
    double big = fabs(at);

    if (scale == SOV_SVG_TIME) {
        time_text(buf, size, at, step);
        return;
    }
    if (scale == SOV_SVG_LOG)
        step = at;
    if (big >= 1e16 || (big > 0 && big < 1e-6)) {
        snprintf(buf, size, "%.3g", at);
        return;
    }
    for (size_t i = 0; i < 4; i++) {
        if (big >= 10 * units[i].unit ||
            (big >= units[i].unit && units[i].unit > 1e3)) {
            snprintf(buf, size, "%.*f%s", digits_of(step / units[i].unit),
                     at / units[i].unit, units[i].letter);
            return;
        }
    }
    snprintf(buf, size, "%.*f", digits_of(step), fabs(at) < step / 2 ? 0 : at);
}

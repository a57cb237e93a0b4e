/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schedule.c - how the learning rate goes
 */
#include "base/fmath.h"
#include "train/optim.h"

#include <stdlib.h>
#include <string.h>

#define PI 3.14159265358979323846

/* Where a schedule is without its warm-up, from 1 to floor. */
struct sov_schedule_row {
    const char *name;
    double value;
    double (*shape)(const struct sov_schedule *s, double step);
};

/* How far step is between from and to, 0 to 1. */
static double
part(double step, double from, double to)
{
    if (step >= to)
        return 1;
    return step <= from ? 0 : (step - from) / (to - from);
}

static double
shape_cosine(const struct sov_schedule *s, double step)
{
    double t = part(step, (double)s->warmup, (double)s->n);

    return s->floor + (1 - s->floor) * (1 + sov_cos(PI * t)) / 2;
}

static double
shape_wsd(const struct sov_schedule *s, double step)
{
    double n = (double)s->n;
    double t = part(step, n - s->value * n, n);

    return 1 - (1 - s->floor) * t;
}

static double
shape_constant(const struct sov_schedule *s, double step)
{
    (void)s;
    (void)step;
    return 1;
}

static const struct sov_schedule_row rows[] = {
#define SCHEDULE(name, value) { #name, value, shape_##name },
#include "train/schedules.def"
#undef SCHEDULE
};

#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

static int
no_such(const char *text, struct sov_err *err)
{
    char names[200] = "";
    size_t i;

    for (i = 0; i < N_ROWS; i++) {
        if (i > 0)
            strcat(names, ", ");
        strcat(names, rows[i].name);
        if (rows[i].value > 0)
            strcat(names, "[:SHARE]");
    }
    return sov_fail(err, SOV_EARG, "no schedule %s; there are %s", text, names);
}

int
sov_schedule_parse(struct sov_schedule *s, const char *text,
                   struct sov_err *err)
{
    size_t len = strcspn(text, ":");
    const struct sov_schedule_row *r = rows;
    double value;
    char *end;

    while (r < rows + N_ROWS &&
           (strlen(r->name) != len || strncmp(r->name, text, len) != 0))
        r++;
    if (r == rows + N_ROWS)
        return no_such(text, err);
    value = r->value;
    if (text[len] == ':') {
        if (r->value == 0)
            return sov_fail(err, SOV_EARG, "%s takes no number: %s", r->name,
                            text);
        value = strtod(text + len + 1, &end);
        if (end == text + len + 1 || *end != '\0' || !(value > 0 && value <= 1))
            return sov_fail(err, SOV_EARG,
                            "%s takes a share above 0, up to 1: %s", r->name,
                            text);
    }
    s->row = r;
    s->value = value;
    return 0;
}

double
sov_schedule_at(const struct sov_schedule *s, uint64_t step)
{
    double share = s->row->shape(s, (double)step);
    double warm;

    if (step >= s->warmup)
        return share;
    warm = (double)step / (double)s->warmup;
    return warm < share ? warm : share;
}

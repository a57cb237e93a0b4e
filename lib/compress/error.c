/* SPDX-License-Identifier: Apache-2.0 */
/*
 * error.c - what rounding cost, tensor by tensor
 */
#include "compress/error.h"

#include "kern/kern.h"
#include "sov/tensor.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* Weights decoded at a time: whole blocks of any type. */
#define PART  2048
#define LANES 8

/* The least bit of a float is worth 2^-149. */
#define LEAST (-149)

void
sov_tally_add(struct sov_tally *t, double v)
{
    float f = v < (double)FLT_MAX ? (float)v : FLT_MAX;
    uint32_t bits, mantissa;
    unsigned e;

    memcpy(&bits, &f, sizeof(bits));
    e = bits >> 23 & 255;
    mantissa = bits & 0x7fffff;
    if (e > 0) {
        mantissa |= 0x800000;
        e--;
    }
    t->bin[e / 4] += (uint64_t)mantissa << e % 4;
}

double
sov_tally_sum(const struct sov_tally *t)
{
    double sum = 0;

    for (int i = 0; i < SOV_TALLY_BINS; i++)
        sum += ldexp((double)t->bin[i], 4 * i + LEAST);
    return sum;
}

/* Sums of a row, in lanes that are added in order. */
struct sums {
    double error[LANES], power[LANES];
    double weighed_error[LANES], weighed_power[LANES];
    float most[LANES];
};

static void
add_plain(struct sums *s, const float *x, const float *y, size_t n)
{
    for (size_t i = 0; i < n; i += LANES)
        for (size_t l = 0; l < LANES; l++) {
            float d = fabsf(x[i + l] - y[i + l]);

            s->error[l] += (double)d * (double)d;
            s->power[l] += (double)x[i + l] * (double)x[i + l];
            s->most[l] = d > s->most[l] ? d : s->most[l];
        }
}

static void
add_weighed(struct sums *s, const float *x, const float *y, const float *imp,
            size_t n)
{
    for (size_t i = 0; i < n; i += LANES)
        for (size_t l = 0; l < LANES; l++) {
            double d = (double)x[i + l] - (double)y[i + l];
            double w = (double)imp[i + l];

            s->weighed_error[l] += w * (d * d);
            s->weighed_power[l] += w * ((double)x[i + l] * (double)x[i + l]);
        }
}

static double
lanes_sum(const double *v)
{
    double sum = 0;

    for (int l = 0; l < LANES; l++)
        sum += v[l];
    return sum;
}

void
sov_error_row(struct sov_error *e, const float *x, const float *imp,
              enum sov_type type, const void *blocks, size_t n)
{
    const struct sov_type_info *info = sov_type_info((int)type);
    const unsigned char *from = blocks;
    struct sums s = { 0 };

    for (size_t at = 0; at < n; at += PART) {
        size_t len = n - at < PART ? n - at : PART;
        size_t whole = len / LANES * LANES;
        float y[PART], tail[3][LANES] = { { 0 } };

        sov_kern()->decode[type](from + at / info->block * info->bytes, y, len);
        add_plain(&s, x + at, y, whole);
        if (imp != NULL)
            add_weighed(&s, x + at, y, imp + at, whole);
        for (size_t i = whole; i < len; i++) {
            tail[0][i - whole] = x[at + i];
            tail[1][i - whole] = y[i];
            tail[2][i - whole] = imp != NULL ? imp[at + i] : 0;
        }
        if (whole < len)
            add_plain(&s, tail[0], tail[1], LANES);
        if (whole < len && imp != NULL)
            add_weighed(&s, tail[0], tail[1], tail[2], LANES);
    }
    e->weights += n;
    for (int l = 0; l < LANES; l++)
        e->most = s.most[l] > e->most ? s.most[l] : e->most;
    sov_tally_add(&e->error, lanes_sum(s.error));
    sov_tally_add(&e->power, lanes_sum(s.power));
    if (imp == NULL)
        return;
    e->weighed += n;
    sov_tally_add(&e->weighed_error, lanes_sum(s.weighed_error));
    sov_tally_add(&e->weighed_power, lanes_sum(s.weighed_power));
}

static void
tally_merge(struct sov_tally *t, const struct sov_tally *part)
{
    for (int i = 0; i < SOV_TALLY_BINS; i++)
        t->bin[i] += part->bin[i];
}

void
sov_error_merge(struct sov_error *e, const struct sov_error *part)
{
    e->weights += part->weights;
    e->weighed += part->weighed;
    e->most = part->most > e->most ? part->most : e->most;
    tally_merge(&e->error, &part->error);
    tally_merge(&e->power, &part->power);
    tally_merge(&e->weighed_error, &part->weighed_error);
    tally_merge(&e->weighed_power, &part->weighed_power);
}

/* A tensor of zeros that became zeros has lost nothing. */
static double
ratio(double error, double power)
{
    if (error == 0)
        return 0;
    return power > 0 ? error / power : HUGE_VAL;
}

struct sov_quant_error
sov_error_figures(const struct sov_error *e)
{
    struct sov_quant_error f = { .weights = e->weights,
                                 .most = (double)e->most,
                                 .weighed = e->weighed > 0 };

    f.error = ratio(sov_tally_sum(&e->error), sov_tally_sum(&e->power));
    f.weighed_error = f.weighed ? ratio(sov_tally_sum(&e->weighed_error),
                                        sov_tally_sum(&e->weighed_power))
                                : 0;
    return f;
}

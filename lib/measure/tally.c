/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tally.c - how sure a mean is
 */
#include "measure/tally.h"

#include "base/fmath.h"
#include "base/mem.h"
#include "base/rng.h"

#include <math.h>
#include <stdlib.h>

#define LOW  49   /* of the draws in order: 2.5 in 100 lie below ... */
#define HIGH 1950 /* ... and above */
#define SEED UINT64_C(0x736f762065766c61)
#define Z    1.959963984540054 /* 95 in 100 of a normal distribution */
#define LN2  0.69314718055994530942

uint64_t
sov_draw_one(uint64_t draw, uint64_t i, uint64_t n)
{
    uint32_t random[4];

    sov_rng_block(SEED, draw, i, random);
    return (random[0] * n) >> 32;
}

static int
by_value(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

void
sov_draw_interval(double v[SOV_DRAWS], struct sov_figure *f)
{
    qsort(v, SOV_DRAWS, sizeof(*v), by_value);
    f->low = v[LOW];
    f->high = v[HIGH];
}

/* E. B. Wilson, "Probable Inference, the Law of Succession, and Statistical
 * Inference", JASA 22, 1927. */
void
sov_share_figure(uint64_t right, uint64_t n, struct sov_figure *f)
{
    double m = (double)n, p, z = Z * Z / m, half;

    *f = (struct sov_figure){ NAN, NAN, NAN, NAN };
    if (n == 0)
        return;
    p = (double)right / m;
    half = Z * sqrt(p * (1 - p) / m + z / (4 * m));
    f->value = p;
    f->error = n > 1 ? sqrt(p * (1 - p) / (m - 1)) : 0;
    /* of none and of all the end is the share itself, to the bit */
    f->low = right == 0 ? 0 : (p + z / 2 - half) / (1 + z);
    f->high = right == n ? 1 : (p + z / 2 + half) / (1 + z);
}

/* ---- sums ---- */

static void
add(struct sov_tally_sum *a, const struct sov_tally_sum *b)
{
    a->n += b->n;
    a->nll += b->nll;
    a->bytes += b->bytes;
}

/* Two neighbours become one. */
static void
make_room(struct sov_tally *t)
{
    for (size_t i = 0; i < SOV_TALLY_BLOCKS / 2; i++) {
        struct sov_tally_sum two = t->block[2 * i];

        add(&two, &t->block[2 * i + 1]);
        t->block[i] = two;
    }
    t->n_blocks = SOV_TALLY_BLOCKS / 2;
    t->each *= 2;
    t->in_last = t->each;
}

void
sov_tally_count(struct sov_tally *t, const struct sov_tally_sum *one)
{
    if (t->each == 0)
        t->each = t->in_last = 1;
    if (t->in_last == t->each && t->n_blocks == SOV_TALLY_BLOCKS)
        make_room(t);
    if (t->in_last == t->each) {
        t->block[t->n_blocks++] = (struct sov_tally_sum){ 0 };
        t->in_last = 0;
    }
    t->in_last++;
    add(&t->block[t->n_blocks - 1], one);
    add(&t->all, one);
    t->nll2 += one->nll * one->nll;
}

double
sov_tally_ppl(const struct sov_tally_sum *sum)
{
    return sov_exp(sum->nll / sum->n);
}

double
sov_tally_bits(const struct sov_tally_sum *sum)
{
    return sum->bytes > 0 ? sum->nll / LN2 / sum->bytes : NAN;
}

int
sov_tally_figure(const struct sov_tally *t,
                 double (*value)(const struct sov_tally_sum *sum),
                 struct sov_figure *f, struct sov_err *err)
{
    double *v;

    f->value = value(&t->all);
    f->low = f->high = NAN;
    if (t->n_blocks < SOV_DRAWS_FEW || isnan(f->value))
        return 0;
    v = sov_mem_array(SOV_DRAWS, sizeof(*v));
    if (v == NULL)
        return sov_mem_fail(err);
    for (uint64_t d = 0; d < SOV_DRAWS; d++) {
        struct sov_tally_sum sum = { 0 };

        for (uint64_t i = 0; i < t->n_blocks; i++)
            add(&sum, &t->block[sov_draw_one(d, i, t->n_blocks)]);
        v[d] = value(&sum);
    }
    sov_draw_interval(v, f);
    free(v);
    return 0;
}

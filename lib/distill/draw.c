/* SPDX-License-Identifier: Apache-2.0 */
/*
 * draw.c - tokens drawn from what a teacher expects, evenly spaced
 *
 * Sums are made piece by piece as the kernels have them, and only a piece in
 * which something is drawn is gone through number by number: so the same is
 * drawn on every machine.
 */
#include "distill/cache.h"

#include "base/rng.h"

#include <assert.h>

#define PIECE 256

/* Powers of e in place of x; their sum, or 0 if that is no number. */
static double
to_powers(const struct sov_kern *k, float *x, size_t n, double temp,
          float *most)
{
    float top = k->max(x, n), by = (float)(1 / temp);
    double sum = 0;

    for (size_t i = 0; i < n; i += PIECE) {
        size_t m = n - i < PIECE ? n - i : PIECE;

        for (size_t j = i; j < i + m; j++)
            x[j] = (x[j] - top) * by;
        k->exp(x + i, m, 0);
        sum += (double)k->sum(x + i, m);
    }
    *most = (float)(1 / sum);
    return sum >= 1 && sum <= 2.0 * (double)n ? sum : 0;
}

struct draws {
    uint32_t n; /* different tokens so far */
    int32_t *id;
    uint32_t *count;
};

static void
draw(struct draws *d, size_t i)
{
    if (d->n > 0 && d->id[d->n - 1] == (int32_t)i) {
        d->count[d->n - 1]++;
        return;
    }
    d->id[d->n] = (int32_t)i;
    d->count[d->n++] = 1;
}

uint32_t
sov_few_draw(const struct sov_kern *k, float *x, size_t n, uint32_t n_draws,
             double temp, uint64_t seed, uint64_t place, int32_t *id,
             uint32_t *count, float *top)
{
    struct draws d = { 0, id, count };
    float most;
    double sum = to_powers(k, x, n, temp, &most);
    double step = sum / n_draws, past = 0;
    double next = sov_rng_unit(seed, place, 0) * step;
    uint32_t left = n_draws;
    size_t last = 0; /* that something was seen of */

    assert(n_draws > 0);
    if (sum == 0)
        return 0;
    for (size_t i = 0; i < n && left > 0; i += PIECE) {
        size_t m = n - i < PIECE ? n - i : PIECE;
        double end = past + (double)k->sum(x + i, m);

        for (size_t j = i; j < i + m && left > 0 && next < end; j++) {
            past += (double)x[j];
            last = x[j] > 0 ? j : last;
            for (; left > 0 && next < past && next < end; left--) {
                draw(&d, j);
                next += step;
            }
        }
        /* what rounding left over belongs to the piece's last */
        for (; left > 0 && next < end; left--) {
            draw(&d, last);
            next += step;
        }
        past = end;
    }
    for (; left > 0; left--)
        draw(&d, last);
    if (top != NULL)
        *top = most;
    return d.n;
}

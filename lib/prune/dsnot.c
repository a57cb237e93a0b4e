/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dsnot.c - masks that are mended without changing a weight
 *
 * The published way swaps as long as more than 0.1 is lacking, which depends on
 * how large answers are, and it does not look at what a swap costs besides: on a
 * small model at half of the weights it made more of the loss than it took away.
 * Here a swap has to pay.  If inputs went each its own way, the square of a
 * row's error would be, on average,
 *
 *     (what it lacks)^2 + sum over what went of w[j]^2 variance(x[j])
 *
 * and after the first swap that would make this more there is none.
 */
#include "prune/dsnot.h"

#include <math.h>

/* Beside its square an input varies so much at least. */
#define LEAST_VARIANCE 1e-6

#define NONE ((size_t)-1)

/* One row. */
struct row {
    const float *w;
    unsigned char *keep; /* 0 or 1; 2, 3: the same, not to be touched again */
    size_t k;
    size_t of;
    const struct sov_dsnot_inputs *in;
    double lack;
};

static double
part(const struct row *r, size_t j)
{
    return (double)r->w[j] * (double)r->in->mean[j];
}

/* What takes the most off, for how much its input varies. */
static size_t
comes_back(const struct row *r)
{
    double sign = r->lack < 0 ? -1 : 1, best = 0;
    size_t found = NONE;

    for (size_t j = 0; j < r->k; j++) {
        double varies, gain;

        if (r->keep[j] != 0)
            continue;
        varies = fmax((double)r->in->variance[j],
                      LEAST_VARIANCE * (double)r->in->square[j]);
        gain = varies > 0 ? sign * part(r, j) / varies : 0;
        if (gain > best) {
            best = gain;
            found = j;
        }
    }
    return found;
}

/* In place of weight `back`, the least of those that take off, too. */
static size_t
goes(const struct row *r, size_t back)
{
    size_t j = r->of != 0 ? back / r->of * r->of : 0;
    size_t end = r->of != 0 && r->k - j > r->of ? j + r->of : r->k;
    double sign = r->lack < 0 ? -1 : 1, least = INFINITY;
    size_t found = NONE;

    for (; j < end; j++) {
        double score;

        if (r->keep[j] != 1 || sign * part(r, j) > 0)
            continue;
        score = fabs((double)r->w[j]) * sqrt((double)r->in->square[j]);
        if (score < least) {
            least = score;
            found = j;
        }
    }
    return found;
}

static double
noise(const struct row *r, size_t j)
{
    return (double)r->w[j] * (double)r->w[j] * (double)r->in->variance[j];
}

static size_t
mend(struct row *r)
{
    size_t n = 0;

    for (int i = 0; i < SOV_DSNOT_CYCLES; i++) {
        size_t back = comes_back(r), away;
        double lack;

        if (back == NONE)
            break;
        away = goes(r, back);
        if (away == NONE) {
            r->keep[back] = 2;
            continue;
        }
        lack = r->lack - part(r, back) + part(r, away);
        if (!(lack * lack + noise(r, away) <
              r->lack * r->lack + noise(r, back)))
            break;
        r->keep[back] = 3;
        r->keep[away] = 2;
        r->lack = lack;
        n++;
    }
    return n;
}

size_t
sov_dsnot_rows(const float *w, unsigned char *keep, size_t n, size_t k,
               size_t of, const struct sov_dsnot_inputs *in)
{
    size_t swaps = 0;

    for (size_t i = 0; i < n; i++) {
        struct row r = { w + i * k, keep + i * k, k, of, in, 0 };

        for (size_t j = 0; j < k; j++)
            r.lack += r.keep[j] != 0 ? 0 : part(&r, j);
        swaps += mend(&r);
        for (size_t j = 0; j < k; j++)
            r.keep[j] &= 1;
    }
    return swaps;
}

void
sov_dsnot_inputs(const struct sov_moments *m, float *mean, float *variance,
                 float *square)
{
    double n = m->fit.n > 0 ? (double)m->fit.n : 1;

    for (size_t j = 0; j < m->k; j++) {
        double x = m->fit.y[j] / n;
        double xx = (double)m->fit.h[j * m->k + j] / n;

        mean[j] = (float)x;
        square[j] = (float)xx;
        variance[j] = (float)fmax(xx - x * x, 0);
    }
}

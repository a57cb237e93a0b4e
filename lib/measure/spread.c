/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spread.c - means of what two models foretold, and how sure they are
 */
#include "measure/spread.h"

#include "base/fmath.h"
#include "base/mem.h"
#include "measure/hist.h"
#include "measure/tally.h"

#include <math.h>
#include <stdlib.h>

int
sov_spread_new(struct sov_spread **spread, uint64_t n_windows,
               struct sov_err *err)
{
    struct sov_spread *s = sov_mem_array(1, sizeof(*s));

    *spread = NULL;
    if (s == NULL)
        return sov_mem_fail(err);
    s->hist = sov_mem_array(1, sizeof(*s->hist));
    if (s->hist == NULL) {
        sov_spread_free(s);
        return sov_mem_fail(err);
    }
    s->n_windows = n_windows;
    s->each = (n_windows + SOV_SPREAD_BLOCKS - 1) / SOV_SPREAD_BLOCKS;
    *spread = s;
    return 0;
}

void
sov_spread_free(struct sov_spread *s)
{
    if (s == NULL)
        return;
    free(s->hist);
    free(s);
}

static void
count(struct sov_hist *h, double kld)
{
    float x = kld > 0 ? (float)kld : 0;

    if (h->n++ == 0)
        h->min = h->max = (double)x;
    h->min = (double)x < h->min ? (double)x : h->min;
    h->max = (double)x > h->max ? (double)x : h->max;
    h->count[sov_hist_bin(x)]++;
}

/* What the probability of the right token changed by, squared. */
static double
shift_of(const struct sov_guess *g)
{
    double d = sov_exp(-g->nll) - sov_exp(-g->base_nll);

    return d * d;
}

void
sov_spread_add(struct sov_spread *s, uint64_t window, const struct sov_guess *g)
{
    struct sov_spread_block *to[2] = { &s->all, &s->block[window / s->each] };
    double shift = shift_of(g);

    for (int i = 0; i < 2; i++) {
        to[i]->n++;
        to[i]->nll += g->nll;
        to[i]->base_nll += g->base_nll;
        to[i]->kld += g->kld;
        to[i]->shift += shift;
        to[i]->same_top += g->same_top;
    }
    s->nll2 += g->nll * g->nll;
    s->base2 += g->base_nll * g->base_nll;
    s->both += g->nll * g->base_nll;
    s->kld2 += g->kld * g->kld;
    s->shift2 += shift * shift;
    count(s->hist, g->kld);
}

/* ---- standard errors ---- */

/* Of the mean of n products: their sum, and the sums of both factors. */
static double
covariance(double ab, double a, double b, double n)
{
    return n > 1 ? (ab / n - (a / n) * (b / n)) / (n - 1) : 0;
}

static double
deviation(double squares, double sum, double n)
{
    double v = covariance(squares, sum, sum, n);

    return v > 0 ? sqrt(v) : 0;
}

static void
figure(struct sov_figure *f, double value, double error)
{
    f->value = value;
    f->error = error;
}

static void
means(const struct sov_spread *s, struct sov_divergence *d)
{
    const struct sov_spread_block *all = &s->all;
    double n = (double)all->n;
    double nll = deviation(s->nll2, all->nll, n);
    double base = deviation(s->base2, all->base_nll, n);
    double both = covariance(s->both, all->nll, all->base_nll, n);
    double ratio = nll * nll + base * base - 2 * both;
    double ppl = sov_exp(all->nll / n), base_ppl = sov_exp(all->base_nll / n);
    double shift = sqrt(all->shift / n), same = (double)all->same_top / n;

    figure(&d->ppl, ppl, ppl * nll);
    figure(&d->base_ppl, base_ppl, base_ppl * base);
    figure(&d->ratio, (all->nll - all->base_nll) / n,
           ratio > 0 ? sqrt(ratio) : 0);
    figure(&d->kld, all->kld / n, deviation(s->kld2, all->kld, n));
    figure(&d->same_top, same, n > 1 ? sqrt(same * (1 - same) / (n - 1)) : 0);
    figure(&d->shift, shift,
           shift > 0 ? deviation(s->shift2, all->shift, n) / (2 * shift) : 0);
}

/* ---- intervals ---- */

/* As many blocks as there are, drawn with replacement. */
static void
draw(const struct sov_spread *s, uint64_t n, uint64_t number,
     struct sov_spread_block *sum)
{
    *sum = (struct sov_spread_block){ 0 };
    for (uint64_t i = 0; i < n; i++) {
        const struct sov_spread_block *b =
            &s->block[sov_draw_one(number, i, n)];

        sum->n += b->n;
        sum->nll += b->nll;
        sum->base_nll += b->base_nll;
        sum->kld += b->kld;
        sum->shift += b->shift;
        sum->same_top += b->same_top;
    }
}

static void
intervals(const struct sov_spread *s, uint64_t n, double (*v)[SOV_DRAWS],
          struct sov_divergence *d)
{
    for (uint64_t i = 0; i < SOV_DRAWS; i++) {
        struct sov_spread_block sum;
        double tokens;

        draw(s, n, i, &sum);
        tokens = (double)sum.n;
        v[0][i] = sov_exp(sum.nll / tokens);
        v[1][i] = sov_exp(sum.base_nll / tokens);
        v[2][i] = (sum.nll - sum.base_nll) / tokens;
        v[3][i] = sum.kld / tokens;
        v[4][i] = (double)sum.same_top / tokens;
        v[5][i] = sqrt(sum.shift / tokens);
    }
    sov_draw_interval(v[0], &d->ppl);
    sov_draw_interval(v[1], &d->base_ppl);
    sov_draw_interval(v[2], &d->ratio);
    sov_draw_interval(v[3], &d->kld);
    sov_draw_interval(v[4], &d->same_top);
    sov_draw_interval(v[5], &d->shift);
}

int
sov_spread_figures(const struct sov_spread *s, struct sov_divergence *d,
                   struct sov_err *err)
{
    const struct sov_figure none = { .low = NAN, .high = NAN };
    uint64_t blocks = (s->n_windows + s->each - 1) / s->each;
    double(*v)[SOV_DRAWS] = sov_mem_array(6, sizeof(*v));

    if (v == NULL)
        return sov_mem_fail(err);
    *d = (struct sov_divergence){
        .windows = s->n_windows,
        .tokens = s->all.n,
        .ppl = none,
        .base_ppl = none,
        .ratio = none,
        .kld = none,
        .same_top = none,
        .shift = none,
        .kld_median = sov_hist_quantile(s->hist, 0.5),
        .kld_90 = sov_hist_quantile(s->hist, 0.9),
        .kld_99 = sov_hist_quantile(s->hist, 0.99),
        .kld_most = s->hist->max,
    };
    means(s, d);
    if (blocks >= SOV_DRAWS_FEW)
        intervals(s, blocks, v, d);
    free(v);
    return 0;
}

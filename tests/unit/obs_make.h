/* SPDX-License-Identifier: Apache-2.0 */
/*
 * obs_make.h - moments and rows for tests of what makes up for lost weights, and
 * plain linear algebra in doubles beside it
 */
#ifndef SOV_TESTS_UNIT_OBS_MAKE_H
#define SOV_TESTS_UNIT_OBS_MAKE_H

#include "unit.h"

#include "base/fmath.h"
#include "base/mem.h"
#include "base/rng.h"
#include "compress/feedback_in.h"
#include "kern/kern.h"
#include "prune/obs.h"
#include "sov/base.h"

#include <math.h>
#include <string.h>

#define MOST 320

static uint64_t counter;

static inline double
uniform(void)
{
    return sov_rng_unit(11, 3, counter++);
}

static inline float
normal(void)
{
    double r = sqrt(-2.0 * sov_log(1.0 - uniform()));

    return (float)(r * sov_cos(6.283185307179586 * uniform()));
}

/* ---- inputs ---- */

/* Each input goes with those before it, and some are louder. */
static inline void
make_token(float *x, size_t k)
{
    for (size_t i = 0; i < k; i++)
        x[i] = (normal() + (i == 0 ? 0.0f : 0.8f * x[i - 1])) *
                   (i % 7 == 3 ? 1.5f : 1.0f) +
               (i % 5 == 2 ? 0.3f : 0.0f);
}

static inline void
add(struct sov_moment_sums *s, size_t k, const float *x, const float *was)
{
    for (size_t i = 0; i < k; i++) {
        for (size_t j = 0; j < k; j++) {
            s->h[i * k + j] += x[i] * x[j];
            if (s->c != NULL)
                s->c[i * k + j] += x[i] * (was[j] - x[j]);
        }
        s->y[i] += (double)x[i];
    }
    s->n++;
}

static inline void
new_sums(struct sov_moment_sums *s, size_t k, bool pairs)
{
    *s = (struct sov_moment_sums){ .h = sov_mem_array(k * k, sizeof(float)) };
    s->c = pairs ? sov_mem_array(k * k, sizeof(float)) : NULL;
    s->y = sov_mem_array(k, sizeof(double));
}

/* With pairs some inputs are fainter now, and all are noisy. */
static inline struct sov_moments
make_moments(size_t k, size_t n, bool pairs)
{
    struct sov_moments m = { .k = k };
    float x[MOST], was[MOST];

    counter = 1000;
    new_sums(&m.fit, k, pairs);
    new_sums(&m.held, k, pairs);
    for (size_t t = 0; t < n + n / 4; t++) {
        make_token(was, k);
        for (size_t i = 0; i < k; i++)
            x[i] = !pairs
                       ? was[i]
                       : was[i] * (i % 3 == 0 ? 0.9f : 1.0f) + 0.02f * normal();
        add(t < n ? &m.fit : &m.held, k, x, was);
    }
    return m;
}

static inline void
free_moments(struct sov_moments *m)
{
    struct sov_moment_sums *s[] = { &m->fit, &m->held };

    for (int i = 0; i < 2; i++) {
        free(s[i]->h);
        free(s[i]->c);
        free(s[i]->r);
        free(s[i]->y);
    }
}

/* Rows, and what became of them. */
struct rows {
    struct sov_obs_rows r;
    float *want;
};

static inline struct rows
make_rows(size_t n, size_t k)
{
    struct rows x = { .r = { .n = n, .k = k } };

    counter = 77;
    x.want = sov_mem_array(n * k, sizeof(float));
    x.r.w = sov_mem_array(n * k, sizeof(float));
    x.r.keep = sov_mem_array(n * k, 1);
    x.r.want = x.want;
    x.r.share.pattern.rows = 1;
    x.r.share.ratio = 0.5;
    for (size_t i = 0; i < n * k; i++)
        x.want[i] = x.r.w[i] = normal();
    return x;
}

static inline void
free_rows(struct rows *x)
{
    free(x->want);
    free(x->r.w);
    free(x->r.keep);
}

/* About every second one, the rows differ. */
static inline void
random_mask(struct rows *x)
{
    for (size_t i = 0; i < x->r.n * x->r.k; i++)
        x->r.keep[i] = uniform() < 0.5;
    x->r.given = true;
}

static inline void
begin_again(struct rows *x, bool masked)
{
    for (size_t i = 0; i < x->r.n * x->r.k; i++)
        x->r.w[i] = !masked || x->r.keep[i] ? x->want[i] : 0.0f;
}

static inline struct sov_feedback *
feedback(const struct sov_moments *m, double mix)
{
    struct sov_feedback *f;
    struct sov_err err;

    ck_assert_int_eq(sov_obs_new(&f, m, mix, &err), 0);
    return f;
}

static inline void
prune(const struct sov_feedback *f, struct rows *x)
{
    struct sov_err err;

    begin_again(x, false);
    ck_assert_int_eq(sov_obs_prune(f, &x->r, &err), 0);
}

static inline void
solve(const struct sov_feedback *f, struct rows *x)
{
    struct sov_err err;

    ck_assert_int_eq(sov_obs_solve(f, &x->r, x->want, &err), 0);
}

static inline double
cost(const struct sov_feedback *f, const struct rows *x)
{
    struct sov_err err;
    double c = -1;

    ck_assert_int_eq(sov_obs_cost(f, &x->r, x->want, &c, &err), 0);
    return c;
}

/* (want - w)' H (want - w) of a row, H as it is fitted to. */
static inline double
fitted_cost(const struct sov_feedback *f, const struct rows *x, size_t row)
{
    size_t k = x->r.k;
    const float *a = x->want + row * k, *b = x->r.w + row * k;
    double sum = 0;

    for (size_t i = 0; i < k; i++)
        for (size_t j = 0; j < k; j++)
            sum += ((double)a[i] - (double)b[i]) *
                   sov_fb_second_at(&f->second, i, j) *
                   ((double)a[j] - (double)b[j]);
    return sum;
}

static inline void
masked(const struct rows *x)
{
    for (size_t i = 0; i < x->r.n * x->r.k; i++)
        ck_assert(x->r.keep[i] || (x->r.w[i] == 0 && !signbit(x->r.w[i])));
}

static inline void
set_pattern(struct rows *x, const char *pattern)
{
    struct sov_err err;

    ck_assert_int_eq(
        sov_prune_pattern_parse(&x->r.share.pattern, pattern, &err), 0);
}

/* As many went from each part of a row as should, and the same from rows that
 * share a mask. */
static inline void
counted(const struct rows *x, const char *pattern)
{
    const struct sov_prune_pattern *p = &x->r.share.pattern;
    size_t k = x->r.k, of = p->of != 0 ? p->of : k;
    const unsigned char *keep = x->r.keep;

    masked(x);
    for (size_t i = 0; i < x->r.n; i++) {
        for (size_t j = 0; j < k; j += of) {
            size_t n = k - j < of ? k - j : of, gone = 0;

            for (size_t l = j; l < j + n; l++)
                gone += !keep[i * k + l];
            ck_assert_msg(gone == sov_prune_goes(&x->r.share, n),
                          "%s: %zu of %zu", pattern, gone, n);
        }
        ck_assert_mem_eq(keep + i * k, keep + i / p->rows * p->rows * k, k);
    }
}

/* ---- plain linear algebra ---- */

/* The inverse of a[n][n], by Gauss and Jordan. */
static inline void
invert(size_t n, double *a, double *inverse)
{
    memset(inverse, 0, n * n * sizeof(*inverse));
    for (size_t i = 0; i < n; i++)
        inverse[i * n + i] = 1;
    for (size_t c = 0; c < n; c++) {
        double p = a[c * n + c];

        for (size_t j = 0; j < n; j++) {
            a[c * n + j] /= p;
            inverse[c * n + j] /= p;
        }
        for (size_t i = 0; i < n; i++) {
            double by = a[i * n + c];

            for (size_t j = 0; i != c && j < n; j++) {
                a[i * n + j] -= by * a[c * n + j];
                inverse[i * n + j] -= by * inverse[c * n + j];
            }
        }
    }
}

/* The inverse of H from column c on. */
static inline void
rest_inverse(const struct sov_feedback *f, size_t c, double *inverse)
{
    static double a[MOST * MOST];
    size_t k = f->second.n, n = k - c;

    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            a[i * n + j] = sov_fb_second_at(&f->second, c + i, c + j);
    invert(n, a, inverse);
}

static double inverse[MOST * MOST];

/* The least squares of a row with its mask. */
static inline void
least_squares(const struct sov_feedback *f, const struct rows *x, size_t row,
              double *v)
{
    static double a[MOST * MOST];
    const unsigned char *keep = x->r.keep + row * x->r.k;
    size_t n = 0, at[MOST], k = x->r.k;

    for (size_t j = 0; j < k; j++)
        if (keep[j])
            at[n++] = j;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            a[i * n + j] = sov_fb_second_at(&f->second, at[i], at[j]);
    invert(n, a, inverse);
    memset(v, 0, k * sizeof(*v));
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) {
            double b = 0;

            for (size_t l = 0; l < k; l++)
                b += sov_fb_second_at(&f->second, at[j], l) *
                     (double)x->want[row * k + l];
            v[at[i]] += inverse[i * n + j] * b;
        }
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * feedback_factor.c - H = R R', R upper triangular
 *
 * Cholesky's method, from the last column to the first, in doubles.  Blocks of
 * columns: the square on the diagonal, then what is above it, and then its
 * products are taken from all that is left.  An element is one chain of fma
 * over the columns behind it, block by block from the last one, in a block
 * upwards: so the blocks are fixed, and who works on what is not seen.
 *
 *     a a a | p p        The upper triangle is kept in bands of BLOCK rows, each
 *       a a | p p        from its own first column on.
 *         a | p p
 *         --+----
 *           | d d
 *           |   d
 */
#include "compress/feedback_in.h"

#include "base/mem.h"
#include "sys/par.h"

#include <math.h>
#include <stdlib.h>

#define BLOCK ((size_t)64)
/* Columns that are solved at a time. */
#define STEP ((size_t)512)

struct factor {
    const struct sov_kern *k;
    const struct sov_fb_second *second;
    size_t n;
    double *a;     /* owned; the bands */
    double *above; /* owned; [BLOCK][n] p turned round */
    size_t k0, k1; /* the block of columns */
    struct sov_fb_factor *to;
};

double
sov_fb_second_own(const struct sov_fb_second *s, size_t k)
{
    double own = s->draw * s->scale * (double)s->h[k * s->n + k];

    return s->wide != NULL ? s->damp : own + s->damp;
}

double
sov_fb_second_at(const struct sov_fb_second *s, size_t j, size_t k)
{
    double sum = (1.0 - s->draw) * s->scale * (double)s->h[j * s->n + k];

    if (s->wide != NULL)
        sum += s->draw * s->wide_scale * (double)s->wide[j * s->n + k];
    return j == k ? sum + sov_fb_second_own(s, k) : sum;
}

static size_t
bands(size_t n)
{
    return (n + BLOCK - 1) / BLOCK;
}

/* Where band b begins. */
static size_t
band_at(size_t n, size_t b)
{
    return BLOCK * b * n - BLOCK * BLOCK * (b * (b - (b > 0)) / 2);
}

static double *
at(const struct factor *f, size_t row, size_t col)
{
    size_t b = row / BLOCK;

    return f->a + band_at(f->n, b) + (row - b * BLOCK) * (f->n - b * BLOCK) +
           (col - b * BLOCK);
}

static size_t
band_end(const struct factor *f, size_t b)
{
    return (b + 1) * BLOCK < f->n ? (b + 1) * BLOCK : f->n;
}

static void
fill_bands(void *arg, size_t first, size_t last, unsigned worker)
{
    struct factor *f = arg;

    (void)worker;
    for (size_t b = first; b < last; b++)
        for (size_t j = b * BLOCK; j < band_end(f, b); j++)
            for (size_t k = b * BLOCK; k < f->n; k++)
                *at(f, j, k) = sov_fb_second_at(f->second, j, k);
}

/* The square on the diagonal; false: not positive. */
static bool
square(struct factor *f)
{
    for (size_t k = f->k1; k-- > f->k0;) {
        double root, *row = at(f, k, k);

        for (size_t m = 1; m < f->k1 - k; m++)
            row[0] = fma(-row[m], row[m], row[0]);
        if (!(row[0] > 0.0) || !isfinite(row[0]))
            return false;
        root = row[0] = sqrt(row[0]);
        for (size_t j = f->k0; j < k; j++) {
            double *up = at(f, j, k);

            for (size_t m = 1; m < f->k1 - k; m++)
                up[0] = fma(-up[m], row[m], up[0]);
            up[0] /= root;
        }
    }
    return true;
}

/* What is above it: columns of p are rows here. */
static void
solve(void *arg, size_t first, size_t last, unsigned worker)
{
    struct factor *f = arg;

    (void)worker;
    for (size_t s = first; s < last; s++) {
        size_t j0 = s * STEP;
        size_t n = f->k0 - j0 < STEP ? f->k0 - j0 : STEP;
        double *p = f->above + j0;

        for (size_t j = 0; j < n; j++)
            for (size_t k = f->k0; k < f->k1; k++)
                p[(k - f->k0) * f->n + j] = *at(f, j0 + j, k);
        for (size_t k = f->k1; k-- > f->k0;) {
            const double *row = at(f, k, k);
            double *y = p + (k - f->k0) * f->n;

            f->k->less_f64(row + 1, 0, 1, y + f->n, f->n, f->k1 - k - 1, y, 0,
                           n);
            for (size_t j = 0; j < n; j++)
                y[j] /= row[0];
        }
        for (size_t j = 0; j < n; j++)
            for (size_t k = f->k0; k < f->k1; k++)
                *at(f, j0 + j, k) = p[(k - f->k0) * f->n + j];
    }
}

/* Take its products from the bands above, all of one at a time. */
static void
take_away(void *arg, size_t first, size_t last, unsigned worker)
{
    struct factor *f = arg;

    (void)worker;
    for (size_t b = first; b < last; b++) {
        size_t j = b * BLOCK, stride = f->n - j;

        f->k->less_f64(at(f, j, f->k0), stride, BLOCK, f->above + j, f->n,
                       f->k1 - f->k0, at(f, j, j), stride, f->k0 - j);
    }
}

static bool
decompose(struct factor *f)
{
    sov_par_for(bands(f->n), 1, fill_bands, f);
    for (size_t b = bands(f->n); b-- > 0;) {
        f->k0 = b * BLOCK;
        f->k1 = band_end(f, b);
        if (!square(f))
            return false;
        sov_par_for((f->k0 + STEP - 1) / STEP, 1, solve, f);
        sov_par_for(b, 1, take_away, f);
    }
    return true;
}

/* The factor as it is used; the diagonal is in above. */
static void
divide(void *arg, size_t first, size_t last, unsigned worker)
{
    struct factor *f = arg;

    (void)worker;
    for (size_t b = first; b < last; b++)
        for (size_t j = b * BLOCK; j < band_end(f, b); j++) {
            size_t c0 = j / PANEL * PANEL;
            float *g = f->to->g + sov_fb_factor_at(f->n, j, c0);
            const double *row = at(f, j, j);

            for (size_t k = c0; k <= j; k++)
                g[k - c0] = 0.0f;
            for (size_t k = j + 1; k < f->n; k++)
                g[k - c0] = (float)(row[k - j] / f->above[k]);
            f->to->weight[j] = (float)(row[0] * row[0]);
        }
}

static int
finish(struct factor *f, struct sov_err *err)
{
    size_t panels = (f->n + PANEL - 1) / PANEL;
    size_t all = sov_fb_factor_at(f->n, panels * PANEL, panels * PANEL);

    f->to->g = sov_mem_aligned(all, sizeof(*f->to->g));
    f->to->weight = sov_mem_array(f->n, sizeof(*f->to->weight));
    if (f->to->g == NULL || f->to->weight == NULL)
        return sov_mem_fail(err);
    for (size_t k = 0; k < f->n; k++)
        f->above[k] = *at(f, k, k);
    sov_par_for(bands(f->n), 1, divide, f);
    return 0;
}

/*
 * A damping of the size of the largest number ends all doubts; where it does
 * not, the numbers are none.
 */
static int
factor_damped(struct factor *f, struct sov_fb_second *s, struct sov_err *err)
{
    for (int tries = 0; tries < 16; tries++) {
        if (decompose(f))
            return finish(f, err);
        s->damp *= 4.0;
    }
    return sov_fail(err, SOV_EFORMAT, "second moments of no inputs");
}

int
sov_fb_factor_new(struct sov_fb_factor *to, struct sov_fb_second *s,
                  struct sov_err *err)
{
    struct factor f = { .k = sov_kern(), .second = s, .n = s->n, .to = to };
    int rc;

    *to = (struct sov_fb_factor){ .n = s->n };
    f.a = sov_mem_aligned(band_at(f.n, bands(f.n)), sizeof(*f.a));
    f.above = sov_mem_aligned(f.n, BLOCK * sizeof(*f.above));
    rc = f.a == NULL || f.above == NULL ? sov_mem_fail(err)
                                        : factor_damped(&f, s, err);
    sov_mem_free_aligned(f.above);
    sov_mem_free_aligned(f.a);
    if (rc < 0)
        sov_fb_factor_free(to);
    return rc;
}

void
sov_fb_factor_free(struct sov_fb_factor *f)
{
    sov_mem_free_aligned(f->g);
    free(f->weight);
    f->g = NULL;
    f->weight = NULL;
}

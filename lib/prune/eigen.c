/* SPDX-License-Identifier: Apache-2.0 */
/*
 * eigen.c - eigenvalues and eigenvectors of a symmetric matrix
 *
 * Householder's reflections make the matrix tridiagonal, and QL steps with
 * Wilkinson's shift, by plane rotations, make that diagonal (Golub and Van
 * Loan, Matrix Computations, 8.3).  Threads share rows in the first part and
 * columns of the eigenvectors in the second: no sum is split between them, and
 * every sum is in one order.
 *
 * Eigenvectors stand in rows all along, so that a rotation mixes two rows, and
 * a worker can do all rotations of a step on some columns of all rows.
 */
#include "prune/eigen.h"

#include "base/mem.h"
#include "sys/par.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Steps for an eigenvalue; two or three is what they take. */
#define STEPS 60

/* Columns of eigenvectors that a worker turns at a time, by so many steps. */
#define COLUMNS       64
#define STEPS_AT_ONCE 32

#define LANES 8

/* A rotation of rows i and i + 1. */
struct plane {
    size_t i;
    double c, s;
};

struct eigen {
    size_t n;
    double *a;    /* [n, n] in; reflection j is row j behind its diagonal */
    double *beta; /* [n] of reflections */
    double *d;    /* [n] diagonal, later eigenvalues */
    double *e;    /* [n] beside it: e[i] between i and i + 1 */
    double *w;    /* [n] */
    double *p;    /* [n] */
    struct plane *plane; /* [STEPS_AT_ONCE * n] rotations that wait */
    size_t waiting;
    size_t steps; /* that they are of */
    double *v;    /* [n, n] eigenvectors */
    double least; /* beside the diagonal, this and less is nothing */
    size_t j;     /* column that is at work */
};

static double
dot(const double *x, const double *y, size_t n)
{
    double lane[LANES] = { 0 };
    double sum = 0;
    size_t i = 0;

    for (; i + LANES <= n; i += LANES)
        for (size_t l = 0; l < LANES; l++)
            lane[l] += x[i + l] * y[i + l];
    for (size_t l = 0; i < n; i++, l++)
        lane[l] += x[i] * y[i];
    for (size_t l = 0; l < LANES; l++)
        sum += lane[l];
    return sum;
}

/* ---- to three diagonals ---- */

/* p = A v, of rows behind j. */
static void
times(void *arg, size_t first, size_t last, unsigned worker)
{
    const struct eigen *g = arg;
    size_t from = g->j + 1, m = g->n - from;
    const double *v = g->a + g->j * g->n + from;

    (void)worker;
    for (size_t i = first; i < last; i++)
        g->p[i] = dot(g->a + (from + i) * g->n + from, v, m);
}

/* A -= v w' + w v'. */
static void
update(void *arg, size_t first, size_t last, unsigned worker)
{
    const struct eigen *g = arg;
    size_t from = g->j + 1, m = g->n - from;
    const double *v = g->a + g->j * g->n + from;

    (void)worker;
    for (size_t i = first; i < last; i++) {
        double *row = g->a + (from + i) * g->n + from;

        for (size_t k = 0; k < m; k++)
            row[k] -= v[i] * g->w[k] + g->w[i] * v[k];
    }
}

/* The reflection that leaves of column j only what is beside the diagonal. */
static void
reflect(struct eigen *g)
{
    size_t from = g->j + 1, m = g->n - from;
    double *v = g->a + g->j * g->n + from;
    double most = 0, size, half;

    for (size_t i = 0; i < m; i++)
        most = fmax(most, fabs(v[i]));
    g->e[g->j] = 0;
    g->beta[g->j] = 0;
    if (most == 0)
        return;
    for (size_t i = 0; i < m; i++) /* no square is too small or too large */
        v[i] /= most;
    size = sqrt(dot(v, v, m));
    g->e[g->j] = v[0] > 0 ? -size * most : size * most;
    v[0] += v[0] > 0 ? size : -size;
    g->beta[g->j] = 2.0 / dot(v, v, m);
    sov_par_for(m, 32, times, g);
    half = g->beta[g->j] * g->beta[g->j] / 2 * dot(g->p, v, m);
    for (size_t i = 0; i < m; i++)
        g->w[i] = g->beta[g->j] * g->p[i] - half * v[i];
    sov_par_for(m, 32, update, g);
}

/* Row r of what the reflections make of the unit matrix. */
static void
gather(void *arg, size_t first, size_t last, unsigned worker)
{
    const struct eigen *g = arg;
    size_t n = g->n;

    (void)worker;
    for (size_t r = first; r < last; r++) {
        double *x = g->v + r * n;

        memset(x, 0, n * sizeof(*x));
        x[r] = 1;
        for (size_t j = n - 1; j-- > 0;) {
            const double *v = g->a + j * n + j + 1;
            double by = g->beta[j] * dot(v, x + j + 1, n - j - 1);

            for (size_t i = 0; i < n - j - 1; i++)
                x[j + 1 + i] -= by * v[i];
        }
    }
}

static void
tridiagonal(struct eigen *g)
{
    for (g->j = 0; g->j + 1 < g->n; g->j++) {
        g->d[g->j] = g->a[g->j * g->n + g->j];
        reflect(g);
    }
    g->d[g->n - 1] = g->a[g->n * g->n - 1];
    g->e[g->n - 1] = 0;
    sov_par_for(g->n, 4, gather, g);
}

/* ---- to one ---- */

static void
turn(void *arg, size_t first, size_t last, unsigned worker)
{
    const struct eigen *g = arg;

    (void)worker;
    for (size_t r = 0; r < g->waiting; r++) {
        double *x = g->v + g->plane[r].i * g->n, *y = x + g->n;
        double c = g->plane[r].c, s = g->plane[r].s;

        for (size_t k = first; k < last; k++) {
            double f = y[k];

            y[k] = s * x[k] + c * f;
            x[k] = c * x[k] - s * f;
        }
    }
}

static void
turn_all(struct eigen *g)
{
    sov_par_for(g->n, COLUMNS, turn, g);
    g->waiting = 0;
    g->steps = 0;
}

/* Where the matrix that begins with row l falls apart. */
static size_t
end_of(const struct eigen *g, size_t l)
{
    size_t m = l;

    for (; m + 1 < g->n; m++) {
        if (fabs(g->e[m]) <= g->least)
            break;
    }
    return m;
}

/* One step from row m up to row l. */
static void
step(struct eigen *g, size_t l, size_t m)
{
    double *d = g->d, *e = g->e;
    double q = (d[l + 1] - d[l]) / (2 * e[l]);
    double r = sqrt(q * q + 1);
    double s = 1, c = 1, p = 0;
    size_t first = m;

    q = d[m] - d[l] + e[l] / (q + (q >= 0 ? r : -r));
    while (first > l) {
        size_t i = first - 1;
        double f = s * e[i], b = c * e[i];

        r = sqrt(f * f + q * q);
        e[i + 1] = r;
        if (r == 0) /* it fell apart on the way */
            break;
        s = f / r;
        c = q / r;
        q = d[i + 1] - p;
        r = (d[i] - q) * s + 2 * c * b;
        p = s * r;
        d[i + 1] = q + p;
        q = c * r - b;
        g->plane[g->waiting++] = (struct plane){ i, c, s };
        first = i;
    }
    d[first] -= p;
    if (first == l)
        e[l] = q;
    e[m] = 0;
    if (++g->steps == STEPS_AT_ONCE)
        turn_all(g);
}

static int
diagonal(struct eigen *g, struct sov_err *err)
{
    double most = 0;

    for (size_t i = 0; i < g->n; i++)
        most = fmax(most, fabs(g->d[i]) + fabs(g->e[i]));
    g->least = most * 0x1p-53;
    for (size_t l = 0; l < g->n; l++) {
        size_t m, steps = 0;

        while ((m = end_of(g, l)) != l) {
            if (steps++ == STEPS)
                return sov_fail(err, SOV_EARG,
                                "eigenvalue %zu of %zu is not found", l, g->n);
            step(g, l, m);
        }
    }
    turn_all(g);
    return 0;
}

/* ---- in order ---- */

struct place {
    double value;
    size_t row;
};

static int
by_value(const void *a, const void *b)
{
    const struct place *x = a, *y = b;

    if (x->value != y->value)
        return x->value > y->value ? -1 : 1;
    return x->row < y->row ? -1 : 1;
}

static void
upright(double *x, size_t n)
{
    size_t most = 0;

    for (size_t i = 1; i < n; i++)
        if (fabs(x[i]) > fabs(x[most]))
            most = i;
    if (x[most] < 0)
        for (size_t i = 0; i < n; i++)
            x[i] = -x[i];
}

static int
put_in_order(const struct eigen *g, double *value, struct sov_err *err)
{
    struct place *place = sov_mem_array(g->n, sizeof(*place));

    if (place == NULL)
        return sov_mem_fail(err);
    for (size_t i = 0; i < g->n; i++)
        place[i] = (struct place){ g->d[i], i };
    qsort(place, g->n, sizeof(*place), by_value);
    for (size_t i = 0; i < g->n; i++) {
        double *to = g->a + i * g->n;

        value[i] = place[i].value;
        memcpy(to, g->v + place[i].row * g->n, g->n * sizeof(*to));
        upright(to, g->n);
    }
    free(place);
    return 0;
}

/* Are all numbers finite?  Then the upper triangle is as the lower. */
static int
take_in(double *a, size_t n, struct sov_err *err)
{
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k <= i; k++) {
            if (!isfinite(a[i * n + k]))
                return sov_fail(err, SOV_EARG,
                                "a moment of columns %zu and %zu is %g", k, i,
                                a[i * n + k]);
            a[k * n + i] = a[i * n + k];
        }
    return 0;
}

uint64_t
sov_eigen_bytes(size_t n)
{
    return (uint64_t)n *
           (n * sizeof(double) + 5 * sizeof(double) +
            STEPS_AT_ONCE * sizeof(struct plane) + sizeof(struct place));
}

int
sov_eigen(double *a, size_t n, double *value, struct sov_err *err)
{
    struct eigen g = { .n = n, .a = a };
    double *own = sov_mem_array(n, 5 * sizeof(*own));
    int rc;

    g.v = sov_mem_array(n, n * sizeof(*g.v));
    g.plane = sov_mem_array(n, STEPS_AT_ONCE * sizeof(*g.plane));
    if (own == NULL || g.v == NULL || g.plane == NULL) {
        free(own);
        free(g.v);
        free(g.plane);
        return sov_mem_fail(err);
    }
    g.beta = own;
    g.d = own + n;
    g.e = own + 2 * n;
    g.w = own + 3 * n;
    g.p = own + 4 * n;
    rc = take_in(a, n, err);
    if (rc == 0) {
        tridiagonal(&g);
        rc = diagonal(&g, err);
    }
    if (rc == 0)
        rc = put_in_order(&g, value, err);
    free(own);
    free(g.v);
    free(g.plane);
    return rc;
}

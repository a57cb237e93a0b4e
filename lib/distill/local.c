/* SPDX-License-Identifier: Apache-2.0 */
/*
 * local.c - workers that train apart and meet now and then
 */
#include "distill/local.h"
#include "base/mem.h"
#include "sys/par.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MEET  ((size_t)1 << 20) /* numbers that are summed at once */
#define PIECE ((size_t)4096)    /* ... that a thread takes at once */

struct job {
    const struct sov_local *l;
    const int64_t *sum;
    double by;
    float *base, *u, *w;
    size_t n;
};

static void
step(void *arg, size_t first, size_t last, unsigned worker)
{
    const struct job *j = arg;
    size_t end = last * PIECE < j->n ? last * PIECE : j->n;
    size_t i;

    (void)worker;
    for (i = first * PIECE; i < end; i++) {
        double d = (double)j->sum[i] * j->by;
        double u = j->l->momentum * (double)j->u[i] + d;

        j->u[i] = (float)u;
        j->base[i] =
            (float)((double)j->base[i] - j->l->lr * (d + j->l->momentum * u));
        j->w[i] = j->base[i];
    }
}

/* In f64: a difference of two f32 would lose what the smaller one has. */
int
sov_local_add(int64_t *sum, const float *base, const float *w, size_t n,
              struct sov_err *err)
{
    const double by = ldexp(1, SOV_LOCAL_BITS);

    for (size_t i = 0; i < n; i++) {
        double d = (double)base[i] - (double)w[i];

        if (!(fabs(d) < SOV_LOCAL_MOST))
            return sov_fail(err, SOV_ENO,
                            "training has diverged: a weight has moved by %g",
                            d);
        sum[i] += llrint(d * by);
    }
    return 0;
}

void
sov_local_step(const struct sov_local *l, const int64_t *sum, size_t workers,
               float *base, float *u, float *w, size_t n)
{
    struct job j = { .l = l, .sum = sum, .base = base, .u = u, .w = w, .n = n };

    j.by = ldexp(1 / (double)workers, -SOV_LOCAL_BITS);
    sov_par_for(n / PIECE + (n % PIECE != 0), 0, step, &j);
}

/* All pieces, of which nothing is kept: only to be sure that they can be
 * added. */
static int
try_all(const float *base, const float *w, size_t n, int64_t *sum,
        struct sov_err *err)
{
    size_t at;
    int rc = 0;

    for (at = 0; at < n && rc == 0; at += MEET) {
        size_t of = n - at < MEET ? n - at : MEET;

        rc = sov_local_add(sum, base + at, w + at, of, err);
        memset(sum, 0, of * sizeof(*sum));
    }
    return rc;
}

int
sov_local_meet(const struct sov_comm *c, const struct sov_local *l, float *base,
               float *u, float *w, size_t n, struct sov_err *err)
{
    int64_t *sum = sov_mem_array(n < MEET ? n : MEET, sizeof(*sum));
    size_t at;
    int rc;

    rc = sum == NULL ? sov_mem_fail(err) : try_all(base, w, n, sum, err);
    rc = sov_comm_agree(c, rc, err);
    for (at = 0; at < n && rc == 0; at += MEET) {
        size_t of = n - at < MEET ? n - at : MEET;

        memset(sum, 0, of * sizeof(*sum));
        rc = sov_local_add(sum, base + at, w + at, of, err);
        if (rc == 0)
            rc = sov_comm_sum(c, sum, of, err);
        if (rc == 0)
            sov_local_step(l, sum, (size_t)c->n, base + at, u + at, w + at, of);
    }
    free(sum);
    return rc;
}

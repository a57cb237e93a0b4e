/* SPDX-License-Identifier: Apache-2.0 */
/*
 * local.c - workers that train apart and meet now and then
 */
#include "distill/local.h"
#include "base/mem.h"
#include "sys/par.h"
#include "train/sum.h"

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

int
sov_local_add(const struct sov_kern *k, int64_t *sum, const float *base,
              const float *w, size_t n, struct sov_err *err)
{
    float d[PIECE];
    size_t at, i;

    for (at = 0; at < n; at += PIECE) {
        size_t of = n - at < PIECE ? n - at : PIECE;
        int rc;

        for (i = 0; i < of; i++)
            d[i] = base[at + i] - w[at + i];
        rc = sov_fix_add_bits(k, SOV_LOCAL_BITS, sum + at, d, of, err);
        if (rc < 0) {
            sov_err_wrap(err, "training has diverged: of what weights have "
                              "moved");
            return rc;
        }
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
try_all(const struct sov_kern *k, const float *base, const float *w, size_t n,
        int64_t *sum, struct sov_err *err)
{
    size_t at;
    int rc = 0;

    for (at = 0; at < n && rc == 0; at += MEET) {
        size_t of = n - at < MEET ? n - at : MEET;

        rc = sov_local_add(k, sum, base + at, w + at, of, err);
        memset(sum, 0, of * sizeof(*sum));
    }
    return rc;
}

int
sov_local_meet(const struct sov_comm *c, const struct sov_local *l,
               const struct sov_kern *k, float *base, float *u, float *w,
               size_t n, struct sov_err *err)
{
    int64_t *sum = sov_mem_array(n < MEET ? n : MEET, sizeof(*sum));
    size_t at;
    int rc;

    rc = sum == NULL ? sov_mem_fail(err) : try_all(k, base, w, n, sum, err);
    rc = sov_comm_agree(c, rc, err);
    for (at = 0; at < n && rc == 0; at += MEET) {
        size_t of = n - at < MEET ? n - at : MEET;

        memset(sum, 0, of * sizeof(*sum));
        rc = sov_local_add(k, sum, base + at, w + at, of, err);
        if (rc == 0)
            rc = sov_comm_sum(c, sum, of, err);
        if (rc == 0)
            sov_local_step(l, sum, (size_t)c->n, base + at, u + at, w + at, of);
    }
    free(sum);
    return rc;
}

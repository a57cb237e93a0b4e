/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sum.c - numbers added exactly: fixed point, on all threads
 */
#include "train/sum.h"
#include "sys/par.h"

#include <math.h>
#include <stdatomic.h>
#include <stdbool.h>

#define PIECE ((size_t)16384) /* numbers that a thread takes at once */

struct job {
    const struct sov_kern *k;
    int64_t *to;
    const int64_t *from;
    const float *x;
    float *y;
    double by;
    size_t n;
    atomic_bool bad;
};

static size_t
pieces(size_t n)
{
    return n / PIECE + (n % PIECE != 0);
}

static void
add(void *arg, size_t first, size_t last, unsigned worker)
{
    struct job *j = arg;
    size_t at = first * PIECE;
    size_t end = last * PIECE < j->n ? last * PIECE : j->n;

    (void)worker;
    if (!j->k->fix_add(j->to + at, j->x + at, j->by, end - at))
        atomic_store(&j->bad, true);
}

static void
get(void *arg, size_t first, size_t last, unsigned worker)
{
    struct job *j = arg;
    size_t at = first * PIECE;
    size_t end = last * PIECE < j->n ? last * PIECE : j->n;

    (void)worker;
    j->k->fix_get(j->from + at, j->by, j->y + at, end - at);
}

int
sov_fix_add_bits(const struct sov_kern *k, int bits, int64_t *sum,
                 const float *x, size_t n, struct sov_err *err)
{
    struct job j = { .k = k, .to = sum, .x = x, .n = n };

    j.by = ldexp(1, bits);
    sov_par_for(pieces(n), 1, add, &j);
    if (atomic_load(&j.bad))
        return sov_fail(err, SOV_ENO, "a number is not finite, or %g or more",
                        ldexp(1, SOV_FIX_BITS - bits));
    return 0;
}

void
sov_fix_get_bits(const struct sov_kern *k, int bits, const int64_t *sum,
                 double by, float *x, size_t n)
{
    struct job j = { .k = k, .from = sum, .y = x, .n = n };

    j.by = ldexp(by, -bits);
    sov_par_for(pieces(n), 1, get, &j);
}

int
sov_fix_add(const struct sov_kern *k, int64_t *sum, const float *x, size_t n,
            struct sov_err *err)
{
    int rc = sov_fix_add_bits(k, SOV_GRAD_BITS, sum, x, n, err);

    if (rc < 0)
        sov_err_wrap(err, "training has diverged: of the gradients");
    return rc;
}

void
sov_fix_get(const struct sov_kern *k, const int64_t *sum, double by, float *x,
            size_t n)
{
    sov_fix_get_bits(k, SOV_GRAD_BITS, sum, by, x, n);
}

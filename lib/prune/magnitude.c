/* SPDX-License-Identifier: Apache-2.0 */
/*
 * magnitude.c - the smallest weights go
 *
 * The oldest method, and the one that all others are to be held against: what
 * enters a matrix is not looked at.
 */
#include "prune/method.h"

#include <math.h>

static size_t
room(size_t n, size_t k)
{
    return n * k * sizeof(float);
}

static int
rows(const struct sov_prune_rows *r, void *score, struct sov_err *err)
{
    float *s = score;

    (void)err;
    for (size_t i = 0; i < r->n * r->k; i++)
        s[i] = fabsf(r->w[i]);
    sov_prune_select(r, s);
    return 0;
}

const struct sov_prune_method sov_prune_method_magnitude = {
    .name = "magnitude",
    .about = "the smallest weights",
    .room = room,
    .rows = rows,
};

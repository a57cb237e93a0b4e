/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wanda.c - what is small and meets small inputs goes
 *
 * Sun, Liu, Bair, Kolter, "A simple and effective pruning approach for large
 * language models" (2023): the score of a weight is its magnitude times the
 * norm of the input that it multiplies, compared within its row.  That norm is
 * what an imatrix holds: the mean of the squares, of which the root is taken
 * here.  Where it is not known (NULL), all inputs are alike.
 */
#include "prune/method.h"

#include <math.h>

/* The roots come behind the scores. */
static size_t
room(size_t n, size_t k)
{
    return (n + 1) * k * sizeof(float);
}

static int
rows(const struct sov_prune_rows *r, void *score, struct sov_err *err)
{
    float *s = score;
    float *root = s + r->n * r->k;

    (void)err;
    for (size_t j = 0; j < r->k; j++)
        root[j] = r->square != NULL ? sqrtf(r->square[j]) : 1;
    for (size_t i = 0; i < r->n; i++)
        for (size_t j = 0; j < r->k; j++)
            s[i * r->k + j] = fabsf(r->w[i * r->k + j]) * root[j];
    sov_prune_select(r, s);
    return 0;
}

const struct sov_prune_method sov_prune_method_wanda = {
    .name = "wanda",
    .about = "small weights that meet small inputs",
    .needs = SOV_PRUNE_SQUARES,
    .room = room,
    .rows = rows,
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fn.c - what a feed-forward does to its numbers
 *
 * All of it comes down to e^x, which is a kernel's; the rest is elementwise,
 * and the same on every machine.
 */
#include "nn/fn.h"

#define PIECE 256

#define GELU_1   (-1.5957691216057308f) /* -2 sqrt(2 / pi) */
#define GELU_3   (-0.0713548162726009f) /* the same times 0.044715 */
#define CLAMP    7.0f
#define CLAMPED  (-1.702f)

static float
cut(float x)
{
    x = x < CLAMP ? x : CLAMP;
    return x > -CLAMP ? x : -CLAMP;
}

/* One piece: the exponents, e to them, and the quotient. */
static void
piece(const struct sov_kern *k, enum sov_fn fn, float *g, const float *u,
      size_t n)
{
    float t[PIECE];
    size_t i;

    for (i = 0; i < n && fn == SOV_FN_CLAMPED; i++)
        g[i] = g[i] < CLAMP ? g[i] : CLAMP;
    for (i = 0; i < n; i++)
        t[i] = fn == SOV_FN_GELU  ? g[i] * (GELU_1 + GELU_3 * g[i] * g[i])
               : fn == SOV_FN_SILU ? -g[i]
                                   : CLAMPED * g[i];
    k->exp(t, n, 0);
    for (i = 0; i < n; i++)
        g[i] /= 1.0f + t[i];
    for (i = 0; i < n && u != NULL; i++)
        g[i] *= fn == SOV_FN_CLAMPED ? cut(u[i]) + 1.0f : u[i];
}

void
sov_fn_apply(const struct sov_kern *k, enum sov_fn fn, float *g,
             const float *u, size_t n)
{
    size_t i, m;

    if (fn == SOV_FN_SILU && u != NULL) {
        k->silu_mul(g, u, g, n);
        return;
    }
    for (i = 0; i < n; i += m) {
        m = n - i < PIECE ? n - i : PIECE;
        piece(k, fn, g + i, u != NULL ? u + i : NULL, m);
    }
}

void
sov_fn_cap(const struct sov_kern *k, float most, float *x, size_t n)
{
    float t[PIECE];
    float step = 2.0f / most;
    size_t i, j, m;

    for (i = 0; i < n; i += m) {
        m = n - i < PIECE ? n - i : PIECE;
        for (j = 0; j < m; j++)
            t[j] = x[i + j] * step;
        k->exp(t, m, 0);
        for (j = 0; j < m; j++)
            x[i + j] = most - 2.0f * most / (t[j] + 1.0f);
    }
}

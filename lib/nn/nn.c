/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nn.c - room for workers, memory of a pass, norms
 */
#include "nn/nn.h"

#include "base/mem.h"
#include "sov/base.h"

#include <math.h>

#define LINE 64

/* Multiplications, some ten microseconds: less is not worth waking anyone. */
#define SMALL (256 * 1024)

/* Those of a microsecond or two: where threads are awake that is enough. */
#define PIECE (32 * 1024)

int
sov_nn_ready(struct sov_nn *nn, struct sov_err *err)
{
    unsigned want = sov_threads();
    float *scratch;

    if (nn->scratch != NULL && want <= nn->workers)
        return 0;
    if (nn->room > SIZE_MAX / sizeof(float) / want)
        return sov_mem_fail(err);
    scratch = sov_mem_aligned(want, nn->room * sizeof(float));
    if (scratch == NULL)
        return sov_mem_fail(err);
    sov_mem_free_aligned(nn->scratch);
    nn->scratch = scratch;
    nn->workers = want;
    return 0;
}

void
sov_nn_done(struct sov_nn *nn)
{
    sov_mem_free_aligned(nn->scratch);
    nn->scratch = NULL;
    nn->workers = 0;
}

size_t
sov_nn_grain(size_t n, uint64_t work)
{
    size_t grain = n / (4 * (size_t)sov_threads());
    uint64_t all;

    if (!__builtin_mul_overflow(n, work, &all) && all < SMALL)
        grain = n;
    return grain > 0 ? grain : 1;
}

size_t
sov_nn_piece(uint64_t work)
{
    return work < PIECE ? (size_t)(PIECE / (work + 1) + 1) : 1;
}

void *
sov_arena_take(struct sov_arena *a, uint64_t n, uint64_t size)
{
    uint64_t at = a->used;
    uint64_t bytes;

    if (__builtin_mul_overflow(n, size, &bytes) ||
        __builtin_add_overflow(bytes, LINE - 1, &bytes) ||
        __builtin_add_overflow(at, bytes / LINE * LINE, &a->used)) {
        a->overflow = true;
        return NULL;
    }
    return a->base != NULL ? a->base + at : NULL;
}

void
sov_rms_norm(const struct sov_kern *k, const float *x, const float *w,
             float eps, float *y, size_t n)
{
    float mean = k->sumsq(x, n) / (float)n;

    k->scale(x, 1.0f / sqrtf(mean + eps), w, y, n);
}

void
sov_layer_norm(const struct sov_kern *k, const float *x, const float *w,
               const float *b, float eps, float *y, size_t n)
{
    float mean = k->sum(x, n) / (float)n;
    float var;
    size_t i;

    for (i = 0; i < n; i++)
        y[i] = x[i] - mean;
    var = k->sumsq(y, n) / (float)n;
    k->scale(y, 1.0f / sqrtf(var + eps), w, y, n);
    if (b != NULL)
        sov_add(b, y, n);
}

void
sov_times(float by, float *x, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++)
        x[i] *= by;
}

void
sov_add(const float *x, float *y, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++)
        y[i] += x[i];
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nn.h - what every layer of a pass shares: kernels, mode, room for workers
 */
#ifndef SOV_NN_NN_H
#define SOV_NN_NN_H

#include "kern/kern.h"
#include "sov/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sov_nn {
    const struct sov_kern *k;
    bool precise;     /* activations stay f32, weights are decoded */
    size_t room;      /* floats that each worker has for itself */
    unsigned workers; /* that have it */
    float *scratch;   /* [workers][room], owned */
    void *share;      /* of all workers, see sov_attn_share() */
};

/* Room for as many workers as there are threads now. */
int sov_nn_ready(struct sov_nn *nn, struct sov_err *err) SOV_MUST_CHECK;
void sov_nn_done(struct sov_nn *nn);

static inline float *
sov_nn_scratch(const struct sov_nn *nn, unsigned worker)
{
    return nn->scratch + worker * nn->room;
}

/*
 * Memory of a pass, cut from one piece: with base NULL the cuts are only
 * counted.  Every cut begins on a cache line.
 */
struct sov_arena {
    unsigned char *base;
    uint64_t used;
    bool overflow;
};

void *sov_arena_take(struct sov_arena *a, uint64_t n, uint64_t size);

/*
 * Items that a thread takes at a time, for n items of about `work`
 * multiplications each: several pieces a thread, since threads are not equally
 * fast; all of them where waking the others costs more than it gains.
 */
size_t sov_nn_grain(size_t n, uint64_t work);

/* Items of about `work` multiplications each that are worth a piece. */
size_t sov_nn_piece(uint64_t work);

/* y = x / rms(x) * w, over n; y may be x */
void sov_rms_norm(const struct sov_kern *k, const float *x, const float *w,
                  float eps, float *y, size_t n);

/* y = (x - mean) / sqrt(variance + eps) * w + b, over n; y may be x, and b
 * NULL */
void sov_layer_norm(const struct sov_kern *k, const float *x, const float *w,
                    const float *b, float eps, float *y, size_t n);

/* y += x */
void sov_add(const float *x, float *y, size_t n);

/* x *= by */
void sov_times(float by, float *x, size_t n);

#endif

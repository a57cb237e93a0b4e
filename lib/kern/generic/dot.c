/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dot.c - integer dot products of rows of blocks, the specification
 */
#include "config.h"

#include "kern/generic/blocks.h"
#include "kern/overlay.h"

#include <math.h>
#include <string.h>

static const struct sov_reader readers[SOV_TYPE_GGUF_MAX] = {
#define READ32(SYM, name, second) \
    [SOV_TYPE_##SYM] = { sov_read_##name, NULL, SOV_SECOND_##second },
#define READ256(SYM, name, second) \
    [SOV_TYPE_##SYM] = { NULL, sov_read_##name, SOV_SECOND_##second },
#include "kern/generic/readers.def"
#undef READ32
#undef READ256
};

const struct sov_reader *
sov_reader(enum sov_type type)
{
    const struct sov_reader *r = &readers[type];

    return r->w32 != NULL || r->w256 != NULL ? r : NULL;
}

static int32_t
sum_of(const int8_t *a, const int8_t *b, int n)
{
    int32_t sum = 0;
    int i;

    for (i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

/* p of block i of a piece, see kern.h */
static float
block_sum(const struct sov_w32 *w, enum sov_second second,
          const struct sov_a32 *a, size_t i)
{
    const int8_t *q = a->q + 32 * i;
    float p;

    if (second == SOV_SECOND_SCALE) {
        p = w->d * a->d[i] * (float)sum_of(w->q, q, 16);
        return p + w->m * a->d[i] * (float)sum_of(w->q + 16, q + 16, 16);
    }
    p = w->d * a->d[i] * (float)sum_of(w->q, q, 32);
    return second == SOV_SECOND_MIN ? p + w->m * a->s[i] : p;
}

/* Up to eight blocks of weights with those of activations. */
static float
eight_sum(const struct sov_w32 *w, size_t n, enum sov_second second,
          const struct sov_a32 *a)
{
    float p[8] = { 0 };
    size_t b;

    for (b = 0; b < n; b++)
        p[b] = block_sum(&w[b], second, a, b);
    return ((p[0] + p[1]) + (p[2] + p[3])) + ((p[4] + p[5]) + (p[6] + p[7]));
}

static void
dot_a32(enum sov_type type, const unsigned char *row, const unsigned char *act,
        size_t act_stride, size_t n_cols, size_t n, float *y, size_t y_stride)
{
    const struct sov_type_info *info = sov_type_info(type);
    const struct sov_reader *r = &readers[type];
    size_t i, b, c;

    for (c = 0; c < n_cols; c++)
        y[c * y_stride] = 0;
    for (i = 0; i < n; i += 256) {
        struct sov_w32 w[8];
        size_t n_blocks = n - i < 256 ? (n - i) / 32 : 8;

        for (b = 0; b < n_blocks; b += info->block / 32, row += info->bytes)
            r->w32(row, &w[b]);
        for (c = 0; c < n_cols; c++) {
            const struct sov_a32 *a = (const void *)(act + c * act_stride);

            y[c * y_stride] += eight_sum(w, n_blocks, r->second, a + i / 256);
        }
    }
}

static int32_t
super_sum(const struct sov_w256 *w, const struct sov_a256 *a)
{
    int32_t sum = 0;
    int j;

    for (j = 0; j < 16; j++)
        sum += w->sc[j] * sum_of(w->q + 16 * j, a->q + 16 * j, 16);
    return sum;
}

static int32_t
min_sum(const struct sov_w256 *w, const struct sov_a256 *a)
{
    int32_t sum = 0;
    int j;

    for (j = 0; j < 16; j++)
        sum += w->m[j] * a->sum[j];
    return sum;
}

static void
dot_a256(enum sov_type type, const unsigned char *row, const unsigned char *act,
         size_t act_stride, size_t n_cols, size_t n, float *y, size_t y_stride)
{
    size_t bytes = sov_type_info(type)->bytes;
    const struct sov_reader *r = &readers[type];
    size_t i, c;

    for (c = 0; c < n_cols; c++)
        y[c * y_stride] = 0;
    for (i = 0; i < n; i += 256, row += bytes) {
        struct sov_w256 w;

        r->w256(row, &w);
        for (c = 0; c < n_cols; c++) {
            const struct sov_a256 *a =
                (const struct sov_a256 *)(const void *)(act + c * act_stride) +
                i / 256;
            float *acc = y + c * y_stride;

            *acc = fmaf(w.d * a->d, (float)super_sum(&w, a), *acc);
            if (r->second == SOV_SECOND_MIN)
                *acc = fmaf(-(w.dmin * a->d), (float)min_sum(&w, a), *acc);
        }
    }
}

#define DOT(SYM, name, kind)                                                   \
    static void dot_##name(const void *w, size_t w_stride, size_t n_w,         \
                           const void *act, size_t act_stride, size_t n_cols,  \
                           size_t n, float *y, size_t y_stride)                \
    {                                                                          \
        const unsigned char *row = w;                                          \
                                                                               \
        for (size_t i = 0; i < n_w; i++, row += w_stride)                      \
            dot_##kind(SOV_TYPE_##SYM, row, act, act_stride, n_cols, n, y + i, \
                       y_stride);                                              \
    }
#define READ32(SYM, name, second)  DOT(SYM, name, a32)
#define READ256(SYM, name, second) DOT(SYM, name, a256)
#include "kern/generic/readers.def"
#undef READ32
#undef READ256

void
sov_kern_generic_dot(struct sov_kern *k)
{
    k->act_of[SOV_TYPE_F16] = SOV_ACT_HALF;
#define READ32(SYM, name, second)        \
    k->dot[SOV_TYPE_##SYM] = dot_##name; \
    k->act_of[SOV_TYPE_##SYM] = SOV_ACT_A32;
#define READ256(SYM, name, second)       \
    k->dot[SOV_TYPE_##SYM] = dot_##name; \
    k->act_of[SOV_TYPE_##SYM] = SOV_ACT_A256;
#include "kern/generic/readers.def"
#undef READ32
#undef READ256
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outer.c - sums of outer products over tokens, NEON
 *
 * Four rows of one panel at a time: 16 sums, and a load of four rows serves
 * them all.
 */
#include "config.h"

#include "kern/overlay.h"

#include <arm_neon.h>

#define INLINE static inline __attribute__((always_inline))

#define ROWS 4

INLINE void
row(float32x4_t s[4], const float32x4_t v[4], float x)
{
    int h;

    for (h = 0; h < 4; h++)
        s[h] = vfmaq_n_f32(s[h], v[h], x);
}

INLINE void
tile(const float *a, const float *b, size_t n, float *y, size_t y_stride)
{
    float32x4_t s[ROWS][4];
    size_t t;
    int i, h;

    for (i = 0; i < ROWS; i++)
        for (h = 0; h < 4; h++)
            s[i][h] = vdupq_n_f32(0);
    for (t = 0; t < n; t++) {
        float32x4_t v[4];

        for (h = 0; h < 4; h++)
            v[h] = vld1q_f32(b + 16 * t + 4 * (size_t)h);
        for (i = 0; i < ROWS; i++)
            row(s[i], v, a[16 * t + (size_t)i]);
    }
    for (i = 0; i < ROWS; i++)
        for (h = 0; h < 4; h++) {
            float *to = y + (size_t)i * y_stride + 4 * h;

            vst1q_f32(to, vaddq_f32(vld1q_f32(to), s[i][h]));
        }
}

static void
outer(const float *a, const float *b, size_t b_stride, size_t n_b, size_t n,
      float *y, size_t y_stride)
{
    size_t p, i;

    for (p = 0; p < n_b; p++)
        for (i = 0; i < 16; i += ROWS)
            tile(a + i, b + p * b_stride, n, y + i * y_stride + 16 * p,
                 y_stride);
}

void
sov_kern_neon_outer(struct sov_kern *k)
{
    k->outer = outer;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * act.c - activations as integers, NEON
 */
#include "config.h"

#include "kern/overlay.h"
#include "tensor/half.h"

#include <arm_neon.h>
#include <string.h>

/* Largest |x| of n, a multiple of 16, as bits compare. */
static float
amax(const float *x, size_t n)
{
    uint32x4_t m[4] = { vdupq_n_u32(0), vdupq_n_u32(0), vdupq_n_u32(0),
                        vdupq_n_u32(0) };
    size_t i;
    int j;

    for (i = 0; i < n; i += 16)
        for (j = 0; j < 4; j++)
            m[j] = vmaxq_u32(m[j], vreinterpretq_u32_f32(
                                       vabsq_f32(vld1q_f32(x + i + 4 * j))));
    m[0] = vmaxq_u32(vmaxq_u32(m[0], m[1]), vmaxq_u32(m[2], m[3]));
    return sov_f32_from_bits(vmaxvq_u32(m[0]));
}

/* Four numbers in units of d, cut and rounded.  Of a number and a NaN, which
 * a division makes quiet, the instructions give the number. */
static int32x4_t
unit4(const float *x, float32x4_t d)
{
    float32x4_t v = vdivq_f32(vld1q_f32(x), d);

    v = vmaxnmq_f32(v, vdupq_n_f32(-127.0f));
    v = vminnmq_f32(v, vdupq_n_f32(127.0f));
    return vcvtnq_s32_f32(v);
}

/* Sixteen numbers in units of d, not 0. */
static int8x16_t
unit16(const float *x, float32x4_t d)
{
    int16x8_t a =
        vcombine_s16(vmovn_s32(unit4(x, d)), vmovn_s32(unit4(x + 4, d)));
    int16x8_t b =
        vcombine_s16(vmovn_s32(unit4(x + 8, d)), vmovn_s32(unit4(x + 12, d)));

    return vcombine_s8(vmovn_s16(a), vmovn_s16(b));
}

/* ... into q; their sum */
static int32_t
sum16(const float *x, float d, int8_t *q)
{
    int8x16_t v = unit16(x, vdupq_n_f32(d));

    vst1q_s8(q, v);
    return vaddlvq_s8(v);
}

static void
to_a32(const float *x, struct sov_a32 *a, size_t n)
{
    size_t i, b;

    for (i = 0; i < n; i += 256, a++) {
        if (n - i < 256)
            memset(a, 0, sizeof(*a));
        for (b = 0; b < 8 && i + 32 * b < n; b++) {
            const float *p = x + i + 32 * b;
            int8_t *q = a->q + 32 * b;
            float d = amax(p, 32) / 127.0f;

            a->sum[b] = 0;
            if (d != 0)
                a->sum[b] = sum16(p, d, q) + sum16(p + 16, d, q + 16);
            else
                memset(q, 0, 32);
            a->d[b] = sov_f32_round11(d);
            a->s[b] = sov_f32_round11(d * (float)a->sum[b]);
            a->lift[b] = -128 * a->sum[b];
        }
    }
}

static void
to_a256(const float *x, struct sov_a256 *a, size_t n)
{
    size_t i;
    int b;

    for (i = 0; i < n; i += 256, a++) {
        float d = amax(x + i, 256) / 127.0f;

        if (d == 0) {
            memset(a, 0, sizeof(*a));
            continue;
        }
        a->d = d;
        memset(a->zero, 0, sizeof(a->zero));
        for (b = 0; b < 16; b++)
            a->sum[b] = (int16_t)sum16(x + i + 16 * b, d, a->q + 16 * b);
        for (b = 0; b < 8; b++)
            a->sum32[b] = (int16_t)(a->sum[2 * b] + a->sum[2 * b + 1]);
    }
}

/* The last numbers go with zeros behind them. */
static float
to_s8(const float *x, int8_t *q, size_t n)
{
    size_t whole = n / 16 * 16;
    float rest[16] = { 0 };
    int8_t bytes[16];
    float d, d_rest;
    size_t i;

    memcpy(rest, x + whole, (n - whole) * sizeof(*x));
    d = amax(x, whole);
    d_rest = amax(rest, 16);
    d = sov_f32_bits(d) > sov_f32_bits(d_rest) ? d : d_rest;
    d /= 127.0f;
    if (d == 0) {
        memset(q, 0, n);
        return 0;
    }
    for (i = 0; i < whole; i += 16)
        vst1q_s8(q + i, unit16(x + i, vdupq_n_f32(d)));
    vst1q_s8(bytes, unit16(rest, vdupq_n_f32(d)));
    memcpy(q + whole, bytes, n - whole);
    return d;
}

void
sov_kern_neon_act(struct sov_kern *k)
{
    k->to_a32 = to_a32;
    k->to_a256 = to_a256;
    k->to_s8 = to_s8;
}

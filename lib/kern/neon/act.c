/* SPDX-License-Identifier: Apache-2.0 */
/*
 * act.c - activations as integers, NEON
 */
#include "config.h"

#include "kern/act.h"
#include "kern/overlay.h"

#include <arm_neon.h>
#include <string.h>

/* Largest |x| of n, a multiple of 16, as bits. */
static uint32_t
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
    return vmaxvq_u32(m[0]);
}

static float
unit_of(uint32_t most)
{
    return sov_f32_from_bits(most) / 127.0f;
}

/* Four numbers times a factor in units of d, cut and rounded.  Of a number and a NaN, which
 * a division makes quiet, the instructions give the number. */
static int32x4_t
unit4(const float *x, float factor, float32x4_t d)
{
    float32x4_t v = vdivq_f32(vmulq_n_f32(vld1q_f32(x), factor), d);

    v = vmaxnmq_f32(v, vdupq_n_f32(-127.0f));
    v = vminnmq_f32(v, vdupq_n_f32(127.0f));
    return vcvtnq_s32_f32(v);
}

/* Sixteen numbers times a factor in units of d, not 0. */
static int8x16_t
unit16(const float *x, float factor, float32x4_t d)
{
    int16x8_t a = vcombine_s16(vmovn_s32(unit4(x, factor, d)),
                               vmovn_s32(unit4(x + 4, factor, d)));
    int16x8_t b = vcombine_s16(vmovn_s32(unit4(x + 8, factor, d)),
                               vmovn_s32(unit4(x + 12, factor, d)));

    return vcombine_s8(vmovn_s16(a), vmovn_s16(b));
}

/* ... into q; their sum */
static int32_t
sum16(const float *x, float factor, float d, int8_t *q)
{
    int8x16_t v = unit16(x, factor, vdupq_n_f32(d));

    vst1q_s8(q, v);
    return vaddlvq_s8(v);
}

/* Up to eight blocks. */
static void
piece_a32(const float *x, struct sov_a32 *a, size_t n)
{
    uint32_t most = amax(x, n);
    float d = unit_of(most);
    size_t b;

    if (n < 256 || d == 0)
        memset(a, 0, sizeof(*a));
    if (d == 0)
        return;
    for (b = 0; b < n / 32; b++, x += 32) {
        uint32_t k = sov_a32_doublings(most, amax(x, 32));
        float f = sov_a32_factor(k);
        int8_t *q = a->q + 32 * b;

        sov_a32_block(a, b, k, sum16(x, f, d, q) + sum16(x + 16, f, d, q + 16));
    }
    sov_a32_piece(a, d);
}

static void
to_a32(const float *x, struct sov_a32 *a, size_t n)
{
    size_t i;

    for (i = 0; i < n; i += 256, a++)
        piece_a32(x + i, a, n - i < 256 ? n - i : 256);
}

static void
to_a256(const float *x, struct sov_a256 *a, size_t n)
{
    size_t i;
    int b;

    for (i = 0; i < n; i += 256, a++) {
        float d = unit_of(amax(x + i, 256));

        if (d == 0) {
            memset(a, 0, sizeof(*a));
            continue;
        }
        a->d = d;
        memset(a->zero, 0, sizeof(a->zero));
        for (b = 0; b < 16; b++)
            a->sum[b] = (int16_t)sum16(x + i + 16 * b, 1, d, a->q + 16 * b);
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
    uint32_t most, most_rest;
    float d;
    size_t i;

    memcpy(rest, x + whole, (n - whole) * sizeof(*x));
    most = amax(x, whole);
    most_rest = amax(rest, 16);
    d = unit_of(most > most_rest ? most : most_rest);
    if (d == 0) {
        memset(q, 0, n);
        return 0;
    }
    for (i = 0; i < whole; i += 16)
        vst1q_s8(q + i, unit16(x + i, 1, vdupq_n_f32(d)));
    vst1q_s8(bytes, unit16(rest, 1, vdupq_n_f32(d)));
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

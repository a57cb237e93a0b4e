/* SPDX-License-Identifier: Apache-2.0 */
/*
 * codec.c - numbers of sixteen bits, NEON
 *
 * What quantizes is left to the generic codecs: their sixteen lanes are NEON
 * registers already, since every compiler for AArch64 has these.
 */
#include "config.h"

#include "base/le.h"
#include "kern/overlay.h"
#include "tensor/half.h"

#include <arm_neon.h>

/* The instruction makes signalling NaN quiet, sov_f16_to_f32 does not: those
 * few go the long way. */
static void
decode_f16(const void *blocks, float *y, size_t n)
{
    const uint8_t *p = blocks;
    size_t i = 0;

    for (; i + 4 <= n; i += 4) {
        uint16x4_t h = vreinterpret_u16_u8(vld1_u8(p + 2 * i));
        float32x4_t v = vcvt_f32_f16(vreinterpret_f16_u16(h));

        if (vminvq_u32(vceqq_f32(v, v)) != 0)
            vst1q_f32(y + i, v);
        else
            for (size_t j = i; j < i + 4; j++)
                y[j] = sov_f16_to_f32(sov_le16(p + 2 * j));
    }
    for (; i < n; i++)
        y[i] = sov_f16_to_f32(sov_le16(p + 2 * i));
}

static void
encode_f16(const float *x, const float *imp, void *blocks, size_t n, int effort)
{
    uint8_t *p = blocks;
    size_t i = 0;

    (void)imp;
    (void)effort;
    for (; i + 4 <= n; i += 4) {
        float16x4_t h = vcvt_f16_f32(vld1q_f32(x + i));

        vst1_u8(p + 2 * i, vreinterpret_u8_f16(h));
    }
    for (; i < n; i++)
        sov_put16(p + 2 * i, sov_f32_to_f16(x[i]));
}

static void
decode_bf16(const void *blocks, float *y, size_t n)
{
    const uint8_t *p = blocks;
    size_t i = 0;

    for (; i + 4 <= n; i += 4) {
        uint16x4_t h = vreinterpret_u16_u8(vld1_u8(p + 2 * i));

        vst1q_f32(y + i, vreinterpretq_f32_u32(vshll_n_u16(h, 16)));
    }
    for (; i < n; i++)
        y[i] = sov_bf16_to_f32(sov_le16(p + 2 * i));
}

static void
encode_bf16(const float *x, const float *imp, void *blocks, size_t n,
            int effort)
{
    uint8_t *p = blocks;
    size_t i = 0;

    (void)imp;
    (void)effort;
    for (; i + 4 <= n; i += 4) {
        float32x4_t v = vld1q_f32(x + i);
        uint32x4_t u = vreinterpretq_u32_f32(v);
        uint32x4_t top = vshrq_n_u32(u, 16);
        uint32x4_t odd = vandq_u32(top, vdupq_n_u32(1));
        uint32x4_t r = vaddq_u32(vaddq_u32(u, vdupq_n_u32(0x7fff)), odd);
        uint32x4_t quiet = vorrq_u32(top, vdupq_n_u32(0x40));

        r = vbslq_u32(vceqq_f32(v, v), vshrq_n_u32(r, 16), quiet);
        vst1_u8(p + 2 * i, vreinterpret_u8_u16(vmovn_u32(r)));
    }
    for (; i < n; i++)
        sov_put16(p + 2 * i, sov_f32_to_bf16(x[i]));
}

void
sov_kern_neon_codec(struct sov_kern *k)
{
    k->decode[SOV_TYPE_F16] = decode_f16;
    k->encode[SOV_TYPE_F16] = encode_f16;
    k->decode[SOV_TYPE_BF16] = decode_bf16;
    k->encode[SOV_TYPE_BF16] = encode_bf16;
}

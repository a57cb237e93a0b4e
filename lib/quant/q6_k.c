/* SPDX-License-Identifier: Apache-2.0 */
/*
 * q6_k.c - 6 bits, an 8-bit scale for 16, in super-blocks of 256
 *
 *   u8 ql[128] | u8 qh[64] | i8 scales[16] | f16 d
 *
 * Half h (of 128 weights) has ql[64 h ..] and qh[32 h ..]; for l below 32:
 *   weight l       low(ql[l])        bits 1-0 of qh[l]
 *   weight l + 32  low(ql[l + 32])   bits 3-2
 *   weight l + 64  high(ql[l])       bits 5-4
 *   weight l + 96  high(ql[l + 32])  bits 7-6
 * y = d * scale * (q - 32), scale k for the weights 16 k .. 16 k + 15
 */
#include "quant/apart.h"
#include "quant/codec.h"
#include "quant/encode_k.h"
#include "quant/layout.h"

static void
decode(const void *blocks, float *y, size_t n)
{
    const struct sov_q6_k *b = blocks;

    for (size_t i = 0; i < n / 256; i++, b++) {
        float d = sov_half_at(b->d);

        for (int k = 0; k < 16; k++) {
            int t = k / 2 % 4; /* which 32 of the half */
            int l0 = 16 * (k % 2);
            const uint8_t *ql = b->ql + 64 * (k / 8) + 32 * (t % 2) + l0;
            const uint8_t *qh = b->qh + 32 * (k / 8) + l0;
            float scale = d * (float)(int8_t)b->scales[k];

            for (int l = 0; l < 16; l++) {
                int q = (ql[l] >> (4 * (t / 2)) & 15) | (qh[l] >> (2 * t) & 3)
                                                            << 4;

                *y++ = scale * (float)(q - 32);
            }
        }
    }
}

static void
take(const void *block, struct sov_apart *a)
{
    const struct sov_q6_k *b = block;

    a->d = sov_half_at(b->d);
    a->dmin = 0.0f;
    for (int k = 0; k < 16; k++) {
        int t = k / 2 % 4;
        int l0 = 16 * (k % 2);
        const uint8_t *ql = b->ql + 64 * (k / 8) + 32 * (t % 2) + l0;
        const uint8_t *qh = b->qh + 32 * (k / 8) + l0;

        a->sc[k] = (float)(int8_t)b->scales[k];
        a->mn[k] = 0.0f;
        for (int l = 0; l < 16; l++)
            a->level[16 * k + l] = (int8_t)(((ql[l] >> (4 * (t / 2)) & 15) |
                                             (qh[l] >> (2 * t) & 3) << 4) -
                                            32);
    }
}

static void
put(const struct sov_apart *a, void *block)
{
    struct sov_q6_k *b = block;
    uint8_t q[256];

    sov_put16(b->d, sov_f32_to_f16(a->d));
    for (int k = 0; k < 16; k++)
        b->scales[k] = (uint8_t)(int)a->sc[k];
    sov_apart_whole(a->level, 256, -32, q);
    pack_six(q, b->ql, b->qh);
}

static const struct sov_parts parts = {
    .block = 256,
    .sub = 16,
    .kind = LEVELS_WHOLE,
    .lo = -32.0f,
    .hi = 31.0f,
    .n_fields = 1,
    .sc_lo = -128.0f,
    .sc_hi = 127.0f,
    .take = take,
    .put = put,
};

const struct sov_codec sov_codec_q6_k = { SOV_TYPE_Q6_K, decode, encode_q6_k,
                                          &parts };

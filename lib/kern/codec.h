/* SPDX-License-Identifier: Apache-2.0 */
/*
 * codec.h - decoders and encoders made of sixteen lanes, for any ISA
 *
 * An ISA's codec.c includes its own lane.h and then this, and so gets its own
 * copy of everything here and in quant/encode_*.h, compiled with its flags.
 * Beside the lane operations it brings some for bytes:
 *
 *   v16_load_bytes   sixteen unsigned bytes to floats
 *   v16_load_signed  sixteen signed bytes to floats
 *   v16_load_low     the lower halves of sixteen bytes to floats
 *   v16_load_high    the upper halves
 */
#ifndef SOV_KERN_CODEC_H
#define SOV_KERN_CODEC_H

#include "kern/kern.h"
#include "quant/encode_fp4.h"
#include "quant/encode_grid.h"
#include "quant/encode_k.h"
#include "quant/encode_sparse.h"
#include "quant/encode_t.h"
#include "quant/kscale.h"
#include "quant/layout.h"

/* y[n] = q[n] * d; q holds n unsigned bytes, n a multiple of 16. */
SOV_LANE void
decode_scaled(const uint8_t *q, float bias, float d, float *y, int n)
{
    for (int i = 0; i < n; i += 16) {
        v16 v = v16_sub(v16_load_bytes(q + i), v16_set(bias));

        v16_store(y + i, v16_mul(v16_set(d), v));
    }
}

static void
decode_q4_0(const void *blocks, float *y, size_t n)
{
    const struct sov_q4_0 *b = blocks;
    v16 bias = v16_set(8.0f);

    for (size_t i = 0; i < n / 32; i++, b++, y += 32) {
        v16 d = v16_set(sov_half_at(b->d));

        v16_store(y, v16_mul(d, v16_sub(v16_load_low(b->qs), bias)));
        v16_store(y + 16, v16_mul(d, v16_sub(v16_load_high(b->qs), bias)));
    }
}

static void
decode_q8_0(const void *blocks, float *y, size_t n)
{
    const struct sov_q8_0 *b = blocks;

    for (size_t i = 0; i < n / 32; i++, b++, y += 32) {
        v16 d = v16_set(sov_half_at(b->d));

        v16_store(y, v16_mul(d, v16_load_signed(b->qs)));
        v16_store(y + 16, v16_mul(d, v16_load_signed(b->qs + 16)));
    }
}

/* y[32] = scale * q - min */
SOV_LANE void
decode_kmin(const uint8_t *q, float scale, float min, float *y)
{
    for (int i = 0; i < 32; i += 16) {
        v16 v = v16_mul(v16_set(scale), v16_load_bytes(q + i));

        v16_store(y + i, v16_sub(v, v16_set(min)));
    }
}

static void
decode_q4_k(const void *blocks, float *y, size_t n)
{
    const struct sov_q4_k *b = blocks;
    uint8_t sc[8], mn[8], q[32];

    for (size_t i = 0; i < n / 256; i++, b++) {
        float d = sov_half_at(b->d);
        float dmin = sov_half_at(b->dmin);

        sov_kscale_get(b->scales, sc, mn);
        for (int j = 0; j < 8; j++, y += 32) {
            const uint8_t *qs = b->qs + 32 * (j / 2);

            for (int l = 0; l < 32; l++)
                q[l] = j % 2 == 0 ? qs[l] & 15 : qs[l] >> 4;
            decode_kmin(q, d * (float)sc[j], dmin * (float)mn[j], y);
        }
    }
}

static void
decode_q5_k(const void *blocks, float *y, size_t n)
{
    const struct sov_q5_k *b = blocks;
    uint8_t sc[8], mn[8], q[32];

    for (size_t i = 0; i < n / 256; i++, b++) {
        float d = sov_half_at(b->d);
        float dmin = sov_half_at(b->dmin);

        sov_kscale_get(b->scales, sc, mn);
        for (int j = 0; j < 8; j++, y += 32) {
            const uint8_t *qs = b->qs + 32 * (j / 2);

            for (int l = 0; l < 32; l++)
                q[l] = (uint8_t)((j % 2 == 0 ? qs[l] & 15 : qs[l] >> 4) |
                                 (b->qh[l] >> j & 1) << 4);
            decode_kmin(q, d * (float)sc[j], dmin * (float)mn[j], y);
        }
    }
}

static void
decode_q6_k(const void *blocks, float *y, size_t n)
{
    const struct sov_q6_k *b = blocks;
    uint8_t q[32];

    for (size_t i = 0; i < n / 256; i++, b++) {
        float d = sov_half_at(b->d);

        for (int j = 0; j < 8; j++, y += 32) {
            const uint8_t *ql = b->ql + 64 * (j / 4) + 32 * (j % 2);
            const uint8_t *qh = b->qh + 32 * (j / 4);
            int low = 4 * (j / 2 % 2), high = 2 * (j % 4);

            for (int l = 0; l < 32; l++)
                q[l] =
                    (uint8_t)((ql[l] >> low & 15) | (qh[l] >> high & 3) << 4);
            for (int k = 0; k < 2; k++)
                decode_scaled(q + 16 * k, 32.0f,
                              d * (float)(int8_t)b->scales[2 * j + k],
                              y + 16 * k, 16);
        }
    }
}

/* Little-endian machines only: the bytes are the floats. */
static void
decode_f32(const void *blocks, float *y, size_t n)
{
    memcpy(y, blocks, n * sizeof(float));
}

static void
encode_f32(const float *x, const float *imp, void *blocks, size_t n, int effort)
{
    (void)imp;
    (void)effort;
    memcpy(blocks, x, n * sizeof(float));
}

static inline void
codec_slots(struct sov_kern *k)
{
    k->decode[SOV_TYPE_F32] = decode_f32;
    k->decode[SOV_TYPE_Q4_0] = decode_q4_0;
    k->decode[SOV_TYPE_Q8_0] = decode_q8_0;
    k->decode[SOV_TYPE_Q4_K] = decode_q4_k;
    k->decode[SOV_TYPE_Q5_K] = decode_q5_k;
    k->decode[SOV_TYPE_Q6_K] = decode_q6_k;

    k->encode[SOV_TYPE_F32] = encode_f32;
    k->encode[SOV_TYPE_Q4_0] = encode_q4_0;
    k->encode[SOV_TYPE_Q4_1] = encode_q4_1;
    k->encode[SOV_TYPE_Q5_0] = encode_q5_0;
    k->encode[SOV_TYPE_Q5_1] = encode_q5_1;
    k->encode[SOV_TYPE_Q8_0] = encode_q8_0;
    k->encode[SOV_TYPE_Q1_0] = encode_q1_0;
    k->encode[SOV_TYPE_Q2_0] = encode_q2_0;
    k->encode[SOV_TYPE_Q2_K] = encode_q2_k;
    k->encode[SOV_TYPE_Q3_K] = encode_q3_k;
    k->encode[SOV_TYPE_Q4_K] = encode_q4_k;
    k->encode[SOV_TYPE_Q5_K] = encode_q5_k;
    k->encode[SOV_TYPE_Q6_K] = encode_q6_k;
    k->encode[SOV_TYPE_IQ1_S] = encode_iq1_s;
    k->encode[SOV_TYPE_IQ1_M] = encode_iq1_m;
    k->encode[SOV_TYPE_IQ2_XXS] = encode_iq2_xxs;
    k->encode[SOV_TYPE_IQ2_XS] = encode_iq2_xs;
    k->encode[SOV_TYPE_IQ2_S] = encode_iq2_s;
    k->encode[SOV_TYPE_IQ3_XXS] = encode_iq3_xxs;
    k->encode[SOV_TYPE_IQ3_S] = encode_iq3_s;
    k->encode[SOV_TYPE_IQ4_NL] = encode_iq4_nl;
    k->encode[SOV_TYPE_IQ4_XS] = encode_iq4_xs;
    k->encode[SOV_TYPE_TQ1_0] = encode_tq1_0;
    k->encode[SOV_TYPE_TQ2_0] = encode_tq2_0;
    k->encode[SOV_TYPE_MXFP4] = encode_mxfp4;
    k->encode[SOV_TYPE_NVFP4] = encode_nvfp4;
#define SPARSE(name, SYM, keep, bits) k->encode[SOV_TYPE_##SYM] = encode_##name;
#include "quant/sparse.def"
#undef SPARSE
}

#endif

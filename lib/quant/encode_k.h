/* SPDX-License-Identifier: Apache-2.0 */
/*
 * encode_k.h - encoders of q2_k to q6_k and iq4_xs
 *
 * search_k.h finds the scales of sixteen sub-blocks, which are one super-block
 * or two; each is then rounded with them and packed.
 */
#ifndef SOV_QUANT_ENCODE_K_H
#define SOV_QUANT_ENCODE_K_H

#include "quant/encode_32.h"
#include "quant/kscale.h"
#include "quant/search_k.h"

/* ---- scale and minimum */

/* Super-block b: whole numbers of its weights, its scales and its minima. */
SOV_LANE void
kmin_round(const struct kmin *k, const struct kmin_type *y, int b,
           const float *x, uint8_t q[256], uint8_t *scale, uint8_t *min)
{
    int lanes = 256 / y->n;

    for (int j = 0; j < lanes; j++) {
        float s = k->d[b] * k->scale[lanes * b + j];
        float m = k->dmin[b] * k->min[lanes * b + j];

        scale[j] = (uint8_t)k->scale[lanes * b + j];
        min[j] = (uint8_t)k->min[lanes * b + j];
        round_block(x + y->n * j, y->n, inverse_of(s), m, 0.0f, y->top, 0.0f,
                    q + y->n * j);
    }
}

/* Low halves of sub-blocks 2k and 2k + 1 into bytes 32k. */
SOV_LANE void
pack_low(const uint8_t q[256], uint8_t qs[128])
{
    for (int j = 0; j < 4; j++)
        for (int l = 0; l < 32; l++)
            qs[32 * j + l] =
                (uint8_t)((q[64 * j + l] & 15) | q[64 * j + 32 + l] << 4);
}

/* Two low bits of 256 weights: 32 t + l of each half in bits 2t of byte l. */
SOV_LANE void
pack_pairs(const uint8_t q[256], uint8_t qs[64])
{
    for (int h = 0; h < 2; h++)
        for (int l = 0; l < 32; l++) {
            const uint8_t *p = q + 128 * h + l;

            qs[32 * h + l] = (uint8_t)((p[0] & 3) | (p[32] & 3) << 2 |
                                       (p[64] & 3) << 4 | (p[96] & 3) << 6);
        }
}

static const struct kmin_type kmin_q2_k = { 16, 15.0f, 3.0f, 1.0f };
static const struct kmin_type kmin_q4_k = { 32, 63.0f, 15.0f, 1.0f };
static const struct kmin_type kmin_q5_k = { 32, 63.0f, 31.0f, 1.0f };

SOV_LANE void
put_q2_k(const struct kmin *k, int b, const float *x, void *block)
{
    struct sov_q2_k *out = block;
    uint8_t q[256], scale[16], min[16];

    kmin_round(k, &kmin_q2_k, b, x, q, scale, min);
    sov_put16(out->d, sov_f32_to_f16(k->d[b]));
    sov_put16(out->dmin, sov_f32_to_f16(k->dmin[b]));
    for (int j = 0; j < 16; j++)
        out->scales[j] = (uint8_t)(scale[j] | min[j] << 4);
    pack_pairs(q, out->qs);
}

SOV_LANE void
put_q4_k(const struct kmin *k, int b, const float *x, void *block)
{
    struct sov_q4_k *out = block;
    uint8_t q[256], scale[8], min[8];

    kmin_round(k, &kmin_q4_k, b, x, q, scale, min);
    sov_put16(out->d, sov_f32_to_f16(k->d[b]));
    sov_put16(out->dmin, sov_f32_to_f16(k->dmin[b]));
    sov_kscale_put(out->scales, scale, min);
    pack_low(q, out->qs);
}

SOV_LANE void
put_q5_k(const struct kmin *k, int b, const float *x, void *block)
{
    struct sov_q5_k *out = block;
    uint8_t q[256], scale[8], min[8];

    kmin_round(k, &kmin_q5_k, b, x, q, scale, min);
    sov_put16(out->d, sov_f32_to_f16(k->d[b]));
    sov_put16(out->dmin, sov_f32_to_f16(k->dmin[b]));
    sov_kscale_put(out->scales, scale, min);
    pack_low(q, out->qs);
    memset(out->qh, 0, sizeof(out->qh));
    for (int j = 0; j < 8; j++)
        for (int l = 0; l < 32; l++)
            out->qh[l] |= (uint8_t)(q[32 * j + l] >> 4 << j);
}

/* ---- scale alone */

static const struct ksym_type ksym_q3_k = {
    16, -32.0f, 31.0f, { LEVELS_WHOLE, -4.0f, 3.0f, 3.5f, 0.9f }
};
static const struct ksym_type ksym_q6_k = {
    16, -128.0f, 127.0f, { LEVELS_WHOLE, -32.0f, 31.0f, 31.5f, 0.9f }
};
static const struct ksym_type ksym_iq4_xs = {
    32, -32.0f, 31.0f, { LEVELS_IQ4, -127.0f, 113.0f, 113.0f, 24.0f }
};

SOV_LANE void
put_q3_k(const struct ksym *k, int b, const float *x, void *block)
{
    struct sov_q3_k *out = block;
    uint8_t q[256];

    sov_put16(out->d, sov_f32_to_f16(k->d[b]));
    memset(out->scales, 0, sizeof(out->scales));
    memset(out->hmask, 0, sizeof(out->hmask));
    for (int j = 0; j < 16; j++) {
        sov_kscale_put_q3(out->scales, j, (int)k->scale[j]);
        round_block(x + 16 * j, 16, inverse_of(k->d[b] * k->scale[j]), 0.0f,
                    -4.0f, 3.0f, 4.0f, q + 16 * j);
    }
    for (int j = 0; j < 8; j++)
        for (int l = 0; l < 32; l++)
            out->hmask[l] |= (uint8_t)(q[32 * j + l] >> 2 << j);
    pack_pairs(q, out->qs);
}

/* Low halves and high pairs of bits of 256 weights, as q6_k has them. */
SOV_LANE void
pack_six(const uint8_t q[256], uint8_t ql[128], uint8_t qh[64])
{
    for (int h = 0; h < 2; h++) {
        const uint8_t *p = q + 128 * h;

        for (int l = 0; l < 64; l++)
            ql[64 * h + l] = (uint8_t)((p[l] & 15) | (p[l + 64] & 15) << 4);
        for (int l = 0; l < 32; l++)
            qh[32 * h + l] =
                (uint8_t)(p[l] >> 4 | p[l + 32] >> 4 << 2 |
                          p[l + 64] >> 4 << 4 | p[l + 96] >> 4 << 6);
    }
}

SOV_LANE void
put_q6_k(const struct ksym *k, int b, const float *x, void *block)
{
    struct sov_q6_k *out = block;
    uint8_t q[256];

    sov_put16(out->d, sov_f32_to_f16(k->d[b]));
    for (int j = 0; j < 16; j++) {
        out->scales[j] = (uint8_t)(int)k->scale[j];
        round_block(x + 16 * j, 16, inverse_of(k->d[b] * k->scale[j]), 0.0f,
                    -32.0f, 31.0f, 32.0f, q + 16 * j);
    }
    pack_six(q, out->ql, out->qh);
}

SOV_LANE void
put_iq4_xs(const struct ksym *k, int b, const float *x, void *block)
{
    struct sov_iq4_xs *out = block;
    uint8_t q[32];
    int high = 0;

    sov_put16(out->d, sov_f32_to_f16(k->d[b]));
    memset(out->scales_l, 0, sizeof(out->scales_l));
    for (int j = 0; j < 8; j++) {
        float scale = k->scale[8 * b + j];
        int stored = (int)scale + 32;

        out->scales_l[j / 2] |= (uint8_t)((stored & 15) << (4 * (j % 2)));
        high |= stored >> 4 << (2 * j);
        index_block(x + 32 * j, 32, inverse_of(k->d[b] * scale), levels_iq4, q);
        pack_nibbles(q, out->qs + 16 * j);
    }
    sov_put16(out->scales_h, (uint16_t)high);
}

/* ---- rows, here and in encode_grid.h */

/* A row of one type: kind_search finds the scales of sixteen sub-blocks, and
 * put_name packs one super-block. */
#define ENCODE_K(name, SYM, kind)                                             \
    static inline void encode_##name(const float *x, const float *imp,        \
                                     void *blocks, size_t n, int effort)      \
    {                                                                         \
        const size_t group = 16 * (size_t)kind##_##name.n;                    \
        float spare_x[512], spare_imp[512];                                   \
        uint8_t *out = blocks;                                                \
        struct kind k;                                                        \
                                                                              \
        for (size_t i = 0; i < n; i += group) {                               \
            size_t left = n - i < group ? n - i : group;                      \
            const float *px = whole_group(x + i, left, group, spare_x);       \
            const float *pi = whole_group(imp == NULL ? NULL : imp + i, left, \
                                          group, spare_imp);                  \
                                                                              \
            kind##_search(px, pi, &kind##_##name, effort, &k);                \
            for (int b = 0; b < (int)(left / 256); b++) {                     \
                put_##name(&k, b, px + 256 * b, out);                         \
                out += SOV_BYTES_##SYM;                                       \
            }                                                                 \
        }                                                                     \
    }

ENCODE_K(q2_k, Q2_K, kmin)
ENCODE_K(q3_k, Q3_K, ksym)
ENCODE_K(q4_k, Q4_K, kmin)
ENCODE_K(q5_k, Q5_K, kmin)
ENCODE_K(q6_k, Q6_K, ksym)
ENCODE_K(iq4_xs, IQ4_XS, ksym)

#endif

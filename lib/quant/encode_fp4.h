/* SPDX-License-Identifier: Apache-2.0 */
/*
 * encode_fp4.h - encoders of mxfp4 and nvfp4: 4-bit floats, 8-bit scales
 *
 * There are so few scales that each near one that just holds the largest
 * weight is tried, sixteen blocks (mxfp4) or sub-blocks (nvfp4) side by side.
 */
#ifndef SOV_QUANT_ENCODE_FP4_H
#define SOV_QUANT_ENCODE_FP4_H

#include "quant/encode_32.h"

/* ---- mxfp4 */

/*
 * A power of two may be out of range by itself where its product with a weight
 * is not, so it is two factors.
 */
SOV_LANE void
power_of_two(int k, float *a, float *b)
{
    int half = k / 2;

    *a = sov_f32_from_bits((uint32_t)(127 + half) << 23);
    *b = sov_f32_from_bits((uint32_t)(127 + k - half) << 23);
}

/* The exponent of a positive number; the least for 0. */
SOV_LANE int
exponent_of(float x)
{
    int shift = x < 0x1p-100f ? 64 : 0;

    x *= shift != 0 ? 0x1p64f : 1.0f;
    return (int)(sov_f32_bits(x) >> 23 & 255) - 127 - shift;
}

/*
 * The exponent bytes of sixteen blocks.  The tile is brought to a largest
 * weight from 1 to 2, which is then put at 8 .. 16 of the 12 that there are
 * with step 0, at half with step 1 and so on.  With the byte 252 the largest
 * value still is a finite float.
 */
SOV_LANE void
mxfp4_exponents(const float *x, const float *imp, int effort, int e[16])
{
    static const int8_t steps[4] = { 0, 1, -1, 2 };
    int count = effort < 3 ? 2 : effort < 7 ? 3 : 4;
    float extreme[16], fa[16], fb[16], kept[16];
    v16 best = v16_set(0.0f), least = v16_set(3e38f);
    struct tile t;

    t.n = 32;
    tile_load(t.x, x, 32);
    v16_store(extreme, v16_abs(tile_extreme(&t)));
    for (int l = 0; l < 16; l++) {
        e[l] = exponent_of(extreme[l]);
        power_of_two(-e[l], &fa[l], &fb[l]);
    }
    for (int i = 0; i < 32; i++)
        t.x[i] = v16_mul(v16_mul(t.x[i], v16_load(fa)), v16_load(fb));
    tile_weigh(&t, imp, tile_mean_square(&t));
    tile_sum(&t);
    for (int c = 0; c < count; c++) {
        v16 s =
            v16_set(steps[c] < 0 ? 0.0625f : 0.125f * (float)(1 << steps[c]));
        struct sums r = sym_pass(&t, v16_inverse(s), levels_fp4);
        v16 error = sym_error(&t, &r, s);
        m16 better = v16_less(error, least);

        least = v16_pick(better, error, least);
        best = v16_pick(better, v16_set((float)steps[c]), best);
    }
    v16_store(kept, best);
    for (int l = 0; l < 16; l++) {
        e[l] += (int)kept[l] - 3 + 128;
        e[l] = e[l] < 0 ? 0 : e[l] > 252 ? 252 : e[l];
    }
}

static inline void
encode_mxfp4(const float *x, const float *imp, void *blocks, size_t n,
             int effort)
{
    float spare_x[512], spare_imp[512], scaled[32];
    struct sov_mxfp4 *b = blocks;
    uint8_t q[32];
    int e[16];

    for (size_t i = 0; i < n; i += 512) {
        size_t left = n - i < 512 ? n - i : 512;
        const float *px = whole_group(x + i, left, 512, spare_x);
        const float *pi = imp == NULL ? NULL : imp + i;

        mxfp4_exponents(px, whole_group(pi, left, 512, spare_imp), effort, e);
        for (size_t l = 0; l < left / 32; l++, b++, px += 32) {
            float fa, fb;

            power_of_two(128 - e[l], &fa, &fb);
            for (int j = 0; j < 32; j++)
                scaled[j] = px[j] * fa * fb;
            b->e[0] = (uint8_t)e[l];
            index_block(scaled, 32, 1.0f, levels_fp4, q);
            pack_nibbles(q, b->qs);
        }
    }
}

/* ---- nvfp4 */

/* Half of the value of a scale byte, see nvfp4.c. */
SOV_LANE float
nvfp4_scale(int code)
{
    uint32_t exponent = (uint32_t)code >> 3;
    uint32_t mantissa = (uint32_t)code & 7;

    if (exponent == 0)
        return (float)mantissa * 0x1p-10f;
    return sov_f32_from_bits((exponent + 127 - 8) << 23 | mantissa << 20);
}

/* The largest byte whose half is at most s. */
SOV_LANE int
nvfp4_code(float s)
{
    if (!(s < 224.0f))
        return 126;
    if (s < 0x1p-7f)
        return (int)(s * 0x1p10f);
    return (int)(sov_f32_bits(s) >> 20) - ((127 - 8) << 3);
}

/*
 * The scale bytes of sixteen sub-blocks.  Steps are of 1/16 to 1/8: the
 * largest weight at 12 down to 8, which saves the one at 10, and some cut.
 */
SOV_LANE void
nvfp4_scales(const float *x, const float *imp, int effort, int code[16],
             float scale[16])
{
    static const int8_t steps[14] = { 0, 1, 5,  6,  2, -1, 4,
                                      7, 3, -2, -3, 8, -4, 9 };
    static const uint8_t counts[9] = { 2, 4, 6, 8, 10, 11, 12, 13, 14 };
    int count = counts[effort < 1 ? 0 : effort > 9 ? 8 : effort - 1];
    v16 best = v16_set(0.0f), least = v16_set(3e38f);
    float extreme[16], kept[16];
    struct tile t;

    t.n = 16;
    tile_load(t.x, x, 16);
    tile_weigh(&t, imp, tile_mean_square(&t));
    tile_sum(&t);
    v16_store(extreme, v16_abs(tile_extreme(&t)));
    for (int l = 0; l < 16; l++)
        code[l] = nvfp4_code(extreme[l] / 12.0f);
    for (int c = 0; c < count; c++) {
        v16 s, error;
        struct sums r;
        m16 better;

        for (int l = 0; l < 16; l++) {
            int k = code[l] + steps[c];

            scale[l] = nvfp4_scale(k < 0 ? 0 : k > 126 ? 126 : k);
        }
        s = v16_load(scale);
        r = sym_pass(&t, v16_inverse(s), levels_fp4);
        error = sym_error(&t, &r, s);
        better = v16_less(error, least);
        least = v16_pick(better, error, least);
        best = v16_pick(better, v16_set((float)steps[c]), best);
    }
    v16_store(kept, best);
    for (int l = 0; l < 16; l++) {
        int k = code[l] + (int)kept[l];

        code[l] = k < 0 ? 0 : k > 126 ? 126 : k;
        scale[l] = nvfp4_scale(code[l]);
    }
}

static inline void
encode_nvfp4(const float *x, const float *imp, void *blocks, size_t n,
             int effort)
{
    float spare_x[256], spare_imp[256], scale[16];
    struct sov_nvfp4 *b = blocks;
    uint8_t q[16];
    int code[16];

    for (size_t i = 0; i < n; i += 256) {
        size_t left = n - i < 256 ? n - i : 256;
        const float *px = whole_group(x + i, left, 256, spare_x);
        const float *pi = imp == NULL ? NULL : imp + i;

        nvfp4_scales(px, whole_group(pi, left, 256, spare_imp), effort, code,
                     scale);
        for (size_t l = 0; l < left / 16; l++, px += 16) {
            uint8_t *qs = b->qs + 8 * (l % 4);

            b->d[l % 4] = (uint8_t)code[l];
            index_block(px, 16, inverse_of(scale[l]), levels_fp4, q);
            for (int j = 0; j < 8; j++)
                qs[j] = (uint8_t)(q[j] | q[j + 8] << 4);
            b += l % 4 == 3;
        }
    }
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * iq4_xs.c - as iq4_nl.c, a 6-bit scale for 32, in super-blocks of 256
 *
 *   f16 d | u16 scales_h | u8 scales_l[4] | u8 qs[128]
 *
 * Sub-block k: scale less 32, low four bits in the low (k even) or high half
 * of scales_l[k / 2], high two in bits 2k, 2k + 1 of scales_h; 16 bytes of qs.
 * y = d * scale * table[q]
 */
#include "quant/apart.h"
#include "quant/codec.h"
#include "quant/encode_k.h"
#include "quant/grids.h"
#include "quant/layout.h"

static void
decode(const void *blocks, float *y, size_t n)
{
    const struct sov_iq4_xs *b = blocks;

    for (size_t i = 0; i < n / 256; i++, b++) {
        float d = sov_half_at(b->d);
        int scales_h = sov_le16(b->scales_h);

        for (int k = 0; k < 8; k++, y += 32) {
            int low = b->scales_l[k / 2] >> (4 * (k % 2)) & 15;
            int high = scales_h >> (2 * k) & 3;
            float scale = d * (float)((low | high << 4) - 32);
            const uint8_t *qs = b->qs + 16 * k;

            for (int j = 0; j < 16; j++) {
                y[j] = scale * (float)sov_grid_iq4nl[qs[j] & 15];
                y[j + 16] = scale * (float)sov_grid_iq4nl[qs[j] >> 4];
            }
        }
    }
}

static void
take(const void *block, struct sov_apart *a)
{
    const struct sov_iq4_xs *b = block;
    int scales_h = sov_le16(b->scales_h);

    a->d = sov_half_at(b->d);
    a->dmin = 0.0f;
    for (int k = 0; k < 8; k++) {
        int low = b->scales_l[k / 2] >> (4 * (k % 2)) & 15;
        int high = scales_h >> (2 * k) & 3;
        const uint8_t *qs = b->qs + 16 * k;

        a->sc[k] = (float)((low | high << 4) - 32);
        a->mn[k] = 0.0f;
        for (int j = 0; j < 16; j++) {
            a->level[32 * k + j] = sov_grid_iq4nl[qs[j] & 15];
            a->level[32 * k + j + 16] = sov_grid_iq4nl[qs[j] >> 4];
        }
    }
}

static void
put(const struct sov_apart *a, void *block)
{
    struct sov_iq4_xs *b = block;
    uint8_t q[32];
    int high = 0;

    sov_put16(b->d, sov_f32_to_f16(a->d));
    memset(b->scales_l, 0, sizeof(b->scales_l));
    for (int k = 0; k < 8; k++) {
        int stored = (int)a->sc[k] + 32;

        b->scales_l[k / 2] |= (uint8_t)((stored & 15) << (4 * (k % 2)));
        high |= stored >> 4 << (2 * k);
        sov_apart_table(a->level + 32 * k, 32, sov_grid_iq4nl, q);
        pack_nibbles(q, b->qs + 16 * k);
    }
    sov_put16(b->scales_h, (uint16_t)high);
}

static const struct sov_parts parts = {
    .block = 256,
    .sub = 32,
    .kind = LEVELS_IQ4,
    .lo = -127.0f,
    .hi = 113.0f,
    .n_fields = 1,
    .sc_lo = -32.0f,
    .sc_hi = 31.0f,
    .take = take,
    .put = put,
};

const struct sov_codec sov_codec_iq4_xs = { SOV_TYPE_IQ4_XS, decode,
                                            encode_iq4_xs, &parts };

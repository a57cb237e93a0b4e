/* SPDX-License-Identifier: Apache-2.0 */
/*
 * encode_t.h - encoders of tq1_0, tq2_0 and q1_0: one scale for many weights
 *
 * Here the lanes are weights of one block.  Ternary weights are 0 where |x| is
 * below half the scale, and for the others the best scale is the mean of
 * |x|, so a search is one over thresholds.  With
 *
 *   A = sum of w |x|, W = sum of w   over the weights above the threshold
 *
 * the best scale is A / W and it takes A^2 / W off the error.  w is the plain
 * importance, see tile_weigh_plain.  Sixteen
 * thresholds at a time leave sixteen rows of partial sums, which are
 * transposed, so that threshold l adds up in lane l, in order.
 */
#ifndef SOV_QUANT_ENCODE_T_H
#define SOV_QUANT_ENCODE_T_H

#include "quant/encode_k.h"

/* Weights of one block, how much each counts, and its size. */
struct ternary {
    v16 x[16];
    v16 w[16];
    v16 size[16];
};

/* A and W of sixteen thresholds, each in its lane. */
SOV_LANE void
ternary_sums(const struct ternary *t, const float limit[16], v16 *a, v16 *w)
{
    float rows_a[256], rows_w[256];
    v16 zero = v16_set(0.0f);
    v16 column[16];

    for (int c = 0; c < 16; c++) {
        v16 sum_a = zero, sum_w = zero;

        for (int i = 0; i < 16; i++) {
            m16 above = v16_less(v16_set(limit[c]), t->size[i]);
            v16 wi = v16_pick(above, t->w[i], zero);

            sum_w = v16_add(sum_w, wi);
            sum_a = v16_add(sum_a, v16_mul(wi, t->size[i]));
        }
        v16_store(rows_a + 16 * c, sum_a);
        v16_store(rows_w + 16 * c, sum_w);
    }
    *a = *w = zero;
    v16_transpose(rows_a, 16, column);
    for (int i = 0; i < 16; i++)
        *a = v16_add(*a, column[i]);
    v16_transpose(rows_w, 16, column);
    for (int i = 0; i < 16; i++)
        *w = v16_add(*w, column[i]);
}

/* The best of the thresholds from * ratio^0 .. ratio^15, and its scale. */
SOV_LANE void
ternary_scan(const struct ternary *t, float from, float ratio, float *limit,
             float *scale, float *gain)
{
    float at[16], scales[16], gains[16];
    v16 a, w, s;

    for (int c = 0; c < 16; c++, from *= ratio)
        at[c] = from;
    ternary_sums(t, at, &a, &w);
    s = v16_mul(a, v16_inverse(w));
    v16_store(scales, s);
    v16_store(gains, v16_mul(s, a));
    for (int c = 0; c < 16; c++) {
        if (!(gains[c] > *gain))
            continue;
        *gain = gains[c];
        *scale = scales[c];
        *limit = at[c];
    }
}

/* Round with the stored scale, fit again, and keep what is best. */
SOV_LANE float
ternary_settle(const struct ternary *t, float scale, int rounds)
{
    struct levels l = { LEVELS_WHOLE, -1.0f, 1.0f, 1.0f, 0.0f };
    float d = to_field_up(scale), best = d, most = -3e38f;

    for (int i = 0; i < rounds; i++) {
        v16 inverse = v16_inverse(v16_set(d));
        v16 qx = v16_set(0.0f), qq = qx;
        float sum_qx, sum_qq, gain;

        for (int j = 0; j < 16; j++) {
            v16 q = nearest_level(l, v16_mul(t->x[j], inverse));
            v16 wq = v16_mul(t->w[j], q);

            qx = v16_add(qx, v16_mul(wq, t->x[j]));
            qq = v16_add(qq, v16_mul(wq, q));
        }
        sum_qx = sum_lanes(qx, 0, 16);
        sum_qq = sum_lanes(qq, 0, 16);
        gain = 2.0f * d * sum_qx - d * d * sum_qq;
        if (gain > most) {
            most = gain;
            best = d;
        }
        d = to_field(sum_qx / sum_qq);
    }
    return best;
}

/* The scale of 256 weights, as stored. */
SOV_LANE float
ternary_scale(const float *x, const float *imp, int effort)
{
    struct effort_32 f = effort_32_of(effort);
    v16 sum = v16_set(0.0f);
    float limit = 0.0f, scale = 0.0f, gain = 0.0f, rms;
    struct ternary t;

    for (int i = 0; i < 16; i++) {
        t.x[i] = v16_load(x + 16 * i);
        t.w[i] = imp == NULL ? v16_set(1.0f) : v16_load(imp + 16 * i);
        t.size[i] = v16_abs(t.x[i]);
        sum = v16_add(sum, v16_mul(t.x[i], t.x[i]));
    }
    rms = sqrtf(sum_lanes(sum, 0, 16) / 256.0f);
    ternary_scan(&t, 0.2f * rms, 1.28f, &limit, &scale, &gain);
    if (effort > 2)
        ternary_scan(&t, limit * 0.8f, 1.03f, &limit, &scale, &gain);
    return ternary_settle(&t, scale, f.rounds);
}

/* Five trits as the fraction of 256 that reading takes apart from the top. */
SOV_LANE uint8_t
pack_trits(const uint8_t *q, int step, int trits)
{
    unsigned number = 0;

    for (int t = 0; t < 5; t++)
        number = 3 * number + (t < trits ? q[t * step] : 0);
    return (uint8_t)((number * 256 + 242) / 243);
}

/* 256 trits, in the order of tq1_0. */
SOV_LANE void
pack_five(const uint8_t q[256], uint8_t qs[48], uint8_t qh[4])
{
    for (int j = 0; j < 32; j++)
        qs[j] = pack_trits(q + j, 32, 5);
    for (int j = 0; j < 16; j++)
        qs[32 + j] = pack_trits(q + 160 + j, 16, 5);
    for (int j = 0; j < 4; j++)
        qh[j] = pack_trits(q + 240 + j, 4, 4);
}

static inline void
encode_tq1_0(const float *x, const float *imp, void *blocks, size_t n,
             int effort)
{
    struct sov_tq1_0 *b = blocks;
    uint8_t q[256];

    for (size_t i = 0; i < n; i += 256, b++) {
        float d = ternary_scale(x + i, imp == NULL ? NULL : imp + i, effort);

        sov_put16(b->d, sov_f32_to_f16(d));
        round_block(x + i, 256, inverse_of(d), 0.0f, -1.0f, 1.0f, 1.0f, q);
        pack_five(q, b->qs, b->qh);
    }
}

static inline void
encode_tq2_0(const float *x, const float *imp, void *blocks, size_t n,
             int effort)
{
    struct sov_tq2_0 *b = blocks;
    uint8_t q[256];

    for (size_t i = 0; i < n; i += 256, b++) {
        float d = ternary_scale(x + i, imp == NULL ? NULL : imp + i, effort);

        sov_put16(b->d, sov_f32_to_f16(d));
        round_block(x + i, 256, inverse_of(d), 0.0f, -1.0f, 1.0f, 1.0f, q);
        pack_pairs(q, b->qs);
    }
}

/* Signs, and the mean size of 128 weights: nothing to search. */
static inline void
encode_q1_0(const float *x, const float *imp, void *blocks, size_t n,
            int effort)
{
    struct sov_q1_0 *b = blocks;

    (void)effort;
    for (size_t i = 0; i < n; i += 128, b++) {
        v16 a = v16_set(0.0f), w = a;

        memset(b->qs, 0, sizeof(b->qs));
        for (size_t j = 0; j < 128; j += 16) {
            v16 wj = imp == NULL ? v16_set(1.0f) : v16_load(imp + i + j);
            v16 xj = v16_load(x + i + j);

            w = v16_add(w, wj);
            a = v16_add(a, v16_mul(wj, v16_abs(xj)));
            for (size_t l = 0; l < 16; l++)
                if (!(x[i + j + l] < 0.0f))
                    b->qs[(j + l) / 8] |= (uint8_t)(1 << l % 8);
        }
        sov_put16(b->d, sov_f32_to_f16(to_field_up(sum_lanes(a, 0, 16) /
                                                   sum_lanes(w, 0, 16))));
    }
}

#endif

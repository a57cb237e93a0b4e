/* SPDX-License-Identifier: Apache-2.0 */
/*
 * encode_32.h - encoders of the types with blocks of 32 or 64 weights
 *
 * Sixteen blocks at a time find their scales side by side (search.h); then
 * each block is rounded and packed by itself.  A last group of fewer blocks is
 * filled up with zeros, which changes nothing in the other lanes.
 */
#ifndef SOV_QUANT_ENCODE_32_H
#define SOV_QUANT_ENCODE_32_H

#include "quant/layout.h"
#include "quant/search.h"

#define GROUP_MAX 1024 /* weights of sixteen blocks */

/* How hard each effort tries: steps of the scale on each side, and rounds of
 * rounding and fitting after them. */
struct effort_32 {
    uint8_t steps, rounds;
};

static const struct effort_32 effort_32[9] = {
    { 1, 1 },  { 3, 1 },  { 5, 2 },  { 7, 2 },  { 9, 2 },
    { 13, 3 }, { 17, 3 }, { 25, 4 }, { 33, 5 },
};

SOV_LANE struct effort_32
effort_32_of(int effort)
{
    return effort_32[effort < 1 ? 0 : effort > 9 ? 8 : effort - 1];
}

/* The scales of sixteen blocks; m only for the affine types. */
struct scales_32 {
    float d[16];
    float m[16];
    float inverse[16]; /* of d; 0 for 0 */
};

/* n floats, filled up with zeros to a group; p itself if it is whole. */
SOV_LANE const float *
whole_group(const float *p, size_t n, size_t group, float *spare)
{
    if (p == NULL || n >= group)
        return p;
    memcpy(spare, p, n * sizeof(float));
    memset(spare + n, 0, (group - n) * sizeof(float));
    return spare;
}

/* 1 / d, 0 for 0: v16_inverse() of one number. */
SOV_LANE float
inverse_of(float d)
{
    return d < 0.0f || d > 0.0f ? 1.0f / d : 0.0f;
}

/* q = (x + m) * by rounded, plus bias, of one block. */
SOV_LANE void
round_block(const float *x, int n, float by, float m, float lo, float hi,
            float bias, uint8_t *q)
{
    v16 inverse = v16_set(by);
    v16 offset = v16_mul(v16_set(m), inverse);

    for (int i = 0; i < n; i += 16) {
        v16 v = v16_add(v16_mul(v16_load(x + i), inverse), offset);

        v = v16_min(v16_max(v, v16_set(lo)), v16_set(hi));
        v16_store_bytes(q + i, v16_add(v16_round(v), v16_set(bias)));
    }
}

/* The numbers of the levels of x * by of one block. */
SOV_LANE void
index_block(const float *x, int n, float by, struct levels l, uint8_t *q)
{
    v16 inverse = v16_set(by);

    for (int i = 0; i < n; i += 16) {
        v16 v = v16_mul(v16_load(x + i), inverse);

        v16_store_bytes(q + i, level_index(l, v));
    }
}

/* Nibbles of weights j and j + 16 share a byte; eight bytes at a time. */
SOV_LANE void
pack_nibbles(const uint8_t *q, uint8_t *qs)
{
    const uint64_t nibbles = 0x0f0f0f0f0f0f0f0f;

    for (int j = 0; j < 16; j += 8) {
        uint64_t low, high;

        memcpy(&low, q + j, 8);
        memcpy(&high, q + j + 16, 8);
        low = (low & nibbles) | (high & nibbles) << 4;
        memcpy(qs + j, &low, 8);
    }
}

/* The fifth bits of 32 weights. */
SOV_LANE uint32_t
fifth_bits(const uint8_t *q)
{
    uint32_t bits = 0;

    for (int j = 0; j < 32; j++)
        bits |= (uint32_t)(q[j] >> 4) << j;
    return bits;
}

/* ---- symmetric: q4_0, q5_0, iq4_nl */

/*
 * No search: the extreme weight is put at the lowest level, as llama-quantize
 * has it.  What effort 1 does where all weights count alike, since it keeps up
 * with the reading of the file.
 */
SOV_LANE void
extreme_scales(const float *x, struct levels l, struct scales_32 *out)
{
    struct tile t;

    t.n = 32;
    tile_load(t.x, x, 32);
    v16_store(out->d,
              v16_to_field_up(v16_mul(tile_extreme(&t), v16_set(1.0f / l.lo))));
    memset(out->m, 0, sizeof(out->m));
}

SOV_LANE void
sym_scales(const float *x, const float *imp, struct levels l, int effort,
           struct scales_32 *out)
{
    struct effort_32 e = effort_32_of(effort);
    struct sums sums;
    struct tile t;
    v16 s;

    if (effort <= 1 && imp == NULL && l.kind == LEVELS_WHOLE) {
        extreme_scales(x, l, out);
        return;
    }
    t.n = 32;
    tile_load(t.x, x, 32);
    tile_weigh(&t, imp, tile_mean_square(&t));
    tile_sum(&t);
    s = sym_search(&t, l, e.steps, &sums);
    v16_store(out->d, sym_settle(&t, l, s, e.rounds));
    memset(out->m, 0, sizeof(out->m));
}

/* ---- very few levels: q2_0 */

/*
 * The extreme weight says little here: it may well be cut to a fraction.  So
 * the scales to try are multiples of the mean size, in both directions.
 */
SOV_LANE void
few_scales(const float *x, const float *imp, struct levels l, int effort,
           struct scales_32 *out)
{
    static const uint8_t counts[9] = { 3, 5, 7, 9, 12, 16, 24, 32, 48 };
    int count = counts[effort < 1 ? 0 : effort > 9 ? 8 : effort - 1];
    v16 mean, best, most = v16_set(0.0f);
    struct tile t;
    float at = 0.5f;

    t.n = 64;
    tile_load(t.x, x, 64);
    mean = v16_sqrt(tile_mean_square(&t));
    tile_weigh_plain(&t, imp);
    tile_sum(&t);
    best = v16_div(tile_extreme(&t), v16_set(l.lo));
    for (int i = 0; i < 2 * count; i++) {
        v16 s = v16_mul(mean, v16_set(i % 2 == 0 ? at : -at));
        struct sums r = sym_pass(&t, v16_inverse(s), l);
        v16 gain;
        m16 better;

        s = v16_div(r.qx, r.qq);
        gain = v16_mul(s, r.qx);
        better = v16_less(most, gain);
        most = v16_pick(better, gain, most);
        best = v16_pick(better, s, best);
        if (i % 2 == 1)
            at += 2.5f / (float)(count - 1);
    }
    v16_store(out->d, sym_settle(&t, l, best, effort_32_of(effort).rounds));
    memset(out->m, 0, sizeof(out->m));
}

/* ---- 8 bits: q8_0 */

/*
 * Steps of about half a percent above and below the scale that just holds the
 * extreme weight.  q stays within -127 .. 127, which readers rely on.
 */
SOV_LANE void
q8_scales(const float *x, const float *imp, int effort, struct scales_32 *out)
{
    static const uint8_t steps[9] = { 1, 2, 3, 4, 6, 8, 11, 16, 24 };
    int count = steps[effort < 1 ? 0 : effort > 9 ? 8 : effort - 1];
    v16 lo = v16_set(-127.0f), hi = v16_set(127.0f);
    v16 base, best, least = v16_set(3e38f);
    struct tile t;

    t.n = 32;
    tile_load(t.x, x, 32);
    if (imp != NULL)
        tile_load(t.w, imp, 32);
    base = v16_div(v16_abs(tile_extreme(&t)), hi);
    best = v16_to_field_up(base);
    for (int c = 0; c < count && count > 1; c++) {
        v16 d = v16_to_field_up(
            v16_mul(base, v16_set(0.9965f + 0.0045f * (float)c)));
        v16 inverse = v16_inverse(d);
        v16 e = v16_set(0.0f);
        m16 better;

        for (int i = 0; i < 32; i++) {
            v16 q = quantize(t.x[i], inverse, lo, hi);
            v16 r = v16_sub(t.x[i], v16_mul(d, q));

            r = v16_mul(r, r);
            e = v16_add(e, imp != NULL ? v16_mul(r, t.w[i]) : r);
        }
        better = v16_less(e, least);
        least = v16_pick(better, e, least);
        best = v16_pick(better, d, best);
    }
    v16_store(out->d, best);
    memset(out->m, 0, sizeof(out->m));
}

/* ---- affine: q4_1, q5_1 */

SOV_LANE void
affine_scales(const float *x, const float *imp, float top, int effort,
              struct scales_32 *out)
{
    struct effort_32 f = effort_32_of(effort);
    v16 hi = v16_set(top);
    v16 s, m, d, dm, least = v16_set(3e38f);
    struct sums sums;
    struct tile t;

    t.n = 32;
    tile_load(t.x, x, 32);
    tile_weigh(&t, imp, tile_mean_square(&t));
    tile_sum(&t);
    affine_search(&t, top, 0, 2 * f.steps, 0.9f, f.rounds, &s, &m, &sums);
    d = s = v16_to_field_up(s);
    dm = m = v16_to_field(m);
    for (int i = 0; i < f.rounds; i++) {
        v16 inverse = v16_inverse(s);
        struct sums r = affine_pass(&t, inverse, v16_mul(m, inverse), hi);
        v16 e = affine_error(&t, &r, s, m);
        m16 better = v16_less(e, least);

        least = v16_pick(better, e, least);
        d = v16_pick(better, s, d);
        dm = v16_pick(better, m, dm);
        affine_fit(&t, &r, 0, &s, &m);
        s = v16_to_field(s);
        m = v16_to_field(m);
    }
    v16_store(out->d, d);
    v16_store(out->m, dm);
}

/* ---- blocks */

SOV_LANE void
put_q4_0(const float *x, float d, float m, float by, void *block)
{
    struct sov_q4_0 *b = block;
    uint8_t q[32];

    (void)m;
    sov_put16(b->d, sov_f32_to_f16(d));
    round_block(x, 32, by, 0.0f, -8.0f, 7.0f, 8.0f, q);
    pack_nibbles(q, b->qs);
}

SOV_LANE void
put_q5_0(const float *x, float d, float m, float by, void *block)
{
    struct sov_q5_0 *b = block;
    uint8_t q[32];

    (void)m;
    sov_put16(b->d, sov_f32_to_f16(d));
    round_block(x, 32, by, 0.0f, -16.0f, 15.0f, 16.0f, q);
    sov_put32(b->qh, fifth_bits(q));
    pack_nibbles(q, b->qs);
}

SOV_LANE void
put_iq4_nl(const float *x, float d, float m, float by, void *block)
{
    struct sov_iq4_nl *b = block;
    uint8_t q[32];

    (void)m;
    sov_put16(b->d, sov_f32_to_f16(d));
    index_block(x, 32, by, levels_iq4, q);
    pack_nibbles(q, b->qs);
}

SOV_LANE void
put_q8_0(const float *x, float d, float m, float by, void *block)
{
    struct sov_q8_0 *b = block;

    (void)m;
    sov_put16(b->d, sov_f32_to_f16(d));
    round_block(x, 32, by, 0.0f, -127.0f, 127.0f, 0.0f, b->qs);
}

SOV_LANE void
put_q4_1(const float *x, float d, float m, float by, void *block)
{
    struct sov_q4_1 *b = block;
    uint8_t q[32];

    sov_put16(b->d, sov_f32_to_f16(d));
    sov_put16(b->m, sov_f32_to_f16(-m));
    round_block(x, 32, by, m, 0.0f, 15.0f, 0.0f, q);
    pack_nibbles(q, b->qs);
}

SOV_LANE void
put_q5_1(const float *x, float d, float m, float by, void *block)
{
    struct sov_q5_1 *b = block;
    uint8_t q[32];

    sov_put16(b->d, sov_f32_to_f16(d));
    sov_put16(b->m, sov_f32_to_f16(-m));
    round_block(x, 32, by, m, 0.0f, 31.0f, 0.0f, q);
    sov_put32(b->qh, fifth_bits(q));
    pack_nibbles(q, b->qs);
}

/*
 * d turned round: levels -2 to 1 times -d are the -1 to 2 times d of files,
 * for d of both signs.
 */
SOV_LANE void
put_q2_0(const float *x, float d, float m, float by, void *block)
{
    struct sov_q2_0 *b = block;
    uint8_t q[64];

    (void)m;
    sov_put16(b->d, sov_f32_to_f16(-d));
    index_block(x, 64, by, LEVELS_TO(2.0f, 0.9f), q);
    for (int j = 0; j < 16; j++)
        b->qs[j] = (uint8_t)((3 - q[4 * j]) | (3 - q[4 * j + 1]) << 2 |
                             (3 - q[4 * j + 2]) << 4 | (3 - q[4 * j + 3]) << 6);
}

/* A row of one type: SCALES(px, pi, s) finds sixteen, put_name packs one. */
#define ENCODE_32(name, SYM, SCALES)                                          \
    static inline void encode_##name(const float *x, const float *imp,        \
                                     void *blocks, size_t n, int effort)      \
    {                                                                         \
        const size_t block = SOV_BLOCK_##SYM, group = 16 * block;             \
        float spare_x[GROUP_MAX], spare_imp[GROUP_MAX];                       \
        struct scales_32 s;                                                   \
        uint8_t *b = blocks;                                                  \
                                                                              \
        for (size_t i = 0; i < n; i += group) {                               \
            size_t left = n - i < group ? n - i : group;                      \
            const float *px = whole_group(x + i, left, group, spare_x);       \
            const float *pi = whole_group(imp == NULL ? NULL : imp + i, left, \
                                          group, spare_imp);                  \
                                                                              \
            SCALES;                                                           \
            v16_store(s.inverse, v16_inverse(v16_load(s.d)));                 \
            for (size_t l = 0; l < left / block; l++, b += SOV_BYTES_##SYM)   \
                put_##name(px + block * l, s.d[l], s.m[l], s.inverse[l], b);  \
        }                                                                     \
    }

ENCODE_32(q4_0, Q4_0, sym_scales(px, pi, LEVELS_TO(8.0f, 0.9f), effort, &s))
ENCODE_32(q5_0, Q5_0, sym_scales(px, pi, LEVELS_TO(16.0f, 0.9f), effort, &s))
ENCODE_32(iq4_nl, IQ4_NL, sym_scales(px, pi, levels_iq4, effort, &s))
ENCODE_32(q8_0, Q8_0, q8_scales(px, pi, effort, &s))
ENCODE_32(q4_1, Q4_1, affine_scales(px, pi, 15.0f, effort, &s))
ENCODE_32(q5_1, Q5_1, affine_scales(px, pi, 31.0f, effort, &s))
ENCODE_32(q2_0, Q2_0, few_scales(px, pi, LEVELS_TO(2.0f, 0.9f), effort, &s))

#undef ENCODE_32

#endif

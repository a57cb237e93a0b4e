/* SPDX-License-Identifier: Apache-2.0 */
/*
 * encode_sparse.h - encoders of the types that keep some of each 64 weights
 *
 * First which ones: all that are not 0 if they are not more than may be kept,
 * else those with the largest |x| sqrt(importance), which is what Wanda compares
 * (Sun et al. 2023); of equal ones the first.  Parts with fewer are filled up
 * with the first zeros.
 *
 * Then four blocks at a time, that is sixteen parts, find their scales side by
 * side as other types do (search.h): what is kept of a part is a lane.  Blocks
 * whose weights are exactly products of a power of two, a scale and a value,
 * which those of a decoded block are, get these and no others.
 */
#ifndef SOV_QUANT_ENCODE_SPARSE_H
#define SOV_QUANT_ENCODE_SPARSE_H

#include "quant/codec.h"
#include "quant/encode_32.h"
#include "quant/sparse.h"

#include <stdbool.h>

#define SPARSE_LANES 16
#define SPARSE_ROOM  32 /* weights of a lane; zeros behind those kept */

/* Sixteen parts, what they keep put together. */
struct sparse_parts {
    float x[SPARSE_LANES * SPARSE_ROOM];
    float imp[SPARSE_LANES * SPARSE_ROOM];
    uint64_t mask[SPARSE_LANES];
    float d[SPARSE_LANES];  /* of the part's block */
    float sc[SPARSE_LANES]; /* whole */
};

/* What the numbers of a type may be. */
struct sparse_form {
    int keep, bits;
    float sc_max; /* |sc| */
    float lo, hi; /* values */
    int d_max;    /* exponent of the largest d: weights stay below 65504 */
};

#define SPARSE_D_MIN (-24) /* exponent of the smallest half float */

SOV_LANE struct sparse_form
sparse_form_of(int keep, int bits)
{
    if (bits == 4)
        return (struct sparse_form){ keep, bits, 127.0f, -8.0f, 7.0f, 6 };
    return (struct sparse_form){ keep, bits, 15.0f, -127.0f, 127.0f, 5 };
}

/* Weights of a lane in memory: whole sixteens. */
SOV_LANE int
sparse_room(int keep)
{
    return keep <= 16 ? 16 : 32;
}

/* ---- which weights stay */

/* A number that rises with |x|, NaN above all. */
SOV_LANE uint32_t
sparse_size(float x)
{
    return sov_f32_bits(x) & 0x7fffffff;
}

/* The keep largest of 64 sizes, by their bits from the highest on: `sure` are
 * those above what is looked for, `open` those that agree with it so far. */
SOV_LANE_CALL uint64_t
sparse_largest(const uint32_t size[64], int keep)
{
    uint64_t sure = 0, open = ~UINT64_C(0);

    for (int bit = 30; bit >= 0; bit--) {
        uint64_t has = 0;
        int n;

        for (int i = 0; i < 64; i++)
            has |= (uint64_t)(size[i] >> bit & 1) << i;
        has &= open;
        n = __builtin_popcountll(sure | has);
        if (n <= keep)
            sure |= has;
        open = n <= keep ? open & ~has : has;
        if (n == keep)
            return sure;
    }
    for (; __builtin_popcountll(sure) < keep; open &= open - 1)
        sure |= open & (~open + 1);
    return sure;
}

SOV_LANE uint64_t
sparse_mask(const float *x, const float *imp, int keep)
{
    uint32_t size[64];
    uint64_t mask = 0;

    for (int i = 0; i < 64; i++)
        mask |= (uint64_t)(sparse_size(x[i]) != 0) << i;
    if (__builtin_popcountll(mask) > keep) {
        for (int i = 0; i < 64; i++)
            size[i] = sparse_size(imp == NULL ? x[i] : x[i] * sqrtf(imp[i]));
        return sparse_largest(size, keep);
    }
    while (__builtin_popcountll(mask) < keep)
        mask |= ~mask & (mask + 1);
    return mask;
}

/* What a part keeps, with zeros behind it. */
SOV_LANE void
sparse_gather(const float *x, const float *imp, int keep, size_t lane,
              struct sparse_parts *p)
{
    float *px = p->x + lane * (size_t)sparse_room(keep);
    float *pi = p->imp + lane * (size_t)sparse_room(keep);
    uint64_t mask = sparse_mask(x, imp, keep);
    int n = 0;

    p->mask[lane] = mask;
    for (; mask != 0; mask &= mask - 1, n++) {
        int i = __builtin_ctzll(mask);

        px[n] = x[i];
        pi[n] = imp == NULL ? 1.0f : imp[i];
    }
    for (; n < sparse_room(keep); n++)
        px[n] = pi[n] = 0.0f;
}

/* ---- exact blocks */

/* 2^e for e from -126 on */
SOV_LANE float
sparse_power(int e)
{
    return sov_f32_from_bits((uint32_t)(e + 127) << 23);
}

/* The exponent of the lowest bit that is set in x, which is not 0. */
SOV_LANE int
sparse_low(float x)
{
    uint32_t u = sov_f32_bits(x) & 0x7fffffff;
    int e = u >> 23 == 0 ? 1 : (int)(u >> 23);
    uint32_t m = (u & 0x7fffff) | (u >> 23 == 0 ? 0 : 0x800000);

    return e - 150 + __builtin_ctz(m);
}

/* A scale for n whole numbers: of those that divide all, the smallest with
 * which they are values.  0: there is none. */
SOV_LANE float
sparse_exact_scale(const float *x, int n, float unit,
                   const struct sparse_form *form)
{
    int v[SPARSE_ROOM];
    int low = 0, high = 0;

    for (int i = 0; i < n; i++) {
        v[i] = (int)(x[i] * unit);
        low = v[i] < low ? v[i] : low;
        high = v[i] > high ? v[i] : high;
    }
    for (int sc = 1; sc <= (int)form->sc_max; sc++)
        for (int sign = 1; sign >= -1; sign -= 2) {
            int lo = sc * (int)form->lo, hi = sc * (int)form->hi;
            bool fits =
                sign > 0 ? low >= lo && high <= hi : -high >= lo && -low <= hi;

            for (int i = 0; i < n && fits; i++)
                fits = v[i] % sc == 0;
            if (fits)
                return (float)(sc * sign);
        }
    return 0.0f;
}

/* Scales with which the four parts from lane `first` on are exact. */
SOV_LANE_CALL bool
sparse_exact(struct sparse_parts *p, size_t first,
             const struct sparse_form *form)
{
    int room = sparse_room(form->keep);
    const float *x = p->x + first * (size_t)room;
    float most = form->sc_max * (form->bits == 4 ? 8.0f : 127.0f);
    float size = 0.0f, unit, sc[SOV_SPARSE_PARTS];
    int low = form->d_max;

    for (int i = 0; i < SOV_SPARSE_PARTS * room; i++) {
        if (!(fabsf(x[i]) <= SOV_HALF_MAX))
            return false;
        if (sparse_size(x[i]) != 0 && sparse_low(x[i]) < low)
            low = sparse_low(x[i]);
        size = fabsf(x[i]) > size ? fabsf(x[i]) : size;
    }
    if (low < SPARSE_D_MIN)
        return false;
    unit = sparse_power(-low);
    if (size * unit > most)
        return false;
    for (int j = 0; j < SOV_SPARSE_PARTS; j++) {
        sc[j] = sparse_exact_scale(x + j * room, form->keep, unit, form);
        if (!(fabsf(sc[j]) > 0.0f))
            return false;
    }
    for (size_t j = 0; j < SOV_SPARSE_PARTS; j++) {
        p->d[first + j] = sparse_power(low);
        p->sc[first + j] = sc[j];
    }
    return true;
}

/* ---- all others */

/* The least power of two with which a scale s is a whole number that fits. */
SOV_LANE float
sparse_step(float s, const struct sparse_form *form)
{
    int e = SPARSE_D_MIN;

    while (e < form->d_max && s > form->sc_max * sparse_power(e))
        e++;
    return sparse_power(e);
}

/* d of four blocks, for the largest of each one's scales. */
SOV_LANE void
sparse_steps(const float s[SPARSE_LANES], const struct sparse_form *form,
             float d[SPARSE_LANES])
{
    for (int i = 0; i < SPARSE_LANES; i += SOV_SPARSE_PARTS) {
        float most = 0.0f;

        for (int j = 0; j < SOV_SPARSE_PARTS; j++)
            most = fabsf(s[i + j]) > most ? fabsf(s[i + j]) : most;
        for (int j = 0; j < SOV_SPARSE_PARTS; j++)
            d[i + j] = sparse_step(most, form);
    }
}

/* sc of s, of its sign and not 0. */
SOV_LANE v16
sparse_whole(v16 s, v16 d, v16 by, float sc_max)
{
    v16 one = v16_set(1.0f);
    v16 sc = v16_add(
        v16_round(v16_min(v16_div(v16_abs(s), d), v16_set(sc_max))), by);

    sc = v16_max(v16_min(sc, v16_set(sc_max)), one);
    return v16_pick(v16_less(s, v16_set(0.0f)), v16_sub(v16_set(0.0f), sc), sc);
}

/* Four bits: the best scale, then the whole numbers around it. */
SOV_LANE void
sparse_scales_4(struct sparse_parts *p, const float *imp, int effort,
                const struct sparse_form *form)
{
    struct effort_32 e = effort_32_of(effort);
    struct levels l = LEVELS_TO(8.0f, 0.9f);
    float scale[SPARSE_LANES];
    v16 s, d, var, best, least = v16_set(3e38f);
    struct sums sums;
    struct tile t;

    t.n = sparse_room(form->keep);
    tile_load(t.x, p->x, t.n);
    var =
        v16_mul(tile_mean_square(&t), v16_set((float)t.n / (float)form->keep));
    tile_weigh(&t, imp == NULL ? NULL : p->imp, var);
    tile_sum(&t);
    s = sym_search(&t, l, e.steps, &sums);
    v16_store(scale, s);
    sparse_steps(scale, form, p->d);
    d = v16_load(p->d);
    best = sparse_whole(s, d, v16_set(0.0f), form->sc_max);
    for (int i = 0; i < 1 + 2 * (e.rounds / 2); i++) {
        float by = (float)((i + 1) / 2 * (i % 2 == 0 ? 1 : -1));
        v16 sc = sparse_whole(s, d, v16_set(by), form->sc_max);
        v16 y = v16_mul(d, sc);
        struct sums r = sym_pass(&t, v16_inverse(y), l);
        v16 error = sym_error(&t, &r, y);
        m16 better = v16_less(error, least);

        least = v16_pick(better, error, least);
        best = v16_pick(better, sc, best);
    }
    v16_store(p->sc, best);
}

/* Eight bits: the least scale with which the extreme weight fits. */
SOV_LANE void
sparse_scales_8(struct sparse_parts *p, const struct sparse_form *form)
{
    float scale[SPARSE_LANES];
    v16 s, d, sc, y;
    struct tile t;

    t.n = sparse_room(form->keep);
    tile_load(t.x, p->x, t.n);
    s = v16_div(v16_abs(tile_extreme(&t)), v16_set(form->hi));
    v16_store(scale, s);
    sparse_steps(scale, form, p->d);
    d = v16_load(p->d);
    sc = sparse_whole(s, d, v16_set(0.0f), form->sc_max);
    y = v16_mul(sc, d);
    v16_store(p->sc,
              sparse_whole(
                  s, d, v16_pick(v16_less(y, s), v16_set(1.0f), v16_set(0.0f)),
                  form->sc_max));
}

/* ---- blocks */

/* Values of a part, of 4 bits with 8 added. */
SOV_LANE void
sparse_round(const struct sparse_parts *p, size_t lane,
             const struct sparse_form *form, uint8_t q[SPARSE_ROOM])
{
    int room = sparse_room(form->keep);

    round_block(p->x + lane * (size_t)room, room,
                inverse_of(p->d[lane] * p->sc[lane]), 0.0f, form->lo, form->hi,
                form->bits == 4 ? 8.0f : 0.0f, q);
}

SOV_LANE void
sparse_put(const struct sparse_parts *p, size_t first,
           const struct sparse_form *form, uint8_t *b)
{
    uint8_t q[SOV_SPARSE_PARTS][SPARSE_ROOM];
    uint8_t *v = b + SOV_SPARSE_VALUES;
    int keep = form->keep;

    sov_put16(b, sov_f32_to_f16(p->d[first]));
    for (size_t j = 0; j < SOV_SPARSE_PARTS; j++) {
        b[SOV_SPARSE_SCALES + j] = (uint8_t)(int)p->sc[first + j];
        sov_put64(b + SOV_SPARSE_MASKS + 8 * j, p->mask[first + j]);
        sparse_round(p, first + j, form, q[j]);
    }
    if (form->bits == 8) {
        for (int j = 0; j < SOV_SPARSE_PARTS; j++)
            memcpy(v + j * keep, q[j], (size_t)keep);
        return;
    }
    for (int j = 0; j < SOV_SPARSE_PARTS; j += 2)
        for (int k = 0; k < keep; k++)
            *v++ = (uint8_t)(q[j][k] | q[j + 1][k] << 4);
}

/* n weights, of a last group of fewer blocks the others zeros. */
SOV_LANE void
sparse_encode(const float *x, const float *imp, void *blocks, size_t n,
              int effort, int keep, int bits)
{
    struct sparse_form form = sparse_form_of(keep, bits);
    float spare_x[GROUP_MAX], spare_imp[GROUP_MAX];
    struct sparse_parts p, exact;
    uint8_t *b = blocks;

    for (size_t i = 0; i < n; i += GROUP_MAX) {
        size_t left = n - i < GROUP_MAX ? n - i : GROUP_MAX;
        const float *px = whole_group(x + i, left, GROUP_MAX, spare_x);
        const float *pi = whole_group(imp == NULL ? NULL : imp + i, left,
                                      GROUP_MAX, spare_imp);

        for (size_t l = 0; l < SPARSE_LANES; l++)
            sparse_gather(px + 64 * l, pi == NULL ? NULL : pi + 64 * l, keep, l,
                          &p);
        exact = p;
        if (bits == 4)
            sparse_scales_4(&p, imp, effort, &form);
        else
            sparse_scales_8(&p, &form);
        for (size_t l = 0; l < left / 64; l += SOV_SPARSE_PARTS) {
            bool is = sparse_exact(&exact, l, &form);

            sparse_put(is ? &exact : &p, l, &form, b);
            b += SOV_SPARSE_BYTES(keep, bits);
        }
    }
}

#define SPARSE(name, SYM, keep, bits)                                    \
    static inline void encode_##name(const float *x, const float *imp,   \
                                     void *blocks, size_t n, int effort) \
    {                                                                    \
        sparse_encode(x, imp, blocks, n, effort, keep, bits);            \
    }
#include "quant/sparse.def"
#undef SPARSE

/* The codec of one of them. */
#define SOV_SPARSE_CODEC(name, SYM, keep, bits)                         \
    static void decode(const void *blocks, float *y, size_t n)          \
    {                                                                   \
        sov_sparse_decode(blocks, keep, bits, y, n);                    \
    }                                                                   \
    const struct sov_codec sov_codec_##name = { SOV_TYPE_##SYM, decode, \
                                                encode_##name, NULL };

#endif

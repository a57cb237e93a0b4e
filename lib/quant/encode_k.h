/* SPDX-License-Identifier: Apache-2.0 */
/*
 * encode_k.h - encoders of q4_k, q5_k and q6_k
 *
 * First each sub-block looks for its own best scale (and minimum), sixteen
 * side by side.  These become whole numbers times the two (one) half floats
 * of the super-block, which costs more than it has to if done one after the
 * other; so then, from a few starting values of the half floats and a few
 * rounds each:
 *
 *   every sub-block moves its whole-number scale by at most one and its
 *   minimum to the best for it, judged by the error after rounding again;
 *   the half floats move to their least squares with all the rest fixed.
 *
 * What is kept is the best that was met, measured with the half floats as
 * stored.  Sums over the lanes of a super-block go through memory and are
 * added in order.
 */
#ifndef SOV_QUANT_ENCODE_K_H
#define SOV_QUANT_ENCODE_K_H

#include "quant/encode_32.h"
#include "quant/kscale.h"

/* Steps and settling of the first search; starts and rounds of the second. */
struct effort_k {
    uint8_t steps, settle, starts, rounds;
};

static const struct effort_k effort_k[9] = {
    { 3, 1, 1, 1 },  { 5, 1, 1, 1 },  { 7, 1, 2, 1 },
    { 7, 1, 4, 1 },  { 9, 1, 3, 2 },  { 9, 1, 5, 2 },
    { 13, 1, 7, 2 }, { 19, 2, 9, 2 }, { 27, 2, 9, 3 },
};

/* Where the half floats start, relative to what just holds the largest. */
static const float starts_k[9] = {
    1.0f, 0.97f, 1.03f, 0.94f, 1.06f, 0.985f, 1.015f, 0.955f, 1.045f,
};

SOV_LANE struct effort_k
effort_k_of(int effort)
{
    return effort_k[effort < 1 ? 0 : effort > 9 ? 8 : effort - 1];
}

/* The same number for all lanes of a super-block, out of one for each; k
 * lanes belong together. */
SOV_LANE v16
spread_lanes(const float *value, int k)
{
    float t[16];

    for (int l = 0; l < 16; l++)
        t[l] = value[l / k];
    return v16_load(t);
}

/* The sum over the k lanes from lane at on. */
SOV_LANE float
sum_lanes(v16 v, int at, int k)
{
    float t[16];
    float sum = 0.0f;

    v16_store(t, v);
    for (int l = at; l < at + k; l++)
        sum += t[l];
    return sum;
}

SOV_LANE float
max_lanes(v16 v, int at, int k)
{
    float t[16];
    float max = 0.0f;

    v16_store(t, v);
    for (int l = at; l < at + k; l++)
        max = t[l] > max ? t[l] : max;
    return max;
}

/* A half float field that is not negative, as a float. */
SOV_LANE float
to_field(float x)
{
    if (!(x > 0.0f))
        return 0.0f;
    return sov_f16_to_f32(sov_f32_to_f16(x < SOV_HALF_MAX ? x : SOV_HALF_MAX));
}

/* See v16_to_field_up. */
SOV_LANE float
to_field_up(float x)
{
    float h = to_field(x);

    return h < x * 0.999f ? h + 0x1p-24f : h;
}

/* ---- scale and minimum: q4_k, q5_k */

/* Sixteen sub-blocks: two super-blocks of eight. */
struct kmin {
    float d[2], dmin[2];
    float scale[16], min[16]; /* whole numbers, 0 to 63 */
    float error[2];
};

SOV_LANE v16
whole(v16 x, float lo, float hi)
{
    return v16_round(v16_min(v16_max(x, v16_set(lo)), v16_set(hi)));
}

SOV_LANE struct sums
kmin_pass(const struct tile *t, v16 s, v16 m, v16 hi)
{
    v16 inverse = v16_inverse(s);

    return affine_pass(t, inverse, v16_mul(m, inverse), hi);
}

/* Move each lane's scale and minimum to the best near them. */
SOV_LANE void
kmin_neighbours(const struct tile *t, v16 hi, v16 d, v16 dmin, v16 *scale,
                v16 *min)
{
    v16 m = v16_mul(dmin, *min);
    v16 inverse = v16_inverse(v16_mul(dmin, t->s));
    v16 best_scale = *scale, best_min = *min, least = v16_set(3e38f);

    for (int step = -1; step <= 1; step++) {
        v16 sc = v16_add(*scale, v16_set((float)step));
        v16 s, mn, e;
        struct sums r;
        m16 better;

        sc = v16_min(v16_max(sc, v16_set(0.0f)), v16_set(63.0f));
        s = v16_mul(d, sc);
        r = kmin_pass(t, s, m, hi);
        mn = v16_mul(v16_sub(v16_mul(s, r.q), t->sx), inverse);
        mn = whole(mn, 0.0f, 63.0f);
        e = affine_error(t, &r, s, v16_mul(dmin, mn));
        better = v16_less(e, least);
        least = v16_pick(better, e, least);
        best_scale = v16_pick(better, sc, best_scale);
        best_min = v16_pick(better, mn, best_min);
    }
    *scale = best_scale;
    *min = best_min;
}

/* Least squares for the half floats of super-block b. */
SOV_LANE void
kmin_refit(const struct tile *t, const struct sums *r, v16 scale, v16 min,
           int b, float *d, float *dmin)
{
    v16 none = v16_set(0.0f);
    float aa = sum_lanes(v16_mul(v16_mul(scale, scale), r->qq), 8 * b, 8);
    float ac = sum_lanes(v16_mul(v16_mul(scale, min), r->q), 8 * b, 8);
    float cc = sum_lanes(v16_mul(v16_mul(min, min), t->s), 8 * b, 8);
    float ax = sum_lanes(v16_mul(scale, r->qx), 8 * b, 8);
    float cx = sum_lanes(v16_sub(none, v16_mul(min, t->sx)), 8 * b, 8);
    float det = aa * cc - ac * ac;

    if (det > 1e-6f * aa * cc) {
        *d = to_field((ax * cc + cx * ac) / det);
        *dmin = to_field((cx * aa + ax * ac) / det);
    } else if (aa > 0.0f) {
        *d = to_field((ax + *dmin * ac) / aa);
    }
}

/* Remember super-block b of this try if it is the best so far. */
SOV_LANE void
kmin_keep(struct kmin *k, v16 e, v16 scale, v16 min, const float *d,
          const float *dmin)
{
    float sc[16], mn[16];

    v16_store(sc, scale);
    v16_store(mn, min);
    for (int b = 0; b < 2; b++) {
        float error = sum_lanes(e, 8 * b, 8);

        if (!(error < k->error[b]))
            continue;
        k->error[b] = error;
        k->d[b] = d[b];
        k->dmin[b] = dmin[b];
        memcpy(k->scale + 8 * b, sc + 8 * b, 8 * sizeof(float));
        memcpy(k->min + 8 * b, mn + 8 * b, 8 * sizeof(float));
    }
}

/* One start: the half floats at factor times what holds the largest. */
SOV_LANE void
kmin_start(const struct tile *t, float top, v16 s, v16 m, float factor,
           int rounds, struct kmin *k)
{
    v16 hi = v16_set(top);
    v16 dv, dminv, scale, min;
    float d[2], dmin[2];

    for (int b = 0; b < 2; b++) {
        d[b] = to_field_up(max_lanes(s, 8 * b, 8) * (factor / 63.0f));
        dmin[b] = to_field_up(max_lanes(m, 8 * b, 8) * (factor / 63.0f));
    }
    dv = spread_lanes(d, 8);
    dminv = spread_lanes(dmin, 8);
    scale = whole(v16_mul(s, v16_inverse(dv)), 0.0f, 63.0f);
    min = whole(v16_mul(m, v16_inverse(dminv)), 0.0f, 63.0f);

    for (int i = 0; i < rounds; i++) {
        struct sums r;
        v16 sv, mv;

        kmin_neighbours(t, hi, dv, dminv, &scale, &min);
        for (int again = 0; again < 2; again++) {
            sv = v16_mul(dv, scale);
            mv = v16_mul(dminv, min);
            r = kmin_pass(t, sv, mv, hi);
            kmin_keep(k, affine_error(t, &r, sv, mv), scale, min, d, dmin);
            for (int b = 0; b < 2; b++)
                kmin_refit(t, &r, scale, min, b, &d[b], &dmin[b]);
            dv = spread_lanes(d, 8);
            dminv = spread_lanes(dmin, 8);
        }
    }
}

/* Importance is given for the 512 weights, or NULL. */
static inline void
kmin_search(const float *x, const float *imp, float top, float spread,
            int effort, struct kmin *k)
{
    struct effort_k f = effort_k_of(effort);
    struct tile t;
    v16 s, m, mean;
    float var[2];

    t.n = 32;
    tile_load(t.x, x, 32);
    mean = tile_mean_square(&t);
    for (int b = 0; b < 2; b++)
        var[b] = sum_lanes(mean, 8 * b, 8) / 8.0f;
    tile_weigh(&t, imp, spread_lanes(var, 8));
    tile_sum(&t);
    affine_search(&t, top, 1, f.steps, spread, f.settle, &s, &m);

    memset(k, 0, sizeof(*k));
    k->error[0] = k->error[1] = 3e38f;
    for (int i = 0; i < f.starts; i++)
        kmin_start(&t, top, s, m, starts_k[i], f.rounds, k);
}

/* Super-block b of the two: whole numbers of its weights, and its scales. */
static inline void
kmin_round(const struct kmin *k, int b, const float *x, float top,
           uint8_t q[256], uint8_t scales[12])
{
    uint8_t scale[8], min[8];

    for (int j = 0; j < 8; j++) {
        float s = k->d[b] * k->scale[8 * b + j];
        float m = k->dmin[b] * k->min[8 * b + j];

        scale[j] = (uint8_t)k->scale[8 * b + j];
        min[j] = (uint8_t)k->min[8 * b + j];
        round_block(x + 32 * j, 32, s, m, 0.0f, top, 0.0f, q + 32 * j);
    }
    sov_kscale_put(scales, scale, min);
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

static inline void
encode_q4_k(const float *x, const float *imp, void *blocks, size_t n,
            int effort)
{
    struct sov_q4_k *out = blocks;
    float spare_x[512], spare_imp[512];
    uint8_t q[256];
    struct kmin k;

    for (size_t i = 0; i < n; i += 512) {
        size_t left = n - i < 512 ? n - i : 512;
        const float *px = whole_group(x + i, left, 512, spare_x);

        kmin_search(
            px, whole_group(imp == NULL ? NULL : imp + i, left, 512, spare_imp),
            15.0f, 1.0f, effort, &k);
        for (int b = 0; b < (int)(left / 256); b++, out++) {
            sov_put16(out->d, sov_f32_to_f16(k.d[b]));
            sov_put16(out->dmin, sov_f32_to_f16(k.dmin[b]));
            kmin_round(&k, b, px + 256 * b, 15.0f, q, out->scales);
            pack_low(q, out->qs);
        }
    }
}

static inline void
encode_q5_k(const float *x, const float *imp, void *blocks, size_t n,
            int effort)
{
    struct sov_q5_k *out = blocks;
    float spare_x[512], spare_imp[512];
    uint8_t q[256];
    struct kmin k;

    for (size_t i = 0; i < n; i += 512) {
        size_t left = n - i < 512 ? n - i : 512;
        const float *px = whole_group(x + i, left, 512, spare_x);

        kmin_search(
            px, whole_group(imp == NULL ? NULL : imp + i, left, 512, spare_imp),
            31.0f, 1.0f, effort, &k);
        for (int b = 0; b < (int)(left / 256); b++, out++) {
            sov_put16(out->d, sov_f32_to_f16(k.d[b]));
            sov_put16(out->dmin, sov_f32_to_f16(k.dmin[b]));
            kmin_round(&k, b, px + 256 * b, 31.0f, q, out->scales);
            pack_low(q, out->qs);
            memset(out->qh, 0, sizeof(out->qh));
            for (int j = 0; j < 8; j++)
                for (int l = 0; l < 32; l++)
                    out->qh[l] |= (uint8_t)(q[32 * j + l] >> 4 << j);
        }
    }
}

/* ---- scale alone: q6_k, sixteen sub-blocks of sixteen weights */

struct ksym {
    float d;
    float scale[16]; /* whole numbers, -128 to 127 */
    float error;
};

/* One start, with the half float d. */
SOV_LANE void
ksym_start(const struct tile *t, v16 s, float d, int rounds, struct ksym *k)
{
    v16 lo = v16_set(-32.0f), hi = v16_set(31.0f);
    v16 dv = v16_to_field(v16_set(d));
    v16 scale = whole(v16_mul(s, v16_inverse(dv)), -128.0f, 127.0f);

    for (int i = 0; i < rounds; i++) {
        v16 kept = scale, least = v16_set(3e38f);
        v16 aa, ax;
        v16 kept_qq = v16_set(0.0f), kept_qx = v16_set(0.0f);
        float error, num, den;

        for (int step = 0; step < 3; step++) {
            static const float steps[3] = { 0.0f, -1.0f, 1.0f };
            v16 sc = v16_add(scale, v16_set(steps[step]));
            struct sums r;
            m16 better;
            v16 sv, e;

            sc = v16_min(v16_max(sc, v16_set(-128.0f)), v16_set(127.0f));
            sv = v16_mul(dv, sc);
            r = sym_pass(t, v16_inverse(sv), lo, hi);
            e = sym_error(t, &r, sv);
            better = v16_less(e, least);
            least = v16_pick(better, e, least);
            kept = v16_pick(better, sc, kept);
            kept_qq = v16_pick(better, r.qq, kept_qq);
            kept_qx = v16_pick(better, r.qx, kept_qx);
        }
        scale = kept;
        error = sum_lanes(least, 0, 16);
        if (error < k->error) {
            float field[16];

            v16_store(field, dv);
            k->d = field[0];
            k->error = error;
            v16_store(k->scale, scale);
        }
        aa = v16_mul(v16_mul(scale, scale), kept_qq);
        ax = v16_mul(scale, kept_qx);
        den = sum_lanes(aa, 0, 16);
        num = sum_lanes(ax, 0, 16);
        if (!(den > 0.0f))
            break;
        dv = v16_to_field(v16_set(num / den));
    }
}

static inline void
ksym_search(const float *x, const float *imp, int effort, struct ksym *k)
{
    struct effort_k f = effort_k_of(effort);
    struct tile t;
    float extreme;
    v16 s, mean;

    t.n = 16;
    tile_load(t.x, x, 16);
    mean = v16_set(sum_lanes(tile_mean_square(&t), 0, 16) / 16.0f);
    tile_weigh(&t, imp, mean);
    tile_sum(&t);
    s = sym_search(&t, 32.0f, f.steps / 2 + 1, 0.9f);
    extreme = max_lanes(v16_abs(s), 0, 16);

    memset(k, 0, sizeof(*k));
    k->error = 3e38f;
    for (int i = 0; i < f.starts; i++)
        ksym_start(&t, s, to_field_up(extreme * (starts_k[i] / 127.0f)),
                   f.rounds, k);
}

static inline void
encode_q6_k(const float *x, const float *imp, void *blocks, size_t n,
            int effort)
{
    struct sov_q6_k *out = blocks;
    struct ksym k;
    uint8_t q[256];

    for (size_t i = 0; i < n; i += 256, out++) {
        ksym_search(x + i, imp == NULL ? NULL : imp + i, effort, &k);
        sov_put16(out->d, sov_f32_to_f16(k.d));
        for (int j = 0; j < 16; j++) {
            out->scales[j] = (uint8_t)(int)k.scale[j];
            round_block(x + i + 16 * j, 16, k.d * k.scale[j], 0.0f, -32.0f,
                        31.0f, 32.0f, q + 16 * j);
        }
        for (int h = 0; h < 2; h++) {
            const uint8_t *p = q + 128 * h;

            for (int l = 0; l < 64; l++)
                out->ql[64 * h + l] =
                    (uint8_t)((p[l] & 15) | (p[l + 64] & 15) << 4);
            for (int l = 0; l < 32; l++)
                out->qh[32 * h + l] =
                    (uint8_t)(p[l] >> 4 | p[l + 32] >> 4 << 2 |
                              p[l + 64] >> 4 << 4 | p[l + 96] >> 4 << 6);
        }
    }
}

#endif

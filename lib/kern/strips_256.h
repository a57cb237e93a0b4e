/* SPDX-License-Identifier: Apache-2.0 */
/*
 * strips_256.h - strips of super-blocks, see strips.h and rows_256.h
 */
#ifndef SOV_KERN_STRIPS_256_H
#define SOV_KERN_STRIPS_256_H

#include "kern/rows_256.h"
#include "kern/strips.h"

/* What holds for a whole super-block, a row a lane. */
struct strip_head {
    vec sc[16];  /* of sub-blocks, 32 bits */
    vec m[8];    /* words 2 i and 2 i + 1 of what sums of activations meet */
    vec high[8]; /* bits that all parts share */
    vecf d, dmin;
};

typedef void strip_head_fn(const unsigned char *p, size_t stride,
                           struct strip_head *h);

/*
 * A super-block is cut into parts, and each into planes of one sub-block.  All
 * bytes of part i, and then dword k of a plane's weights out of them.
 */
typedef void part_fn(const unsigned char *p, size_t stride,
                     const struct strip_head *h, int i, vec v[16]);
typedef vec plane_fn(const vec v[16], int plane, int k);

struct strip_form {
    int parts, planes;
    int dwords; /* of a sub-block: 4 or 8 */
    bool is_signed;
    enum mins mins;
    int shift; /* of the offset, if mins is so */
    size_t bytes;
};

/* Where a plane begins. */
INLINE int
plane_at(const struct strip_form *f, int part, int plane)
{
    if (f->dwords == 8)
        return 32 * (f->planes * part + plane);
    return 128 * (part / 2) + 16 * (part % 2) + 32 * plane;
}

INLINE vec
strip_min_sum(const struct strip_form *f, const struct strip_head *h,
              const struct sov_a256 *a)
{
    const int16_t *sums = f->dwords == 8 ? a->sum32 : a->sum;
    vec m = v_zero();
    int i;

    UNROLL
    for (i = 0; i < 32 / f->dwords; i++)
        m = v_dot16(m, h->m[i], v_four(sums + 2 * i));
    return m;
}

/* Sums of the sub-blocks of one part, times their scales. */
INLINE void
strip_part(const struct strip_form *f, plane_fn *plane, int n_cols,
           const vec v[16], const unsigned char *next,
           const struct strip_head *h, const struct sov_a256 *const a[4], int i,
           vec sum[4])
{
    vec t[4], q;
    int p, k, c;

    UNROLL
    for (p = 0; p < f->planes; p++) {
        int at = plane_at(f, i, p);

        strip_ahead(next, f->bytes, f->planes * i + p, f->planes * f->parts);
        UNROLL
        for (c = 0; c < n_cols; c++)
            t[c] = v_zero();
        UNROLL
        for (k = 0; k < f->dwords; k++) {
            q = plane(v, p, k);
            UNROLL
            for (c = 0; c < n_cols; c++)
                t[c] = f->is_signed
                           ? v_dot8(t[c], q, v_four(a[c]->q + at + 4 * k))
                           : v_dot(t[c], q, v_four(a[c]->q + at + 4 * k));
        }
        UNROLL
        for (c = 0; c < n_cols; c++)
            sum[c] = v_add32(sum[c], v_mul32(t[c], h->sc[at / 4 / f->dwords]));
    }
}

INLINE void
strip256(strip_head_fn *head, part_fn *part, plane_fn *plane,
         struct strip_form f, int n_cols, const unsigned char *w, size_t stride,
         const unsigned char *act, size_t act_stride, size_t n, float *y,
         size_t y_stride)
{
    bool early = f.planes == 1; /* so little at a time that it would wait */
    struct strip_head heads[2];
    vec parts[2][16];
    vecf acc[4] = { f_zero(), f_zero(), f_zero(), f_zero() };
    const unsigned char *next = w + strip_distance(stride);
    size_t i;
    int c, p;

    head(w, stride, &heads[0]);
    if (early)
        part(w, stride, &heads[0], 0, parts[0]);
    for (i = 0; i < n / 256; i++, w += f.bytes, next += STRIP * f.bytes) {
        const struct strip_head *h = &heads[i % 2];
        const struct sov_a256 *a[4];
        vec sum[4], m[4];

        if (i + 1 < n / 256)
            head(w + f.bytes, stride, &heads[(i + 1) % 2]);
        UNROLL
        for (c = 0; c < n_cols; c++) {
            a[c] =
                (const struct sov_a256 *)(const void *)(act + (size_t)c *
                                                                  act_stride) +
                i;
            sum[c] = m[c] = v_zero();
            if (f.mins != MINS_NONE)
                m[c] = strip_min_sum(&f, h, a[c]);
            if (f.mins == MINS_OFFSET)
                sum[c] = v_sub32(sum[c], v_shr32(m[c], -f.shift));
        }
        AS_LOOP
        for (p = 0; p < f.parts; p++) {
            int then = (p + 1) % f.parts; /* in this super-block or the next */
            bool on = then == 0 && i + 1 < n / 256;

            if (early)
                part(on ? w + f.bytes : w, stride, &heads[(i + on) % 2], then,
                     parts[then % 2]);
            else
                part(w, stride, h, p, parts[0]);
            strip_part(&f, plane, n_cols, parts[early ? p % 2 : 0], next, h, a,
                       p, sum);
        }
        UNROLL
        for (c = 0; c < n_cols; c++) {
            vecf da = f_set(a[c]->d);

            acc[c] = f_fma(f_mul(h->d, da), f_of(sum[c]), acc[c]);
            if (f.mins == MINS_APART)
                acc[c] = f_fnma(f_mul(h->dmin, da), f_of(m[c]), acc[c]);
        }
    }
    UNROLL
    for (c = 0; c < n_cols; c++)
        f_store(y + (size_t)c * y_stride, acc[c]);
}

/* ---- heads */

INLINE vec
byte_of(vec v, int i)
{
    return v_and(v_shr32(v, 8 * i), v_set32(255));
}

INLINE vec
signed_byte_of(vec v, int i)
{
    return v_sar32(v_shr32(v, 8 * i - 24), 24);
}

/* Four bytes as two pairs of words. */
INLINE void
byte_pairs(vec v, vec pair[2])
{
    const vec low = v_set32(0xff);
    const vec high = v_set32(0xff0000);

    pair[0] = v_or(v_and(v, low), v_and(v_shr32(v, -8), high));
    pair[1] = v_or(v_and(v_shr32(v, 16), low), v_and(v_shr32(v, 8), high));
}

/* The head of q4_k and q5_k; the scales are drawn in quant/kscale.h. */
INLINE void
strip_head_k4(const unsigned char *p, size_t stride, struct strip_head *h)
{
    vec v[4], sc[2];
    int i;

    take(p, stride, v);
    h->d = f_halves32(v[0]);
    h->dmin = f_halves32(v_shr32(v[0], 16));
    sc[0] = bits(v[1], 0, 63);
    sc[1] = v_or(bits(v[3], 0, 15), bits_at(v[1], 6, 4, 48));
    UNROLL
    for (i = 0; i < 8; i++)
        h->sc[i] = byte_of(sc[i / 4], i % 4);
    byte_pairs(bits(v[2], 0, 63), h->m);
    byte_pairs(v_or(bits(v[3], 4, 15), bits_at(v[2], 6, 4, 48)), h->m + 2);
}

INLINE void
strip_head_q5_k(const unsigned char *p, size_t stride, struct strip_head *h)
{
    strip_head_k4(p, stride, h);
    take(p + 16, stride, h->high);
    take(p + 32, stride, h->high + 4);
}

INLINE void
strip_head_q2_k(const unsigned char *p, size_t stride, struct strip_head *h)
{
    vec v[4];
    int i;

    take(p, stride, v);
    UNROLL
    for (i = 0; i < 16; i++)
        h->sc[i] = v_and(v_shr32(v[i / 4], 8 * (i % 4)), v_set32(15));
    UNROLL
    for (i = 0; i < 4; i++)
        byte_pairs(bits(v[i], 4, 15), h->m + 2 * i);
    take(p + 68, stride, v);
    h->d = f_halves32(v[3]);
    h->dmin = f_halves32(v_shr32(v[3], 16));
}

/* Sixteen signed scales, four in each of v, also as pairs for an offset. */
INLINE void
strip_signed(const vec v[4], struct strip_head *h)
{
    int i;

    UNROLL
    for (i = 0; i < 16; i++)
        h->sc[i] = signed_byte_of(v[i / 4], i % 4);
    UNROLL
    for (i = 0; i < 8; i++)
        h->m[i] = v_or(v_and(h->sc[2 * i], v_set32(0xffff)),
                       v_shr32(h->sc[2 * i + 1], -16));
}

INLINE void
strip_head_q6_k(const unsigned char *p, size_t stride, struct strip_head *h)
{
    vec v[4];

    take(p + 192, stride, v);
    strip_signed(v, h);
    take(p + 194, stride, v);
    h->d = f_halves32(v_shr32(v[3], 16));
}

/* The sixteen scales of q3_k.c are its bytes 96 to 107, d 108 and 109. */
INLINE void
strip_head_q3_k(const unsigned char *p, size_t stride, struct strip_head *h)
{
    vec v[4], s[3], sc[4];
    int i;

    take(p + 94, stride, v);
    h->d = f_halves32(v_shr32(v[3], 16));
    UNROLL
    for (i = 0; i < 3; i++)
        s[i] = v_or(v_shr32(v[i], 16), v_shr32(v[i + 1], -16));
    UNROLL
    for (i = 0; i < 4; i++) {
        sc[i] =
            v_or(bits(s[i % 2], i / 2 * 4, 15), bits_at(s[2], 2 * i, 4, 48));
        sc[i] = v_sub8(sc[i], v_set8(32));
    }
    strip_signed(sc, h);
    take(p, stride, h->high);
    take(p + 16, stride, h->high + 4);
}

/* f16 d | u16 high | u8 low[4], see head_iq4_xs() */
INLINE void
strip_head_iq4_xs(const unsigned char *p, size_t stride, struct strip_head *h)
{
    vec v[4];
    int i;

    take(p, stride, v);
    h->d = f_halves32(v[0]);
    UNROLL
    for (i = 0; i < 8; i++) {
        vec low = v_and(v_shr32(v[1], 4 * i), v_set32(15));
        vec high = v_and(v_shr32(v[0], 12 + 2 * i), v_set32(48));

        h->sc[i] = v_sub32(v_or(low, high), v_set32(32));
    }
    UNROLL
    for (i = 0; i < 4; i++)
        h->m[i] = v_or(v_and(h->sc[2 * i], v_set32(0xffff)),
                       v_shr32(h->sc[2 * i + 1], -16));
}

/* ---- parts and planes */

INLINE void
part_q4_k(const unsigned char *p, size_t stride, const struct strip_head *h,
          int i, vec v[16])
{
    (void)h;
    take(p + 16 + 32 * i, stride, v);
    take(p + 32 + 32 * i, stride, v + 4);
}

INLINE vec
plane_q4_k(const vec v[16], int plane, int k)
{
    return bits(v[k], 4 * plane, 15);
}

INLINE void
part_q5_k(const unsigned char *p, size_t stride, const struct strip_head *h,
          int i, vec v[16])
{
    int k;

    part_q4_k(p + 32, stride, h, i, v);
    UNROLL
    for (k = 0; k < 8; k++)
        v[8 + k] = v_shr32(h->high[k], 2 * i);
}

INLINE vec
plane_q5_k(const vec v[16], int plane, int k)
{
    return v_or(bits(v[k], 4 * plane, 15), bits_at(v[8 + k], plane, 4, 16));
}

INLINE void
part_q6_k(const unsigned char *p, size_t stride, const struct strip_head *h,
          int i, vec v[16])
{
    (void)h;
    const unsigned char *low = p + i / 2 * 64 + i % 2 * 16;

    take(low, stride, v);
    take(low + 32, stride, v + 4);
    take(p + 128 + 16 * i, stride, v + 8);
}

INLINE vec
plane_q6_k(const vec v[16], int plane, int k)
{
    return v_or(bits(v[plane % 2 * 4 + k], plane / 2 * 4, 15),
                bits_at(v[8 + k], 2 * plane, 4, 48));
}

INLINE void
part_q2_k(const unsigned char *p, size_t stride, const struct strip_head *h,
          int i, vec v[16])
{
    (void)h;
    take(p + 16 + 16 * i, stride, v);
}

INLINE vec
plane_q2_k(const vec v[16], int plane, int k)
{
    return bits(v[k], 2 * plane, 3);
}

INLINE void
part_q3_k(const unsigned char *p, size_t stride, const struct strip_head *h,
          int i, vec v[16])
{
    int k;

    take(p + 32 + 16 * i, stride, v);
    UNROLL
    for (k = 0; k < 4; k++)
        v[4 + k] = v_shr32(h->high[i % 2 * 4 + k], i / 2 * 4);
}

INLINE vec
plane_q3_k(const vec v[16], int plane, int k)
{
    return v_or(bits(v[k], 2 * plane, 3), bits_at(v[4 + k], plane, 2, 4));
}

INLINE void
part_iq4_xs(const unsigned char *p, size_t stride, const struct strip_head *h,
            int i, vec v[16])
{
    (void)h;
    take(p + 8 + 16 * i, stride, v);
}

INLINE vec
plane_iq4_xs(const vec v[16], int plane, int k)
{
    (void)plane;
    return v_pick8(iq4_table(), bits(v[k % 4], k / 4 * 4, 15));
}

/* ---- all columns */

#define STRIP256_COLUMNS(type, head, n_cols, ...)                            \
    static void strip_##type##_##n_cols(                                     \
        const unsigned char *w, size_t stride, const unsigned char *act,     \
        size_t act_stride, size_t n, float *y, size_t y_stride)              \
    {                                                                        \
        strip256(head, part_##type, plane_##type,                            \
                 (struct strip_form){ __VA_ARGS__ }, n_cols, w, stride, act, \
                 act_stride, n, y, y_stride);                                \
    }

#define STRIP256(type, from, head, ...)          \
    STRIP256_COLUMNS(type, head, 1, __VA_ARGS__) \
    STRIP256_COLUMNS(type, head, 2, __VA_ARGS__) \
    STRIP256_COLUMNS(type, head, 3, __VA_ARGS__) \
    STRIP256_COLUMNS(type, head, 4, __VA_ARGS__) \
    STRIP_DOT(type, from)

/* columns from which they win over rows; parts, planes, dwords, signed,
 * minimums, offset, bytes */
STRIP256(q2_k, 1, strip_head_q2_k, 4, 4, 4, false, MINS_APART, 0, 84)
STRIP256(q3_k, 1, strip_head_q3_k, 4, 4, 4, false, MINS_OFFSET, 2, 110)
STRIP256(q4_k, 1, strip_head_k4, 4, 2, 8, false, MINS_APART, 0, 144)
STRIP256(q5_k, 1, strip_head_q5_k, 4, 2, 8, false, MINS_APART, 0, 176)
STRIP256(q6_k, 2, strip_head_q6_k, 4, 4, 4, false, MINS_OFFSET, 5, 210)
STRIP256(iq4_xs, 1, strip_head_iq4_xs, 8, 1, 8, true,
         BIAS8 != 0 ? MINS_OFFSET : MINS_NONE, BIAS8, 136)

INLINE void
strips_256_slots(struct sov_kern *k)
{
    k->dot[SOV_TYPE_Q2_K] = strips_q2_k;
    k->dot[SOV_TYPE_Q3_K] = strips_q3_k;
    k->dot[SOV_TYPE_Q4_K] = strips_q4_k;
    k->dot[SOV_TYPE_Q5_K] = strips_q5_k;
    k->dot[SOV_TYPE_Q6_K] = strips_q6_k;
    k->dot[SOV_TYPE_IQ4_XS] = strips_iq4_xs;
}

#endif

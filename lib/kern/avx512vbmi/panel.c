/* SPDX-License-Identifier: Apache-2.0 */
/*
 * panel.c - panels of lattice points and trits, AVX-512 with VBMI
 *
 * A lane has four points of a row, and so a look at the tables finds points of
 * sixteen rows (codes.h).  vpmultishiftqb puts the code of each of four weights
 * into a byte of its own.
 */
#include "config.h"

#include "kern/avx512/mul_256.h"
#include "kern/avx512vbmi/codes.h"
#include "kern/overlay.h"
#include "kern/unpack.h"
#include "quant/layout.h"

TILES_OF(signed32, step, SIGNED32)
TILES_OF(signed16, step, SIGNED16)

/* ---- parts */

/*
 * Ask for a part of what the next rows will need, n lines: with few columns
 * unpacking is most of the work, and the time to do it.
 */
INLINE void
ask(const struct sov_panel *p, int at, int parts, int part, int n)
{
    const unsigned char *line =
        p->ahead + 64 * (size_t)((at / LANES * parts + part) * n);
    int i;

    UNROLL
    for (i = 0; i < n; i++)
        _mm_prefetch((const char *)line + 64 * i, _MM_HINT_T1);
}

/* Byte i of each lane in all of its bytes. */
INLINE vec
spread(vec v, int i)
{
    const vec first = _mm512_set4_epi32(0x0c0c0c0c, 0x08080808, 0x04040404, 0);

    return _mm512_shuffle_epi8(v, _mm512_add_epi8(first, vec_set8((char)i)));
}

/* Bytes of w with a bit in minus, in the lower or the upper half of which their
 * signs stand one beside the other, become negative. */
INLINE vec
with_signs(vec w, vec minus, int half)
{
    const vec bit = vec_set32(half == 0 ? 0x08040201 : (int)0x80402010);

    return _mm512_mask_sub_epi8(w, _mm512_test_epi8_mask(minus, bit),
                                _mm512_setzero_si512(), w);
}

/* Four points of eight weights each; signs: a byte for each point. */
INLINE void
put_eights(struct sov_panel *p, int at, int k, const vec code[2], vec signs)
{
    const vec values = _mm512_set1_epi32(0x002b1908);
    int i, h;

    UNROLL
    for (i = 0; i < 4; i++) {
        vec minus = spread(signs, i);

        UNROLL
        for (h = 0; h < 2; h++) {
            vec w = _mm512_permutexvar_epi8(fields(code[h], FROM(8 * i, 2)),
                                            values);

            put(p, at, k + 2 * i + h, with_signs(w, minus, h));
        }
    }
}

/* Four points of four weights each; the signs of two are a byte, from the
 * first-th on. */
INLINE void
put_fours(struct sov_panel *p, int at, int k, const vec code[2], vec signs,
          int first, vec values)
{
    const __mmask64 upper = 0xcccccccccccccccc;
    int i;

    UNROLL
    for (i = 0; i < 4; i++) {
        const uint32_t from = (uint32_t)(8 * i) * 0x01010101u + 0x04000400u;
        vec w = fields(code[0], from);

        w = _mm512_mask_blend_epi8(upper, w, fields(code[1], from));
        w = _mm512_permutexvar_epi8(w, values);
        put(p, at, k + i, with_signs(w, spread(signs, first + i / 2), i % 2));
    }
}

/* Half floats in the lower halves, times a factor. */
INLINE void
put_d(struct sov_panel *p, int at, vec v, float factor)
{
    __m512 d = _mm512_cvtph_ps(_mm512_cvtepi32_epi16(v));

    _mm512_store_ps(&p->d[0][at], _mm512_mul_ps(d, _mm512_set1_ps(factor)));
}

/* 2 s + 1 of a number s below or equal to mask that begins at a bit. */
INLINE vec
odd(vec v, int bit, int mask)
{
    v = bit == 0 ? vec_shl(v, 1) : vec_shr(v, bit - 1);
    return vec_or(vec_and(v, vec_set32(2 * mask)), vec_set32(1));
}

INLINE void
codes(const void *table, int n, vec i, const __mmask64 *high, vec code[2])
{
    code[0] = lookup(table, n, i, high);
    code[1] = lookup((const uint8_t *)table + n, n, i, high);
}

/* ---- the types; their layouts are drawn in quant/ */

#define SEVENS 0x150e0700u /* bits 0, 7, 14 and 21 */

static void
unpack_iq2_xxs(const unsigned char *rows, size_t stride, struct sov_panel *p,
               int at)
{
    vec v[4], code[2];
    int i, e;

    take(rows, stride, v);
    put_d(p, at, v[0], 0.125f);
    for (i = 0; i < 4; i++) {
        ask(p, at, 4, i, 5);
        take(rows + 2 + 16 * i, stride, v);
        UNROLL
        for (e = 0; e < 2; e++) {
            __mmask64 high = _mm512_movepi8_mask(v[2 * e]);
            vec signs = v[2 * e + 1];
            int g = 2 * i + e;

            codes(codes_iq2_xxs, 256, v[2 * e], &high, code);
            put_scale(p, at, g, odd(signs, 28, 15));
            put_eights(p, at, 8 * g, code, eight_signs(fields(signs, SEVENS)));
        }
    }
    finish_signed(p, at, 8);
}

/* Sixteen scales of four bits in two lanes. */
INLINE void
nibble_scales(struct sov_panel *p, int at, vec low, vec high)
{
    int i;

    UNROLL
    for (i = 0; i < 16; i++)
        put_scale(p, at, i, odd(i < 8 ? low : high, 4 * (i % 8), 15));
}

static void
unpack_iq2_xs(const unsigned char *rows, size_t stride, struct sov_panel *p,
              int at)
{
    alignas(64) uint8_t even[64];
    vec v[4], code[2], first;
    int i, e;

    for (i = 0; i < 64; i++) /* bytes 0 and 2 of one lane, then of another */
        even[i] = (uint8_t)(i / 4 * 4 + i % 2 * 2 + i % 4 / 2 * 64);
    first = vec_load(even);
    take(rows + 58, stride, v);
    nibble_scales(p, at, v[2], v[3]);
    take(rows, stride, v);
    put_d(p, at, v[0], 0.125f);
    for (i = 0; i < 4; i++) {
        ask(p, at, 4, i, 5);
        take(rows + 2 + 16 * i, stride, v);
        UNROLL
        for (e = 0; e < 2; e++) {
            vec low = _mm512_permutex2var_epi8(v[2 * e], first, v[2 * e + 1]);
            vec rest = _mm512_permutex2var_epi8(
                v[2 * e], _mm512_add_epi8(first, vec_set8(1)), v[2 * e + 1]);
            __mmask64 high[2] = { _mm512_movepi8_mask(low),
                                  _mm512_test_epi8_mask(rest, vec_set8(1)) };

            codes(codes_iq2_xs, 512, low, high, code);
            put_eights(p, at, 8 * (2 * i + e), code,
                       eight_signs(vec_shr(rest, 1)));
        }
    }
    finish_signed(p, at, 4);
}

static void
unpack_iq2_s(const unsigned char *rows, size_t stride, struct sov_panel *p,
             int at)
{
    vec v[4], signs[4], last[4], code[2];
    int i, e;

    take(rows, stride, v);
    put_d(p, at, v[0], 0.125f);
    take(rows + 66, stride, last);
    nibble_scales(p, at, last[2], last[3]);
    UNROLL
    for (i = 0; i < 2; i++) {
        ask(p, at, 2, i, 11);
        take(rows + 2 + 16 * i, stride, v);
        take(rows + 34 + 16 * i, stride, signs);
        UNROLL
        for (e = 0; e < 4; e++) {
            vec two = fields(last[i], FROM(8 * e, 2));
            __mmask64 high[3] = { _mm512_movepi8_mask(v[e]),
                                  _mm512_test_epi8_mask(two, vec_set8(1)),
                                  _mm512_test_epi8_mask(two, vec_set8(2)) };

            codes(codes_iq2_s, 1024, v[e], high, code);
            put_eights(p, at, 8 * (4 * i + e), code, signs[e]);
        }
    }
    finish_signed(p, at, 4);
}

static void
unpack_iq3_xxs(const unsigned char *rows, size_t stride, struct sov_panel *p,
               int at)
{
    const vec values = _mm512_set1_epi64(0x3e342c241c140c04);
    vec v[4], s[8], code[2];
    int i, e;

    take(rows, stride, v);
    put_d(p, at, v[0], 0.25f);
    take(rows + 66, stride, s);
    take(rows + 82, stride, s + 4);
    UNROLL
    for (i = 0; i < 4; i++) {
        ask(p, at, 4, i, 7);
        take(rows + 2 + 16 * i, stride, v);
        UNROLL
        for (e = 0; e < 4; e++) {
            __mmask64 high = _mm512_movepi8_mask(v[e]);
            int g = 2 * i + e / 2;

            if (e % 2 == 0) {
                put_scale(p, at, g, odd(s[g], 28, 15));
                s[g] = eight_signs(fields(s[g], SEVENS));
            }
            codes(codes_iq3_xxs, 256, v[e], &high, code);
            put_fours(p, at, 16 * i + 4 * e, code, s[g], e % 2 * 2, values);
        }
    }
    finish_signed(p, at, 8);
}

static void
unpack_iq3_s(const unsigned char *rows, size_t stride, struct sov_panel *p,
             int at)
{
    const vec values = _mm512_set1_epi64(0x0f0d0b0907050301);
    vec v[4], s[8], ninth[4], code[2];
    int i, e;

    take(rows, stride, v);
    put_d(p, at, v[0], 1.0f);
    take(rows + 66, stride, ninth);
    take(rows + 74, stride, s);
    take(rows + 90, stride, s + 4);
    take(rows + 94, stride, v);
    UNROLL
    for (i = 0; i < 8; i++)
        put_scale(p, at, i, odd(v[3], 4 * i, 15));
    UNROLL
    for (i = 0; i < 4; i++) {
        ask(p, at, 4, i, 7);
        take(rows + 2 + 16 * i, stride, v);
        UNROLL
        for (e = 0; e < 4; e++) {
            int q = 4 * i + e;
            vec one = fields(ninth[q / 8], FROM(q % 8 * 4, 1));
            __mmask64 high[2] = { _mm512_movepi8_mask(v[e]),
                                  _mm512_test_epi8_mask(one, vec_set8(1)) };

            codes(codes_iq3_s, 512, v[e], high, code);
            put_fours(p, at, 4 * q, code, s[q / 2], q % 2 * 2, values);
        }
    }
    finish_signed(p, at, 8);
}

/* ---- ternary points: eight times -1, 0, 1, and one more or less */

/* The codes of four points; bits: 8 to 10 of their indices, from bit 0 on. */
INLINE void
ternary_codes(vec i, vec bits, vec code[2])
{
    __mmask64 high[4] = { _mm512_movepi8_mask(i),
                          _mm512_test_epi8_mask(bits, vec_set8(1)),
                          _mm512_test_epi8_mask(bits, vec_set8(2)),
                          _mm512_test_epi8_mask(bits, vec_set8(4)) };

    codes(codes_iq1, 2048, i, high, code);
}

/* Four points, shifted by a byte each. */
INLINE void
put_ternary(struct sov_panel *p, int at, int k, const vec code[2], vec shift)
{
    const vec values = _mm512_set1_epi32(0x000800f8);
    int i, h;

    UNROLL
    for (i = 0; i < 4; i++) {
        vec more = spread(shift, i);

        UNROLL
        for (h = 0; h < 2; h++) {
            vec w = _mm512_permutexvar_epi8(fields(code[h], FROM(8 * i, 2)),
                                            values);

            put(p, at, k + 2 * i + h, _mm512_add_epi8(w, more));
        }
    }
}

/* 1, or -1 in bytes of which bits has a bit of mask */
INLINE vec
shifts(vec bits, vec mask)
{
    return _mm512_mask_blend_epi8(_mm512_test_epi8_mask(bits, mask),
                                  vec_set8(1), vec_set8(-1));
}

static void
unpack_iq1_s(const unsigned char *rows, size_t stride, struct sov_panel *p,
             int at)
{
    vec v[4], high[4], code[2];
    int i, e;

    take(rows, stride, v);
    put_d(p, at, v[0], 0.125f);
    take(rows + 34, stride, high);
    for (i = 0; i < 2; i++) {
        ask(p, at, 2, i, 7);
        take(rows + 2 + 16 * i, stride, v);
        UNROLL
        for (e = 0; e < 4; e++) {
            vec two = i == 0 ? high[e / 2] : high[2 + e / 2];
            vec word = vec_shr(two, 16 * (e % 2));
            int g = 4 * i + e;

            ternary_codes(v[e], fields(word, FROM(0, 3)), code);
            put_scale(p, at, g, odd(word, 12, 7));
            put_ternary(p, at, 8 * g, code,
                        shifts(fields(word, FROM(8, 0)), vec_set8(-128)));
        }
    }
    finish_signed(p, at, 8);
}

static void
unpack_iq1_m(const unsigned char *rows, size_t stride, struct sov_panel *p,
             int at)
{
    vec v[4], high[4], code[2], sc[4];
    int i, e;

    take(rows + 40, stride, sc);
    put_d(p, at,
          vec_or(vec_or(vec_and(vec_shr(sc[2], 12), vec_set32(0xf)),
                        vec_and(vec_shr(sc[2], 24), vec_set32(0xf0))),
                 vec_or(vec_and(vec_shr(sc[3], 4), vec_set32(0xf00)),
                        vec_and(vec_shr(sc[3], 16), vec_set32(0xf000)))),
          0.125f);
    UNROLL
    for (i = 0; i < 16; i++)
        put_scale(p, at, i, odd(sc[2 + i / 8], i / 4 % 2 * 16 + i % 4 * 3, 7));
    take(rows + 32, stride, high);
    for (i = 0; i < 2; i++) {
        ask(p, at, 2, i, 7);
        take(rows + 16 * i, stride, v);
        UNROLL
        for (e = 0; e < 4; e++) {
            vec two = i == 0 ? high[e / 2] : high[2 + e / 2];
            vec bits = fields(two, FROM(16 * (e % 2), 4));

            ternary_codes(v[e], bits, code);
            put_ternary(p, at, 8 * (4 * i + e), code,
                        shifts(bits, vec_set8(8)));
        }
    }
    finish_signed(p, at, 4);
}

/* ---- trits */

/* n of the trits of four bytes, which are 4 step weights apart */
INLINE void
put_trits(struct sov_panel *p, int at, int k, int step, int n, vec v)
{
    const vec values = _mm512_set1_epi32(0x000100ff);
    __mmask64 high = _mm512_movepi8_mask(v);
    vec code[2];
    int t;

    codes(codes_trits, 256, v, &high, code);
    UNROLL
    for (t = 0; t < n; t++)
        put(p, at, k + step * t,
            _mm512_permutexvar_epi8(
                _mm512_srli_epi16(code[t / 4], (unsigned)(t % 4 * 2)), values));
}

static void
unpack_tq1_0(const unsigned char *rows, size_t stride, struct sov_panel *p,
             int at)
{
    vec v[4];
    int i, e;

    for (i = 0; i < 3; i++) {
        ask(p, at, 3, i, 5);
        take(rows + 16 * i, stride, v);
        UNROLL
        for (e = 0; e < 4; e++)
            put_trits(p, at, i < 2 ? 4 * i + e : 40 + e, i < 2 ? 8 : 4, 5,
                      v[e]);
    }
    take(rows + 38, stride, v);
    put_d(p, at, vec_shr(v[3], 16), 1.0f);
    /* the last four bytes before it */
    v[2] = vec_or(vec_shr(v[2], 16), vec_shl(v[3], 16));
    put_trits(p, at, 60, 1, 4, v[2]);
    for (i = 0; i < 8; i++)
        put_scale(p, at, i, vec_set32(1));
    finish_signed(p, at, 8);
}

/* ---- table */

/* name, mul, type, columns from which a panel wins over rows */
/* clang-format off */
#define EACH(DO)                       \
    DO(iq3_xxs, signed32,  IQ3_XXS, 4) \
    DO(iq3_s,   signed32,  IQ3_S,   4) \
    DO(iq2_xxs, signed32,  IQ2_XXS, 4) \
    DO(iq2_xs,  signed16,  IQ2_XS,  4) \
    DO(iq2_s,   signed16,  IQ2_S,   4) \
    DO(iq1_s,   signed32,  IQ1_S,   4) \
    DO(iq1_m,   signed16,  IQ1_M,   4) \
    DO(tq1_0,   signed32,  TQ1_0,   1)
/* clang-format on */

#define TYPE(name, mul, SYM, from) PANEL(name, mul, SOV_BYTES_##SYM, sov_a256)
EACH(TYPE)

void
sov_kern_avx512vbmi_panel(struct sov_kern *k)
{
    make_all_codes();
#define SLOT(name, mul, SYM, from)         \
    k->many[SOV_TYPE_##SYM] = many_##name; \
    k->many_from[SOV_TYPE_##SYM] = (from);
    EACH(SLOT)
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * take.h - bytes of sixteen rows as registers with a row a lane, AVX-512
 *
 * The file's bytes are not put in order first.  take() gives the same sixteen
 * bytes of sixteen rows as four registers of dwords, a row a lane, and shifts
 * and masks make of each dword the weights that it has; scales likewise.  So
 * an unpacker is the layout of its type and nothing else.
 */
#ifndef SOV_KERN_AVX512_TAKE_H
#define SOV_KERN_AVX512_TAKE_H

#include "kern/panel.h"

#include <immintrin.h>

#define INLINE static inline __attribute__((always_inline))
#ifdef __clang__
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

INLINE __m512i
row_bytes(const unsigned char *p, size_t stride)
{
    __m512i v = _mm512_castsi128_si512(_mm_loadu_si128((const void *)p));

    v = _mm512_inserti32x4(v, _mm_loadu_si128((const void *)(p + 4 * stride)),
                           1);
    v = _mm512_inserti32x4(v, _mm_loadu_si128((const void *)(p + 8 * stride)),
                           2);
    return _mm512_inserti32x4(
        v, _mm_loadu_si128((const void *)(p + 12 * stride)), 3);
}

/* Sixteen bytes at p of 16 rows: v[i] has dword i of each. */
INLINE void
take(const unsigned char *p, size_t stride, __m512i v[4])
{
    __m512i a = row_bytes(p, stride);
    __m512i b = row_bytes(p + stride, stride);
    __m512i c = row_bytes(p + 2 * stride, stride);
    __m512i d = row_bytes(p + 3 * stride, stride);
    __m512i ab = _mm512_unpacklo_epi32(a, b);
    __m512i cd = _mm512_unpacklo_epi32(c, d);

    v[0] = _mm512_unpacklo_epi64(ab, cd);
    v[1] = _mm512_unpackhi_epi64(ab, cd);
    ab = _mm512_unpackhi_epi32(a, b);
    cd = _mm512_unpackhi_epi32(c, d);
    v[2] = _mm512_unpacklo_epi64(ab, cd);
    v[3] = _mm512_unpackhi_epi64(ab, cd);
}

/* The low halves of dwords as half floats. */
INLINE __m512
half_floats(__m512i v)
{
    return _mm512_cvtph_ps(_mm512_cvtepi32_epi16(v));
}

/* Bits of every byte, moved down and masked. */
INLINE __m512i
bits(__m512i v, int shift, int mask)
{
    return _mm512_and_si512(_mm512_srli_epi32(v, (unsigned)shift),
                            _mm512_set1_epi8((char)mask));
}

/* As bits, but moved up to bit `to`: mask holds them there. */
INLINE __m512i
bits_at(__m512i v, int from, int to, int mask)
{
    v = from > to ? _mm512_srli_epi32(v, (unsigned)(from - to))
                  : _mm512_slli_epi32(v, (unsigned)(to - from));
    return _mm512_and_si512(v, _mm512_set1_epi8((char)mask));
}

/* Byte i of each dword. */
INLINE __m512i
byte_of(__m512i v, int i)
{
    return _mm512_and_si512(_mm512_srli_epi32(v, (unsigned)(8 * i)),
                            _mm512_set1_epi32(255));
}

INLINE __m512i
signed_byte_of(__m512i v, int i)
{
    return _mm512_srai_epi32(_mm512_slli_epi32(v, (unsigned)(24 - 8 * i)), 24);
}

INLINE __m512i
broadcast(const void *p)
{
    return _mm512_set1_epi32(*(const int *)p);
}

/* Columns of a tile.  Six fit the registers too, and are not faster. */
#define TILE 4

typedef void tile_fn(const struct sov_panel *p, const void *act, size_t stride,
                     float *f);

/* All columns, in tiles. */
static inline void
by_tiles(tile_fn *const tiles[TILE + 1], const struct sov_panel *p,
         const void *act, size_t stride, size_t n, float *f)
{
    const unsigned char *a = act;

    for (; n >= TILE; n -= TILE) {
        tiles[TILE](p, a, stride, f);
        a += TILE * stride;
        f += TILE * SOV_PANEL_ROWS;
    }
    if (n > 0)
        tiles[n](p, a, stride, f);
}

/*
 * NAME(), a multiplication as struct sov_panel_type has it, of step(p, how,
 * act, stride, n, f) for n columns; four copies of it know their n.
 */
#define TILE_OF(NAME, step, how, n)                                    \
    static void NAME##_##n(const struct sov_panel *p, const void *act, \
                           size_t stride, float *f)                    \
    {                                                                  \
        step(p, how, act, stride, n, f);                               \
    }
#define TILES_OF(NAME, step, how)                                             \
    TILE_OF(NAME, step, how, 1)                                               \
    TILE_OF(NAME, step, how, 2)                                               \
    TILE_OF(NAME, step, how, 3)                                               \
    TILE_OF(NAME, step, how, 4)                                               \
    static void NAME(const struct sov_panel *p, const void *act,              \
                     size_t stride, size_t n, float *f)                       \
    {                                                                         \
        static tile_fn *const tiles[] = { NULL, NAME##_1, NAME##_2, NAME##_3, \
                                          NAME##_4 };                         \
                                                                              \
        by_tiles(tiles, p, act, stride, n, f);                                \
    }

/* type_NAME and many_NAME, of unpack_NAME() for a half of a panel. */
#define PANEL(name, mul, file_bytes, act_type)                        \
    static void both_##name(const unsigned char *rows, size_t stride, \
                            struct sov_panel *p)                      \
    {                                                                 \
        unpack_##name(rows, stride, p, 0);                            \
        unpack_##name(rows + 16 * stride, stride, p, 1);              \
    }                                                                 \
    static const struct sov_panel_type type_##name = {                \
        both_##name, mul, file_bytes, sizeof(struct act_type)         \
    };                                                                \
    SOV_PANEL_DOT(name)

#endif

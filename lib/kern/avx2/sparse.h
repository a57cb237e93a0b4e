/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sparse.h - blocks that keep some of each 64 weights, as bytes, AVX2
 *
 * The layout is drawn in quant/sparse.h.
 */
#ifndef SOV_KERN_AVX2_SPARSE_H
#define SOV_KERN_AVX2_SPARSE_H

#include "kern/expand.h"
#include "kern/generic/blocks.h"
#include "kern/unroll.h"
#include "quant/sparse.h"

#include <immintrin.h>

/* Values of a part and zeros behind them, which set bits too many get. */
#define SPARSE_VALUES 72

/* The values of parts 2 half and 2 half + 1. */
INLINE void
sparse_values(const uint8_t *block, int keep, int bits, int half,
              int8_t v[2][SPARSE_VALUES])
{
    const uint8_t *p = block + SOV_SPARSE_VALUES;
    const __m128i four = _mm_set1_epi8(15);
    const __m128i eight = _mm_set1_epi8(8);
    int i;

    if (bits == 8) {
        memcpy(v[0], p + 2 * half * keep, (size_t)keep);
        memcpy(v[1], p + (2 * half + 1) * keep, (size_t)keep);
        return;
    }
    p += half * keep;
    UNROLL
    for (i = 0; i < keep; i += 8) {
        __m128i x = _mm_loadl_epi64((const void *)(p + i));
        __m128i low = _mm_and_si128(x, four);
        __m128i high = _mm_and_si128(_mm_srli_epi16(x, 4), four);

        _mm_storel_epi64((void *)(v[0] + i), _mm_sub_epi8(low, eight));
        _mm_storel_epi64((void *)(v[1] + i), _mm_sub_epi8(high, eight));
    }
}

/* 64 weights of the values v. */
INLINE void
sparse_expand(uint64_t mask, const int8_t v[SPARSE_VALUES], int8_t q[64])
{
    int i;

    UNROLL
    for (i = 0; i < 8; i++, mask >>= 8) {
        __m128i x = _mm_loadl_epi64((const void *)v);
        __m128i at = _mm_loadl_epi64((const void *)(sov_expand + (mask & 255)));

        _mm_storel_epi64((void *)(q + 8 * i), _mm_shuffle_epi8(x, at));
        v += __builtin_popcountll(mask & 255);
    }
}

/* All weights of a block, as sov_sparse_weights() has them. */
INLINE void
sparse_weights(const uint8_t *block, int keep, int bits, int8_t q[256])
{
    int8_t v[2][SPARSE_VALUES] = { { 0 } };
    int half;

    for (half = 0; half < 2; half++) {
        const uint8_t *masks = block + SOV_SPARSE_MASKS + 16 * half;

        sparse_values(block, keep, bits, half, v);
        sparse_expand(sov_le64(masks), v[0], q + 128 * half);
        sparse_expand(sov_le64(masks + 8), v[1], q + 128 * half + 64);
    }
}

/* In place of the readers of kern/generic. */
#define SPARSE(name, SYM, keep, bits)                              \
    INLINE void read_##name(const void *block, struct sov_w256 *w) \
    {                                                              \
        int i;                                                     \
                                                                   \
        w->d = sov_half_at(block);                                 \
        for (i = 0; i < 16; i++)                                   \
            w->sc[i] = (int16_t)sov_sparse_scale(block, i / 4);    \
        sparse_weights(block, keep, bits, w->q);                   \
    }
#include "quant/sparse.def"
#undef SPARSE

#endif

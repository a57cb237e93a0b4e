/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sparse.h - blocks that keep some of each 64 weights, AVX-512 with VBMI2
 *
 * vpexpandb puts what a part keeps where the bits of its mask are, 64 weights
 * at once, and a zero where there is none.  (It expands a register: from memory
 * it is slow on Zen 4.)  Weights come as unsigned bytes, 8 or 128 too large,
 * and so do the zeros.
 */
#ifndef SOV_KERN_AVX512VBMI_SPARSE_H
#define SOV_KERN_AVX512VBMI_SPARSE_H

#include "kern/unroll.h"
#include "quant/sparse.h"

#include <immintrin.h>

/* n bytes, 8, 16, 24 or 32, and what may be behind them is 0. */
INLINE __m256i
sparse_load(const unsigned char *p, int n)
{
    if (n == 32)
        return _mm256_loadu_si256((const __m256i *)(const void *)p);
    if (n == 16)
        return _mm256_zextsi128_si256(_mm_loadu_si128((const void *)p));
    if (n == 8)
        return _mm256_zextsi128_si256(_mm_loadl_epi64((const void *)p));
    return _mm256_maskz_loadu_epi8((__mmask32)((UINT64_C(1) << n) - 1), p);
}

/* Weights of a part; of its mask no more bits than it may have. */
INLINE __m512i
sparse_expand(const unsigned char *block, int keep, int part, __m256i v,
              __m512i zero)
{
    uint64_t mask = sov_le64(block + SOV_SPARSE_MASKS + 8 * part);

    mask = _pdep_u64((UINT64_C(1) << keep) - 1, mask);
    return _mm512_mask_expand_epi8(zero, mask, _mm512_castsi256_si512(v));
}

/* All weights of a block. */
INLINE void
sparse_weights(const unsigned char *block, int keep, int bits, __m512i w[4])
{
    const unsigned char *v = block + SOV_SPARSE_VALUES;
    const __m512i zero = _mm512_set1_epi8((char)(1 << (bits - 1)));
    const __m256i sign = _mm256_set1_epi8((char)-128);
    const __m256i four = _mm256_set1_epi8(15);
    int i;

    UNROLL
    for (i = 0; i < 4 && bits == 8; i++)
        w[i] = sparse_expand(
            block, keep, i,
            _mm256_xor_si256(sparse_load(v + i * keep, keep), sign), zero);
    UNROLL
    for (i = 0; i < 2 && bits == 4; i++) {
        __m256i x = sparse_load(v + i * keep, keep);
        __m256i high = _mm256_and_si256(_mm256_srli_epi16(x, 4), four);

        w[2 * i] =
            sparse_expand(block, keep, 2 * i, _mm256_and_si256(x, four), zero);
        w[2 * i + 1] = sparse_expand(block, keep, 2 * i + 1, high, zero);
    }
}

#endif

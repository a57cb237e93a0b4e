/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sparse.c - rows of blocks that keep some of each 64 weights, AVX2
 *
 * A block is expanded to bytes once for all columns.  Weights give their signs
 * to the activations, so that they are the unsigned side of the products.
 */
#include "config.h"

#include "kern/avx2/sparse.h"
#include "kern/overlay.h"

#include <math.h>

/* Pairs of products of 32 weights, times their scale. */
INLINE __m256i
sparse_products(const int8_t *q, const int8_t *x, int sc)
{
    __m256i w = _mm256_load_si256((const __m256i *)(const void *)q);
    __m256i a = _mm256_loadu_si256((const __m256i *)(const void *)x);
    __m256i t =
        _mm256_maddubs_epi16(_mm256_abs_epi8(w), _mm256_sign_epi8(a, w));

    return _mm256_madd_epi16(t, _mm256_set1_epi16((short)sc));
}

INLINE int32_t
sparse_sum(const int8_t q[256], const uint8_t *block, const int8_t *x)
{
    __m256i sum = _mm256_setzero_si256();
    __m128i s;
    int i;

    UNROLL
    for (i = 0; i < 8; i++)
        sum = _mm256_add_epi32(sum,
                               sparse_products(q + 32 * i, x + 32 * i,
                                               sov_sparse_scale(block, i / 2)));
    s = _mm_add_epi32(_mm256_castsi256_si128(sum),
                      _mm256_extracti128_si256(sum, 1));
    s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4e));
    s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0xb1));
    return _mm_cvtsi128_si32(s);
}

INLINE void
sparse_row(int keep, int bits, const uint8_t *row, const unsigned char *act,
           size_t act_stride, size_t n_cols, size_t n, float *y,
           size_t y_stride)
{
    int8_t q[256] __attribute__((aligned(32)));
    size_t i, c;

    for (c = 0; c < n_cols; c++)
        y[c * y_stride] = 0;
    for (i = 0; i < n / 256; i++, row += SOV_SPARSE_BYTES(keep, bits)) {
        float d = _mm_cvtss_f32(_mm_cvtph_ps(_mm_cvtsi32_si128(sov_le16(row))));

        sparse_weights(row, keep, bits, q);
        for (c = 0; c < n_cols; c++) {
            const struct sov_a256 *a =
                (const struct sov_a256 *)(const void *)(act + c * act_stride) +
                i;

            y[c * y_stride] = fmaf(d * a->d, (float)sparse_sum(q, row, a->q),
                                   y[c * y_stride]);
        }
    }
}

#define SPARSE(name, SYM, keep, bits)                                         \
    static void dot_##name(const void *w, size_t w_stride, size_t n_w,        \
                           const void *act, size_t act_stride, size_t n_cols, \
                           size_t n, float *y, size_t y_stride)               \
    {                                                                         \
        const uint8_t *row = w;                                               \
        size_t r;                                                             \
                                                                              \
        for (r = 0; r < n_w; r++, row += w_stride)                            \
            sparse_row(keep, bits, row, act, act_stride, n_cols, n, y + r,    \
                       y_stride);                                             \
    }
#include "quant/sparse.def"
#undef SPARSE

void
sov_kern_avx2_sparse(struct sov_kern *k)
{
#define SPARSE(name, SYM, keep, bits) k->dot[SOV_TYPE_##SYM] = dot_##name;
#include "quant/sparse.def"
#undef SPARSE
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sparse.c - rows of blocks that keep some of each 64 weights, AVX-512 with
 * VBMI2 and VNNI
 *
 * A register has 64 weights of one row.  Four rows go together, step by step,
 * for up to four columns: activations are loaded once for all rows, weights are
 * expanded once for all columns, and lanes are added at the end, see
 * avx512/four.h.
 *
 * Lanes of products of four bits fit 16 bits: those of two parts are packed and
 * multiplied by their scales in one step.  There scales are the high bytes of
 * words, so that one shuffle makes them, and sums are 256 times too large until
 * the end; even then no lane is above 2^31: 15 * 127 * 8 * 2^15 of products and
 * 2 * 2^15 * 127 * 16 * 8 of what they start with.
 */
#include "config.h"

#include "kern/avx512/four.h"
#include "kern/avx512vbmi/sparse.h"
#include "kern/overlay.h"

#define COLS 4

/* The scales of a block as the high bytes of words: four of part at, then four
 * of the next, in each 128 bits. */
INLINE vec
sparse_scales(vec sc, int at)
{
    const vec first =
        V_BYTES(-1, 0, -1, 0, -1, 0, -1, 0, -1, 1, -1, 1, -1, 1, -1, 1);
    const vec later =
        V_BYTES(-1, 2, -1, 2, -1, 2, -1, 2, -1, 3, -1, 3, -1, 3, -1, 3);

    return _mm512_shuffle_epi8(sc, at == 0 ? first : later);
}

/* What takes back that weights are too large: a lane for 32 of them, 256 times
 * the scale times the sum of their activations, less. */
INLINE __m256i
sparse_less(vec sc, const struct sov_a256 *a)
{
    const __m256i word = _mm256_setr_epi8(-1, 0, -1, 0, -1, 0, -1, 0, -1, 1, -1,
                                          1, -1, 1, -1, 1, -1, 2, -1, 2, -1, 2,
                                          -1, 2, -1, 3, -1, 3, -1, 3, -1, 3);
    __m256i sums = _mm256_loadu_si256((const __m256i *)(const void *)a->sum);

    sums = _mm256_sub_epi16(_mm256_setzero_si256(), sums);
    return _mm256_madd_epi16(
        _mm256_shuffle_epi8(_mm512_castsi512_si256(sc), word), sums);
}

/* Lanes of the sum of a row's block with a column. */
INLINE vec
sparse_sum(const vec w[4], vec sc, const vec by[4], int bits,
           const struct sov_a256 *a)
{
    __m256i less = sparse_less(sc, a);
    vec t[4], sum;
    int i;

    UNROLL
    for (i = 0; i < 4; i++)
        t[i] = v_dot(v_zero(), w[i], _mm512_loadu_si512(a->q + 64 * i));
    if (bits == 4) {
        sum = _mm512_zextsi256_si512(_mm256_slli_epi32(less, 3));
        sum = v_dot16(sum, v_pack16(t[0], t[1]), by[0]);
        sum = v_dot16(sum, v_pack16(t[2], t[3]), by[1]);
        return _mm512_srai_epi32(sum, 8);
    }
    sum = _mm512_zextsi256_si512(_mm256_srai_epi32(less, 1));
    UNROLL
    for (i = 0; i < 4; i++)
        sum = v_add32(sum, _mm512_mullo_epi32(t[i], by[i]));
    return sum;
}

/* A block of a row with all columns. */
INLINE void
sparse_block(const unsigned char *p, int keep, int bits, int n_cols,
             const unsigned char *act, size_t act_stride, vec sum[COLS])
{
    vec sc = v_set32((int)sov_le32(p + SOV_SPARSE_SCALES));
    vec w[4], by[4];
    int i, c;

    sparse_weights(p, keep, bits, w);
    if (bits == 4) {
        by[0] = sparse_scales(sc, 0);
        by[1] = sparse_scales(sc, 2);
    } else {
        UNROLL
        for (i = 0; i < 4; i++)
            by[i] = v_set32(sov_sparse_scale(p, i));
    }
    UNROLL
    for (c = 0; c < n_cols; c++)
        sum[c] = sparse_sum(w, sc, by, bits,
                            (const void *)(act + (size_t)c * act_stride));
}

/* See rows_fn. */
INLINE void
sparse_rows(int keep, int bits, int n_cols, const unsigned char *w,
            size_t stride, const unsigned char *act, size_t act_stride,
            size_t n, float *y)
{
    const size_t bytes = SOV_SPARSE_BYTES((size_t)keep, (size_t)bits);
    const unsigned char *next = ahead_of(w, stride);
    __m128 acc[COLS];
    float lanes[ROWS];
    size_t i, r;
    int c;

    UNROLL
    for (c = 0; c < n_cols; c++)
        acc[c] = _mm_setzero_ps();
    for (i = 0; i < n / 256; i++, w += bytes) {
        __m128 d = whole_floats(w, stride);
        vec sum[COLS][ROWS], one[COLS];

        UNROLL
        for (r = 0; r < ROWS; r++) {
            whole_ahead(next, 0);
            whole_ahead(next, 1);
            next += bytes;
            sparse_block(w + r * stride, keep, bits, n_cols, act, act_stride,
                         one);
            UNROLL
            for (c = 0; c < n_cols; c++)
                sum[c][r] = one[c];
        }
        UNROLL
        for (c = 0; c < n_cols; c++) {
            const struct sov_a256 *a =
                (const void *)(act + (size_t)c * act_stride);

            acc[c] = _mm_fmadd_ps(_mm_mul_ps(d, _mm_set1_ps(a->d)),
                                  _mm_cvtepi32_ps(whole_sums4(sum[c])), acc[c]);
        }
        act += sizeof(struct sov_a256);
    }
    UNROLL
    for (c = 0; c < n_cols; c++) {
        _mm_storeu_ps(lanes, acc[c]);
        for (r = 0; r < ROWS; r++)
            y[4 * r + (size_t)c] = lanes[r];
    }
}

#define SPARSE_COLUMNS(name, keep, bits, n_cols)                              \
    static void rows_##name##_##n_cols(const unsigned char *w, size_t stride, \
                                       const unsigned char *act,              \
                                       size_t act_stride, size_t n, float *y) \
    {                                                                         \
        sparse_rows(keep, bits, n_cols, w, stride, act, act_stride, n, y);    \
    }
#define SPARSE(name, SYM, keep, bits)   \
    SPARSE_COLUMNS(name, keep, bits, 1) \
    SPARSE_COLUMNS(name, keep, bits, 2) \
    SPARSE_COLUMNS(name, keep, bits, 3) \
    SPARSE_COLUMNS(name, keep, bits, 4) \
    DOT(name)
#include "quant/sparse.def"
#undef SPARSE

void
sov_kern_avx512vbmi_sparse(struct sov_kern *k)
{
#define SPARSE(name, SYM, keep, bits) k->dot[SOV_TYPE_##SYM] = dot_##name;
#include "quant/sparse.def"
#undef SPARSE
}

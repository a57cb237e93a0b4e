/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dot.c - integer dot products of a row of blocks, AVX-512 with VNNI
 *
 * Super-blocks: products of unsigned weights and signed activations are added
 * in pairs to 16 bits (63 * 127 * 2 fits), and those in pairs to 32 bits, times
 * the scale of their sub-block.  Blocks of 32: products are added by fours to
 * 32 bits; weights are taken with an offset that makes them unsigned, which
 * the sum of the activations takes back.
 */
#include "config.h"

#include "base/le.h"
#include "kern/overlay.h"

#include <immintrin.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))
#ifdef __clang__
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 8")
#endif

/* Super-blocks that are unpacked at once when there are many columns. */
#define CHUNK 8

/* How far ahead of the reader memory is asked for. */
#define AHEAD 3072

INLINE __m512i
load(const void *p)
{
    return _mm512_loadu_si512(p);
}

/* 32 bytes, twice */
INLINE __m512i
load_twice(const void *p)
{
    return _mm512_broadcast_i64x4(_mm256_loadu_si256((const __m256i *)p));
}

INLINE float
half(const unsigned char *p)
{
    return _cvtsh_ss(sov_le16(p));
}

/* a in the lower half, b in the upper */
INLINE __m512i
halves(long long a, long long b)
{
    return _mm512_setr_epi64(a, a, a, a, b, b, b, b);
}

INLINE __m256i
fold(__m512i v)
{
    return _mm256_add_epi32(_mm512_castsi512_si256(v),
                            _mm512_extracti64x4_epi64(v, 1));
}

/* Lanes of four sums of eight. */
INLINE __m128i
reduce4(__m256i a, __m256i b, __m256i c, __m256i d)
{
    __m256i s =
        _mm256_hadd_epi32(_mm256_hadd_epi32(a, b), _mm256_hadd_epi32(c, d));

    return _mm_add_epi32(_mm256_castsi256_si128(s),
                         _mm256_extracti128_si256(s, 1));
}

INLINE void
ahead(const unsigned char *p, size_t bytes)
{
    size_t i;

    for (i = 0; i < bytes; i += 64)
        _mm_prefetch((const char *)p + AHEAD + i, _MM_HINT_T0);
}

typedef void row_fn(const unsigned char *row, const unsigned char *act,
                    size_t stride, size_t n_cols, size_t n, float *y);

/* Columns that a row's sums are kept for. */
#define COLUMNS 32

INLINE void
rows(row_fn *one, const unsigned char *w, size_t w_stride, size_t n_w,
     const unsigned char *act, size_t act_stride, size_t n_cols, size_t n,
     float *y, size_t y_stride)
{
    float sums[COLUMNS];
    size_t c0, c, r, some;

    for (r = 0; r < n_w; r++, w += w_stride)
        for (c0 = 0; c0 < n_cols; c0 += some) {
            some = n_cols - c0 < COLUMNS ? n_cols - c0 : COLUMNS;
            one(w, act + c0 * act_stride, act_stride, some, n, sums);
            for (c = 0; c < some; c++)
                y[(c0 + c) * y_stride + r] = sums[c];
        }
}

#define DOT(type)                                                             \
    static void dot_##type(const void *w, size_t w_stride, size_t n_w,        \
                           const void *act, size_t act_stride, size_t n_cols, \
                           size_t n, float *y, size_t y_stride)               \
    {                                                                         \
        rows(row_##type, w, w_stride, n_w, act, act_stride, n_cols, n, y,     \
             y_stride);                                                       \
    }

/* ---- super-blocks of 256 */

struct head {
    float d, dmin;
    __m256i sc; /* int16, of 16 weights each */
    __m256i m;  /* int16, what the sums of activations are taken times */
};

typedef void head_fn(const unsigned char *block, struct head *h);
typedef __m512i part_fn(const unsigned char *block, int k); /* 64 weights */

/* What m is for. */
enum sums {
    MINS,   /* a sum of its own */
    OFFSET, /* taken from the sum of products */
};

/* The scales of weights 64 k to 64 k + 63, as the pairs of 16 bits need them */
INLINE __m512i
spread(__m256i sc, int k)
{
    const __m512i lane =
        _mm512_set_epi16(3, 3, 3, 3, 3, 3, 3, 3, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1,
                         1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0);

    return _mm512_permutexvar_epi16(
        _mm512_add_epi16(lane, _mm512_set1_epi16((short)(4 * k))),
        _mm512_castsi256_si512(sc));
}

/*
 * The eight scales and mins of Q4_K and Q5_K (see generic/dot.c), four bytes
 * at a time.
 */
INLINE void
head_k4(const unsigned char *block, struct head *h)
{
    const __m256i twice_low =
        _mm256_setr_epi16(0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7);
    const __m256i twice_high = _mm256_setr_epi16(8, 8, 9, 9, 10, 10, 11, 11, 12,
                                                 12, 13, 13, 14, 14, 15, 15);
    uint32_t a = sov_le32(block + 4);
    uint32_t b = sov_le32(block + 8);
    uint32_t c = sov_le32(block + 12);
    __m256i wide = _mm256_cvtepu8_epi16(_mm_set_epi32(
        (int)((c >> 4 & 0x0f0f0f0f) | (b >> 2 & 0x30303030)),
        (int)(b & 0x3f3f3f3f), (int)((c & 0x0f0f0f0f) | (a >> 2 & 0x30303030)),
        (int)(a & 0x3f3f3f3f)));

    h->d = half(block);
    h->dmin = half(block + 2);
    h->sc = _mm256_permutexvar_epi16(twice_low, wide);
    h->m = _mm256_permutexvar_epi16(twice_high, wide);
}

INLINE __m512i
part_q4_k(const unsigned char *block, int k)
{
    __m512i q =
        _mm512_srlv_epi64(load_twice(block + 16 + 32 * k), halves(0, 4));

    return _mm512_and_si512(q, _mm512_set1_epi8(15));
}

/* Bit j of a byte goes to bit 4: a turn by 4 - j. */
INLINE __m512i
part_q5_k(const unsigned char *block, int k)
{
    __m512i low =
        _mm512_srlv_epi64(load_twice(block + 48 + 32 * k), halves(0, 4));
    __m512i high = _mm512_rolv_epi64(
        load_twice(block + 16), halves((4 - 2 * k) & 63, (3 - 2 * k) & 63));

    return _mm512_or_si512(_mm512_and_si512(low, _mm512_set1_epi8(15)),
                           _mm512_and_si512(high, _mm512_set1_epi8(16)));
}

INLINE void
head_q6_k(const unsigned char *block, struct head *h)
{
    h->d = half(block + 208);
    h->dmin = 0;
    h->sc =
        _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(block + 192)));
    h->m = _mm256_slli_epi16(h->sc, 5);
}

/* Bits 2 t, 2 t + 1 of a byte go to bits 4, 5: a turn by 4 - 2 t. */
INLINE __m512i
part_q6_k(const unsigned char *block, int k)
{
    __m512i low =
        _mm512_srli_epi64(load(block + k / 2 * 64), (unsigned)(k % 2 * 4));
    __m512i high = _mm512_rolv_epi64(
        load_twice(block + 128 + k / 2 * 32),
        halves((4 - 4 * (k % 2)) & 63, (2 - 4 * (k % 2)) & 63));

    return _mm512_or_si512(_mm512_and_si512(low, _mm512_set1_epi8(15)),
                           _mm512_and_si512(high, _mm512_set1_epi8(48)));
}

INLINE __m512i
add_products(__m512i sum, __m512i w, const int8_t *a, __m512i s)
{
    return _mm512_dpwssd_epi32(sum, _mm512_maddubs_epi16(w, load(a)), s);
}

/* acc and the sums of one column and super-block */
INLINE __m128
step1(__m128 acc, const struct head *h, const struct sov_a256 *a, __m512i sum,
      enum sums sums)
{
    __m256i isum = fold(sum);
    __m256i msum =
        _mm256_madd_epi16(h->m, _mm256_loadu_si256((const __m256i *)a->sum));
    __m128 da = _mm_load_ss(&a->d);
    __m128 d = _mm_mul_ss(_mm_set_ss(h->d), da);
    __m128 f;

    if (sums == OFFSET)
        isum = _mm256_sub_epi32(isum, msum);
    f = _mm_cvtepi32_ps(reduce4(isum, msum, isum, msum));
    acc = _mm_fmadd_ss(d, f, acc);
    if (sums == MINS)
        acc = _mm_fnmadd_ss(_mm_mul_ss(_mm_set_ss(h->dmin), da),
                            _mm_movehdup_ps(f), acc);
    return acc;
}

INLINE void
one_column(head_fn *head, part_fn *part, enum sums sums, size_t bytes,
           const unsigned char *row, const struct sov_a256 *a, size_t n,
           float *y)
{
    __m128 acc = _mm_setzero_ps();
    size_t i;
    int k;

    for (i = 0; i < n; i += 256, row += bytes, a++) {
        struct head h;
        __m512i s = _mm512_setzero_si512();

        ahead(row, bytes);
        head(row, &h);
        UNROLL
        for (k = 0; k < 4; k++)
            s = add_products(s, part(row, k), a->q + 64 * k, spread(h.sc, k));
        acc = step1(acc, &h, a, s, sums);
    }
    _mm_store_ss(y, acc);
}

struct unpacked {
    __m512i w[4];
    __m512i s[4];
    struct head h;
};

INLINE const struct sov_a256 *
piece(const unsigned char *act, size_t stride, size_t c, size_t i)
{
    return (const struct sov_a256 *)(const void *)(act + c * stride) + i;
}

INLINE __m512i
sum_unpacked(const struct unpacked *u, const struct sov_a256 *a)
{
    __m512i s = _mm512_setzero_si512();
    int k;

    UNROLL
    for (k = 0; k < 4; k++)
        s = add_products(s, u->w[k], a->q + 64 * k, u->s[k]);
    return s;
}

/* Four columns over n super-blocks from the at-th on; acc in y. */
INLINE void
four_columns(const struct unpacked *u, size_t n, size_t at, enum sums sums,
             const unsigned char *act, size_t stride, float *y)
{
    __m128 acc = _mm_loadu_ps(y);
    size_t i;
    int c;

    for (i = 0; i < n; i++, u++) {
        __m256i s[4], m[4];
        __m128 da, d;

        UNROLL
        for (c = 0; c < 4; c++) {
            const struct sov_a256 *a = piece(act, stride, (size_t)c, at + i);

            s[c] = fold(sum_unpacked(u, a));
            m[c] = _mm256_madd_epi16(
                u->h.m, _mm256_loadu_si256((const __m256i *)a->sum));
            if (sums == OFFSET)
                s[c] = _mm256_sub_epi32(s[c], m[c]);
        }
        da = _mm_setr_ps(
            piece(act, stride, 0, at + i)->d, piece(act, stride, 1, at + i)->d,
            piece(act, stride, 2, at + i)->d, piece(act, stride, 3, at + i)->d);
        d = _mm_mul_ps(_mm_set1_ps(u->h.d), da);
        acc = _mm_fmadd_ps(d, _mm_cvtepi32_ps(reduce4(s[0], s[1], s[2], s[3])),
                           acc);
        if (sums == MINS)
            acc = _mm_fnmadd_ps(
                _mm_mul_ps(_mm_set1_ps(u->h.dmin), da),
                _mm_cvtepi32_ps(reduce4(m[0], m[1], m[2], m[3])), acc);
    }
    _mm_storeu_ps(y, acc);
}

INLINE void
columns(head_fn *head, part_fn *part, enum sums sums, size_t bytes,
        const unsigned char *row, const unsigned char *act, size_t stride,
        size_t n_cols, size_t n, float *y)
{
    struct unpacked u[CHUNK];
    size_t n_super = n / 256;
    size_t at, i, c, many;
    int k;

    memset(y, 0, n_cols * sizeof(*y));
    for (at = 0; at < n_super; at += CHUNK) {
        many = n_super - at < CHUNK ? n_super - at : CHUNK;
        for (i = 0; i < many; i++, row += bytes) {
            head(row, &u[i].h);
            UNROLL
            for (k = 0; k < 4; k++) {
                u[i].w[k] = part(row, k);
                u[i].s[k] = spread(u[i].h.sc, k);
            }
        }
        for (c = 0; c + 4 <= n_cols; c += 4)
            four_columns(u, many, at, sums, act + c * stride, stride, y + c);
        for (; c < n_cols; c++) {
            __m128 acc = _mm_load_ss(y + c);

            for (i = 0; i < many; i++) {
                const struct sov_a256 *a = piece(act, stride, c, at + i);

                acc = step1(acc, &u[i].h, a, sum_unpacked(&u[i], a), sums);
            }
            _mm_store_ss(y + c, acc);
        }
    }
}

#define DOT_A256(type, bytes, head, sums)                                      \
    static void row_##type(const unsigned char *row, const unsigned char *act, \
                           size_t act_stride, size_t n_cols, size_t n,         \
                           float *y)                                           \
    {                                                                          \
        if (n_cols == 1)                                                       \
            one_column(head, part_##type, sums, bytes, row, (const void *)act, \
                       n, y);                                                  \
        else                                                                   \
            columns(head, part_##type, sums, bytes, row, act, act_stride,      \
                    n_cols, n, y);                                             \
    }

DOT_A256(q4_k, 144, head_k4, MINS)
DOT(q4_k)
DOT_A256(q5_k, 176, head_k4, MINS)
DOT(q5_k)
DOT_A256(q6_k, 210, head_q6_k, OFFSET)
DOT(q6_k)

/* ---- eight blocks of 32 */

/*
 * The weights of eight blocks with an offset of 1 << shift, or without one
 * (NO_SHIFT) but with mins, and the scales.
 */
struct eight {
    __m512i w[4];
    __m256 d;
    __m256 m;
};

#define NO_SHIFT (-1)

typedef void eight_fn(const unsigned char *blocks, struct eight *e);

INLINE __m256
scales8(const unsigned char *p, size_t bytes)
{
    return _mm256_cvtph_ps(_mm_setr_epi16(
        (short)sov_le16(p), (short)sov_le16(p + bytes),
        (short)sov_le16(p + 2 * bytes), (short)sov_le16(p + 3 * bytes),
        (short)sov_le16(p + 4 * bytes), (short)sov_le16(p + 5 * bytes),
        (short)sov_le16(p + 6 * bytes), (short)sov_le16(p + 7 * bytes)));
}

INLINE void
eight_q8_0(const unsigned char *p, struct eight *e)
{
    int k;

    UNROLL
    for (k = 0; k < 4; k++) {
        __m256i a = _mm256_loadu_si256((const __m256i *)(p + 68 * k + 2));
        __m256i b = _mm256_loadu_si256((const __m256i *)(p + 68 * k + 36));

        e->w[k] = _mm512_xor_si512(
            _mm512_inserti64x4(_mm512_castsi256_si512(a), b, 1),
            _mm512_set1_epi8((char)-128));
    }
    e->d = scales8(p, 34);
}

/* Two blocks of nibbles, the low ones of each first. */
INLINE __m512i
nibbles(const unsigned char *a, const unsigned char *b)
{
    __m128i va = _mm_loadu_si128((const __m128i *)a);
    __m128i vb = _mm_loadu_si128((const __m128i *)b);
    __m512i q = _mm512_inserti64x4(
        _mm512_castsi256_si512(_mm256_broadcastsi128_si256(va)),
        _mm256_broadcastsi128_si256(vb), 1);

    q = _mm512_srlv_epi64(q, _mm512_setr_epi64(0, 0, 4, 4, 0, 0, 4, 4));
    return _mm512_and_si512(q, _mm512_set1_epi8(15));
}

/* The 32 bits at a and those at b are worth 16 each. */
INLINE __m512i
fifth_bits(__m512i q, const unsigned char *a, const unsigned char *b)
{
    uint64_t bits = (uint64_t)sov_le32(b) << 32 | sov_le32(a);

    return _mm512_mask_add_epi8(q, (__mmask64)bits, q, _mm512_set1_epi8(16));
}

INLINE void
eight_q4_0(const unsigned char *p, struct eight *e)
{
    int k;

    UNROLL
    for (k = 0; k < 4; k++)
        e->w[k] = nibbles(p + 36 * k + 2, p + 36 * k + 20);
    e->d = scales8(p, 18);
}

INLINE void
eight_q4_1(const unsigned char *p, struct eight *e)
{
    int k;

    UNROLL
    for (k = 0; k < 4; k++)
        e->w[k] = nibbles(p + 40 * k + 4, p + 40 * k + 24);
    e->d = scales8(p, 20);
    e->m = scales8(p + 2, 20);
}

INLINE void
eight_q5_0(const unsigned char *p, struct eight *e)
{
    int k;

    UNROLL
    for (k = 0; k < 4; k++)
        e->w[k] = fifth_bits(nibbles(p + 44 * k + 6, p + 44 * k + 28),
                             p + 44 * k + 2, p + 44 * k + 24);
    e->d = scales8(p, 22);
}

INLINE void
eight_q5_1(const unsigned char *p, struct eight *e)
{
    int k;

    UNROLL
    for (k = 0; k < 4; k++)
        e->w[k] = fifth_bits(nibbles(p + 48 * k + 8, p + 48 * k + 32),
                             p + 48 * k + 4, p + 48 * k + 28);
    e->d = scales8(p, 24);
    e->m = scales8(p + 2, 24);
}

/* p of eight blocks, see kern.h */
INLINE __m256
products8(const struct eight *e, const struct sov_a32 *a, int shift)
{
    const __m512i zero = _mm512_setzero_si512();
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    __m512i s0 = _mm512_dpbusd_epi32(zero, e->w[0], load(a->q));
    __m512i s1 = _mm512_dpbusd_epi32(zero, e->w[1], load(a->q + 64));
    __m512i s2 = _mm512_dpbusd_epi32(zero, e->w[2], load(a->q + 128));
    __m512i s3 = _mm512_dpbusd_epi32(zero, e->w[3], load(a->q + 192));
    __m512i t0 = _mm512_add_epi32(_mm512_unpacklo_epi32(s0, s1),
                                  _mm512_unpackhi_epi32(s0, s1));
    __m512i t1 = _mm512_add_epi32(_mm512_unpacklo_epi32(s2, s3),
                                  _mm512_unpackhi_epi32(s2, s3));
    /* each 128 bits: a quarter of w[0], w[1], w[2], w[3] */
    __m512i u = _mm512_add_epi32(_mm512_unpacklo_epi64(t0, t1),
                                 _mm512_unpackhi_epi64(t0, t1));
    __m256i lo = _mm512_castsi512_si256(u);
    __m256i hi = _mm512_extracti64x4_epi64(u, 1);
    /* even blocks, then odd ones */
    __m256i isum = _mm256_add_epi32(_mm256_permute2x128_si256(lo, hi, 0x20),
                                    _mm256_permute2x128_si256(lo, hi, 0x31));
    __m256 p;

    isum = _mm256_permutevar8x32_epi32(isum, order);
    if (shift != NO_SHIFT)
        isum = _mm256_sub_epi32(
            isum, _mm256_slli_epi32(_mm256_loadu_si256((const __m256i *)a->sum),
                                    shift));
    p = _mm256_mul_ps(_mm256_mul_ps(e->d, _mm256_loadu_ps(a->d)),
                      _mm256_cvtepi32_ps(isum));
    if (shift == NO_SHIFT)
        p = _mm256_add_ps(p, _mm256_mul_ps(e->m, _mm256_loadu_ps(a->s)));
    return p;
}

INLINE __m128
tree_add(__m128 acc, __m256 p)
{
    __m256 h = _mm256_hadd_ps(p, p);
    __m128 s;

    h = _mm256_hadd_ps(h, h);
    s = _mm_add_ss(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));
    return _mm_add_ss(acc, s);
}

INLINE const struct sov_a32 *
piece32(const unsigned char *act, size_t stride, size_t c, size_t i)
{
    return (const struct sov_a32 *)(const void *)(act + c * stride) + i;
}

/* The weights of the eight blocks, or fewer, from weight i on. */
INLINE void
unpack_rest(eight_fn *unpack, size_t bytes, const unsigned char *row,
            size_t left, struct eight *e)
{
    unsigned char rest[8 * 34] = { 0 };

    if (left >= 256) {
        unpack(row, e);
        return;
    }
    /* blocks that are missing have scale 0 */
    memcpy(rest, row, left / 32 * bytes);
    unpack(rest, e);
}

INLINE void
one_column32(eight_fn *unpack, size_t bytes, int shift,
             const unsigned char *row, const struct sov_a32 *a, size_t n,
             float *y)
{
    __m128 acc = _mm_setzero_ps();
    struct eight e;
    size_t i;

    for (i = 0; i + 256 <= n; i += 256, row += 8 * bytes, a++) {
        ahead(row, 8 * bytes);
        unpack(row, &e);
        acc = tree_add(acc, products8(&e, a, shift));
    }
    if (i < n) {
        unpack_rest(unpack, bytes, row, n - i, &e);
        acc = tree_add(acc, products8(&e, a, shift));
    }
    _mm_store_ss(y, acc);
}

INLINE void
four_columns32(const struct eight *e, size_t n, size_t at, int shift,
               const unsigned char *act, size_t stride, float *y)
{
    __m128 acc = _mm_loadu_ps(y);
    size_t i;

    for (i = 0; i < n; i++, e++) {
        __m256 p0 = products8(e, piece32(act, stride, 0, at + i), shift);
        __m256 p1 = products8(e, piece32(act, stride, 1, at + i), shift);
        __m256 p2 = products8(e, piece32(act, stride, 2, at + i), shift);
        __m256 p3 = products8(e, piece32(act, stride, 3, at + i), shift);
        __m256 h =
            _mm256_hadd_ps(_mm256_hadd_ps(p0, p1), _mm256_hadd_ps(p2, p3));

        acc = _mm_add_ps(acc, _mm_add_ps(_mm256_castps256_ps128(h),
                                         _mm256_extractf128_ps(h, 1)));
    }
    _mm_storeu_ps(y, acc);
}

INLINE void
columns32(eight_fn *unpack, size_t bytes, int shift, const unsigned char *row,
          const unsigned char *act, size_t stride, size_t n_cols, size_t n,
          float *y)
{
    struct eight e[CHUNK];
    size_t n_eights = (n + 255) / 256;
    size_t at, i, c, many;

    memset(y, 0, n_cols * sizeof(*y));
    for (at = 0; at < n_eights; at += CHUNK) {
        many = n_eights - at < CHUNK ? n_eights - at : CHUNK;
        for (i = 0; i < many; i++, row += 8 * bytes)
            unpack_rest(unpack, bytes, row, n - 256 * (at + i), &e[i]);
        for (c = 0; c + 4 <= n_cols; c += 4)
            four_columns32(e, many, at, shift, act + c * stride, stride, y + c);
        for (; c < n_cols; c++) {
            __m128 acc = _mm_load_ss(y + c);

            for (i = 0; i < many; i++)
                acc = tree_add(
                    acc,
                    products8(&e[i], piece32(act, stride, c, at + i), shift));
            _mm_store_ss(y + c, acc);
        }
    }
}

#define DOT_A32(type, bytes, shift)                                            \
    static void row_##type(const unsigned char *row, const unsigned char *act, \
                           size_t act_stride, size_t n_cols, size_t n,         \
                           float *y)                                           \
    {                                                                          \
        if (n_cols == 1)                                                       \
            one_column32(eight_##type, bytes, shift, row, (const void *)act,   \
                         n, y);                                                \
        else                                                                   \
            columns32(eight_##type, bytes, shift, row, act, act_stride,        \
                      n_cols, n, y);                                           \
    }

DOT_A32(q8_0, 34, 7)
DOT(q8_0)
DOT_A32(q4_0, 18, 3)
DOT(q4_0)
DOT_A32(q4_1, 20, NO_SHIFT)
DOT(q4_1)
DOT_A32(q5_0, 22, 4)
DOT(q5_0)
DOT_A32(q5_1, 24, NO_SHIFT)
DOT(q5_1)

void
sov_kern_avx512_dot(struct sov_kern *k)
{
    k->dot[SOV_TYPE_Q8_0] = dot_q8_0;
    k->dot[SOV_TYPE_Q4_0] = dot_q4_0;
    k->dot[SOV_TYPE_Q4_1] = dot_q4_1;
    k->dot[SOV_TYPE_Q5_0] = dot_q5_0;
    k->dot[SOV_TYPE_Q5_1] = dot_q5_1;
    k->dot[SOV_TYPE_Q4_K] = dot_q4_k;
    k->dot[SOV_TYPE_Q5_K] = dot_q5_k;
    k->dot[SOV_TYPE_Q6_K] = dot_q6_k;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dot.c - integer dot products of a row of blocks, AVX2
 *
 * Products of unsigned weights and signed activations are added in pairs to 16
 * bits (63 * 127 * 2 and 128 * 127 * 2 fit), and those in pairs to 32 bits,
 * times the scale of their sub-block where there is one.
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

INLINE __m256i
load(const void *p)
{
    return _mm256_loadu_si256((const __m256i *)p);
}

INLINE float
half(const unsigned char *p)
{
    return _cvtsh_ss(sov_le16(p));
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
typedef __m256i part_fn(const unsigned char *block, int k); /* 32 weights */

/* What m is for. */
enum sums {
    MINS,   /* a sum of its own */
    OFFSET, /* taken from the sum of products */
};

/* The scales of weights 32 k to 32 k + 31, as the pairs of 16 bits need them */
INLINE __m256i
spread(__m256i sc, int k)
{
    const __m256i pair = _mm256_setr_epi16(
        0x0100, 0x0100, 0x0100, 0x0100, 0x0100, 0x0100, 0x0100, 0x0100, 0x0302,
        0x0302, 0x0302, 0x0302, 0x0302, 0x0302, 0x0302, 0x0302);
    __m256i both = k < 4 ? _mm256_permute2x128_si256(sc, sc, 0x00)
                         : _mm256_permute2x128_si256(sc, sc, 0x11);

    return _mm256_shuffle_epi8(
        both, _mm256_add_epi8(pair, _mm256_set1_epi8((char)(4 * (k % 4)))));
}

/*
 * The eight scales and mins of Q4_K and Q5_K (see generic/dot.c), four bytes
 * at a time.
 */
INLINE void
head_k4(const unsigned char *block, struct head *h)
{
    const __m256i twice =
        _mm256_setr_epi8(0, 1, 0, 1, 2, 3, 2, 3, 4, 5, 4, 5, 6, 7, 6, 7, 8, 9,
                         8, 9, 10, 11, 10, 11, 12, 13, 12, 13, 14, 15, 14, 15);
    uint32_t a = sov_le32(block + 4);
    uint32_t b = sov_le32(block + 8);
    uint32_t c = sov_le32(block + 12);
    __m128i sc = _mm_set_epi32(
        (int)((c >> 4 & 0x0f0f0f0f) | (b >> 2 & 0x30303030)),
        (int)(b & 0x3f3f3f3f), (int)((c & 0x0f0f0f0f) | (a >> 2 & 0x30303030)),
        (int)(a & 0x3f3f3f3f));
    __m256i wide = _mm256_cvtepu8_epi16(sc); /* scales below, mins above */

    h->d = half(block);
    h->dmin = half(block + 2);
    h->sc = _mm256_shuffle_epi8(_mm256_permute4x64_epi64(wide, 0x50), twice);
    h->m = _mm256_shuffle_epi8(_mm256_permute4x64_epi64(wide, 0xfa), twice);
}

INLINE __m256i
part_q4_k(const unsigned char *block, int k)
{
    __m256i q = load(block + 16 + k / 2 * 32);

    return _mm256_and_si256(_mm256_srli_epi16(q, k % 2 * 4),
                            _mm256_set1_epi8(15));
}

INLINE __m256i
part_q5_k(const unsigned char *block, int k)
{
    __m256i low = _mm256_and_si256(
        _mm256_srli_epi16(load(block + 48 + k / 2 * 32), k % 2 * 4),
        _mm256_set1_epi8(15));
    __m256i high = _mm256_and_si256(_mm256_srli_epi16(load(block + 16), k),
                                    _mm256_set1_epi8(1));

    return _mm256_or_si256(low, _mm256_slli_epi16(high, 4));
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

INLINE __m256i
part_q6_k(const unsigned char *block, int k)
{
    __m256i low = load(block + k / 4 * 64 + k % 2 * 32);
    __m256i high = load(block + 128 + k / 4 * 32);

    low = _mm256_and_si256(_mm256_srli_epi16(low, k % 4 / 2 * 4),
                           _mm256_set1_epi8(15));
    high = _mm256_and_si256(_mm256_srli_epi16(high, k % 4 * 2),
                            _mm256_set1_epi8(3));
    return _mm256_or_si256(low, _mm256_slli_epi16(high, 4));
}

INLINE __m256i
products(__m256i w, const int8_t *a, __m256i s)
{
    return _mm256_madd_epi16(_mm256_maddubs_epi16(w, load(a)), s);
}

/* acc and the sums of one column and super-block */
INLINE __m128
step1(__m128 acc, const struct head *h, const struct sov_a256 *a, __m256i isum,
      enum sums sums)
{
    __m256i msum = _mm256_madd_epi16(h->m, load(a->sum));
    __m128 da = _mm_load_ss(&a->d);
    __m128 d = _mm_mul_ss(_mm_set_ss(h->d), da);
    __m128i i4;
    __m128 f;

    if (sums == OFFSET)
        isum = _mm256_sub_epi32(isum, msum);
    i4 = reduce4(isum, msum, isum, msum);
    f = _mm_cvtepi32_ps(i4);
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
        __m256i s = _mm256_setzero_si256();

        _mm_prefetch((const char *)row + 2048, _MM_HINT_T0);
        _mm_prefetch((const char *)row + 2048 + 64, _MM_HINT_T0);
        _mm_prefetch((const char *)row + 2048 + 128, _MM_HINT_T0);
        head(row, &h);
        UNROLL
        for (k = 0; k < 8; k++)
            s = _mm256_add_epi32(
                s, products(part(row, k), a->q + 32 * k, spread(h.sc, k)));
        acc = step1(acc, &h, a, s, sums);
    }
    _mm_store_ss(y, acc);
}

struct unpacked {
    __m256i w[8];
    __m256i s[8];
    struct head h;
};

INLINE const struct sov_a256 *
piece(const unsigned char *act, size_t stride, size_t c, size_t i)
{
    return (const struct sov_a256 *)(const void *)(act + c * stride) + i;
}

INLINE __m256i
sum_unpacked(const struct unpacked *u, const struct sov_a256 *a)
{
    __m256i s = _mm256_setzero_si256();
    int k;

    UNROLL
    for (k = 0; k < 8; k++)
        s = _mm256_add_epi32(s, products(u->w[k], a->q + 32 * k, u->s[k]));
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

        for (c = 0; c < 4; c++) {
            const struct sov_a256 *a = piece(act, stride, (size_t)c, at + i);

            s[c] = sum_unpacked(u, a);
            m[c] = _mm256_madd_epi16(u->h.m, load(a->sum));
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
            for (k = 0; k < 8; k++) {
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

/* The signed weights of eight blocks, their scales, and mins if they have. */
struct eight {
    __m256i w[8];
    __m256 d;
    __m256 m;
};

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
    int b;

    UNROLL
    for (b = 0; b < 8; b++)
        e->w[b] = load(p + 34 * b + 2);
    e->d = scales8(p, 34);
}

/* 16 bytes of nibbles, the low ones first */
INLINE __m256i
nibbles(const unsigned char *p)
{
    __m128i q = _mm_loadu_si128((const __m128i *)p);

    return _mm256_and_si256(_mm256_set_m128i(_mm_srli_epi16(q, 4), q),
                            _mm256_set1_epi8(15));
}

/* Bit j of four bytes is worth 16 in byte j. */
INLINE __m256i
fifth_bits(const unsigned char *p)
{
    const __m256i spread = _mm256_setr_epi64x(
        0, 0x0101010101010101, 0x0202020202020202, 0x0303030303030303);
    const __m256i bit = _mm256_set1_epi64x((long long)0x8040201008040201);
    __m256i v =
        _mm256_shuffle_epi8(_mm256_set1_epi32((int)sov_le32(p)), spread);

    return _mm256_and_si256(_mm256_cmpeq_epi8(_mm256_and_si256(v, bit), bit),
                            _mm256_set1_epi8(16));
}

INLINE void
eight_q4_0(const unsigned char *p, struct eight *e)
{
    int b;

    UNROLL
    for (b = 0; b < 8; b++)
        e->w[b] = _mm256_sub_epi8(nibbles(p + 18 * b + 2), _mm256_set1_epi8(8));
    e->d = scales8(p, 18);
}

INLINE void
eight_q4_1(const unsigned char *p, struct eight *e)
{
    int b;

    UNROLL
    for (b = 0; b < 8; b++)
        e->w[b] = nibbles(p + 20 * b + 4);
    e->d = scales8(p, 20);
    e->m = scales8(p + 2, 20);
}

INLINE void
eight_q5_0(const unsigned char *p, struct eight *e)
{
    int b;

    UNROLL
    for (b = 0; b < 8; b++)
        e->w[b] = _mm256_sub_epi8(_mm256_or_si256(nibbles(p + 22 * b + 6),
                                                  fifth_bits(p + 22 * b + 2)),
                                  _mm256_set1_epi8(16));
    e->d = scales8(p, 22);
}

INLINE void
eight_q5_1(const unsigned char *p, struct eight *e)
{
    int b;

    UNROLL
    for (b = 0; b < 8; b++)
        e->w[b] = _mm256_or_si256(nibbles(p + 24 * b + 8),
                                  fifth_bits(p + 24 * b + 4));
    e->d = scales8(p, 24);
    e->m = scales8(p + 2, 24);
}

INLINE __m256i
product32(__m256i w, const int8_t *a)
{
    __m256i p =
        _mm256_maddubs_epi16(_mm256_abs_epi8(w), _mm256_sign_epi8(load(a), w));

    return _mm256_madd_epi16(p, _mm256_set1_epi16(1));
}

/* p of eight blocks, see kern.h */
INLINE __m256
products8(const struct eight *e, const struct sov_a32 *a, bool mins)
{
    __m256 p;
    __m256i lo =
        _mm256_hadd_epi32(_mm256_hadd_epi32(product32(e->w[0], a->q),
                                            product32(e->w[1], a->q + 32)),
                          _mm256_hadd_epi32(product32(e->w[2], a->q + 64),
                                            product32(e->w[3], a->q + 96)));
    __m256i hi =
        _mm256_hadd_epi32(_mm256_hadd_epi32(product32(e->w[4], a->q + 128),
                                            product32(e->w[5], a->q + 160)),
                          _mm256_hadd_epi32(product32(e->w[6], a->q + 192),
                                            product32(e->w[7], a->q + 224)));
    __m256i isum = _mm256_add_epi32(_mm256_permute2x128_si256(lo, hi, 0x20),
                                    _mm256_permute2x128_si256(lo, hi, 0x31));

    p = _mm256_mul_ps(_mm256_mul_ps(e->d, _mm256_loadu_ps(a->d)),
                      _mm256_cvtepi32_ps(isum));
    if (mins)
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

INLINE void
columns_a32(eight_fn *unpack, size_t bytes, bool mins, const unsigned char *row,
            const unsigned char *act, size_t stride, size_t n_cols, size_t n,
            float *y)
{
    unsigned char rest[8 * 34];
    size_t i, c;

    memset(y, 0, n_cols * sizeof(*y));
    for (i = 0; i < n; i += 256, row += 8 * bytes) {
        struct eight e;

        _mm_prefetch((const char *)row + 2048, _MM_HINT_T0);
        _mm_prefetch((const char *)row + 2048 + 64, _MM_HINT_T0);
        _mm_prefetch((const char *)row + 2048 + 128, _MM_HINT_T0);
        if (bytes > 18) {
            _mm_prefetch((const char *)row + 2048 + 192, _MM_HINT_T0);
            _mm_prefetch((const char *)row + 2048 + 256, _MM_HINT_T0);
        }
        if (n - i < 256) {
            /* blocks that are missing have scale 0 */
            memset(rest, 0, sizeof(rest));
            memcpy(rest, row, (n - i) / 32 * bytes);
            row = rest;
        }
        unpack(row, &e);
        for (c = 0; c < n_cols; c++) {
            const struct sov_a32 *a =
                (const struct sov_a32 *)(const void *)(act + c * stride) +
                i / 256;

            _mm_store_ss(y + c,
                         tree_add(_mm_load_ss(y + c), products8(&e, a, mins)));
        }
    }
}

#define DOT_A32(type, bytes, mins)                                             \
    static void row_##type(const unsigned char *row, const unsigned char *act, \
                           size_t act_stride, size_t n_cols, size_t n,         \
                           float *y)                                           \
    {                                                                          \
        columns_a32(eight_##type, bytes, mins, row, act, act_stride, n_cols,   \
                    n, y);                                                     \
    }

DOT_A32(q8_0, 34, false)
DOT(q8_0)
DOT_A32(q4_0, 18, false)
DOT(q4_0)
DOT_A32(q4_1, 20, true)
DOT(q4_1)
DOT_A32(q5_0, 22, false)
DOT(q5_0)
DOT_A32(q5_1, 24, true)
DOT(q5_1)

void
sov_kern_avx2_dot(struct sov_kern *k)
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

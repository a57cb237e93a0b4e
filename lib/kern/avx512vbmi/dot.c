/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dot.c - rows of lattice points, AVX-512 with VBMI
 *
 * A register has the codes of 64 points (codes.h), of two rows or of one, and
 * shifts make of it one coordinate of all of them, or two.  The activations are
 * put in that order once for all rows: four bytes beside each other belong to
 * weights with one scale, so that the lanes of vpdpbusd are the sums that
 * scales are for.  Signs meet the activations; the signs of one coordinate are
 * a mask.  Eight rows go together.
 */
#include "config.h"

#include "kern/avx512/row.h"
#include "kern/avx512vbmi/points.h"
#include "kern/overlay.h"
#include "kern/rows.h"
#include "quant/layout.h"

#define GROUP 8
#define COLS  4

/* Super-blocks whose activations are kept in their order. */
#define PIECES 64

typedef void points_fn(const unsigned char *a, const unsigned char *b,
                       struct points *p);

/* Activations of a super-block in the order of a form. */
struct planes {
    int8_t q[256];
    int32_t start[16]; /* ternary points: -9 times the sums of lanes */
};

static alignas(64) uint8_t order[3][256];

/* Where the activation at place i stands in its super-block. */
static unsigned
place(enum form form, unsigned i)
{
    unsigned v, j, p;

    if (form == EIGHT)
        return i % 32 * 8 + i / 32;
    if (form == FOUR)
        return i % 64 * 4 + i / 64;
    v = i / 128;
    j = i / 32 % 4;
    p = i % 32 / 2;
    return (p / 8 * 16 + v * 8 + p % 8) * 8 + i % 2 * 4 + j;
}

static void
make_orders(void)
{
    unsigned i;
    int form;

    for (form = 0; form < 3; form++)
        for (i = 0; i < 256; i++)
            order[form][i] = (uint8_t)place((enum form)form, i);
}

static void
put_in_order(enum form form, const struct sov_a256 *a, size_t n,
             struct planes *x)
{
    const __m512i nine = _mm512_set1_epi32(-9);
    size_t i;
    int k;

    for (i = 0; i < n; i++, a++, x++) {
        UNROLL
        for (k = 0; k < 256; k += 64) {
            __m512i at = _mm512_load_si512(order[form] + k);
            __mmask64 high = _mm512_movepi8_mask(at);

            _mm512_storeu_si512(x->q + k, lookup(a->q, 256, at, &high));
        }
        if (form == EIGHT) {
            __m256i s = _mm256_cvtepi16_epi32(load16(a->sum32));

            _mm256_storeu_si256(
                (__m256i *)x->start,
                _mm256_mullo_epi32(s, _mm512_castsi512_si256(nine)));
        } else if (form == EIGHT_16) {
            __m512i s = _mm512_cvtepi16_epi32(
                _mm256_loadu_si256((const __m256i *)a->sum));

            s = _mm512_shuffle_i64x2(s, s, 0xd8);
            _mm512_storeu_si512(x->start, _mm512_mullo_epi32(s, nine));
        }
    }
}

/* ---- one register of points and its activations */

/* Lanes of the sums of n_cols columns. */
INLINE void
points_dot(const struct points *p, enum form form, bool ternary, __m512i values,
           const struct planes *const *x, int n_cols, __m512i *sum)
{
    int steps = form == FOUR ? 2 : 4;
    __m512i acc[2][COLS];
    int v, j, c;

    UNROLL
    for (c = 0; c < n_cols; c++)
        for (v = 0; v < 2; v++)
            acc[v][c] = ternary && (v == 0 || form == EIGHT_16)
                            ? _mm512_broadcast_i64x4(_mm256_loadu_si256(
                                  (const __m256i *)(x[c]->start + 8 * v)))
                            : _mm512_setzero_si512();
    UNROLL
    for (v = 0; v < 2; v++)
        UNROLL
    for (j = 0; j < steps; j++) {
        int bit = form == EIGHT_16 ? j : steps * v + j;
        __mmask64 minus = 0;
        __m512i w = _mm512_permutexvar_epi8(
            _mm512_srli_epi16(p->code[v], (unsigned)(8 / steps * j)), values);

        if (ternary)
            w = _mm512_mask_add_epi8(w, p->more[v], w, _mm512_set1_epi8(2));
        else
            minus = _mm512_test_epi8_mask(p->signs[v],
                                          _mm512_set1_epi8((char)(1 << bit)));
        UNROLL
        for (c = 0; c < n_cols; c++) {
            const int8_t *q = x[c]->q + 256 / (2 * steps) * (v * steps + j);
            __m512i u = form == FOUR
                            ? _mm512_loadu_si512(q)
                            : _mm512_broadcast_i64x4(
                                  _mm256_loadu_si256((const __m256i *)q));

            if (!ternary)
                u = _mm512_mask_sub_epi8(u, minus, _mm512_setzero_si512(), u);
            acc[v][c] = _mm512_dpbusd_epi32(acc[v][c], w, u);
        }
    }
    UNROLL
    for (c = 0; c < n_cols; c++)
        sum[c] = form == EIGHT_16
                     ? _mm512_add_epi32(_mm512_mullo_epi32(acc[0][c], p->sc[0]),
                                        _mm512_mullo_epi32(acc[1][c], p->sc[1]))
                     : _mm512_mullo_epi32(
                           _mm512_add_epi32(acc[0][c], acc[1][c]), p->sc[0]);
}

/* Halves of a and of b, added: low ones and high ones. */
INLINE __m256i
add_pairs(__m512i v)
{
    __m256i a = _mm512_castsi512_si256(v);
    __m256i b = _mm512_extracti64x4_epi64(v, 1);

    return _mm256_add_epi32(_mm256_permute2x128_si256(a, b, 0x20),
                            _mm256_permute2x128_si256(a, b, 0x31));
}

/* The sums of eight rows: each register has those of rows k and k + 4. */
INLINE __m256i
sums_of_pairs(const __m512i s[4])
{
    return add_pairs(v_sums4(s[0], s[1], s[2], s[3]));
}

/* ... or each has those of one row. */
INLINE __m256i
sums_of_rows(const __m512i s[8])
{
    __m512i a = v_sums4(s[0], s[1], s[2], s[3]);
    __m512i b = v_sums4(s[4], s[5], s[6], s[7]);

    return add_pairs(_mm512_add_epi32(_mm512_shuffle_i64x2(a, b, 0x88),
                                      _mm512_shuffle_i64x2(a, b, 0xdd)));
}

/* ---- rows */

struct type {
    points_fn *points;
    uint16_t (*half)(const unsigned char *p); /* d */
    enum form form;
    bool ternary;
    uint64_t levels; /* what codes stand for, over and over */
    size_t bytes;
    float factor;
};

/* Eight rows and up to COLS columns. */
struct block {
    const unsigned char *row[GROUP];
    const struct planes *x[COLS];
    const struct sov_a256 *a[COLS];
    size_t n; /* super-blocks */
};

INLINE __m256
halves(const struct type *t, const struct block *b, size_t at)
{
#define H(i) (short)t->half(b->row[i] + at)
    __m128i h = _mm_setr_epi16(H(0), H(1), H(2), H(3), H(4), H(5), H(6), H(7));
#undef H
    return _mm256_mul_ps(_mm256_cvtph_ps(h), _mm256_set1_ps(t->factor));
}

/* acc[c] and the products with column c, a lane for each row */
INLINE void
block_dot(const struct type *t, const struct block *b, int n_cols, __m256 *acc)
{
    const __m512i values = _mm512_set1_epi64((long long)t->levels);
    const unsigned char *next = b->row[GROUP - 1] + AHEAD;
    size_t i, at;
    int n_sums = t->form == FOUR ? 8 : 4;
    int c, k;

    for (i = at = 0; i < b->n; i++, at += t->bytes) {
        const struct planes *x[COLS];
        __m512i s[COLS][8];
        __m256 d;

        ahead(next, t->bytes);
        ahead(next + ROWS * t->bytes, t->bytes);
        next += GROUP * t->bytes;
        d = halves(t, b, at);
        UNROLL
        for (c = 0; c < n_cols; c++)
            x[c] = b->x[c] + i;
        for (k = 0; k < n_sums; k++) {
            struct points p;
            __m512i sum[COLS];

            t->points(b->row[k] + at, b->row[(k + 4) % 8] + at, &p);
            points_dot(&p, t->form, t->ternary, values, x, n_cols, sum);
            UNROLL
            for (c = 0; c < n_cols; c++)
                s[c][k] = sum[c];
        }
        UNROLL
        for (c = 0; c < n_cols; c++) {
            __m256i sum =
                t->form == FOUR ? sums_of_rows(s[c]) : sums_of_pairs(s[c]);

            acc[c] =
                _mm256_fmadd_ps(_mm256_mul_ps(d, _mm256_set1_ps(b->a[c][i].d)),
                                _mm256_cvtepi32_ps(sum), acc[c]);
        }
    }
}

/*
 * All rows, up to COLS columns and PIECES super-blocks; what is before them is
 * in y.
 */
INLINE void
columns(const struct type *t, const unsigned char *w, size_t stride, size_t n_w,
        struct block *b, int n_cols, float *y, size_t y_stride)
{
    size_t r, i;
    int c;

    for (r = 0; r < n_w; r += GROUP) {
        __mmask8 some =
            n_w - r < GROUP ? (__mmask8)((1u << (n_w - r)) - 1) : 0xff;
        __m256 acc[COLS];

        /* rows that are not there are the last once more */
        for (i = 0; i < GROUP; i++)
            b->row[i] = w + (r + i < n_w ? r + i : n_w - 1) * stride;
        UNROLL
        for (c = 0; c < n_cols; c++)
            acc[c] = _mm256_maskz_loadu_ps(some, y + (size_t)c * y_stride + r);
        block_dot(t, b, n_cols, acc);
        UNROLL
        for (c = 0; c < n_cols; c++)
            _mm256_mask_storeu_ps(y + (size_t)c * y_stride + r, some, acc[c]);
    }
}

INLINE void
dot(const struct type *t, const unsigned char *w, size_t w_stride, size_t n_w,
    const unsigned char *act, size_t act_stride, size_t n_cols, size_t n,
    float *y, size_t y_stride)
{
    alignas(64) struct planes x[COLS][PIECES];
    size_t c, i, j, many;

    for (c = 0; c < n_cols; c += many, y += many * y_stride) {
        many = n_cols - c < COLS ? n_cols - c : n_cols - c == 5 ? 3 : COLS;
        for (j = 0; j < many; j++)
            memset(y + j * y_stride, 0, n_w * sizeof(*y));
        for (i = 0; i < n / 256; i += PIECES) {
            struct block b = { .n = n / 256 - i < PIECES ? n / 256 - i
                                                         : PIECES };

            for (j = 0; j < many; j++) {
                b.a[j] =
                    (const struct sov_a256 *)(const void *)(act +
                                                            (c + j) *
                                                                act_stride) +
                    i;
                b.x[j] = x[j];
                put_in_order(t->form, b.a[j], b.n, x[j]);
            }
#define DO(k) columns(t, w + i * t->bytes, w_stride, n_w, &b, k, y, y_stride)
            if (many == 1)
                DO(1);
            else if (many == 2)
                DO(2);
            else if (many == 3)
                DO(3);
            else
                DO(4);
#undef DO
        }
    }
}

/* ---- the types */

INLINE uint16_t
half_of_iq1_m(const unsigned char *p)
{
    return (uint16_t)_pext_u64(sov_le64(p + 48), 0xf000f000f000f000);
}

INLINE uint16_t
half_first(const unsigned char *p)
{
    return sov_le16(p);
}

#define LEVELS_IQ1     0x0010080000100800 /* 8 (point + 1) */
#define LEVELS_IQ2     0x002b1908002b1908
#define LEVELS_IQ3_XXS 0x3e342c241c140c04
#define LEVELS_IQ3_S   0x0f0d0b0907050301

/* name, type, where d is, form, ternary, levels, factor of d */
/* clang-format off */
#define EACH(DO)                                                               \
    DO(iq1_s,   IQ1_S,   half_first,    EIGHT,    true,  LEVELS_IQ1,     0.125f) \
    DO(iq1_m,   IQ1_M,   half_of_iq1_m, EIGHT_16, true,  LEVELS_IQ1,     0.125f) \
    DO(iq2_xxs, IQ2_XXS, half_first,    EIGHT,    false, LEVELS_IQ2,     0.125f) \
    DO(iq2_xs,  IQ2_XS,  half_first,    EIGHT_16, false, LEVELS_IQ2,     0.125f) \
    DO(iq2_s,   IQ2_S,   half_first,    EIGHT_16, false, LEVELS_IQ2,     0.125f) \
    DO(iq3_xxs, IQ3_XXS, half_first,    FOUR,     false, LEVELS_IQ3_XXS, 0.25f)  \
    DO(iq3_s,   IQ3_S,   half_first,    FOUR,     false, LEVELS_IQ3_S,   1.0f)
/* clang-format on */

#define TYPE(name, SYM, half, form, ternary, levels, factor)                   \
    static void dot_##name(const void *w, size_t w_stride, size_t n_w,         \
                           const void *act, size_t act_stride, size_t n_cols,  \
                           size_t n, float *y, size_t y_stride)                \
    {                                                                          \
        static const struct type t = { points_##name, half,   form,            \
                                       ternary,       levels, SOV_BYTES_##SYM, \
                                       factor };                               \
                                                                               \
        dot(&t, w, w_stride, n_w, act, act_stride, n_cols, n, y, y_stride);    \
    }
EACH(TYPE)

void
sov_kern_avx512vbmi_dot(struct sov_kern *k)
{
    make_all_codes();
    make_orders();
#define SLOT(name, SYM, half, form, ternary, levels, factor) \
    k->dot[SOV_TYPE_##SYM] = dot_##name;
    EACH(SLOT)
}

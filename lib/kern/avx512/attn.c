/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attn.c - attention over keys and values in eight bits, AVX-512 VNNI
 *
 * Two ways to the same bits.  Few rows (decoding): the lanes are keys, and a
 * page of keys and values is loaded once for up to four rows.  Many rows: the
 * lanes are rows, 16 or 32 of them, and keys are broadcast; so the softmax
 * needs no sums and maxima across lanes.
 *
 * Pages mostly follow each other in memory and the machine itself fetches them
 * ahead; asking for them by hand made it slower.
 */
#include "config.h"

#include "kern/generic/exp.h"
#include "kern/overlay.h"

#include <immintrin.h>
#include <math.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 16")

#define KEYS  SOV_PAGE_KEYS
#define FEW   8 /* rows */
#define GROUP 4 /* rows that share a load */

INLINE __m512i
load_bytes(const void *p)
{
    return _mm512_loadu_si512(p);
}

INLINE __m512i
four_bytes(const void *p)
{
    int32_t x;

    memcpy(&x, p, sizeof(x));
    return _mm512_set1_epi32(x);
}

INLINE __m512
one_float(const unsigned char *p)
{
    float x;

    memcpy(&x, p, sizeof(x));
    return _mm512_set1_ps(x);
}

/* pow2 of kern.h; *some: where it is not 0 */
INLINE __m512
pow2_all(__m512 x, __mmask16 *some)
{
    const __m512 magic = _mm512_set1_ps(SOV_EXP_MAGIC);
    __m512 t = _mm512_add_ps(x, magic);
    __m512 r = _mm512_sub_ps(x, _mm512_sub_ps(t, magic));
    __m512 p = _mm512_fmadd_ps(_mm512_set1_ps(SOV_POW2_C4), r,
                               _mm512_set1_ps(SOV_POW2_C3));

    *some = _mm512_cmp_ps_mask(x, _mm512_set1_ps(SOV_POW2_MIN), _CMP_GE_OQ);
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(SOV_POW2_C2));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(SOV_POW2_C1));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f));
    return _mm512_castsi512_ps(_mm512_maskz_add_epi32(
        *some, _mm512_castps_si512(p),
        _mm512_slli_epi32(_mm512_castps_si512(t), 23)));
}

/* f of kern.h: 1 where the top did not change */
INLINE __m512
fading(__m512 m, __m512 top)
{
    __mmask16 more = _mm512_cmp_ps_mask(top, m, _CMP_GT_OQ);
    __mmask16 some;
    __m512 f = pow2_all(_mm512_sub_ps(m, top), &some);

    return _mm512_mask_mov_ps(_mm512_set1_ps(1.0f), more, f);
}

/* A soft limit of scores. */
INLINE __m512
limited(const struct sov_attn_span *a, __m512 x)
{
    __m512 y = _mm512_min_ps(_mm512_mul_ps(x, _mm512_set1_ps(a->cap_step)),
                             _mm512_set1_ps(SOV_CAP_MAX));
    __mmask16 some;

    y = _mm512_add_ps(pow2_all(y, &some), _mm512_set1_ps(1.0f));
    y = _mm512_div_ps(_mm512_set1_ps(2.0f * a->cap), y);
    return _mm512_sub_ps(_mm512_set1_ps(a->cap), y);
}

/* 255 / most, 0 for 0 */
INLINE __m512
per_step(__m512 most)
{
    __mmask16 some = _mm512_cmp_ps_mask(most, _mm512_setzero_ps(), _CMP_GT_OQ);

    return _mm512_maskz_div_ps(some, _mm512_set1_ps(255.0f), most);
}

INLINE __m512i
to_u8(__m512 w, __m512 n)
{
    return _mm512_cvtps_epi32(
        _mm512_min_ps(_mm512_mul_ps(w, n), _mm512_set1_ps(255.0f)));
}

/* 128 times the sum of q, less than 0: what the offset of the keys adds */
static int32_t
offset_of(const int8_t *q, size_t n)
{
    int32_t sum = 0;
    size_t i;

    for (i = 0; i < n; i++)
        sum += q[i];
    return -128 * sum;
}

/* ---- values: the same for both ways */

/*
 * o[r][16 * nd from d on] for rows of a group: u holds four bytes of each
 * group of four keys, u_stride bytes apart, u_row bytes from row to row.
 */
struct mix {
    const unsigned char *v; /* of the page */
    size_t v_pad;
    const unsigned char *u;
    size_t u_stride;
    size_t u_row;
    const float *c; /* [rows] */
    const float *f; /* [rows] */
    unsigned seen;  /* bit r: row r is there and sees a key */
    float *o;       /* [rows][v_pad] */
};

INLINE void
mix_part(const struct mix *x, size_t d, int rows, int nd)
{
    __m512i acc[GROUP][4];
    int g, r, j;

    for (r = 0; r < rows; r++)
        for (j = 0; j < nd; j++)
            acc[r][j] = _mm512_setzero_si512();
    for (g = 0; g < KEYS / 4; g++) {
        const unsigned char *v =
            x->v + (size_t)g * 4 * x->v_pad + 4 * d;
        __m512i vj[4];

        for (j = 0; j < nd; j++)
            vj[j] = load_bytes(v + 64 * j);
        for (r = 0; r < rows; r++) {
            __m512i u = four_bytes(x->u + (size_t)g * x->u_stride +
                                   (size_t)r * x->u_row);

            for (j = 0; j < nd; j++)
                acc[r][j] = _mm512_dpbusd_epi32(acc[r][j], u, vj[j]);
        }
    }
    for (r = 0; r < rows; r++) {
        float *o = x->o + (size_t)r * x->v_pad + d;

        if ((x->seen >> r & 1) == 0)
            continue;
        for (j = 0; j < nd; j++) {
            __m512 was = _mm512_mul_ps(_mm512_loadu_ps(o + 16 * j),
                                       _mm512_set1_ps(x->f[r]));

            _mm512_storeu_ps(o + 16 * j,
                             _mm512_fmadd_ps(_mm512_cvtepi32_ps(acc[r][j]),
                                             _mm512_set1_ps(x->c[r]), was));
        }
    }
}

INLINE void
mix_rows(const struct mix *x, int rows)
{
    size_t d;

    for (d = 0; d + 64 <= x->v_pad; d += 64)
        mix_part(x, d, rows, 4);
    for (; d < x->v_pad; d += 16)
        mix_part(x, d, rows, 1);
}

static void
mix_values(const struct mix *x, size_t rows)
{
    if (rows >= 4)
        mix_rows(x, 4);
    else if (rows == 3)
        mix_rows(x, 3);
    else if (rows == 2)
        mix_rows(x, 2);
    else
        mix_rows(x, 1);
}

/* ---- few rows: lanes are keys */

/* A group of rows in one page. */
struct few {
    const struct sov_attn_span *a;
    const unsigned char *p;
    size_t row;               /* the first */
    const int32_t *offset;    /* [rows] */
    uint64_t seen[GROUP];     /* bit for each key */
    float c[GROUP], f[GROUP]; /* out */
    uint8_t u[GROUP][KEYS];   /* out */
};

INLINE float
largest(__m512 v)
{
    __m256 h = _mm256_max_ps(_mm512_castps512_ps256(v),
                             _mm512_extractf32x8_ps(v, 1));
    __m128 s = _mm_max_ps(_mm256_castps256_ps128(h),
                          _mm256_extractf128_ps(h, 1));

    s = _mm_max_ps(s, _mm_movehl_ps(s, s));
    s = _mm_max_ss(s, _mm_movehdup_ps(s));
    return _mm_cvtss_f32(s);
}

/* l + (l + 8), then + 4, + 2, + 1 */
INLINE float
tree(__m512 v)
{
    __m256 h = _mm256_add_ps(_mm512_castps512_ps256(v),
                             _mm512_extractf32x8_ps(v, 1));
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(h),
                          _mm256_extractf128_ps(h, 1));

    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    s = _mm_add_ss(s, _mm_movehdup_ps(s));
    return _mm_cvtss_f32(s);
}

/* Softmax of row r of the group: x[4] are its integer scores. */
INLINE void
few_weights(struct few *w, int r, const __m512i sum[4])
{
    const struct sov_attn_span *a = w->a;
    const float *k_scale = (const void *)(w->p + a->page->k_scale);
    const float *v_scale = (const void *)(w->p + a->page->v_scale);
    size_t row = w->row + (size_t)r;
    __m512 q_scale = _mm512_set1_ps(a->q_scale[row]);
    __m512 m = _mm512_set1_ps(a->m[row]);
    __m512 top = m;
    __m512 most = _mm512_setzero_ps();
    __m512 x[4], n;
    __mmask16 some;
    int j;

    for (j = 0; j < 4; j++) {
        x[j] = _mm512_mul_ps(_mm512_cvtepi32_ps(sum[j]),
                             _mm512_loadu_ps(k_scale + 16 * j));
        x[j] = _mm512_mul_ps(x[j], q_scale);
        if (a->cap > 0)
            x[j] = limited(a, x[j]);
        x[j] = _mm512_mask_mov_ps(_mm512_set1_ps(-INFINITY),
                                  (__mmask16)(w->seen[r] >> 16 * j), x[j]);
        top = _mm512_max_ps(x[j], top);
    }
    a->m[row] = largest(top);
    top = _mm512_set1_ps(a->m[row]);
    w->f[r] = _mm512_cvtss_f32(fading(m, top));
    for (j = 0; j < 4; j++)
        x[j] = pow2_all(_mm512_sub_ps(x[j], top), &some);
    a->s[row] = a->s[row] * w->f[r] +
                tree(_mm512_add_ps(_mm512_add_ps(x[0], x[1]),
                                   _mm512_add_ps(x[2], x[3])));
    for (j = 0; j < 4; j++) {
        some = _mm512_cmp_ps_mask(x[j], _mm512_setzero_ps(), _CMP_GT_OQ);
        x[j] = _mm512_maskz_mul_ps(some, x[j],
                                   _mm512_loadu_ps(v_scale + 16 * j));
        most = _mm512_max_ps(x[j], most);
    }
    most = _mm512_set1_ps(largest(most));
    w->c[r] = _mm512_cvtss_f32(most) * (1.0f / 255.0f);
    n = per_step(most);
    for (j = 0; j < 4; j++)
        _mm_storeu_si128((__m128i *)(w->u[r] + 16 * j),
                         _mm512_cvtepi32_epi8(to_u8(x[j], n)));
}

INLINE void
few_page(struct few *w, int rows)
{
    const struct sov_attn_span *a = w->a;
    size_t k_pad = a->page->k_pad;
    const int8_t *q = a->q + w->row * k_pad;
    __m512i acc[GROUP][4];
    size_t d;
    int r, j;

    for (r = 0; r < rows; r++)
        for (j = 0; j < 4; j++)
            acc[r][j] = _mm512_set1_epi32(w->offset[r]);
    for (d = 0; d < k_pad; d += 4) {
        const unsigned char *k = w->p + KEYS * d;
        __m512i kj[4];

        for (j = 0; j < 4; j++)
            kj[j] = load_bytes(k + 64 * j);
        for (r = 0; r < rows; r++) {
            __m512i b = four_bytes(q + (size_t)r * k_pad + d);

            for (j = 0; j < 4; j++)
                acc[r][j] = _mm512_dpbusd_epi32(acc[r][j], kj[j], b);
        }
    }
    for (r = 0; r < rows; r++)
        few_weights(w, r, acc[r]);
}

static void
few_group(struct few *w, size_t rows)
{
    struct mix x = {
        .v = w->p + w->a->page->v, .v_pad = w->a->page->v_pad,
        .u = w->u[0], .u_stride = 4, .u_row = KEYS, .c = w->c, .f = w->f,
        .o = w->a->o + w->row * w->a->page->v_pad,
    };
    size_t r;

    for (r = 0; r < rows; r++)
        x.seen |= (unsigned)(w->seen[r] != 0) << r;
    if (x.seen == 0)
        return;
    if (rows == 4)
        few_page(w, 4);
    else if (rows == 3)
        few_page(w, 3);
    else if (rows == 2)
        few_page(w, 2);
    else
        few_page(w, 1);
    mix_values(&x, rows);
}

/* The keys of a page that begins with number `from` that a row sees. */
static uint64_t
keys_seen(uint32_t first, uint32_t end, size_t from)
{
    uint64_t bits = ~UINT64_C(0);

    if (end <= from || first >= from + KEYS || first >= end)
        return 0;
    if (end - from < KEYS)
        bits = (UINT64_C(1) << (end - from)) - 1;
    if (first > from)
        bits = bits >> (first - from) << (first - from);
    return bits;
}

static void
span_few(const struct sov_attn_span *a)
{
    struct few w = { .a = a };
    int32_t offset[FEW];
    size_t i, row, r;

    for (row = 0; row < a->n_rows; row++)
        offset[row] = offset_of(a->q + row * a->page->k_pad, a->page->k_pad);
    for (i = 0; i < a->n_pages; i++) {
        w.p = a->pages[i];
        for (row = 0; row < a->n_rows; row += GROUP) {
            size_t rows = a->n_rows - row < GROUP ? a->n_rows - row : GROUP;

            w.row = row;
            w.offset = offset + row;
            for (r = 0; r < rows; r++)
                w.seen[r] = keys_seen(a->first[row + r], a->end[row + r],
                                      i * KEYS);
            few_group(&w, rows);
        }
    }
}

/* ---- many rows: lanes are rows */

#define MOST SOV_SPAN_ROWS

struct many {
    const struct sov_attn_span *a;
    const unsigned char *p;
    size_t from;              /* number of the page's first key */
    bool whole;               /* every row sees every key */
    __m512i offset[2];
    __m512i first[2], end[2];
    __m512 q_scale[2];
    __m512 m[2], s[2];
    float x[KEYS][MOST];      /* scores, then w */
    uint32_t u[KEYS / 4][MOST];
    float c[MOST], f[MOST];
};

/* [n_rows][k_pad] to [k_pad / 4][16 * nv rows][4], zeros beyond n_rows */
static void
pack_rows(const struct sov_attn_span *a, size_t nv)
{
    size_t k_pad = a->page->k_pad;
    size_t r, d;

    for (d = 0; d < k_pad; d += 4)
        for (r = 0; r < 16 * nv; r++) {
            int8_t *to = a->room + d * 16 * nv + 4 * r;

            if (r < a->n_rows)
                memcpy(to, a->q + r * k_pad + d, 4);
            else
                memset(to, 0, 4);
        }
}

/* Scores of n keys from number key on; tops rise with them. */
INLINE void
many_scores(struct many *w, size_t key, int n, int nv, __m512 top[2])
{
    const struct sov_attn_span *a = w->a;
    const unsigned char *k = w->p + 4 * key;
    const unsigned char *k_scale = w->p + a->page->k_scale + 4 * key;
    __m512i acc[16][2];
    size_t d;
    int i, v;

    for (i = 0; i < n; i++)
        for (v = 0; v < nv; v++)
            acc[i][v] = w->offset[v];
    for (d = 0; d < a->page->k_pad; d += 4) {
        __m512i q[2];

        for (v = 0; v < nv; v++)
            q[v] = load_bytes(a->room + d * 16 * (size_t)nv + 64 * v);
        for (i = 0; i < n; i++) {
            __m512i b = four_bytes(k + KEYS * d + 4 * i);

            for (v = 0; v < nv; v++)
                acc[i][v] = _mm512_dpbusd_epi32(acc[i][v], b, q[v]);
        }
    }
    for (i = 0; i < n; i++)
        for (v = 0; v < nv; v++) {
            __m512 x = _mm512_mul_ps(_mm512_cvtepi32_ps(acc[i][v]),
                                     one_float(k_scale + 4 * i));

            x = _mm512_mul_ps(x, w->q_scale[v]);
            if (a->cap > 0)
                x = limited(a, x);
            if (!w->whole) {
                __m512i at =
                    _mm512_set1_epi32((int)(w->from + key) + i);
                __mmask16 seen =
                    _mm512_cmple_epu32_mask(w->first[v], at) &
                    _mm512_cmpgt_epu32_mask(w->end[v], at);

                x = _mm512_mask_mov_ps(_mm512_set1_ps(-INFINITY), seen, x);
            }
            top[v] = _mm512_max_ps(x, top[v]);
            _mm512_storeu_ps(w->x[key + (size_t)i] + 16 * v, x);
        }
}

/* e and w of vector v, and what follows from them. */
INLINE void
many_weights(struct many *w, int v, __m512 top)
{
    const unsigned char *v_scale = w->p + w->a->page->v_scale;
    __m512 f = fading(w->m[v], top);
    __m512 most = _mm512_setzero_ps();
    __m512 t[16];
    __m512 n;
    int l, i;

    UNROLL
    for (l = 0; l < 16; l++) {
        __m512 e[4];

        for (i = 0; i < 4; i++) {
            float *at = w->x[l + 16 * i] + 16 * v;
            __mmask16 some;
            __m512 x;

            e[i] = pow2_all(_mm512_sub_ps(_mm512_loadu_ps(at), top), &some);
            x = _mm512_maskz_mul_ps(some, e[i],
                                    one_float(v_scale + 4 * (l + 16 * i)));
            most = _mm512_max_ps(x, most);
            _mm512_storeu_ps(at, x);
        }
        t[l] = _mm512_add_ps(_mm512_add_ps(e[0], e[1]),
                             _mm512_add_ps(e[2], e[3]));
    }
    for (i = 8; i > 0; i /= 2)
        for (l = 0; l < i; l++)
            t[l] = _mm512_add_ps(t[l], t[l + i]);
    w->s[v] = _mm512_add_ps(_mm512_mul_ps(w->s[v], f), t[0]);
    w->m[v] = top;
    _mm512_storeu_ps(w->f + 16 * v, f);
    _mm512_storeu_ps(w->c + 16 * v,
                     _mm512_mul_ps(most, _mm512_set1_ps(1.0f / 255.0f)));
    n = per_step(most);
    for (i = 0; i < KEYS / 4; i++) {
        __m512i u[4];

        for (l = 0; l < 4; l++)
            u[l] = to_u8(_mm512_loadu_ps(w->x[4 * i + l] + 16 * v), n);
        u[0] = _mm512_or_si512(u[0], _mm512_slli_epi32(u[1], 8));
        u[2] = _mm512_or_si512(u[2], _mm512_slli_epi32(u[3], 8));
        _mm512_storeu_si512(w->u[i] + 16 * v,
                            _mm512_or_si512(u[0],
                                            _mm512_slli_epi32(u[2], 16)));
    }
}

INLINE void
many_page(struct many *w, int nv)
{
    const struct sov_attn_span *a = w->a;
    __m512 top[2] = { w->m[0], w->m[1] };
    struct mix x = {
        .v = w->p + a->page->v, .v_pad = a->page->v_pad,
        .u_stride = sizeof(w->u[0]), .u_row = sizeof(w->u[0][0]),
    };
    size_t key, row, r;
    int v;

    for (key = 0; key < KEYS; key += nv == 2 ? 8 : 16)
        many_scores(w, key, nv == 2 ? 8 : 16, nv, top);
    for (v = 0; v < nv; v++)
        many_weights(w, v, top[v]);
    for (row = 0; row < a->n_rows; row += GROUP) {
        size_t rows = a->n_rows - row < GROUP ? a->n_rows - row : GROUP;

        x.u = (const unsigned char *)(w->u[0] + row);
        x.c = w->c + row;
        x.f = w->f + row;
        x.o = a->o + row * a->page->v_pad;
        x.seen = (1u << rows) - 1;
        for (r = 0; r < rows && !w->whole; r++)
            if (keys_seen(a->first[row + r], a->end[row + r], w->from) == 0)
                x.seen &= ~(1u << r);
        mix_values(&x, rows);
    }
}

/* Pages at one end of a tile are seen by some rows alone. */
static bool
look_around(struct many *w)
{
    const struct sov_attn_span *a = w->a;
    bool some = false;
    size_t r;

    w->whole = true;
    for (r = 0; r < a->n_rows; r++) {
        uint64_t bits = keys_seen(a->first[r], a->end[r], w->from);

        some |= bits != 0;
        w->whole &= bits == ~UINT64_C(0);
    }
    return some;
}

static void
take_rows(struct many *w, size_t nv)
{
    const struct sov_attn_span *a = w->a;
    size_t k_pad = a->page->k_pad;
    uint32_t first[MOST] = { 0 };
    uint32_t end[MOST] = { 0 };
    float q_scale[MOST] = { 0 };
    int32_t offset[MOST] = { 0 };
    float m[MOST], s[MOST] = { 0 };
    size_t r, v;

    for (r = 0; r < MOST; r++)
        m[r] = -INFINITY;
    if (a->more) {
        memcpy(m, a->m, a->n_rows * sizeof(*m));
        memcpy(s, a->s, a->n_rows * sizeof(*s));
    }
    for (r = 0; r < a->n_rows; r++) {
        first[r] = a->first[r];
        end[r] = a->end[r];
        q_scale[r] = a->q_scale[r];
        offset[r] = offset_of(a->q + r * k_pad, k_pad);
    }
    for (v = 0; v < nv; v++) {
        w->first[v] = load_bytes(first + 16 * v);
        w->end[v] = load_bytes(end + 16 * v);
        w->offset[v] = load_bytes(offset + 16 * v);
        w->q_scale[v] = _mm512_loadu_ps(q_scale + 16 * v);
        w->m[v] = _mm512_loadu_ps(m + 16 * v);
        w->s[v] = _mm512_loadu_ps(s + 16 * v);
    }
    pack_rows(a, nv);
}

INLINE void
span_many(const struct sov_attn_span *a, int nv)
{
    struct many w;
    float m[MOST], s[MOST];
    size_t i;
    int v;

    w.a = a;
    w.m[1] = _mm512_setzero_ps();
    take_rows(&w, (size_t)nv);
    for (i = 0; i < a->n_pages; i++) {
        w.p = a->pages[i];
        w.from = i * KEYS;
        if (look_around(&w))
            many_page(&w, nv);
    }
    for (v = 0; v < nv; v++) {
        _mm512_storeu_ps(m + 16 * v, w.m[v]);
        _mm512_storeu_ps(s + 16 * v, w.s[v]);
    }
    memcpy(a->m, m, a->n_rows * sizeof(*m));
    memcpy(a->s, s, a->n_rows * sizeof(*s));
}

static void
span_16(const struct sov_attn_span *a)
{
    span_many(a, 1);
}

static void
span_32(const struct sov_attn_span *a)
{
    span_many(a, 2);
}

static void
attn_span(const struct sov_attn_span *a)
{
    size_t r;

    if (!a->more)
        memset(a->o, 0, a->n_rows * a->page->v_pad * sizeof(*a->o));
    if (a->n_rows > 16) {
        span_32(a);
    } else if (a->n_rows > FEW) {
        span_16(a);
    } else {
        for (r = 0; r < a->n_rows && !a->more; r++) {
            a->m[r] = -INFINITY;
            a->s[r] = 0;
        }
        span_few(a);
    }
}

static void
attn_add(float *m, float *s, float *o, float m1, float s1, const float *o1,
         size_t n)
{
    __m512 was = _mm512_set1_ps(*m);
    __m512 now = _mm512_set1_ps(m1);
    __m512 top = _mm512_max_ps(now, was);
    __m512 f = fading(was, top);
    __mmask16 some;
    __m512 g = m1 > *m ? _mm512_set1_ps(1.0f)
                       : pow2_all(_mm512_sub_ps(now, was), &some);
    size_t i;

    *m = _mm512_cvtss_f32(top);
    *s = fmaf(s1, _mm512_cvtss_f32(g), *s * _mm512_cvtss_f32(f));
    for (i = 0; i < n; i += 16)
        _mm512_storeu_ps(
            o + i,
            _mm512_fmadd_ps(_mm512_loadu_ps(o1 + i), g,
                            _mm512_mul_ps(_mm512_loadu_ps(o + i), f)));
}

/* ---- turning, and bytes */

INLINE __mmask16
mask_of(size_t n)
{
    return (__mmask16)(n < 16 ? (1u << n) - 1 : 0xffffu);
}

static float
to_s8(const float *x, int8_t *q, size_t n)
{
    const __m512i abs = _mm512_set1_epi32(0x7fffffff);
    __m512i m = _mm512_setzero_si512();
    size_t i;
    float d;

    for (i = 0; i < n; i += 16) {
        __m512 v = _mm512_maskz_loadu_ps(mask_of(n - i), x + i);

        m = _mm512_max_epu32(m, _mm512_and_si512(_mm512_castps_si512(v), abs));
    }
    d = _mm_cvtss_f32(_mm_castsi128_ps(
            _mm_cvtsi32_si128((int)_mm512_reduce_max_epu32(m)))) / 127.0f;
    if (d == 0) {
        memset(q, 0, n);
        return 0;
    }
    for (i = 0; i < n; i += 16) {
        __mmask16 k = mask_of(n - i);
        __m512 v = _mm512_div_ps(_mm512_maskz_loadu_ps(k, x + i),
                                 _mm512_set1_ps(d));

        v = _mm512_max_ps(v, _mm512_set1_ps(-127.0f));
        v = _mm512_min_ps(v, _mm512_set1_ps(127.0f));
        _mm512_mask_cvtepi32_storeu_epi8(q + i, k, _mm512_cvtps_epi32(v));
    }
    return d;
}

/* a + b and a - b of lanes l and l + h of one vector; other: lanes l ^ h */
INLINE __m512
within(__m512 x, __m512 other, __mmask16 second)
{
    return _mm512_mask_sub_ps(_mm512_add_ps(x, other), second, other, x);
}

INLINE __m512
turn_16(__m512 x)
{
    x = within(x, _mm512_permute_ps(x, 0xb1), 0xaaaa);
    x = within(x, _mm512_permute_ps(x, 0x4e), 0xcccc);
    x = within(x, _mm512_shuffle_f32x4(x, x, 0xb1), 0xf0f0);
    return within(x, _mm512_shuffle_f32x4(x, x, 0x4e), 0xff00);
}

/* Steps within fewer than 16. */
static void
turn_few(float *x, size_t n, float root)
{
    size_t h, i, j;

    for (h = 1; h < n; h *= 2)
        for (i = 0; i < n; i += 2 * h)
            for (j = i; j < i + h; j++) {
                float a = x[j];
                float b = x[j + h];

                x[j] = a + b;
                x[j + h] = a - b;
            }
    for (i = 0; i < n; i++)
        x[i] *= root;
}

static void
turn(float *x, size_t n, float root)
{
    size_t h, i, j;

    if (n < 16) {
        turn_few(x, n, root);
        return;
    }
    for (i = 0; i < n; i += 16)
        _mm512_storeu_ps(x + i, turn_16(_mm512_loadu_ps(x + i)));
    for (h = 16; h < n; h *= 2)
        for (i = 0; i < n; i += 2 * h)
            for (j = i; j < i + h; j += 16) {
                __m512 a = _mm512_loadu_ps(x + j);
                __m512 b = _mm512_loadu_ps(x + j + h);

                _mm512_storeu_ps(x + j, _mm512_add_ps(a, b));
                _mm512_storeu_ps(x + j + h, _mm512_sub_ps(a, b));
            }
    for (i = 0; i < n; i += 16)
        _mm512_storeu_ps(x + i, _mm512_mul_ps(_mm512_loadu_ps(x + i),
                                              _mm512_set1_ps(root)));
}

void
sov_kern_avx512_attn(struct sov_kern *k)
{
    k->to_s8 = to_s8;
    k->turn = turn;
    k->attn_span = attn_span;
    k->attn_add = attn_add;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attn_many.c - attention of many rows, AVX-512 VNNI: the lanes are rows
 */
#include "config.h"

#include "kern/avx512/attn.h"

#include <math.h>
#include <stdbool.h>

#define MOST SOV_SPAN_ROWS

struct many {
    const struct sov_attn_span *a;
    const unsigned char *p;
    size_t from; /* number of the page's first key */
    bool whole;  /* every row sees every key */
    __m512i offset[2];
    __m512i first[2], end[2];
    __m512 q_scale[2];
    __m512 m[2], s[2];
    float x[KEYS][MOST]; /* scores, then w */
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
                __m512i at = _mm512_set1_epi32((int)(w->from + key) + i);
                __mmask16 seen = _mm512_cmple_epu32_mask(w->first[v], at) &
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
        t[l] =
            _mm512_add_ps(_mm512_add_ps(e[0], e[1]), _mm512_add_ps(e[2], e[3]));
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
                            _mm512_or_si512(u[0], _mm512_slli_epi32(u[2], 16)));
    }
}

INLINE void
many_page(struct many *w, int nv)
{
    const struct sov_attn_span *a = w->a;
    __m512 top[2] = { w->m[0], w->m[1] };
    struct mix x = {
        .v = w->p + a->page->v,
        .v_pad = a->page->v_pad,
        .u_stride = sizeof(w->u[0]),
        .u_row = sizeof(w->u[0][0]),
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

void
sov_attn_many_avx512(const struct sov_attn_span *a)
{
    if (a->n_rows > 16)
        span_32(a);
    else
        span_16(a);
}

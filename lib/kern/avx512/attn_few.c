/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attn_few.c - attention of few rows, AVX-512 VNNI: the lanes are keys
 */
#include "config.h"

#include "kern/avx512/attn.h"

#include <math.h>

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
    __m256 h =
        _mm256_max_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
    __m128 s =
        _mm_max_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));

    s = _mm_max_ps(s, _mm_movehl_ps(s, s));
    s = _mm_max_ss(s, _mm_movehdup_ps(s));
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
    a->s[row] =
        a->s[row] * w->f[r] + tree(_mm512_add_ps(_mm512_add_ps(x[0], x[1]),
                                                 _mm512_add_ps(x[2], x[3])));
    for (j = 0; j < 4; j++) {
        some = _mm512_cmp_ps_mask(x[j], _mm512_setzero_ps(), _CMP_GT_OQ);
        x[j] =
            _mm512_maskz_mul_ps(some, x[j], _mm512_loadu_ps(v_scale + 16 * j));
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
        .v = w->p + w->a->page->v,
        .v_pad = w->a->page->v_pad,
        .u = w->u[0],
        .u_stride = 4,
        .u_row = KEYS,
        .c = w->c,
        .f = w->f,
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

void
sov_attn_few_avx512(const struct sov_attn_span *a)
{
    struct few w = { .a = a };
    int32_t offset[SOV_SPAN_ROWS];
    size_t i, row, r;

    for (row = 0; row < a->n_rows && !a->more; row++) {
        a->m[row] = -INFINITY;
        a->s[row] = 0;
    }
    for (row = 0; row < a->n_rows; row++)
        offset[row] = offset_of(a->q + row * a->page->k_pad, a->page->k_pad);
    for (i = 0; i < a->n_pages; i++) {
        w.p = a->pages[i];
        for (row = 0; row < a->n_rows; row += GROUP) {
            size_t rows = a->n_rows - row < GROUP ? a->n_rows - row : GROUP;

            w.row = row;
            w.offset = offset + row;
            for (r = 0; r < rows; r++)
                w.seen[r] =
                    keys_seen(a->first[row + r], a->end[row + r], i * KEYS);
            few_group(&w, rows);
        }
    }
}

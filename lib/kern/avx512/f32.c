/* SPDX-License-Identifier: Apache-2.0 */
/*
 * f32.c - sums and elementwise work on f32, AVX-512
 *
 * The 16 lanes of kern.h are one vector; masks keep the lanes beyond the end
 * as they were.
 */
#include "config.h"

#include "kern/avx512/tree.h"
#include "kern/generic/exp.h"
#include "kern/overlay.h"

#include <immintrin.h>
#include <math.h>

static float
dot_f32(const float *a, const float *b, size_t n)
{
    __m512 s = _mm512_setzero_ps();
    size_t i;

    for (i = 0; i + 16 <= n; i += 16)
        s = _mm512_fmadd_ps(_mm512_loadu_ps(a + i), _mm512_loadu_ps(b + i), s);
    if (i < n) {
        __mmask16 m = mask_of(n - i);

        s = _mm512_mask3_fmadd_ps(_mm512_maskz_loadu_ps(m, a + i),
                                  _mm512_maskz_loadu_ps(m, b + i), s, m);
    }
    return tree(s);
}

static float
sumsq(const float *x, size_t n)
{
    return dot_f32(x, x, n);
}

static float
sum(const float *x, size_t n)
{
    __m512 s = _mm512_setzero_ps();
    size_t i;

    for (i = 0; i + 16 <= n; i += 16)
        s = _mm512_add_ps(s, _mm512_loadu_ps(x + i));
    if (i < n) {
        __mmask16 m = mask_of(n - i);

        s = _mm512_mask_add_ps(s, m, s, _mm512_maskz_loadu_ps(m, x + i));
    }
    return tree(s);
}

static float
max(const float *x, size_t n)
{
    __m512 m = _mm512_set1_ps(-INFINITY);
    float lane[16];
    float r = -INFINITY;
    size_t i, l;

    /* x > m ? x : m, as the instruction has it */
    for (i = 0; i < n; i += 16) {
        __mmask16 k = mask_of(n - i);

        m = _mm512_mask_max_ps(m, k, _mm512_maskz_loadu_ps(k, x + i), m);
    }
    _mm512_storeu_ps(lane, m);
    for (l = 0; l < 16; l++)
        r = lane[l] > r ? lane[l] : r;
    return r;
}

static void
axpy(float a, const float *x, float *y, size_t n)
{
    __m512 va = _mm512_set1_ps(a);
    size_t i;

    for (i = 0; i < n; i += 16) {
        __mmask16 m = mask_of(n - i);
        __m512 s = _mm512_fmadd_ps(va, _mm512_maskz_loadu_ps(m, x + i),
                                   _mm512_maskz_loadu_ps(m, y + i));

        _mm512_mask_storeu_ps(y + i, m, s);
    }
}

static void
scale(const float *x, float s, const float *w, float *y, size_t n)
{
    __m512 vs = _mm512_set1_ps(s);
    size_t i;

    for (i = 0; i < n; i += 16) {
        __mmask16 m = mask_of(n - i);
        __m512 t = _mm512_mul_ps(_mm512_maskz_loadu_ps(m, x + i), vs);

        _mm512_mask_storeu_ps(
            y + i, m, _mm512_mul_ps(t, _mm512_maskz_loadu_ps(m, w + i)));
    }
}

INLINE __m512
exp_all(__m512 x)
{
    const __m512 top = _mm512_set1_ps(SOV_EXP_MAX);
    const __m512 bottom = _mm512_set1_ps(SOV_EXP_MIN);
    const __m512 magic = _mm512_set1_ps(SOV_EXP_MAGIC);
    const __m512i bias = _mm512_set1_epi32(127);
    __m512 t, n, r, p;
    __m512i e, e1;

    x = _mm512_mask_mov_ps(x, _mm512_cmp_ps_mask(x, top, _CMP_GT_OQ), top);
    x = _mm512_mask_mov_ps(x, _mm512_cmp_ps_mask(x, bottom, _CMP_LT_OQ),
                           bottom);
    t = _mm512_fmadd_ps(x, _mm512_set1_ps(SOV_EXP_LOG2E), magic);
    n = _mm512_sub_ps(t, magic);
    e = _mm512_sub_epi32(_mm512_castps_si512(t),
                         _mm512_set1_epi32((int)SOV_EXP_MAGIC_BITS));
    r = _mm512_fmadd_ps(n, _mm512_set1_ps(-SOV_EXP_LN2_HI), x);
    r = _mm512_fmadd_ps(n, _mm512_set1_ps(-SOV_EXP_LN2_LO), r);
    p = _mm512_fmadd_ps(_mm512_set1_ps(SOV_EXP_C6), r,
                        _mm512_set1_ps(SOV_EXP_C5));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(SOV_EXP_C4));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(SOV_EXP_C3));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(SOV_EXP_C2));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(SOV_EXP_C1));
    p = _mm512_fmadd_ps(p, _mm512_mul_ps(r, r), r);
    p = _mm512_add_ps(p, _mm512_set1_ps(1.0f));
    e1 = _mm512_srai_epi32(e, 1);
    e = _mm512_sub_epi32(e, e1);
    e1 = _mm512_slli_epi32(_mm512_add_epi32(e1, bias), 23);
    e = _mm512_slli_epi32(_mm512_add_epi32(e, bias), 23);
    return _mm512_mul_ps(_mm512_mul_ps(p, _mm512_castsi512_ps(e1)),
                         _mm512_castsi512_ps(e));
}

static void
exp_sub(float *x, size_t n, float sub)
{
    __m512 vs = _mm512_set1_ps(sub);
    size_t i;

    for (i = 0; i < n; i += 16) {
        __mmask16 m = mask_of(n - i);
        __m512 t = _mm512_sub_ps(_mm512_maskz_loadu_ps(m, x + i), vs);

        _mm512_mask_storeu_ps(x + i, m, exp_all(t));
    }
}

static float
exp_sum(float *x, size_t n, float sub)
{
    __m512 vs = _mm512_set1_ps(sub);
    __m512 s = _mm512_setzero_ps();
    size_t i;

    for (i = 0; i < n; i += 16) {
        __mmask16 m = mask_of(n - i);
        __m512 t = _mm512_sub_ps(_mm512_maskz_loadu_ps(m, x + i), vs);

        t = exp_all(t);
        _mm512_mask_storeu_ps(x + i, m, t);
        s = _mm512_mask_add_ps(s, m, s, t);
    }
    return tree(s);
}

static void
exp_back(float *x, float *g, size_t n, float sub, float mean)
{
    __m512 vs = _mm512_set1_ps(sub);
    __m512 vm = _mm512_set1_ps(mean);
    size_t i;

    for (i = 0; i < n; i += 16) {
        __mmask16 m = mask_of(n - i);
        __m512 e =
            exp_all(_mm512_sub_ps(_mm512_maskz_loadu_ps(m, x + i), vs));
        __m512 d = _mm512_sub_ps(_mm512_maskz_loadu_ps(m, g + i), vm);

        _mm512_mask_storeu_ps(x + i, m, e);
        _mm512_mask_storeu_ps(g + i, m, _mm512_mul_ps(e, d));
    }
}

static void
silu_mul(const float *g, const float *u, float *y, size_t n)
{
    const __m512 one = _mm512_set1_ps(1.0f);
    const __m512 sign = _mm512_set1_ps(-0.0f);
    size_t i;

    for (i = 0; i < n; i += 16) {
        __mmask16 m = mask_of(n - i);
        __m512 vg = _mm512_maskz_loadu_ps(m, g + i);
        __m512 vu = _mm512_maskz_loadu_ps(m, u + i);
        __m512 s = _mm512_add_ps(one, exp_all(_mm512_xor_ps(vg, sign)));

        _mm512_mask_storeu_ps(y + i, m,
                              _mm512_mul_ps(_mm512_div_ps(vg, s), vu));
    }
}

static void
silu_back(const float *g, const float *u, const float *dy, float *dg, float *du,
          size_t n)
{
    const __m512 one = _mm512_set1_ps(1.0f);
    const __m512 sign = _mm512_set1_ps(-0.0f);
    size_t i;

    for (i = 0; i < n; i += 16) {
        __mmask16 m = mask_of(n - i);
        __m512 vg = _mm512_maskz_loadu_ps(m, g + i);
        __m512 vy = _mm512_maskz_loadu_ps(m, dy + i);
        __m512 both = _mm512_mul_ps(vy, _mm512_maskz_loadu_ps(m, u + i));
        __m512 s = _mm512_add_ps(one, exp_all(_mm512_xor_ps(vg, sign)));
        __m512 t, slope;

        s = _mm512_div_ps(one, s);
        t = _mm512_mul_ps(vg, s);
        slope = _mm512_fmadd_ps(s, _mm512_sub_ps(vg, t), s);
        _mm512_mask_storeu_ps(du + i, m, _mm512_mul_ps(vy, t));
        _mm512_mask_storeu_ps(dg + i, m, _mm512_mul_ps(both, slope));
    }
}

static void
mul_axpy(float s, const float *a, const float *b, float *y, size_t n)
{
    __m512 vs = _mm512_set1_ps(s);
    size_t i;

    for (i = 0; i < n; i += 16) {
        __mmask16 m = mask_of(n - i);
        __m512 t = _mm512_mul_ps(vs, _mm512_maskz_loadu_ps(m, a + i));

        _mm512_mask_storeu_ps(
            y + i, m,
            _mm512_fmadd_ps(t, _mm512_maskz_loadu_ps(m, b + i),
                            _mm512_maskz_loadu_ps(m, y + i)));
    }
}

static void
norm_back(const float *x, const float *w, float r, const float *dy, bool add,
          float *dx, size_t n)
{
    __m512 vr = _mm512_set1_ps(r);
    __m512 s = _mm512_setzero_ps();
    __m512 vc;
    size_t i;

    for (i = 0; i < n; i += 16) {
        __mmask16 m = mask_of(n - i);
        __m512 t = _mm512_mul_ps(_mm512_maskz_loadu_ps(m, dy + i), vr);

        t = _mm512_mul_ps(t, _mm512_maskz_loadu_ps(m, w + i));
        s = _mm512_mask3_fmadd_ps(t, _mm512_maskz_loadu_ps(m, x + i), s, m);
    }
    vc = _mm512_set1_ps(tree(s) * r * r / (float)n);
    for (i = 0; i < n; i += 16) {
        __mmask16 m = mask_of(n - i);
        __m512 d = _mm512_mul_ps(_mm512_maskz_loadu_ps(m, dy + i), vr);

        d = _mm512_mul_ps(d, _mm512_maskz_loadu_ps(m, w + i));
        d = _mm512_fnmadd_ps(vc, _mm512_maskz_loadu_ps(m, x + i), d);
        if (add)
            d = _mm512_add_ps(_mm512_maskz_loadu_ps(m, dx + i), d);
        _mm512_mask_storeu_ps(dx + i, m, d);
    }
}

INLINE void
tree_tile(__m512 s[4][4], float *y, size_t y_stride)
{
    __m512 v[16];
    int c, r;

    for (c = 0; c < 4; c++)
        for (r = 0; r < 4; r++)
            v[4 * c + r] = s[c][r];
    v[0] = tree16(v);
    _mm_storeu_ps(y, _mm512_castps512_ps128(v[0]));
    _mm_storeu_ps(y + y_stride, _mm512_extractf32x4_ps(v[0], 1));
    _mm_storeu_ps(y + 2 * y_stride, _mm512_extractf32x4_ps(v[0], 2));
    _mm_storeu_ps(y + 3 * y_stride, _mm512_extractf32x4_ps(v[0], 3));
}

/*
 * y[j * y_stride + 0 .. 3] = four rows of a times nb rows of b; 4 x 4 sums
 * keep the adders busy, and each load serves four of them.
 */
INLINE void
tile(const float *a, size_t a_stride, const float *b, size_t b_stride, int nb,
     size_t n, float *y, size_t y_stride)
{
    __m512 s[4][4];
    size_t i;
    int r, c;

    for (c = 0; c < nb; c++)
        for (r = 0; r < 4; r++)
            s[c][r] = _mm512_setzero_ps();
    for (i = 0; i + 16 <= n; i += 16) {
        __m512 va[4];

        for (r = 0; r < 4; r++)
            va[r] = _mm512_loadu_ps(a + (size_t)r * a_stride + i);
        for (c = 0; c < nb; c++) {
            __m512 vb = _mm512_loadu_ps(b + (size_t)c * b_stride + i);

            for (r = 0; r < 4; r++)
                s[c][r] = _mm512_fmadd_ps(va[r], vb, s[c][r]);
        }
    }
    if (i < n) {
        __mmask16 m = mask_of(n - i);

        for (c = 0; c < nb; c++)
            for (r = 0; r < 4; r++)
                s[c][r] = _mm512_mask3_fmadd_ps(
                    _mm512_maskz_loadu_ps(m, a + (size_t)r * a_stride + i),
                    _mm512_maskz_loadu_ps(m, b + (size_t)c * b_stride + i),
                    s[c][r], m);
    }
    if (nb == 4) {
        tree_tile(s, y, y_stride);
        return;
    }
    for (c = 0; c < nb; c++)
        _mm_storeu_ps(y + (size_t)c * y_stride, tree4(s[c]));
}

static void
dots(const float *a, size_t a_stride, size_t n_a, const float *b,
     size_t b_stride, size_t n_b, size_t n, float *y, size_t y_stride)
{
    size_t i, j;

    for (i = 0; i + 4 <= n_a; i += 4) {
        const float *ai = a + i * a_stride;

        for (j = 0; j + 4 <= n_b; j += 4)
            tile(ai, a_stride, b + j * b_stride, b_stride, 4, n,
                 y + j * y_stride + i, y_stride);
        for (; j < n_b; j++)
            tile(ai, a_stride, b + j * b_stride, b_stride, 1, n,
                 y + j * y_stride + i, y_stride);
    }
    for (; i < n_a; i++)
        for (j = 0; j < n_b; j++)
            y[j * y_stride + i] =
                dot_f32(a + i * a_stride, b + j * b_stride, n);
}

static void
mix(const float *p, const float *v, size_t v_stride, size_t n_k, float *y,
    size_t n)
{
    size_t i, k;
    int r;

    for (i = 0; i + 64 <= n; i += 64) {
        __m512 s[4];

        for (r = 0; r < 4; r++)
            s[r] = _mm512_loadu_ps(y + i + 16 * (size_t)r);
        for (k = 0; k < n_k; k++) {
            const float *vk = v + k * v_stride + i;
            __m512 pk = _mm512_set1_ps(p[k]);

            for (r = 0; r < 4; r++)
                s[r] = _mm512_fmadd_ps(pk, _mm512_loadu_ps(vk + 16 * r), s[r]);
        }
        for (r = 0; r < 4; r++)
            _mm512_storeu_ps(y + i + 16 * (size_t)r, s[r]);
    }
    for (; i < n; i += 16) {
        __mmask16 m = mask_of(n - i);
        __m512 s = _mm512_maskz_loadu_ps(m, y + i);

        for (k = 0; k < n_k; k++)
            s = _mm512_fmadd_ps(_mm512_set1_ps(p[k]),
                                _mm512_maskz_loadu_ps(m, v + k * v_stride + i),
                                s);
        _mm512_mask_storeu_ps(y + i, m, s);
    }
}

/* Four rows, 64 numbers: each load of v serves four. */
INLINE void
mix_tile(const float *p, size_t p_stride, const float *v, size_t v_stride,
         size_t n_k, float *y, size_t y_stride)
{
    __m512 s[4][4];
    size_t k;
    int r, j;

    for (r = 0; r < 4; r++)
        for (j = 0; j < 4; j++)
            s[r][j] = _mm512_loadu_ps(y + (size_t)r * y_stride + 16 * j);
    for (k = 0; k < n_k; k++) {
        __m512 vj[4];

        for (j = 0; j < 4; j++)
            vj[j] = _mm512_loadu_ps(v + k * v_stride + 16 * (size_t)j);
        for (r = 0; r < 4; r++) {
            __m512 pk = _mm512_set1_ps(p[(size_t)r * p_stride + k]);

            for (j = 0; j < 4; j++)
                s[r][j] = _mm512_fmadd_ps(pk, vj[j], s[r][j]);
        }
    }
    for (r = 0; r < 4; r++)
        for (j = 0; j < 4; j++)
            _mm512_storeu_ps(y + (size_t)r * y_stride + 16 * j, s[r][j]);
}

static void
mixes(const float *p, size_t p_stride, size_t n_p, const float *v,
      size_t v_stride, size_t n_k, float *y, size_t y_stride, size_t n)
{
    size_t whole = n / 64 * 64;
    size_t i, j, r;

    for (j = 0; j + 4 <= n_p; j += 4) {
        for (i = 0; i < whole; i += 64)
            mix_tile(p + j * p_stride, p_stride, v + i, v_stride, n_k,
                     y + j * y_stride + i, y_stride);
        for (r = j; r < j + 4 && whole < n; r++)
            mix(p + r * p_stride, v + whole, v_stride, n_k,
                y + r * y_stride + whole, n - whole);
    }
    for (; j < n_p; j++)
        mix(p + j * p_stride, v, v_stride, n_k, y + j * y_stride, n);
}

void
sov_kern_avx512_f32(struct sov_kern *k)
{
    k->dot_f32 = dot_f32;
    k->sumsq = sumsq;
    k->sum = sum;
    k->max = max;
    k->axpy = axpy;
    k->scale = scale;
    k->exp = exp_sub;
    k->exp_sum = exp_sum;
    k->exp_back = exp_back;
    k->silu_mul = silu_mul;
    k->silu_back = silu_back;
    k->mul_axpy = mul_axpy;
    k->norm_back = norm_back;
    k->dots = dots;
    k->mix = mix;
    k->mixes = mixes;
}

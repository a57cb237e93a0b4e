/* SPDX-License-Identifier: Apache-2.0 */
/*
 * f32.c - sums and elementwise work on f32, AVX2
 *
 * The 16 lanes of kern.h are two vectors of eight.
 */
#include "config.h"

#include "kern/avx2/tree.h"
#include "kern/generic/exp.h"
#include "kern/overlay.h"

#include <immintrin.h>
#include <math.h>

static float
dot_f32(const float *a, const float *b, size_t n)
{
    __m256 s0 = _mm256_setzero_ps();
    __m256 s1 = _mm256_setzero_ps();
    __m256i m[2];
    size_t i;

    for (i = 0; i + 16 <= n; i += 16) {
        s0 = _mm256_fmadd_ps(_mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i),
                             s0);
        s1 = _mm256_fmadd_ps(_mm256_loadu_ps(a + i + 8),
                             _mm256_loadu_ps(b + i + 8), s1);
    }
    if (i < n) {
        masks_of(n - i, m);
        s0 = keep(s0, _mm256_fmadd_ps(_mm256_maskload_ps(a + i, m[0]),
                                      _mm256_maskload_ps(b + i, m[0]), s0),
                  m[0]);
        if (n - i > 8)
            s1 = keep(s1,
                      _mm256_fmadd_ps(_mm256_maskload_ps(a + i + 8, m[1]),
                                      _mm256_maskload_ps(b + i + 8, m[1]),
                                      s1), m[1]);
    }
    return tree(s0, s1);
}

static float
sumsq(const float *x, size_t n)
{
    return dot_f32(x, x, n);
}

static float
sum(const float *x, size_t n)
{
    __m256 s0 = _mm256_setzero_ps();
    __m256 s1 = _mm256_setzero_ps();
    __m256i m[2];
    size_t i;

    for (i = 0; i + 16 <= n; i += 16) {
        s0 = _mm256_add_ps(s0, _mm256_loadu_ps(x + i));
        s1 = _mm256_add_ps(s1, _mm256_loadu_ps(x + i + 8));
    }
    if (i < n) {
        masks_of(n - i, m);
        s0 = keep(s0, _mm256_add_ps(s0, _mm256_maskload_ps(x + i, m[0])),
                  m[0]);
        if (n - i > 8)
            s1 = keep(s1,
                      _mm256_add_ps(s1, _mm256_maskload_ps(x + i + 8, m[1])),
                      m[1]);
    }
    return tree(s0, s1);
}

static float
max(const float *x, size_t n)
{
    __m256 m = _mm256_set1_ps(-INFINITY);
    float lane[8];
    float r = -INFINITY;
    size_t i, l;

    /* x > m ? x : m, as the instruction has it */
    for (i = 0; i + 8 <= n; i += 8)
        m = _mm256_max_ps(_mm256_loadu_ps(x + i), m);
    _mm256_storeu_ps(lane, m);
    for (l = 0; l < 8; l++)
        r = lane[l] > r ? lane[l] : r;
    for (; i < n; i++)
        r = x[i] > r ? x[i] : r;
    return r;
}

static void
axpy(float a, const float *x, float *y, size_t n)
{
    __m256 va = _mm256_set1_ps(a);
    size_t i;

    for (i = 0; i + 8 <= n; i += 8)
        _mm256_storeu_ps(y + i, _mm256_fmadd_ps(va, _mm256_loadu_ps(x + i),
                                                _mm256_loadu_ps(y + i)));
    if (i < n) {
        __m256i m = mask_of(n - i);

        _mm256_maskstore_ps(y + i, m,
            _mm256_fmadd_ps(va, _mm256_maskload_ps(x + i, m),
                            _mm256_maskload_ps(y + i, m)));
    }
}

static void
scale(const float *x, float s, const float *w, float *y, size_t n)
{
    __m256 vs = _mm256_set1_ps(s);
    size_t i;

    for (i = 0; i + 8 <= n; i += 8)
        _mm256_storeu_ps(y + i,
            _mm256_mul_ps(_mm256_mul_ps(_mm256_loadu_ps(x + i), vs),
                          _mm256_loadu_ps(w + i)));
    for (; i < n; i++)
        y[i] = x[i] * s * w[i];
}

static __m256
exp_all(__m256 x)
{
    const __m256 top = _mm256_set1_ps(SOV_EXP_MAX);
    const __m256 bottom = _mm256_set1_ps(SOV_EXP_MIN);
    const __m256 magic = _mm256_set1_ps(SOV_EXP_MAGIC);
    const __m256i bias = _mm256_set1_epi32(127);
    __m256 t, n, r, p;
    __m256i e, e1;

    x = _mm256_blendv_ps(x, top, _mm256_cmp_ps(x, top, _CMP_GT_OQ));
    x = _mm256_blendv_ps(x, bottom, _mm256_cmp_ps(x, bottom, _CMP_LT_OQ));
    t = _mm256_fmadd_ps(x, _mm256_set1_ps(SOV_EXP_LOG2E), magic);
    n = _mm256_sub_ps(t, magic);
    e = _mm256_sub_epi32(_mm256_castps_si256(t),
                         _mm256_set1_epi32((int)SOV_EXP_MAGIC_BITS));
    r = _mm256_fmadd_ps(n, _mm256_set1_ps(-SOV_EXP_LN2_HI), x);
    r = _mm256_fmadd_ps(n, _mm256_set1_ps(-SOV_EXP_LN2_LO), r);
    p = _mm256_fmadd_ps(_mm256_set1_ps(SOV_EXP_C6), r,
                        _mm256_set1_ps(SOV_EXP_C5));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(SOV_EXP_C4));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(SOV_EXP_C3));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(SOV_EXP_C2));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(SOV_EXP_C1));
    p = _mm256_fmadd_ps(p, _mm256_mul_ps(r, r), r);
    p = _mm256_add_ps(p, _mm256_set1_ps(1.0f));
    e1 = _mm256_srai_epi32(e, 1);
    e = _mm256_sub_epi32(e, e1);
    e1 = _mm256_slli_epi32(_mm256_add_epi32(e1, bias), 23);
    e = _mm256_slli_epi32(_mm256_add_epi32(e, bias), 23);
    return _mm256_mul_ps(_mm256_mul_ps(p, _mm256_castsi256_ps(e1)),
                         _mm256_castsi256_ps(e));
}

static void
exp_sub(float *x, size_t n, float sub)
{
    __m256 vs = _mm256_set1_ps(sub);
    size_t i;

    for (i = 0; i + 8 <= n; i += 8)
        _mm256_storeu_ps(x + i,
                         exp_all(_mm256_sub_ps(_mm256_loadu_ps(x + i), vs)));
    if (i < n) {
        __m256i m = mask_of(n - i);

        _mm256_maskstore_ps(x + i, m,
            exp_all(_mm256_sub_ps(_mm256_maskload_ps(x + i, m), vs)));
    }
}

static float
exp_sum(float *x, size_t n, float sub)
{
    exp_sub(x, n, sub);
    return sum(x, n);
}

static void
exp_back(float *x, float *g, size_t n, float sub, float mean)
{
    __m256 vs = _mm256_set1_ps(sub);
    __m256 vm = _mm256_set1_ps(mean);
    size_t i;

    for (i = 0; i + 8 <= n; i += 8) {
        __m256 e = exp_all(_mm256_sub_ps(_mm256_loadu_ps(x + i), vs));
        __m256 d = _mm256_sub_ps(_mm256_loadu_ps(g + i), vm);

        _mm256_storeu_ps(x + i, e);
        _mm256_storeu_ps(g + i, _mm256_mul_ps(e, d));
    }
    if (i < n) {
        __m256i m = mask_of(n - i);
        __m256 e = exp_all(_mm256_sub_ps(_mm256_maskload_ps(x + i, m), vs));
        __m256 d = _mm256_sub_ps(_mm256_maskload_ps(g + i, m), vm);

        _mm256_maskstore_ps(x + i, m, e);
        _mm256_maskstore_ps(g + i, m, _mm256_mul_ps(e, d));
    }
}

static __m256
silu(__m256 g, __m256 u)
{
    __m256 minus = _mm256_xor_ps(g, _mm256_set1_ps(-0.0f));
    __m256 s = _mm256_add_ps(_mm256_set1_ps(1.0f), exp_all(minus));

    return _mm256_mul_ps(_mm256_div_ps(g, s), u);
}

static void
silu_mul(const float *g, const float *u, float *y, size_t n)
{
    size_t i;

    for (i = 0; i + 8 <= n; i += 8)
        _mm256_storeu_ps(y + i, silu(_mm256_loadu_ps(g + i),
                                     _mm256_loadu_ps(u + i)));
    if (i < n) {
        __m256i m = mask_of(n - i);

        _mm256_maskstore_ps(y + i, m, silu(_mm256_maskload_ps(g + i, m),
                                           _mm256_maskload_ps(u + i, m)));
    }
}

/* See kern.h; gives dg. */
INLINE __m256
silu_slope(__m256 g, __m256 u, __m256 dy, __m256 *du)
{
    const __m256 one = _mm256_set1_ps(1.0f);
    __m256 minus = _mm256_xor_ps(g, _mm256_set1_ps(-0.0f));
    __m256 s = _mm256_div_ps(one, _mm256_add_ps(one, exp_all(minus)));
    __m256 t = _mm256_mul_ps(g, s);
    __m256 slope = _mm256_fmadd_ps(s, _mm256_sub_ps(g, t), s);

    *du = _mm256_mul_ps(dy, t);
    return _mm256_mul_ps(_mm256_mul_ps(dy, u), slope);
}

static void
silu_back(const float *g, const float *u, const float *dy, float *dg, float *du,
          size_t n)
{
    __m256 vg, vu;
    size_t i;

    for (i = 0; i + 8 <= n; i += 8) {
        vg = silu_slope(_mm256_loadu_ps(g + i), _mm256_loadu_ps(u + i),
                        _mm256_loadu_ps(dy + i), &vu);
        _mm256_storeu_ps(du + i, vu);
        _mm256_storeu_ps(dg + i, vg);
    }
    if (i < n) {
        __m256i m = mask_of(n - i);

        vg = silu_slope(_mm256_maskload_ps(g + i, m),
                        _mm256_maskload_ps(u + i, m),
                        _mm256_maskload_ps(dy + i, m), &vu);
        _mm256_maskstore_ps(du + i, m, vu);
        _mm256_maskstore_ps(dg + i, m, vg);
    }
}

static void
mul_axpy(float s, const float *a, const float *b, float *y, size_t n)
{
    __m256 vs = _mm256_set1_ps(s);
    size_t i;

    for (i = 0; i + 8 <= n; i += 8) {
        __m256 t = _mm256_mul_ps(vs, _mm256_loadu_ps(a + i));

        _mm256_storeu_ps(y + i, _mm256_fmadd_ps(t, _mm256_loadu_ps(b + i),
                                                _mm256_loadu_ps(y + i)));
    }
    if (i < n) {
        __m256i m = mask_of(n - i);
        __m256 t = _mm256_mul_ps(vs, _mm256_maskload_ps(a + i, m));

        _mm256_maskstore_ps(y + i, m,
            _mm256_fmadd_ps(t, _mm256_maskload_ps(b + i, m),
                            _mm256_maskload_ps(y + i, m)));
    }
}

/* dy * r * w, of eight */
INLINE __m256
norm_part(const float *dy, __m256 r, const float *w, __m256i m)
{
    return _mm256_mul_ps(_mm256_mul_ps(_mm256_maskload_ps(dy, m), r),
                         _mm256_maskload_ps(w, m));
}

static void
norm_back(const float *x, const float *w, float r, const float *dy, bool add,
          float *dx, size_t n)
{
    __m256 s[2] = { _mm256_setzero_ps(), _mm256_setzero_ps() };
    __m256 vr = _mm256_set1_ps(r);
    __m256 vc;
    size_t i;

    for (i = 0; i < n; i += 8) {
        __m256i m = mask_of(n - i);
        __m256 *to = &s[i / 8 % 2];

        *to = keep(*to, _mm256_fmadd_ps(norm_part(dy + i, vr, w + i, m),
                                        _mm256_maskload_ps(x + i, m), *to),
                   m);
    }
    vc = _mm256_set1_ps(tree(s[0], s[1]) * r * r / (float)n);
    for (i = 0; i < n; i += 8) {
        __m256i m = mask_of(n - i);
        __m256 d = norm_part(dy + i, vr, w + i, m);

        d = _mm256_fnmadd_ps(vc, _mm256_maskload_ps(x + i, m), d);
        if (add)
            d = _mm256_add_ps(_mm256_maskload_ps(dx + i, m), d);
        _mm256_maskstore_ps(dx + i, m, d);
    }
}

/* y[0 .. 3] = the dot products of four rows of a with b */
static __m128
dot4(const float *a, size_t stride, const float *b, size_t n)
{
    __m256 s0[4], s1[4];
    __m256i m[2];
    size_t i;
    int r;

    for (r = 0; r < 4; r++)
        s0[r] = s1[r] = _mm256_setzero_ps();
    for (i = 0; i + 16 <= n; i += 16) {
        __m256 b0 = _mm256_loadu_ps(b + i);
        __m256 b1 = _mm256_loadu_ps(b + i + 8);

        for (r = 0; r < 4; r++) {
            const float *p = a + (size_t)r * stride + i;

            s0[r] = _mm256_fmadd_ps(_mm256_loadu_ps(p), b0, s0[r]);
            s1[r] = _mm256_fmadd_ps(_mm256_loadu_ps(p + 8), b1, s1[r]);
        }
    }
    if (i < n) {
        __m256 b0, b1;

        masks_of(n - i, m);
        b0 = _mm256_maskload_ps(b + i, m[0]);
        b1 = _mm256_maskload_ps(b + i + 8, m[1]);
        for (r = 0; r < 4; r++) {
            const float *p = a + (size_t)r * stride + i;

            s0[r] = keep(s0[r], _mm256_fmadd_ps(_mm256_maskload_ps(p, m[0]),
                                                b0, s0[r]), m[0]);
            s1[r] = keep(s1[r],
                         _mm256_fmadd_ps(_mm256_maskload_ps(p + 8, m[1]), b1,
                                         s1[r]), m[1]);
        }
    }
    return tree4(fold(s0[0], s1[0]), fold(s0[1], s1[1]), fold(s0[2], s1[2]),
                 fold(s0[3], s1[3]));
}

static void
dots(const float *a, size_t a_stride, size_t n_a, const float *b,
     size_t b_stride, size_t n_b, size_t n, float *y, size_t y_stride)
{
    size_t i, j;

    for (j = 0; j < n_b; j++) {
        const float *bj = b + j * b_stride;
        float *yj = y + j * y_stride;

        for (i = 0; i + 4 <= n_a; i += 4)
            _mm_storeu_ps(yj + i, dot4(a + i * a_stride, a_stride, bj, n));
        for (; i < n_a; i++)
            yj[i] = dot_f32(a + i * a_stride, bj, n);
    }
}

static void
mix(const float *p, const float *v, size_t v_stride, size_t n_k, float *y,
    size_t n)
{
    size_t i, k;
    int r;

    for (i = 0; i + 32 <= n; i += 32) {
        __m256 s[4];

        for (r = 0; r < 4; r++)
            s[r] = _mm256_loadu_ps(y + i + 8 * (size_t)r);
        for (k = 0; k < n_k; k++) {
            const float *vk = v + k * v_stride + i;
            __m256 pk = _mm256_set1_ps(p[k]);

            for (r = 0; r < 4; r++)
                s[r] = _mm256_fmadd_ps(pk, _mm256_loadu_ps(vk + 8 * r), s[r]);
        }
        for (r = 0; r < 4; r++)
            _mm256_storeu_ps(y + i + 8 * (size_t)r, s[r]);
    }
    for (; i < n; i += 8) {
        __m256i m = mask_of(n - i);
        __m256 s = _mm256_maskload_ps(y + i, m);

        for (k = 0; k < n_k; k++)
            s = _mm256_fmadd_ps(_mm256_set1_ps(p[k]),
                                _mm256_maskload_ps(v + k * v_stride + i, m),
                                s);
        _mm256_maskstore_ps(y + i, m, s);
    }
}

static void
mixes(const float *p, size_t p_stride, size_t n_p, const float *v,
      size_t v_stride, size_t n_k, float *y, size_t y_stride, size_t n)
{
    size_t j;

    for (j = 0; j < n_p; j++)
        mix(p + j * p_stride, v, v_stride, n_k, y + j * y_stride, n);
}

void
sov_kern_avx2_f32(struct sov_kern *k)
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

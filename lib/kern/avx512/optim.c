/* SPDX-License-Identifier: Apache-2.0 */
/*
 * optim.c - steps of training and sums in fixed point, AVX-512
 */
#include "config.h"

#include "kern/avx512/tree.h"
#include "kern/generic/fix.h"
#include "kern/overlay.h"

#include <immintrin.h>

INLINE void
step(const struct sov_adamw *a, const float *g, float *m, float *v, float *w,
     __mmask16 k)
{
    __m512 x =
        _mm512_mul_ps(_mm512_maskz_loadu_ps(k, g), _mm512_set1_ps(a->by));
    __m512 vm = _mm512_maskz_loadu_ps(k, m);
    __m512 vv = _mm512_maskz_loadu_ps(k, v);
    __m512 vw = _mm512_maskz_loadu_ps(k, w);
    __m512 d;

    vm = _mm512_fmadd_ps(_mm512_set1_ps(a->a1), _mm512_sub_ps(x, vm), vm);
    vv = _mm512_fmadd_ps(_mm512_set1_ps(a->a2),
                         _mm512_sub_ps(_mm512_mul_ps(x, x), vv), vv);
    d = _mm512_add_ps(
        _mm512_sqrt_ps(_mm512_mul_ps(vv, _mm512_set1_ps(a->norm))),
        _mm512_set1_ps(a->eps));
    d = _mm512_div_ps(_mm512_mul_ps(vm, _mm512_set1_ps(a->rate)), d);
    vw = _mm512_fnmadd_ps(_mm512_set1_ps(a->decay), vw, vw);
    _mm512_mask_storeu_ps(m, k, vm);
    _mm512_mask_storeu_ps(v, k, vv);
    _mm512_mask_storeu_ps(w, k, _mm512_sub_ps(vw, d));
}

static void
adamw(const struct sov_adamw *a, const float *g, float *m, float *v, float *w,
      size_t n)
{
    size_t i;

    for (i = 0; i < n; i += 16)
        step(a, g + i, m + i, v + i, w + i, mask_of(n - i));
}

INLINE __mmask8
mask8_of(size_t n)
{
    return (__mmask8)(n < 8 ? (1u << n) - 1 : 0xffu);
}

static bool
fix_add(int64_t *sum, const float *x, double unit, size_t n)
{
    const __m512d limit = _mm512_set1_pd(SOV_FIX_LIMIT);
    const __m512d magic = _mm512_set1_pd(SOV_FIX_MAGIC);
    const __m512i bits = _mm512_set1_epi64(SOV_FIX_MAGIC_BITS);
    const __m512d by = _mm512_set1_pd(unit);
    unsigned bad = 0;
    size_t i;

    for (i = 0; i < n; i += 8) {
        __mmask8 k = mask8_of(n - i);
        __m512d v =
            _mm512_mul_pd(_mm512_cvtps_pd(_mm256_maskz_loadu_ps(k, x + i)), by);
        __mmask8 in =
            _mm512_cmp_pd_mask(_mm512_abs_pd(v), limit, _CMP_LT_OQ) & k;
        __m512i u = _mm512_sub_epi64(
            _mm512_castpd_si512(_mm512_add_pd(v, magic)), bits);

        _mm512_mask_storeu_epi64(
            sum + i, in,
            _mm512_add_epi64(_mm512_maskz_loadu_epi64(in, sum + i), u));
        bad |= (unsigned)(in ^ k);
    }
    return bad == 0;
}

static void
fix_get(const int64_t *sum, double by, float *x, size_t n)
{
    const __m512d vby = _mm512_set1_pd(by);
    size_t i;

    for (i = 0; i < n; i += 8) {
        __mmask8 k = mask8_of(n - i);
        __m512d v = _mm512_cvtepi64_pd(_mm512_maskz_loadu_epi64(k, sum + i));

        _mm256_mask_storeu_ps(x + i, k, _mm512_cvtpd_ps(_mm512_mul_pd(v, vby)));
    }
}

void
sov_kern_avx512_optim(struct sov_kern *k)
{
    k->adamw = adamw;
    k->fix_add = fix_add;
    k->fix_get = fix_get;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * optim.c - steps of training and sums in fixed point, AVX2
 *
 * What is left of a vector is worked on in a copy.
 */
#include "config.h"

#include "kern/generic/fix.h"
#include "kern/overlay.h"
#include "kern/unroll.h"

#include <immintrin.h>
#include <string.h>

INLINE void
step(const struct sov_adamw *a, const float *g, float *m, float *v, float *w)
{
    __m256 x = _mm256_mul_ps(_mm256_loadu_ps(g), _mm256_set1_ps(a->by));
    __m256 vm = _mm256_loadu_ps(m);
    __m256 vv = _mm256_loadu_ps(v);
    __m256 vw = _mm256_loadu_ps(w);
    __m256 d;

    vm = _mm256_fmadd_ps(_mm256_set1_ps(a->a1), _mm256_sub_ps(x, vm), vm);
    vv = _mm256_fmadd_ps(_mm256_set1_ps(a->a2),
                         _mm256_sub_ps(_mm256_mul_ps(x, x), vv), vv);
    d = _mm256_add_ps(
        _mm256_sqrt_ps(_mm256_mul_ps(vv, _mm256_set1_ps(a->norm))),
        _mm256_set1_ps(a->eps));
    d = _mm256_div_ps(_mm256_mul_ps(vm, _mm256_set1_ps(a->rate)), d);
    vw = _mm256_fnmadd_ps(_mm256_set1_ps(a->decay), vw, vw);
    _mm256_storeu_ps(m, vm);
    _mm256_storeu_ps(v, vv);
    _mm256_storeu_ps(w, _mm256_sub_ps(vw, d));
}

#define LANES 8
#include "kern/adamw.h"

/* Four of them; all bits are set where one was left out. */
INLINE __m256i
add4(int64_t *sum, const float *x, __m256d unit)
{
    const __m256d sign = _mm256_set1_pd(-0.0);
    __m256d v = _mm256_mul_pd(_mm256_cvtps_pd(_mm_loadu_ps(x)), unit);
    __m256i in = _mm256_castpd_si256(_mm256_cmp_pd(
        _mm256_andnot_pd(sign, v), _mm256_set1_pd(SOV_FIX_LIMIT), _CMP_LT_OQ));
    __m256i u = _mm256_sub_epi64(
        _mm256_castpd_si256(_mm256_add_pd(v, _mm256_set1_pd(SOV_FIX_MAGIC))),
        _mm256_set1_epi64x(SOV_FIX_MAGIC_BITS));
    __m256i old = _mm256_loadu_si256((const void *)sum);

    _mm256_storeu_si256((void *)sum,
                        _mm256_add_epi64(old, _mm256_and_si256(u, in)));
    return _mm256_andnot_si256(in, _mm256_set1_epi64x(-1));
}

static bool
fix_add(int64_t *sum, const float *x, double unit, size_t n)
{
    const __m256d by = _mm256_set1_pd(unit);
    __m256i bad = _mm256_setzero_si256();
    int64_t s[4] = { 0 };
    float y[4] = { 0 };
    size_t i;

    for (i = 0; i + 4 <= n; i += 4)
        bad = _mm256_or_si256(bad, add4(sum + i, x + i, by));
    if (i < n) {
        memcpy(s, sum + i, (n - i) * sizeof(*s));
        memcpy(y, x + i, (n - i) * sizeof(*y));
        bad = _mm256_or_si256(bad, add4(s, y, by));
        memcpy(sum + i, s, (n - i) * sizeof(*s));
    }
    return _mm256_testz_si256(bad, bad);
}

/*
 * int64 to double, rounded once: the halves are put as they are beside the
 * exponents of 2^84 and 2^52, the upper one with 2^63 added so that it is not
 * negative; what was put in is taken away from the upper one, which is exact,
 * and the sum of both is the number.
 */
INLINE __m256d
to_double(__m256i v)
{
    const __m256i low = _mm256_set1_epi64x(0x4330000000000000);
    const __m256i high = _mm256_set1_epi64x(0x4530000080000000);
    const __m256d both = _mm256_set1_pd(0x1p84 + 0x1p63 + 0x1p52);
    __m256i l = _mm256_blend_epi32(low, v, 0x55);
    __m256i h = _mm256_xor_si256(_mm256_srli_epi64(v, 32), high);

    return _mm256_add_pd(_mm256_sub_pd(_mm256_castsi256_pd(h), both),
                         _mm256_castsi256_pd(l));
}

static void
fix_get(const int64_t *sum, double by, float *x, size_t n)
{
    const __m256d vby = _mm256_set1_pd(by);
    size_t i;

    for (i = 0; i + 4 <= n; i += 4) {
        __m256d v = to_double(_mm256_loadu_si256((const void *)(sum + i)));

        _mm_storeu_ps(x + i, _mm256_cvtpd_ps(_mm256_mul_pd(v, vby)));
    }
    for (; i < n; i++)
        x[i] = (float)((double)sum[i] * by);
}

void
sov_kern_avx2_optim(struct sov_kern *k)
{
    k->adamw = adamw;
    k->fix_add = fix_add;
    k->fix_get = fix_get;
}

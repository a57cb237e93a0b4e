/* SPDX-License-Identifier: Apache-2.0 */
/* avx2/sha.c - SHA-256 of 8 leaves in step */
#include "sys/sha_kerns.h"

#include <immintrin.h>
#include <string.h>

#define LANES 8
typedef __m256i vec;

#define SHR(v, n) _mm256_srli_epi32(v, n)
#define ROR(v, n) _mm256_or_si256(_mm256_srli_epi32(v, n), \
                                  _mm256_slli_epi32(v, 32 - (n)))

static inline vec
add(vec a, vec b)
{
    return _mm256_add_epi32(a, b);
}

static inline vec
set1(uint32_t word)
{
    return _mm256_set1_epi32((int)word);
}

static inline vec
xor3(vec a, vec b, vec c)
{
    return _mm256_xor_si256(_mm256_xor_si256(a, b), c);
}

static inline vec
choose(vec e, vec f, vec g)
{
    return _mm256_xor_si256(g, _mm256_and_si256(e, _mm256_xor_si256(f, g)));
}

static inline vec
majority(vec a, vec b, vec c)
{
    return _mm256_or_si256(_mm256_and_si256(a, b),
                           _mm256_and_si256(c, _mm256_or_si256(a, b)));
}

static inline void
put(uint32_t *p, vec v)
{
    _mm256_storeu_si256((vec *)p, v);
}

/* Words first to first + 7 of all lanes: an 8 x 8 transposition. */
static inline void
take_half(const unsigned char *const p[LANES], size_t first, vec w[16])
{
    const vec order = _mm256_set_epi64x(
        0x0c0d0e0f08090a0b, 0x0405060700010203, 0x0c0d0e0f08090a0b,
        0x0405060700010203);
    vec a[8];

    for (int i = 0; i < 8; i++)
        a[i] = _mm256_shuffle_epi8(
            _mm256_loadu_si256((const vec *)(p[i] + 4 * first)), order);
    for (int i = 0; i < 4; i++) { /* half 1 of row i with half 0 of i + 4 */
        vec low = _mm256_permute2x128_si256(a[i], a[i + 4], 0x20);

        a[i + 4] = _mm256_permute2x128_si256(a[i], a[i + 4], 0x31);
        a[i] = low;
    }
    for (int k = 0; k < 8; k += 4) {
        vec t0 = _mm256_unpacklo_epi32(a[k], a[k + 1]);
        vec t1 = _mm256_unpackhi_epi32(a[k], a[k + 1]);
        vec t2 = _mm256_unpacklo_epi32(a[k + 2], a[k + 3]);
        vec t3 = _mm256_unpackhi_epi32(a[k + 2], a[k + 3]);

        w[first + k] = _mm256_unpacklo_epi64(t0, t2);
        w[first + k + 1] = _mm256_unpackhi_epi64(t0, t2);
        w[first + k + 2] = _mm256_unpacklo_epi64(t1, t3);
        w[first + k + 3] = _mm256_unpackhi_epi64(t1, t3);
    }
}

static inline void
take_block(const unsigned char *const p[LANES], vec w[16])
{
    take_half(p, 0, w);
    take_half(p, 8, w);
}

#include "sys/sha_lanes.h"

const struct sov_sha_kern sov_sha_avx2 = {
    .name = "avx2",
    .blocks = sov_sha_generic_blocks,
    .leaves = leaves,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* avx512/sha.c - SHA-256 of 16 leaves in step */
#include "sys/sha_kerns.h"

#include <immintrin.h>
#include <string.h>

#define LANES 16
typedef __m512i vec;

#define ROR(v, n) _mm512_ror_epi32(v, n)
#define SHR(v, n) _mm512_srli_epi32(v, n)

static inline vec
add(vec a, vec b)
{
    return _mm512_add_epi32(a, b);
}

static inline vec
set1(uint32_t word)
{
    return _mm512_set1_epi32((int)word);
}

static inline vec
xor3(vec a, vec b, vec c)
{
    return _mm512_ternarylogic_epi32(a, b, c, 0x96);
}

static inline vec
choose(vec e, vec f, vec g)
{
    return _mm512_ternarylogic_epi32(e, f, g, 0xca);
}

static inline vec
majority(vec a, vec b, vec c)
{
    return _mm512_ternarylogic_epi32(a, b, c, 0xe8);
}

static inline void
put(uint32_t *p, vec v)
{
    _mm512_storeu_si512(p, v);
}

/* Words of all lanes: a 16 x 16 transposition, first of quarters (128 bits) of
 * every fourth row, then within them. */
static inline void
take_block(const unsigned char *const p[LANES], vec w[16])
{
    const vec order = _mm512_broadcast_i32x4(_mm_set_epi64x(
        0x0c0d0e0f08090a0b, 0x0405060700010203));
    vec r[16];
    vec a[16];

    for (int i = 0; i < 16; i++)
        r[i] = _mm512_shuffle_epi8(_mm512_loadu_si512(p[i]), order);
    for (int i = 0; i < 4; i++) { /* quarter q of a[4k+i]: k of row 4q+i */
        vec low0 = _mm512_shuffle_i32x4(r[i], r[i + 4], 0x44);
        vec low1 = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0x44);
        vec high0 = _mm512_shuffle_i32x4(r[i], r[i + 4], 0xee);
        vec high1 = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0xee);

        a[i] = _mm512_shuffle_i32x4(low0, low1, 0x88);
        a[i + 4] = _mm512_shuffle_i32x4(low0, low1, 0xdd);
        a[i + 8] = _mm512_shuffle_i32x4(high0, high1, 0x88);
        a[i + 12] = _mm512_shuffle_i32x4(high0, high1, 0xdd);
    }
    for (int k = 0; k < 16; k += 4) {
        vec t0 = _mm512_unpacklo_epi32(a[k], a[k + 1]);
        vec t1 = _mm512_unpackhi_epi32(a[k], a[k + 1]);
        vec t2 = _mm512_unpacklo_epi32(a[k + 2], a[k + 3]);
        vec t3 = _mm512_unpackhi_epi32(a[k + 2], a[k + 3]);

        w[k] = _mm512_unpacklo_epi64(t0, t2);
        w[k + 1] = _mm512_unpackhi_epi64(t0, t2);
        w[k + 2] = _mm512_unpacklo_epi64(t1, t3);
        w[k + 3] = _mm512_unpackhi_epi64(t1, t3);
    }
}

#include "sys/sha_lanes.h"

const struct sov_sha_kern sov_sha_avx512 = {
    .name = "avx512",
    .blocks = sov_sha_generic_blocks,
    .leaves = leaves,
};

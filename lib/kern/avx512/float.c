/* SPDX-License-Identifier: Apache-2.0 */
/*
 * float.c - rows of floats times columns, AVX-512
 */
#include "config.h"

#include "kern/avx2/flush.h"
#include "kern/avx512/floats.h"
#include "kern/overlay.h"

#define PAIR_TURNS 2

/* Of pairs of bf16 the second, or the first, as f32. */
INLINE vecf
f_pairs(const unsigned char *p, int turn)
{
    __m512i pairs = _mm512_loadu_si512(p);

    return _mm512_castsi512_ps(
        turn == 1 ? _mm512_and_si512(pairs, _mm512_set1_epi32((int)0xffff0000))
                  : _mm512_slli_epi32(pairs, 16));
}

#define f_pairs_fma f_fma
#include "kern/tiles.h"

TILES_OF_FLOATS(f32, F32)
TILES_OF_FLOATS(f16, F16)
TILES_OF_PAIRS(bf16, enter, leave)

void
sov_kern_avx512_float(struct sov_kern *k)
{
    k->dot[SOV_TYPE_F32] = dot_f32;
    k->dot[SOV_TYPE_F16] = dot_f16;
    k->dot[SOV_TYPE_BF16] = dot_bf16;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * float.c - rows of bf16 times columns, AVX-512 with bf16
 *
 * The instruction is what kern.h defines their sum by.  Should a processor
 * add otherwise it keeps the kernels of plain AVX-512.
 */
#include "config.h"

#include "kern/avx512/floats.h"
#include "kern/overlay.h"
#include "sys/cpu.h"

#define PAIR_TURNS 1

/* Pairs of bf16 as they are. */
INLINE vecf
f_pairs(const unsigned char *p, int turn)
{
    (void)turn;
    return f_load(p);
}

INLINE vecf
f_pairs_fma(vecf a, vecf b, vecf s)
{
    return _mm512_dpbf16_ps(s, (__m512bh)a, (__m512bh)b);
}

#include "kern/tiles.h"

TILES_OF_PAIRS(bf16, NULL, NULL)

/*
 * Some sums of four products in one lane, of numbers that tell one way to add
 * from another: by the order of a pair, by rounding once or twice, and by what
 * becomes of results around 2^-126.
 */
static bool
adds_as_defined(const struct sov_kern *k)
{
    static const uint16_t some[] = { 0x3f80, 0x3f81, 0xbf83, 0x4b7f,
                                     0xcb7f, 0x2000, 0x1fff, 0x9ffd,
                                     0x0080, 0x0040, 0x3380, 0x33ab };
    uint16_t w[64] = { 0 }, x[64] = { 0 };
    uint32_t seed = 1;
    float y, z;
    int turn, i;

    for (turn = 0; turn < 1000; turn++) {
        for (i = 0; i < 4; i++) {
            seed = seed * 1664525 + 1013904223;
            w[i / 2 * 32 + i % 2] = some[(seed >> 24) % 12];
            x[i / 2 * 32 + i % 2] = some[(seed >> 16 & 0xff) % 12];
        }
        k->dot[SOV_TYPE_BF16](w, 0, 1, x, 0, 1, 64, &y, 1);
        dot_bf16(w, 0, 1, x, 0, 1, 64, &z, 1);
        if (memcmp(&y, &z, sizeof(y)) != 0)
            return false;
    }
    return true;
}

/* Columns from which adding, not reading, is what takes time. */
#define MANY 4

void
sov_kern_avx512bf16_float(struct sov_kern *k)
{
    if (!adds_as_defined(k))
        return;
    if (sov_cpu_bf16_is_slow()) {
        k->many[SOV_TYPE_BF16] = k->dot[SOV_TYPE_BF16];
        k->many_from[SOV_TYPE_BF16] = MANY;
    }
    k->dot[SOV_TYPE_BF16] = dot_bf16;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shuffle.c - an order of chance that needs no memory
 *
 * A Feistel network turns the numbers of so many bits into each other: of two
 * halves, one is changed by what a random function makes of the other, and then
 * the other way around.  Each round can be undone, so it is a permutation.  A
 * number that is n or more goes through it again until it is below n (J. Black,
 * P. Rogaway, "Ciphers with Arbitrary Finite Domains", CT-RSA 2002): that is a
 * permutation of 0 .. n - 1, and takes two turns at most on average.
 */
#include "distill/shuffle.h"

#include "base/rng.h"

#define ROUNDS 8

/* Of base/rng.h, with the epoch below it. */
#define STREAM (UINT64_C(0x5348) << 48)

static unsigned
bits_of(uint64_t n)
{
    unsigned bits = 2; /* so that both halves have one */

    while (bits < 62 && (n - 1) >> bits != 0)
        bits++;
    return bits;
}

static uint64_t
scramble(const struct sov_shuffle *s, unsigned round, uint64_t half)
{
    uint32_t out[4];

    sov_rng_block(s->seed, STREAM ^ s->epoch, (uint64_t)round << 32 | half,
                  out);
    return out[0];
}

static uint64_t
turn(const struct sov_shuffle *s, unsigned bits, uint64_t x)
{
    unsigned low = bits / 2;
    uint64_t low_mask = (UINT64_C(1) << low) - 1;
    uint64_t high_mask = (UINT64_C(1) << (bits - low)) - 1;
    uint64_t a = x & low_mask;
    uint64_t b = x >> low;

    for (unsigned r = 0; r < ROUNDS; r += 2) {
        a ^= scramble(s, r, b) & low_mask;
        b ^= scramble(s, r + 1, a) & high_mask;
    }
    return b << low | a;
}

uint64_t
sov_shuffle_at(const struct sov_shuffle *s, uint64_t i)
{
    unsigned bits = bits_of(s->n);

    do
        i = turn(s, bits, i);
    while (i >= s->n);
    return i;
}

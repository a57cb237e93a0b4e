/* SPDX-License-Identifier: Apache-2.0 */
/* rng.c - random numbers by counter: Philox 4x32-10 */
#include "base/rng.h"

void
sov_rng_block(uint64_t seed, uint64_t stream, uint64_t counter,
              uint32_t out[4])
{
    uint32_t k0 = (uint32_t)seed;
    uint32_t k1 = (uint32_t)(seed >> 32);
    uint32_t c[4] = { (uint32_t)counter, (uint32_t)(counter >> 32),
                      (uint32_t)stream, (uint32_t)(stream >> 32) };

    for (int round = 0; round < 10; round++) {
        uint64_t a = UINT64_C(0xd2511f53) * c[0];
        uint64_t b = UINT64_C(0xcd9e8d57) * c[2];
        uint32_t c1 = c[1];
        uint32_t c3 = c[3];

        c[0] = (uint32_t)(b >> 32) ^ c1 ^ k0;
        c[1] = (uint32_t)b;
        c[2] = (uint32_t)(a >> 32) ^ c3 ^ k1;
        c[3] = (uint32_t)a;
        k0 += UINT32_C(0x9e3779b9);
        k1 += UINT32_C(0xbb67ae85);
    }
    for (int i = 0; i < 4; i++)
        out[i] = c[i];
}

double
sov_rng_unit(uint64_t seed, uint64_t stream, uint64_t counter)
{
    uint32_t r[4];

    sov_rng_block(seed, stream, counter, r);
    return (double)(((uint64_t)r[0] << 32 | r[1]) >> 11) * 0x1p-53;
}

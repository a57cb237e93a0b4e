/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rng.h - random numbers by counter: Philox 4x32-10
 *
 * J. Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011.
 * A number is a pure function of (seed, stream, counter), so no state is
 * shared and any thread can compute any of them.
 */
#ifndef SOV_BASE_RNG_H
#define SOV_BASE_RNG_H

#include <stdint.h>

void sov_rng_block(uint64_t seed, uint64_t stream, uint64_t counter,
                   uint32_t out[4]);

/* Uniform in [0, 1), 53 bits. */
double sov_rng_unit(uint64_t seed, uint64_t stream, uint64_t counter);

#endif

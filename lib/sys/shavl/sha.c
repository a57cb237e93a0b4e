/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shavl/sha.c - the same with the registers of AVX-512
 *
 * Four lanes are 24 registers; where there are 32 of them nothing goes through
 * memory.
 */
#include "sys/shani/lanes.h"
#include "sys/sha_kerns.h"

const struct sov_sha_kern sov_sha_shavl = {
    .name = "shavl",
    .blocks = blocks,
    .leaves = leaves,
    .both = both,
};

/* SPDX-License-Identifier: Apache-2.0 */
/* shani/sha.c - SHA-256 by the SHA instructions and the SSE that all have */
#include "sys/shani/lanes.h"
#include "sys/sha_kerns.h"

const struct sov_sha_kern sov_sha_shani = {
    .name = "shani",
    .blocks = blocks,
    .leaves = leaves,
    .both = both,
};

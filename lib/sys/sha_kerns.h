/* SPDX-License-Identifier: Apache-2.0 */
/* sha_kerns.h - the kernels of the instruction sets, where they are built */
#ifndef SOV_SYS_SHA_KERNS_H
#define SOV_SYS_SHA_KERNS_H

#include "sys/sha.h"

extern const struct sov_sha_kern sov_sha_avx2;   /* 8 leaves in step */
extern const struct sov_sha_kern sov_sha_avx512; /* 16 leaves in step */
extern const struct sov_sha_kern sov_sha_shani;  /* SHA instructions, 4 */
extern const struct sov_sha_kern sov_sha_shavl;  /* ... and AVX-512 */
extern const struct sov_sha_kern sov_sha_shaarm; /* ARMv8 cryptography, 4 */

#endif

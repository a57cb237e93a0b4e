/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dot.c - integer dot products of rows of blocks, AVX-512 with VNNI
 */
#include "config.h"

#include "kern/avx512/row.h"
#include "kern/avx512/whole.h"
#include "kern/avx512/points.h"
#include "kern/overlay.h"
#include "kern/rows_256.h"
#include "kern/rows_32.h"
#include "kern/strips_256.h"
#include "kern/strips_32.h"

void
sov_kern_avx512_dot(struct sov_kern *k)
{
    rows_256_slots(k);
    rows_32_slots(k);
    strips_256_slots(k);
    strips_32_slots(k);
    rows_grid_slots(k);
    points_slots(k);
}

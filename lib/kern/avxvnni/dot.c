/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dot.c - integer dot products of rows of blocks, AVX2 with AVX-VNNI
 */
#include "config.h"

#include "kern/avx2/row.h"
#include "kern/overlay.h"
#include "kern/rows_256.h"
#include "kern/rows_32.h"
#include "kern/rows_grid.h"

void
sov_kern_avxvnni_dot(struct sov_kern *k)
{
    rows_256_slots(k);
    rows_32_slots(k);
    rows_grid_slots(k);
}

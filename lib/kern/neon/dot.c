/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dot.c - integer dot products of rows of blocks, NEON
 */
#include "config.h"

#include "kern/neon/row.h"
#include "kern/overlay.h"
#include "kern/rows_256.h"
#include "kern/rows_32.h"
#include "kern/rows_grid.h"

void
sov_kern_neon_dot(struct sov_kern *k)
{
    rows_256_slots(k);
    rows_32_slots(k);
    rows_grid_slots(k);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * swap.c - tensors of a big-endian file
 *
 * Such files come from s390x machines.  What the blocks of quantized weights
 * look like there is written in one table, swap.def.
 */
#include "fmt/format.h"

static const struct {
    enum sov_type type;
    uint32_t unit, at, n;
} swaps[] = {
#define SWAP(type, unit, at, n) { SOV_TYPE_##type, unit, at, n },
#include "fmt/swap.def"
#undef SWAP
};

#define N_SWAPS (sizeof(swaps) / sizeof(swaps[0]))

bool
sov_swap_known(enum sov_type type)
{
    for (size_t i = 0; i < N_SWAPS; i++)
        if (swaps[i].type == type)
            return true;
    return false;
}

static void
reverse(unsigned char *p, uint32_t unit)
{
    for (uint32_t i = 0; i < unit / 2; i++) {
        unsigned char low = p[i];

        p[i] = p[unit - 1 - i];
        p[unit - 1 - i] = low;
    }
}

void
sov_swap_blocks(enum sov_type type, void *blocks, uint64_t n)
{
    uint32_t size = sov_type_info(type)->bytes;

    for (size_t i = 0; i < N_SWAPS; i++) {
        if (swaps[i].type != type || swaps[i].unit < 2)
            continue;
        for (uint64_t b = 0; b < n; b++) {
            unsigned char *p = (unsigned char *)blocks + b * size;

            for (uint32_t k = 0; k < swaps[i].n; k++)
                reverse(p + swaps[i].at + k * swaps[i].unit, swaps[i].unit);
        }
    }
}

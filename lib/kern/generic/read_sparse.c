/* SPDX-License-Identifier: Apache-2.0 */
/*
 * read_sparse.c - blocks that keep some of each 64 weights, as integers
 */
#include "config.h"

#include "kern/generic/blocks.h"
#include "quant/sparse.h"

#define SPARSE(name, SYM, keep, bits)                           \
    void sov_read_##name(const void *block, struct sov_w256 *w) \
    {                                                           \
        w->d = sov_half_at(block);                              \
        for (int i = 0; i < 16; i++)                            \
            w->sc[i] = (int16_t)sov_sparse_scale(block, i / 4); \
        sov_sparse_weights(block, keep, bits, w->q);            \
    }
#include "quant/sparse.def"
#undef SPARSE

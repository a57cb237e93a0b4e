/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unpack_sparse.h - blocks that keep some of each 64 weights to panels
 *
 * Whoever includes it brings what unpack_256.h wants and, for each type,
 * read_NAME(), which does what the specification's reader does.
 */
#ifndef SOV_KERN_UNPACK_SPARSE_H
#define SOV_KERN_UNPACK_SPARSE_H

#include "kern/unpack_256.h"

#define SPARSE(name, SYM, keep, bits)                                   \
    static void unpack_##name(const unsigned char *rows, size_t stride, \
                              struct sov_panel *p, int at)              \
    {                                                                   \
        unpack_rows(rows, stride, p, at, read_##name, 8);               \
    }
#include "quant/sparse.def"
#undef SPARSE

#endif

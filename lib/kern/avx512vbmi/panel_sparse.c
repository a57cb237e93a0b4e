/* SPDX-License-Identifier: Apache-2.0 */
/*
 * panel_sparse.c - panels of blocks that keep some of each 64 weights, AVX-512
 * with VBMI2
 *
 * Each row is expanded to bytes, and then they are put together like those of
 * any other type.
 */
#include "config.h"

#include "kern/avx512/mul_256.h"
#include "kern/avx512vbmi/sparse.h"
#include "kern/overlay.h"
#include "kern/unpack.h"

TILES_OF(signed64, step, SIGNED64)

/* 256 weights of a row in their order. */
INLINE void
expand_row(const unsigned char *block, int keep, int bits, int8_t q[256])
{
    const vec bias = vec_set8(1 << (bits - 1));
    vec w[4];
    int i;

    sparse_weights(block, keep, bits, w);
    UNROLL
    for (i = 0; i < 4; i++)
        vec_store(q + 64 * i, vec_sub8(w[i], bias));
}

INLINE void
unpack_sparse(const unsigned char *rows, size_t stride, struct sov_panel *p,
              int at, int keep, int bits)
{
    int8_t q[LANES][256] __attribute__((aligned(64)));
    vec v[4];
    int i, e;

    take(rows, stride, v);
    put_floats(&p->d[0][at], v[0]);
    UNROLL
    for (i = 0; i < 4; i++) {
        int byte = SOV_SPARSE_SCALES + i;

        put_scale(p, at, i, signed_byte_of(v[byte / 4], byte % 4));
    }
    for (i = 0; i < LANES; i++)
        expand_row(rows + (size_t)i * stride, keep, bits, q[i]);
    for (i = 0; i < 16; i++) {
        take((const unsigned char *)q[0] + 16 * i, sizeof(q[0]), v);
        UNROLL
        for (e = 0; e < 4; e++)
            put(p, at, 4 * i + e, v[e]);
    }
    finish_signed(p, at, 16);
}

#define SPARSE(name, SYM, keep, bits)                                   \
    static void unpack_##name(const unsigned char *rows, size_t stride, \
                              struct sov_panel *p, int at)              \
    {                                                                   \
        unpack_sparse(rows, stride, p, at, keep, bits);                 \
    }                                                                   \
    PANEL(name, signed64, SOV_BYTES_##SYM, sov_a256)
#include "quant/sparse.def"
#undef SPARSE

/* Columns from which a panel wins over rows, as measured. */
#define MANY_FROM(bits) ((bits) == 4 ? 5 : 3)

void
sov_kern_avx512vbmi_panel_sparse(struct sov_kern *k)
{
#define SPARSE(name, SYM, keep, bits)      \
    k->many[SOV_TYPE_##SYM] = many_##name; \
    k->many_from[SOV_TYPE_##SYM] = MANY_FROM(bits);
#include "quant/sparse.def"
#undef SPARSE
}

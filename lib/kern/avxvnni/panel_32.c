/* SPDX-License-Identifier: Apache-2.0 */
/*
 * panel_32.c - panels of blocks of 32 weights, AVX2 with AVX-VNNI
 *
 * Signed weights are kept with 128 added, as avx512/panel_32.c has them.
 */
#include "config.h"

#include "kern/avxvnni/vec.h"
#include "kern/overlay.h"

/* ---- multiply */

enum form {
    MINS,   /* unsigned weights, and minimums */
    SIGNED, /* weights 128 too large */
};

#define has_mins(form) ((form) == MINS)
#include "kern/avx2/mul_32.h"

INLINE void
block_sums(const struct sov_panel *p, enum form form, int b, const void *act,
           size_t stride, int n, vec s[4][TILE])
{
    int k, c, h;

    UNROLL
    for (c = 0; c < n; c++)
        for (h = 0; h < 4; h++)
            s[h][c] =
                vec_set32(form == MINS ? 0 : column(act, stride, c)->lift[b]);
    UNROLL
    for (k = 8 * b; k < 8 * b + 8; k++) {
        vec x[TILE];

        UNROLL
        for (c = 0; c < n; c++)
            x[c] = broadcast(column(act, stride, c)->q + 4 * k);
        UNROLL
        for (h = 0; h < 4; h++) {
            vec w = vec_load(p->q[k][8 * h]);

            UNROLL
            for (c = 0; c < n; c++)
                s[h][c] = vec_dot(s[h][c], w, x[c]);
        }
    }
}

TILES_OF(mins, step, MINS)
TILES_OF(with_sign, step, SIGNED)

/* ---- unpack */

#define SIGN      0x80
#define OFFSET(x) ((x)-128)
#include "kern/unpack_32.h"
#include "kern/unpack_bits.h"

/* ---- table */

/* name, mul, type, columns from which a panel wins over rows */
/* clang-format off */
#define EACH(DO)                       \
    DO(q4_0,    with_sign, Q4_0,    2) \
    DO(q4_1,    mins,      Q4_1,    2) \
    DO(q5_0,    with_sign, Q5_0,    4) \
    DO(q5_1,    mins,      Q5_1,    4) \
    DO(q8_0,    with_sign, Q8_0,    4) \
    DO(iq4_nl,  with_sign, IQ4_NL,  2) \
    DO(mxfp4,   with_sign, MXFP4,   2) \
    DO(q1_0,    with_sign, Q1_0,    6) \
    DO(q2_0,    with_sign, Q2_0,    2)
/* clang-format on */

#define TYPE(name, mul, SYM, from) \
    PANEL(name, mul, 256 / SOV_BLOCK_##SYM * SOV_BYTES_##SYM, sov_a32)
EACH(TYPE)

void
sov_kern_avxvnni_panel_32(struct sov_kern *k)
{
#define SLOT(name, mul, SYM, from)         \
    k->many[SOV_TYPE_##SYM] = many_##name; \
    k->many_from[SOV_TYPE_##SYM] = (from);
    EACH(SLOT)
}

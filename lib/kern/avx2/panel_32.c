/* SPDX-License-Identifier: Apache-2.0 */
/*
 * panel_32.c - panels of blocks of 32 weights, AVX2
 *
 * As panel_256.c; the offset of unsigned weights comes off the sum of a block.
 */
#include "config.h"

/* Columns of a tile: with four registers of rows, eight sums. */
#define TILE 2
#include "kern/avx2/vec.h"
#include "kern/overlay.h"

#include <stdbool.h>

/* ---- multiply */

/* The products of `fit` dwords of weights fit into 16 bits. */
enum form {
    MINS_8,    /* weights to 15, and minimums */
    MINS_4,    /* to 31 */
    OFFSET_8,  /* to 15, 8 too large */
    OFFSET_16, /* to 31, 16 too large */
    SIGNED,
};

static const struct {
    bool has_sign;
    bool mins;
    int offset;
    int fit;
} forms[] = {
    [MINS_8] = { false, true, 0, 8 },    [MINS_4] = { false, true, 0, 4 },
    [OFFSET_8] = { false, false, 8, 8 }, [OFFSET_16] = { false, false, 16, 4 },
    [SIGNED] = { true, false, 0, 1 },
};

INLINE bool
has_mins(enum form form)
{
    return forms[form].mins;
}

#include "kern/avx2/mul_32.h"

/* Sums in pairs of `fit` dwords from the k-th on. */
INLINE void
pairs(const struct sov_panel *p, enum form form, int k, const void *act,
      size_t stride, int n, vec t[4][TILE])
{
    bool has_sign = forms[form].has_sign;
    int i, c, h;

    for (i = 0; i < forms[form].fit; i++) {
        vec x[TILE];

        UNROLL
        for (c = 0; c < n; c++)
            x[c] = broadcast(column(act, stride, c)->q + 4 * (k + i));
        UNROLL
        for (h = 0; h < 4; h++) {
            vec w = vec_load(p->q[k + i][8 * h]);
            vec u = has_sign ? _mm256_abs_epi8(w) : w;

            UNROLL
            for (c = 0; c < n; c++) {
                vec v = has_sign ? _mm256_sign_epi8(x[c], w) : x[c];
                vec d = _mm256_maddubs_epi16(u, v);

                t[h][c] = i == 0 ? d : _mm256_add_epi16(t[h][c], d);
            }
        }
    }
}

INLINE void
block_sums(const struct sov_panel *p, enum form form, int b, const void *act,
           size_t stride, int n, vec s[4][TILE])
{
    const vec ones = _mm256_set1_epi16(1);
    vec t[4][TILE];
    int k, c, h;

    UNROLL
    for (c = 0; c < n; c++)
        for (h = 0; h < 4; h++)
            s[h][c] =
                vec_set32(-forms[form].offset * column(act, stride, c)->sum[b]);
    UNROLL
    for (k = 0; k < 8; k += forms[form].fit) {
        pairs(p, form, 8 * b + k, act, stride, n, t);
        UNROLL
        for (h = 0; h < 4; h++)
            for (c = 0; c < n; c++)
                s[h][c] =
                    _mm256_add_epi32(s[h][c], _mm256_madd_epi16(t[h][c], ones));
    }
}

TILES_OF(mins_8, step, MINS_8)
TILES_OF(mins_4, step, MINS_4)
TILES_OF(offset_8, step, OFFSET_8)
TILES_OF(offset_16, step, OFFSET_16)
TILES_OF(with_sign, step, SIGNED)

/* ---- unpack */

#define SIGN 0
#include "kern/unpack_32.h"
#include "kern/unpack_bits.h"

/* ---- table */

/* name, mul, type, columns from which a panel wins over rows */
/* clang-format off */
#define EACH(DO)                        \
    DO(q4_0,    offset_8,  Q4_0,    2)  \
    DO(q4_1,    mins_8,    Q4_1,    2)  \
    DO(q5_0,    offset_16, Q5_0,    4)  \
    DO(q5_1,    mins_4,    Q5_1,    4)  \
    DO(q8_0,    with_sign, Q8_0,    4)  \
    DO(iq4_nl,  with_sign, IQ4_NL,  2)  \
    DO(mxfp4,   with_sign, MXFP4,   2)  \
    DO(q1_0,    with_sign, Q1_0,    6)  \
    DO(q2_0,    with_sign, Q2_0,    2)
/* clang-format on */

#define TYPE(name, mul, SYM, from) \
    PANEL(name, mul, 256 / SOV_BLOCK_##SYM * SOV_BYTES_##SYM, sov_a32)
EACH(TYPE)

void
sov_kern_avx2_panel_32(struct sov_kern *k)
{
#define SLOT(name, mul, SYM, from)         \
    k->many[SOV_TYPE_##SYM] = many_##name; \
    k->many_from[SOV_TYPE_##SYM] = (from);
    EACH(SLOT)
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * panel_256.c - panels of super-blocks of 256 weights, AVX2 with AVX-VNNI
 */
#include "config.h"

#include "kern/avx2/sparse.h"
#include "kern/avxvnni/vec.h"
#include "kern/mul_256.h"
#include "kern/overlay.h"
#include "kern/unpack_sparse.h"

INLINE void
group_sums(const struct sov_panel *p, enum form form, int first,
           const void *act, size_t stride, int n, vec t[PARTS][TILE])
{
    const vec lift = vec_set8(-128);
    int k, c, h;

    UNROLL
    for (h = 0; h < PARTS; h++)
        for (c = 0; c < TILE && c < n; c++)
            t[h][c] = vec_set32(0);
    UNROLL
    for (k = first; k < first + group(form); k++) {
        vec x[TILE];

        UNROLL
        for (c = 0; c < TILE && c < n; c++) {
            x[c] = broadcast(column(act, stride, c)->q + 4 * k);
            if (!has_mins(form))
                x[c] = vec_xor(x[c], lift);
        }
        UNROLL
        for (h = 0; h < PARTS; h++) {
            vec w = vec_load(p->q[k][LANES * h]);

            UNROLL
            for (c = 0; c < TILE && c < n; c++)
                t[h][c] = has_mins(form) ? vec_dot(t[h][c], w, x[c])
                                         : vec_dot(t[h][c], x[c], w);
        }
    }
}

TILES_OF(mins32, step, MINS32)
TILES_OF(mins16, step, MINS16)
TILES_OF(signed32, step, SIGNED32)
TILES_OF(signed16, step, SIGNED16)

/* name, mul, type, columns from which a panel wins over rows */
/* clang-format off */
#define EACH(DO)                         \
    DO(q2_k,    mins16,    Q2_K,    2)   \
    DO(q3_k,    signed16,  Q3_K,    4)   \
    DO(q4_k,    mins32,    Q4_K,    2)   \
    DO(q5_k,    mins32,    Q5_K,    2)   \
    DO(q6_k,    signed16,  Q6_K,    4)   \
    DO(iq4_xs,  signed32,  IQ4_XS,  2)   \
    DO(iq3_xxs, signed32,  IQ3_XXS,12)   \
    DO(iq3_s,   signed32,  IQ3_S,   9)   \
    DO(iq2_xxs, signed32,  IQ2_XXS,14)   \
    DO(iq2_xs,  signed16,  IQ2_XS, 12)   \
    DO(iq2_s,   signed16,  IQ2_S,  12)   \
    DO(iq1_s,   signed32,  IQ1_S,   1)   \
    DO(iq1_m,   signed16,  IQ1_M,   1)   \
    DO(tq1_0,   signed32,  TQ1_0,   1)   \
    DO(tq2_0,   signed32,  TQ2_0,   8)   \
    DO(s8_64_q4, signed32, S8_64_Q4, 2)  \
    DO(s16_64_q4, signed32, S16_64_Q4, 2) \
    DO(s24_64_q4, signed32, S24_64_Q4, 2) \
    DO(s32_64_q4, signed32, S32_64_Q4, 2) \
    DO(s8_64_q8, signed32, S8_64_Q8, 2)  \
    DO(s16_64_q8, signed32, S16_64_Q8, 2) \
    DO(s24_64_q8, signed32, S24_64_Q8, 2) \
    DO(s32_64_q8, signed32, S32_64_Q8, 2)
/* clang-format on */

#define TYPE(name, mul, SYM, from) PANEL(name, mul, SOV_BYTES_##SYM, sov_a256)
EACH(TYPE)

void
sov_kern_avxvnni_panel_256(struct sov_kern *k)
{
#define SLOT(name, mul, SYM, from)         \
    k->many[SOV_TYPE_##SYM] = many_##name; \
    k->many_from[SOV_TYPE_##SYM] = (from);
    EACH(SLOT)
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * panel_256.c - panels of super-blocks of 256 weights, NEON
 *
 * Products of signed bytes go to 32 bits at once, and the sum of a sub-block
 * is multiplied by its scale.
 */
#include "config.h"

#include "kern/neon/vec.h"
#include "kern/overlay.h"

#include <stdbool.h>

/* ---- multiply */

/* A scale has so many dwords of weights. */
enum form {
    MINS_4,
    MINS_8,
    SIGNED_4,
    SIGNED_8,
};

static const struct {
    bool mins;
    int group;
} forms[] = {
    [MINS_4] = { true, 4 },
    [MINS_8] = { true, 8 },
    [SIGNED_4] = { false, 4 },
    [SIGNED_8] = { false, 8 },
};

INLINE const struct sov_a256 *
column(const void *act, size_t stride, int c)
{
    return (const void *)((const unsigned char *)act + (size_t)c * stride);
}

/* f - dmin * da * minimums of four rows times sums of activations */
INLINE float32x4_t
less_mins(float32x4_t f, const struct sov_panel *p, bool wide,
          const struct sov_a256 *a, int at)
{
    const int16_t *sums = wide ? a->sum32 : a->sum;
    int n = wide ? 4 : 8;
    float32x4_t d = vmulq_n_f32(vld1q_f32(&p->dmin[0][at]), a->d);
    vec s = vec_set32(0);
    int i;

    UNROLL
    for (i = 0; i < n; i++) {
        int16x8_t m = vld1q_s16(p->m[i][at]);
        int16x8_t x =
            vreinterpretq_s16_s32(vld1q_dup_s32((const void *)(sums + 2 * i)));

        s = vaddq_s32(s, vpaddq_s32(vmull_s16(vget_low_s16(m), vget_low_s16(x)),
                                    vmull_high_s16(m, x)));
    }
    return vfmsq_f32(f, d, vcvtq_f32_s32(s));
}

/* n columns, a number known to the compiler. */
INLINE void
step(const struct sov_panel *p, enum form form, int at, const void *act,
     size_t stride, int n, float *f)
{
    int group = forms[form].group;
    const int8_t *x[TILE] = { NULL };
    vec s[TILE_VECS][TILE];
    int b, c, h;

    UNROLL
    for (c = 0; c < n; c++) {
        x[c] = column(act, stride, c)->q;
        for (h = 0; h < TILE_VECS; h++)
            s[h][c] = vec_set32(0);
    }
    for (b = 0; b < 64 / group; b++) {
        vec t[TILE_VECS][TILE];

        UNROLL
        for (h = 0; h < TILE_VECS; h++)
            for (c = 0; c < n; c++)
                t[h][c] = vec_set32(0);
        tile_dots(t, p, at, b * group, group, x, n);
        UNROLL
        for (h = 0; h < TILE_VECS; h++) {
            vec sc = vec_load(&p->sc[b][at + LANES * h]);

            for (c = 0; c < n; c++)
                s[h][c] = vmlaq_s32(s[h][c], t[h][c], sc);
        }
    }
    UNROLL
    for (c = 0; c < n; c++) {
        const struct sov_a256 *a = column(act, stride, c);

        UNROLL
        for (h = 0; h < TILE_VECS; h++) {
            float *to = f + SOV_PANEL_ROWS * c + LANES * h;
            float32x4_t d =
                vmulq_n_f32(vld1q_f32(&p->d[0][at + LANES * h]), a->d);
            float32x4_t v = vfmaq_f32(vld1q_f32(to), d, vcvtq_f32_s32(s[h][c]));

            if (forms[form].mins)
                v = less_mins(v, p, group == 8, a, at + LANES * h);
            vst1q_f32(to, v);
        }
    }
}

TILES_OF(mins_4, step, MINS_4)
TILES_OF(mins_8, step, MINS_8)
TILES_OF(signed_4, step, SIGNED_4)
TILES_OF(signed_8, step, SIGNED_8)

/* ---- unpack */

INLINE void
put_scale(struct sov_panel *p, int at, int i, vec sc)
{
    vec_store(&p->sc[i][at], sc);
}

INLINE void
put_one_scale(struct sov_panel *p, int row, int i, int sc)
{
    p->sc[i][row] = sc;
}

INLINE void
finish_signed(struct sov_panel *p, int at, int g)
{
    (void)p;
    (void)at;
    (void)g;
}

#include "kern/unpack_256.h"

/* ---- table */

/* name, mul, type, columns from which a panel is taken: not measured yet */
/* clang-format off */
#define EACH(DO)                        \
    DO(q2_k,    mins_4,   Q2_K,    5)   \
    DO(q3_k,    signed_4, Q3_K,    5)   \
    DO(q4_k,    mins_8,   Q4_K,    5)   \
    DO(q5_k,    mins_8,   Q5_K,    5)   \
    DO(q6_k,    signed_4, Q6_K,    5)   \
    DO(iq4_xs,  signed_8, IQ4_XS,  5)   \
    DO(iq3_xxs, signed_8, IQ3_XXS,12)   \
    DO(iq3_s,   signed_8, IQ3_S,  12)   \
    DO(iq2_xxs, signed_8, IQ2_XXS,12)   \
    DO(iq2_xs,  signed_4, IQ2_XS, 12)   \
    DO(iq2_s,   signed_4, IQ2_S,  12)   \
    DO(iq1_s,   signed_8, IQ1_S,   1)   \
    DO(iq1_m,   signed_4, IQ1_M,   1)   \
    DO(tq1_0,   signed_8, TQ1_0,   1)   \
    DO(tq2_0,   signed_8, TQ2_0,   5)
/* clang-format on */

#define TYPE(name, mul, SYM, from) PANEL(name, mul, SOV_BYTES_##SYM, sov_a256)
EACH(TYPE)

void
sov_kern_neon_panel_256(struct sov_kern *k)
{
#define SLOT(name, mul, SYM, from)         \
    k->many[SOV_TYPE_##SYM] = many_##name; \
    k->many_from[SOV_TYPE_##SYM] = (from);
    EACH(SLOT)
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * panel_256.c - panels of super-blocks of 256 weights, AVX2
 *
 * Products of bytes are added in pairs to 16 bits, as many of them as fit,
 * then widened and scaled in one step.  Signed weights give their sign to the
 * activations, so that the weights are the unsigned side.
 */
#include "config.h"

/* Columns of a tile: with four registers of rows, eight sums. */
#define TILE 2
#include "kern/avx2/vec.h"
#include "kern/overlay.h"

#include <stdbool.h>

/* ---- multiply */

/*
 * NAME_SCALE_FIT: a scale has so many dwords of weights, and the products of
 * so many fit into 16 bits: 2 * 127 * fit * the largest weight.
 */
enum form {
    MINS_4_4, /* weights to 31 */
    MINS_8_8, /* to 15 */
    MINS_8_4,
    SIGNED_4_4, /* to 32 either way */
    SIGNED_4_2, /* to 64 */
    SIGNED_8_4,
    SIGNED_8_2,
    SIGNED_8_1,
    SIGNED_8_8, /* to 16 */
};

static const struct {
    bool mins;
    int group;
    int fit;
} forms[] = {
    [MINS_4_4] = { true, 4, 4 },    [MINS_8_8] = { true, 8, 8 },
    [MINS_8_4] = { true, 8, 4 },    [SIGNED_4_4] = { false, 4, 4 },
    [SIGNED_4_2] = { false, 4, 2 }, [SIGNED_8_4] = { false, 8, 4 },
    [SIGNED_8_2] = { false, 8, 2 }, [SIGNED_8_1] = { false, 8, 1 },
    [SIGNED_8_8] = { false, 8, 8 },
};

INLINE const struct sov_a256 *
column(const void *act, size_t stride, int c)
{
    return (const void *)((const unsigned char *)act + (size_t)c * stride);
}

/* Sums in pairs of `fit` dwords from the k-th on. */
INLINE void
pairs(const struct sov_panel *p, enum form form, int k, const void *act,
      size_t stride, int n, vec t[4][TILE])
{
    int i, c, h;

    for (i = 0; i < forms[form].fit; i++) {
        vec x[TILE];

        UNROLL
        for (c = 0; c < n; c++)
            x[c] = broadcast(column(act, stride, c)->q + 4 * (k + i));
        UNROLL
        for (h = 0; h < 4; h++) {
            vec w = vec_load(p->q[k + i][8 * h]);
            vec u = forms[form].mins ? w : _mm256_abs_epi8(w);

            UNROLL
            for (c = 0; c < n; c++) {
                vec v = forms[form].mins ? x[c] : _mm256_sign_epi8(x[c], w);
                vec d = _mm256_maddubs_epi16(u, v);

                t[h][c] = i == 0 ? d : _mm256_add_epi16(t[h][c], d);
            }
        }
    }
}

INLINE void
add_mins(const struct sov_panel *p, bool wide, const struct sov_a256 *a,
         __m256 da, int h, float *f)
{
    const int16_t *sums = wide ? a->sum32 : a->sum;
    int n = wide ? 4 : 8;
    __m256 d = _mm256_mul_ps(_mm256_load_ps(&p->dmin[0][8 * h]), da);
    vec s = vec_set32(0);
    int i;

    for (i = 0; i < n; i++)
        s = _mm256_add_epi32(s, _mm256_madd_epi16(vec_load(p->m[i][8 * h]),
                                                  broadcast(sums + 2 * i)));
    _mm256_store_ps(
        f, _mm256_fnmadd_ps(d, _mm256_cvtepi32_ps(s), _mm256_load_ps(f)));
}

/* n columns, a number known to the compiler. */
INLINE void
step(const struct sov_panel *p, enum form form, const void *act, size_t stride,
     int n, float *f)
{
    int group = forms[form].group;
    vec s[4][TILE], t[4][TILE];
    int b, k, c, h;

    UNROLL
    for (h = 0; h < 4; h++)
        for (c = 0; c < n; c++)
            s[h][c] = vec_set32(0);
    for (b = 0; b < 64 / group; b++) {
        for (k = 0; k < group; k += forms[form].fit) {
            pairs(p, form, b * group + k, act, stride, n, t);
            UNROLL
            for (h = 0; h < 4; h++)
                for (c = 0; c < n; c++)
                    s[h][c] = _mm256_add_epi32(
                        s[h][c],
                        _mm256_madd_epi16(t[h][c], vec_load(&p->sc[b][8 * h])));
        }
    }
    UNROLL
    for (c = 0; c < n; c++) {
        const struct sov_a256 *a = column(act, stride, c);
        __m256 da = _mm256_set1_ps(a->d);

        UNROLL
        for (h = 0; h < 4; h++) {
            float *at = f + SOV_PANEL_ROWS * c + 8 * h;
            __m256 d = _mm256_mul_ps(_mm256_load_ps(&p->d[0][8 * h]), da);

            _mm256_store_ps(at, _mm256_fmadd_ps(d, _mm256_cvtepi32_ps(s[h][c]),
                                                _mm256_load_ps(at)));
            if (forms[form].mins)
                add_mins(p, group == 8, a, da, h, at);
        }
    }
}

TILES_OF(mins_4_4, step, MINS_4_4)
TILES_OF(mins_8_8, step, MINS_8_8)
TILES_OF(mins_8_4, step, MINS_8_4)
TILES_OF(signed_4_4, step, SIGNED_4_4)
TILES_OF(signed_4_2, step, SIGNED_4_2)
TILES_OF(signed_8_4, step, SIGNED_8_4)
TILES_OF(signed_8_2, step, SIGNED_8_2)
TILES_OF(signed_8_1, step, SIGNED_8_1)
TILES_OF(signed_8_8, step, SIGNED_8_8)

/* ---- unpack */

/* Scales are kept twice, for the two halves of a dword. */
INLINE void
put_scale(struct sov_panel *p, int at, int i, vec sc)
{
    vec_store(&p->sc[i][at],
              vec_or(vec_and(sc, vec_set32(0xffff)), vec_shl(sc, 16)));
}

INLINE void
put_one_scale(struct sov_panel *p, int row, int i, int sc)
{
    p->sc[i][row] = (int32_t)((uint32_t)(sc & 0xffff) * 0x10001);
}

INLINE void
finish_signed(struct sov_panel *p, int at, int g)
{
    (void)p;
    (void)at;
    (void)g;
}

#include "kern/avx2/sparse.h"
#include "kern/unpack_sparse.h"

/* ---- table */

/* name, mul, type, columns from which a panel wins over rows */
/* clang-format off */
#define EACH(DO)                          \
    DO(q2_k,    mins_4_4,   Q2_K,    2)   \
    DO(q3_k,    signed_4_4, Q3_K,    4)   \
    DO(q4_k,    mins_8_8,   Q4_K,    2)   \
    DO(q5_k,    mins_8_4,   Q5_K,    2)   \
    DO(q6_k,    signed_4_4, Q6_K,    4)   \
    DO(iq4_xs,  signed_8_1, IQ4_XS,  2)   \
    DO(iq3_xxs, signed_8_2, IQ3_XXS,12)   \
    DO(iq3_s,   signed_8_4, IQ3_S,   9)   \
    DO(iq2_xxs, signed_8_2, IQ2_XXS,14)   \
    DO(iq2_xs,  signed_4_2, IQ2_XS, 12)   \
    DO(iq2_s,   signed_4_2, IQ2_S,  12)   \
    DO(iq1_s,   signed_8_4, IQ1_S,   1)   \
    DO(iq1_m,   signed_4_4, IQ1_M,   1)   \
    DO(tq1_0,   signed_8_4, TQ1_0,   1)   \
    DO(tq2_0,   signed_8_4, TQ2_0,   8)   \
    DO(s8_64_q4, signed_8_8, S8_64_Q4, 2) \
    DO(s16_64_q4, signed_8_8, S16_64_Q4, 2) \
    DO(s24_64_q4, signed_8_8, S24_64_Q4, 2) \
    DO(s32_64_q4, signed_8_8, S32_64_Q4, 2) \
    DO(s8_64_q8, signed_8_1, S8_64_Q8, 2) \
    DO(s16_64_q8, signed_8_1, S16_64_Q8, 2) \
    DO(s24_64_q8, signed_8_1, S24_64_Q8, 2) \
    DO(s32_64_q8, signed_8_1, S32_64_Q8, 2)
/* clang-format on */

#define TYPE(name, mul, SYM, from) PANEL(name, mul, SOV_BYTES_##SYM, sov_a256)
EACH(TYPE)

void
sov_kern_avx2_panel_256(struct sov_kern *k)
{
#define SLOT(name, mul, SYM, from)         \
    k->many[SOV_TYPE_##SYM] = many_##name; \
    k->many_from[SOV_TYPE_##SYM] = (from);
    EACH(SLOT)
}

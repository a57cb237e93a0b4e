/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lane.h - sixteen floats at a time, for the searches of the encoders
 *
 * The encoders put one block into each lane, so that no sum ever crosses
 * lanes and every machine adds in the same order.  This is the plain version;
 * kern/<isa>/lane.h has the same names made of intrinsics, and the same bits:
 *
 * - +, -, *, /, sqrt are single IEEE operations, nothing is contracted
 * - min and max give the second operand unless the first is less (greater),
 *   so a NaN in the first is dropped and one in the second is kept
 * - round is to nearest even by adding 1.5 * 2^23; only for |x| < 2^22
 * - table looks k, rounded like that, up in sixteen numbers; only for k from 0
 *   to 15 after rounding
 *
 * Whoever includes an ISA's version first keeps this one out.
 */
#ifndef SOV_QUANT_LANE_H
#define SOV_QUANT_LANE_H

#include "tensor/half.h"

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define SOV_LANE static inline __attribute__((always_inline))

typedef float v4 __attribute__((vector_size(16)));
typedef int32_t v4i __attribute__((vector_size(16)));

typedef struct {
    v4 a, b, c, d;
} v16;

typedef struct {
    v4i a, b, c, d;
} v16i;

typedef v16i m16; /* all ones or all zeros in each lane */

#define V16_BINARY(x, op, y) \
    ((v16){ (x).a op(y).a, (x).b op(y).b, (x).c op(y).c, (x).d op(y).d })

SOV_LANE v16
v16_set(float x)
{
    v4 v = { x, x, x, x };

    return (v16){ v, v, v, v };
}

SOV_LANE v16
v16_load(const float *p)
{
    v16 v;

    memcpy(&v, p, sizeof(v));
    return v;
}

SOV_LANE void
v16_store(float *p, v16 v)
{
    memcpy(p, &v, sizeof(v));
}

SOV_LANE v16
v16_add(v16 x, v16 y)
{
    return V16_BINARY(x, +, y);
}

SOV_LANE v16
v16_sub(v16 x, v16 y)
{
    return V16_BINARY(x, -, y);
}

SOV_LANE v16
v16_mul(v16 x, v16 y)
{
    return V16_BINARY(x, *, y);
}

SOV_LANE v16
v16_div(v16 x, v16 y)
{
    return V16_BINARY(x, /, y);
}

SOV_LANE m16
v16_less(v16 x, v16 y)
{
    return (m16){ x.a < y.a, x.b < y.b, x.c < y.c, x.d < y.d };
}

#define V4_PICK(m, x, y) ((v4)(((v4i)(x) & (m)) | ((v4i)(y) & ~(m))))

/* x where m, else y */
SOV_LANE v16
v16_pick(m16 m, v16 x, v16 y)
{
    return (v16){ V4_PICK(m.a, x.a, y.a), V4_PICK(m.b, x.b, y.b),
                  V4_PICK(m.c, x.c, y.c), V4_PICK(m.d, x.d, y.d) };
}

SOV_LANE v16
v16_min(v16 x, v16 y)
{
    return v16_pick(v16_less(x, y), x, y);
}

SOV_LANE v16
v16_max(v16 x, v16 y)
{
    return v16_pick(v16_less(y, x), x, y);
}

SOV_LANE v16
v16_abs(v16 x)
{
    const v4i bits = { 0x7fffffff, 0x7fffffff, 0x7fffffff, 0x7fffffff };

    return (v16){ (v4)((v4i)x.a & bits), (v4)((v4i)x.b & bits),
                  (v4)((v4i)x.c & bits), (v4)((v4i)x.d & bits) };
}

SOV_LANE v16
v16_round(v16 x)
{
    v16 big = v16_set(12582912.0f);

    return v16_sub(v16_add(x, big), big);
}

SOV_LANE v16
v16_table(const float table[16], v16 k)
{
    float t[16];

    v16_store(t, v16_add(k, v16_set(12582912.0f)));
    for (int i = 0; i < 16; i++)
        t[i] = table[sov_f32_bits(t[i]) & 15];
    return v16_load(t);
}

SOV_LANE v16
v16_sqrt(v16 x)
{
    float t[16];

    v16_store(t, x);
    for (int i = 0; i < 16; i++)
        t[i] = sqrtf(t[i]);
    return v16_load(t);
}

/* Through half precision and back; not for NaN. */
SOV_LANE v16
v16_half(v16 x)
{
    float t[16];

    v16_store(t, x);
    for (int i = 0; i < 16; i++)
        t[i] = sov_f16_to_f32(sov_f32_to_f16(t[i]));
    return v16_load(t);
}

/* Whole numbers, as v16_round leaves them, to their low bytes. */
SOV_LANE void
v16_store_bytes(uint8_t *p, v16 x)
{
    float t[16];

    v16_store(t, x);
    for (int i = 0; i < 16; i++)
        p[i] = (uint8_t)(int32_t)t[i];
}

/* out[i] lane l = p[l * stride + i] for i, l below 16. */
SOV_LANE void
v16_transpose(const float *p, size_t stride, v16 *out)
{
    for (size_t i = 0; i < 16; i++) {
        float t[16];

        for (size_t l = 0; l < 16; l++)
            t[l] = p[l * stride + i];
        out[i] = v16_load(t);
    }
}

#endif

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
 * c32 is for costs: 32 whole numbers of 16 bits, two for each lane, which are
 * made of two v16 by rounding like that (the low 16 bits count) and lie in
 * memory in an order of the machine's own.  Sums wrap round.
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

#define SOV_LANE      static inline __attribute__((always_inline))
#define SOV_LANE_CALL static __attribute__((noinline, unused))

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

/* Four bits from bit shift on of each lane's code, looked up. */
SOV_LANE v16
v16_digit(const float table[16], const uint32_t code[16], int shift)
{
    float t[16];

    for (int i = 0; i < 16; i++)
        t[i] = table[code[i] >> shift & 15];
    return v16_load(t);
}

/* A bit for each lane that is below 0. */
SOV_LANE uint32_t
v16_signs(v16 x)
{
    uint32_t bits = 0;
    float t[16];

    v16_store(t, x);
    for (int i = 0; i < 16; i++)
        bits |= (uint32_t)(t[i] < 0.0f) << i;
    return bits;
}

/* ---- costs */

typedef int16_t v8s __attribute__((vector_size(16)));
typedef uint16_t v8u __attribute__((vector_size(16)));
typedef uint32_t v4u __attribute__((vector_size(16)));

typedef struct {
    v8s a, b, c, d;
} c32;

typedef c32 cm32; /* all ones or all zeros */

SOV_LANE c32
c32_set(int x)
{
    int16_t k = (int16_t)x;
    v8s v = { k, k, k, k, k, k, k, k };

    return (c32){ v, v, v, v };
}

SOV_LANE c32
c32_load(const int16_t *p)
{
    c32 v;

    memcpy(&v, p, sizeof(v));
    return v;
}

SOV_LANE void
c32_store(int16_t *p, c32 v)
{
    memcpy(p, &v, sizeof(v));
}

#define V8_ADD(x, y) ((v8s)((v8u)(x) + (v8u)(y)))

SOV_LANE c32
c32_add(c32 x, c32 y)
{
    return (c32){ V8_ADD(x.a, y.a), V8_ADD(x.b, y.b), V8_ADD(x.c, y.c),
                  V8_ADD(x.d, y.d) };
}

SOV_LANE c32
c32_sub(c32 x, c32 y)
{
    return (c32){ (v8s)((v8u)x.a - (v8u)y.a), (v8s)((v8u)x.b - (v8u)y.b),
                  (v8s)((v8u)x.c - (v8u)y.c), (v8s)((v8u)x.d - (v8u)y.d) };
}

SOV_LANE cm32
c32_less(c32 x, c32 y)
{
    return (cm32){ x.a < y.a, x.b < y.b, x.c < y.c, x.d < y.d };
}

SOV_LANE cm32
c32_equal(c32 x, c32 y)
{
    return (cm32){ x.a == y.a, x.b == y.b, x.c == y.c, x.d == y.d };
}

SOV_LANE cm32
cm32_and(cm32 x, cm32 y)
{
    return (cm32){ x.a & y.a, x.b & y.b, x.c & y.c, x.d & y.d };
}

/* Where bit of x is set. */
SOV_LANE cm32
c32_has(c32 x, int bit)
{
    c32 b = c32_set(1 << bit);

    return (cm32){ (x.a & b.a) != 0, (x.b & b.b) != 0, (x.c & b.c) != 0,
                   (x.d & b.d) != 0 };
}

#define V8_PICK(m, x, y) (((x) & (m)) | ((y) & ~(m)))

/* x where m, else y */
SOV_LANE c32
c32_pick(cm32 m, c32 x, c32 y)
{
    return (c32){ V8_PICK(m.a, x.a, y.a), V8_PICK(m.b, x.b, y.b),
                  V8_PICK(m.c, x.c, y.c), V8_PICK(m.d, x.d, y.d) };
}

SOV_LANE c32
c32_min(c32 x, c32 y)
{
    return c32_pick(c32_less(x, y), x, y);
}

#define V4_PAIR(x, y) ((v8s)(((v4u)(x)&0xffffu) | (v4u)(y) << 16))

/* One of the two numbers of each lane from x, the other from y. */
SOV_LANE c32
c32_pair(v16 x, v16 y)
{
    v16 big = v16_set(12582912.0f);

    x = v16_add(x, big);
    y = v16_add(y, big);
    return (c32){ V4_PAIR(x.a, y.a), V4_PAIR(x.b, y.b), V4_PAIR(x.c, y.c),
                  V4_PAIR(x.d, y.d) };
}

#define V4_LOW(x)  __builtin_convertvector((v4i)((v4u)(x) << 16) >> 16, v4)
#define V4_HIGH(x) __builtin_convertvector((v4i)(x) >> 16, v4)

/* Those from x of c32_pair, and those from y. */
SOV_LANE v16
c32_first(c32 c)
{
    return (v16){ V4_LOW(c.a), V4_LOW(c.b), V4_LOW(c.c), V4_LOW(c.d) };
}

SOV_LANE v16
c32_second(c32 c)
{
    return (v16){ V4_HIGH(c.a), V4_HIGH(c.b), V4_HIGH(c.c), V4_HIGH(c.d) };
}

#endif

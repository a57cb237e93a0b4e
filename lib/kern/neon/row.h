/* SPDX-License-Identifier: Apache-2.0 */
/*
 * row.h - the operations that kern/rows.h is made of, NEON
 *
 * A vector is two registers, a row in each.  With the weights of half a
 * super-block, sums and constants that is what 32 registers hold.
 */
#ifndef SOV_KERN_ROW_H
#define SOV_KERN_ROW_H

#include "base/le.h"

#include "kern/unroll.h"

#include <arm_neon.h>
#include <stddef.h>
#include <stdint.h>

#define ROWS 2

/* How many bytes before they are read rows are asked for; no machine has told
 * yet what is best. */
#define AHEAD 32768

typedef struct {
    int8x16_t a, b;
} vec;

typedef struct {
    float32x4_t a, b;
} vecf;

/* v_dot takes signed weights as they are, so there is nothing to take back. */
#define BIAS8 0

/* Registers as lanes of another kind, and back. */
#define S16(v) vreinterpretq_s16_s8(v)
#define S32(v) vreinterpretq_s32_s8(v)
#define S64(v) vreinterpretq_s64_s8(v)
#define U8(v)  vreinterpretq_u8_s8(v)
#define U16(v) vreinterpretq_u16_s8(v)
#define U32(v) vreinterpretq_u32_s8(v)

#define OF_S16(v) vreinterpretq_s8_s16(v)
#define OF_S32(v) vreinterpretq_s8_s32(v)
#define OF_S64(v) vreinterpretq_s8_s64(v)
#define OF_U8(v)  vreinterpretq_s8_u8(v)
#define OF_U16(v) vreinterpretq_s8_u16(v)
#define OF_U32(v) vreinterpretq_s8_u32(v)

/* f of both rows of x, or of x and y */
#define ONE(TO, AS, f, x) ((vec){ TO(f(AS((x).a))), TO(f(AS((x).b))) })
#define TWO(TO, AS, f, x, y) \
    ((vec){ TO(f(AS((x).a), AS((y).a))), TO(f(AS((x).b), AS((y).b))) })
#define PLAIN(v)       (v)
#define TWO_F(f, x, y) ((vecf){ f((x).a, (y).a), f((x).b, (y).b) })

/* Memory that will be read, into the second cache. */
INLINE void
v_ahead(const unsigned char *p)
{
    __builtin_prefetch(p, 0, 2);
}

/* 16 bytes of each row, which are stride bytes apart */
INLINE vec
v_rows(const unsigned char *p, size_t stride)
{
    return (vec){ OF_U8(vld1q_u8(p)), OF_U8(vld1q_u8(p + stride)) };
}

/* 4 bytes of each row, four times */
INLINE vec
v_rows4(const unsigned char *p, size_t stride)
{
    return (vec){ OF_U32(vdupq_n_u32(sov_le32(p))),
                  OF_U32(vdupq_n_u32(sov_le32(p + stride))) };
}

INLINE int8x16_t
words8(const unsigned char *p, const short at[8])
{
    uint16x8_t v = { sov_le16(p + at[0]), sov_le16(p + at[1]),
                     sov_le16(p + at[2]), sov_le16(p + at[3]),
                     sov_le16(p + at[4]), sov_le16(p + at[5]),
                     sov_le16(p + at[6]), sov_le16(p + at[7]) };

    return OF_U16(v);
}

/* Eight words of each row, from the bytes at; there are size bytes. */
INLINE vec
v_words(const unsigned char *p, size_t stride, size_t size, const short at[8])
{
    (void)size;
    return (vec){ words8(p, at), words8(p + stride, at) };
}

/* The same 16 bytes for all rows. */
INLINE vec
v_same(const void *p)
{
    int8x16_t v = vld1q_s8(p);

    return (vec){ v, v };
}

INLINE vec
v_set8(int x)
{
    int8x16_t v = vdupq_n_s8((int8_t)x);

    return (vec){ v, v };
}

INLINE vec
v_set16(int x)
{
    int8x16_t v = OF_S16(vdupq_n_s16((int16_t)x));

    return (vec){ v, v };
}

INLINE vec
v_set32(int x)
{
    int8x16_t v = OF_S32(vdupq_n_s32(x));

    return (vec){ v, v };
}

INLINE vec
v_zero(void)
{
    return v_set8(0);
}

INLINE vec
v_and(vec a, vec b)
{
    return TWO(PLAIN, PLAIN, vandq_s8, a, b);
}

INLINE vec
v_or(vec a, vec b)
{
    return TWO(PLAIN, PLAIN, vorrq_s8, a, b);
}

INLINE vec
v_xor(vec a, vec b)
{
    return TWO(PLAIN, PLAIN, veorq_s8, a, b);
}

INLINE vec
v_add8(vec a, vec b)
{
    return TWO(PLAIN, PLAIN, vaddq_s8, a, b);
}

INLINE vec
v_sub8(vec a, vec b)
{
    return TWO(PLAIN, PLAIN, vsubq_s8, a, b);
}

INLINE vec
v_sub16(vec a, vec b)
{
    return TWO(OF_S16, S16, vsubq_s16, a, b);
}

INLINE vec
v_mul16(vec a, vec b)
{
    return TWO(OF_S16, S16, vmulq_s16, a, b);
}

INLINE vec
v_add32(vec a, vec b)
{
    return TWO(OF_S32, S32, vaddq_s32, a, b);
}

INLINE vec
v_sub32(vec a, vec b)
{
    return TWO(OF_S32, S32, vsubq_s32, a, b);
}

INLINE vec
v_mul32(vec a, vec b)
{
    return TWO(OF_S32, S32, vmulq_s32, a, b);
}

/* Each lane by its own count: the instruction shifts left by a signed one. */
INLINE uint16x8_t
right16(uint16x8_t v, uint16x8_t n)
{
    return v >> n;
}

INLINE uint16x8_t
left16(uint16x8_t v, uint16x8_t n)
{
    return v << n;
}

INLINE int16x8_t
right16_signed(int16x8_t v, int16x8_t n)
{
    return v >> n;
}

INLINE uint32x4_t
right32(uint32x4_t v, uint32x4_t n)
{
    return v >> n;
}

INLINE uint32x4_t
left32(uint32x4_t v, uint32x4_t n)
{
    return v << n;
}

INLINE int32x4_t
right32_signed(int32x4_t v, int32x4_t n)
{
    return v >> n;
}

/* Shifts of 16-bit and 32-bit lanes; n < 0 shifts left. */
INLINE vec
v_shr16(vec v, int n)
{
    return n < 0 ? TWO(OF_U16, U16, left16, v, v_set16(-n))
                 : TWO(OF_U16, U16, right16, v, v_set16(n));
}

INLINE vec
v_sar16(vec v, int n)
{
    return TWO(OF_S16, S16, right16_signed, v, v_set16(n));
}

INLINE vec
v_shr32(vec v, int n)
{
    return n < 0 ? TWO(OF_U32, U32, left32, v, v_set32(-n))
                 : TWO(OF_U32, U32, right32, v, v_set32(n));
}

INLINE vec
v_sar32(vec v, int n)
{
    return TWO(OF_S32, S32, right32_signed, v, v_set32(n));
}

/* Each 32-bit lane by its own count. */
INLINE vec
v_shrv32(vec v, vec n)
{
    return TWO(OF_U32, U32, right32, v, n);
}

/* Each 16-bit lane by its own count n. */
INLINE vec
v_shr_each16(vec v, vec n, vec factor, int most)
{
    (void)factor;
    (void)most;
    return TWO(OF_U16, U16, right16, v, n);
}

/* Bytes of v within a row; where the index is negative, 0. */
INLINE vec
v_pick8(vec v, vec index)
{
    return (vec){ vqtbl1q_s8(v.a, U8(index.a)), vqtbl1q_s8(v.b, U8(index.b)) };
}

INLINE vec
v_low8(vec a, vec b)
{
    return TWO(PLAIN, PLAIN, vzip1q_s8, a, b);
}

INLINE vec
v_high8(vec a, vec b)
{
    return TWO(PLAIN, PLAIN, vzip2q_s8, a, b);
}

INLINE vec
v_low16(vec a, vec b)
{
    return TWO(OF_S16, S16, vzip1q_s16, a, b);
}

INLINE vec
v_high16(vec a, vec b)
{
    return TWO(OF_S16, S16, vzip2q_s16, a, b);
}

INLINE vec
v_low32(vec a, vec b)
{
    return TWO(OF_S32, S32, vzip1q_s32, a, b);
}

INLINE vec
v_high32(vec a, vec b)
{
    return TWO(OF_S32, S32, vzip2q_s32, a, b);
}

/* 32-bit lanes 1, 3 of a and those of b */
INLINE vec
v_odd32(vec a, vec b)
{
    return TWO(OF_S32, S32, vuzp2q_s32, a, b);
}

INLINE vec
v_low64(vec a, vec b)
{
    return TWO(OF_S64, S64, vzip1q_s64, a, b);
}

INLINE vec
v_high64(vec a, vec b)
{
    return TWO(OF_S64, S64, vzip2q_s64, a, b);
}

/* Words to unsigned bytes, those of a below those of b; they must fit. */
INLINE vec
v_pack8(vec a, vec b)
{
    return TWO(PLAIN, PLAIN, vuzp1q_s8, a, b);
}

/* 32 bits to 16, those of a below those of b; they must fit. */
INLINE vec
v_pack16(vec a, vec b)
{
    return TWO(OF_S16, S16, vuzp1q_s16, a, b);
}

/* table[i] for words i less than n, 256, 512 or 1024 */
INLINE vec
v_lookup(const uint16_t *table, int n, vec i)
{
    uint16_t at[16];
    int j;

    (void)n;
    vst1q_u16(at, U16(i.a));
    vst1q_u16(at + 8, U16(i.b));
    UNROLL
    for (j = 0; j < 16; j++)
        at[j] = table[at[j]];
    return (vec){ OF_U16(vld1q_u16(at)), OF_U16(vld1q_u16(at + 8)) };
}

/* All ones in the bytes of which bits has the bit of mask. */
INLINE int8x16_t
has_bit(int8x16_t bits, int8x16_t mask)
{
    return OF_U8(vtstq_s8(bits, mask));
}

/* v + more in the bytes of which bits has the bit of mask */
INLINE vec
v_add_if(vec v, vec bits, vec mask, vec more)
{
    vec set = TWO(PLAIN, PLAIN, has_bit, bits, mask);

    return v_add8(v, v_and(set, more));
}

/* -x in the bytes of which bits has the bit of mask */
INLINE vec
v_negate_if(vec x, vec bits, vec mask)
{
    vec set = TWO(PLAIN, PLAIN, has_bit, bits, mask);

    return v_sub8(v_xor(x, set), set);
}

/* a < b ? x : y, 32-bit lanes */
INLINE vec
v_if_less32(vec a, vec b, vec x, vec y)
{
    return (vec){
        OF_S32(vbslq_s32(vcltq_s32(S32(a.a), S32(b.a)), S32(x.a), S32(y.a))),
        OF_S32(vbslq_s32(vcltq_s32(S32(a.b), S32(b.b)), S32(x.b), S32(y.b))),
    };
}

/* sum + products of four unsigned bytes, at most 127, and signed ones */
INLINE vec
v_dot(vec sum, vec u, vec x)
{
    return (vec){ OF_S32(vdotq_s32(S32(sum.a), u.a, x.a)),
                  OF_S32(vdotq_s32(S32(sum.b), u.b, x.b)) };
}

/* ... of weights that v_signed gave */
INLINE vec
v_dot8(vec sum, vec w, vec x)
{
    return v_dot(sum, w, x);
}

INLINE vec
v_signed(vec w)
{
    return w;
}

INLINE int8x16_t
dot16(int8x16_t sum, int16x8_t a, int16x8_t b)
{
    int32x4_t s = vmlal_s16(S32(sum), vget_low_s16(a), vget_low_s16(b));

    return OF_S32(vmlal_high_s16(s, a, b));
}

/*
 * sum + products of two words each; which two come together in a lane is the
 * machine's own
 */
INLINE vec
v_dot16(vec sum, vec a, vec b)
{
    return (vec){ dot16(sum.a, S16(a.a), S16(b.a)),
                  dot16(sum.b, S16(a.b), S16(b.b)) };
}

INLINE float32x4_t
floats_of(uint16x4_t half)
{
    return vcvt_f32_f16(vreinterpret_f16_u16(half));
}

/* Lane b: the half float in word 4 * high + b of the row. */
INLINE vecf
v_halves(vec v, int high)
{
    return high ? (vecf){ floats_of(vget_high_u16(U16(v.a))),
                          floats_of(vget_high_u16(U16(v.b))) }
                : (vecf){ floats_of(vget_low_u16(U16(v.a))),
                          floats_of(vget_low_u16(U16(v.b))) };
}

/* All lanes: the half float in a word of the row. */
INLINE vecf
v_half(vec v, int word)
{
    return (vecf){ floats_of(vdup_n_u16(U16(v.a)[word])),
                   floats_of(vdup_n_u16(U16(v.b)[word])) };
}

INLINE vecf
f_of(vec v)
{
    return (vecf){ vcvtq_f32_s32(S32(v.a)), vcvtq_f32_s32(S32(v.b)) };
}

INLINE vecf
f_bits(vec v)
{
    return (vecf){ vreinterpretq_f32_s8(v.a), vreinterpretq_f32_s8(v.b) };
}

INLINE vecf
f_set(float x)
{
    float32x4_t v = vdupq_n_f32(x);

    return (vecf){ v, v };
}

INLINE vecf
f_zero(void)
{
    return f_set(0.0f);
}

/* The same four for all rows. */
INLINE vecf
f_same(const float *p)
{
    float32x4_t v = vld1q_f32(p);

    return (vecf){ v, v };
}

INLINE vecf
f_same4(float a, float b, float c, float d)
{
    float32x4_t v = { a, b, c, d };

    return (vecf){ v, v };
}

INLINE vecf
f_add(vecf a, vecf b)
{
    return TWO_F(vaddq_f32, a, b);
}

INLINE vecf
f_mul(vecf a, vecf b)
{
    return TWO_F(vmulq_f32, a, b);
}

/* c + a * b and c - a * b */
INLINE vecf
f_fma(vecf a, vecf b, vecf c)
{
    return (vecf){ vfmaq_f32(c.a, a.a, b.a), vfmaq_f32(c.b, a.b, b.b) };
}

INLINE vecf
f_fnma(vecf a, vecf b, vecf c)
{
    return (vecf){ vfmsq_f32(c.a, a.a, b.a), vfmsq_f32(c.b, a.b, b.b) };
}

/* Lanes 0, 2 of a and those of b; lanes 1, 3 of both. */
INLINE vecf
f_even(vecf a, vecf b)
{
    return TWO_F(vuzp1q_f32, a, b);
}

INLINE vecf
f_odd(vecf a, vecf b)
{
    return TWO_F(vuzp2q_f32, a, b);
}

INLINE void
f_store(float *p, vecf v)
{
    vst1q_f32(p, v.a);
    vst1q_f32(p + 4, v.b);
}

/* The same 16 numbers in each row, for indices and masks. */
#define SAME(v)      ((vec){ (v), (v) })
#define V_BYTES(...) SAME(((int8x16_t){ __VA_ARGS__ }))
#define V_WORDS(...) SAME(OF_S16(((int16x8_t){ __VA_ARGS__ })))
#define V_INTS(...)  SAME(OF_S32(((int32x4_t){ __VA_ARGS__ })))

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dot.c - integer dot products of a row of blocks, the specification
 *
 * The layouts of the blocks are drawn in quant/, beside their decoders.
 */
#include "config.h"

#include "base/le.h"
#include "kern/overlay.h"
#include "tensor/half.h"

#include <math.h>
#include <string.h>

static float
half(const unsigned char *p)
{
    return sov_f16_to_f32(sov_le16(p));
}

/* ---- types with a float scale per 32 weights */

struct block {
    float d;
    float m; /* used if there are mins */
    int8_t q[32];
};

typedef void block32(const unsigned char *p, struct block *b);

static void
q8_0(const unsigned char *p, struct block *b)
{
    memcpy(b->q, p + 2, 32);
    b->d = half(p);
}

/* Nibbles, less an offset. */
static void
nibbles(const unsigned char *p, int offset, int8_t q[32])
{
    int j;

    for (j = 0; j < 16; j++) {
        q[j] = (int8_t)((p[j] & 15) - offset);
        q[j + 16] = (int8_t)((p[j] >> 4) - offset);
    }
}

/* Bit j of four bytes is worth 16 in q[j]. */
static void
fifth_bits(const unsigned char *p, int8_t q[32])
{
    int j;

    for (j = 0; j < 32; j++)
        q[j] = (int8_t)(q[j] + ((p[j / 8] >> j % 8 & 1) << 4));
}

static void
q4_0(const unsigned char *p, struct block *b)
{
    nibbles(p + 2, 8, b->q);
    b->d = half(p);
}

static void
q4_1(const unsigned char *p, struct block *b)
{
    nibbles(p + 4, 0, b->q);
    b->d = half(p);
    b->m = half(p + 2);
}

static void
q5_0(const unsigned char *p, struct block *b)
{
    nibbles(p + 6, 16, b->q);
    fifth_bits(p + 2, b->q);
    b->d = half(p);
}

static void
q5_1(const unsigned char *p, struct block *b)
{
    nibbles(p + 8, 0, b->q);
    fifth_bits(p + 4, b->q);
    b->d = half(p);
    b->m = half(p + 2);
}

/* p of block i of a piece, see kern.h */
static float
block_sum(const struct block *b, bool has_mins, const struct sov_a32 *a,
          size_t i)
{
    int32_t sum = 0;
    float p;
    int j;

    for (j = 0; j < 32; j++)
        sum += b->q[j] * a->q[32 * i + (size_t)j];
    p = b->d * a->d[i] * (float)sum;
    return has_mins ? p + b->m * a->s[i] : p;
}

static void
dot_a32(block32 *read, size_t bytes, bool has_mins, const unsigned char *row,
        const unsigned char *act, size_t act_stride, size_t n_cols, size_t n,
        float *y)
{
    size_t i, b, c;

    for (c = 0; c < n_cols; c++)
        y[c] = 0;
    for (i = 0; i < n; i += 256) {
        struct block w[8];
        size_t n_blocks = n - i < 256 ? (n - i) / 32 : 8;

        for (b = 0; b < n_blocks; b++, row += bytes)
            read(row, &w[b]);
        for (c = 0; c < n_cols; c++) {
            const struct sov_a32 *a =
                (const void *)(act + c * act_stride + i / 256 * sizeof(*a));
            float p[8] = { 0 };

            for (b = 0; b < n_blocks; b++)
                p[b] = block_sum(&w[b], has_mins, a, b);
            y[c] += ((p[0] + p[1]) + (p[2] + p[3])) +
                    ((p[4] + p[5]) + (p[6] + p[7]));
        }
    }
}

#define DOT_A32(type, bytes, has_mins)                                      \
    static void dot_##type(const void *row, const void *act,                \
                           size_t act_stride, size_t n_cols, size_t n,      \
                           float *y)                                        \
    {                                                                       \
        dot_a32(type, bytes, has_mins, row, act, act_stride, n_cols, n, y); \
    }

DOT_A32(q8_0, 34, false)
DOT_A32(q4_0, 18, false)
DOT_A32(q4_1, 20, true)
DOT_A32(q5_0, 22, false)
DOT_A32(q5_1, 24, true)

/* ---- types with super-blocks of 256 weights */

struct super {
    float d;
    float dmin; /* used if there are mins */
    int8_t q[256];
    int sc[16]; /* of 16 weights each */
    int m[16];
};

typedef void block256(const unsigned char *block, struct super *s);

/*
 * The scales and mins of Q4_K and Q5_K: 6 bits each, eight of both in 12
 * bytes; 0 to 3 in the low bits of bytes 0 to 3 and 4 to 7, the others in the
 * nibbles of bytes 8 to 11 with their two high bits above those of the first.
 */
static void
scales_k4(const unsigned char *p, struct super *s)
{
    int j;

    for (j = 0; j < 8; j++) {
        int sc = j < 4 ? p[j] & 63 : (p[j + 4] & 15) | (p[j - 4] >> 6) << 4;
        int m = j < 4 ? p[j + 4] & 63 : p[j + 4] >> 4 | (p[j] >> 6) << 4;

        s->sc[2 * j] = s->sc[2 * j + 1] = sc;
        s->m[2 * j] = s->m[2 * j + 1] = m;
    }
}

static void
q4_k(const unsigned char *block, struct super *s)
{
    int i;

    s->d = half(block);
    s->dmin = half(block + 2);
    scales_k4(block + 4, s);
    for (i = 0; i < 256; i++)
        s->q[i] =
            (int8_t)(block[16 + i / 64 * 32 + i % 32] >> i % 64 / 32 * 4 & 15);
}

static void
q5_k(const unsigned char *block, struct super *s)
{
    int i;

    s->d = half(block);
    s->dmin = half(block + 2);
    scales_k4(block + 4, s);
    for (i = 0; i < 256; i++) {
        int low = block[48 + i / 64 * 32 + i % 32] >> i % 64 / 32 * 4 & 15;
        int high = block[16 + i % 32] >> i / 32 & 1;

        s->q[i] = (int8_t)(low | high << 4);
    }
}

static void
q6_k(const unsigned char *block, struct super *s)
{
    const unsigned char *qh = block + 128;
    int i;

    s->d = half(block + 208);
    for (i = 0; i < 16; i++)
        s->sc[i] = (int8_t)block[192 + i];
    for (i = 0; i < 256; i++) {
        int part = i / 128 * 64;
        int low = block[part + i % 64] >> i % 128 / 64 * 4 & 15;
        int high = qh[part / 2 + i % 32] >> i % 128 / 32 * 2 & 3;

        s->q[i] = (int8_t)((low | high << 4) - 32);
    }
}

static int32_t
super_sum(const struct super *s, const struct sov_a256 *a)
{
    int32_t sum = 0;
    int i, j;

    for (j = 0; j < 16; j++) {
        int32_t part = 0;

        for (i = 16 * j; i < 16 * j + 16; i++)
            part += s->q[i] * a->q[i];
        sum += s->sc[j] * part;
    }
    return sum;
}

static int32_t
min_sum(const struct super *s, const struct sov_a256 *a)
{
    int32_t sum = 0;
    int j;

    for (j = 0; j < 16; j++)
        sum += s->m[j] * a->sum[j];
    return sum;
}

static void
dot_a256(block256 *read, size_t bytes, bool has_mins, const unsigned char *row,
         const unsigned char *act, size_t act_stride, size_t n_cols, size_t n,
         float *y)
{
    size_t i, c;

    for (c = 0; c < n_cols; c++)
        y[c] = 0;
    for (i = 0; i < n; i += 256, row += bytes) {
        struct super s;

        read(row, &s);
        for (c = 0; c < n_cols; c++) {
            const struct sov_a256 *a =
                (const void *)(act + c * act_stride + i / 256 * sizeof(*a));

            y[c] = fmaf(s.d * a->d, (float)super_sum(&s, a), y[c]);
            if (has_mins)
                y[c] = fmaf(-(s.dmin * a->d), (float)min_sum(&s, a), y[c]);
        }
    }
}

static void
dot_q4_k(const void *row, const void *act, size_t act_stride, size_t n_cols,
         size_t n, float *y)
{
    dot_a256(q4_k, 144, true, row, act, act_stride, n_cols, n, y);
}

static void
dot_q5_k(const void *row, const void *act, size_t act_stride, size_t n_cols,
         size_t n, float *y)
{
    dot_a256(q5_k, 176, true, row, act, act_stride, n_cols, n, y);
}

static void
dot_q6_k(const void *row, const void *act, size_t act_stride, size_t n_cols,
         size_t n, float *y)
{
    dot_a256(q6_k, 210, false, row, act, act_stride, n_cols, n, y);
}

void
sov_kern_generic_dot(struct sov_kern *k)
{
    k->dot[SOV_TYPE_Q8_0] = dot_q8_0;
    k->dot[SOV_TYPE_Q4_0] = dot_q4_0;
    k->dot[SOV_TYPE_Q4_1] = dot_q4_1;
    k->dot[SOV_TYPE_Q5_0] = dot_q5_0;
    k->dot[SOV_TYPE_Q5_1] = dot_q5_1;
    k->act_of[SOV_TYPE_F16] = SOV_ACT_HALF;
    k->act_of[SOV_TYPE_Q8_0] = SOV_ACT_A32;
    k->act_of[SOV_TYPE_Q4_0] = SOV_ACT_A32;
    k->act_of[SOV_TYPE_Q4_1] = SOV_ACT_A32;
    k->act_of[SOV_TYPE_Q5_0] = SOV_ACT_A32;
    k->act_of[SOV_TYPE_Q5_1] = SOV_ACT_A32;
    k->dot[SOV_TYPE_Q4_K] = dot_q4_k;
    k->dot[SOV_TYPE_Q5_K] = dot_q5_k;
    k->dot[SOV_TYPE_Q6_K] = dot_q6_k;
    k->act_of[SOV_TYPE_Q4_K] = SOV_ACT_A256;
    k->act_of[SOV_TYPE_Q5_K] = SOV_ACT_A256;
    k->act_of[SOV_TYPE_Q6_K] = SOV_ACT_A256;
}

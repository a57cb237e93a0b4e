/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outer.c - sums of outer products, NEON
 *
 * Four rows of one panel at a time: 16 sums, and a load of four rows serves
 * them all.  A tile leaves its sums in memory; for bf16 that is in the mode of
 * flush.h, and adding to what is there is behind it.
 */
#include "config.h"

#include "kern/neon/flush.h"
#include "kern/neon/lanes.h"
#include "kern/overlay.h"
#include "tensor/half.h"

#include <arm_neon.h>

#define ROWS 4

/* A tile of o: rows from i, the panel of column j. */
struct tile {
    const struct sov_outer *o;
    size_t i, j;
    float sum[ROWS][SOV_OUTER];
};

INLINE void
row(float32x4_t s[4], const float32x4_t v[4], float x)
{
    int h;

    UNROLL
    for (h = 0; h < 4; h++)
        s[h] = vfmaq_n_f32(s[h], v[h], x);
}

INLINE void
clear(float32x4_t s[ROWS][4], int rows)
{
    int i, h;

    UNROLL
    for (i = 0; i < rows; i++)
        for (h = 0; h < 4; h++)
            s[i][h] = vdupq_n_f32(0);
}

INLINE void
keep_sums(struct tile *t, float32x4_t s[ROWS][4], int rows)
{
    int i, h;

    UNROLL
    for (i = 0; i < rows; i++)
        for (h = 0; h < 4; h++)
            vst1q_f32(&t->sum[i][4 * h], s[i][h]);
}

INLINE void
floats(struct tile *t, int rows)
{
    const struct sov_outer *o = t->o;
    const float *a = (const float *)o->a + t->i * o->a_row;
    const float *b = (const float *)o->b + t->j / SOV_OUTER * o->b_stride;
    float32x4_t s[ROWS][4];
    size_t k;
    int i, h;

    clear(s, rows);
    for (k = 0; k < o->n; k++, a += o->a_step, b += SOV_OUTER) {
        float32x4_t v[4];

        for (h = 0; h < 4; h++)
            v[h] = vld1q_f32(b + 4 * h);
        UNROLL
        for (i = 0; i < rows; i++)
            row(s[i], v, a[(size_t)i * o->a_row]);
    }
    keep_sums(t, s, rows);
}

INLINE void
pairs(struct tile *t, int rows)
{
    const struct sov_outer *o = t->o;
    const uint16_t *a = (const uint16_t *)o->a + 2 * t->i * o->a_row;
    const uint16_t *b =
        (const uint16_t *)o->b + 2 * (t->j / SOV_OUTER * o->b_stride);
    float32x4_t s[ROWS][4];
    size_t k;
    int i, h;

    clear(s, rows);
    for (k = 0; k < o->n; k++, a += 2 * o->a_step, b += 2 * SOV_OUTER) {
        float32x4_t first[4], second[4];

        for (h = 0; h < 4; h++) {
            uint32x4_t v = vreinterpretq_u32_u16(vld1q_u16(b + 8 * h));

            second[h] =
                vreinterpretq_f32_u32(vandq_u32(v, vdupq_n_u32(0xffff0000)));
            first[h] = vreinterpretq_f32_u32(vshlq_n_u32(v, 16));
        }
        UNROLL
        for (i = 0; i < rows; i++) {
            const uint16_t *x = a + 2 * (size_t)i * o->a_row;

            row(s[i], second, sov_bf16_to_f32(x[1]));
            row(s[i], first, sov_bf16_to_f32(x[0]));
        }
    }
    keep_sums(t, s, rows);
}

static void
put(const struct tile *t, size_t rows)
{
    const struct sov_outer *o = t->o;
    size_t cols = o->n_b - t->j < SOV_OUTER ? o->n_b - t->j : SOV_OUTER;
    size_t i, j;

    for (i = 0; i < rows; i++) {
        float *y = o->y + (t->i + i) * o->y_stride + t->j;

        for (j = 0; j < cols; j++)
            y[j] = o->add ? y[j] + t->sum[i][j] : t->sum[i][j];
    }
}

static void
all_tiles(const struct sov_outer *o, void (*sum)(struct tile *t, size_t rows))
{
    struct tile t = { .o = o };
    size_t rows;

    for (t.j = 0; t.j < o->n_b; t.j += SOV_OUTER)
        for (t.i = 0; t.i < o->n_a; t.i += rows) {
            rows = o->n_a - t.i < ROWS ? 1 : ROWS;
            sum(&t, rows);
            put(&t, rows);
        }
}

static void
sum_floats(struct tile *t, size_t rows)
{
    if (rows == ROWS)
        floats(t, ROWS);
    else
        floats(t, 1);
}

static void
outer(const struct sov_outer *o)
{
    all_tiles(o, sum_floats);
}

/* Apart, so that no product can be moved out of the mode. */
static __attribute__((noinline)) void
flushed_pairs(struct tile *t, size_t rows)
{
    if (rows == ROWS)
        pairs(t, ROWS);
    else
        pairs(t, 1);
}

/* The generic one; written once, before there are threads. */
static void (*plain_bf16)(const struct sov_outer *o);

static void
sum_plainly(struct tile *t, size_t rows)
{
    struct sov_outer o = *t->o;

    o.a = (const uint16_t *)o.a + 2 * t->i * o.a_row;
    o.n_a = rows;
    o.b = (const uint16_t *)o.b + 2 * (t->j / SOV_OUTER * o.b_stride);
    o.n_b = SOV_OUTER;
    o.y = t->sum[0];
    o.y_stride = SOV_OUTER;
    o.add = false;
    plain_bf16(&o);
}

static void
sum_pairs(struct tile *t, size_t rows)
{
    uint64_t were = notes();
    unsigned mode = enter();
    bool flushed;

    set_notes(were & ~NOTE_UNDERFLOW);
    flushed_pairs(t, rows);
    flushed = (notes() & NOTE_UNDERFLOW) != 0;
    leave(mode);
    set_notes(were);
    if (flushed)
        sum_plainly(t, rows);
}

static void
outer_bf16(const struct sov_outer *o)
{
    all_tiles(o, sum_pairs);
}

void
sov_kern_neon_outer(struct sov_kern *k)
{
    plain_bf16 = k->outer_bf16;
    k->outer = outer;
    k->outer_bf16 = outer_bf16;
}

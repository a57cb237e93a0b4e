/* SPDX-License-Identifier: Apache-2.0 */
/*
 * float.c - rows of floats times columns, NEON
 *
 * A tile is done in parts of two rows and up to three columns, whose sums are
 * 24 registers.
 *
 * For products of bf16 the processor is told to flush to zero.  It judges a
 * result before it is rounded, kern.h after: they differ where a result lies
 * just below 2^-126.  Whenever a result was flushed the processor keeps a note
 * of it, and then, which is rare, all is done once more in the generic way.
 */
#include "config.h"

#include "kern/neon/lanes.h"
#include "kern/overlay.h"
#include "kern/tile.h"

#include <stdbool.h>

#define ROWS      SOV_TILE_ROWS
#define PART_ROWS 2
#define PART_COLS 3

/* ---- the processor's modes and notes */

#define MODE_FLUSH     (UINT64_C(1) << 24) /* FPCR: FZ; the rest as usual */
#define NOTE_UNDERFLOW (UINT64_C(1) << 3)  /* FPSR: UFC */

static unsigned
enter(void)
{
    uint64_t mode;

    __asm__ volatile("mrs %0, fpcr" : "=r"(mode) : : "memory");
    __asm__ volatile("msr fpcr, %0" : : "r"(MODE_FLUSH) : "memory");
    return (unsigned)mode;
}

static void
leave(unsigned mode)
{
    __asm__ volatile("msr fpcr, %0" : : "r"((uint64_t)mode) : "memory");
}

static uint64_t
notes(void)
{
    uint64_t notes;

    __asm__ volatile("mrs %0, fpsr" : "=r"(notes) : : "memory");
    return notes;
}

static void
set_notes(uint64_t notes)
{
    __asm__ volatile("msr fpsr, %0" : : "r"(notes) : "memory");
}

/* ---- tiles */

/* Sums of a part; they stand ROWS rows to a column. */
typedef lanes part[PART_COLS][PART_ROWS];

INLINE void
clear(part s, int cols)
{
    int c, r;

    UNROLL
    for (c = 0; c < cols; c++)
        UNROLL
    for (r = 0; r < PART_ROWS; r++)
        s[c][r] = zero();
}

INLINE void
give(part s, float *sum, int cols)
{
    int c, r, j;

    UNROLL
    for (c = 0; c < cols; c++)
        UNROLL
    for (r = 0; r < PART_ROWS; r++)
        for (j = 0; j < 4; j++)
            vst1q_f32(sum + LANES * (ROWS * c + r) + 4 * j, s[c][r].v[j]);
}

enum weights { F32, F16 };

INLINE float32x4_t
weights4(enum weights type, const unsigned char *w, size_t i)
{
    if (type == F32)
        return vreinterpretq_f32_u8(vld1q_u8(w + 4 * i));
    return vcvt_f32_f16(vreinterpret_f16_u8(vld1_u8(w + 2 * i)));
}

INLINE lanes
weights16(enum weights type, const unsigned char *w, size_t i)
{
    return (lanes){ { weights4(type, w, i), weights4(type, w, i + 4),
                      weights4(type, w, i + 8), weights4(type, w, i + 12) } };
}

/* n < 16 of them, zeros behind */
static lanes
some(enum weights type, const unsigned char *w, size_t i, size_t n)
{
    unsigned char rest[4 * LANES] = { 0 };
    size_t bytes = type == F32 ? 4 : 2;

    memcpy(rest, w + bytes * i, bytes * n);
    return weights16(type, rest, 0);
}

INLINE void
ask_for(bool ask, const unsigned char **ahead, int lines)
{
    int i;

    for (i = 0; ask && i < lines; i++, *ahead += 64)
        __builtin_prefetch(*ahead, 0, 2);
}

INLINE void
part_floats(enum weights type, bool ask, const unsigned char *w,
            size_t w_stride, const unsigned char *x, size_t x_stride, size_t n,
            float *sum, int cols)
{
    const unsigned char *ahead = w + SOV_TILE_AHEAD;
    part s;
    size_t i, j;
    int c, r;

    clear(s, cols);
    for (i = 0; i + LANES <= n; i += LANES) {
        ask_for(ask, &ahead, type == F32 ? 4 : 2);
        UNROLL
        for (j = 0; j < 4; j++) {
            float32x4_t a[PART_ROWS];

            UNROLL
            for (r = 0; r < PART_ROWS; r++)
                a[r] = weights4(type, w + (size_t)r * w_stride, i + 4 * j);
            UNROLL
            for (c = 0; c < cols; c++) {
                float32x4_t b =
                    weights4(F32, x + (size_t)c * x_stride, i + 4 * j);

                UNROLL
                for (r = 0; r < PART_ROWS; r++)
                    s[c][r].v[j] = vfmaq_f32(s[c][r].v[j], a[r], b);
            }
        }
    }
    for (c = 0; i < n && c < cols; c++) {
        lanes b = some(F32, x + (size_t)c * x_stride, i, n - i);

        for (r = 0; r < PART_ROWS; r++) {
            lanes a = some(type, w + (size_t)r * w_stride, i, n - i);

            s[c][r] = keep(s[c][r], fma_lanes(s[c][r], a, b), n - i);
        }
    }
    give(s, sum, cols);
}

/* Four numbers that are the second, or first, of their pairs. */
INLINE float32x4_t
half_of(const unsigned char *p, int odd)
{
    uint32x4_t pairs = vreinterpretq_u32_u8(vld1q_u8(p));

    return vreinterpretq_f32_u32(odd ? vandq_u32(pairs, vdupq_n_u32(0xffff0000))
                                     : vshlq_n_u32(pairs, 16));
}

INLINE void
step_pairs(const unsigned char *w, size_t w_stride, const unsigned char *x,
           size_t x_stride, part s, int cols)
{
    int c, r, j, odd;

    UNROLL
    for (j = 0; j < 4; j++)
        UNROLL
    for (odd = 1; odd >= 0; odd--) {
        float32x4_t a[PART_ROWS];

        UNROLL
        for (r = 0; r < PART_ROWS; r++)
            a[r] = half_of(w + (size_t)r * w_stride + 16 * j, odd);
        UNROLL
        for (c = 0; c < cols; c++) {
            float32x4_t b = half_of(x + (size_t)c * x_stride + 16 * j, odd);

            UNROLL
            for (r = 0; r < PART_ROWS; r++)
                s[c][r].v[j] = vfmaq_f32(s[c][r].v[j], a[r], b);
        }
    }
}

INLINE void
part_pairs(bool ask, const unsigned char *w, size_t w_stride,
           const unsigned char *x, size_t x_stride, size_t n, float *sum,
           int cols)
{
    const unsigned char *ahead = w + SOV_TILE_AHEAD;
    part s;
    size_t i;
    int r;

    clear(s, cols);
    for (i = 0; i + 2 * LANES <= n; i += 2 * LANES) {
        ask_for(ask, &ahead, ROWS);
        step_pairs(w + 2 * i, w_stride, x + 2 * i, x_stride, s, cols);
    }
    if (i < n) {
        unsigned char rest[PART_ROWS][4 * LANES] = { { 0 } };

        for (r = 0; r < PART_ROWS; r++)
            memcpy(rest[r], w + (size_t)r * w_stride + 2 * i, 2 * (n - i));
        step_pairs(rest[0], sizeof(rest[0]), x + 2 * i, x_stride, s, cols);
    }
    give(s, sum, cols);
}

/* A tile by parts; it asks for what comes next once. */
#define TILE(name, part_of, first_asks, ...)                                   \
    INLINE void tile_##name(const unsigned char *w, size_t w_stride,           \
                            const unsigned char *x, size_t x_stride, size_t n, \
                            float *sum, int cols)                              \
    {                                                                          \
        int first = cols < PART_COLS ? cols : PART_COLS;                       \
        size_t half = PART_ROWS * w_stride;                                    \
                                                                               \
        part_of(__VA_ARGS__ first_asks, w, w_stride, x, x_stride, n, sum,      \
                first);                                                        \
        part_of(__VA_ARGS__ false, w + half, w_stride, x, x_stride, n,         \
                sum + LANES * PART_ROWS, first);                               \
        if (cols <= PART_COLS)                                                 \
            return;                                                            \
        x += PART_COLS * x_stride;                                             \
        sum += LANES * ROWS * PART_COLS;                                       \
        part_of(__VA_ARGS__ false, w, w_stride, x, x_stride, n, sum,           \
                cols - PART_COLS);                                             \
        part_of(__VA_ARGS__ false, w + half, w_stride, x, x_stride, n,         \
                sum + LANES * PART_ROWS, cols - PART_COLS);                    \
    }
#define WEIGHTS(type) type,
TILE(f32_ask, part_floats, true, WEIGHTS(F32))
TILE(f32, part_floats, false, WEIGHTS(F32))
TILE(f16_ask, part_floats, true, WEIGHTS(F16))
TILE(f16, part_floats, false, WEIGHTS(F16))
TILE(bf16_ask, part_pairs, true, )
TILE(bf16, part_pairs, false, )
SOV_TILE_FNS(f32_ask)
SOV_TILE_FNS(f32)
SOV_TILE_FNS(f16_ask)
SOV_TILE_FNS(f16)
SOV_TILE_FNS(bf16_ask)
SOV_TILE_FNS(bf16)

static void
trees(const float *sum, size_t n_cols, float *y, size_t y_stride)
{
    size_t c;
    int r;

    for (c = 0; c < n_cols; c++, sum += LANES * ROWS) {
        lanes v[ROWS];

        for (r = 0; r < ROWS; r++)
            v[r] = load(sum + LANES * r);
        vst1q_f32(y + c * y_stride, tree4(v));
    }
}

/* ---- products */

static const struct sov_tile_type type_f32 = {
    .act_bytes = 4,
    .fn = { SOV_TILE_LIST(f32_ask), SOV_TILE_LIST(f32) },
    .trees = trees,
};
static const struct sov_tile_type type_f16 = {
    .act_bytes = 4,
    .fn = { SOV_TILE_LIST(f16_ask), SOV_TILE_LIST(f16) },
    .trees = trees,
};
static const struct sov_tile_type type_bf16 = {
    .act_bytes = 2,
    .fn = { SOV_TILE_LIST(bf16_ask), SOV_TILE_LIST(bf16) },
    .trees = trees,
    .enter = enter,
    .leave = leave,
};
SOV_TILE_DOT(f32)
SOV_TILE_DOT(f16)

/* The generic product; written once, before there are threads. */
static void (*plain_bf16)(const void *w, size_t w_stride, size_t n_w,
                          const void *act, size_t act_stride, size_t n_cols,
                          size_t n, float *y, size_t y_stride);

static void
dot_bf16(const void *w, size_t w_stride, size_t n_w, const void *act,
         size_t act_stride, size_t n_cols, size_t n, float *y, size_t y_stride)
{
    uint64_t were = notes();
    bool flushed;

    set_notes(were & ~NOTE_UNDERFLOW);
    sov_tile_dot(&type_bf16, w, w_stride, n_w, act, act_stride, n_cols, n, y,
                 y_stride);
    flushed = (notes() & NOTE_UNDERFLOW) != 0;
    set_notes(were);
    if (flushed)
        plain_bf16(w, w_stride, n_w, act, act_stride, n_cols, n, y, y_stride);
}

void
sov_kern_neon_float(struct sov_kern *k)
{
    plain_bf16 = k->dot[SOV_TYPE_BF16];
    k->dot[SOV_TYPE_F32] = dot_f32;
    k->dot[SOV_TYPE_F16] = dot_f16;
    k->dot[SOV_TYPE_BF16] = dot_bf16;
}

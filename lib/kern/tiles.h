/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tiles.h - the parts of tiles of floats, for any ISA
 *
 * An ISA's float.c says how many rows and columns its registers have room for
 * (PART_ROWS, PART_COLS), brings the vectors of its floats.h, and includes
 * this; so it gets its own copy of everything here, compiled with its flags.
 * The 16 lanes of kern.h are VECS vectors, which go one after the other where
 * there are several: so fewer loads wait in registers.
 *
 *     f_zero, f_load, f_store   a vector of floats
 *     f_halves                  as many half floats, made f32
 *     f_fma                     a * b + s
 *     f_pairs, f_pairs_fma      for bf16: of the pairs of a vector the second
 *                               (in turn 1) or the first (in turn 0), or with
 *                               PAIR_TURNS 1 both as they are
 */
#ifndef SOV_KERN_TILES_H
#define SOV_KERN_TILES_H

#include "base/le.h"
#include "kern/tile.h"
#include "tensor/half.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#define ROWS  SOV_TILE_ROWS
#define LANES 16

/* Bytes of one vector. */
#define VEC_BYTES (4 * LANES / VECS)

/* Sums of a part; they stand ROWS rows to a column. */
typedef vecf part[PART_COLS][PART_ROWS][VECS];

INLINE void
clear(part s, int cols)
{
    int c, r, v;

    UNROLL
    for (c = 0; c < cols; c++)
        UNROLL
    for (r = 0; r < PART_ROWS; r++)
        UNROLL
    for (v = 0; v < VECS; v++)
        s[c][r][v] = f_zero();
}

INLINE void
give(part s, float *sum, int cols)
{
    int c, r, v;

    UNROLL
    for (c = 0; c < cols; c++)
        UNROLL
    for (r = 0; r < PART_ROWS; r++)
        UNROLL
    for (v = 0; v < VECS; v++)
        f_store(sum + LANES * (ROWS * c + r) + LANES / VECS * v, s[c][r][v]);
}

/* What a part asks memory for beside what it reads, see tile.h */
enum ask { NOTHING, LINES, PAGES };

/* Of all rows of the tile, as many lines as they have read meanwhile. */
INLINE void
ask_for(enum ask ask, const unsigned char **ahead, int lines)
{
    int i;

    for (i = 0; ask == LINES && i < lines; i++, *ahead += 64)
        __builtin_prefetch(*ahead, 0, 2);
}

/* How the next page begins, line by line as this one is begun. */
INLINE void
ask_for_pages(enum ask ask, const unsigned char *w, size_t w_stride)
{
    size_t r;

    if (ask != PAGES || (uintptr_t)w % SOV_TILE_PAGE >= SOV_TILE_PAGE_BEGIN)
        return;
    for (r = 0; r < PART_ROWS; r++)
        __builtin_prefetch(w + r * w_stride + SOV_TILE_PAGE, 0, 2);
}

/* ---- F32 and F16 */

enum weights { F32, F16 };

INLINE size_t
bytes_of(enum weights type)
{
    return type == F32 ? 4 : 2;
}

INLINE vecf
weights_at(enum weights type, const unsigned char *w)
{
    return type == F32 ? f_load(w) : f_halves(w);
}

/* Sixteen weights of each row. */
INLINE void
step_floats(enum weights type, const unsigned char *w, size_t w_stride,
            const unsigned char *x, size_t x_stride, part s, int cols)
{
    size_t v;
    int c, r;

    UNROLL
    for (v = 0; v < VECS; v++) {
        vecf a[PART_ROWS];

        UNROLL
        for (r = 0; r < PART_ROWS; r++)
            a[r] = weights_at(type, w + (size_t)r * w_stride +
                                        LANES / VECS * bytes_of(type) * v);
        UNROLL
        for (c = 0; c < cols; c++) {
            vecf b = f_load(x + (size_t)c * x_stride + VEC_BYTES * v);

            UNROLL
            for (r = 0; r < PART_ROWS; r++)
                s[c][r][v] = f_fma(a[r], b, s[c][r][v]);
        }
    }
}

static float
weight_at(enum weights type, const unsigned char *w)
{
    return type == F32 ? sov_f32_from_bits(sov_le32(w))
                       : sov_f16_to_f32(sov_le16(w));
}

/* What is left, n < 16 to be added to the first lanes of the sums. */
static void
rest_floats(enum weights type, const unsigned char *w, size_t w_stride,
            const unsigned char *x, size_t x_stride, size_t n, float *sum,
            int cols)
{
    size_t i;
    int c, r;

    for (c = 0; c < cols; c++, x += x_stride)
        for (r = 0; r < PART_ROWS; r++)
            for (i = 0; i < n; i++) {
                const unsigned char *at =
                    w + (size_t)r * w_stride + bytes_of(type) * i;
                float *lane = sum + LANES * (ROWS * c + r) + i;

                *lane =
                    fmaf(weight_at(type, at), weight_at(F32, x + 4 * i), *lane);
            }
}

INLINE void
part_floats(enum weights type, enum ask ask, const unsigned char *w,
            size_t w_stride, const unsigned char *x, size_t x_stride, size_t n,
            float *sum, int cols)
{
    const unsigned char *ahead = w + SOV_TILE_AHEAD;
    size_t size = bytes_of(type);
    size_t i;
    part s;

    clear(s, cols);
    for (i = 0; i + LANES <= n; i += LANES) {
        ask_for(ask, &ahead, (int)size * ROWS / 4);
        ask_for_pages(ask, w + size * i, w_stride);
        step_floats(type, w + size * i, w_stride, x + 4 * i, x_stride, s, cols);
    }
    give(s, sum, cols);
    if (i < n)
        rest_floats(type, w + size * i, w_stride, x + 4 * i, x_stride, n - i,
                    sum, cols);
}

/* ---- BF16 */

/* 32 weights of each row. */
INLINE void
step_pairs(const unsigned char *w, size_t w_stride, const unsigned char *x,
           size_t x_stride, part s, int cols)
{
    int c, r, v, turn;

    UNROLL
    for (v = 0; v < VECS; v++)
        UNROLL
    for (turn = PAIR_TURNS - 1; turn >= 0; turn--) {
        vecf a[PART_ROWS];

        UNROLL
        for (r = 0; r < PART_ROWS; r++)
            a[r] = f_pairs(w + (size_t)r * w_stride + VEC_BYTES * v, turn);
        UNROLL
        for (c = 0; c < cols; c++) {
            vecf b = f_pairs(x + (size_t)c * x_stride + VEC_BYTES * v, turn);

            UNROLL
            for (r = 0; r < PART_ROWS; r++)
                s[c][r][v] = f_pairs_fma(a[r], b, s[c][r][v]);
        }
    }
}

INLINE void
part_pairs(enum ask ask, const unsigned char *w, size_t w_stride,
           const unsigned char *x, size_t x_stride, size_t n, float *sum,
           int cols)
{
    const unsigned char *ahead = w + SOV_TILE_AHEAD;
    size_t i, r;
    part s;

    clear(s, cols);
    for (i = 0; i + 2 * LANES <= n; i += 2 * LANES) {
        ask_for(ask, &ahead, ROWS);
        ask_for_pages(ask, w + 2 * i, w_stride);
        step_pairs(w + 2 * i, w_stride, x + 2 * i, x_stride, s, cols);
    }
    if (i < n) { /* activations go on with zeros, weights do not */
        unsigned char rest[PART_ROWS][4 * LANES] = { { 0 } };

        for (r = 0; r < PART_ROWS; r++)
            memcpy(rest[r], w + r * w_stride + 2 * i, 2 * (n - i));
        step_pairs(rest[0], sizeof(rest[0]), x + 2 * i, x_stride, s, cols);
    }
    give(s, sum, cols);
}

/* ---- a type of tiles: its parts for each number of columns */

#define PART_FN(name, cols, part_of, ...)                              \
    static void name##_##cols(const unsigned char *w, size_t w_stride, \
                              const unsigned char *x, size_t x_stride, \
                              size_t n, float *sum)                    \
    {                                                                  \
        part_of(__VA_ARGS__, w, w_stride, x, x_stride, n, sum, cols);  \
    }
#define PART_FNS_3(name, ...)     \
    PART_FN(name, 1, __VA_ARGS__) \
    PART_FN(name, 2, __VA_ARGS__) PART_FN(name, 3, __VA_ARGS__)
#define PART_FNS_6(name, ...)     \
    PART_FNS_3(name, __VA_ARGS__) \
    PART_FN(name, 4, __VA_ARGS__) \
    PART_FN(name, 5, __VA_ARGS__) PART_FN(name, 6, __VA_ARGS__)
#define PART_LIST_3(name)            \
    {                                \
        name##_1, name##_2, name##_3 \
    }
#define PART_LIST_6(name)                                          \
    {                                                              \
        name##_1, name##_2, name##_3, name##_4, name##_5, name##_6 \
    }

#if PART_COLS == 6
#define PART_FNS  PART_FNS_6
#define PART_LIST PART_LIST_6
#else
#define PART_FNS  PART_FNS_3
#define PART_LIST PART_LIST_3
#endif

/* dot_NAME and what it is made of */
#define TILE_DOT(name, bytes, enter_, leave_)             \
    static const struct sov_tile_type type_##name = {     \
        .act_bytes = (bytes),                             \
        .rows = PART_ROWS,                                \
        .cols = PART_COLS,                                \
        .fn = { PART_LIST(name##_ask), PART_LIST(name) }, \
        .stream = name##_stream_1,                        \
        .trees = trees,                                   \
        .enter = (enter_),                                \
        .leave = (leave_),                                \
    };                                                    \
    SOV_TILE_DOT(name)

#define TILES_OF_FLOATS(name, type)                     \
    PART_FNS(name##_ask, part_floats, type, LINES)      \
    PART_FNS(name, part_floats, type, NOTHING)          \
    PART_FN(name##_stream, 1, part_floats, type, PAGES) \
    TILE_DOT(name, 4, NULL, NULL)

#define TILES_OF_PAIRS(name, enter, leave)       \
    PART_FNS(name##_ask, part_pairs, LINES)      \
    PART_FNS(name, part_pairs, NOTHING)          \
    PART_FN(name##_stream, 1, part_pairs, PAGES) \
    TILE_DOT(name, 2, enter, leave)

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * float.c - dot products of rows of floats, the specification
 */
#include "config.h"

#include "base/le.h"
#include "kern/generic/lanes.h"
#include "kern/generic/product.h"
#include "kern/overlay.h"
#include "quant/codec.h"
#include "tensor/half.h"

/* Weights read at a time, a multiple of 32, and columns that they are for. */
#define PIECE   256
#define COLUMNS 8

/* Of every 32 the second of each two before the first of each; what is not
 * there, of the last, is zeros. */
static void
read_bf16(const unsigned char *w, float *x, size_t n)
{
    for (size_t i = 0; i < n; i += 2 * LANES)
        for (size_t l = 0; l < 2 * LANES; l++) {
            size_t at = i + (2 * l + 1) % (2 * LANES) - l / LANES;

            x[i + l] = at < n ? sov_bf16_get(sov_le16(w + 2 * at)) : 0;
        }
}

static void
read_f16(const unsigned char *w, float *x, size_t n)
{
    sov_codec_f16.decode(w, x, n);
}

static void
read_f32(const unsigned char *w, float *x, size_t n)
{
    sov_codec_f32.decode(w, x, n);
}

/* Of every two, which are of one lane, the second comes first.  Activations
 * are there up to a multiple of 32. */
static void
add_bf16(const float *w, const void *act, size_t n, float lane[LANES])
{
    const uint16_t *x = act;
    float s[LANES];

    memcpy(s, lane, sizeof(s));
    for (size_t i = 0; i < n; i += 2 * LANES) {
        for (size_t l = 0; l < LANES; l++)
            s[l] = sov_bf16_add(w[i + l], sov_bf16_get(x[i + 2 * l + 1]), s[l]);
        for (size_t l = 0; l < LANES; l++)
            s[l] = sov_bf16_add(w[i + LANES + l], sov_bf16_get(x[i + 2 * l]),
                                s[l]);
    }
    memcpy(lane, s, sizeof(s));
}

static void
add_f32(const float *w, const void *act, size_t n, float lane[LANES])
{
    sov_lanes_add(w, act, n, lane);
}

/* A type of floats, and of what it is multiplied with. */
struct form {
    size_t bytes, act_bytes;
    void (*read)(const unsigned char *w, float *x, size_t n);
    void (*add)(const float *w, const void *act, size_t n, float lane[LANES]);
};

/* One row with up to COLUMNS columns: what is read of it is read once. */
static void
dot_row(const struct form *f, const unsigned char *w, const unsigned char *act,
        size_t act_stride, size_t n_cols, size_t n, float *y, size_t y_stride)
{
    float lane[COLUMNS][LANES] = { { 0 } };
    float x[PIECE];

    for (size_t i = 0; i < n; i += PIECE) {
        size_t m = n - i < PIECE ? n - i : PIECE;

        f->read(w + i * f->bytes, x, m);
        for (size_t c = 0; c < n_cols; c++)
            f->add(x, act + c * act_stride + i * f->act_bytes, m, lane[c]);
    }
    for (size_t c = 0; c < n_cols; c++)
        y[c * y_stride] = sov_lanes_sum(lane[c]);
}

#define DOT(name, size, act_size, adder)                                      \
    static void dot_##name(const void *w, size_t w_stride, size_t n_w,        \
                           const void *act, size_t act_stride, size_t n_cols, \
                           size_t n, float *y, size_t y_stride)               \
    {                                                                         \
        static const struct form form = { size, act_size, read_##name,        \
                                          adder };                            \
        const unsigned char *row = w;                                         \
        const unsigned char *x = act;                                         \
                                                                              \
        for (size_t c = 0; c < n_cols; c += COLUMNS)                          \
            for (size_t r = 0; r < n_w; r++)                                  \
                dot_row(&form, row + r * w_stride, x + c * act_stride,        \
                        act_stride,                                           \
                        n_cols - c < COLUMNS ? n_cols - c : COLUMNS, n,       \
                        y + c * y_stride + r, y_stride);                      \
    }
DOT(bf16, 2, 2, add_bf16)
DOT(f16, 2, 4, add_f32)
DOT(f32, 4, 4, add_f32)

void
sov_kern_generic_float(struct sov_kern *k)
{
    k->dot[SOV_TYPE_BF16] = dot_bf16;
    k->act_of[SOV_TYPE_BF16] = SOV_ACT_BF16;
    k->dot[SOV_TYPE_F16] = dot_f16;
    k->act_of[SOV_TYPE_F16] = SOV_ACT_HALF;
    k->dot[SOV_TYPE_F32] = dot_f32;
    k->act_of[SOV_TYPE_F32] = SOV_ACT_F32;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * low.c - what an adapter adds to a product
 */
#include "nn/low.h"

#define COLS 32

struct sov_input
sov_input_part(const struct sov_input *in, size_t first, size_t n)
{
    struct sov_input part = *in;
    size_t pieces = (in->n + 255) / 256;

    part.n_cols = n;
    part.x += first * in->stride;
    if (in->forms & 1u << SOV_ACT_A32)
        part.a32 += first * pieces;
    if (in->forms & 1u << SOV_ACT_A256)
        part.a256 += first * pieces;
    if (in->forms & 1u << SOV_ACT_HALF)
        part.half += first * in->n;
    if (in->forms & 1u << SOV_ACT_BF16)
        part.bf16 += first * sov_input_bf16(in->n);
    return part;
}

void
sov_low_add(const struct sov_nn *nn, const struct sov_mat *out, float scale,
            const struct sov_input *in, float *y, size_t y_stride, size_t u,
            unsigned worker)
{
    float sum[COLS * SOV_LOW_ROWS];
    size_t r0 = u * SOV_LOW_ROWS;
    struct sov_mat rows = *out;
    const struct sov_mul mul = { &rows, sum, SOV_LOW_ROWS };
    size_t c, i, r, n;

    rows.data += r0 * out->row_bytes;
    rows.n_out -= r0;
    if (rows.n_out > SOV_LOW_ROWS)
        rows.n_out = SOV_LOW_ROWS;
    for (c = 0; c < in->n_cols; c += n) {
        struct sov_input part;

        n = in->n_cols - c < COLS ? in->n_cols - c : COLS;
        part = sov_input_part(in, c, n);
        sov_mat_run(nn, &mul, &part, 0, sov_mat_units(&mul, 1), worker);
        for (i = 0; i < n; i++) {
            float *to = y + (c + i) * y_stride + r0;

            for (r = 0; r < rows.n_out; r++)
                to[r] += scale * sum[i * SOV_LOW_ROWS + r];
        }
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * answers.h - rows of the file that llama-perplexity keeps predictions in
 *
 *     "_logits_" | u32 n_ctx | u32 n_vocab | u32 n_windows
 *     i32 id[n_windows * n_ctx]
 *     for each window, for each of its n_ctx - 1 - n_ctx / 2 scored tokens:
 *         f32 scale | f32 least | u16 q[n_vocab] | nothing, or u16 0
 *
 * The logarithm of the probability of a token is scale * q + least; what is
 * 16 below the largest and less counts as that.  A row is an even number of
 * halfwords.
 */
#ifndef SOV_MEASURE_ANSWERS_H
#define SOV_MEASURE_ANSWERS_H

#include "sov/measure.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SOV_ANSWERS_HEAD 20 /* bytes before the ids */

/* Rows of a window of n_ctx tokens; bytes of a row. */
uint32_t sov_answers_rows(uint32_t n_ctx);
size_t sov_answers_row_bytes(uint32_t n_vocab);

/* Row number i of all, as logarithms into p[n_vocab]; false: it holds none. */
bool sov_answers_row(const sov_answers *l, uint64_t i, float *p);

/* Of one in memory: row i of logits, to be read or filled; else NULL. */
float *sov_answers_kept(const sov_answers *l, uint64_t i);

void sov_answers_put_head(unsigned char head[SOV_ANSWERS_HEAD], uint32_t n_ctx,
                         uint32_t n_vocab, uint32_t n_windows);

/*
 * Logits x[n], which are numbers, as a row; log_sum is the logarithm of the
 * sum of e to all x.
 */
void sov_answers_put_row(unsigned char *row, const float *x, size_t n,
                        double log_sum);

#endif

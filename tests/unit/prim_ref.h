/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prim_ref.h - prim_f64.c for programs that otherwise compute in f32
 */
#ifndef SOV_TESTS_UNIT_PRIM_REF_H
#define SOV_TESTS_UNIT_PRIM_REF_H

#include "nn/rope.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* struct sov_attn_dims, and the sequences */
struct ref_attn {
    size_t n_head, n_head_kv;
    size_t k_len, v_len;
    size_t q_stride, k_stride, v_stride, o_stride;
    double scale;
    size_t window;
    const size_t *first;
    size_t n_seq;
};

int ref_attn(const struct ref_attn *a, const double *q, const double *k,
             const double *v, double *o, double *lse);
int ref_attn_back(const struct ref_attn *a, const double *q, const double *k,
                  const double *v, const double *o, const double *lse,
                  const double *d_o, double *dq, double *dk, double *dv);

void ref_rope(enum sov_rope_pairs pairs, const double *turn, size_t n_rot,
              const uint32_t *place, bool back, double *x, size_t x_stride,
              size_t n_rows, size_t n_head, size_t head_stride);

#endif

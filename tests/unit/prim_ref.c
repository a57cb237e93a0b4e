/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prim_ref.c - prim_f64.c under other names
 */
#define SOV_REAL_DOUBLE

#define sov_prim_open      ref_prim_open
#define sov_prim_close     ref_prim_close
#define sov_prim_mul       ref_prim_mul
#define sov_prim_add       ref_prim_add
#define sov_prim_norm      ref_prim_norm
#define sov_prim_norm_back ref_prim_norm_back
#define sov_prim_silu      ref_prim_silu
#define sov_prim_silu_back ref_prim_silu_back
#define sov_prim_rope      ref_prim_rope
#define sov_prim_take      ref_prim_take
#define sov_prim_take_back ref_prim_take_back
#define sov_prim_bias      ref_prim_bias
#define sov_prim_bias_back ref_prim_bias_back
#define sov_prim_attn      ref_prim_attn
#define sov_prim_attn_back ref_prim_attn_back

#include "prim_f64.c"
#include "prim_ref.h"

static struct sov_attn_dims
dims_of(const struct ref_attn *a)
{
    return (struct sov_attn_dims){ .n_head = a->n_head,
                                   .n_head_kv = a->n_head_kv,
                                   .k_len = a->k_len,
                                   .v_len = a->v_len,
                                   .q_stride = a->q_stride,
                                   .k_stride = a->k_stride,
                                   .v_stride = a->v_stride,
                                   .o_stride = a->o_stride,
                                   .scale = a->scale,
                                   .window = a->window };
}

int
ref_attn(const struct ref_attn *a, const double *q, const double *k,
         const double *v, double *o, double *lse)
{
    struct sov_attn_dims d = dims_of(a);

    return ref_prim_attn(NULL, &d, a->first, a->n_seq, q, k, v, o, lse, NULL);
}

int
ref_attn_back(const struct ref_attn *a, const double *q, const double *k,
              const double *v, const double *o, const double *lse,
              const double *d_o, double *dq, double *dk, double *dv)
{
    struct sov_attn_dims d = dims_of(a);

    return ref_prim_attn_back(NULL, &d, a->first, a->n_seq, q, k, v, o, lse,
                              d_o, dq, dk, dv, NULL);
}

void
ref_rope(enum sov_rope_pairs pairs, const double *turn, size_t n_rot,
         const uint32_t *place, bool back, double *x, size_t x_stride,
         size_t n_rows, size_t n_head, size_t head_stride)
{
    ref_prim_rope(NULL, pairs, turn, n_rot, place, back, x, x_stride, n_rows,
                  n_head, head_stride);
}

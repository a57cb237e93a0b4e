/* SPDX-License-Identifier: Apache-2.0 */
/*
 * import_family.h - published decoders that differ in names and a few habits
 *
 * A family is a table: which tensor of a layer becomes which, and how its
 * config.json is read.  sov_import_family() does the rest.
 */
#ifndef SOV_ARCH_IMPORT_FAMILY_H
#define SOV_ARCH_IMPORT_FAMILY_H

#include "arch/import_shape.h"

/*
 * blk.N.TO is model.layers.N.FROM, [rows, cols], or with rows 0 a vector of
 * cols; a size is a letter:
 *
 *     w width    q all queries    k all keys    h a head    f feed-forward
 *     Q queries, keys and values together       F twice the feed-forward
 *
 * heads: the rows are of that many heads ('q' or 'k') and are regrouped, as
 * rotary pairs side by side want it.
 */
struct sov_part {
    const char *to;
    const char *from;
    char rows, cols;
    char heads;
    bool must;
};

struct sov_family {
    const char *arch;
    const char *const *act; /* names of the activation, NULL at the end */
    const char *eps;        /* in config.json */
    const char *eps_key;
    bool lengths;           /* key_length and value_length stand there always */
    bool plus_one;          /* weights of norms are kept less 1 */
    bool norm_bias;         /* the last norm has one */
    const struct sov_part *part;
    size_t n_parts;
    /* further keys and checks, or NULL */
    int (*more)(struct sov_import *im, struct sov_shape *s,
                struct sov_err *err);
};

#define SOV_EPS_RMS   "attention.layer_norm_rms_epsilon"
#define SOV_EPS_LAYER "attention.layer_norm_epsilon"

/* What most of them have in common. */
#define SOV_PARTS_QKV                                                      \
    { "attn_q.weight", "self_attn.q_proj.weight", 'q', 'w', 0, true },     \
    { "attn_k.weight", "self_attn.k_proj.weight", 'k', 'w', 0, true },     \
    { "attn_v.weight", "self_attn.v_proj.weight", 'k', 'w', 0, true }
#define SOV_PARTS_QKV_BIAS                                                 \
    { "attn_q.bias", "self_attn.q_proj.bias", 0, 'q', 0, true },           \
    { "attn_k.bias", "self_attn.k_proj.bias", 0, 'k', 0, true },           \
    { "attn_v.bias", "self_attn.v_proj.bias", 0, 'k', 0, true }
#define SOV_PARTS_OUT                                                      \
    { "attn_output.weight", "self_attn.o_proj.weight", 'w', 'q', 0, true }
#define SOV_PARTS_GATED                                                    \
    { "ffn_gate.weight", "mlp.gate_proj.weight", 'f', 'w', 0, true },      \
    { "ffn_up.weight", "mlp.up_proj.weight", 'f', 'w', 0, true },          \
    { "ffn_down.weight", "mlp.down_proj.weight", 'w', 'f', 0, true }
#define SOV_PARTS_PRE                                                      \
    { "attn_norm.weight", "input_layernorm.weight", 0, 'w', 0, true },     \
    { "ffn_norm.weight", "post_attention_layernorm.weight", 0, 'w', 0, true }
#define SOV_PARTS_QK_NORM(q, k)                                            \
    { "attn_q_norm.weight", "self_attn.q_norm.weight", 0, q, 0, true },    \
    { "attn_k_norm.weight", "self_attn.k_norm.weight", 0, k, 0, true }

int sov_import_family(struct sov_import *im, const struct sov_family *family,
                      struct sov_err *err) SOV_MUST_CHECK;

#endif

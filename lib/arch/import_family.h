/* SPDX-License-Identifier: Apache-2.0 */
/*
 * import_family.h - published models that differ in names and a few habits
 *
 * A family is a table: which tensor becomes which, what config.json calls its
 * numbers, what it must not say.  sov_import_family() goes through it one way,
 * sov_export_family() the other way.
 */
#ifndef SOV_ARCH_IMPORT_FAMILY_H
#define SOV_ARCH_IMPORT_FAMILY_H

#include "arch/export.h"
#include "arch/import_shape.h"

/*
 * TO is FROM, [rows, cols], or with rows 0 a vector of cols; a size is a
 * letter:
 *
 *     w width    q all queries    k all keys    h a head    f feed-forward
 *     Q queries, keys and values together       F twice the feed-forward
 *     v vocabulary    p positions    t kinds of tokens    H the heads
 *     x experts       e the feed-forward of one
 *
 * FROM with a * is the matrices of all experts, which become one tensor
 * [x, rows, cols].  Or they are one tensor already, order 'a': of all; '1' and
 * '2': of two matrices of each, below each other, the first or the second.
 *
 * Of a layer TO is behind "blk.N." and FROM behind the family's name for it.
 * order: the rows of q or k are of that many heads ('q' or 'k') and regrouped,
 * as rotary pairs side by side want it; 'g': queries, keys and values stand in
 * groups; 't': rows are columns there; 'r': as they are, and the matrix becomes
 * f32, as those do that choose experts; 'o': without the first rows, which are
 * for positions that no token has.
 */
struct sov_part {
    const char *to;
    const char *from;
    char rows, cols;
    char order;
    bool must;
};

/* A member of config.json that has another name than most give it. */
struct sov_alias {
    const char *theirs;
    const char *ours;
    bool old; /* it is read, but not written */
};

/*
 * A member that is a key, too, behind the architecture's name: kind 'u' a whole
 * number, 'r' a number, both above 0.  preset: what it is if nothing is said;
 * 0: then there is no key.
 */
struct sov_member {
    const char *name;
    const char *key;
    char kind;
    double preset;
};

/*
 * A member that has to be one of these values, between bars, if it is there:
 * another one means a network that this is not.  The first is written.
 */
struct sov_only {
    const char *name;
    const char *values;
};

/* Lists end with an entry of zeros. */
struct sov_family {
    const char *arch;
    const char *class; /* architectures[0] of what is written ... */
    const char *type;  /* ... and model_type */
    bool (*takes)(const struct sov_import *im); /* NULL: all of its class */
    bool (*gives)(const struct sov_export *x);  /* ... of its architecture */
    const char *base;         /* names may lack it; NULL: "model." ... */
    bool bare;                /* ... and do, where they are written */
    const char *layers;       /* NULL: "model.layers." */
    const struct sov_alias *alias;
    const struct sov_only *only;
    const struct sov_member *member;
    struct sov_shape preset;  /* what config.json need not say */
    unsigned ffn_times;       /* likewise: the feed-forward, of the width */
    const char *const *act;   /* names of the activation, NULL at the end; the
                                 first is written */
    const char *act_name;     /* NULL: hidden_act */
    const char *eps;          /* in config.json */
    const char *eps_key;
    bool no_groups;           /* every query has keys of its own */
    bool own_groups;          /* it says it in members of its own (shape) */
    bool no_turns;            /* no rotary positions */
    bool partial;             /* a part of a head may turn */
    bool encoder;
    bool lengths;             /* key_length and value_length stand there always */
    bool plus_one;            /* weights of norms are kept less 1 */
    bool layer_types;         /* it reads them itself */
    bool experts;
    const char *expert_ffn;   /* the member that has the feed-forward of one;
                                 NULL: as of all, without a key */
    const struct sov_part *ends; /* NULL: sov_decoder_ends; the first is that
                                    of all tokens */
    size_t n_ends;
    const struct sov_part *part; /* of a layer */
    size_t n_parts;
    const char *const *drop;  /* names without a place, behind base: such a
                                 beginning, or with '*' such an end */
    /* before keys: what else config.json says of the shape; or NULL */
    int (*shape)(struct sov_import *im, struct sov_shape *s,
                 struct sov_err *err);
    /* further keys and checks, or NULL */
    int (*more)(struct sov_import *im, struct sov_shape *s,
                struct sov_err *err);
    /* further tensors of a layer, or NULL */
    int (*layer)(struct sov_import *im, const struct sov_shape *s,
                 unsigned layer, struct sov_err *err);
    /* ... and their way back: 1 if tensor i, called `rest` there, is none */
    int (*layer_back)(struct sov_export *x, size_t i, unsigned layer,
                      const char *rest, struct sov_err *err);
    /* the way back of both: further members, or NULL */
    int (*back)(struct sov_export *x, const struct sov_shape *s,
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

#define SOV_PARTS_EXPERTS(before, gate, up, down)                          \
    { "ffn_gate_exps.weight", before gate ".weight", 'e', 'w', 0, true },  \
    { "ffn_up_exps.weight", before up ".weight", 'e', 'w', 0, true },      \
    { "ffn_down_exps.weight", before down ".weight", 'w', 'e', 0, true }

/* The same as one tensor, which is what Transformers 5 has in memory and may
 * write. */
#define SOV_PARTS_FUSED                                                    \
    { "ffn_gate_inp.weight", "mlp.gate.weight", 'x', 'w', 'r', true },     \
    { "ffn_gate_exps.weight", "mlp.experts.gate_up_proj", 'e', 'w', '1',   \
      true },                                                              \
    { "ffn_up_exps.weight", "mlp.experts.gate_up_proj", 'e', 'w', '2',     \
      true },                                                              \
    { "ffn_down_exps.weight", "mlp.experts.down_proj", 'w', 'e', 'a', true }

/* A matrix and its bias; the two of a layer norm. */
#define SOV_PARTS_BOTH(to, from, rows, cols, order)                        \
    { to ".weight", from ".weight", rows, cols, order, true },             \
    { to ".bias", from ".bias", 0, rows, 0, true }
#define SOV_PARTS_NORM(to, from)                                           \
    { to ".weight", from ".weight", 0, 'w', 0, true },                     \
    { to ".bias", from ".bias", 0, 'w', 0, true }

/* Outside layers; the head is missing where the embedding is it again. */
#define SOV_HEAD "output.weight"
#define SOV_ENDS_HEAD { SOV_HEAD, "lm_head.weight", 'v', 'w', 0, false }
extern const struct sov_part sov_decoder_ends[3];

/* The list of parts for one that has ends of its own or not. */
const struct sov_part *sov_family_ends(const struct sov_family *family,
                                       size_t *n);

/* What size a letter of struct sov_part says. */
uint64_t sov_family_size(const struct sov_shape *s, char letter);

/* The order of rows of a part. */
struct sov_order sov_family_order(const struct sov_shape *s, char order);

/* Is it the weight of a norm? */
bool sov_family_norm(const char *to);

/* Are the experts of the directory one tensor of a layer? */
bool sov_family_fused(const struct sov_import *im);

int sov_import_family(struct sov_import *im, const struct sov_family *family,
                      struct sov_err *err) SOV_MUST_CHECK;
int sov_export_family(struct sov_export *x, const struct sov_family *family,
                      struct sov_err *err) SOV_MUST_CHECK;

#define IMPORT(class, family) extern const struct sov_family sov_family_##family;
#define IMPORT_TEXT(class, family) IMPORT(class, family)
#include "arch/imports.def"
#undef IMPORT
#undef IMPORT_TEXT
#define EXPORT(family) extern const struct sov_family sov_family_##family;
#include "arch/exports.def"
#undef EXPORT

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * import_gpt_oss.c - gpt-oss as published
 *
 * The experts of a layer are one tensor, gate and up projection in turn:
 *
 *   mlp.experts.gate_up_proj_blocks  u8 [x, 2f, w / 32, 16]  codes of 4 bits
 *   mlp.experts.gate_up_proj_scales  u8 [x, 2f, w / 32]      their exponents
 *   mlp.experts.gate_up_proj_bias       [x, 2f]
 *   mlp.experts.down_proj_*          likewise [x, w, ...]
 *
 * or, with 16 bits a weight, as they are multiplied from the right:
 *
 *   mlp.experts.gate_up_proj            [x, w, 2f]
 *   mlp.experts.down_proj               [x, f, w]
 *
 * Rows 0, 2, 4 ... are ffn_gate_exps, rows 1, 3, 5 ... ffn_up_exps.  The codes
 * become blocks of MXFP4 with the same values, see fmt/make.c.
 */
#include "arch/import_family.h"

#include <stdio.h>
#include <string.h>

static const char *const act[] = { "silu", NULL };

static const struct sov_part parts[] = {
    { "attn_norm.weight", "input_layernorm.weight", 0, 'w', 0, true },
    { "post_attention_norm.weight", "post_attention_layernorm.weight", 0, 'w',
      0, true },
    SOV_PARTS_QKV,
    SOV_PARTS_QKV_BIAS,
    SOV_PARTS_OUT,
    { "attn_output.bias", "self_attn.o_proj.bias", 0, 'w', 0, true },
    { "attn_sinks.weight", "self_attn.sinks", 0, 'H', 0, true },
    { "ffn_gate_inp.weight", "mlp.router.weight", 'x', 'w', 'r', true },
    { "ffn_gate_inp.bias", "mlp.router.bias", 0, 'x', 0, true },
};

/* ---- tensors */

/* One of the three stacks of experts. */
struct stack {
    const char *to;   /* without .weight and .bias */
    const char *from; /* without what follows gate_up_proj or down_proj */
    uint64_t rows;    /* of an expert there */
    uint64_t cols;
    uint64_t step; /* every step-th of these from `first` on */
    uint64_t first;
};

/* MXFP4; 1: the weights are not kept so. */
static int
put_codes(struct sov_import *im, const struct sov_shape *s,
          const struct stack *x, const char *to, const char *from,
          struct sov_err *err)
{
    const uint64_t codes[] = { 16, x->cols / 32, x->rows, s->experts };
    const uint64_t dim[] = { x->cols, x->rows / x->step, s->experts };
    struct sov_piece piece = { .first = x->first };
    struct sov_recipe r = { .make = SOV_MAKE_MXFP4,
                            .piece = &piece,
                            .n = 1,
                            .rows = dim[1] * s->experts,
                            .cols = x->cols,
                            .step = x->step };
    char name[128];
    int rc;

    snprintf(name, sizeof(name), "%s_blocks", from);
    if (sov_import_at(im, name) < 0 && !im->packed.mxfp4)
        return 1;
    if (x->cols % 32 != 0)
        return sov_fail(err, SOV_EFORMAT,
                        "config.json: rows of %llu are not whole blocks of 32",
                        (unsigned long long)x->cols);
    rc = sov_import_find(im, name, 4, codes, &piece.from, err);
    snprintf(name, sizeof(name), "%s_scales", from);
    if (rc == 0)
        rc = sov_import_find(im, name, 3, codes + 1, &piece.side, err);
    if (rc < 0)
        return rc;
    for (int i = 0; i < 2; i++) {
        const struct sov_tensor *t =
            sov_model_at(im->model, i == 0 ? piece.from : piece.side);

        if (t->type != SOV_TYPE_U8)
            return sov_fail(err, SOV_EFORMAT, "tensor %s is %s, not u8",
                            t->name, sov_type_info((int)t->type)->name);
    }
    return sov_import_made(im, to, SOV_TYPE_MXFP4, 3, dim, NULL, &r, err);
}

/* 16 or 32 bits a weight. */
static int
put_plain(struct sov_import *im, const struct sov_shape *s,
          const struct stack *x, const char *to, const char *from,
          struct sov_err *err)
{
    const uint64_t was[] = { x->rows, x->cols, s->experts };
    const uint64_t dim[] = { x->cols, x->rows / x->step, s->experts };
    struct sov_piece piece = { .side = SOV_NO_TENSOR, .first = x->first };
    struct sov_recipe r = { .make = SOV_MAKE_TURNED,
                            .piece = &piece,
                            .n = 1,
                            .rows = dim[1] * s->experts,
                            .cols = x->cols,
                            .step = x->step,
                            .wide = x->rows };
    int rc = sov_import_find_plain(im, from, 3, was, &piece.from, err);

    if (rc < 0)
        return rc;
    return sov_import_made(im, to, sov_model_at(im->model, piece.from)->type, 3,
                           dim, NULL, &r, err);
}

static int
put_bias(struct sov_import *im, const struct sov_shape *s,
         const struct stack *x, const char *to, const char *from,
         struct sov_err *err)
{
    const uint64_t was[] = { x->rows, s->experts };
    const uint64_t dim[] = { x->rows / x->step, s->experts };
    struct sov_piece piece = { .side = SOV_NO_TENSOR, .first = x->first };
    struct sov_recipe r = { .make = SOV_MAKE_SCALED,
                            .piece = &piece,
                            .n = 1,
                            .rows = dim[0] * s->experts,
                            .cols = 1,
                            .step = x->step };
    int rc = sov_import_find_plain(im, from, 2, was, &piece.from, err);

    if (rc < 0)
        return rc;
    return sov_import_made(im, to, SOV_TYPE_F32, 2, dim, NULL, &r, err);
}

static int
put_experts(struct sov_import *im, const struct sov_shape *s, unsigned layer,
            struct sov_err *err)
{
    const struct stack stacks[] = {
        { "ffn_gate_exps", "gate_up_proj", 2 * s->ffn, s->width, 2, 0 },
        { "ffn_up_exps", "gate_up_proj", 2 * s->ffn, s->width, 2, 1 },
        { "ffn_down_exps", "down_proj", s->width, s->ffn, 1, 0 },
    };
    int rc = 0;

    for (size_t i = 0; i < 3 && rc == 0; i++) {
        char to[64], from[96];

        snprintf(to, sizeof(to), "blk.%u.%s.weight", layer, stacks[i].to);
        snprintf(from, sizeof(from), "model.layers.%u.mlp.experts.%s", layer,
                 stacks[i].from);
        rc = put_codes(im, s, &stacks[i], to, from, err);
        if (rc == 1)
            rc = put_plain(im, s, &stacks[i], to, from, err);
        snprintf(to, sizeof(to), "blk.%u.%s.bias", layer, stacks[i].to);
        snprintf(from, sizeof(from), "model.layers.%u.mlp.experts.%s_bias",
                 layer, stacks[i].from);
        if (rc == 0)
            rc = put_bias(im, s, &stacks[i], to, from, err);
    }
    return rc;
}

/* ---- the way back */

/* Rows of two tensors in turn, or of one: codes and scales apart, or as they
 * are. */
static int
put_woven(struct sov_export *x, const size_t *at, size_t n, enum sov_make make,
          const char *name, struct sov_err *err)
{
    const struct sov_tensor t = *sov_model_at(x->model, at[0]);
    bool bias = make == SOV_MAKE_ROWS;
    const uint64_t codes[] = { 16, t.dim[0] / 32, n * t.dim[1], t.dim[2] };
    const uint64_t biases[] = { n * t.dim[0], t.dim[1] };
    /* so that gate and up are rows in turn */
    struct sov_piece piece[2] = { { at[0], SOV_NO_TENSOR, 0 },
                                  { at[n - 1], SOV_NO_TENSOR, 0 } };
    struct sov_recipe r = {
        .make = make, .piece = piece, .n = n, .step = 1, .woven = true
    };

    r.cols = bias ? 1 : make == SOV_MAKE_CODES ? t.dim[0] / 2 : t.dim[0] / 32;
    r.rows = bias ? t.dim[0] * t.dim[1] : t.dim[1] * t.dim[2];
    if (bias)
        return sov_export_made(x, name, t.type, 2, biases, &r, err);
    return sov_export_made(x, name, SOV_TYPE_U8, make == SOV_MAKE_CODES ? 4 : 3,
                           make == SOV_MAKE_CODES ? codes : codes + 1, &r, err);
}

static int
put_matrices(struct sov_export *x, const size_t *at, size_t n, const char *name,
             struct sov_err *err)
{
    char full[160];
    int rc;

    for (size_t i = 0; i < n; i++)
        if (sov_model_at(x->model, at[i])->type != SOV_TYPE_MXFP4)
            return sov_fail(
                err, SOV_EUNSUP,
                "tensor %.80s is %s; experts go into a folder as "
                "mxfp4 only",
                sov_model_at(x->model, at[i])->name,
                sov_type_info((int)sov_model_at(x->model, at[i])->type)->name);
    if (x->become != SOV_TYPE_NONE)
        return sov_fail(err, SOV_EUNSUP,
                        "experts go into a folder as mxfp4 only: -t copy");
    snprintf(full, sizeof(full), "%s_blocks", name);
    rc = put_woven(x, at, n, SOV_MAKE_CODES, full, err);
    snprintf(full, sizeof(full), "%s_scales", name);
    return rc < 0 ? rc : put_woven(x, at, n, SOV_MAKE_SCALES, full, err);
}

/* Are they stacks of matrices or of biases, and the same? */
static int
check_pair(const struct sov_export *x, const size_t *at, bool bias,
           struct sov_err *err)
{
    const struct sov_tensor *a = sov_model_at(x->model, at[0]);
    const struct sov_tensor *b = sov_model_at(x->model, at[1]);

    if (a->ndim == (bias ? 2 : 3) && a->size > 0 && a->type == b->type &&
        a->ndim == b->ndim && memcmp(a->dim, b->dim, sizeof(a->dim)) == 0)
        return 0;
    return sov_fail(err, SOV_EUNSUP,
                    "tensors %.80s and %.80s are not those of some experts",
                    a->name, b->name);
}

/* Of gate and up the second has been done with the first. */
static int
experts_back(struct sov_export *x, size_t i, unsigned layer, const char *rest,
             struct sov_err *err)
{
    bool gate = strncmp(rest, "ffn_gate_exps.", 14) == 0;
    bool down = strncmp(rest, "ffn_down_exps.", 14) == 0;
    size_t at[2] = { i, i };
    char name[128];
    int64_t up;
    int rc;

    if (!gate && !down && strncmp(rest, "ffn_up_exps.", 12) != 0)
        return 1;
    rc = sov_export_note(x, i, err);
    if (rc < 0 || (!gate && !down))
        return rc;
    snprintf(name, sizeof(name), "blk.%u.ffn_up_exps.%.8s", layer, rest + 14);
    up = sov_model_find(x->model, name);
    if (gate && up < 0)
        return sov_fail(err, SOV_EUNSUP, "tensor %s is missing", name);
    if (gate)
        at[1] = (size_t)up;
    rc = check_pair(x, at, strcmp(rest + 14, "bias") == 0, err);
    if (rc < 0)
        return rc;
    snprintf(name, sizeof(name), "model.layers.%u.mlp.experts.%s%s", layer,
             gate ? "gate_up_proj" : "down_proj",
             strcmp(rest + 14, "bias") == 0 ? "_bias" : "");
    if (strcmp(rest + 14, "bias") == 0)
        return put_woven(x, at, gate ? 2 : 1, SOV_MAKE_ROWS, name, err);
    return put_matrices(x, at, gate ? 2 : 1, name, err);
}

/* ---- config.json */

static int
back(struct sov_export *x, const struct sov_shape *s, struct sov_err *err)
{
    json_t *types = json_array();
    int rc = 0;

    for (uint64_t i = 0; i < s->layers; i++)
        json_array_append_new(
            types,
            json_string(i % 2 == 0 ? "sliding_attention" : "full_attention"));
    rc = sov_export_set(x, "layer_types", types, err);
    if (rc == 0)
        rc = sov_export_set(x, "attention_bias", json_true(), err);
    return rc < 0 ? rc
                  : sov_export_set(x, "quantization_config",
                                   json_pack("{s:s}", "quant_method", "mxfp4"),
                                   err);
}

/* Every other layer has a window, the first one too. */
static int
check_layers(struct sov_import *im, struct sov_shape *s, struct sov_err *err)
{
    const json_t *list = sov_config_get(im->config, "layer_types");

    if (list == NULL)
        return 0;
    for (uint64_t i = 0; i < s->layers; i++) {
        const char *is = json_string_value(json_array_get(list, (size_t)i));

        if (is == NULL || strcmp(is, i % 2 == 0 ? "sliding_attention"
                                                : "full_attention") != 0)
            return sov_fail(err, SOV_EUNSUP,
                            "config.json: layer_types: layer %llu is not "
                            "supported as %.40s",
                            (unsigned long long)i, is != NULL ? is : "nothing");
    }
    return 0;
}

static const struct sov_only only[] = {
    { "swiglu_limit", "7" },
    { NULL, NULL },
};

static const struct sov_member members[] = {
    { "sliding_window", "attention.sliding_window", 'u', 128 },
    { NULL, NULL, 0, 0 },
};

const struct sov_family sov_family_gpt_oss = {
    .arch = "gpt-oss",
    .class = "GptOssForCausalLM",
    .type = "gpt_oss",
    .only = only,
    .member = members,
    .preset = { .eps = 1e-5 },
    .act = act,
    .eps = "rms_norm_eps",
    .eps_key = SOV_EPS_RMS,
    .lengths = true,
    .layer_types = true,
    .experts = true,
    .expert_ffn = "intermediate_size",
    .part = parts,
    .n_parts = sizeof(parts) / sizeof(*parts),
    .more = check_layers,
    .layer = put_experts,
    .layer_back = experts_back,
    .back = back,
};

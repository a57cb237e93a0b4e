/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plain_bert.c - encoders, computed the plain way, for reference.c
 */
#include "plain.h"

#include <math.h>
#include <string.h>

static double *
encoder_begin(const char *at, const char *norm_name, bool positions)
{
    bool roberta = strncmp(at, "roberta.", 8) == 0;
    size_t first = roberta ? (size_t)number(config, "pad_token_id", 1) + 1 : 0;
    size_t kinds_of = (size_t)number(config, "type_vocab_size", 2);
    size_t ctx = (size_t)number(config, "max_position_embeddings", 512);
    double *x =
        embed(weight(true, vocab * width, "%sword_embeddings.weight", at));
    const double *kind =
        weight(true, kinds_of * width, "%stoken_type_embeddings.weight", at);

    for (size_t i = 0; i < n_ids * width; i++)
        x[i] += kind[i % width];
    if (positions)
        add(x,
            weight(true, ctx * width, "%sposition_embeddings.weight", at) +
                first * width,
            1);
    layer_norm(x, width, n_ids, weight(true, width, "%s.weight", norm_name),
               weight(true, width, "%s.bias", norm_name));
    return x;
}

/* RoBERTa has other names, and its positions begin behind that of padding. */
void
bert(const char *at, const char *begin, const char *norm_name)
{
    double *x = encoder_begin(begin, norm_name, true);
    struct view see = { .scale = 1 / sqrt((double)head_dim), .both = true };

    for (size_t l = 0; l < n_layers; l++) {
        double *q = project(x, width, width, at, l, "attention.self.query");
        double *k = project(x, width, width, at, l, "attention.self.key");
        double *v = project(x, width, width, at, l, "attention.self.value");

        add(x,
            project(attend(q, k, v, see), width, width, at, l,
                    "attention.output.dense"),
            1);
        x = ln(x, at, l, "attention.output.LayerNorm");
        add(x,
            plain_ffn(x, at, l, "intermediate.dense", "output.dense",
                      act_of("hidden_act")),
            1);
        x = ln(x, at, l, "output.LayerNorm");
    }
    print(x, width);
}

void
nomic(void)
{
    static const char at[] = "bert.encoder.layers.";
    double *x = encoder_begin("bert.embeddings.", "bert.emb_ln", false);
    struct view see = { .scale = 1 / sqrt((double)head_dim), .both = true };
    struct turns turns;

    turns_of(&turns, NULL, number(config, "rotary_emb_base", 10000));
    for (size_t l = 0; l < n_layers; l++) {
        double *all = project(x, width, 3 * width, at, l, "attn.Wqkv");
        double *q = cut(all, 3 * width, 0, width);
        double *k = cut(all, 3 * width, width, width), *up, *gate;

        turn(q, n_heads, &turns);
        turn(k, n_heads, &turns);
        add(x,
            project(attend(q, k, cut(all, 3 * width, 2 * width, width), see),
                    width, width, at, l, "attn.out_proj"),
            1);
        x = ln(x, at, l, "norm1");
        up = project(x, width, ffn, at, l, "mlp.fc11");
        gate = project(x, width, ffn, at, l, "mlp.fc12");
        for (size_t i = 0; i < n_ids * ffn; i++)
            up[i] *= activate(SILU, gate[i]);
        add(x, project(up, ffn, width, at, l, "mlp.fc2"), 1);
        x = ln(x, at, l, "norm2");
    }
    print(x, width);
}

/* Norms come before, without biases; of every few layers the first sees all. */
static double *
no_bias(const double *x, const double *w)
{
    double *y = copy(x, n_ids * width);

    layer_norm(y, width, n_ids, w, room(width));
    return y;
}

void
modern(void)
{
    static const char at[] = "model.layers.";
    size_t every = (size_t)number(config, "global_attn_every_n_layers", 3);
    double *x = embed(
        weight(true, vocab * width, "model.embeddings.tok_embeddings.weight"));
    const json_t *rope = json_object_get(config, "rope_parameters");
    struct turns turns[2];

    x = no_bias(x, weight(true, width, "model.embeddings.norm.weight"));
    turns_of(&turns[0], json_object_get(rope, "full_attention"),
             number(config, "global_rope_theta", 160000));
    turns_of(&turns[1], json_object_get(rope, "sliding_attention"),
             number(config, "local_rope_theta", 10000));
    for (size_t l = 0; l < n_layers; l++) {
        struct view see = { .scale = 1 / sqrt((double)head_dim), .both = true };
        bool local = l % every != 0;
        const double *norm =
            weight(l > 0, width, "%s%zu.attn_norm.weight", at, l);
        double *y = norm != NULL ? no_bias(x, norm) : x, *q, *k;

        if (local)
            see.window = (size_t)number(config, "local_attention", 128);
        y = project(y, width, 3 * width, at, l, "attn.Wqkv");
        q = cut(y, 3 * width, 0, width);
        k = cut(y, 3 * width, width, width);
        turn(q, n_heads, &turns[local]);
        turn(k, n_heads, &turns[local]);
        y = attend(q, k, cut(y, 3 * width, 2 * width, width), see);
        add(x, project(y, width, width, at, l, "attn.Wo"), 1);
        y = no_bias(x, weight(true, width, "%s%zu.mlp_norm.weight", at, l));
        y = project(y, width, 2 * ffn, at, l, "mlp.Wi");
        q = cut(y, 2 * ffn, 0, ffn);
        k = cut(y, 2 * ffn, ffn, ffn);
        for (size_t i = 0; i < n_ids * ffn; i++)
            q[i] = activate(act_of("hidden_act"), q[i]) * k[i];
        add(x, project(q, ffn, width, at, l, "mlp.Wo"), 1);
    }
    print(no_bias(x, weight(true, width, "model.final_norm.weight")), width);
}

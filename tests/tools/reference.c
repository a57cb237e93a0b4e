/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reference.c - what a tiny published model answers, computed the plain way
 *
 *     reference FORM LIMIT DIR ID...
 *
 * Prints a record as tests/data/arch.txt has them: the logits after each token,
 * or an encoder's states.  The networks are written from the published
 * descriptions of these models, in doubles, one token after the other over
 * everything, with the names and habits of DIR; neither GGUF nor the library
 * has anything to do with it.  So the import is judged by it: what our runtime
 * makes of DIR has to be this.
 */
#include "plain.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Gate and up as one matrix or as two. */
static double *
gated(const double *x, const char *at, size_t layer, enum act act)
{
    bool one = weight(false, 2 * ffn * width, "%s%zu.mlp.gate_up_proj.weight",
                      at, layer) != NULL;
    double *g, *u;

    if (one) {
        double *both =
            project(x, width, 2 * ffn, at, layer, "mlp.gate_up_proj");

        g = cut(both, 2 * ffn, 0, ffn);
        u = cut(both, 2 * ffn, ffn, ffn);
    } else {
        g = project(x, width, ffn, at, layer, "mlp.gate_proj");
        u = project(x, width, ffn, at, layer, "mlp.up_proj");
    }
    for (size_t i = 0; i < n_ids * ffn; i++)
        g[i] = activate(act, g[i]) * u[i];
    return project(g, ffn, width, at, layer, "mlp.down_proj");
}

/* ---- decoders with the names of Llama */

static const char layers[] = "model.layers.";

struct kind {
    const char *class;
    bool one_more; /* norms have weights less 1 */
    bool root;     /* embeddings grow by the root of the width */
    bool after;    /* norms come after (OLMo 2) */
    bool sandwich; /* and before, too (Gemma) */
    bool layer;    /* norms are layer norms (StarCoder 2) */
    size_t
        pattern; /* the last of so many layers sees all; 0: windows are none */
    double base;
};

static const struct kind kinds[] = {
    { .class = "LlamaForCausalLM", .base = 10000 },
    { .class = "MistralForCausalLM", .base = 10000 },
    { .class = "Mistral3ForConditionalGeneration", .base = 10000 },
    { .class = "MixtralForCausalLM", .base = 10000 },
    { .class = "Qwen2ForCausalLM", .base = 10000 },
    { .class = "Qwen3MoeForCausalLM", .base = 10000 },
    { .class = "GptOssForCausalLM", .pattern = 2, .base = 150000 },
    { .class = "Qwen3ForCausalLM", .base = 10000 },
    { .class = "Phi3ForCausalLM", .base = 10000 },
    { .class = "GraniteForCausalLM", .base = 10000 },
    { .class = "Olmo2ForCausalLM", .after = true, .base = 10000 },
    { .class = "Olmo3ForCausalLM", .after = true, .pattern = 4, .base = 10000 },
    { .class = "Starcoder2ForCausalLM", .layer = true, .base = 10000 },
    { .class = "Gemma2ForCausalLM",
      .one_more = true,
      .root = true,
      .sandwich = true,
      .pattern = 2,
      .base = 10000 },
    { .class = "Gemma3ForCausalLM",
      .one_more = true,
      .root = true,
      .sandwich = true,
      .pattern = 6,
      .base = 1e6 },
    { .class = "Gemma3ForConditionalGeneration",
      .one_more = true,
      .root = true,
      .sandwich = true,
      .pattern = 6,
      .base = 1e6 },
};

static double *
norm(const struct kind *kind, const double *x, size_t layer, const char *name)
{
    double *y;

    if (kind->layer)
        return ln(x, layers, layer, name);
    y = copy(x, n_ids * width);
    rms(y, width, n_ids,
        weight(true, width, "%s%zu.%s.weight", layers, layer, name),
        kind->one_more);
    return y;
}

/* Norms of queries or keys: of each head, or of all together. */
static void
head_norm(const struct kind *kind, double *x, size_t heads, size_t layer,
          const char *name)
{
    size_t n = kind->after ? heads * head_dim : head_dim;
    const double *w;

    if (strncmp(kind->class, "Qwen3", 5) != 0 &&
        strncmp(kind->class, "Gemma3", 6) != 0 && !kind->after)
        return;
    w = weight(true, n, "%s%zu.self_attn.%s.weight", layers, layer, name);
    rms(x, n, n_ids * heads * head_dim / n, w, kind->one_more);
}

static bool
is_local(const struct kind *kind, size_t layer)
{
    const json_t *types = json_object_get(config, "layer_types");
    const char *type = json_string_value(json_array_get(types, layer));

    if (type != NULL)
        return strcmp(type, "sliding_attention") == 0;
    return kind->pattern > 0 && (layer + 1) % kind->pattern != 0;
}

static double *
self_attention(const struct kind *kind, const double *x, size_t layer,
               const struct turns turns[2], struct view see)
{
    size_t qn = n_heads * head_dim, kn = n_kv * head_dim;
    bool local = is_local(kind, layer);
    double *q, *k, *v;

    if (strcmp(kind->class, "Phi3ForCausalLM") == 0) {
        double *all =
            project(x, width, qn + 2 * kn, layers, layer, "self_attn.qkv_proj");

        q = cut(all, qn + 2 * kn, 0, qn);
        k = cut(all, qn + 2 * kn, qn, kn);
        v = cut(all, qn + 2 * kn, qn + kn, kn);
    } else {
        q = project(x, width, qn, layers, layer, "self_attn.q_proj");
        k = project(x, width, kn, layers, layer, "self_attn.k_proj");
        v = project(x, width, kn, layers, layer, "self_attn.v_proj");
    }
    head_norm(kind, q, n_heads, layer, "q_norm");
    head_norm(kind, k, n_kv, layer, "k_norm");
    turn(q, n_heads, &turns[local]);
    turn(k, n_kv, &turns[local]);
    if (kind->pattern > 0 && !local)
        see.window = 0;
    see.sinks = weight(false, n_heads, "%s%zu.self_attn.sinks", layers, layer);
    return project(attend(q, k, v, see), qn, width, layers, layer,
                   "self_attn.o_proj");
}

static void
decoder_turns(const struct kind *kind, struct turns turns[2])
{
    const json_t *rope = json_object_get(config, "rope_parameters");
    double base = number(config, "rope_theta", kind->base);

    if (!json_is_object(rope))
        rope = json_object_get(config, "rope_scaling");
    if (json_is_object(json_object_get(rope, "full_attention"))) {
        turns_of(&turns[0], json_object_get(rope, "full_attention"), base);
        turns_of(&turns[1], json_object_get(rope, "sliding_attention"), base);
        return;
    }
    turns_of(&turns[0], rope, base);
    turns[1] = turns[0];
    if (strncmp(kind->class, "Gemma3", 6) == 0)
        turns_of(&turns[1], NULL,
                 number(config, "rope_local_base_freq", 10000));
    if (strcmp(kind->class, "Olmo3ForCausalLM") == 0)
        turns_of(&turns[1], NULL, base);
}

static struct view
decoder_view(const struct kind *kind)
{
    struct view see = { 0 };

    see.scale =
        1 / sqrt(number(config, "query_pre_attn_scalar", (double)head_dim));
    see.scale = number(config, "attention_multiplier", see.scale);
    if (strcmp(kind->class, "Gemma2ForCausalLM") == 0)
        see.cap = number(config, "attn_logit_softcapping", 50);
    if (kind->pattern > 0 || kind->layer ||
        strcmp(kind->class, "Phi3ForCausalLM") == 0)
        see.window = (size_t)number(config, "sliding_window", 0);
    return see;
}

static void
decoder_end(const struct kind *kind, double *x, const double *table)
{
    double cap = number(config, "final_logit_softcapping",
                        strcmp(kind->class, "Gemma2ForCausalLM") == 0 ? 30 : 0);
    const json_t *tied = json_object_get(config, "tie_word_embeddings");
    const double *head = weight(false, vocab * width, "lm_head.weight");
    double *logits;

    if (kind->layer)
        layer_norm(x, width, n_ids, weight(true, width, "model.norm.weight"),
                   weight(true, width, "model.norm.bias"));
    else
        rms(x, width, n_ids, weight(true, width, "model.norm.weight"),
            kind->one_more);
    if (head == NULL || json_is_true(tied))
        head = table;
    logits = linear(x, width, vocab, head, NULL);
    for (size_t i = 0; i < n_ids * vocab; i++) {
        logits[i] /= number(config, "logits_scaling", 1);
        if (cap > 0)
            logits[i] = cap * tanh(logits[i] / cap);
    }
    print(logits, vocab);
}

static void
decoder(const struct kind *kind)
{
    const double *table =
        weight(true, vocab * width, "model.embed_tokens.weight");
    double grow = number(config, "residual_multiplier", 1);
    enum act act = act_of("hidden_act");
    double *x = embed(table), *y;
    struct turns turns[2];
    struct view see = decoder_view(kind);

    decoder_turns(kind, turns);
    for (size_t i = 0; i < n_ids * width; i++)
        x[i] *= kind->root ? sqrt((double)width)
                           : number(config, "embedding_multiplier", 1);
    for (size_t l = 0; l < n_layers; l++) {
        y = kind->after ? x : norm(kind, x, l, "input_layernorm");
        y = self_attention(kind, y, l, turns, see);
        if (kind->after || kind->sandwich)
            y = norm(kind, y, l, "post_attention_layernorm");
        add(x, y, grow);
        y = x;
        if (!kind->after)
            y = norm(kind, x, l,
                     kind->sandwich ? "pre_feedforward_layernorm"
                                    : "post_attention_layernorm");
        if (number(config, "num_experts_per_tok", 0) > 0)
            y = experts(y, layers, l);
        else
            y = kind->layer
                    ? plain_ffn(y, layers, l, "mlp.c_fc", "mlp.c_proj", act)
                    : gated(y, layers, l, act);
        if (kind->after || kind->sandwich)
            y = norm(kind, y, l, "post_feedforward_layernorm");
        add(x, y, grow);
    }
    decoder_end(kind, x, table);
}

/* ---- Falcon: attention and feed-forward side by side */

/* Groups of queries, and the key and value of each. */
static void
take_groups(const double *all, double **q, double **k, double **v)
{
    size_t each = n_heads / n_kv, row = (n_heads + 2 * n_kv) * head_dim;
    size_t bytes = head_dim * sizeof(double);

    *q = room(n_ids * n_heads * head_dim);
    *k = room(n_ids * n_kv * head_dim);
    *v = room(n_ids * n_kv * head_dim);
    for (size_t t = 0; t < n_ids; t++)
        for (size_t g = 0; g < n_kv; g++) {
            const double *from = all + t * row + g * (each + 2) * head_dim;

            memcpy(*q + (t * n_heads + g * each) * head_dim, from,
                   each * bytes);
            memcpy(*k + (t * n_kv + g) * head_dim, from + each * head_dim,
                   bytes);
            memcpy(*v + (t * n_kv + g) * head_dim, from + (each + 1) * head_dim,
                   bytes);
        }
}

static void
falcon(void)
{
    static const char at[] = "transformer.h.";
    const double *table =
        weight(true, vocab * width, "transformer.word_embeddings.weight");
    bool grouped =
        json_is_true(json_object_get(config, "new_decoder_architecture"));
    bool many = json_is_false(json_object_get(config, "multi_query"));
    const double *head = weight(false, vocab * width, "lm_head.weight");
    double *x = embed(table);
    struct turns turns;

    n_kv = grouped ? (size_t)number(config, "num_kv_heads", (double)n_heads)
           : many  ? n_heads
                   : 1;
    turns_of(&turns, json_object_get(config, "rope_scaling"),
             number(config, "rope_theta", 10000));
    for (size_t l = 0; l < n_layers; l++) {
        bool two = weight(false, width, "%s%zu.ln_attn.weight", at, l) != NULL;
        double *a = ln(x, at, l, two ? "ln_attn" : "input_layernorm");
        double *m = ln(x, at, l, two ? "ln_mlp" : "input_layernorm");
        double *q, *k, *v;
        struct view see = { .scale = 1 / sqrt((double)head_dim) };

        a = project(a, width, (n_heads + 2 * n_kv) * head_dim, at, l,
                    "self_attention.query_key_value");
        take_groups(a, &q, &k, &v);
        turn(q, n_heads, &turns);
        turn(k, n_kv, &turns);
        a = project(attend(q, k, v, see), n_heads * head_dim, width, at, l,
                    "self_attention.dense");
        m = plain_ffn(m, at, l, "mlp.dense_h_to_4h", "mlp.dense_4h_to_h",
                      GELU_ERF);
        add(x, a, 1);
        add(x, m, 1);
    }
    layer_norm(x, width, n_ids, weight(true, width, "transformer.ln_f.weight"),
               weight(true, width, "transformer.ln_f.bias"));
    if (head == NULL ||
        !json_is_false(json_object_get(config, "tie_word_embeddings")))
        head = table;
    print(linear(x, width, vocab, head, NULL), vocab);
}

/* ---- GPT-2: matrices [in, out] */

static double *
conv1d(const double *x, size_t in, size_t out, size_t layer, const char *name)
{
    const double *w =
        weight(true, in * out, "transformer.h.%zu.%s.weight", layer, name);
    double *turned = room(in * out);

    for (size_t i = 0; i < in; i++)
        for (size_t o = 0; o < out; o++)
            turned[o * in + i] = w[i * out + o];
    return linear(x, in, out, turned,
                  weight(true, out, "transformer.h.%zu.%s.bias", layer, name));
}

static void
gpt2(void)
{
    static const char at[] = "transformer.h.";
    size_t ctx = (size_t)number(config, "n_positions", 1024);
    const double *table = weight(true, vocab * width, "transformer.wte.weight");
    const double *places = weight(true, ctx * width, "transformer.wpe.weight");
    const double *head = weight(false, vocab * width, "lm_head.weight");
    double *x = embed(table);

    add(x, places, 1);
    for (size_t l = 0; l < n_layers; l++) {
        double *all =
            conv1d(ln(x, at, l, "ln_1"), width, 3 * width, l, "attn.c_attn");
        struct view see = { .scale = 1 / sqrt((double)head_dim) };
        double *y = attend(cut(all, 3 * width, 0, width),
                           cut(all, 3 * width, width, width),
                           cut(all, 3 * width, 2 * width, width), see);

        add(x, conv1d(y, width, width, l, "attn.c_proj"), 1);
        y = conv1d(ln(x, at, l, "ln_2"), width, ffn, l, "mlp.c_fc");
        for (size_t i = 0; i < n_ids * ffn; i++)
            y[i] = activate(act_of("activation_function"), y[i]);
        add(x, conv1d(y, ffn, width, l, "mlp.c_proj"), 1);
    }
    layer_norm(x, width, n_ids, weight(true, width, "transformer.ln_f.weight"),
               weight(true, width, "transformer.ln_f.bias"));
    if (head == NULL ||
        !json_is_false(json_object_get(config, "tie_word_embeddings")))
        head = table;
    print(linear(x, width, vocab, head, NULL), vocab);
}

/* ---- which it is */

static size_t
count(const char *name, const char *other, double preset)
{
    double v = number(config, name, number(config, other, preset));

    if (v < 1)
        die("config.json says nothing of", name);
    return (size_t)v;
}

static void
read_sizes(void)
{
    width = count("hidden_size", "n_embd", 0);
    n_layers = count("num_hidden_layers", "n_layer", 0);
    n_heads = count("num_attention_heads", "n_head", 8);
    n_kv = (size_t)number(config, "num_key_value_heads", (double)n_heads);
    head_dim = (size_t)number(config, "head_dim", (double)(width / n_heads));
    ffn = count("intermediate_size", "n_inner", 4 * (double)width);
    ffn = (size_t)number(config, "ffn_hidden_size", (double)ffn);
    vocab = count("vocab_size", "vocab_size", 0);
    eps = number(config, "rms_norm_eps", 1e-6);
    eps = number(config, "norm_epsilon", eps);
    eps = number(config, "norm_eps", eps);
    eps = number(config, "layer_norm_eps", eps);
    eps = number(config, "layer_norm_epsilon", eps);
}

static void
run(const char *class)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
        if (strcmp(kinds[i].class, class) == 0) {
            plain_prefix("model.");
            decoder(&kinds[i]);
            return;
        }
    if (strcmp(class, "FalconForCausalLM") == 0) {
        plain_prefix("transformer.");
        falcon();
    } else if (strcmp(class, "GPT2LMHeadModel") == 0) {
        plain_prefix("transformer.");
        gpt2();
    } else if (strcmp(class, "NomicBertModel") == 0) {
        plain_prefix("bert.");
        nomic();
    } else if (strncmp(class, "ModernBert", 10) == 0) {
        plain_prefix("model.");
        modern();
    } else if (strncmp(class, "Bert", 4) == 0) {
        plain_prefix("bert.");
        bert("bert.encoder.layer.", "bert.embeddings.",
             "bert.embeddings.LayerNorm");
    } else if (strstr(class, "Roberta") != NULL) {
        plain_prefix("roberta.");
        bert("roberta.encoder.layer.", "roberta.embeddings.",
             "roberta.embeddings.LayerNorm");
    } else {
        die("class", class);
    }
}

int
main(int argc, char **argv)
{
    const char *class;
    json_t *text;

    if (argc < 5 || argc > 4 + N_IDS_MAX)
        die("usage: reference FORM LIMIT DIR ID...", NULL);
    plain_load(argv[3]);
    class = json_string_value(
        json_array_get(json_object_get(config, "architectures"), 0));
    text = json_object_get(config, "text_config");
    if (json_is_object(text))
        config = text;
    if (class == NULL)
        die("config.json has no class", NULL);
    printf("form %s %s\nids", argv[1], argv[2]);
    for (int i = 4; i < argc; i++) {
        ids[n_ids++] = atoi(argv[i]);
        printf(" %s", argv[i]);
    }
    printf("\n");
    read_sizes();
    run(class);
    return 0;
}

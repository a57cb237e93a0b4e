/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mkhf.c - a tiny model as its maker would have published it
 *
 *     mkhf MODEL.gguf DIR [OLD NEW]...
 *
 * MODEL is one of mkmodel form=...; DIR must be there.  config.json,
 * model.safetensors and a tokenizer.model are written to it; names that begin
 * with OLD begin with NEW there.  The names and
 * habits are from the published models' own descriptions, and nothing is
 * shared with the import, which is judged by it: what it makes of DIR must
 * answer as MODEL does.
 */
#include "published.h"

#include <stdlib.h>
#include <string.h>

/* how: 'q' and 'k' regrouped heads, '1' less one, 'g' queries with the key and
 * value of each group, 't' columns are rows. */

/* clang-format off */
static const struct pub_name names[] = {
    { "gemma",   "attn_norm.weight",           "input_layernorm.weight", '1' },
    { "gemma",   "post_attention_norm.weight", "post_attention_layernorm.weight", '1' },
    { "gemma",   "ffn_norm.weight",            "pre_feedforward_layernorm.weight", '1' },
    { "gemma",   "post_ffw_norm.weight",       "post_feedforward_layernorm.weight", '1' },
    { "gemma",   "attn_q_norm.weight",         "self_attn.q_norm.weight", '1' },
    { "gemma",   "attn_k_norm.weight",         "self_attn.k_norm.weight", '1' },
    { "phi3",    "attn_qkv.weight",            "self_attn.qkv_proj.weight", 0 },
    { "phi3",    "ffn_up.weight",              "mlp.gate_up_proj.weight", 0 },
    { "starcod", "ffn_up.weight",              "mlp.c_fc.weight", 0 },
    { "starcod", "ffn_up.bias",                "mlp.c_fc.bias", 0 },
    { "starcod", "ffn_down.weight",            "mlp.c_proj.weight", 0 },
    { "starcod", "ffn_down.bias",              "mlp.c_proj.bias", 0 },
    { "llama",   "attn_q.weight",              "self_attn.q_proj.weight", 'q' },
    { "llama",   "attn_k.weight",              "self_attn.k_proj.weight", 'k' },
    { "llama",   "attn_q.bias",                "self_attn.q_proj.bias", 'q' },
    { "llama",   "attn_k.bias",                "self_attn.k_proj.bias", 'k' },
    { "granite", "attn_q.weight",              "self_attn.q_proj.weight", 'q' },
    { "granite", "attn_k.weight",              "self_attn.k_proj.weight", 'k' },
    { "falcon",  "attn_qkv.weight",            "self_attention.query_key_value.weight", 'g' },
    { "falcon",  "attn_output.weight",         "self_attention.dense.weight", 0 },
    { "falcon",  "ffn_up.weight",              "mlp.dense_h_to_4h.weight", 0 },
    { "falcon",  "ffn_down.weight",            "mlp.dense_4h_to_h.weight", 0 },
    { "falcon",  "attn_norm_2.weight",         "ln_attn.weight", 0 },
    { "falcon",  "attn_norm_2.bias",           "ln_attn.bias", 0 },
    { "gpt2",    "attn_norm.weight",           "ln_1.weight", 0 },
    { "gpt2",    "attn_norm.bias",             "ln_1.bias", 0 },
    { "gpt2",    "attn_qkv.weight",            "attn.c_attn.weight", 't' },
    { "gpt2",    "attn_qkv.bias",              "attn.c_attn.bias", 0 },
    { "gpt2",    "attn_output.weight",         "attn.c_proj.weight", 't' },
    { "gpt2",    "attn_output.bias",           "attn.c_proj.bias", 0 },
    { "gpt2",    "ffn_norm.weight",            "ln_2.weight", 0 },
    { "gpt2",    "ffn_norm.bias",              "ln_2.bias", 0 },
    { "gpt2",    "ffn_up.weight",              "mlp.c_fc.weight", 't' },
    { "gpt2",    "ffn_up.bias",                "mlp.c_fc.bias", 0 },
    { "gpt2",    "ffn_down.weight",            "mlp.c_proj.weight", 't' },
    { "gpt2",    "ffn_down.bias",              "mlp.c_proj.bias", 0 },
    { "nomic",   "attn_qkv.weight",            "attn.Wqkv.weight", 0 },
    { "nomic",   "attn_output.weight",         "attn.out_proj.weight", 0 },
    { "nomic",   "attn_output_norm.weight",    "norm1.weight", 0 },
    { "nomic",   "attn_output_norm.bias",      "norm1.bias", 0 },
    { "nomic",   "ffn_up.weight",              "mlp.fc11.weight", 0 },
    { "nomic",   "ffn_gate.weight",            "mlp.fc12.weight", 0 },
    { "nomic",   "ffn_down.weight",            "mlp.fc2.weight", 0 },
    { "nomic",   "layer_output_norm.weight",   "norm2.weight", 0 },
    { "nomic",   "layer_output_norm.bias",     "norm2.bias", 0 },
    { "modern",  "attn_norm.weight",           "attn_norm.weight", 0 },
    { "modern",  "attn_qkv.weight",            "attn.Wqkv.weight", 0 },
    { "modern",  "attn_output.weight",         "attn.Wo.weight", 0 },
    { "modern",  "ffn_norm.weight",            "mlp_norm.weight", 0 },
    { "modern",  "ffn_up.weight",              "mlp.Wi.weight", 0 },
    { "modern",  "ffn_down.weight",            "mlp.Wo.weight", 0 },
    { "bert",    "attn_q.weight",              "attention.self.query.weight", 0 },
    { "bert",    "attn_q.bias",                "attention.self.query.bias", 0 },
    { "bert",    "attn_k.weight",              "attention.self.key.weight", 0 },
    { "bert",    "attn_k.bias",                "attention.self.key.bias", 0 },
    { "bert",    "attn_v.weight",              "attention.self.value.weight", 0 },
    { "bert",    "attn_v.bias",                "attention.self.value.bias", 0 },
    { "bert",    "attn_output.weight",         "attention.output.dense.weight", 0 },
    { "bert",    "attn_output.bias",           "attention.output.dense.bias", 0 },
    { "bert",    "attn_output_norm.weight",    "attention.output.LayerNorm.weight", 0 },
    { "bert",    "attn_output_norm.bias",      "attention.output.LayerNorm.bias", 0 },
    { "bert",    "ffn_up.weight",              "intermediate.dense.weight", 0 },
    { "bert",    "ffn_up.bias",                "intermediate.dense.bias", 0 },
    { "bert",    "ffn_down.weight",            "output.dense.weight", 0 },
    { "bert",    "ffn_down.bias",              "output.dense.bias", 0 },
    { "bert",    "layer_output_norm.weight",   "output.LayerNorm.weight", 0 },
    { "bert",    "layer_output_norm.bias",     "output.LayerNorm.bias", 0 },
};

/* The same of tensors outside layers, whole names. */
static const struct pub_name ends[] = {
    { "bert",  "token_embd.weight",  "bert.embeddings.word_embeddings.weight", 0 },
    { "bert",  "position_embd.weight",
      "bert.embeddings.position_embeddings.weight", 0 },
    { "bert",  "token_types.weight",
      "bert.embeddings.token_type_embeddings.weight", 0 },
    { "bert",  "token_embd_norm.weight", "bert.embeddings.LayerNorm.weight", 0 },
    { "bert",  "token_embd_norm.bias", "bert.embeddings.LayerNorm.bias", 0 },
    { "nomic", "token_embd.weight",  "embeddings.word_embeddings.weight", 0 },
    { "nomic", "token_types.weight", "embeddings.token_type_embeddings.weight", 0 },
    { "nomic", "token_embd_norm.weight", "emb_ln.weight", 0 },
    { "nomic", "token_embd_norm.bias", "emb_ln.bias", 0 },
    { "modern", "token_embd.weight", "model.embeddings.tok_embeddings.weight", 0 },
    { "modern", "token_embd_norm.weight", "model.embeddings.norm.weight", 0 },
    { "modern", "output_norm.weight", "model.final_norm.weight", 0 },
    { "falcon", "token_embd.weight", "transformer.word_embeddings.weight", 0 },
    { "falcon", "output_norm.weight", "transformer.ln_f.weight", 0 },
    { "falcon", "output_norm.bias", "transformer.ln_f.bias", 0 },
    { "gpt2",  "token_embd.weight",  "wte.weight", 0 },
    { "gpt2",  "position_embd.weight", "wpe.weight", 0 },
    { "gpt2",  "output_norm.weight", "ln_f.weight", 0 },
    { "gpt2",  "output_norm.bias",   "ln_f.bias", 0 },
    { "gemma", "output_norm.weight", "model.norm.weight", '1' },
};

static const struct pub_member members[] = {
    { "falcon",  "hidden_size",             "embedding_length", false },
    { "falcon",  "ffn_hidden_size",         "feed_forward_length", false },
    { "falcon",  "num_hidden_layers",       "block_count", false },
    { "falcon",  "num_attention_heads",     "attention.head_count", false },
    { "falcon",  "num_kv_heads",            "attention.head_count_kv", false },
    { "falcon",  "vocab_size",              "vocab_size", false },
    { "falcon",  "layer_norm_epsilon",      "attention.layer_norm_epsilon", true },
    { "gpt2",    "n_embd",                  "embedding_length", false },
    { "gpt2",    "n_inner",                 "feed_forward_length", false },
    { "gpt2",    "n_layer",                 "block_count", false },
    { "gpt2",    "n_head",                  "attention.head_count", false },
    { "gpt2",    "n_positions",             "context_length", false },
    { "gpt2",    "vocab_size",              "vocab_size", false },
    { "gpt2",    "layer_norm_epsilon",      "attention.layer_norm_epsilon", true },
    { "nomic",   "n_embd",                  "embedding_length", false },
    { "nomic",   "n_inner",                 "feed_forward_length", false },
    { "nomic",   "n_layer",                 "block_count", false },
    { "nomic",   "n_head",                  "attention.head_count", false },
    { "nomic",   "n_positions",             "context_length", false },
    { "nomic",   "vocab_size",              "vocab_size", false },
    { "nomic",   "layer_norm_epsilon",      "attention.layer_norm_epsilon", true },
    { "nomic",   "rotary_emb_base",         "rope.freq_base", true },
    { "modern",  "hidden_size",             "embedding_length", false },
    { "modern",  "intermediate_size",       "feed_forward_length", false },
    { "modern",  "num_hidden_layers",       "block_count", false },
    { "modern",  "num_attention_heads",     "attention.head_count", false },
    { "modern",  "max_position_embeddings", "context_length", false },
    { "modern",  "vocab_size",              "vocab_size", false },
    { "modern",  "norm_eps",                "attention.layer_norm_epsilon", true },
    { "modern",  "global_rope_theta",       "rope.freq_base", true },
    { "modern",  "local_rope_theta",        "rope.freq_base_swa", true },
    { "modern",  "local_attention",         "attention.sliding_window", false },
    { "starcod", "norm_epsilon",            "attention.layer_norm_epsilon", true },
    { "bert",    "layer_norm_eps",          "attention.layer_norm_epsilon", true },
    { "gemma",   "sliding_window",          "attention.sliding_window", false },
    { "olmo2",   "sliding_window",          "attention.sliding_window", false },
    { "gemma",   "query_pre_attn_scalar",   "attention.key_length", false },
    { "gemma2",  "attn_logit_softcapping",  "attn_logit_softcapping", true },
    { "gemma2",  "final_logit_softcapping", "final_logit_softcapping", true },
    { "granite", "attention_multiplier",    "attention.scale", true },
    { "granite", "embedding_multiplier",    "embedding_scale", true },
    { "granite", "residual_multiplier",     "residual_scale", true },
    { "granite", "logits_scaling",          "logit_scale", true },
    { "phi3",    "original_max_position_embeddings",
      "rope.scaling.original_context_length", false },
};

/* own: members have names of their own, not those of most. */
static const struct {
    const char *arch;
    const char *class;
    const char *act;
    const char *layers;
    bool own;
} classes[] = {
    { "llama",      "LlamaForCausalLM",      "silu", "model.layers", false },
    { "qwen2",      "Qwen2ForCausalLM",      "silu", "model.layers", false },
    { "qwen3",      "Qwen3ForCausalLM",      "silu", "model.layers", false },
    { "gemma2",     "Gemma2ForCausalLM",     "gelu_pytorch_tanh", "model.layers", false },
    { "gemma3",     "Gemma3ForCausalLM",     "gelu_pytorch_tanh", "model.layers", false },
    { "phi3",       "Phi3ForCausalLM",       "silu", "model.layers", false },
    { "olmo2",      "Olmo2ForCausalLM",      "silu", "model.layers", false },
    { "granite",    "GraniteForCausalLM",    "silu", "model.layers", false },
    { "starcoder2", "Starcoder2ForCausalLM", "gelu_pytorch_tanh", "model.layers", false },
    { "falcon",     "FalconForCausalLM",     "gelu", "transformer.h", true },
    { "gpt2",       "GPT2LMHeadModel",       "gelu_new", "h", true },
    { "bert",       "BertForMaskedLM",       "gelu", "bert.encoder.layer", false },
    { "nomic-bert", "NomicBertModel",        "swiglu", "encoder.layers", true },
    { "modern-bert", "ModernBertForMaskedLM", "gelu", "model.layers", true },
};
/* clang-format on */

static char **renames; /* OLD, NEW, ..., NULL */

/* ---- config.json */

static size_t
class_of(void)
{
    size_t n = sizeof(classes) / sizeof(*classes), i = 0;

    while (i < n && strcmp(classes[i].arch, pub_arch) != 0)
        i++;
    if (i == n)
        pub_die("no class of this architecture");
    return i;
}

/* What the published models of these say beside their sizes. */
static void
put_habits(FILE *f, size_t class)
{
    bool two = sov_model_find(pub_model, "blk.0.attn_norm_2.weight") >= 0;

    if (pub_is_for("falcon"))
        fprintf(f,
                " \"new_decoder_architecture\": %s, \"multi_query\": true,\n"
                " \"parallel_attn\": true, \"bias\": false, "
                "\"alibi\": false,\n",
                two ? "true" : "false");
    fprintf(f, " \"%s\": \"%s\",\n",
            pub_is_for("falcon")                        ? "activation"
            : pub_is_for("modern")                      ? "hidden_activation"
            : pub_is_for("gpt2") || pub_is_for("nomic") ? "activation_function"
                                                        : "hidden_act",
            classes[class].act);
}

static void
put_config(void)
{
    FILE *f = pub_create("config.json");
    size_t i = class_of();
    double v;

    fprintf(f, "{\"architectures\": [\"%s\"],\n",
            pub_is_for("olmo2") && pub_number("attention.sliding_window", &v)
                ? "Olmo3ForCausalLM"
                : classes[i].class);
    if (!classes[i].own)
        pub_put_common(f);
    pub_put_members(f, members, sizeof(members) / sizeof(*members));
    pub_put_rope(f);
    put_habits(f, i);
    fprintf(f, " \"tie_word_embeddings\": %s}\n",
            sov_model_find(pub_model, "output.weight") < 0 ? "true" : "false");
    fclose(f);
}

/* ---- model.safetensors */

/* What a tensor is called there, in buf; NULL: config.json has it. */
static const struct pub_name *
published(const char *name, char buf[128])
{
    const char *layers = classes[class_of()].layers;
    const struct pub_name *found =
        pub_find(names, sizeof(names) / sizeof(*names), ends,
                 sizeof(ends) / sizeof(*ends), layers, name, buf);

    if (found != NULL && pub_is_for("falcon") &&
        strncmp(found->was, "input_", 6) == 0 &&
        sov_model_find(pub_model, "blk.0.attn_norm_2.weight") >= 0)
        snprintf(buf, 128, "%s.%lu.ln_mlp%s", layers,
                 strtoul(name + 4, NULL, 10), strchr(found->was, '.'));
    return found;
}

/* The heads of queries, or of keys. */
static uint64_t
heads(const char *key)
{
    double v = 1;

    if (!pub_number(key, &v))
        pub_die("no heads");
    return (uint64_t)v;
}

/* In groups: some queries, the key, the value that they share. */
static uint64_t
grouped_row(uint64_t i, uint64_t n_rows)
{
    uint64_t q = heads("attention.head_count");
    uint64_t kv = heads("attention.head_count_kv");
    uint64_t len = n_rows / (q + 2 * kv), head = i / len, in = i % len;
    uint64_t group = head / (q / kv + 2), at = head % (q / kv + 2);

    if (at < q / kv)
        head = group * (q / kv) + at;
    else
        head = at == q / kv ? q + group : q + kv + group;
    return head * len + in;
}

/* Row i of what is published is row ... of the tensor. */
static uint64_t
row_of(const struct pub_name *how, uint64_t i, uint64_t n_rows)
{
    return how->how == 'g' ? grouped_row(i, n_rows)
                           : pub_row(how->how, i, n_rows);
}

static void
put_data(FILE *f, const struct sov_tensor *t, const struct pub_name *how)
{
    bool vector = t->ndim == 1, turned = how->how == 't';
    uint64_t rows = vector ? t->dim[0] : t->dim[1];
    uint64_t cols = vector ? 1 : t->dim[0];

    for (uint64_t i = 0; i < (turned ? cols : rows); i++)
        for (uint64_t k = 0; k < (turned ? rows : cols); k++) {
            uint64_t at =
                turned ? k * cols + i : row_of(how, i, rows) * cols + k;
            float v;

            memcpy(&v, (const char *)t->data + 4 * at, 4);
            v -= how->how == '1' ? 1.0f : 0.0f;
            fwrite(&v, 4, 1, f);
        }
}

/* With what is asked for in place of its beginning. */
static const char *
renamed(const char *name, char buf[256])
{
    for (char **r = renames; *r != NULL; r += 2)
        if (strncmp(name, r[0], strlen(r[0])) == 0) {
            snprintf(buf, 256, "%s%s", r[1], name + strlen(r[0]));
            return buf;
        }
    return name;
}

static void
put_tensors(void)
{
    static char head[65536];
    size_t len = 0, n = sov_model_count(pub_model);
    uint64_t off = 0;
    FILE *f = pub_create("model.safetensors");
    char name[128], other[256];

    for (size_t i = 0; i < n; i++) {
        const struct sov_tensor *t = sov_model_at(pub_model, i);
        const struct pub_name *how = published(t->name, name);
        bool turned = how != NULL && how->how == 't';

        if (t->type != SOV_TYPE_F32)
            pub_die("a tensor that is not f32");
        if (how == NULL)
            continue;
        len += (size_t)snprintf(head + len, sizeof(head) - len,
                                "%s\"%s\":{\"dtype\":\"F32\",\"shape\":[",
                                len == 0 ? "{" : ",", renamed(name, other));
        if (t->ndim == 2)
            len += (size_t)snprintf(head + len, sizeof(head) - len, "%llu,",
                                    (unsigned long long)t->dim[!turned]);
        len += (size_t)snprintf(head + len, sizeof(head) - len,
                                "%llu],\"data_offsets\":[%llu,%llu]}",
                                (unsigned long long)t->dim[turned],
                                (unsigned long long)off,
                                (unsigned long long)(off + t->size));
        off += t->size;
        if (len > sizeof(head) - 512)
            pub_die("too many tensors");
    }
    pub_put_header(f, head, &len);
    for (size_t i = 0; i < n; i++) {
        const struct sov_tensor *t = sov_model_at(pub_model, i);
        const struct pub_name *how = published(t->name, name);

        if (how != NULL)
            put_data(f, t, how);
    }
    fclose(f);
}

int
main(int argc, char **argv)
{
    if (argc < 3 || argc % 2 == 0)
        pub_die("usage: mkhf MODEL.gguf DIR [OLD NEW]...");
    renames = argv + 3;
    pub_open("mkhf", argv[1], argv[2]);
    put_config();
    put_tensors();
    pub_put_vocab();
    sov_model_close(pub_model);
    return 0;
}

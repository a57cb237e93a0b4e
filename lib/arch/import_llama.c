/* SPDX-License-Identifier: Apache-2.0 */
/*
 * import_llama.c - the Llama family as published: Llama 1 to 3, Mistral
 *
 *   model.embed_tokens.weight                          token_embd.weight
 *   model.norm.weight                                  output_norm.weight
 *   lm_head.weight (unless tied)                       output.weight
 *   model.layers.N.input_layernorm.weight              blk.N.attn_norm.weight
 *   model.layers.N.post_attention_layernorm.weight     blk.N.ffn_norm.weight
 *   model.layers.N.self_attn.{q,k,v,o}_proj.*          blk.N.attn_{q,k,v,output}.*
 *   model.layers.N.mlp.{gate,up,down}_proj.*           blk.N.ffn_{gate,up,down}.*
 *
 * GGUF files of this family hold the rotary pairs of queries and keys side by
 * side, published ones hold the two halves of a head one after the other; so
 * the rows of q and k are regrouped.
 */
#include "arch/import_shape.h"

#include "base/limits.h"

#include <stdio.h>

static int
put_layer(struct sov_import *im, const struct sov_shape *s, unsigned layer,
          struct sov_err *err)
{
    const uint64_t q = s->heads * s->head_dim;
    const uint64_t kv = s->kv_heads * s->head_dim;
    const struct {
        const char *to;
        const char *from;
        uint64_t rows;
        uint64_t cols;
        uint64_t heads;
        bool must;
    } parts[] = {
#define PART(to, from, rows, cols, heads, must) \
    { to, from, rows, cols, heads, must },
#include "arch/llama_parts.def"
#undef PART
    };
    int rc = 0;

    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts) && rc == 0; i++) {
        char to[64], from[96];

        snprintf(to, sizeof(to), "blk.%u.%s", layer, parts[i].to);
        snprintf(from, sizeof(from), "model.layers.%u.%s", layer,
                 parts[i].from);
        rc = sov_import_tensor(im, to, from, parts[i].rows, parts[i].cols,
                               (uint32_t)parts[i].heads, parts[i].must, err);
    }
    return rc;
}

static int
put_tensors(struct sov_import *im, const struct sov_shape *s, struct sov_err *err)
{
    int64_t head = sov_model_find(im->model, "lm_head.weight");
    int rc =
        sov_import_tensor(im, "token_embd.weight", "model.embed_tokens.weight",
                          s->vocab, s->width, 0, true, err);

    if (rc == 0)
        rc = sov_import_tensor(im, "output_norm.weight", "model.norm.weight", 0,
                               s->width, 0, true, err);
    if (rc == 0 && !s->tied)
        rc = sov_import_tensor(im, "output.weight", "lm_head.weight", s->vocab,
                               s->width, 0, true, err);
    if (s->tied && head >= 0)
        im->used[head] = true; /* the embedding again */
    for (uint64_t i = 0; i < s->layers && rc == 0; i++)
        rc = put_layer(im, s, (unsigned)i, err);
    return rc;
}

int
sov_import_llama(struct sov_import *im, struct sov_err *err)
{
    static const char *const act[] = { "silu", NULL };
    struct sov_shape s;
    int rc = sov_shape_read(&s, im->config, "llama", "rms_norm_eps", act, err);

    if (rc == 0)
        rc = sov_shape_keys(im, &s, "attention.layer_norm_rms_epsilon", false,
                            err);
    if (rc == 0)
        rc = sov_shape_rope(im, &s, err);
    if (rc == 0)
        rc = sov_shape_file_type(im, "model.embed_tokens.weight", err);
    if (rc == 0)
        rc = put_tensors(im, &s, err);
    if (rc == 0)
        rc = sov_import_vocab(im, s.vocab, err);
    return rc;
}

/*
 * Mistral is the same network.  Its first version looked back over a window
 * of tokens only; as everybody who reads GGUF files of it, we look at all.
 */
int
sov_import_mistral(struct sov_import *im, struct sov_err *err)
{
    uint64_t window = 0;
    uint64_t ctx = 0;
    int rc = sov_config_u64(im->config, "sliding_window", 0, SOV_CTX_MAX, false,
                            &window, err);

    if (rc == 0)
        rc = sov_config_u64(im->config, "max_position_embeddings", 1,
                            SOV_CTX_MAX, false, &ctx, err);
    if (rc == 0 && window > 0 && window < ctx)
        sov_model_warn(im->model,
                       "the sliding window of %llu tokens is not carried out",
                       (unsigned long long)window);
    return rc < 0 ? rc : sov_import_llama(im, err);
}

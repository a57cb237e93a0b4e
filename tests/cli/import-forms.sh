#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# import-forms - what config.json may say beside the usual: it is carried out
# as a second implementation does that reads the folder, or refused and named
. "${top_srcdir:?}/tests/cli/lib.sh"
PATH=$top_builddir/tests/tools:$PATH

ids="3 17 5 22 9 0 11 14 8 20"
record=$top_srcdir/tests/data/arch.txt

# make MKMODEL-ARGS: the folder of such a model; names may be others
make() {
    rm -rf folder
    mkdir folder
    # shellcheck disable=SC2086
    expect 0 mkmodel $1 model.gguf
    shift
    expect 0 mkhf model.gguf folder "$@"
    cp folder/config.json usual
}

# fresh FORM [OLD NEW]...: that of a form, with the limit that it has
fresh() {
    extra=$(sed -n "s/^form $1 [^ ]* *\(.*\)/\1/p" "$record")
    limit=1e-8
    case $1 in falcon* | bert | modern-bert) limit=1e-5 ;; esac # GELU by way of erf
    form=$1
    shift
    make "form=$form $extra" "$@"
}

# with SED...: config.json is the usual one, changed so
with() {
    sed "$@" usual >folder/config.json
    ! cmp -s usual folder/config.json || fail "sed $* changes nothing"
}

# same NAME: the folder answers as the plain program does, and so does what is
# made of it
same() {
    # shellcheck disable=SC2086
    expect 0 reference "$1" "$limit" folder $ids
    cp out plain
    expect 0 answers "$1" plain folder
    cat out
    expect 0 sov-quantize -q -t copy --force -o converted.gguf folder
    expect 0 answers "$1" plain converted.gguf
}

# refused WORD: and the message has it
refused() {
    expect 69 sov-quantize -q -t copy --force -o x.gguf folder
    err_has "$1"
    err_one_line
}

rope() {
    with "s/\"tie_word/\"rope_scaling\": $1, &/"
}

# ---- rotary positions

fresh llama
rope '{"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 16}'
same llama31
rope '{"rope_type": "linear", "factor": 2.5}'
same linear
rope '{"type": "dynamic", "factor": 2.0}'
same dynamic
expect 0 sov-quantize -t copy --force -o x.gguf folder
err_has "dynamic"
rope '{"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 16}'
same yarn
rope '{"rope_type": "yarn", "factor": 4.0, "beta_fast": 8, "beta_slow": 2, "original_max_position_embeddings": 16, "attention_factor": 1.5}'
same yarn-factors
rope '{"rope_type": "yarn", "factor": 4.0, "mscale": 1.0, "mscale_all_dim": 1.0, "original_max_position_embeddings": 16}'
same yarn-mscale
rope '{"rope_type": "yarn", "factor": 4.0, "attn_temperature": 2}'
refused "attn_temperature"
rope '{"rope_type": "yarn", "factor": 4.0, "llama_4_scaling_beta": 0.1}'
refused "llama_4_scaling_beta"
rope '{"rope_type": "longrope", "factor": 4.0}'
refused "longrope"
rope '{"rope_type": "ntk-by-parts", "factor": 4.0}'
refused "ntk-by-parts"
with 's/"rope_theta": [0-9.e+]*,//; s/"tie_word/"rope_parameters": {"rope_type": "default", "rope_theta": 500000.0}, &/'
same parameters

# ---- names, and what is around a text

# wrapped CLASS: config.json is that of a text within
wrapped() {
    {
        printf '{"architectures": ["%s"], "vision_config": {"a": 3},\n' "$1"
        printf ' "text_config": '
        sed 's/"architectures": \[[^]]*\],//' usual
        printf '}\n'
    } >folder/config.json
}

fresh qwen3 model. ""
same qwen3-bare
fresh gemma3 model. language_model.model.
wrapped Gemma3ForConditionalGeneration
same gemma3-wrapped
fresh gemma3 model. model.language_model.
wrapped Gemma3ForConditionalGeneration
same gemma3-wrapped-5
sed '/"head_dim"/d' folder/config.json >config # 256 where nothing is said
cp config folder/config.json
refused "only 256"
fresh llama lm_head vision_tower
with 's/"tie_word_embeddings": false/"tie_word_embeddings": true/'
refused vision_tower
fresh llama model. language_model.model. lm_head language_model.lm_head
wrapped Mistral3ForConditionalGeneration
same mistral3
fresh gpt2 "" transformer.
same gpt2-named
fresh bert bert. ""
same bert-bare
fresh bert bert. roberta. # of whose positions padding has the first two
limit=1e-5
with 's/BertForMaskedLM/XLMRobertaModel/; s/"tie_word/"pad_token_id": 1, &/'
same roberta
expect 0 sov-show --get bert.context_length folder
out_is 62
with 's/BertForMaskedLM/RobertaModel/; s/"tie_word/"pad_token_id": 63, &/'
expect 65 sov-quantize -q -t copy --force -o x.gguf folder
err_has pad_token_id

fresh modern-bert model. ""
same modern-bare
with 's/"gelu"/"silu"/'
limit=1e-8
same modern-silu
limit=1e-5
with 's/"tie_word/"global_attn_every_n_layers": 2, &/'
same modern-every-other
with 's/"local_attention": 4/"local_attention": 128/; s/"local_rope_theta": 1000,/"layer_types": ["full_attention", "sliding_attention", "sliding_attention", "full_attention", "sliding_attention"],/'
same modern-types
with 's/"global_rope_theta": [0-9]*,//; s/"local_rope_theta": [0-9]*,//; s/"tie_word/"rope_parameters": {"full_attention": {"rope_type": "default", "rope_theta": 80000.0}, "sliding_attention": {"rope_type": "default", "rope_theta": 500.0}}, &/'
same modern-5
with 's/"tie_word/"layer_types": ["full_attention", "full_attention"], &/'
refused layer_types
with 's/"tie_word/"norm_bias": true, &/'
refused norm_bias
fresh modern-bert model.layers.2.attn_norm model.layers.2.other_norm
expect 65 sov-quantize -q -t copy --force -o x.gguf folder
err_has "model.layers.2.attn_norm.weight is missing"

# ---- how states become one embedding

fresh qwen3
mkdir folder/1_Pooling
echo '{"pooling_mode_cls_token": false, "pooling_mode_lasttoken": true}' \
    >folder/1_Pooling/config.json
m='"type": "sentence_transformers.models'
echo "[{$m.Transformer\"}, {$m.Pooling\"}, {$m.Normalize\"}]" >folder/modules.json
expect 0 sov-show --get qwen3.pooling_type folder
out_is 3
echo "[{$m.Transformer\"}, {$m.Pooling\"}, {$m.Dense\"}]" >folder/modules.json
refused models.Dense
echo '[3]' >folder/modules.json
refused modules.json
rm folder/modules.json
echo '{"pooling_mode_max_tokens": true}' >folder/1_Pooling/config.json
refused pooling_mode_max_tokens
echo '{"pooling_mode_mean_tokens": true, "pooling_mode_cls_token": true}' \
    >folder/1_Pooling/config.json
refused "pooling_mode_mean_tokens and"

# ---- heads of another width, and none of their own

fresh llama # a head that nobody asks
with 's/"tie_word_embeddings": false/"tie_word_embeddings": true/'
same llama-tied
make "form=llama head=16"
with 's/LlamaFor/MistralFor/; s/"vocab_size"/"head_dim": 16, &/'
same mistral-head

# ---- Falcon's other forms

limit=1e-5
make "form=falcon-7b kv=2"
with 's/"new_decoder_architecture": false/"new_decoder_architecture": true, "num_ln_in_parallel_attn": 1/'
same falcon-11b
make "form=falcon-7b kv=4"
with 's/"multi_query": true/"multi_query": false/; s/"num_kv_heads": 4,//'
same falcon-many
for no in 's/"alibi": false/"alibi": true/' 's/"bias": false/"bias": true/' \
    's/"parallel_attn": true/"parallel_attn": false/'; do
    with "$no"
    refused "not supported, only"
done

# ---- what would be another network

fresh gpt2
with 's/"tie_word/"scale_attn_by_inverse_layer_idx": true, &/'
refused scale_attn_by_inverse_layer_idx
with 's/gelu_new/relu/'
refused relu
fresh nomic-bert
with 's/"tie_word/"moe_every_n_layers": 2, &/'
refused moe_every_n_layers
with 's/"tie_word/"rotary_emb_interleaved": true, &/'
refused rotary_emb_interleaved
fresh qwen2
with 's/"tie_word/"use_sliding_window": true, &/'
refused use_sliding_window
with 's/"tie_word/"layer_types": ["full_attention", "sliding_attention"], &/'
refused sliding_attention
fresh gemma2
with 's/"attn_logit_softcapping": [0-9.]*/"attn_logit_softcapping": null/'
refused attn_logit_softcapping
with 's/"tie_word/"partial_rotary_factor": 0.5, &/'
refused partial_rotary_factor
fresh phi3
with 's/"tie_word/"partial_rotary_factor": 0.75, &/'
same phi3-partial
fresh bert
with 's/"tie_word/"position_embedding_type": "relative_key", &/'
refused relative_key
fresh llama
for method in gptq awq bitsandbytes; do
    with "s/\"tie_word/\"quantization_config\": {\"quant_method\": \"$method\"}, &/"
    refused $method
done
with 's/LlamaFor/MambaFor/'
refused MambaForCausalLM
long=$(printf '%0300d' 0)
with "s/LlamaFor/$long/"
refused "is not supported"
with "s/\"silu\"/\"$long\"/"
refused "is not supported, only silu"

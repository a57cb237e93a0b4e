#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# experts - folders whose experts are tensors of their own, or whose weights are
# in 8 or 4 bits: what they become, and what is wrong with them
# shellcheck disable=SC2086 # options in variables
. "${top_srcdir:?}/tests/cli/lib.sh"
PATH=$top_builddir/tests/tools:$PATH

# folder FORM [OPTION]...: one of model.gguf
folder() {
    rm -rf folder
    mkdir folder
    mkpacked "$@" model.gguf folder
}

# same FORM FOLDER [-e]: it answers as a second program does that reads it, and
# so does what is made of it; that program rounds no activations (-e), which
# shows where weights are in few bits
same() {
    expect 0 reference "$1" 1e-8 "$2" 3 17 5 22 9 0 11 14 8 20
    cp out plain
    expect 0 answers ${3:-} "$1" plain "$2"
    cat out
    expect 0 sov-quantize -q -t copy -f -o same.gguf "$2"
    expect 0 answers ${3:-} "$1" plain same.gguf
}

# refused STATUS WORDS: the folder is, in one line, and nothing is left of it
refused() {
    expect "$1" sov-quantize -q -t q8_0 -o x.gguf folder
    err_has "$2"
    err_one_line
    [ -z "$(find . -name '*x.gguf*')" ] || fail "something is left: $2"
}

# config OLD NEW: in config.json of the folder
config() {
    sed "s/$1/$2/" folder/config.json >config
    cmp -s config folder/config.json && fail "config.json has no $1"
    cp config folder/config.json
}

# header OLD NEW: of the same length, in model.safetensors
header() {
    LC_ALL=C sed "s/$1/$2/" folder/model.safetensors >bytes
    cmp -s bytes folder/model.safetensors && fail "no $1 in it"
    cp bytes folder/model.safetensors
}

# ---- they are the model that they came from, and answer as it does

record=$top_srcdir/tests/data/arch.txt
for form in mixtral qwen3moe gpt-oss; do
    extra=$(sed -n "s/^form $form [^ ]* *\(.*\)/\1/p" "$record")
    expect 0 mkmodel form=$form $extra model.gguf
    expect 0 folder
    expect 0 answers $form "$record" folder
    cat out
    expect 0 sov-quantize -q -t f32 -f -o same.gguf folder
    expect 0 cmpmodel -k none. same.gguf model.gguf
    expect 0 answers $form "$record" same.gguf
done

# all experts of a layer in one tensor, as newer programs keep them
for form in mixtral qwen3moe; do
    extra=$(sed -n "s/^form $form [^ ]* *\(.*\)/\1/p" "$record")
    expect 0 mkmodel form=$form $extra model.gguf
    expect 0 folder fused=1
    same $form folder
    expect 0 answers $form "$record" folder
    expect 0 sov-quantize -q -t f32 -f -o same.gguf folder
    expect 0 cmpmodel -k none. same.gguf model.gguf
    header 'gate_up_proj":{"dtype":"F32"' 'gate_up_proj":{"dtype":"I32"'
    refused 69 "gate_up_proj has the type i32"
    expect 0 folder fused=1 leave=model.layers.1.mlp.experts.down_proj
    refused 65 "tensor model.layers.1.mlp.experts.down_proj is missing"
done
expect 0 folder fused=1
header 'gate_up_proj":{"dtype":"F32","shape":\[4,48,32\]' \
    'gate_up_proj":{"dtype":"F32","shape":[4,32,48]'
refused 65 "gate_up_proj is [4, 32, 48], not [4, 48, 32]"

# ---- 8 bits a weight: as the f32 numbers that they are

for form in llama qwen3 phi3 mixtral; do
    head=
    [ $form != qwen3 ] || head=head=16
    expect 0 mkmodel form=$form $head model.gguf
    for scales in 20x24 16x16 7x5 row all; do
        expect 0 folder fp8=$scales
        expect 0 sov-quantize -q -t copy -f -o packed.gguf folder
        expect 0 folder fp8=$scales plain=1
        expect 0 sov-quantize -q -t copy -f -o plain.gguf folder
        cmp packed.gguf plain.gguf || fail "$form, a scale for each $scales"
    done
    for scales in 20x24 row all; do
        expect 0 folder fp8=$scales
        same $form folder
        expect 0 folder fp8=$scales powers=1
        same $form folder
    done
done

# ---- 4 bits a weight: the same blocks

expect 0 mkmodel form=gpt-oss width=64 head=8 ffn=96 m.gguf
expect 0 sov-quantize -q -t copy --tensor-type '*_exps.weight=mxfp4' \
    --set gpt-oss.expert_feed_forward_length:u32=96 -f -o model.gguf m.gguf
expect 0 folder
expect 0 sov-quantize -q -t copy -f -o same.gguf folder
expect 0 cmpmodel -k gpt-oss. same.gguf model.gguf
expect 0 sov-show --get general.file_type same.gguf
out_is 38
cp -r folder four
same gpt-oss four -e

# ---- whatever is asked for, in whatever way

expect 0 mkmodel form=mixtral layers=4 width=64 ffn=128 m.gguf
mv m.gguf model.gguf
expect 0 folder fp8=20x24
for from in four folder; do
    for type in f16 q8_0 q4_0 mxfp4_moe; do
        expect 0 sov-quantize -q -t $type -j 1 -f -o one.gguf $from
        expect 0 sov-quantize -q -t $type -j 4 --max-memory 20M -f -o two.gguf \
            $from
        cmp one.gguf two.gguf || fail "$type of $from: other bytes"
        expect 0 sov-show --check two.gguf
    done
    expect 0 sov-quantize -q -t f32 -f -o whole.gguf $from
    expect 0 sov-quantize -q -t q8_0 -f -o one.gguf whole.gguf
    expect 0 sov-quantize -q -t q8_0 -f -o two.gguf $from
    expect 0 cmpmodel -k none. one.gguf two.gguf
done
tar cf folder.tar folder
expect 0 sov-quantize -q -t q8_0 -f -o one.gguf folder.tar
expect 0 sh -c 'cat folder.tar | sov-quantize -q -t q8_0 -f -o one.gguf -'
expect 0 cmpmodel -k none. one.gguf two.gguf

# --resume goes on where it was stopped, and sees that the model has changed
expect 0 sov-quantize -q -t f32 -f -o whole.gguf folder
expect 74 sh -c 'ulimit -f 300; trap "" XFSZ; exec "$@"' sh \
    sov-quantize -q -t f32 --resume -f -o part.gguf folder
[ "$(stat -c %s part.gguf.part.journal)" -gt 1000 ] || fail "no journal"
expect 0 sov-quantize -v -t f32 --resume -f -o part.gguf folder
cmp whole.gguf part.gguf || fail "--resume"
rm -f part.gguf*
expect 74 sh -c 'ulimit -f 300; trap "" XFSZ; exec "$@"' sh \
    sov-quantize -q -t f32 --resume -f -o part.gguf folder
expect 0 mkmodel form=mixtral layers=4 width=64 ffn=128 seed=7 model.gguf
expect 0 folder fp8=20x24
expect 0 sov-quantize -v -t f32 --resume -f -o part.gguf folder
err_has "the model has changed"
expect 0 sov-quantize -q -t f32 -f -o whole.gguf folder
cmp whole.gguf part.gguf || fail "--resume with another model"
rm -f part.gguf*

# what counts in each expert is found for the tensors that they become
expect 0 mkmodel form=mixtral layers=1 width=256 heads=8 head=32 ffn=256 \
    model.gguf
expect 0 mkstats model.gguf stats.gguf
expect 0 folder
expect 0 sov-quantize -q -t q4_k_m --stats stats.gguf -f -o one.gguf model.gguf
expect 0 sov-quantize -t q4_k_m --stats stats.gguf -f -o two.gguf folder
grep -q 'not in the statistics' err && fail "experts are not in the statistics"
expect 0 cmpmodel -k none. one.gguf two.gguf
expect 0 sov-quantize -q -t q4_k_m -f -o two.gguf folder
expect 1 cmpmodel -k none. one.gguf two.gguf

# experts in several files, and one of them is gone
expect 0 mkmodel form=mixtral layers=2 width=64 ffn=128 vocab=300 model.gguf
expect 0 sov-quantize -q -t copy --split-max-size 150K -o shards/ model.gguf
[ "$(find shards -name '*.safetensors' | wc -l)" -gt 4 ] || fail "no shards"
expect 0 sov-quantize -q -t copy -f -o same.gguf shards
expect 0 cmpmodel -k none. same.gguf model.gguf
mv shards/model-00003-of-*.safetensors gone
expect 66 sov-quantize -q -t q8_0 -o x.gguf shards
err_one_line
rm shards/model.safetensors.index.json
expect 65 sov-quantize -q -t q8_0 -o x.gguf shards
err_has "is missing"
err_one_line

# a signed history says what it was made from
XDG_CONFIG_HOME=$scratch/none
export XDG_CONFIG_HOME
sov-verify -q --keygen a --no-password
expect 0 sov-verify -q --adopt --sign-key a.key folder
expect 0 sov-quantize -q -t q8_0 --sign-key a.key -f -o one.gguf folder
expect 0 sov-verify --key a.pub one.gguf

# ---- and back: what is published so goes out so, or is refused

for form in mixtral qwen3moe; do
    extra=$(sed -n "s/^form $form [^ ]* *\(.*\)/\1/p" "$record")
    for type in f16 f32; do
        expect 0 mkmodel form=$form $extra vocab=300 type=$type model.gguf
        expect 0 sov-quantize -q -t copy -f -o back/ model.gguf
        expect 0 sov-quantize -q -t copy -f -o same.gguf back
        expect 0 cmpmodel -k none. same.gguf model.gguf
        expect 0 cmpmodel -k tokenizer. same.gguf model.gguf
    done
    expect 0 sov-quantize -q -t bf16 -f -o back/ model.gguf
    expect 0 sov-quantize -q -t bf16 -f -o one.gguf back
    expect 0 sov-quantize -q -t copy -f -o two.gguf back
    expect 0 cmpmodel -k none. one.gguf two.gguf
    expect 0 sov-quantize -q -t copy -f -o again/ back
    expect 0 cmpmodel back again
    expect 69 sov-quantize -q -t q8_0 -o no/ model.gguf
    expect 0 sov-quantize -q -t q8_0 -f -o one.gguf model.gguf
    expect 69 sov-quantize -q -t copy -o no/ one.gguf
done
expect 0 mkmodel form=gpt-oss width=64 head=8 ffn=96 vocab=300 m.gguf
expect 69 sov-quantize -q -t copy -o no/ m.gguf
err_has "mxfp4 only"
expect 0 sov-quantize -q -t copy --tensor-type '*_exps.weight=mxfp4' \
    --set gpt-oss.expert_feed_forward_length:u32=96 -f -o model.gguf m.gguf
expect 0 sov-quantize -q -t copy -f -o back/ model.gguf
expect 0 sov-quantize -q -t copy -f -o same.gguf back
expect 0 cmpmodel same.gguf model.gguf
same gpt-oss back -e
expect 69 sov-quantize -q -t bf16 -o no/ model.gguf
err_has "mxfp4 only"
[ ! -e no ] || fail "a folder of what was refused"

# ---- what is not there, or is not what it should be

expert=model.layers.1.block_sparse_moe.experts
expect 0 mkmodel form=mixtral model.gguf
expect 0 folder leave=$expert.2.w3.weight
refused 65 "tensor $expert.2.w3.weight is missing"
expect 0 folder
config '"num_local_experts": 4' '"num_local_experts": 5'
refused 65 "gate.weight is not a matrix [5, 32]"
config '"num_local_experts": 5' '"num_local_experts": 1025'
refused 65 "num_local_experts is 1025, not within 1 and 1024"
expect 0 folder
header 'experts.3.w1.weight' 'experts.4.w1.weight'
refused 65 "experts.3.w1.weight is missing"
expect 0 folder
config '"num_experts_per_tok": 2' '"num_experts_per_tok": 5'
refused 65 "num_experts_per_tok is 5, not within 1 and 4"
expect 0 folder
header 'experts.2.w2.weight":{"dtype":"F32","shape":\[32,48\]' \
    'experts.2.w2.weight":{"dtype":"F32","shape":[48,32]'
refused 65 "experts.2.w2.weight is [48, 32], not [32, 48]"
expect 0 folder
header 'experts.2.w2.weight":{"dtype":"F32"' 'experts.2.w2.weight":{"dtype":"I32"'
refused 65 "experts.2.w2.weight is i32, but"
expect 0 folder
head -c 90000 folder/model.safetensors >short
cp short folder/model.safetensors
expect 65 sov-quantize -q -t q8_0 -o x.gguf folder

expect 0 folder fp8=20x24 leave=$expert.2.w3.weight_scale_inv
refused 65 "experts.2.w3.weight is f8_e4m3 and has no scales"
expect 0 folder fp8=20x24 nan=$expert.3.w2.weight_scale_inv
refused 65 "experts.3.w2.weight_scale_inv: scale 1 is not a number"
expect 0 folder fp8=20x24 powers=1 nan=$expert.3.w2.weight_scale_inv
refused 65 "experts.3.w2.weight_scale_inv: scale 1 is not a number"
expect 0 folder fp8=20x24
config '\[20, 24\]' '[20, 12]'
refused 65 "weight_scale_inv has not a scale for each 20 x 12"
config '\[20, 12\]' '[20]'
refused 65 "weight_block_size is not two sizes"
config '"weight_block_size": \[20\]' '"other": 1'
refused 65 "weight_scale_inv has not a scale for each 1 x"
expect 0 folder fp8=20x24
config '"quantization_config"' '"some_config"'
refused 69 "has no quantization_config"
config '"some_config": {"quant_method": "fp8"' \
    '"quantization_config": {"quant_method": "gptq"'
refused 69 "quantized already (quantization_config: gptq)"
expect 0 folder fp8=20x24
header 'experts.2.w1.weight":{"dtype":"F8_E4M3"' \
    'experts.2.w1.weight":{"dtype":"F8_E5M2"'
refused 65 "experts.2.w1.weight is f8_e5m2, but"
expect 0 folder fp8=20x24
header '_inv":{"dtype":"F32","shape":\[2,2\]' '_inv":{"dtype":"F32","shape":[4,1]'
refused 65 "has not a scale for each 20 x 24"
expect 0 folder fp8=all
config '"num_bits": 8' '"num_bits": 4'
refused 69 "not of 8 bits"

expect 0 mkmodel form=qwen3moe ffn=24 model.gguf
expect 0 folder
config '"norm_topk_prob": true' '"norm_topk_prob": false'
refused 69 norm_topk_prob
config '"norm_topk_prob": false' '"mlp_only_layers": [1]'
refused 69 mlp_only_layers

experts=model.layers.0.mlp.experts
expect 0 sov-quantize -q -t copy -f -o model.gguf four
expect 0 folder leave=$experts.down_proj_scales
refused 65 "down_proj_scales is missing"
expect 0 folder nan=$experts.gate_up_proj_scales
refused 65 "gate_up_proj_scales: scale 1 is not a number"
expect 0 folder
header 'gate_up_proj_blocks":{"dtype":"U8","shape":\[4,192,2,16\]' \
    'gate_up_proj_blocks":{"dtype":"U8","shape":[4,384,1,16]'
refused 65 "gate_up_proj_blocks is [4, 384, 1, 16], not [4, 192, 2, 16]"
expect 0 folder
header 'gate_up_proj_scales":{"dtype":"U8","shape":\[4,192,2\]' \
    'gate_up_proj_scales":{"dtype":"U8","shape":[4,384,1]'
refused 65 "gate_up_proj_scales is [4, 384, 1], not [4, 192, 2]"
expect 0 folder
config '"sliding_window": 3' '"swiglu_limit": 5'
refused 69 "swiglu_limit"

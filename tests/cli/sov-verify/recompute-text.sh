#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# recompute-text - what was made by what goes through a model, once more, on
# another instruction set and with other threads
. "${top_srcdir:?}/tests/cli/lib.sh"

[ -e "$tale/config.json" ] || skip "models/tale is not here"
command -v jq >/dev/null || skip "no jq"
XDG_CONFIG_HOME=$scratch/none
export XDG_CONFIG_HOME
# shellcheck disable=SC2094 # another folder's
head -c 6000 "$top_srcdir/tests/data/dev.txt" >text
sov-verify -q --keygen k --no-password
expect 0 sov-quantize -q -t f16 -o f16.gguf "$tale"

# models so small that the generic kernels are fast enough
awk 'BEGIN { printf "[\"<unk>\",\"<s>\",\"</s>\""
    for (i = 0; i < 256; i++) printf ",\"<0x%02X>\"", i
    for (i = 259; i < 300; i++) printf ",\"t%d\"", i
    printf "]" }' >tokens
awk 'BEGIN { printf "[2,3,3"
    for (i = 0; i < 256; i++) printf ",6"
    for (i = 259; i < 300; i++) printf ",1"
    printf "]" }' >types
awk 'BEGIN { printf "[0"; for (i = 1; i < 300; i++) printf ",-%d", i; printf "]" }' >scores
for name in small tiny; do
    layers=3 ffn=512
    [ $name = small ] || layers=1 ffn=256
    "$top_builddir/tests/tools/mkmodel" layers=$layers width=256 ffn=$ffn \
        vocab=300 bare.gguf
    expect 0 sov-quantize -q -o $name.gguf \
        --set tokenizer.ggml.model:str=llama \
        --set tokenizer.ggml.tokens:str[]=@tokens \
        --set tokenizer.ggml.token_type:i32[]=@types \
        --set tokenizer.ggml.scores:f32[]=@scores bare.gguf
done

# one MODEL ISA ISA OPTION...: made on the one, made once more on the other
one() {
    _of=$1
    _first=$2
    _then=$3
    shift 3
    SOV_ISA=$_first expect 0 "$@" --calib text --calib-tokens 256 -q -j 1 \
        --sign-key k.key -fo x.gguf "$_of"
    SOV_ISA=$_then expect 0 sov-verify --key k.pub --recompute=3 -j 3 --json \
        --source "$_of" --source text x.gguf
    jq -e '.recomputed and .text_read and .compared == .tensors' out \
        >/dev/null || fail "$*"
}

# error feedback
one f16.gguf avx512 avx2 sov-quantize -t q4_k_m
jq -e '.statistics == "those of the text are what the claim says"' out \
    >/dev/null || fail "the statistics"
expect 69 sov-verify --key k.pub --recompute --source f16.gguf x.gguf
err_has "text (calibration) is missing"
expect 69 sov-verify --key k.pub --recompute --source f16.gguf --source k.pub \
    x.gguf
err_has "k.pub is nothing"
one tiny.gguf generic avx512 sov-quantize -t q4_k_m
one small.gguf avx2 avx512 sov-quantize --target-size 2M

# masks, and what makes up for them
one f16.gguf avx2 avx512 sov-prune --method wanda --ratio 0.5
one f16.gguf avx512 avx2 sov-prune --method sparsegpt --ratio 0.5
one tiny.gguf generic avx2 sov-prune --method wanda --ratio 0.5
one tiny.gguf avx512 generic sov-prune --method sparsegpt --pattern 2:4
one tiny.gguf generic avx512 sov-prune --method alps --ratio 0.5
one small.gguf avx512 avx2 sov-prune --method alps --pattern 4x2:4
one small.gguf avx2 avx512 sov-prune --method wanda --pattern 2:4 --heal
one small.gguf avx512 avx2 sov-prune --method wanda --ratio 0.4 --owl --dsnot
one small.gguf avx512 avx2 sov-prune --method sparsegpt --pattern 32:64 \
    --joint-bits 4

# shapes
for method in layers influence ffn heads hidden rotate; do
    one small.gguf avx512 avx2 sov-prune --method $method --ratio 0.34
done
one small.gguf avx2 avx512 sov-prune --method ffn --target-size 2500K
one small.gguf avx2 avx512 sov-prune --method ffn --speedup 1.2
one f16.gguf avx512 avx2 sov-prune --method vocab

# in two steps: the text to statistics, these to the tensors
SOV_ISA=avx512 expect 0 sov-quantize -q --calib text --calib-tokens 512 \
    --stats-out im.gguf --sign-key k.key f16.gguf
SOV_ISA=avx2 expect 0 sov-verify --key k.pub --recompute=all \
    --source f16.gguf --source text im.gguf
expect 0 sov-quantize -q -t q4_0 --stats im.gguf --sign-key k.key -o q.gguf \
    f16.gguf
SOV_ISA=avx2 expect 0 sov-verify --key k.pub --recompute=all --json \
    --source f16.gguf --stats im.gguf --source text q.gguf
jq -e '.statistics == "re-computed from the text: the same"' out >/dev/null ||
    fail "two steps"
expect 0 sov-verify --key k.pub --recompute=all --json \
    --source f16.gguf --stats im.gguf q.gguf
jq -e '.statistics | test("the text is not there")' out >/dev/null ||
    fail "one step"
expect 69 sov-verify --key k.pub --recompute=all --source f16.gguf \
    --source text q.gguf
err_has "im.gguf (imatrix) is missing"

# a folder in the form in which it would be published
expect 0 sov-quantize -q -t bf16 --format huggingface --sign-key k.key -o hf \
    f16.gguf
expect 0 sov-verify --key k.pub --recompute=all --source f16.gguf hf
expect 0 sov-quantize -q -t q8_0 --sign-key k.key -o q8.gguf hf
expect 0 sov-verify --key k.pub --recompute=all --source hf q8.gguf

# two models of one size: whichever is named first
"$top_builddir/tests/tools/mkmodel" layers=1 width=256 ffn=256 vocab=300 \
    seed=7 bare.gguf
expect 0 sov-quantize -q -o other.gguf \
    --set tokenizer.ggml.model:str=llama \
    --set tokenizer.ggml.tokens:str[]=@tokens \
    --set tokenizer.ggml.token_type:i32[]=@types \
    --set tokenizer.ggml.scores:f32[]=@scores bare.gguf
cmp -s tiny.gguf other.gguf && fail "one model twice"
[ "$(wc -c <tiny.gguf)" -eq "$(wc -c <other.gguf)" ] || fail "two sizes"
expect 0 sov-quantize -q --calib text --calib-tokens 256 --sign-key k.key \
    --stats-out other.stats other.gguf
expect 0 sov-quantize -q -t q4_k_m --stats other.stats --sign-key k.key \
    -fo x.gguf tiny.gguf
for order in "tiny other" "other tiny"; do
    expect 0 sov-verify --key k.pub --recompute=all --json --stats other.stats \
        --source "${order% *}.gguf" --source "${order#* }.gguf" \
        --source text x.gguf
    jq -e .recomputed out >/dev/null || fail "$order"
done
expect 69 sov-verify --key k.pub --recompute=all --source other.gguf \
    --source text --stats other.stats x.gguf
err_has "other.gguf is nothing that it was made from"

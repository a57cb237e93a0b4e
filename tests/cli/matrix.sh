#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# matrix - one digest for the logits of a model, on every way to them
#
# Threads x columns x parts are in logitsum; this is each of them on every
# instruction set.  All types, and all forms of keys and values, with
# SOV_SLOW=1.
. "${top_srcdir:?}/tests/cli/lib.sh"
PATH=$top_builddir/tests/tools:$PATH

isas='generic avx2 avxvnni avx512 avx512vbmi avx512bf16 neon'
types='q4_k_m q8_0 iq4_xs s32_64_q4 bf16 f16 f32'
forms=auto
if [ -n "${SOV_SLOW:-}" ]; then
    types="f32 f16 bf16 q4_0 q4_1 q5_0 q5_1 q8_0 q2_k q3_k_m q4_k_m q5_k_m
        q6_k iq1_s iq1_m iq2_xxs iq2_xs iq2_s iq3_xxs iq3_s iq4_nl iq4_xs
        tq1_0 tq2_0 mxfp4 s8_64_q4 s16_64_q4 s24_64_q4 s32_64_q4 s8_64_q8
        s16_64_q8 s24_64_q8 s32_64_q8"
    forms='auto f32 f16 bf16 q8'
fi

# all_alike NAME OPTION... MODEL: on all instruction sets
all_alike() {
    name=$1
    shift
    digest=
    for isa in $isas; do
        expect 0 env SOV_ISA="$isa" logitsum "$@"
        [ -n "$digest" ] || digest=$(cat "$scratch/out")
        [ "$(cat "$scratch/out")" = "$digest" ] ||
            fail "$name: other logits with SOV_ISA=$isa"
    done
    echo "$digest $name"
}

expect 0 mkmodel layers=2 width=256 heads=4 kv=2 ffn=512 vocab=256 small.gguf
for type in $types; do
    expect 0 sov-quantize -q --effort 1 -t "$type" -o "small.$type" small.gguf
    for form in $forms; do
        all_alike "small $type, keys in $form" -k "$form" "small.$type"
    done
    # generic f32 is slow, and all types come to it
    if [ -n "${SOV_SLOW:-}" ] || [ "$type" = q4_k_m ]; then
        all_alike "small $type, precise" -p "small.$type"
    fi
done

# the built-in model, on whose numbers more depends
for type in f16 q4_k_m; do
    expect 0 sov-quantize -q -t "$type" -o "tale.$type" "$tale"
    expect 0 logitsum "tale.$type"
    digest=$(cat out)
    expect 0 env SOV_ISA=generic logitsum -q "tale.$type"
    out_is "$digest"
    echo "$digest tale $type"
done

need_shared golden/arch
for name in llama llama31 llama-bias mixtral qwen2 qwen3 qwen3moe olmo2 \
    granite gemma2 gemma3 phi3 phi3-long falcon-7b falcon-40b gpt2 \
    starcoder2 gpt-oss gpt-oss-mxfp4; do
    all_alike "$name" "$shared/golden/arch/$name.gguf"
done

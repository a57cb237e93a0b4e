#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# trims - models of every architecture without some of their parts are those in
# which the parts are zero; and what no file of an architecture could say is
# refused
. "${top_srcdir:?}/tests/cli/lib.sh"
PATH=$top_builddir/tests/tools:$PATH

# refused WHAT FORM: can this never leave?
refused()
{
    case $1-$2 in
    experts-mixtral | experts-qwen3moe | experts-gpt-oss) return 1 ;;
    experts-*) return 0 ;;
    heads-olmo* | heads-falcon* | heads-gpt2 | heads-starcoder2) return 0 ;;
    heads-qwen2* | heads-phi3*) return 0 ;;
    hidden-gemma* | hidden-falcon* | hidden-gpt2 | hidden-starcoder2) return 0 ;;
    hidden-olmo* | hidden-qwen2* | hidden-phi3*) return 0 ;;
    esac
    return 1
}

grep '^form ' "$top_srcdir/tests/data/arch.txt" >forms
seen=0
while read -r _ form _ extra; do
    case $form in *bert* | *embed | modern-*) continue ;; esac
    kv=4
    [ "$form" = falcon-7b ] && kv=1
    for what in layers ffn heads hidden experts vocab; do
        # windows come in turns of up to six layers; errors grow with layers
        case $what in layers) layers=9 ;; hidden) layers=3 ;; *) layers=4 ;; esac
        # shellcheck disable=SC2086
        expect 0 mkmodel "form=$form" $extra layers=$layers vocab=300 kv=$kv \
            model.gguf
        for seed in 1 2; do
            want=0
            refused "$what" "$form" && want=2
            expect $want trims "$what" $seed model.gguf sliced.gguf masked.gguf
            seen=$((seen + 1))
        done
        [ "$want" -ne 0 ] || expect 0 sov-show sliced.gguf
    done
done <forms

# experts of quantized models, of every kind of type
for type in q8_0 q4_0 q4_k_m q2_k iq4_xs mxfp4; do
    expect 0 mkmodel experts=6 layers=2 width=256 ffn=256 vocab=300 model.gguf
    expect 0 sov-quantize -q -f --effort 1 -t $type -o small.gguf model.gguf
    expect 0 trims expert-bytes 7 small.gguf sliced.gguf none
done

[ $seen -ge 200 ] || fail "only $seen cuts"

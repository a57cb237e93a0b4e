#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# export - a folder as published, by way of GGUF, is the same folder: tensor by
# tensor the same bytes under the same names; and it answers as it did
. "${top_srcdir:?}/tests/cli/lib.sh"
PATH=$top_builddir/tests/tools:$PATH

record=$top_srcdir/tests/data/arch.txt

# there NAME: folder -> GGUF -> folder -> GGUF
there() {
    rm -rf there
    expect 0 sov-quantize -q -t copy --force -o first.gguf folder
    expect 0 sov-quantize -q -t copy -o there/ first.gguf
    cp folder/model.safetensors a.safetensors
    cp there/model.safetensors b.safetensors
    expect 0 cmpmodel -k none a.safetensors b.safetensors
    expect 0 sov-quantize -q -t copy --force -o second.gguf there
    cmp first.gguf second.gguf || fail "$1: another model"
}

for form in llama llama-bias llama-linear llama-yarn qwen2 qwen3 gemma2 gemma3 \
    phi3 phi3-long olmo2 olmo3 granite starcoder2 falcon-7b falcon-40b \
    gpt2 bert nomic-bert; do
    extra=$(sed -n "s/^form $form [^ ]* *\(.*\)/\1/p" "$record")
    rm -rf folder
    mkdir folder
    # shellcheck disable=SC2086
    expect 0 mkmodel "form=$form" $extra model.gguf
    case $form in # as their classes write them today
    gpt2) expect 0 mkhf model.gguf folder "" transformer. ;;
    bert) expect 0 mkhf model.gguf folder bert. "" ;;
    *) expect 0 mkhf model.gguf folder ;;
    esac
    there "$form"
    expect 0 answers "$form" "$record" there
    # the numbers by which a second program reads it
    limit=1e-8
    case $form in falcon* | bert) limit=1e-5 ;; esac # GELU by way of erf
    expect 0 reference "$form" "$limit" there 3 17 5 22 9 0 11 14 8 20
    cp out plain
    expect 0 answers "$form" plain folder
    cat out
    # in sixteen bits, of which vectors may be more than these hold
    for type in f16 bf16; do
        rm -rf half
        expect 0 sov-quantize -q -t $type -o half/ first.gguf
        cp -r half folder.$type
        rm -rf folder
        mv folder.$type folder
        there "$form, $type"
    done
done

# the rule of Llama 3.1, found again by its factors
for old in 8192 4096; do
    rm -rf folder
    mkdir folder
    expect 0 mkmodel form=llama head=32 model.gguf
    expect 0 mkhf model.gguf folder
    sed "s/\"tie_word/\"head_dim\": 32, \"rope_theta\": 500000.0, \"rope_scaling\": {\"rope_type\": \"llama3\", \"factor\": 32.0, \"low_freq_factor\": 1.0, \"high_freq_factor\": 4.0, \"original_max_position_embeddings\": $old}, &/" \
        folder/config.json >config
    mv config folder/config.json
    there "llama3 of $old"
    grep -q "\"original_max_position_embeddings\": $old" there/config.json ||
        fail "the old context of $old"
    expect 0 cmpmodel -k llama first.gguf second.gguf
done

# how states become one: the mean goes without a word, others have no place
rm -rf folder
mkdir -p folder/1_Pooling
expect 0 mkmodel form=bert kv=4 model.gguf
expect 0 mkhf model.gguf folder bert. ""
echo '{"pooling_mode_mean_tokens": true}' >folder/1_Pooling/config.json
there "the mean"
echo '{"pooling_mode_cls_token": true}' >folder/1_Pooling/config.json
expect 0 sov-quantize -q -t copy --force -o first.gguf folder
expect 69 sov-quantize -q -t copy -o no/ first.gguf
err_has pooling_type

# matrices with blocks do not turn
rm -rf folder
mkdir folder
expect 0 mkmodel form=gpt2 kv=4 model.gguf
expect 0 mkhf model.gguf folder
expect 0 sov-quantize -q -t q8_0 --force -o q8.gguf folder
expect 69 sov-quantize -q -t f16 -o no/ q8.gguf
err_has "cannot be turned"
[ ! -e no ] || fail "a folder in spite of an error"

# models by another program, where they are: the folder that is made of one is
# read by the plain program, which answers as we do of the file
golden=$top_srcdir/../shared/golden/arch
[ -d "$golden" ] || exit 0
for model in "$golden"/*.gguf; do
    name=$(basename "$model" .gguf)
    rm -rf there
    case $name in
    llama31) # factors that follow from no rule
        expect 69 sov-quantize -q -t copy -o there/ "$model"
        err_has rope_freqs
        continue
        ;;
    gpt-oss*) # with numbers that are published in no folder
        expect 69 sov-quantize -q -t copy -o there/ "$model"
        continue
        ;;
    esac
    ids=$(sed -n 's/.*"tokens":\[\([0-9,]*\)\].*/\1/p' "$golden/$name.json")
    limit=1e-8
    case $name in falcon* | bert) limit=1e-5 ;; esac # GELU by way of erf
    expect 0 sov-quantize -q -t copy -o there/ "$model"
    # shellcheck disable=SC2046
    expect 0 reference "$name" "$limit" there $(echo "$ids" | tr ',' ' ')
    cp out plain
    expect 0 answers "$name" plain "$model"
    cat out
done

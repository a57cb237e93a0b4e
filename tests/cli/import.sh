#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# import - a folder as published answers as stock llama.cpp does with the same
# model in GGUF, and as a second implementation does that reads the folder; what
# it is converted to answers so, too
. "${top_srcdir:?}/tests/cli/lib.sh"
PATH=$top_builddir/tests/tools:$PATH

record=$top_srcdir/tests/data/arch.txt
ids="3 17 5 22 9 0 11 14 8 20"
for form in llama llama-bias llama-linear llama-yarn qwen2 qwen3 gemma2 gemma3 \
    phi3 phi3-long olmo2 olmo3 granite starcoder2 falcon-7b falcon-40b gpt2 \
    bert nomic-bert modern-bert; do
    extra=$(sed -n "s/^form $form [^ ]* *\(.*\)/\1/p" "$record")
    rm -rf folder
    mkdir folder
    # shellcheck disable=SC2086
    expect 0 mkmodel "form=$form" $extra model.gguf
    expect 0 mkhf model.gguf folder
    expect 0 answers "$form" "$record" folder
    cat out
    limit=1e-8
    case $form in falcon* | bert | modern-bert) limit=1e-5 ;; esac # GELU by way of erf
    # shellcheck disable=SC2086
    expect 0 reference "$form" "$limit" folder $ids
    cp out plain
    expect 0 answers "$form" plain folder
    cat out
    expect 0 sov-quantize -q -t f32 --force -o converted.gguf folder
    expect 0 answers "$form" "$record" converted.gguf
done

# tied without a word about it, as Gemma is published; a head that is there
expect 0 mkmodel form=gemma2 head=16 layers=3 model.gguf
rm -rf folder
mkdir folder
expect 0 mkhf model.gguf folder
sed 's/, "tie_word_embeddings": true//' folder/config.json >config
cp config folder/config.json
expect 0 answers gemma2 "$record" folder

# numbers that would make it another model
sed 's/"query_pre_attn_scalar": 16/"query_pre_attn_scalar": 32/' config \
    >folder/config.json
expect 69 sov-quantize -q -t f32 --force -o x.gguf folder
err_has query_pre_attn_scalar
sed 's/gelu_pytorch_tanh/relu/' config >folder/config.json
expect 69 sov-quantize -q -t f32 --force -o x.gguf folder
err_has relu

# how states become one embedding stands in a folder of its own
expect 0 mkmodel form=bert kv=4 model.gguf
rm -rf folder
mkdir -p folder/1_Pooling
expect 0 mkhf model.gguf folder
echo '{"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false}' \
    >folder/1_Pooling/config.json
expect 0 sov-show --get bert.pooling_type folder
out_is 2
echo '[]' >folder/1_Pooling/config.json
expect 65 sov-quantize -q -t f32 --force -o x.gguf folder
err_has 1_Pooling

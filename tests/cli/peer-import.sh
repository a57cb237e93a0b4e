#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# peer-import - what is made of a published folder of each architecture runs in
# stock llama.cpp, and goes on as a second implementation does that reads the
# folder
#
# SOV_PEER names a folder with node-llama-cpp in node_modules.  Encoders do not
# go on; import.sh compares their states with the peer's.
. "${top_srcdir:?}/tests/cli/lib.sh"
PATH=$top_builddir/tests/tools:$PATH

[ -n "${SOV_PEER:-}" ] || skip "SOV_PEER is not set"
[ -d "$SOV_PEER/node_modules" ] || skip "no node_modules in $SOV_PEER"
command -v node >/dev/null || skip "no node"

ids="3 17 5 22 9 0 11 14 8 20"
record=$top_srcdir/tests/data/arch.txt
# judge NAME: what is to come after each id, by the plain program; and the file
judge() {
    expect 0 sov-quantize -q -t f32 -o "$1.gguf" folder
    # shellcheck disable=SC2086
    expect 0 reference "$1" 0 folder $ids
    awk -v name="$1.gguf" 'NR > 2 {
        best = 1
        for (i = 2; i <= NF; i++)
            if ($i + 0 > $best + 0)
                best = i
        line = line " " best - 1
    }
    END { print name line }' out >>want
}

for form in llama llama-bias llama-linear llama-yarn qwen2 qwen3 gemma2 gemma3 \
    phi3 phi3-long olmo2 olmo3 granite starcoder2 falcon-7b falcon-40b gpt2; do
    extra=$(sed -n "s/^form $form [^ ]* *\(.*\)/\1/p" "$record")
    rm -rf folder
    mkdir folder
    # shellcheck disable=SC2086
    expect 0 mkmodel "form=$form" $extra vocab=280 model
    expect 0 mkhf model folder
    judge "$form"
done

# experts, each a tensor of its own or all in one, and weights in 8 bits
for form in mixtral qwen3moe gpt-oss llama-fp8; do
    packed=
    # scales by which no two tokens are the best within what halves tell apart
    [ $form != llama-fp8 ] || packed=fp8=20x24
    extra=$(sed -n "s/^form $form [^ ]* *\(.*\)/\1/p" "$record")
    rm -rf folder
    mkdir folder
    # shellcheck disable=SC2086
    expect 0 mkmodel "form=${form%-fp8}" $extra vocab=280 model
    # shellcheck disable=SC2086
    expect 0 mkpacked $packed model folder
    judge "$form"
done

# positions that are stretched
rm -rf folder
mkdir folder
expect 0 mkmodel form=llama vocab=280 model
expect 0 mkhf model folder
cp folder/config.json usual
i=0
old='"original_max_position_embeddings": 16'
for rope in \
    '"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0' \
    '"rope_type": "yarn", "factor": 4.0, "beta_fast": 8, "beta_slow": 2, "attention_factor": 1.5' \
    '"rope_type": "yarn", "factor": 4.0, "mscale": 1.0, "mscale_all_dim": 1.0'; do
    i=$((i + 1))
    sed "s/\"tie_word/\"rope_scaling\": {$rope, $old}, &/" usual >folder/config.json
    judge "stretched-$i"
done
node "$top_srcdir/tests/cli/peer-import.mjs" "$SOV_PEER" "$(echo "$ids" | tr ' ' ,)" \
    ./*.gguf >got 2>errors || {
    cat got errors
    fail "the peer"
}
sort want >a
sort got >b
diff a b || fail "the peer goes on otherwise"
cat b

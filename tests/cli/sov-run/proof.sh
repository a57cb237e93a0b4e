#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# proof - sov-run --proof: one digest that anyone can make again
. "${top_srcdir:?}/tests/cli/lib.sh"
PATH=$top_builddir/tests/tools:$PATH
SOV_DATADIR=$top_srcdir
export SOV_DATADIR

# proof ARGUMENT...: that of an answer
proof() {
    { sov-run --proof "$@" >/dev/null; } 2>&1
}
expect 0 mkmodel m.gguf

expect 0 sov-run -p 'Once upon a time' --seed 5 -n 20
mv out text
expect 0 sov-run -p 'Once upon a time' --seed 5 -n 20 --proof
cmp out text || fail "another answer"
err_one_line
mv err want
grep -qx 'sov-proof-v1:[0-9a-f]\{64\}' want || fail "form"

# on any number of threads, with any instruction set, and as JSON
for j in 1 2 3; do
    [ "$(proof -j "$j" -p 'Once upon a time' --seed 5 -n 20)" = "$(cat want)" ] ||
        fail "-j $j"
done
for isa in generic avx2 avx512 avx512vbmi avx512bf16 neon; do
    [ "$(SOV_ISA=$isa proof -p 'Once upon a time' --seed 5 -n 20)" = \
        "$(cat want)" ] || fail "SOV_ISA=$isa"
done
expect 0 sov-run -p 'Once upon a time' --seed 5 -n 20 --proof --json
out_has "\"proof\":\"$(cat want)\"}"
err_empty
printf 'Once upon a time\n' >prompt
[ "$(proof prompt --seed 5 -n 20)" = "$(cat want)" ] || fail "from a file"

# by hand: the text that the man page describes
expect 0 sov-run --tokenize --parse-special -p '<s>Once upon a time'
sed 's/.*\[//; s/\].*//; s/,/ /g' out >prompt-ids
expect 0 sov-run -p 'Once upon a time' --seed 5 -n 20 --echo
expect 0 sov-run --tokenize -p "$(cat out)"
sed 's/.*\[//; s/\].*//; s/,/ /g' out >all-ids
n=$(wc -w <prompt-ids)
# shellcheck disable=SC2046
set -- $(cat all-ids)
shift "$((n - 1))"
[ $# -eq 20 ] || skip "the answer's text has other ids than the answer"
{
    echo 'urn:sov:proof:v1'
    (
        cd "$tale"
        for f in config.json model.safetensors tokenizer.model \
            tokenizer_config.json; do
            echo "model $(hashsum verity $f | cut -d' ' -f1)" \
                "$(wc -c <$f) $f"
        done
    )
    echo 'activations rounded kv q8'
    echo 'sampler temp 0.800000012 top_k 0 top_p 0.949999988' \
        'min_p 0.0500000007 repeat_penalty 1 repeat_last 0 seed 5'
    echo "prompt $n $(cat prompt-ids)"
    echo "answer 20 $*"
} >byhand
[ "sov-proof-v1:$(sha256sum byhand | cut -d' ' -f1)" = "$(cat want)" ] || {
    cat byhand
    fail "not what the man page says"
}

# yes and no
expect 0 sov-run -p 'Once upon a time' --seed 5 -n 20 \
    --verify-proof "$(cat want)"
cmp out text || fail "another answer"
err_empty
expect 1 sov-run -p 'Once upon a time' --seed 6 -n 20 \
    --verify-proof "$(cat want)"
err_has 'the proof of this answer is another one: sov-proof-v1:'
err_one_line
expect 64 sov-run -p Once --verify-proof sov-proof-v1:abc
expect 64 sov-run -p Once --verify-proof "$(tr 0-9 A-J <want)"
expect 64 sov-run --embed -p Once --proof
expect 64 sov-run --tokenize -p Once --proof
expect 64 sov-run -p Once --meter
expect 64 sov-run --jsonl prompt --verify-proof "$(cat want)"

# of many requests each has the one that it gets alone
awk 'BEGIN {
    for (i = 1; i <= 12; i++) {
        p = "Once upon a time there was a " (i % 3 ? "king" : "fox")
        printf "{\"id\":%d,\"prompt\":\"%s\",\"max_tokens\":%d,\"seed\":%d}\n",
            i, p, i + 5, i >"lines"
        printf "proof --ctx 256 -p \047%s\047 -n %d --seed %d\n",
            p, i + 5, i >"commands"
    }
}'
# shellcheck disable=SC1091
. ./commands >alone
many() {
    sov-run --jsonl --ctx 256 --proof "$@" lines |
        sed -n 's/.*"proof":"\(sov-proof-v1:[0-9a-f]*\)"}$/\1/p' >got
    cmp got alone || fail "proofs of many: $*"
}
[ "$(sort -u alone | wc -l)" -eq 12 ] || fail "not 12 proofs"
for batch in 1 3 8; do
    many --batch "$batch"
done
for j in 1 2 3; do
    many -j "$j" --batch 8
done
for isa in generic avx2 avx512 avx512vbmi avx512bf16 neon; do
    SOV_ISA=$isa many
done

# what decides about an answer is in it, and the rest not
run() {
    proof -m m.gguf --input-ids ids -n 8 "$@"
}
echo '[1, 5, 9, 200]' >ids
run --temp 0 >want
[ "$(run --temp 0 --seed 9 --top-k 7 --min-p 0.5)" = "$(cat want)" ] ||
    fail "greedy is greedy"
[ "$(run --temp 0 -n 8 --ctx 64)" = "$(cat want)" ] || fail "--ctx"
cp m.gguf other.gguf
[ "$(proof -m other.gguf --input-ids ids -n 8 --temp 0)" = "$(cat want)" ] ||
    fail "a model by another name"
[ "$(proof -m - --input-ids ids -n 8 --temp 0 <m.gguf)" = "$(cat want)" ] ||
    fail "a model from a pipe"
expect 0 mklora m.gguf lora.gguf
{
    cat want
    run --temp 0 --precise
    run --temp 0 --kv f32
    run --temp 0 --kv f16
    run --temp 0 -n 7
    run --temp 0 --repeat-penalty 1.5
    run --temp 0 --lora lora.gguf
    run --temp 0 --lora lora.gguf:0.5
    run --seed 1
    run --seed 2
    run --seed 1 --top-k 1
    echo '[1, 5, 9, 201]' >ids
    run --temp 0
    mkmodel seed=2 m.gguf
    run --temp 0
} >all
[ "$(sort -u all | wc -l)" -eq "$(wc -l <all)" ] || {
    cat all
    fail "two of them are the same"
}
[ "$(wc -l <all)" -eq 13 ] || fail "not all have one"

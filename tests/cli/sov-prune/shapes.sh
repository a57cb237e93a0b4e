#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shapes - layers, heads, channels, tokens and experts leave
# shellcheck disable=SC2086 # options in words
. "${top_srcdir:?}/tests/cli/lib.sh"

command -v jq >/dev/null || skip "no jq"
tools=$top_builddir/tests/tools
expect 0 sov-quantize -q -t f16 -o tale.gguf "$tale"
head -c 12000 "$top_srcdir/tests/data/dev.txt" >text
trim="sov-prune --calib text --calib-tokens 256"

# the same bytes for any threads and instructions, and a model that runs
for what in "layers 0.34" "influence 0.34" "width 0.25" "ffn 0.3" "heads 0.5" \
    "hidden 0.25" "rotate 0.25"; do
    method=${what% *}
    expect 0 $trim -j 1 --method "$method" --ratio "${what#* }" \
        -o "$method.gguf" tale.gguf
    SOV_ISA=generic expect 0 $trim -j 3 --method "$method" \
        --ratio "${what#* }" -fo again.gguf tale.gguf
    cmp "$method.gguf" again.gguf || fail "$method: other bytes"
    [ "$(wc -c <"$method.gguf")" -lt "$(wc -c <tale.gguf)" ] ||
        fail "$method: no smaller"
    expect 0 sov-quantize -q -t q4_k_m -fo small.gguf "$method.gguf"
    sov-run -m small.gguf --perplexity text >ppl.json ||
        fail "$method: does not run"
    jq -e '.nll > 1 and .nll < 12' ppl.json >/dev/null ||
        fail "$method: $(cat ppl.json)"
done

# channels that say little are few bits
nll() {
    sov-run -m "$1" --perplexity text | jq .nll
}
echo "$(nll tale.gguf) $(nll ffn.gguf) $(nll layers.gguf)" | awk '
    !($1 < $2 && $1 < $3 && $3 < $1 + 3) { exit 1 }' || fail "too much is lost"
# and directions fewer than channels
echo "$(nll rotate.gguf) $(nll hidden.gguf)" | awk '
    !($1 + 0.2 < $2) { exit 1 }' || fail "a rotation gains nothing"
sov-show ffn.gguf | grep -q 'ffn_down.bias' || fail "no biases"

# statistics of a file do for channels and heads, of which no means are known
expect 0 sov-quantize -q --calib text --calib-tokens 512 --stats-out im.gguf \
    tale.gguf
expect 0 sov-prune -v --stats im.gguf --method ffn --ratio 0.3 -o s.gguf tale.gguf
err_has "no biases make up"

# a size is kept, and the next larger share is the smallest that does
for size in 10M 8M 6500000; do
    expect 0 $trim --method width --target-size $size --json -fo t.gguf tale.gguf
    bytes=$(jq .bytes out)
    case $size in *M) most=$((${size%M} * 1000000)) ;; *) most=$size ;; esac
    [ "$bytes" -le "$most" ] || fail "$bytes bytes for $size"
    [ "$bytes" -gt $((most * 85 / 100)) ] || fail "only $bytes bytes for $size"
    [ "$bytes" -eq "$(wc -c <t.gguf)" ] || fail "another size than planned"
done

# a model in a pipe
# shellcheck disable=SC2002
cat tale.gguf | $trim -q --method heads --ratio 0.5 -o - - | cmp - heads.gguf ||
    fail "other bytes through pipes"

# tokens: the text becomes as many as before, each foretold among fewer
expect 0 sov-prune --method vocab --calib text -o vocab.gguf tale.gguf
err_empty
sov-run -m tale.gguf --perplexity text >whole.json
sov-run -m vocab.gguf --perplexity text >less.json
jq -se '.[0].tokens == .[1].tokens and .[0].nll > .[1].nll and
    .[0].nll < .[1].nll + 0.5' whole.json less.json >/dev/null ||
    fail "$(cat whole.json less.json)"
expect 0 sov-quantize -q -t q4_k_m -fo small.gguf vocab.gguf
sov-run -m small.gguf --perplexity text >/dev/null || fail "vocab: does not run"

# experts, also of quantized models: those that stay keep their bytes
expect 0 "$tools/mkmodel" layers=3 width=256 ffn=256 vocab=300 experts=8 moe.gguf
expect 0 sov-quantize -q -t q4_k_m -o q4.gguf moe.gguf
for m in moe q4; do
    expect 0 sov-prune --calib text --calib-tokens 512 --method experts \
        --ratio 0.5 -fo e.gguf $m.gguf
    expect 0 sov-show --json e.gguf
    sov-show e.gguf | grep -q 'expert_count *4$' || fail "no four experts"
    for isa in generic avx2; do
        SOV_ISA=$isa expect 0 sov-prune --calib text --calib-tokens 512 -j 3 \
            --method experts --ratio 0.5 -fo again.gguf $m.gguf
        cmp e.gguf again.gguf || fail "experts: other bytes by $isa"
    done
done

# what cannot be
expect 65 sov-prune --calib text --method layers --ratio 0.5 -o x.gguf /dev/null
while read -r status word args; do
    expect "$status" sov-prune --calib text -o x.gguf $args
    err_has "$(echo "$word" | tr _ ' ')"
    err_one_line
    [ ! -e x.gguf ] || fail "an output of nothing: $args"
done <<'END'
64 stay --method layers --ratio 0.1 tale.gguf
64 how_much_shall_go --method layers tale.gguf
64 neither_ratio_nor_size --method vocab --ratio 0.5 tale.gguf
64 give_one --method ffn --ratio 0.5 --target-size 1M tale.gguf
64 zeros_take_as_many --method wanda --target-size 1M tale.gguf
64 as_a_whole --method heads --pattern 2:4 tale.gguf
64 no_plan --method heads --ratio 0.5 --tensor-ratio *=0.5 tale.gguf
69 at_the_least --method width --target-size 100k tale.gguf
69 no_experts --method experts --ratio 0.5 tale.gguf
69 whole_blocks --method heads --ratio 0.5 q4.gguf
END
expect 64 sov-prune --method layers --ratio 0.5 -o x.gguf tale.gguf
err_has "--calib TEXT is missing"

# turned, the numbers of a row may come together in one that halves do not hold
bytes=$(sov-show --json tale.gguf | jq .tensor_bytes)
cp tale.gguf hot.gguf
i=0
while [ $i -lt 256 ]; do
    printf '\377\173' # 65504
    i=$((i + 1))
done | dd of=hot.gguf bs=1 conv=notrunc status=none \
    seek=$(($(wc -c <hot.gguf) - bytes + 4095 * 512))
expect 69 $trim -q --method rotate --ratio 0.25 -o x.gguf hot.gguf
err_has "token_embd.weight: row 4095 is not finite, or more than f16 holds"
err_one_line
expect 0 sov-quantize -q -t f32 -o hot32.gguf hot.gguf
expect 0 $trim -q --method rotate --ratio 0.25 -o warm.gguf hot32.gguf

# what turning takes counts, and a calibration has the rest
expect 0 $trim -q --method hidden --ratio 0.25 --max-memory 8M -fo y.gguf tale.gguf
expect 71 $trim -q --method rotate --ratio 0.25 --max-memory 8M -o x.gguf \
    tale.gguf
err_has "MB for directions"
expect 71 $trim -q --method rotate --ratio 0.25 --max-memory 2M -o x.gguf \
    tale.gguf
err_has "turning a stream of 256 channels needs"
expect 0 $trim -q --method rotate --ratio 0.25 --max-memory 20M -fo y.gguf tale.gguf
cmp y.gguf rotate.gguf || fail "other bytes with less memory"
[ ! -e x.gguf ] || fail "an output after a refusal"

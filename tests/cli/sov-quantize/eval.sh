#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# eval - what the output lost, measured on a text
. "${top_srcdir:?}/tests/cli/lib.sh"

[ -e "$tale/config.json" ] || skip "models/tale is not here"
head -c 9000 "$top_srcdir/tests/data/dev.txt" >text
expect 0 sov-quantize -q -t f16 -o f16.gguf "$tale"

# value KEY: of the last report
value() {
    sed -n "s/.*\"$1\":\([^,}]*\).*/\1/p" out
}

# near A B TOLERANCE: relative
near() {
    awk -v a="$1" -v b="$2" -v t="$3" 'BEGIN {
        d = a > b ? a - b : b - a
        exit !(a != "" && b != "" && d <= t * (b < 0 ? -b : b))
    }' || fail "$1 is not near $2"
}

# as text, and as JSON; tests/tools/kld has the same windows but for BOS, which
# it puts over the first token
expect 0 sov-quantize -q -t q4_k_s --eval text --eval-ctx 128 \
    --eval-base-out base -o a.gguf f16.gguf
for line in perplexity '  of the source' '  ln of their ratio' divergence \
    '  median, 90 %, 99 %, most' 'same likeliest token' \
    'shift of probability' 'windows of text' 'tokens scored'; do
    out_has "$line"
done
grep -q '^divergence .* +/- .* (.* to .*) nats$' out || fail "no interval"
expect 0 sov-quantize -q -t q4_k_s --eval text --eval-ctx 128 --json \
    -fo a.gguf f16.gguf
cp out first
kld=$(value kld)
windows=$(value windows)
[ "$(value tokens)" -eq $((windows * 63)) ] || fail "tokens of a window"
"$top_builddir/tests/tools/kld" -c 128 text f16.gguf a.gguf >theirs
near "$kld" "$(cut -d' ' -f2 theirs)" 0.05
near "$(value ppl)" "$(cut -d' ' -f3 theirs)" 0.05
awk -v k="$kld" -v lo="$(value kld_low)" -v hi="$(value kld_high)" \
    'BEGIN { exit !(0 < lo && lo < k && k < hi) }' || fail "the interval"

# threads, and where text and model come from, are of no matter
expect 0 sov-quantize -q -j 1 -t q4_k_s --eval text --eval-ctx 128 --json \
    -fo a.gguf f16.gguf
[ "$(value kld)" = "$kld" ] || fail "another figure with one thread"
expect 0 sov-quantize -q -t q4_k_s --eval - --eval-ctx 128 --json \
    -fo a.gguf f16.gguf <text
[ "$(value kld)" = "$kld" ] || fail "another figure from standard input"
# shellcheck disable=SC2002
cat f16.gguf | sov-quantize -q -t q4_k_s --eval text --eval-ctx 128 --json \
    -fo b.gguf - >out || fail "a model in a pipe"
[ "$(value kld)" = "$kld" ] || fail "another figure of a model in a pipe"
cmp a.gguf b.gguf || fail "another model from a pipe"
for out in a.tar split; do
    set -- -o $out
    [ $out = a.tar ] || set -- --split-max-size 2M -o split.gguf
    expect 0 sov-quantize -q -t q4_k_s --eval text --eval-ctx 128 --json "$@" \
        f16.gguf
    [ "$(value kld)" = "$kld" ] || fail "another figure of $out"
done
expect 0 sov-quantize -q -t f16 --eval text --eval-ctx 128 --json -o folder/ \
    f16.gguf
[ "$(value kld)/$(value same_top)" = 0.0/1.0 ] || fail "a copy that differs"

# the base in a file: as large as it has to be, and good for nearly the same
size=$(wc -c <base)
vocab=$(od -An -tu4 -j12 -N4 base | tr -d ' ')
row=$((2 * ((vocab + 1) / 2 * 2 + 4)))
[ "$size" -eq $((20 + windows * (128 * 4 + 63 * row))) ] ||
    fail "base has $size bytes"
expect 0 sov-quantize -q -t q4_k_s --eval-base base --json -fo b.gguf f16.gguf
cmp a.gguf b.gguf || fail "another model with --eval-base"
near "$(value kld)" "$kld" 0.002
near "$(value base_ppl)" "$(sed -n 's/.*"base_ppl":\([^,}]*\).*/\1/p' first)" \
    0.0002
expect 0 sov-quantize -q -t q4_k_s --eval-base - --json -fo b.gguf f16.gguf \
    <base
near "$(value kld)" "$kld" 0.002
head -c 1000 base >short
expect 65 sov-quantize -q -t q4_k_s --eval-base short -o none.gguf f16.gguf
err_one_line
err_has "short: has 980 bytes behind its head"
expect 65 sov-quantize -q -t q4_k_s --eval-base text -o none.gguf f16.gguf
err_has 'text: does not begin with "_logits_"'

# an adapter belongs to what is compared with
"$top_builddir/tests/tools/mklora" size=0.05 f16.gguf lora.gguf
expect 0 sov-quantize -q -t f16 --lora lora.gguf --eval text --eval-ctx 128 \
    --json -fo b.gguf f16.gguf
merged=$(value kld)
cp b.gguf merged.gguf
expect 0 sov-quantize -q -t f16 --eval-base base --json -fo b.gguf merged.gguf
awk -v m="$merged" -v k="$(value kld)" 'BEGIN { exit !(m < k / 10) }' ||
    fail "with an adapter $merged, beside the source without it $(value kld)"

# it is an input of the rule; no output may be one
expect 0 sov-quantize -q -t q8_0 --eval text --eval-ctx 128 --depfile d \
    -fo b.gguf f16.gguf
grep -q text d || fail "make does not know of the text"
expect 73 sov-quantize -q -t q8_0 --eval text --eval-ctx 128 -fo text f16.gguf
expect 73 sov-quantize -q -t q8_0 --eval text --eval-ctx 128 \
    --eval-base-out f16.gguf -fo b.gguf f16.gguf
expect 73 sov-quantize -q -t q8_0 --eval text --eval-ctx 128 \
    --eval-base-out base -o none.gguf f16.gguf
[ ! -e none.gguf ] || fail "left an output"

# refused before anything is written
refused() {
    want=$1
    why=$2
    shift 2
    expect "$want" sov-quantize -q -t q4_k_s "$@"
    err_one_line
    err_has "$why"
    [ ! -e none.gguf ] || fail "left an output"
}
refused 64 "cannot be standard output" --eval text -o - f16.gguf
refused 64 "cannot be standard output" --eval text -o /dev/stdout f16.gguf
refused 64 "standard input is the model" --eval - -o none.gguf - <f16.gguf
refused 64 "standard input is the statistics" --eval - --stats - \
    -o none.gguf f16.gguf <text
refused 64 "give it or --eval" --eval text --eval-base base -o none.gguf \
    f16.gguf
refused 64 "--eval TEXT is missing" --eval-base-out b -o none.gguf f16.gguf
refused 64 "--eval TEXT is missing" --eval-ctx 64 -o none.gguf f16.gguf
refused 64 "not --eval-ctx" --eval-ctx 64 --eval-base base -o none.gguf f16.gguf
refused 64 "standard output has the figures" --eval text --eval-base-out - \
    -o none.gguf f16.gguf
refused 66 "--eval: " --eval nowhere -o none.gguf f16.gguf
refused 65 "give more text, or a smaller --eval-ctx" --eval text \
    --eval-ctx 16384 -o none.gguf f16.gguf
refused 64 "--eval-ctx" --eval text --eval-ctx 2 -o none.gguf f16.gguf
expect 64 sov-quantize -q -t f16 --eval text -o none.safetensors f16.gguf
err_has "cannot run"
expect 0 sov-quantize -q -t copy --unset 'tokenizer.*' -o plain.gguf f16.gguf
refused 65 "--eval" --eval text -o none.gguf plain.gguf

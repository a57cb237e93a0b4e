#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# stats - what enters the matrices: imatrix, text, experts
. "${top_srcdir:?}/tests/cli/lib.sh"

command -v jq >/dev/null || skip "no jq"
tools=$top_builddir/tests/tools
"$tools/mkmodel" layers=2 width=256 ffn=256 vocab=64 experts=4 m.gguf
"$tools/mkstats" m.gguf im.gguf
"$tools/mkstats" form=dat m.gguf im.dat

# it matters, and form, names, pipes and threads do not
expect 0 sov-prune --method magnitude --ratio 0.5 -o plain.gguf m.gguf
expect 0 sov-prune --stats im.gguf --ratio 0.5 -o a.gguf m.gguf
err_empty
cmp -s plain.gguf a.gguf && fail "nothing changed"
for n in 1 3; do
    expect 0 sov-prune -j $n --stats im.dat --ratio 0.5 -fo b.gguf m.gguf
    cmp a.gguf b.gguf || fail "the older form says something else"
done
expect 0 sov-prune --stats - --ratio 0.5 -fo b.gguf m.gguf <im.gguf
cmp a.gguf b.gguf || fail "other bytes through standard input"
# shellcheck disable=SC2002
cat m.gguf | sov-prune --method wanda --stats im.gguf --ratio 0.5 -o - - |
    cmp - a.gguf || fail "other bytes of a model in a pipe"
SOV_ISA=generic expect 0 sov-prune --stats im.gguf --ratio 0.5 -fo b.gguf m.gguf
cmp a.gguf b.gguf || fail "other bytes with other instructions"

# a power of two in all sums changes no choice
"$tools/mkstats" scale=0x1p-20 m.gguf scaled.gguf
expect 0 sov-prune --stats scaled.gguf --ratio 0.5 -fo b.gguf m.gguf
cmp a.gguf b.gguf || fail "scaled"

# each expert is pruned by what it saw, and one that saw nothing by magnitude
"$tools/mkstats" unseen=blk.0.ffn_up_exps.weight:1 m.gguf un.gguf
expect 0 sov-prune --stats un.gguf --ratio 0.5 --json -fo b.gguf m.gguf
err_has "1 experts saw nothing (number 1 of blk.0.ffn_up_exps.weight)"
out_has '"stats_unseen":1'
[ "$("$tools/cmpmodel" a.gguf b.gguf | grep -c ffn_up_exps)" -eq 1 ] ||
    fail "the expert is pruned the same"
cmp -l a.gguf b.gguf | awk '
    NR == 1 { first = $1 }
    END { print NR, $1 - first }' >span
read -r changed wide <span
[ "$changed" -gt 1000 ] || fail "$changed bytes of expert 1 changed"
[ "$wide" -le 131072 ] || fail "another expert changed: $wide"

# inputs that never come: their weights go first
"$tools/mkmodel" layers=2 width=256 ffn=256 vocab=64 dense.gguf
"$tools/mkstats" zero=attn_q dense.gguf zero.gguf
expect 0 sov-prune --stats zero.gguf --ratio 0.5 --json -fo b.gguf dense.gguf
jq -e '.tensors[] | select(.name == "blk.0.attn_q.weight") |
    .weighed_error == 0 and .error > 0.3' out >/dev/null ||
    fail "weights of inputs that never come stayed"

# what fits, what does not
"$tools/mkstats" skip=attn_q extra=blk.9.attn_q.weight m.gguf part.gguf
expect 0 sov-prune --stats part.gguf --ratio 0.5 --json -fo b.gguf m.gguf
out_has '"stats_used":12,"stats_missing":2,"stats_spare":1,"stats_unseen":0'
err_has "2 of 14 matrices are not in the statistics (blk.0.attn_q.weight)"
err_has "1 entries of the statistics are of no tensor"
"$tools/mkmodel" layers=2 width=512 ffn=256 vocab=64 wide.gguf
expect 65 sov-prune --stats im.gguf --ratio 0.5 -o x.gguf wide.gguf
err_one_line
"$tools/mkstats" bad=blk.0.attn_q.weight:3:nan m.gguf bad.gguf
expect 65 sov-prune --stats bad.gguf --ratio 0.5 -o x.gguf m.gguf
[ ! -e x.gguf ] || fail "an output of nothing"

# a text says the same as the imatrix that is made of it
expect 0 sov-quantize -q -t f16 -o tale.gguf "$tale"
head -c 20000 "$top_srcdir/tests/data/dev.txt" >text
expect 0 sov-quantize -q --calib text --stats-out own.gguf tale.gguf
expect 0 sov-prune -q --stats own.gguf --ratio 0.5 -fo a.gguf tale.gguf
expect 0 sov-prune -q --calib text --ratio 0.5 -fo b.gguf tale.gguf
cmp a.gguf b.gguf || fail "a text is not its imatrix"
tail -c +1 tale.gguf | sov-prune -q -j 3 --calib text --ratio 0.5 -o - - >c.gguf
cmp a.gguf c.gguf || fail "a text and a pipe"
expect 0 sov-prune -q --method magnitude --ratio 0.5 -fo m.gguf tale.gguf
nll() {
    sov-run -m "$1" --perplexity text | jq .nll
}
echo "$(nll tale.gguf) $(nll a.gguf) $(nll m.gguf)" | awk '
    !($1 < $2 && $2 < $3) { exit 1 }' || fail "Wanda is not between"

# whole channels by an imatrix: weights are looked at before any is written, and
# so is a model in a pipe
expect 0 sov-prune -q --method ffn --stats own.gguf --ratio 0.25 -fo b.gguf \
    tale.gguf
tail -c +1 tale.gguf |
    sov-prune -q --method ffn --stats own.gguf --ratio 0.25 -o - - >c.gguf ||
    fail "channels in a pipe"
cmp b.gguf c.gguf || fail "other channels in a pipe"
[ "$(wc -c <b.gguf)" -lt "$(($(wc -c <tale.gguf) * 9 / 10))" ] ||
    fail "it is not smaller"
size=$(($(wc -c <tale.gguf) * 8 / 10))
expect 0 sov-prune -q --method ffn --stats own.gguf --target-size $size \
    -fo b.gguf tale.gguf
[ "$(wc -c <b.gguf)" -le $size ] || fail "it is larger than was asked for"
expect 0 sov-prune -q --method ffn --stats own.gguf --speedup 1.2 --json \
    -fo b.gguf tale.gguf
jq -e '.tensor_bytes <= .source_tensor_bytes / 1.2 + 100000' out >/dev/null ||
    fail "too much is left for that speed"
expect 64 sov-prune --stats own.gguf --speedup 2 -o x.gguf tale.gguf
err_has "and as much time"
expect 64 sov-prune --method ffn --stats own.gguf --speedup 2 --ratio 0.5 \
    -o x.gguf tale.gguf
err_has "give one"

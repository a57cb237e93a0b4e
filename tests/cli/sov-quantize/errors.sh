#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# errors - what rounding cost is told, and is the same whoever counted
. "${top_srcdir:?}/tests/cli/lib.sh"

command -v jq >/dev/null || skip "no jq"

# ask FILTER: true of the report in out
ask() {
    jq -e "$1" out >/dev/null || {
        show
        fail "not so: $1"
    }
}

# of a real model, at 4 bits
expect 0 sov-quantize --json -t q4_k_s -o q.gguf "$tale"
jq -S 'del(.seconds)' out >first
ask '.error > 0.003 and .error < 0.006 and .largest_error > 0'
ask '.worst | length == 10'
ask '[.worst[].error] | . == (sort | reverse)'
ask '.worst[0].error == ([.tensors[].error // 0] | max)'
ask '[.tensors[] | select(.to == "q4_k") | .error] | min > 0.003 and max < 0.006'
ask '[.tensors[] | select(.to == "q6_k") | .error] | max < 0.0004'
ask '.tensors | length == 56'
for n in 1 2 3 7; do
    expect 0 sov-quantize --json -j $n --max-memory ${n}0M -t q4_k_s \
        -fo q.gguf "$tale"
    jq -S 'del(.seconds)' out | cmp - first || fail "other figures with -j $n"
done

# nothing is lost by a type that holds all, or by staying
expect 0 sov-quantize --json -t f32 -o f32.gguf "$tale"
ask '.error == 0 and .largest_error == 0 and .worst[0].error == 0'
expect 0 sov-quantize --json -t copy -o copy.gguf q.gguf
ask '(has("error") | not) and .worst == []'
expect 0 sov-quantize --json --dry-run -t q4_k_s "$tale"
ask '(has("error") | not) and (has("worst") | not)'

# for people: in 80 columns, and on standard error
expect 0 sov-quantize -v -t q4_k_s -fo q.gguf "$tale"
out_empty
err_has "error of rounding: 6."
[ "$(grep -c ' q4_k  *7\.[0-9]* % ' err)" -eq 10 ] || {
    show
    fail "not ten tensors"
}
awk 'length > 80 { exit 1 }' err || fail "a line of more than 80 columns"
expect 0 sov-quantize -t q4_k_s -fo q.gguf "$tale"
err_empty

# once more: what it cost, without being asked
expect 0 sov-quantize -t q8_0 -o q8.gguf "$tale"
expect 0 sov-quantize -t q4_k_s -fo q.gguf q8.gguf
err_has "43 tensors were quantized before (token_embd.weight is q8_0)"
err_has "take the f16 or bf16 original"
err_has "quantizing again added an error of 6."
expect 0 sov-quantize -t f32 -fo q.gguf q8.gguf
err_empty

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# fast - eight bits of activations, keys and values cost next to nothing
#
# The perplexity of a text, as sov-run computes by itself, is within 0.3 % of
# that of --precise on the same file.  A few types and a few pages; with
# SOV_SLOW=1 every type, and with it and ../shared the whole of a book.
. "${top_srcdir:?}/tests/cli/lib.sh"

head -c 20000 "$top_srcdir/tests/data/dev.txt" >text
text=$scratch/text
types='q8_0 q4_k_m iq4_xs iq3_s'
if [ -n "${SOV_SLOW:-}" ]; then
    types='f32 f16 bf16 q8_0 q6_k q5_k q5_0 q5_1 q4_k q4_0 q4_1 q3_k q2_k iq4_nl
        iq4_xs iq3_s iq3_xxs iq2_s iq2_xs iq2_xxs iq1_m iq1_s tq1_0 tq2_0 mxfp4
        nvfp4 q2_0 q1_0 s24_64_q4 s32_64_q4 s32_64_q8'
    [ ! -f "$top_srcdir/../shared/data/tale-dev.txt" ] ||
        text=$top_srcdir/../shared/data/tale-dev.txt
fi

# perplexity OPTION... : of the text, to standard output
perplexity() {
    expect 0 sov-run --perplexity "$@" "$text"
    sed -n 's/.*"ppl":\([0-9.e+]*\).*/\1/p' "$scratch/out"
}

for type in $types; do
    expect 0 sov-quantize -q -t "$type" -o "tale.$type" "$tale"
    fast=$(perplexity -m "tale.$type")
    precise=$(perplexity -m "tale.$type" --precise)
    awk -v name="$type" -v a="$fast" -v b="$precise" 'BEGIN {
        part = a / b - 1
        printf "%-8s %12.6f %12.6f %+.4f %%\n", name, a, b, 100 * part
        exit !(a > 0 && b > 0 && part * part < 0.003 * 0.003) }' ||
        fail "$type: far from --precise"
    rm "tale.$type"
done

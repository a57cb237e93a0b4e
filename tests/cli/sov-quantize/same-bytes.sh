#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# same-bytes - one model, one type, one file, whatever way it was made
. "${top_srcdir:?}/tests/cli/lib.sh"

tale=$top_srcdir/models/tale
[ -e "$tale/config.json" ] || skip "models/tale is not here"
mixes="f32 f16 bf16 q8_0 q6_k q5_k_m q5_k_s q4_k_m q4_k_s q4_0"
# the values of the directory, to the bit
expect 0 sov-quantize -t f32 -o tale.gguf "$tale"

digest() {
    sha256sum <"$1" | cut -d' ' -f1
}

# same NAME: the file made is what the directory gave
same() {
    [ "$(digest made)" = "$(digest "$mix")" ] || fail "$mix: $1 makes another file"
}

for mix in $mixes; do
    expect 0 sov-quantize -t "$mix" -o "$mix" "$tale"
    err_empty
    expect 0 sov-quantize -j 1 -t "$mix" -fo made tale.gguf
    same "one thread"
    sov-quantize -j 2 -t "$mix" -o - - <tale.gguf >made || fail "$mix: stdin"
    same "standard input"
    # shellcheck disable=SC2002
    cat tale.gguf | sov-quantize -j 3 -t "$mix" -o - - | cat >made || fail "$mix"
    same "a pipe"
    for isa in generic avx2 avx512; do
        SOV_ISA=$isa sov-quantize -t "$mix" -fo made tale.gguf || fail "$mix $isa"
        same "SOV_ISA=$isa"
    done
    expect 0 sov-quantize -t "$mix" --max-memory 24M -fo made tale.gguf
    same "--max-memory"
    rm "$mix"
done

# every other type, of a small model: threads and instruction sets
"$top_builddir/tests/tools/mkmodel" layers=1 width=256 heads=4 kv=2 ffn=512 vocab=512 small.gguf
for mix in q4_1 q5_0 q5_1 q2_k q3_k iq1_s iq1_m iq2_xxs iq2_xs iq2_s iq3_xxs \
    iq3_s iq4_nl iq4_xs tq1_0 tq2_0 q1_0 q2_0 mxfp4 nvfp4 s8_64_q4 s16_64_q4 \
    s24_64_q4 s32_64_q4 s8_64_q8 s16_64_q8 s24_64_q8 s32_64_q8; do
    expect 0 sov-quantize -t "$mix" -o "$mix" small.gguf
    threads=0
    for isa in generic avx2 avx512; do
        threads=$((threads + 1))
        SOV_ISA=$isa sov-quantize -j $threads -t "$mix" -fo made small.gguf ||
            fail "$mix $isa"
        same "SOV_ISA=$isa -j $threads"
    done
    rm "$mix"
done

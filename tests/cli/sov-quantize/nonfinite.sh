#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# nonfinite - weights that are no numbers are found, named and dealt with
. "${top_srcdir:?}/tests/cli/lib.sh"

mkmodel=$top_builddir/tests/tools/mkmodel
shape="layers=1 width=256 ffn=256 vocab=320"

# bad TYPE KIND INDEX: m.gguf with one bad weight
bad() {
    # shellcheck disable=SC2086
    "$mkmodel" $shape "type=$1" "bad=blk.0.ffn_down.weight:$3:$2" m.gguf
}

for type in f16 bf16 f32; do
    for kind in nan inf; do
        bad $type $kind 1027
        for mix in q4_k_m q8_0 f16 bf16 f32; do
            expect 65 sov-quantize -t $mix -o out.gguf m.gguf
            err_one_line
            err_has "blk.0.ffn_down.weight: weight 3 of row 4"
            [ ! -e out.gguf ] || fail "left an output"
        done
        for how in zero clamp; do
            expect 0 sov-quantize -t q8_0 --json --on-nonfinite=$how \
                -fo out.gguf m.gguf
            out_has '"replaced":1'
            err_has "not being finite: 1 in 1 tensor, first weight 3 of row 4"
            err_has "of blk.0.ffn_down.weight"
            expect 0 sov-quantize -t f32 -fo f.gguf out.gguf
            rm out.gguf
        done
    done
done

# finite, but not in half precision
bad f32 big 0
expect 65 sov-quantize -t f16 -o out.gguf m.gguf
err_has "weight 0 of row 0 is 1e+06, too large for f16"
expect 65 sov-quantize -t q4_0 -o out.gguf m.gguf
expect 0 sov-quantize -t bf16 -o out.gguf m.gguf
expect 0 sov-quantize -t f16 --on-nonfinite=clamp -fo out.gguf m.gguf
expect 0 sov-quantize -t f32 -fo out.gguf m.gguf

# the first in the file is named, whoever of the workers finds one first
bad f16 nan 65000
for n in 1 2 3 8; do
    expect 65 sov-quantize -j $n -t q6_k -o none.gguf m.gguf
    err_has "weight 232 of row 253"
done

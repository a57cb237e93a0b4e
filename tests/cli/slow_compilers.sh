#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# slow_compilers - the same bytes from gcc and clang, from -O3, -O2 and -O1
. "${top_srcdir:?}/tests/cli/lib.sh"

command -v gcc >/dev/null || skip "no gcc"
command -v clang >/dev/null || skip "no clang"
[ -x "$top_srcdir/configure" ] || skip "no configure"
[ ! -e "$top_srcdir/config.status" ] || skip "the tree is configured in place"

echo '[1,403,407,261,378,13,20,500,1000,2000,3000,4000]' >ids.json
# results FOLDER: what the tools first in PATH make
results() {
    mkdir "$1"
    for type in f16 bf16 q8_0 q4_0 q4_k_s q4_k_m q5_k_s q5_k_m q6_k \
        q2_k q3_k iq1_s iq1_m iq2_xxs iq2_xs iq2_s iq3_xxs iq3_s iq4_nl \
        iq4_xs tq1_0 tq2_0 q2_0 q1_0 mxfp4 nvfp4 s16_64_q4 s32_64_q8; do
        sov-quantize -q -t $type -o "$1/$type" "$tale"
    done
    sov-quantize -q -t q4_k_m --calib "$top_srcdir/tests/data/dev.txt" \
        --calib-tokens 1024 --stats-out "$1/calib.stats" -o "$1/calib" "$tale"
    for isa in generic avx2 avx512; do
        for type in f16 q4_k_m q8_0; do
            SOV_ISA=$isa sov-run -q --precise -m "$1/$type" \
                --input-ids ids.json --logits "$1/precise.$type.$isa"
            SOV_ISA=$isa sov-run -q -m "$1/$type" \
                --input-ids ids.json --logits "$1/logits.$type.$isa"
        done
    done
}

results want
for build in 'gcc -O1' 'gcc -O2' 'clang -O2' 'clang -O3'; do
    cc=${build% *}
    mkdir obj
    (
        cd obj
        "$top_srcdir/configure" -q CC="$cc" CFLAGS="${build#* }" >log 2>&1 &&
            make -j2 bin/sov-quantize bin/sov-run >>log 2>&1 ||
            { tail -n 20 log; exit 1; }
    ) || fail "$build does not build"
    (
        PATH=$scratch/obj/bin:$PATH
        results got
    )
    diff -r want got || fail "$build: other bytes"
    rm -rf obj got
done

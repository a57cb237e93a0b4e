#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# exact - the same logits for any thread count and any instruction set
. "${top_srcdir:?}/tests/cli/lib.sh"

types='f16 bf16 q8_0 q4_0 q4_k_m q5_k_m q6_k'
isas='generic avx2 avxvnni avx512 avx512vbmi avx512bf16 neon'
echo '[1,403,407,261,378,13,20,500,1000,2000,3000,4000]' >ids.json

# same NAME COMMAND...: COMMAND writes result; compare it with the first
same() {
    name=$1
    shift
    rm -f result
    expect 0 "$@"
    if [ -e "want.$name" ]; then
        cmp result "want.$name" || fail "other bytes for $name: $*"
    else
        mv result "want.$name"
    fi
}

for type in $types; do
    expect 0 sov-quantize -q -t "$type" -o "want.$type" "$tale"
done
for type in $types; do
    for mode in --precise ''; do
        for n in 1 2 3; do
            # shellcheck disable=SC2086
            same "logits$mode.$type" sov-run -q -j $n $mode -m "want.$type" \
                --input-ids ids.json --logits result
        done
        for isa in $isas; do
            # shellcheck disable=SC2086
            same "logits$mode.$type" env SOV_ISA="$isa" \
                sov-run -q $mode -m "want.$type" \
                --input-ids ids.json --logits result
        done
    done
done
[ "$(wc -c <want.logits--precise.f16)" -eq $((12 * 4096 * 4)) ] ||
    fail "size of the logits"

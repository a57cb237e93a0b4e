#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# mixes - every tensor gets the type that llama-quantize gives it
#
# tests/data/mixes.txt was recorded from llama-quantize --dry-run of llama.cpp
# v0.5.0: "model mix tensor type layers", folded by fold-types.awk.  The models
# are made here; those of ../shared, recorded too, are looked at where they are.
# mixes-stats.txt is the same with an importance matrix, where that matters.
. "${top_srcdir:?}/tests/cli/lib.sh"

mkmodel=$top_builddir/tests/tools/mkmodel
shared=$top_srcdir/../shared
"$mkmodel" sparse=1 layers=32 width=256 ffn=512 tied=0 deep.gguf
"$mkmodel" sparse=1 layers=80 width=256 heads=8 kv=2 ffn=256 wide.gguf
"$mkmodel" sparse=1 layers=16 experts=8 ffn=256 moe8.gguf
"$mkmodel" sparse=1 layers=12 experts=4 ffn=256 moe4.gguf
"$mkmodel" sparse=1 layers=10 width=320 heads=10 kv=10 ffn=172 odd.gguf

find_model() {
    for f in "$1.gguf" "$shared/golden/arch/$1.gguf" "$shared/data/$1.gguf" \
        "$shared/data/$1-f16.gguf"; do
        [ ! -e "$f" ] || {
            echo "$f"
            return
        }
    done
}

checked=0
data=$top_srcdir/tests/data

# check FILE: the mixes that are recorded there
check() {
    cut -d' ' -f1,2 "$data/$1" | grep -v '^#' | uniq >list
    while read -r name mix; do
        model=$(find_model "$name")
        [ -n "$model" ] || continue
        stats=
        if [ "$1" = mixes-stats.txt ]; then
            stats=--stats=$name.im
            [ -e "$name.im" ] ||
                "$top_builddir/tests/tools/mkstats" "$model" "$name.im"
        fi
        expect 0 sov-quantize -q --dry-run -v -t "$mix" ${stats:+"$stats"} \
            "$model"
        awk 'p && NF == 4 { print $1, $3 } $1 == "tensor" { p = 1 }' out |
            awk -f "$top_srcdir/tests/tools/fold-types.awk" | sort >got
        sed -n "s/^$name $mix //p" "$data/$1" | sort >want
        diff want got || fail "$1: $name $mix"
        checked=$((checked + 1))
    done <list
}

check mixes.txt
[ $checked -ge 174 ] || fail "only $checked of them looked at"
check mixes-stats.txt
echo "$checked models and mixes"

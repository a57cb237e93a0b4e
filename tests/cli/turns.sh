#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# turns - models of every architecture say the same when their stream is turned,
# and those that cannot be turned are refused
. "${top_srcdir:?}/tests/cli/lib.sh"
PATH=$top_builddir/tests/tools:$PATH

# turned FORM: what is said of it?
turned()
{
    case $1 in
    olmo* | gemma* | falcon* | gpt2 | starcoder2 | *bert | nomic* | modern* | *rank)
        echo 2
        ;;
    *) echo 0 ;;
    esac
}

grep '^form ' "$top_srcdir/tests/data/arch.txt" >forms
seen=0
tied=0
while read -r _ form _ extra; do
    kv=4
    [ "$form" = falcon-7b ] && kv=1
    # shellcheck disable=SC2086
    expect 0 mkmodel "form=$form" $extra type=f32 layers=3 vocab=300 kv=$kv \
        model.gguf
    want=$(turned "$form")
    expect "$want" turns model.gguf turned.gguf
    seen=$((seen + 1))
    [ "$want" = 2 ] || expect 0 sov-show turned.gguf
    # the weights of the last norm cannot go into a head that is the
    # embeddings', too: some are
    [ "$want" = 2 ] || sov-show model.gguf | grep -q '^output.weight' ||
        tied=$((tied + 1))
done <forms
[ $seen -ge 30 ] || fail "only $seen forms"
[ $tied -ge 5 ] || fail "only $tied tied heads"

# one whose last norm has the same weight for all channels
for width in 96 256; do
    expect 0 mkmodel type=f32 layers=3 vocab=300 width=$width heads=4 kv=2 \
        ffn=100 model.gguf
    expect 0 turns model.gguf turned.gguf
done

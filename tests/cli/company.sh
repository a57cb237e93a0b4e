#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# company - a timeline's logits are the same bits alone and among others, with
# every number of threads and every instruction set
. "${top_srcdir:?}/tests/cli/lib.sh"
PATH=$top_builddir/tests/tools:$PATH

# positions, windows, soft limits, sinks, experts, one key head for all
for form in llama gpt2 gemma2 gemma3 gpt-oss qwen3moe falcon-7b phi3-long; do
    extra=$(sed -n "s/^form $form [^ ]* *//p" "$top_srcdir/tests/data/arch.txt")
    # shellcheck disable=SC2086
    expect 0 mkmodel "form=$form" $extra ctx=400 model.gguf
    steps=60
    case $form in gemma* | gpt-oss) steps=400 ;; esac
    expect 0 company -t 2 -s $steps model.gguf
    mv out want
    [ $steps = 60 ] || grep -q 'gone [1-9]' want ||
        fail "$form: no window was gone"
    grep -q 'recalled [1-9]' want || fail "$form: nothing was recalled"
    grep -q 'full [1-9]' want || fail "$form: the pool was never full"
    for threads in 1 3; do
        expect 0 company -t "$threads" -s $steps model.gguf
        cmp -s out want || fail "$form with $threads threads"
    done
    for isa in generic avx2; do
        SOV_ISA=$isa expect 0 company -t 2 -s $steps model.gguf
        cmp -s out want || fail "$form on $isa"
    done
done

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# window - layers that see a window keep little more, and nobody can tell
. "${top_srcdir:?}/tests/cli/lib.sh"
PATH=$top_builddir/tests/tools:$PATH

# logitsum reads in passes of 1 to 512 tokens: after so many some of them have
# gone round several times, and some have not even once
expect 0 mkmodel form=gemma3 head=16 layers=7 ctx=4096 small.gguf
expect 0 logitsum -n 500 -k f32 small.gguf
expect 0 logitsum -n 500 -k f16 small.gguf
expect 0 sov-quantize -q -t copy --set gemma3.attention.sliding_window=600 \
    -o large.gguf small.gguf
expect 0 logitsum -n 1500 -k q8 large.gguf

# bytes FILE: of its keys and values, in a context of 4096
bytes() {
    sov-run -m "$1" --ctx 4096 --dry-run --json |
        sed 's/.*"kv": *\([0-9]*\).*/\1/'
}
expect 0 sov-quantize -q -t copy --set gemma3.attention.sliding_window=4096 \
    -o whole.gguf small.gguf
# one layer of seven sees all; the others keep 6 blocks of 64, and have one that
# stands for what they do not keep
[ $((7 * 64 * $(bytes small.gguf))) -eq \
    $(((64 + 6 * 7) * $(bytes whole.gguf))) ] ||
    fail "$(bytes small.gguf) and $(bytes whole.gguf) bytes"

# an encoder is done with a layer's keys and values when the next one begins
for layers in 2 5; do
    expect 0 mkmodel form=bert kv=4 layers=$layers ctx=4096 encoder$layers.gguf
done
[ "$(bytes encoder2.gguf)" -gt 0 ] || fail "no bytes"
[ "$(bytes encoder2.gguf)" -eq "$(bytes encoder5.gguf)" ] ||
    fail "$(bytes encoder2.gguf) and $(bytes encoder5.gguf) bytes"

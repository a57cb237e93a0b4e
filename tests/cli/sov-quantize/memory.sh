#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# memory - 256 MB are enough, whatever the model's size and form
#
# The limit is on the address space, so that nothing is mapped beyond it
# either.  The models are holes: they take no room on the disk.
# shellcheck disable=SC2086,SC3045 # commands in variables; dash, bash and ksh have it
. "${top_srcdir:?}/tests/cli/lib.sh"

[ -z "${SOV_SANITIZED:-}" ] || skip "the sanitizers want more memory"
mkmodel=$top_builddir/tests/tools/mkmodel

# small COMMAND...: in 256 MB, all of it
small() {
    (
        ulimit -v 262144
        "$@"
    )
}
expect 0 small sov-quantize --version

# experts: tensors of three dimensions, 128 MB each; and a row of 2^27 weights
"$mkmodel" sparse=1 arch=llama layers=3 width=2048 heads=16 kv=4 ffn=4096 \
    experts=8 vocab=32000 extra=row.weight:134217728x2 big.gguf
[ "$(stat -c %s big.gguf)" -gt 1800000000 ] || fail "the model is small"

quantize="sov-quantize -q -j 2 --effort 1"
for type in q8_0 copy f32; do
    expect 0 sh -c 'ulimit -v 262144; "$@" >/dev/null' sh \
        $quantize -t $type -o - big.gguf
done
expect 0 sh -c 'ulimit -v 262144; cat big.gguf | "$@" >/dev/null' sh \
    $quantize -t q4_0 -o - -
expect 0 sh -c 'ulimit -v 262144; "$@" | sov-quantize -q -j 2 --effort 1 \
    -t q8_0 -o - - >/dev/null' sh \
    $quantize -t copy --format safetensors -o - big.gguf
expect 0 sh -c 'ulimit -v 262144; "$@" | sov-quantize -q -j 2 --effort 1 \
    -t q8_0 -o - - >/dev/null' sh \
    $quantize -t copy --format tar -o - big.gguf
expect 0 sh -c 'ulimit -v 262144; "$@" >/dev/null' sh \
    $quantize -j 4 -t q8_0 -o - big.gguf

# in parts, and back; the limit that was asked for holds as well
"$mkmodel" sparse=1 layers=4 width=2048 heads=16 kv=4 ffn=5632 vocab=32000 \
    m.gguf
expect 0 small $quantize -t copy --split-max-size 100M -o p.gguf m.gguf
expect 0 small $quantize -t copy --split-max-size 100M -o p.safetensors m.gguf
expect 0 small $quantize -t q8_0 -o a.gguf m.gguf
for from in p-00001-of-*.gguf p.safetensors.index.json; do
    expect 0 small $quantize --max-memory 40M -t q8_0 -f -o b.gguf "$from"
done
expect 0 small $quantize --max-memory 20M -t q8_0 -f -o b.gguf m.gguf
cmp a.gguf b.gguf || fail "less memory, other bytes"
expect 0 small $quantize --resume -t q8_0 -f -o b.gguf m.gguf
cmp a.gguf b.gguf || fail "--resume"
expect 71 $quantize --max-memory 1M -t q8_0 -f -o b.gguf m.gguf
err_has "bytes of memory, the limit is"

# experts that are tensors of their own, one or in 8 bits, as they are read
PATH=$top_builddir/tests/tools:$PATH
"$mkmodel" form=mixtral layers=1 width=2048 heads=16 head=128 kv=4 ffn=4096 \
    sparse=1 m.gguf
for pack in plain=1 fp8=128x128; do
    rm -rf folder
    mkdir folder
    mkpacked $pack sparse=1 m.gguf folder
    expect 0 sh -c 'ulimit -v 262144; "$@" >/dev/null' sh \
        $quantize -t q8_0 -o - folder
done

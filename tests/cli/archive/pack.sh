#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# pack - tar out: the same bytes always, read by others, and back again
. "${top_srcdir:?}/tests/cli/lib.sh"
. "$top_srcdir/tests/cli/archive/lib.sh"

"$tools/mkmodel" layers=2 width=64 heads=2 kv=1 ffn=64 vocab=64 m.gguf
sov-quantize -q -t q8_0 -o q.gguf m.gguf

for kind in tar tar.gz tar.xz tar.zst; do
    # there and back
    expect 0 sov-quantize -t copy -o p.$kind m.gguf
    expect 0 sov-quantize -t copy -o back.gguf p.$kind
    cmp back.gguf m.gguf || fail "$kind: not the same model"
    rm back.gguf

    # quantized on the way, in any number of threads, to a pipe
    expect 0 sov-quantize -t q8_0 -j 1 -o q.$kind m.gguf
    expect 0 sov-quantize -t q8_0 -j 3 --max-memory 8M -f -o r.$kind m.gguf
    sov-quantize -t copy -o - r.$kind | cmp - q.gguf || fail "$kind: quantized"
    sov-quantize -t q8_0 --format $kind -o - m.gguf >s.$kind
    sov-quantize -t q8_0 --format $kind -o - - <m.gguf | cmp - s.$kind ||
        fail "$kind: from a pipe to a pipe"
    mv r.$kind q2.$kind
    expect 0 sov-quantize -t q8_0 -j 2 -o r.$kind m.gguf
    cmp r.$kind q2.$kind || fail "$kind: other bytes with other threads"
    rm q2.$kind r.$kind s.$kind
done

# the time of the members
SOURCE_DATE_EPOCH=1700000000 sov-quantize -t copy -f -o p.tar m.gguf
expect 64 env SOURCE_DATE_EPOCH=soon sov-quantize -t copy -f -o x.tar m.gguf
err_has "SOURCE_DATE_EPOCH: 'soon'"

# tar and bsdtar agree on what it is
for program in tar bsdtar; do
    command -v $program >/dev/null || continue
    TZ=UTC $program -tvf p.tar >listed
    grep -q 'rw-r--r--.* m.gguf$\|rw-r--r--.* p.gguf$' listed ||
        fail "$program lists: $(cat listed)"
    $program -xOf p.tar p.gguf | cmp - m.gguf || fail "$program: other bytes"
    grep -q 2023 listed || fail "$program: another time: $(cat listed)"
done
rm -f listed

# the model begins on a page, so a plain tar is mapped where it lies
dd if=p.tar bs=4096 skip=1 2>/dev/null | head -c 4 | grep -q GGUF ||
    fail "the model does not begin at 4096"

# parts, and safetensors
expect 0 sov-quantize --split-max-size 30k -o split.tar m.gguf
expect 0 sov-quantize --merge -o back.gguf split.tar
cmp back.gguf m.gguf || fail "split and merged: not the same model"
rm back.gguf
expect 0 sov-quantize -q -t copy -o st.safetensors.tar.gz m.gguf
sov-quantize -q -t copy -o st.safetensors m.gguf
expect 0 sov-quantize -q -t copy -o st2.safetensors st.safetensors.tar.gz
cmp st.safetensors st2.safetensors || fail "safetensors: not the same"

# a failure leaves no half archive, and what was there stays
cp p.tar keep
head -c 20000 m.gguf >cut.gguf
expect 65 sov-quantize -t copy -f -o p.tar - <cut.gguf
cmp p.tar keep || fail "the old archive is gone"
expect 73 sov-quantize -t copy -o p.tar m.gguf
tmp_empty

# a name that promises to be compressed and would not be
expect 64 sov-quantize -t copy -o promised.gguf.zst m.gguf
err_has 'only a tar is compressed'
[ ! -e promised.gguf.zst ] || fail "a GGUF file with another's name"

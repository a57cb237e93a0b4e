#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# bombs - little that becomes much: bounded in time and memory
. "${top_srcdir:?}/tests/cli/lib.sh"
. "$top_srcdir/tests/cli/archive/lib.sh"

# 1 GB of address space is far less than what the bombs hold
# shellcheck disable=SC3045
[ -n "${SOV_SANITIZED:-}" ] || ulimit -v 2000000

"$tools/mkmodel" layers=1 width=64 heads=2 kv=1 ffn=64 vocab=64 m.gguf

mk gz bomb.gz zeros=10000000000 crc=0
refuse bomb.gz 'more than 1000 times'
mk zip bomb.zip n=m.gguf zeros=4000000000 crc=0
refuse bomb.zip 'more than 1000 times'
mk zip bomb.zip n=a.safetensors zeros=4000000000 crc=0
refuse bomb.zip 'more than 1000 times'
mk zip bomb.zip n=config.json zeros=4000000000 crc=0
refuse bomb.zip 'more than the limit of 67108864 bytes'
rm bomb.*

# A bomb in a bomb: the inner one is not opened
mk zip inner.zip n=m.gguf zeros=4000000000 crc=0
mk zip bomb.zip n=inner.zip d=inner.zip
refuse bomb.zip 'archives in it are not opened'
mk gz inner.gz zeros=4000000000 crc=0
mk gz bomb.gz d=inner.gz
refuse bomb.gz 'gzip data'
rm -f bomb.* inner.*

# More members than there may be, and one less; half a gigabyte of headers
mk tar /dev/stdout n=m.gguf d=m.gguf . n=f count=1048576 |
    expect 65 sov-quantize -t copy -o made -
err_has 'more members than the limit of 1048576'
mk tar /dev/stdout n=f count=1048575 . n=m.gguf d=m.gguf |
    expect 0 sov-quantize -t copy -o made -
cmp made m.gguf || fail "many members: another model"
rm made

# Headers without end
mk tar odd.tar n=x type=g count=100000 . n=m.gguf d=m.gguf
refuse odd.tar ''
tmp_empty
only_files tmp m.gguf odd.tar

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# early - a damaged model in an archive is refused before its end has come
. "${top_srcdir:?}/tests/cli/lib.sh"
. "$top_srcdir/tests/cli/archive/lib.sh"

"$tools/mkmodel" layers=8 width=256 heads=4 kv=2 ffn=512 vocab=512 m.gguf
expect 0 sov-verify --keygen k --no-password
expect 0 sov-verify --keygen other --no-password
expect 0 sov-verify --adopt --sign-key k.key m.gguf
expect 0 sov-quantize -t copy -o m.tar m.gguf
printf 'sov-policy v1\nkey k minisign %s\n' "$(tail -n 1 k.pub)" >pol
size=$(wc -c <m.tar)
[ "$size" -gt 6000000 ] || fail "m.tar is too small for this test: $size"

expect 0 sov-verify --key k.pub m.tar
expect 0 sov-verify --key k.pub - <m.tar

# one byte in the third 512 KiB
cp m.tar bad.tar
printf '\377' | dd of=bad.tar bs=1 seek=1300000 conv=notrunc 2>/dev/null
cmp -s m.tar bad.tar && fail "the byte was 255 before"

# a sender that stalls after 4 MB: the answer does not wait for the rest
stalled() {
    head -c 4000000 bad.tar
    sleep 60 &
    echo $! >sleeper
    wait
}
mkfifo pipe
refused() {
    stalled >pipe &
    expect "$@" <pipe
    kill "$(cat sleeper 2>/dev/null)" 2>/dev/null || :
    wait
    err_one_line
    err_has '1048576 to 1572863'
}
refused 1 timeout 30 sov-verify --key k.pub -
refused 77 timeout 30 sov-quantize -t copy -o u.gguf --require-claims pol -
[ ! -e u.gguf ] || fail "output of a refused model"
refused 77 timeout 30 sov-quantize -t q8_0 -o u.gguf --require-claims pol -
[ ! -e u.gguf ] || fail "output of a refused model"

# by name, and compressed
expect 1 sov-verify --key k.pub bad.tar
gzip -1 <bad.tar >bad.tar.gz
expect 1 sov-verify --key k.pub bad.tar.gz
expect 77 sov-quantize -t copy -o u.gguf --require-claims pol bad.tar.gz
[ ! -e u.gguf ] || fail "output of a refused model"

# an index that no trusted key vouches for decides nothing
expect 77 sov-verify --key other.pub m.tar
expect 1 sov-verify --key other.pub bad.tar
err_has "not those that claim"

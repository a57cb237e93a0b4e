#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# split - several files as one output: names, keys, all of them or none
. "${top_srcdir:?}/tests/cli/lib.sh"

mkmodel=$top_builddir/tests/tools/mkmodel
"$mkmodel" layers=4 m.gguf

# sizes are kept, and --dry-run knows them
expect 0 sov-quantize --split-max-size 700K --dry-run --json -o p.gguf m.gguf
tr '{' '\n' <out | sed -n 's/.*"path":"\([^"]*\)","tensors":[0-9]*,"bytes":\([0-9]*\).*/\1 \2/p' >said
only_files m.gguf said
expect 0 sov-quantize --split-max-size 700K --json -o p.gguf m.gguf
out_has '"path":"p-00001-of-'
n=$(wc -l <said)
[ "$n" -gt 3 ] || fail "only $n files"
while read -r path bytes; do
    [ "$(stat -c %s "$path")" = "$bytes" ] || fail "$path: --dry-run said $bytes"
    [ "$bytes" -le 700000 ] || fail "$path has $bytes bytes"
    [ "${path%-of-*}" != p-00001 ] || echo "$path" >first
done <said
[ "$(find . -name 'p-*' | wc -l)" -eq "$n" ] || fail "more files than were said"
first=$(cat first)
of=$(printf '%05d' "$n")
[ "$first" = "p-00001-of-$of.gguf" ] || fail "the first is called $first"

# keys, as others write them: split.no u16, split.count u16, all tensors i32
total=$(sed -n 's/.*"tensors_total":\([0-9]*\).*/\1/p' out)
hex() {
    od -An -v -tx1 "$1" | tr -d ' \n'
}
key() { # name, type, value: as hex
    printf '%s' "$1" | od -An -tx1 | tr -d ' \n'
    printf '%s' "$2$3"
}
i=0
while read -r path _; do
    for want in "$(key split.no 02000000 "$(printf '%02x00' $i)")" \
        "$(key split.count 02000000 "$(printf '%02x00' "$n")")" \
        "$(key split.tensors.count 05000000 "$(printf '%02x000000' "$total")")"; do
        hex "$path" | head -c 200000 >start
        grep -q "$want" start || fail "$path lacks $want"
    done
    i=$((i + 1))
done <said
rm start said
expect 65 sov-run -m "p-00002-of-$of.gguf" -p x
err_has "give the first part"

# a model that fits is one part, called so
expect 0 sov-quantize --split-max-size 1G -o one.gguf m.gguf
[ -e one-00001-of-00001.gguf ] || fail "one part"
expect 0 sov-quantize --split-max-size 1G -q -o one.safetensors m.gguf
[ -e one.safetensors ] || fail "one safetensors file"
expect 0 sov-quantize --split-max-tensors 5 -o noname m.gguf
[ -e "$(echo noname-00001-of-000??.gguf)" ] || fail "no suffix"
rm one* noname*

expect 0 sov-quantize --split-max-size 300K --dry-run -o x.gguf m.gguf
err_has "files are larger than asked for"

# what cannot be meant
expect 64 sov-quantize --split-max-size 700K -o - m.gguf
err_has "standard output"
out_empty
expect 64 sov-quantize --split-max-size 0 -o x.gguf m.gguf
expect 64 sov-quantize --split-max-size x -o x.gguf m.gguf
expect 64 sov-quantize --split-max-tensors 0 -o x.gguf m.gguf
expect 64 sov-quantize --split-max-size 1M --merge -o x.gguf m.gguf
expect 64 sov-quantize -t copy --format zip -o x.gguf m.gguf
expect 69 sov-quantize -t q8_0 -o x.safetensors m.gguf
err_has "-t f16"
expect 0 sov-quantize --merge -o single.gguf m.gguf
cmp m.gguf single.gguf || fail "--merge of one file"
rm single.gguf

# an output that is also an input, or there already
sum=$(cat p-* | sha256sum)
expect 73 sov-quantize --split-max-size 700K -f -o p.gguf "$first"
err_has "is also the input"
expect 73 sov-quantize --split-max-size 700K -o p.gguf m.gguf
err_has "--force"
echo old >p-00003-of-00010.gguf
expect 73 sov-quantize --split-max-tensors 4 -o p.gguf m.gguf
[ "$(cat p-00003-of-00010.gguf)" = old ] || fail "it was replaced"
rm p-00003-of-00010.gguf
[ "$(cat p-* | sha256sum)" = "$sum" ] || fail "the old set has changed"
[ "$(find . -name 'p-*' -o -name '.p-*' | wc -l)" -eq "$n" ] || fail "something is left"

# the rule names all files; an unchanged set stays, a changed one goes whole
expect 0 sov-quantize --split-max-size 700K -f --depfile d.mk -o p.gguf m.gguf
[ "$(grep -c 'p-000' d.mk)" -eq "$n" ] || fail "--depfile"
grep -q ' m.gguf' d.mk || fail "--depfile: no input"
touch -d 2001-01-01 p-*
expect 0 sov-quantize --split-max-size 700K --if-changed -o p.gguf m.gguf
for f in p-*; do
    [ "$(date -r "$f" +%Y)" = 2001 ] || fail "--if-changed touched $f"
done
"$mkmodel" layers=4 bad=blk.3.ffn_up.weight:1:big other.gguf
expect 0 sov-quantize --split-max-size 700K --if-changed -o p.gguf other.gguf
for f in p-*; do
    [ "$(date -r "$f" +%Y)" != 2001 ] || fail "--if-changed left $f"
done
expect 0 sov-quantize --merge -o back.gguf "$first"
cmp back.gguf other.gguf || fail "the new set"
rm back.gguf

# no room: everything stays as it was
sum=$(cat p-* | sha256sum)
expect 74 sh -c 'ulimit -f 600; trap "" XFSZ; exec sov-quantize --split-max-size 700K -f -o p.gguf m.gguf'
[ "$(cat p-* | sha256sum)" = "$sum" ] || fail "no room: the old set has changed"
if [ "$(id -u)" -ne 0 ]; then
    mkdir ro
    chmod 555 ro
    expect 73 sov-quantize --split-max-size 700K -o ro/p.gguf m.gguf
    rmdir ro
fi
only_files m.gguf other.gguf d.mk first p-*

# many parts: descriptors are made room for
expect 0 sh -c 'ulimit -S -n 20; exec sov-quantize --split-max-tensors 1 -o q.gguf m.gguf'
expect 0 sov-quantize --merge -o back.gguf q-00001-of-*.gguf
cmp back.gguf m.gguf || fail "many parts"
rm q-* back.gguf

# killed at any moment there is the old set, the new one, or none that loads
[ -d /proc/self/fd ] || exit 0
expect 0 sov-quantize --split-max-tensors 2 -f -o p.gguf m.gguf
rm p-*
start=$(date +%s%N)
expect 0 sov-quantize --split-max-tensors 2 -o p.gguf m.gguf
took=$((($(date +%s%N) - start) / 1000000 + 1))
first=$(echo p-00001-of-*)
i=0
old=0
new=0
none=0
while [ $i -lt 40 ]; do
    i=$((i + 1))
    sov-quantize --split-max-tensors 2 -f -o p.gguf m.gguf
    sov-quantize --split-max-tensors 2 -f -o p.gguf other.gguf >/dev/null 2>&1 &
    pid=$!
    after=$((i * 37 % 41 * took * 3 / 80))
    sleep "$((after / 1000)).$(printf '%03d' $((after % 1000)))"
    kill -9 $pid 2>/dev/null || :
    wait $pid 2>/dev/null || :
    if [ ! -e "$first" ]; then
        none=$((none + 1))
        continue
    fi
    sov-quantize --merge -f -o back.gguf "$first" || fail "kill $i: half a set"
    if cmp -s back.gguf m.gguf; then
        old=$((old + 1))
    else
        cmp -s back.gguf other.gguf || fail "kill $i: a mixture"
        new=$((new + 1))
    fi
done
find . -name '.*.sov-*' -exec touch -d '1 hour ago' {} +
expect 0 sov-quantize --split-max-tensors 2 -f -o p.gguf m.gguf
find . -name '.p-*.sov-*' >left
[ ! -s left ] || fail "left behind: $(head -1 left)"
echo "$old old, $new new, $none without a head"

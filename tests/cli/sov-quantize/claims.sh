#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# claims - what was made from what, through files, pipes and archives
# shellcheck disable=SC2094 # a fifo is read and written
. "${top_srcdir:?}/tests/cli/lib.sh"

XDG_CONFIG_HOME=$scratch/none
export XDG_CONFIG_HOME
sov-verify -q --keygen a --no-password
sov-verify -q --keygen b --no-password
printf 'sov-policy v1\nkey a minisign %s\n' "$(tail -n 1 a.pub)" >a.pol
printf 'sov-policy v1\nkey b minisign %s\n' "$(tail -n 1 b.pub)" >b.pol
printf 'sov-policy v1\n' >empty.pol
"$top_builddir/tests/tools/mkmodel" m.gguf
cp m.gguf bare.gguf
expect 0 sov-verify -q --adopt --sign-key a.key m.gguf

# what cannot be meant
expect 64 sov-quantize -t q8_0 -o x.gguf --claims c m.gguf
expect 64 sov-quantize -t q8_0 -o x.gguf --claims-out c m.gguf
expect 64 sov-quantize -t q8_0 -o - --sign-key a.key m.gguf
err_has "--claims-out"
out_empty
expect 77 sov-quantize -t q8_0 -o x.gguf --sign-key none.key m.gguf
expect 77 sov-quantize -t q8_0 -o x.gguf --require-claims empty.pol m.gguf
expect 77 sov-quantize -t q8_0 -o x.gguf --require-claims none.pol m.gguf
[ ! -e x.gguf ] || fail "an output after a refusal"

# the same bytes with claims as without, but for the history
export SOURCE_DATE_EPOCH=1700000000
expect 0 sov-quantize -q -t q8_0 --sign-key a.key -o 1.gguf m.gguf
mkdir same
(cd same && sov-quantize -q -t q8_0 --sign-key ../a.key -j 1 -o 1.gguf ../m.gguf)
cmp 1.gguf same/1.gguf || fail "other bytes with one thread"
cmp 1.gguf.claims.jsonl same/1.gguf.claims.jsonl || fail "another claim"
cmp 1.gguf.sovidx same/1.gguf.sovidx || fail "another index"
only=$(grep -c . 1.gguf.claims.jsonl)
[ "$only" -eq 2 ] || fail "$only claims instead of 2"
expect 0 sov-verify --key a.pub 1.gguf

# all or nothing
echo precious >y.gguf.sovidx
expect 73 sov-quantize -t q8_0 --sign-key a.key -o y.gguf m.gguf
[ ! -e y.gguf ] || fail "a model without its index"
[ ! -e y.gguf.claims.jsonl ] || fail "claims without their model"
rm y.gguf.sovidx

# nobody could verify what is made from a forged history
cp m.gguf forged.gguf
sed 's/"sig":"[^"]*"/"sig":"'"$(head -c 64 /dev/zero | base64 -w 0)"'"/' \
    m.gguf.claims.jsonl >forged.gguf.claims.jsonl
expect 65 sov-quantize -t q8_0 --sign-key a.key -o y.gguf forged.gguf
err_has "line 1: the signature is not by key"
expect 65 sov-quantize -t q8_0 --sign-key a.key -o y.gguf \
    --claims forged.gguf.claims.jsonl - <forged.gguf
[ ! -e y.gguf ] || fail "an output of a forged history"
expect 65 sov-verify --sign --sign-key a.key forged.gguf
expect 65 sov-verify --adopt --sign-key a.key forged.gguf
err_has "line 1: the signature is not by key"
expect 0 sov-quantize -t q8_0 --sign-key b.key -o y.gguf forged.gguf
rm y.* forged.*

# claims of an older model are not removed, and told
expect 0 sov-quantize -t q8_0 --sign-key a.key -o y.gguf m.gguf
err_empty
cp y.gguf.claims.jsonl old
expect 0 sov-quantize -f -t q4_0 -o y.gguf m.gguf
err_has "y.gguf.claims.jsonl is about an older y.gguf"
err_one_line
expect 0 sov-quantize --if-changed -t q4_0 -o y.gguf m.gguf
err_empty
expect 1 sov-verify --key a.pub y.gguf
expect 0 sov-quantize -q -f -t q5_0 -o y.gguf m.gguf
err_empty
cmp old y.gguf.claims.jsonl || fail "claims of an older model were touched"
rm y.gguf y.gguf.claims.jsonl
expect 0 sov-quantize -t q4_0 -o y.gguf m.gguf
err_has "y.gguf.sovidx is about an older y.gguf"
expect 0 sov-quantize -f -t q4_0 --sign-key a.key -o y.gguf m.gguf
err_empty
expect 0 sov-quantize -f -t q8_0 --sign-key a.key --claims-out c -o y.gguf m.gguf
err_has "y.gguf.claims.jsonl is about an older y.gguf"
expect 0 sov-verify -q --sign --sign-key a.key --freeze --claims-out \
    y.gguf.claims.jsonl -f y.gguf
expect 0 sov-quantize -f -t q4_0 --sign-key a.key -o y.gguf m.gguf
err_has "y.gguf.claims.jsonl.minisig freezes other claims"
expect 1 sov-verify --key a.pub y.gguf
err_has "not what was frozen"
expect 0 sov-quantize -t copy -o y.tar y.gguf
expect 0 sov-quantize -f -t copy -o z.gguf y.tar
expect 0 sov-quantize -f -t copy -o z.gguf y.tar
err_empty
rm -f y.* z.* c old

# --if-changed: what others have signed since stays
expect 0 sov-quantize --if-changed -t q8_0 --sign-key a.key -o y.gguf m.gguf
expect 0 sov-verify -q --sign --sign-key b.key y.gguf
cp y.gguf.claims.jsonl old
export SOURCE_DATE_EPOCH=1700000001
expect 0 sov-quantize --if-changed -t q8_0 --sign-key a.key -o y.gguf m.gguf
cmp old y.gguf.claims.jsonl || fail "claims of a model that did not change"
expect 0 sov-verify --key b.pub y.gguf
expect 0 sov-quantize --if-changed -t q4_0 --sign-key a.key -o y.gguf m.gguf
expect 77 sov-verify --key b.pub y.gguf
expect 0 sov-verify --key a.pub y.gguf
expect 0 sov-quantize --if-changed -t f16 --sign-key a.key -o y.d/ m.gguf
expect 0 sov-verify -q --sign --sign-key b.key y.d
unset SOURCE_DATE_EPOCH
stat -c %i y.d >old
expect 0 sov-quantize --if-changed -t f16 --sign-key a.key -o y.d/ m.gguf
stat -c %i y.d | cmp old - || fail "a folder that did not change was replaced"
expect 0 sov-verify --key b.pub y.d
rm -rf y.* old
export SOURCE_DATE_EPOCH=1700000000

# claims of the input stay, and a folder is no file for claims
cp m.gguf.claims.jsonl old
expect 73 sov-quantize -f -t q8_0 --sign-key a.key -o y.gguf \
    --claims-out m.gguf.claims.jsonl m.gguf
err_has "is also the input"
cmp old m.gguf.claims.jsonl || fail "the claims of the input were replaced"
expect 73 sov-quantize -t q8_0 --sign-key a.key -o y.gguf --claims-out . m.gguf
[ ! -e y.gguf ] || fail "a model without its claims"
rm old

# --require-claims: good, a stranger's, none, damaged
expect 0 sov-quantize -q -t q4_0 --require-claims a.pol -o ok.gguf m.gguf
expect 77 sov-quantize -q -t q4_0 --require-claims b.pol -o no.gguf m.gguf
err_has "refused"
expect 77 sov-quantize -q -t q4_0 --require-claims a.pol -o no.gguf bare.gguf
cp m.gguf bad.gguf
cp m.gguf.claims.jsonl bad.gguf.claims.jsonl
printf X | dd of=bad.gguf bs=1 seek=200000 conv=notrunc 2>/dev/null
expect 77 sov-quantize -q -t q4_0 --require-claims a.pol -o no.gguf bad.gguf
echo '{' >broken
expect 77 sov-quantize -q -t q4_0 --require-claims a.pol --claims broken \
    -o no.gguf m.gguf
[ ! -e no.gguf ] || fail "an output after a refusal"
expect 77 sov-quantize -q -t q4_0 --require-claims a.pol -o - bad.gguf
out_empty
expect 0 sov-quantize -q -t q4_0 --require-claims a.pol -o - m.gguf
cmp out ok.gguf || fail "other bytes on standard output"

# an input that nobody vouches for is written down as that, and inherited
expect 0 sov-quantize -q -t q8_0 --sign-key a.key -o u.gguf bare.gguf
expect 0 sov-quantize -q -t copy --sign-key a.key -o v.gguf u.gguf
expect 0 sov-verify --show --key a.pub v.gguf
[ "$(grep -c 'input: unverified' out)" -eq 2 ] || fail "unverified, not told"
out_has "which has no claim"
expect 0 sov-verify --key a.pub v.gguf

# two tools in a pipe; the second one checks the first
hop() {
    rm -f out.gguf out.gguf.* fifo
    mkfifo fifo
}
unset SOURCE_DATE_EPOCH
hop
(sov-quantize -q -t q8_0 -o - --sign-key a.key --claims-out fifo m.gguf || echo $? >first) |
    timeout 60 sov-quantize -q -t copy -o out.gguf --claims fifo \
        --require-claims a.pol - || fail "a fifo: status $?"
[ ! -e first ] || fail "a fifo: the first ends with $(cat first)"
hop
(sov-quantize -q -t q8_0 -o - --sign-key a.key --claims-out /dev/fd/3 m.gguf 3>fifo) |
    timeout 60 sov-quantize -q -t copy -o out.gguf --claims /dev/fd/4 \
        --require-claims a.pol --sign-key a.key - 4<fifo ||
    fail "descriptors: status $?"
expect 0 sov-verify --json --key a.pub out.gguf
out_has '"chain":3'
hop
(sov-quantize -q -t q8_0 -o - --sign-key a.key --claims-out fifo m.gguf) |
    timeout 60 sov-quantize -q -t copy -o out.gguf --claims /dev/fd/4 \
        --require-claims a.pol - 4<fifo || fail "a fifo and a descriptor: $?"
sov-quantize -q -t q8_0 -o - --sign-key a.key --claims-out /dev/fd/3 m.gguf \
    3>c.jsonl >c.gguf
expect 0 sov-verify --key a.pub --claims c.jsonl c.gguf

# by a stranger, or without claims, there is no output
hop
got=0
(sov-quantize -q -t q8_0 -o - --sign-key a.key --claims-out fifo m.gguf) |
    timeout 60 sov-quantize -q -t copy -o out.gguf --claims fifo \
        --require-claims b.pol - 2>err || got=$?
[ $got -eq 77 ] || fail "a stranger's pipe: $got"
[ ! -e out.gguf ] || fail "an output after a refusal"
hop
got=0
(
    sov-quantize -q -t q8_0 -o - m.gguf
    : >fifo
) | timeout 60 sov-quantize -q -t copy -o out.gguf --claims fifo \
    --require-claims a.pol - 2>err || got=$?
[ $got -eq 77 ] || fail "no claims in the pipe: $got"
[ ! -e out.gguf ] || fail "an output after a refusal"

# more claims than a pipe holds
cp m.gguf.claims.jsonl many
i=0
while [ "$(stat -c %s many)" -lt 200000 ]; do
    i=$((i + 1))
    rm -f n.gguf n.gguf.*
    cp m.gguf n.gguf
    sov-verify -q --adopt --sign-key a.key --source "https://example.org/$(
        head -c 20000 /dev/zero | tr '\0' x
    )$i" n.gguf
    cat n.gguf.claims.jsonl >>many
done
hop
(sov-quantize -q -t q8_0 -o - --sign-key a.key --claims many --claims-out fifo m.gguf) |
    timeout 60 sov-quantize -q -t copy -o out.gguf --claims fifo \
        --require-claims a.pol --sign-key a.key - || fail "large claims: $?"
expect 0 sov-verify --key a.pub out.gguf

# in an archive the claims come first, and are found there
expect 0 sov-quantize -q -t q8_0 --sign-key a.key -o t.tar m.gguf
tar tf t.tar >list
[ "$(head -n 1 list)" = t.gguf.claims.jsonl ] || fail "claims are not first"
expect 0 sov-verify --key a.pub t.tar
# shellcheck disable=SC2002
cat t.tar | sov-verify -q --key a.pub - || fail "an archive in a pipe"
expect 0 sov-quantize -q -t copy --require-claims a.pol -o t.gguf t.tar
expect 77 sov-quantize -q -t copy --require-claims b.pol -fo t.gguf t.tar

# sov-run: 77 before any token
expect 0 sov-quantize -q -t f16 --sign-key a.key -o tale.gguf "$tale"
expect 0 sov-run -q -m tale.gguf --require-claims a.pol -p Once -n 3 --temp 0
cp out said
expect 0 sov-run -q -m - --claims tale.gguf.claims.jsonl --require-claims a.pol \
    -p Once -n 3 --temp 0 <tale.gguf
cmp out said || fail "sov-run says something else"
for policy in b.pol none.pol; do
    expect 77 sov-run -q -m tale.gguf --require-claims $policy -p Once -n 3
    out_empty
done
mv tale.gguf.claims.jsonl kept
expect 77 sov-run -q -m tale.gguf --require-claims a.pol -p Once -n 3
out_empty
expect 77 sov-run -q -m "$tale" --require-claims a.pol -p Once -n 3

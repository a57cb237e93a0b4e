#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# claims - claims and index travel with a model through archives
. "${top_srcdir:?}/tests/cli/lib.sh"
. "$top_srcdir/tests/cli/archive/lib.sh"

"$tools/mkmodel" layers=1 width=64 heads=2 kv=1 ffn=64 vocab=64 m.gguf
expect 0 sov-verify --keygen k --no-password
expect 0 sov-verify --adopt --sign-key k.key m.gguf

# names of the members of a plain tar
members() {
    tar -tf "$1" | tr '\n' ' '
}

# into a file: what is said comes first; into a pipe: the history, the model,
# what it is
expect 0 sov-quantize -t q8_0 --sign-key k.key -o q.tar m.gguf
[ "$(members q.tar)" = 'q.gguf.claims.jsonl q.gguf.sovidx q.gguf ' ] ||
    fail "members of q.tar: $(members q.tar)"
sov-quantize -t q8_0 --sign-key k.key --format tar -o - m.gguf >p.tar
[ "$(members p.tar)" = \
    'sov/ancestors.jsonl model.gguf sov/leaf.jsonl model.gguf.sovidx ' ] ||
    fail "members of p.tar: $(members p.tar)"

# a claim about the archive would not be about the model in it
for how in --sign --adopt; do
    expect 64 sov-verify $how --sign-key k.key q.tar
    err_has "take it out of the archive"
done
[ ! -e q.tar.claims.jsonl ] || fail "claims beside an archive"
expect 0 sov-verify --key k.pub q.tar

# out of each of them, by name and from a pipe, and in again
for f in q.tar p.tar; do
    for from in $f -; do
        expect 0 sov-quantize -t copy -f -o u.gguf "$from" <$f
        expect 0 sov-verify --key k.pub u.gguf
        grep -c . u.gguf.claims.jsonl >out
        out_is 2
        cp u.gguf.claims.jsonl first
        expect 0 sov-quantize -t copy -f -o v.tar.zst u.gguf
        expect 0 sov-quantize -t copy -f -o w.gguf v.tar.zst
        cmp u.gguf w.gguf
        cmp u.gguf.claims.jsonl w.gguf.claims.jsonl
        cmp u.gguf.sovidx w.gguf.sovidx
        sov-quantize -t copy --format tar.gz -o - u.gguf |
            sov-quantize -t copy -f -o w.gguf -
        cmp u.gguf.claims.jsonl w.gguf.claims.jsonl ||
            fail "through a pipe: other claims"
        rm -f u.gguf.* w.gguf.*
    done
done

# a model that changes goes alone
expect 0 sov-quantize -t copy -f -o u.gguf p.tar
expect 0 sov-quantize -t q4_0 -o x.gguf u.gguf
expect 0 sov-quantize --set general.name=x -v -o y.gguf u.gguf
err_has 'they are about other bytes'
for f in x y; do
    for side in claims.jsonl sovidx; do
        [ ! -e $f.gguf.$side ] || fail "$f.gguf.$side is about another model"
    done
done

# claims that are there already are not replaced unasked
cp u.gguf.claims.jsonl z.gguf.claims.jsonl
expect 73 sov-quantize -t copy -o z.gguf u.gguf
[ ! -e z.gguf ] || fail "an output is left"
tmp_empty

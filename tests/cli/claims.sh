#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# claims - openssl verifies every claim we write, as sov-claims(5) says
. "${top_srcdir:?}/tests/cli/lib.sh"

for tool in openssl jq base64; do
    command -v $tool >/dev/null || skip "no $tool"
done

PATH=$top_builddir/tests/tools:$PATH
mkclaims keys >pub
mkclaims lines >made
mkclaims lines | cmp -s - made || fail "the same claims, other bytes"
cat "$top_srcdir/tests/data/child.gguf.claims.jsonl" >>made

# What the tools themselves write: adopted, quantized, signed.
for name in k l; do
    sov-verify -q --keygen $name --no-password
done
sov-quantize -q -t f16 -o f.gguf "$tale"
sov-verify -q --adopt --sign-key k.key f.gguf
sov-quantize -q -t q8_0 --sign-key k.key -o q.gguf f.gguf
sov-verify -q --sign --sign-key l.key q.gguf
cat q.gguf.claims.jsonl >>made
for name in k l; do
    {
        printf '\060\052\060\005\006\003\053\145\160\003\041\000'
        tail -n 1 $name.pub | base64 -d | tail -c 32
    } >$name.der
    echo "$(openssl dgst -sha256 -r $name.der | cut -c 1-64) $(base64 <$name.der)" >>pub
done

while read -r id der; do
    printf -- '-----BEGIN PUBLIC KEY-----\n%s\n-----END PUBLIC KEY-----\n' \
        "$der" >"$id.pem"
    openssl pkey -pubin -in "$id.pem" -outform der | openssl dgst -sha256 -r |
        grep -q "^$id " || fail "$id is not the SHA-256 of its key"
done <pub

n=0
while read -r line; do
    n=$((n + 1))
    printf '%s\n' "$line" >line
    id=$(jq -r .verificationMaterial.publicKey.hint line)
    jq -r .dsseEnvelope.payload line | base64 -d >payload
    jq -r .dsseEnvelope.signatures[0].sig line | base64 -d >sig
    {
        printf 'DSSEv1 28 application/vnd.in-toto+json %d ' \
            "$(wc -c <payload)"
        cat payload
    } >pae
    expect 0 openssl pkeyutl -verify -pubin -inkey "$id.pem" -rawin -in pae \
        -sigfile sig
    # the canonical form is what jq makes of it, keys sorted
    jq -cSj . payload >sorted
    jq -r '.. | strings' payload | grep -q "$(printf '\177')" ||
        cmp -s payload sorted || fail "line $n is not canonical"
done <made
[ $n -eq 10 ] || fail "$n lines instead of 10"

# the last one is about q.gguf
[ "$(jq -r '.subject[0].digest.sha256' payload)" = \
    "$(openssl dgst -sha256 -r q.gguf | cut -c 1-64)" ] || fail "sha256"
command -v fsverity >/dev/null || exit 0
[ "$(jq -r '.subject[0].digest.fsverity_sha256' payload)" = \
    "$(fsverity digest --compact q.gguf)" ] || fail "fsverity_sha256"

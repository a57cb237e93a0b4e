#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# interop - other people's verifiers, and what of ours each of them accepts
#
# The table of sov-claims(5), as run: for each program a thing of ours that it
# accepts, and the same with a byte changed, which it refuses.  Programs that
# are not here are told.  More cases of each: minisign.sh, sigstore.sh,
# claims.sh, sov-verify/oms.sh, sov-verify/papers.sh.
. "${top_srcdir:?}/tests/cli/lib.sh"

XDG_CONFIG_HOME=$scratch/config
export XDG_CONFIG_HOME
ran=0

# row PROGRAM WHAT: the next two are about it; false where it is not here
row() {
    command -v "$1" >/dev/null || {
        echo "not here: $1 ($2)"
        return 1
    }
    ran=$((ran + 1))
    what="$1: $2"
}

accepts() {
    "$@" >out 2>err || {
        show
        fail "$what: is refused: $*"
    }
}

refuses() {
    if "$@" >out 2>err; then
        fail "$what: is accepted with a byte changed: $*"
    fi
    echo "$what"
}

# flip FILE TO: a byte in the middle is another one
flip() {
    _at=$(($(wc -c <"$1") / 2))
    _byte=$(od -An -tu1 -j $_at -N 1 "$1")
    {
        head -c $_at "$1"
        # shellcheck disable=SC2059
        printf "\\$(printf %03o $((_byte ^ 1)))"
        tail -c +$((_at + 2)) "$1"
    } >"$2"
}

# a model with a history, signed and frozen; the key in three more forms
sov-verify -q --keygen team --no-password
"$top_builddir/tests/tools/mkmodel" layers=1 m.gguf
sov-verify -q --adopt --sign-key team.key m.gguf
sov-quantize -q -t q8_0 --sign-key team.key -o q.gguf m.gguf
sov-verify -q --sign --freeze --sign-key team.key q.gguf
claims=q.gguf.claims.jsonl
tail -n 1 team.pub | base64 -d | tail -c 32 >raw
{
    printf '\060\052\060\005\006\003\053\145\160\003\041\000'
    cat raw
} >team.der
{
    echo "-----BEGIN PUBLIC KEY-----"
    base64 <team.der
    echo "-----END PUBLIC KEY-----"
} >team.pem
{
    printf 'ssh-ed25519 '
    {
        printf '\000\000\000\013ssh-ed25519\000\000\000\040'
        cat raw
    } | base64 | tr -d '\n'
    echo
} >team.ssh

# what a claim signs, taken apart by nothing of ours
tail -n 1 $claims >line
sed 's/.*"payload":"\([^"]*\)".*/\1/' line | base64 -d >payload
sed 's/.*"sig":"\([^"]*\)".*/\1/' line | base64 -d >sig
{
    printf 'DSSEv1 28 application/vnd.in-toto+json %d ' \
        "$(($(wc -c <payload)))"
    cat payload
} >pae
flip pae pae.bad
flip $claims claims.bad

if row openssl "a claim, Ed25519 over DSSE"; then
    accepts openssl pkeyutl -verify -pubin -inkey team.pem -rawin -in pae \
        -sigfile sig
    refuses openssl pkeyutl -verify -pubin -inkey team.pem -rawin -in pae.bad \
        -sigfile sig
fi
if row minisign "the frozen claims"; then
    accepts minisign -V -q -p team.pub -x $claims.minisig -m $claims
    refuses minisign -V -q -p team.pub -x $claims.minisig -m claims.bad
fi
if row signify-openbsd "our public key, and a signature of a claim under it"; then
    # keynum and key as signify has them; the signature is that of the claim
    {
        echo "untrusted comment: verify with team.pub"
        {
            printf Ed
            tail -n 1 team.pub | base64 -d | head -c 10 | tail -c 8
            cat sig
        } | base64 | tr -d '\n'
        echo
    } >pae.sig
    accepts signify-openbsd -V -q -p team.pub -x pae.sig -m pae
    refuses signify-openbsd -V -q -p team.pub -x pae.sig -m pae.bad
fi
if row ssh-keygen "our public key"; then
    # we make no SSHSIG: what is accepted is the key
    accepts ssh-keygen -l -f team.ssh
    grep -q ED25519 out || fail "$what: another kind of key"
    sed 's/AAAAC3/AAAAD3/' team.ssh >team.bad
    refuses ssh-keygen -l -f team.bad
fi
if row fsverity "the digest of a model in its claim"; then
    accepts fsverity digest --compact q.gguf
    grep -qF "\"fsverity_sha256\":\"$(cat out)\"" payload ||
        fail "$what: another digest"
    flip q.gguf bad.gguf
    refuses grep -qF "$(fsverity digest --compact bad.gguf)" payload
fi
if row sha256sum "the digest of a model in its claim, and the claim's id"; then
    accepts grep -qF "\"sha256\":\"$(sha256sum q.gguf | cut -c 1-64)\"" payload
    sov-verify --json --show --key team.pub q.gguf >shown
    accepts grep -qF "\"claim\":\"$(sha256sum payload | cut -c 1-64)\"" shown
    flip q.gguf bad.gguf
    refuses grep -qF "$(sha256sum bad.gguf | cut -c 1-64)" payload
fi
if [ -d "${SOV_SIGSTORE:-}/node_modules/sigstore" ] &&
    row node "sigstore's verifier: every claim as a bundle"; then
    echo "$(sha256sum team.der | cut -c 1-64) $(base64 <team.der)" >pub
    accepts node "$top_srcdir/tests/cli/sigstore.mjs" "$SOV_SIGSTORE" pub $claims
    refuses node "$top_srcdir/tests/cli/sigstore.mjs" "$SOV_SIGSTORE" pub \
        claims.bad
else
    echo "not here: npm's sigstore (SOV_SIGSTORE)"
fi
if row openssl "model.sig, ECDSA over DSSE"; then
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 \
        -out ec.key 2>/dev/null
    chmod 600 ec.key
    openssl pkey -in ec.key -pubout -out ec.pem
    mkdir hf
    cp "$tale"/*.json hf
    if sov-verify -q --sign --format=oms --sign-key ec.key hf 2>err; then
        sed 's/.*"payload":"\([^"]*\)".*/\1/' hf/model.sig | base64 -d >o.payload
        sed 's/.*"sig":"\([^"]*\)".*/\1/' hf/model.sig | base64 -d >o.sig
        {
            printf 'DSSEv1 28 application/vnd.in-toto+json %d ' \
                "$(($(wc -c <o.payload)))"
            cat o.payload
        } >o.pae
        flip o.pae o.bad
        accepts openssl dgst -sha384 -verify ec.pem -signature o.sig o.pae
        refuses openssl dgst -sha384 -verify ec.pem -signature o.sig o.bad
    else
        grep -q nettle err || fail "no model.sig"
        ran=$((ran - 1))
        echo "not here: nettle"
    fi
fi
if [ -d "${SOV_SCHEMAS:-}/node_modules/ajv" ] &&
    row node "ajv: the ML-BOM by the schema of CycloneDX 1.6"; then
    sov-verify -q --report=cyclonedx --key team.pub -o bom q.gguf
    sed 's/"specVersion": "1.6"/"specVersion": 1.6/' bom >bom.bad
    accepts node "$top_srcdir/tests/cli/cyclonedx.mjs" "$SOV_SCHEMAS" bom
    refuses node "$top_srcdir/tests/cli/cyclonedx.mjs" "$SOV_SCHEMAS" bom.bad
else
    echo "not here: ajv (SOV_SCHEMAS)"
fi
if row xmllint "the lineage picture"; then
    sov-verify -q --report=lineage --key team.pub -o l.svg q.gguf
    sed 's/<svg/<svh/' l.svg >bad.svg
    accepts xmllint --noout l.svg
    refuses xmllint --noout bad.svg
fi
[ $ran -gt 0 ] || skip "none of the verifiers is here"
echo "$ran verifiers"

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# oms - model.sig of OpenSSF Model Signing, by others and by us
. "${top_srcdir:?}/tests/cli/lib.sh"

command -v openssl >/dev/null || skip "no openssl"
data=$top_srcdir/tests/data/oms
XDG_CONFIG_HOME=$scratch/config
export XDG_CONFIG_HOME

# the example of the reference implementation, v1.1.0
mkdir v
printf 'signme-1\n' >v/signme-1
printf 'signme-2' >v/signme-2
cp "$data/model.sig" v
_got=0
sov-verify --key "$data/key.pem" v >out 2>err || _got=$?
[ $_got -ne 69 ] || skip "this build has no nettle"
expect 0 sov-verify --key "$data/key.pem" v
out_is "v: verified, model.sig by P-384 key e8450dec4eb99dae"
err_empty
expect 0 sov-verify --json --key "$data/key.pem" v
out_has '"answer":"verified"'
expect 0 sov-verify -q --key "$data/key.pem" v
out_empty
touch v/ignore-me # is in its ignore_paths
expect 0 sov-verify --key "$data/key.pem" v
mkdir v/.git
touch v/.git/x v/.gitignore
expect 0 sov-verify --key "$data/key.pem" v

# changed, added, missing
printf 'signme-3' >v/signme-2
expect 1 sov-verify --key "$data/key.pem" v
err_has "signme-2: is not what was signed"
err_one_line
expect 1 sov-verify --json --key "$data/key.pem" v
out_has '"answer":"files"'
printf 'signme-2' >v/signme-2
touch v/extra
expect 1 sov-verify --key "$data/key.pem" v
err_has "extra: was not signed"
rm v/extra
mv v/signme-1 .
expect 1 sov-verify --key "$data/key.pem" v
err_has "signme-1: is missing"
ln -s ../signme-1 v/signme-1
expect 65 sov-verify --key "$data/key.pem" v
err_has "link"
rm v/signme-1
mv signme-1 v

# the signature itself: a byte of what is signed, of the signature, of the form
for change in 's/eyJfd/eyJfe/' 's/ewogICJf/ewogICJg/' 's/"sig":"MGUCMQCV/"sig":"MGUCMQCU/' \
    's/MGUCMQ/MGUCMA/' 's/"sig"/"gis"/' 's/"keyid":""}/"keyid":""},{}/' \
    's/{"mediaType"/{"more":1,"mediaType"/' 's/v0.3/v0.4/' 's/}$//'; do
    sed "$change" "$data/model.sig" >v/model.sig
    cmp -s v/model.sig "$data/model.sig" && continue
    expect 1 sov-verify --key "$data/key.pem" v
    err_has "model.sig"
    err_one_line
done
sed 's/"tlogEntries"/"x509CertificateChain"/' "$data/model.sig" >v/model.sig
expect 69 sov-verify --key "$data/key.pem" v
rm v/model.sig
expect 66 sov-verify --key "$data/key.pem" v
err_has "there is no v/model.sig"
expect 0 sov-verify --key "$data/key.pem" --claims "$data/model.sig" v

# keys of each curve, as openssl writes them
for curve in P-256 P-384 P-521; do
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:$curve \
        -out $curve.key 2>/dev/null
    openssl pkey -in $curve.key -pubout -out $curve.pem
    chmod 600 $curve.key
done
openssl ec -in P-384.key -out sec1.key 2>/dev/null
chmod 600 sec1.key
sov-verify -q --keygen team --no-password

# what cannot be meant
cp -r "$tale" m
expect 64 sov-verify --sign --format=oms m
expect 64 sov-verify --format=oms --key P-256.pem m
expect 64 sov-verify --adopt --format=oms --sign-key P-256.key m
expect 64 sov-verify --sign --format=oms --sign-key P-256.key
expect 64 sov-verify --sign --format=oms --sign-key P-256.key m/config.json
expect 64 sov-verify --sign --format=oms --freeze --sign-key P-256.key m
expect 64 sov-verify --sign --sign-key P-256.key m
err_has "--format=oms"
expect 77 sov-verify --sign --format=oms --sign-key team.key m
expect 77 sov-verify --sign --format=oms --sign-key P-256.pem m
expect 64 sov-verify --key P-256.pem --key team.pub m
chmod 640 P-256.key
expect 77 sov-verify --sign --format=oms --sign-key P-256.key m
err_has "chmod 600"
chmod 600 P-256.key
openssl pkey -in P-256.key -aes128 -passout pass:x -out locked.key
chmod 600 locked.key
expect 77 sov-verify --sign --format=oms --sign-key locked.key m
[ ! -e m/model.sig ] || fail "a signature was left"

# pae FILE: what the signature in it signs, in pae, and the signature in sig
pae() {
    sed 's/.*"payload":"\([^"]*\)".*/\1/' "$1" | base64 -d >payload
    sed 's/.*"sig":"\([^"]*\)".*/\1/' "$1" | base64 -d >sig
    {
        printf 'DSSEv1 28 application/vnd.in-toto+json %d ' \
            "$(($(wc -c <payload)))"
        cat payload
    } >pae
}

# ours, verified by us and by openssl
for key in P-256 P-384 P-521 sec1; do
    pub=$key
    [ $key != sec1 ] || pub=P-384
    case $pub in
    P-256) hash=sha256 ;;
    P-384) hash=sha384 ;;
    *) hash=sha512 ;;
    esac
    rm -rf m/model.sig
    expect 0 sov-verify --sign --format=oms --sign-key $key.key m
    out_has "6 files signed by $pub"
    expect 73 sov-verify --sign --format=oms --sign-key $key.key m
    expect 0 sov-verify -f --sign --format=oms --sign-key $key.key m
    expect 0 sov-verify --key $pub.pem m
    pae m/model.sig
    openssl dgst -$hash -verify $pub.pem -signature sig pae >/dev/null ||
        fail "openssl refuses our signature by $key"
    # the hint is the digest of the key as openssl writes it
    grep -qF "\"hint\":\"$(sha256sum $pub.pem | cut -c 1-64)\"" m/model.sig ||
        fail "another hint for $key"
done
pae "$data/model.sig"
openssl dgst -sha384 -verify "$data/key.pem" -signature sig pae >/dev/null ||
    fail "openssl refuses the example"

# by a key that nobody trusts it is a refusal, and one of several is enough
expect 77 sov-verify --key P-256.pem m
expect 77 sov-verify --json --key P-256.pem m
out_has '"answer":"not-trusted"'
expect 0 sov-verify --key P-256.pem --key P-384.pem m
expect 66 sov-verify --key P-256.pem m v
expect 1 sov-verify --key P-256.pem --key P-384.pem --claims m/model.sig v
err_has "was not signed"

# the root of the files is the digest of their digests, in order
pae m/model.sig
tr '{' '\n' <payload | sed -n 's/.*"digest":"\([0-9a-f]*\)","name".*/\1/p' >hex
want=$(while read -r h; do
    i=1
    while [ $i -lt 64 ]; do
        # shellcheck disable=SC2059
        printf "\\$(printf %03o "0x$(echo "$h" | cut -c $i-$((i + 1)))")"
        i=$((i + 2))
    done
done <hex | sha256sum | cut -c 1-64)
grep -qF "{\"sha256\":\"$want\"}" payload || fail "another root"

# our own claims stand beside it, and neither counts for the other
sov-verify -q --adopt --sign-key team.key m
expect 0 sov-verify --key P-384.pem m
expect 0 sov-verify --key team.pub m
rm m/model.sig
expect 0 sov-verify --key team.pub m
expect 0 sov-verify --sign --format=oms --sign-key P-256.key m
expect 0 sov-verify --key team.pub m
expect 0 sov-verify --key P-256.pem m

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# claims - what was pruned from what, and how, so that it can be done again
. "${top_srcdir:?}/tests/cli/lib.sh"

command -v jq >/dev/null || skip "no jq"
tools=$top_builddir/tests/tools
XDG_CONFIG_HOME=$scratch/none
SOURCE_DATE_EPOCH=1700000000
export XDG_CONFIG_HOME SOURCE_DATE_EPOCH
sov-verify -q --keygen a --no-password
printf 'sov-policy v1\nkey a minisign %s\n' "$(tail -n 1 a.pub)" >a.pol
"$tools/mkmodel" layers=2 width=256 ffn=256 vocab=64 m.gguf
"$tools/mkstats" m.gguf im.gguf
expect 0 sov-verify -q --adopt --sign-key a.key m.gguf

# signed, verified, the same for any threads
expect 0 sov-prune --stats im.gguf --ratio 0.3 --sign-key a.key -o 1.gguf m.gguf
expect 0 sov-verify --key a.pub 1.gguf
mkdir same
(cd same && sov-prune -q -j 1 --stats ../im.gguf --ratio 0.3 \
    --sign-key ../a.key -o 1.gguf ../m.gguf)
for f in 1.gguf 1.gguf.claims.jsonl 1.gguf.sovidx; do
    cmp $f same/$f || fail "$f is another with one thread"
done

# all that it takes to do it again
claim() {
    tail -n 1 "$1.claims.jsonl" | jq -r .dsseEnvelope.payload | base64 -d |
        jq -c .predicate.buildDefinition
}
claim 1.gguf >said
[ "$(jq -r .buildType said)" = urn:sov:buildtype:prune:v1 ] || fail "build type"
[ "$(jq -c .externalParameters said | jq -cS .)" = \
    '{"align":32,"input":"m.gguf","method":"wanda","output":"1.gguf","ratio":"0.3","stats":"im.gguf"}' ] ||
    fail "parameters: $(cat said)"
sum=$(sha256sum im.gguf | cut -d' ' -f1)
grep -q "$sum" said || fail "the importance matrix is not named by its digest"

# a plan and rules
sov-prune --method magnitude --pattern 2:4 --dry-run --plan-out p.json m.gguf \
    >/dev/null
expect 0 sov-prune --plan p.json --tensor-ratio '*attn_q*=keep' \
    --tensor-ratio '*ffn*=0.25' --align 64 --sign-key a.key -o 2.gguf m.gguf
expect 0 sov-verify --key a.pub 2.gguf
claim 2.gguf >said
[ "$(jq -cS '.externalParameters | del(.takes)' said)" = \
    '{"align":64,"input":"m.gguf","method":"magnitude","output":"2.gguf","plan":"p.json","tensor_ratio":["*attn_q*=keep","*ffn*=0.25"]}' ] ||
    fail "parameters: $(cat said)"
grep -q "$(sha256sum p.json | cut -d' ' -f1)" said || fail "the plan"
[ "$(jq -c .externalParameters.takes said)" = \
    "$(jq -c '[.tensors[] | .name + "=" + .pattern]' p.json)" ] ||
    fail "what the plan says"

# the chain goes on, and a policy is heeded
expect 0 sov-quantize -q -t q8_0 --require-claims a.pol --sign-key a.key \
    -o 3.gguf 1.gguf
expect 0 sov-verify --show 3.gguf
out_has prune
cp m.gguf bare.gguf
expect 77 sov-prune --method magnitude --ratio 0.5 --require-claims a.pol \
    -o x.gguf bare.gguf
[ ! -e x.gguf ] || fail "an output after a refusal"

# an older output was signed: that is said
cp 1.gguf.claims.jsonl 1.gguf.sovidx same
expect 0 sov-prune --method magnitude --ratio 0.5 -fo same/1.gguf m.gguf
err_has "is about an older"

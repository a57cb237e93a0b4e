#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# life - a model is adopted, made smaller, verified, moved, damaged
. "${top_srcdir:?}/tests/cli/lib.sh"

mkmodel=$top_builddir/tests/tools/mkmodel
XDG_CONFIG_HOME=$scratch/config
export XDG_CONFIG_HOME
mkdir -p config/sov
sov-verify -q --keygen team --no-password
sov-verify -q --keygen other --no-password
"$mkmodel" layers=1 m.gguf

# before anybody has said anything
expect 66 sov-verify --key team.pub m.gguf
err_has "m.gguf.claims.jsonl"
err_one_line
expect 77 sov-verify --require-claims team.pol m.gguf
printf 'sov-policy v1\nkey team minisign %s\n' "$(tail -n 1 team.pub)" >team.pol
expect 77 sov-verify --require-claims team.pol m.gguf
err_has "m.gguf"
expect 66 sov-verify --key team.pub none.gguf
expect 66 sov-verify --key team.pub --claims none m.gguf
expect 66 sov-verify --show m.gguf
expect 66 sov-verify --scrub m.gguf
expect 77 sov-verify --key none.pub m.gguf

# what cannot be meant
expect 64 sov-verify --adopt m.gguf
err_has "--sign-key"
expect 64 sov-verify --sign-key team.key m.gguf
expect 64 sov-verify --sign --adopt --sign-key team.key m.gguf
expect 64 sov-verify --adopt --sign-key team.key
expect 64 sov-verify --adopt --sign-key team.key -
expect 64 sov-verify --sign --sign-key team.key --source x m.gguf
expect 64 sov-verify --depfile d.mk --key team.pub m.gguf
expect 64 sov-verify --scrub -
only_files config m.gguf team.key team.pub other.key other.pub team.pol

# adopted
expect 0 sov-verify --adopt --sign-key team.key --license Apache-2.0 \
    --source https://example.org/m --revision 1 --depfile d.mk m.gguf
out_has "m.gguf: signed"
err_empty
grep -q '^m.gguf.claims.jsonl:' d.mk || fail "--depfile: no target"
expect 0 sov-verify --key team.pub m.gguf
out_has "m.gguf: verified, signed by team.pub"
err_empty
expect 0 sov-verify -q --key team.pub m.gguf
out_empty
expect 0 sov-verify -v --policy team.pol m.gguf
out_has "import"
out_has "signed by team "
expect 0 sov-verify --json --key other.pub --key team.pub m.gguf
out_has '"verified":true'
out_has '"answer":"verified"'
expect 0 sov-verify --key team.pub --claims m.gguf.claims.jsonl - <m.gguf
out_has "standard input: verified"
expect 74 sh -c 'sov-verify --key team.pub m.gguf >/dev/full'

# by a stranger it is no yes, and the answer says how to make it one
for trust in "" "--key other.pub"; do
    # shellcheck disable=SC2086
    expect 77 sov-verify $trust m.gguf
    err_has "--key"
    out_empty
    err_one_line
done
grep -qE '[0-9a-f]{64}' err || fail "the key is not named"
expect 77 sov-verify --json m.gguf
out_has '"answer":"not-trusted"'
out_has '"verified":false'
cp team.pol config/sov/trust
expect 0 sov-verify m.gguf
expect 77 sov-verify --key other.pub m.gguf
err_has "--key or in a policy"
id=$(sov-verify --json m.gguf | sed 's/.*"key_id":"\([0-9a-f]*\)".*/\1/')
printf 'sov-policy v1\nkey team minisign %s\nrevoke key %s\n' \
    "$(tail -n 1 team.pub)" "$id" >revoked.pol
expect 77 sov-verify --policy revoked.pol m.gguf
err_has "revoked"
printf 'sov-policy v1\nkey team minisign %s to 2020-01-01\n' \
    "$(tail -n 1 team.pub)" >old.pol
expect 77 sov-verify --policy old.pol m.gguf
rm config/sov/trust

# made smaller: the history goes with it
expect 0 sov-quantize -t q8_0 --sign-key team.key -o small.gguf m.gguf
expect 0 sov-verify --json --key team.pub small.gguf
out_has '"chain":2'
out_has '"vouched":2'
expect 0 sov-verify --show --key team.pub small.gguf
out_has "quantize q8_0"
out_has "import"
out_has "source=https://example.org/m"
[ "$(grep -c 'license: Apache-2.0' out)" -eq 2 ] || fail "licence not inherited"
awk 'length($0) > 88 { exit 1 }' out || fail "--show is wider than 80 columns"
expect 0 sov-verify --show --json small.gguf
out_has '"trust":"unknown"'
out_has '"buildType":"urn:sov:buildtype:quantize:v1"'
expect 0 sov-verify --scrub small.gguf
out_has "proves nothing"

# the claims of the child know those of the parent without their file
cp small.gguf.claims.jsonl all
tail -n 1 all >small.gguf.claims.jsonl
expect 0 sov-verify --key team.pub small.gguf
cp all small.gguf.claims.jsonl

# renamed and moved
mkdir moved
cp small.gguf moved/another.gguf
cp small.gguf.claims.jsonl moved/another.gguf.claims.jsonl
expect 0 sov-verify --key team.pub moved/another.gguf

# a part of a split model, and a terminal, are told for what they are
expect 0 sov-quantize -q --split-max-tensors 5 --sign-key team.key -o part.gguf \
    m.gguf
second=$(ls part-00002-of-*.gguf)
expect 0 sov-verify --key team.pub part-00001-of-*.gguf
expect 66 sov-verify --key team.pub "$second"
err_has "by its first part"
expect 65 sov-verify --show --key team.pub "$second"
err_has "the first part"
rm part-*
expect 66 sov-verify --key team.pub m.gguf.sovidx
err_has "this is no model"
if [ -n "$(command -v script)" ]; then
    expect 64 script -qefc "sov-verify --key team.pub -" /dev/null
    out_has "is a terminal"
fi

# damaged: a no that says where
cp m.gguf bad.gguf
cp m.gguf.claims.jsonl bad.gguf.claims.jsonl
cp m.gguf.sovidx bad.gguf.sovidx
printf 'XXXX' | dd of=bad.gguf bs=1 seek=300000 conv=notrunc 2>/dev/null
expect 1 sov-verify --key team.pub bad.gguf
err_has "bad.gguf"
err_has "tensor "
err_one_line
where=$(sed 's/.*tensor \([^ ,]*\).*/\1/' err)
expect 1 sov-verify --scrub bad.gguf
err_has "tensor $where"
expect 1 sov-verify --scrub --json bad.gguf
out_has "\"tensor\":\"$where\""
out_has '"intact":false'
expect 1 sov-verify --json --key team.pub bad.gguf m.gguf
out_has '"answer":"bytes"'
rm bad.gguf.sovidx
expect 1 sov-verify --key team.pub bad.gguf
cp m.gguf.sovidx bad.gguf.sovidx
"$top_builddir/tests/tools/mkmodel" seed=7 bad.gguf
expect 1 sov-verify --key team.pub bad.gguf
twice=$(grep -o 'tensor [^ ,]*' err | sort | uniq -d)
[ -z "$twice" ] || fail "named twice: $twice"
truncate -s -1 bad.gguf
expect 1 sov-verify --key team.pub bad.gguf
expect 66 sov-verify --key team.pub none.gguf bad.gguf m.gguf
out_has "m.gguf: verified"
[ "$(wc -l <err)" -eq 2 ] || fail "not one line for each that failed"

# broken claims
echo '{' >broken
expect 1 sov-verify --key team.pub --claims broken m.gguf
err_has broken
: >empty
expect 1 sov-verify --key team.pub --claims empty m.gguf
# a second signature under the same claim; a third time adds nothing
expect 0 sov-verify --sign --sign-key other.key m.gguf
[ "$(wc -l <m.gguf.claims.jsonl)" -eq 2 ] || fail "not two signatures"
expect 0 sov-verify --sign --sign-key other.key m.gguf
out_has "already"
[ "$(wc -l <m.gguf.claims.jsonl)" -eq 2 ] || fail "signed twice"
expect 0 sov-verify --key other.pub m.gguf
expect 0 sov-verify --json --key other.pub --key team.pub m.gguf
out_has '"signers":2'

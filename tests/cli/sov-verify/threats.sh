#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# threats - the table of threats, a row at a time: attacked, refused, and named
#
# Ada is the root, Bob builds, Dave is known and may nothing, x is a stranger.
# What a row of the table is about stands in its comment.  A model that changes
# while it is read is in attack.sh; that signed bytes are those that would have
# been made, and files that the kernel guards, have tests of their own.
. "${top_srcdir:?}/tests/cli/lib.sh"

tools=$top_builddir/tests/tools
XDG_CONFIG_HOME=$scratch/none
export XDG_CONFIG_HOME
for key in ada bob carol dave x; do
    sov-verify -q --keygen $key --no-password
done

key_of() {
    echo "key $1 minisign $(tail -n 1 "$1.pub") ${2-}"
}
id_of() {
    sov-verify --json --show "$1" | grep -o '"claim":"[0-9a-f]*"' |
        sed "$2!d; s/.*:\"//; s/\"//"
}
# policy FILE RULE...
policy() {
    _file=$1
    shift
    {
        echo "sov-policy v1"
        echo "name site"
        for _who in ada bob carol dave; do
            key_of $_who
        done
        echo "group builders any bob carol"
        for _rule in "$@"; do
            echo "$_rule"
        done
    } >"$_file"
}
# payload FILE N: what line N of some claims says; forge KEY: a line that says
# what comes
payload() {
    sed -n "$2p" "$1" | sed 's/.*"payload":"\([^"]*\)".*/\1/' | base64 -d
}
forge() {
    cat >said
    [ ! -e q.gguf ] || ! payload q.gguf.claims.jsonl 3 | cmp -s - said ||
        fail "nothing was changed"
    "$tools/mkclaims" sign "$1.key" <said
}
# no STATUS WHAT MODEL: refused, in one line that says so
no() {
    # shellcheck disable=SC2086 # an option and its value
    expect "$1" sov-verify --policy p ${with:-} "$3"
    err_has "$2"
    err_one_line
}

"$tools/mkmodel" layers=1 base.gguf
expect 0 sov-verify -q --adopt --sign-key ada.key --license Apache-2.0 base.gguf
printf 'sov-facts v1\njurisdiction: EU\n' >eu
expect 0 sov-verify -q --facts eu --sign-key ada.key base.gguf
policy p "allow import ada" "allow facts ada" "allow quantize builders" \
    "lineage complete"
expect 0 sov-quantize -q -t q8_0 --require-claims p --sign-key bob.key \
    -o q.gguf base.gguf
expect 0 sov-verify --policy p q.gguf

# copy NAME: another q.gguf
copy() {
    cp q.gguf "$1"
    cp q.gguf.claims.jsonl "$1.claims.jsonl"
    cp q.gguf.sovidx "$1.sovidx"
}

# flip bits in weights: the tensor is named
copy a.gguf
printf XX | dd of=a.gguf bs=1 seek=$(($(wc -c <a.gguf) - 5000)) conv=notrunc \
    2>/dev/null
no 1 "differ in tensor" a.gguf
# bit rot
expect 1 sov-verify --scrub a.gguf
err_has "tensor"

# swap tensors, or call one another: the bytes of the header
copy b.gguf
LC_ALL=C sed -i 's/blk.0.attn_k.weight/blk.0.attn_X.weight/
s/blk.0.attn_v.weight/blk.0.attn_k.weight/
s/blk.0.attn_X.weight/blk.0.attn_v.weight/' b.gguf
cmp -s q.gguf b.gguf && fail "nothing was swapped"
no 1 "the bytes are not those" b.gguf
# edit metadata
copy c.gguf
LC_ALL=C sed -i 's/general.name/general.mane/' c.gguf
no 1 "differ in bytes 0 to" c.gguf

# replace the model and its claims together
copy d.gguf
cp a.gguf d.gguf
rm d.gguf.claims.jsonl d.gguf.sovidx
expect 0 sov-verify -q --adopt --sign-key x.key d.gguf
no 77 "signed by key" d.gguf
rm d.gguf.claims.jsonl
expect 0 sov-verify -q --adopt --sign-key bob.key d.gguf
no 77 "may import" d.gguf
err_has "(import of d.gguf) is signed by bob"

# strip the lineage, and present what was quantized as an original
cp q.gguf e.gguf
rm -f e.gguf.claims.jsonl
expect 77 sov-verify --require-claims p e.gguf
err_has "has no claims"
expect 0 sov-verify -q --sign --sign-key bob.key e.gguf
no 77 "nobody may sign here" e.gguf
payload q.gguf.claims.jsonl 3 |
    sed 's/"resolvedDependencies":\[.*\]}\(,"runDetails\)/"resolvedDependencies":[]}\1/' |
    forge bob >e.gguf.claims.jsonl
no 77 "is where its history begins" e.gguf

# delete an inconvenient ancestor: from the file, and from the model too
sed 1d q.gguf.claims.jsonl >less
with="--claims less"
# shellcheck disable=SC2086
expect 0 sov-verify --policy p $with q.gguf # the model has it
with=
expect 0 sov-quantize -q -t f16 --format safetensors --require-claims p \
    --sign-key bob.key -o f.safetensors base.gguf
expect 0 sov-verify --policy p f.safetensors
sed -i 1d f.safetensors.claims.jsonl # the import
no 1 "which is missing" f.safetensors
payload q.gguf.claims.jsonl 3 | sed 's/"sov_claim":"[0-9a-f]*",//g' |
    forge bob >f
with="--claims f"
no 77 "no claim is named for its parent base.gguf" q.gguf
with=

# add a false claim: a stranger's changes nothing, and who may not say it says
# nothing
copy g.gguf
printf 'sov-facts v1\nreviewed_by: everybody\n' >false
expect 0 sov-verify -q --facts false --sign-key x.key g.gguf
expect 0 sov-verify --policy p --json g.gguf
out_has '"unknown_lines":1'
policy p2 "require review ada"
expect 0 sov-verify -q --facts false --sign-key dave.key g.gguf
expect 77 sov-verify --policy p2 g.gguf
err_has "(require review ada): it needs a review by ada"

# a stolen builder's key: two have to agree; what it signed after that day
policy p "allow import ada" "allow facts ada" "group both all bob carol" \
    "allow quantize both" "lineage complete"
no 77 "not by enough of those who may quantize" q.gguf
copy h.gguf
expect 0 sov-verify -q --sign --key bob.pub --sign-key carol.key h.gguf
expect 0 sov-verify --policy p h.gguf
bob=$(sov-verify --json --key bob.pub q.gguf |
    sed 's/.*"key_id":"\([0-9a-f]*\)".*/\1/')
policy p "revoke key $bob"
no 77 "is revoked" q.gguf
SOURCE_DATE_EPOCH=1700000000 # 2023-11-14
export SOURCE_DATE_EPOCH
expect 0 sov-quantize -q -t q8_0 --sign-key bob.key -o old.gguf base.gguf
SOURCE_DATE_EPOCH=1700100000
expect 0 sov-quantize -q -t copy --set general.name=new --sign-key carol.key \
    -o new.gguf old.gguf
unset SOURCE_DATE_EPOCH
policy p "time witnessed" "revoke key $bob since 2023-11-17" \
    "allow quantize builders" "allow import ada" "allow facts ada" \
    "lineage complete"
expect 0 sov-verify --policy p new.gguf
policy p "time witnessed" "revoke key $bob since 2023-11-16" \
    "allow quantize builders" "allow import ada" "allow facts ada" \
    "lineage complete"
no 77 "(quantize of old.gguf) is signed by a key that ended" new.gguf

# a builder that makes something else of it: its program is recalled.  That
# the bytes are those that would have been made is another test's business.
tool=$(payload q.gguf.claims.jsonl 3 |
    sed 's/.*"sha256":"\([0-9a-f]*\)"},"name":"sov-quantize".*/\1/')
policy p "recall digest sha256:$tool"
no 77 "its tool sov-quantize was recalled" q.gguf

# launder a label: a builder leaves one out
payload q.gguf.claims.jsonl 3 | sed 's/,"license":\["Apache-2.0"\]//' |
    forge bob >launder
payload launder 1 | grep -q Apache && fail "not laundered"
policy p
with="--claims both"
head -n 2 q.gguf.claims.jsonl | cat - launder >both
no 1 "drops the label license=Apache-2.0" q.gguf
with=
policy p "license allow MIT"
no 77 "has the license Apache-2.0" q.gguf
policy p "jurisdiction allow CH"
no 77 "has the jurisdiction EU" q.gguf

# an old release again; an old policy again; one that has ended
policy p "min-epoch 7"
printf 'sov-facts v1\nepoch: 6\n' |
    expect 0 sov-verify -q --facts - --sign-key ada.key h.gguf
no 77 "it is of epoch 6" h.gguf
for version in 1 2; do
    {
        printf 'sov-policy v1\nname signed\nversion %d\n' $version
        key_of ada
        key_of bob "to 2029-01-01"
        echo "group root any ada"
        echo "allow import ada"
        echo "allow facts ada"
        echo "allow quantize bob"
    } >v$version
    expect 77 sov-verify --policy v$version q.gguf
    err_has "not signed by enough of the group root"
    expect 0 sov-verify -q --sign-policy v$version --sign-key ada.key
    expect 0 sov-verify --policy v$version q.gguf
done
expect 77 sov-verify --policy v1 q.gguf
err_has "version 1 of signed, and version 2 was seen before"
sed 's/allow quantize bob/allow quantize ada/' v2 >w2
expect 0 sov-verify -q --sign-policy w2 --sign-key ada.key
expect 77 sov-verify --policy w2 q.gguf
err_has "another text was version 2"
sed 's/version 2/version 3/; s/any ada/any bob/' v2 >v3
expect 0 sov-verify -q --sign-policy v3 --sign-key bob.key
expect 77 sov-verify --policy v3 q.gguf
err_has "not signed by enough of the group root of version 2"
sed '/^group/d' v2 >plain
expect 77 sov-verify --policy plain q.gguf
err_has "has no group root"
policy p "expires 2020-01-01"
no 77 "has expired" q.gguf

# a poisoned ancestor, found later
sum=$(sha256sum base.gguf | cut -c 1-64)
policy p "recall digest sha256:$sum"
no 77 "its file base.gguf was recalled" q.gguf
policy p "revoke claim $(id_of q.gguf 1)"
no 77 "(import of base.gguf) was revoked" q.gguf

# a signature of something else
cp v2 y2
cp q.gguf.claims.jsonl y2.sig.jsonl
expect 77 sov-verify --policy y2 q.gguf
err_has '"payloadType" is not "application/vnd.sov.policy.v1"'
with="--claims v2.sig.jsonl"
policy p
no 1 "payloadType" q.gguf
with=

# parsers: nothing is made of a model before it is known to be the one
copy i.gguf
printf 'GGUF\377\377\377\377\377\377\377\377' |
    dd of=i.gguf conv=notrunc 2>/dev/null
no 1 "the bytes are not those" i.gguf
printf 'GGUF' >i.gguf
no 1 "4 bytes, claim" i.gguf

# JSON that says two things; names that act on a terminal
sed '3s/^{/{"mediaType":"x",/' q.gguf.claims.jsonl >twice
with="--claims twice"
no 1 "twice, line 3" q.gguf
payload q.gguf.claims.jsonl 3 |
    sed 's/^{/{"predicateType":"https:\/\/slsa.dev\/provenance\/v1",/' |
    forge bob >twice
no 1 "duplicate" q.gguf
payload q.gguf.claims.jsonl 3 | sed 's/q.gguf/\\u001b[2Jq/' | forge bob >acts
with="--claims acts"
# shellcheck disable=SC2086
expect 1 sov-verify --policy p $with b.gguf
grep -q "$(printf '\033')" err && fail "an escape on the terminal"

# a weak digest beside a strong one: all that are known must fit
with="--claims weak"
payload q.gguf.claims.jsonl 3 |
    sed "s/\(.*\"subject\":.*,\"sha256\":\"\)[0-9a-f]*/\1$(printf '%064d' 0)/" |
    forge bob >last
head -n 2 q.gguf.claims.jsonl | cat - last >weak
policy p "digest require sha256 fsverity_sha256"
no 1 "the bytes are not those" q.gguf
payload q.gguf.claims.jsonl 3 |
    sed 's/\(.*"subject":.*\)"fsverity_sha256":"[0-9a-f]*",/\1/' |
    forge bob >last
head -n 2 q.gguf.claims.jsonl | cat - last >weak
no 77 "has no fsverity_sha256 of q.gguf" q.gguf
with=

# the clock, put back to when the key was good
touch -d 2029-06-01 "$XDG_STATE_HOME/sov/policies/signed"
expect 77 sov-verify --policy v2 q.gguf
grep -q "the clock is behind" err || fail "nobody was told"
grep -q "has expired" err || fail "the key counts"

# an evil adapter beside a good base
policy p "allow import ada" "allow facts ada"
"$tools/mklora" size=0.01 base.gguf l.gguf 2>/dev/null
expect 77 sov-run --require-claims p -m base.gguf --lora l.gguf -n 1 -p x
err_has "l.gguf: refused"
expect 0 sov-verify -q --adopt --sign-key dave.key l.gguf
expect 77 sov-run --require-claims p -m base.gguf --lora l.gguf -n 1 -p x
err_has "(import of l.gguf) is signed by dave"
expect 77 sov-quantize --require-claims p -t q8_0 --lora l.gguf -o n.gguf \
    base.gguf
[ ! -e n.gguf ] || fail "an output of what was refused"
rm l.gguf.claims.jsonl
expect 0 sov-verify -q --adopt --sign-key ada.key l.gguf
expect 0 sov-run -q --require-claims p -m base.gguf --lora l.gguf -n 1 -p x

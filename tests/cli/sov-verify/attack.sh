#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# attack - what somebody tries who cannot sign: lines of his own, names, fifos
. "${top_srcdir:?}/tests/cli/lib.sh"

mkmodel=$top_builddir/tests/tools/mkmodel
XDG_CONFIG_HOME=$scratch/none
export XDG_CONFIG_HOME
for key in a b x; do
    sov-verify -q --keygen $key --no-password
done
printf 'sov-policy v1\nkey a minisign %s\n' "$(tail -n 1 a.pub)" >policy
"$mkmodel" m.gguf
expect 0 sov-verify -q --adopt --sign-key a.key --license CC-BY-NC-4.0 m.gguf
cp m.gguf.claims.jsonl good

# a stranger's line behind a trusted one is neither parent nor signed
expect 0 sov-verify -q --adopt --sign-key x.key --license MIT \
    --claims-out foreign m.gguf
cat good foreign >m.gguf.claims.jsonl
expect 0 sov-verify --key a.pub m.gguf
expect 0 sov-quantize -q -t q8_0 --require-claims policy --sign-key b.key \
    -o q.gguf m.gguf
expect 0 sov-verify --key b.pub q.gguf
[ "$(grep -c . q.gguf.claims.jsonl)" -eq 2 ] || fail "not two lines"
grep -qxF "$(cat good)" q.gguf.claims.jsonl || fail "a stranger is the parent"
expect 0 sov-quantize -q -t q8_0 --sign-key a.key -o q2.gguf m.gguf
grep -qxF "$(cat good)" q2.gguf.claims.jsonl || fail "a stranger is the parent"
cp m.gguf s.gguf
cp m.gguf.claims.jsonl s.gguf.claims.jsonl
expect 0 sov-verify --sign --key a.pub --sign-key b.key s.gguf
err_empty
expect 0 sov-verify -v --key a.pub --key b.pub s.gguf
out_has "signers    2"
cp foreign s.gguf.claims.jsonl
expect 0 sov-verify --sign --sign-key b.key s.gguf
err_has "not trusted"

# what a dry run would do to a model that is not the one: nothing
cp m.gguf bad.gguf
printf xyz | dd of=bad.gguf bs=1 seek=3000000 conv=notrunc 2>/dev/null
cp good bad.gguf.claims.jsonl
for how in --dry-run "-o out.gguf"; do
    # shellcheck disable=SC2086
    expect 77 sov-quantize -q -t q8_0 $how --require-claims policy bad.gguf
done
[ ! -e out.gguf ] || fail "an output of what was refused"
expect 77 sov-run --dry-run --require-claims policy -m bad.gguf

# the list of a model's files is not the model
mkdir hf
expect 0 sov-quantize -q -t copy --format huggingface --split-max-size 1M \
    -o hf/model "$tale"
list=hf/model/model.safetensors.index.json
expect 65 sov-verify --adopt --sign-key a.key $list
err_has "name the folder"
expect 65 sov-verify --key a.pub $list
expect 0 sov-verify -q --adopt --sign-key a.key hf/model
expect 0 sov-verify --key a.pub hf/model

# nobody waits for what lies beside a model
cp good n.gguf.claims.jsonl
cp bad.gguf n.gguf
for what in claims.jsonl claims.jsonl.minisig sovidx; do
    [ $what = claims.jsonl.minisig ] && cp m.gguf n.gguf
    [ $what = sovidx ] && cp bad.gguf n.gguf
    rm -f n.gguf.$what
    mkfifo n.gguf.$what
    got=0
    timeout 20 sov-verify --key a.pub n.gguf >out 2>err || got=$?
    case $what$got in
    claims.jsonl1 | claims.jsonl.minisig65 | sovidx1) ;;
    *) show && fail "status $got with a fifo as $what" ;;
    esac
    rm n.gguf.$what
    cp good n.gguf.claims.jsonl
done

# keys, policies and claims are no outputs
cp a.key kept
for out in a.key policy m.gguf.claims.jsonl; do
    expect 73 sov-quantize -q -f -t q8_0 --sign-key a.key --claims-out $out \
        --claims m.gguf.claims.jsonl --require-claims policy -o o.gguf m.gguf
    [ ! -e o.gguf ] || fail "half of an output"
done
expect 73 sov-verify --sign -f --sign-key a.key --claims-out a.key m.gguf
cmp a.key kept || fail "the key is gone"

# what a value was read from is what the claim says, also of a pipe
echo name >value
echo name | expect 0 sov-quantize -q --set general.name=@- --sign-key a.key \
    -o v.gguf m.gguf
sum=$(sha256sum <value | cut -c1-64)
sed 's/.*"payload":"\([^"]*\)".*/\1/' v.gguf.claims.jsonl | tail -n 1 |
    base64 -d >payload
grep -q "$sum" payload || fail "the digest of something else"

# claims that come late, of a model that is changed meanwhile
mkfifo late
(
    while ! grep -q '^0' waiting 2>/dev/null; do sleep 0.1; done
    exec 3>late
    for _ in 1 2 3 4 5 6; do # one of them after the model was opened
        sleep 0.5
        touch r.gguf
    done
    cat good >&3
) &
cp m.gguf r.gguf
echo 0 >waiting
expect 74 sov-run --require-claims policy --claims late -m r.gguf -n 1 -p x
err_has changed
out_empty
wait
rm late

# a safetensors file is one, also if it looks like a tar from afar
x=$(printf '%0227d' 0)
head="{\"__metadata__\":{\"a\":\"${x}ustar\"},\"w\":{\"dtype\":\"F32\""
head="$head,\"shape\":[1],\"data_offsets\":[0,4]}}"
{
    # shellcheck disable=SC2059
    printf "\\$(printf %o $((${#head} % 256)))\\1\\0\\0\\0\\0\\0\\0"
    printf '%s1234' "$head"
} >t.safetensors
[ "$(dd if=t.safetensors bs=1 skip=257 count=5 2>/dev/null)" = ustar ] ||
    fail "not at 257"
expect 0 sov-show t.safetensors
out_has safetensors

# the same twice, also at the beginning of time; and no time of another kind
mkdir one two
for at in 0 1700000000; do
    for dir in one two; do
        expect 0 env SOURCE_DATE_EPOCH=$at sov-quantize -q -f -t q8_0 \
            --sign-key a.key -o $dir/q.gguf m.gguf
        sleep 1
    done
    cmp one/q.gguf.claims.jsonl two/q.gguf.claims.jsonl || fail "not the same"
done
for at in x -1 1700000000x 9999999999999999999; do
    expect 64 env SOURCE_DATE_EPOCH=$at sov-verify --sign --sign-key b.key m.gguf
    err_has SOURCE_DATE_EPOCH
done

# frozen claims
expect 0 sov-verify -q --sign --sign-key a.key --freeze m.gguf
expect 0 sov-verify -v --key a.pub m.gguf
out_has frozen

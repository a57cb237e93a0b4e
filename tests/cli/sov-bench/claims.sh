#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# claims - what was measured, signed, and shown by sov-verify
. "${top_srcdir:?}/tests/cli/lib.sh"

mkmodel=$top_builddir/tests/tools/mkmodel
XDG_CONFIG_HOME=$scratch/config
SOURCE_DATE_EPOCH=1764000000
export XDG_CONFIG_HOME SOURCE_DATE_EPOCH
sov-verify -q --keygen lab --no-password
sov-verify -q --keygen team --no-password
"$mkmodel" layers=1 m.gguf

# bench STATUS OPTION...: on a machine of which nothing is known
bench() {
    want=$1
    shift
    expect "$want" sov-bench --no-start --runs 6 --prompt 8 --gen 4 -j 1 \
        --fake-root "$PWD/none" --sign-key lab.key "$@"
}
# payload LINE FILE: the payload of that line
payload() {
    sed -n "$1p" "$2" | sed 's/.*"payload":"\([^"]*\)".*/\1/' | base64 -d
}
said() {
    grep -qF -e "$1" statement || {
        cat statement
        fail "the claim lacks: $1"
    }
}

# a test alone: it is told, and makes nothing verified
bench 0 -q m.gguf
out_empty
err_empty
expect 1 sov-verify --key lab.pub m.gguf
err_has 'it was tested, but no claim says where it comes from'
err_one_line
expect 0 sov-verify --show --key lab.pub m.gguf
out_has 'test PASSED'
out_has 'decode 4, 1 thread, KV q8: '
out_has 'signed by lab.pub'
rm m.gguf.claims.jsonl

# behind the claim that says where it comes from
sov-verify -q --adopt --sign-key team.key m.gguf
cp m.gguf.claims.jsonl before
bench 0 --json m.gguf
cp out records
head -n 1 m.gguf.claims.jsonl | cmp -s - before || fail "a line was changed"
[ "$(wc -l <m.gguf.claims.jsonl)" -eq 2 ] || fail "it is not one line more"
expect 0 sov-verify --key team.pub --key lab.pub m.gguf
out_has 'm.gguf: verified, signed by team.pub'
out_has 'tested     PASSED, 2 passed, 2025-11-24 16:00:00, by lab.pub'
expect 0 sov-verify -v --key team.pub --key lab.pub m.gguf
out_has '  decode 4, 1 thread, KV q8: '
out_has ' tok/s ('
expect 0 sov-verify --json --key team.pub --key lab.pub m.gguf
out_has '"tests":1,"tested":"PASSED"'
out_has '"failed_tests":0'
expect 0 sov-verify --key team.pub m.gguf
grep -q tested out && fail "a stranger's test is told"
expect 77 sov-verify --key nobody.pub m.gguf

# what it says: the same as the records
payload 2 m.gguf.claims.jsonl >statement
said '"predicateType":"https://in-toto.io/attestation/test-result/v0.1"'
said '"result":"PASSED"'
said '"passedTests":["prefill 8, 1 thread, KV q8","decode 4, 1 thread, KV q8"]'
said "\"sha256\":\"$(sha256sum <m.gguf | cut -d' ' -f1)\""
said "\"sha256\":\"$(sha256sum <records | cut -d' ' -f1)\""
said '"sov_role":"tool"'
said '"metric":"decode"'
said '"sov_finishedOn":"2025-11-24T16:00:00Z"'
run=$(sed -n '1s/.*"run":"\([0-9a-f]*\)".*/\1/p' records)
said "\"sov_run\":\"$run\""
if command -v jq >/dev/null; then
    value=$(jq -r '.predicate.sov_measurements[1].value' statement)
    jq -es --arg v "$value" 'any(.[]; .metric == "decode" and
        ((.stat.median - ($v | tonumber)) / .stat.median | fabs) < 1e-5)' \
        records >/dev/null || fail "$value is not what was measured"
fi

# altered, it counts no more, and nothing does
sed '2s/"sig":"./"sig":"#/' m.gguf.claims.jsonl | tr '#' Z >forged
cmp -s forged m.gguf.claims.jsonl && tr 'Z' 'Y' <forged >f2 && mv f2 forged
expect 1 sov-verify --key team.pub --key lab.pub --claims forged m.gguf
cp m.gguf.claims.jsonl kept
cp forged m.gguf.claims.jsonl
bench 65 -q m.gguf
cmp -s forged m.gguf.claims.jsonl || fail "a forged file was added to"
mv kept m.gguf.claims.jsonl

# of other bytes it says nothing
"$mkmodel" layers=1 seed=9 n.gguf
sov-verify -q --adopt --sign-key team.key n.gguf
sed -n 2p m.gguf.claims.jsonl >>n.gguf.claims.jsonl
expect 0 sov-verify --key team.pub --key lab.pub n.gguf
grep -q tested out && fail "another model's test is told"

# worse: signed all the same, as failed; without a limit as a warning
sed -e 's/"run":"./"run":"f/' -e 's/"samples":\[[^]]*\]/"samples":[9e9,9e9,9e9,9e9,9e9,9e9]/' \
    -e 's/"median":[0-9.e+]*,"low":[^,]*,"high":[^,]*/"median":9e9,"low":9e9,"high":9e9/' \
    records | grep -v '"metric":"compute' >fast
bench 1 -q --baseline fast --fail-above 3% --claims t.jsonl m.gguf
payload 1 t.jsonl >statement
said '"result":"FAILED"'
said '"failedTests":['
said '"verdict":"worse"'
said '"sov_role":"baseline"'
said "\"sha256\":\"$(sha256sum <fast | cut -d' ' -f1)\""
bench 0 -q --baseline fast --claims t.jsonl m.gguf
payload 2 t.jsonl >statement
said '"result":"WARNED"'
cat t.jsonl >>m.gguf.claims.jsonl
expect 0 sov-verify --key team.pub --key lab.pub m.gguf
out_has 'tested     FAILED, '
[ "$(grep -c tested out)" -eq 3 ] || fail "not all tests are told"
expect 0 sov-verify --json --key team.pub --key lab.pub m.gguf
out_has '"tests":3,"tested":"WARNED"'

# quality, a text, several models, a folder, a split model
yes 'Once upon a time there was a wolf.' | head -n 40 >corpus.txt
bench 0 -q --perplexity corpus.txt --ctx 16 --claims q.jsonl m.gguf
payload 1 q.jsonl >statement
said '"metric":"perplexity"'
said "\"sha256\":\"$(sha256sum <corpus.txt | cut -d' ' -f1)\""
said '"sov_role":"text"'
rm -f ./*.claims.jsonl
bench 0 -q m.gguf n.gguf
for f in m n; do
    payload 1 $f.gguf.claims.jsonl >statement
    said "\"sha256\":\"$(sha256sum <$f.gguf | cut -d' ' -f1)\""
    [ "$(grep -o '"metric"' statement | wc -l)" -eq 2 ] || fail "others' too"
done
bench 0 -q --vs n.gguf --claims v.jsonl m.gguf
payload 1 v.jsonl >statement
said '"sov_role":"other"'
said '"metric":"ratio"'
if [ -e "$tale/config.json" ]; then
    mkdir folder
    cp "$tale"/* folder
    rm -f folder/*claims*
    sov-verify -q --adopt --sign-key team.key folder
    bench 0 -q folder
    expect 0 sov-verify --key team.pub --key lab.pub folder
    out_has 'tested     PASSED'
fi
sov-quantize -q -t copy --split-max-tensors 4 -o s.gguf m.gguf
first=$(ls s-00001-of-*.gguf)
sov-verify -q --adopt --sign-key team.key "$first"
bench 0 -q "$first"
expect 0 sov-verify --key team.pub --key lab.pub "$first"
out_has 'tested     PASSED'

# what cannot be
bench 64 --claims c.jsonl m.gguf n.gguf
err_has 'of one model'
bench 64 - <m.gguf
err_has 'a claim needs a file or a folder'
tar cf m.tar m.gguf
bench 64 m.tar
bench 64 --advise m.gguf
bench 64 --claims lab.key m.gguf
bench 64 --claims folder m.gguf
expect 77 sov-bench --sign-key lab.pub m.gguf
expect 64 sov-bench --claims c.jsonl m.gguf
err_has '--sign-key'
cp m.gguf.claims.jsonl before
: >m.gguf.claims.jsonl.minisig
bench 64 -q m.gguf
err_has 'freezes the claims'
cmp -s before m.gguf.claims.jsonl || fail "frozen claims were added to"
exit 0

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# claims - what a model was taught, and from what
# shellcheck disable=SC2086 # options in a variable
. "${top_srcdir:?}/tests/cli/lib.sh"

[ -e "$tale/config.json" ] || skip "models/tale is not here"
XDG_CONFIG_HOME=$scratch/none
export XDG_CONFIG_HOME
sov-verify -q --keygen a --no-password
printf 'sov-policy v1\nkey a minisign %s\n' "$(tail -n 1 a.pub)" >a.pol
expect 0 sov-quantize -q -t f16 -o tok.gguf "$tale"
head -c 6000 "$top_srcdir/tests/data/dev.txt" >t.txt
tiny="--arch llama,width=32,layers=1,heads=2,ctx=32,tied --tokenizer tok.gguf
    --batch 2 --steps 2"

expect 77 sov-distill -q $tiny --require-claims a.pol -o x.gguf t.txt
expect 0 sov-verify -q --adopt --sign-key a.key tok.gguf
expect 0 sov-distill -q $tiny --require-claims a.pol --sign-key a.key \
    --fake-root none -o x.gguf t.txt
expect 0 sov-verify --key a.pub x.gguf
[ "$(wc -l <x.gguf.claims.jsonl)" -eq 2 ] || fail "not two claims"

# what it says
payload() {
    tail -n 1 "$1" | sed 's/.*"payload":"\([^"]*\)".*/\1/' | base64 -d
}
payload x.gguf.claims.jsonl >said
sum=$(sha256sum t.txt)
for word in urn:sov:buildtype:distill:v1 same-machine-class texts_sha256 \
    '"steps":2' '"loss":"ce"' dataset "${sum%% *}" '"sov_role":"tokenizer"'; do
    grep -qF "$word" said || fail "the claim lacks $word: $(cat said)"
done

# what it took: operations by the shapes, and energy where it is known
command -v jq >/dev/null || skip "no jq"
flop() {
    payload "$1" | jq -r '.predicate.sov_compute.flop'
}
# about A B: equal to what a double keeps
about() {
    jq -ne --arg a "$1" --arg b "$2" '($a | tonumber) as $x |
        ($b | tonumber) as $y | $y > 0 and ($x / $y - 1 | fabs) < 1e-12' \
        >/dev/null || fail "$3: $1, not $2"
}
grep -q joules said && fail "energy that nobody counted"
expect 0 sov-distill --dry-run --json $tiny t.txt
# shellcheck disable=SC2016 # variables of jq
student='(.heads * (.width / .heads | floor)) as $q | .width as $e |
    (.layers * ($e * ($q + 2 * .kv_heads * ($q / .heads)) + $q * $e +
        3 * $e * .ffn)) as $w | (.layers * $q * (.ctx + 1)) as $a |
    ($e * .vocab) as $h'
cp out plan.json
all=$(jq "$student | .steps * .step_tokens * 6 * (\$w + \$a + \$h)" plan.json)
about "$(flop x.gguf.claims.jsonl)" "$all" "operations of training"
sov-show --json tok.gguf >tok.json
# matrices, the table of embeddings as the head, attention of ctx tokens
tokens=$(jq .ctx plan.json)
forward=$(jq --argjson n "$tokens" '([.tensors[] | select(.shape | length > 1) |
    .shape | reduce .[] as $d (1; . * $d)] | add) as $w | .metadata as $m |
    2 * ($w + $m["llama.block_count"].value *
        $m["llama.embedding_length"].value * ($n + 1))' tok.json)
learn="sov-distill -q $tiny --teacher tok.gguf --sign-key a.key -f -o z.gguf"
expect 0 $learn --fake-root none t.txt
steps=$(jq '.steps * .step_tokens' plan.json)
both=$(jq -n "$all + $steps * $forward")
about "$(flop z.gguf.claims.jsonl)" "$both" "those of a teacher"
payload z.gguf.claims.jsonl | jq -e '[.predicate.buildDefinition |
    .resolvedDependencies[] | select(.annotations.sov_role == "teacher")] |
    length == 1 and .[0].annotations.sov_size > 0' >/dev/null ||
    fail "the teacher has no size"
# what is written in the type of a result, read again, or multiplied by an
# optimiser
for more in "--eval t.txt" "--optimizer muon" "--on-policy 0.5 --alpha 1"; do
    expect 0 $learn --fake-root none $more t.txt
    jq -ne --arg a "$(flop z.gguf.claims.jsonl)" "(\$a | tonumber) > $both" \
        >/dev/null || fail "$more costs nothing"
done
expect 0 sov-distill -q --student x.gguf --train-lora r=2 --ctx 32 --batch 2 \
    --steps 2 --fake-root none --sign-key a.key -o lora.gguf t.txt
jq -ne --arg a "$(flop lora.gguf.claims.jsonl)" "(\$a | tonumber) as \$x |
    \$x > 0 and \$x < $all" >/dev/null || fail "an adapter costs as much as all"
zone=rapl/sys/class/powercap/intel-rapl:0
mkdir -p $zone
echo package-0 >$zone/name
echo 1000000 >$zone/energy_uj
echo 262143328850 >$zone/max_energy_range_uj
expect 0 $learn --fake-root rapl t.txt
payload z.gguf.claims.jsonl | jq -e '.predicate.sov_compute |
    .joules == "0.0" and .domains == "package-0"' >/dev/null || fail "no energy"
# which is another each time: not where the same bytes are asked for
SOURCE_DATE_EPOCH=1700000000 expect 0 $learn --fake-root rapl t.txt
payload z.gguf.claims.jsonl | grep -q joules && fail "bytes that differ"
# papers have it
expect 0 sov-distill -q $tiny --teacher tok.gguf --sign-key a.key -f \
    --fake-root rapl -o z.gguf t.txt
expect 0 sov-verify --report=ai-act-annex-xi --key a.pub z.gguf
out_has "FLOP (as the steps have counted"
out_has "0 kWh (0 J), as processors have counted in 1 of 2 steps"

# going on with it: the chain is longer
expect 0 sov-distill -q --student x.gguf --require-claims a.pol \
    --sign-key a.key --batch 1 --steps 1 -o y.gguf t.txt
expect 0 sov-verify --key a.pub y.gguf
[ "$(wc -l <y.gguf.claims.jsonl)" -eq 3 ] || fail "not three claims"

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
    -o x.gguf t.txt
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

# going on with it: the chain is longer
expect 0 sov-distill -q --student x.gguf --require-claims a.pol \
    --sign-key a.key --batch 1 --steps 1 -o y.gguf t.txt
expect 0 sov-verify --key a.pub y.gguf
[ "$(wc -l <y.gguf.claims.jsonl)" -eq 3 ] || fail "not three claims"

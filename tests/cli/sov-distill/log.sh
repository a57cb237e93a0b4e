#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# log - lines for each step, a curve, and what is shown on the way
# shellcheck disable=SC2086 # options in a variable
. "${top_srcdir:?}/tests/cli/lib.sh"

[ -e "$tale/config.json" ] || skip "models/tale is not here"
expect 0 sov-quantize -q -t f16 -o tok.gguf "$tale"
head -c 9000 "$top_srcdir/tests/data/dev.txt" >t.txt
run="sov-distill --arch llama,width=32,layers=1,heads=2,ctx=32,tied
    --tokenizer tok.gguf --batch 2 --every 3 --eval t.txt --checkpoint kept
    --schedule constant --warmup 1 --log log.jsonl --plot loss.svg"

expect 0 $run --steps 6 --json -o a.gguf t.txt
[ "$(wc -l <log.jsonl)" -eq 6 ] || fail "not a line for each step"
for key in step steps tokens loss ce lr norm tokens_s seconds; do
    [ "$(grep -c "\"$key\":" log.jsonl)" -eq 6 ] || fail "no $key in the log"
done
[ "$(grep -c eval_bits_per_byte log.jsonl)" -eq 2 ] || fail "no evaluations"
grep -q '^<svg\|^<?xml\|<svg ' loss.svg || fail "no SVG"
grep -q 'nats for each token' loss.svg || fail "no curve"
if command -v jq >/dev/null; then
    jq -e . log.jsonl >/dev/null || fail "the log is no JSON"
fi

# ---- steps that are done again have one line; the curve is of all steps

cut -d, -f1-7 log.jsonl >want
expect 73 $run --steps 6 -f -o a.gguf --log t.txt t.txt
expect 73 $run --steps 6 -o b.gguf t.txt
rm kept/step-6.ckpt
cp loss.svg old.svg
expect 0 $run --steps 6 --resume -f -o a.gguf t.txt
cut -d, -f1-7 log.jsonl | cmp - want || fail "another log after going on"
cmp loss.svg old.svg || fail "another curve after going on"

# what is no such log is not added to
echo 'something else' >log.jsonl
expect 65 $run --steps 7 --resume -f -o a.gguf t.txt
[ "$(cat log.jsonl)" = 'something else' ] || fail "it was written to"

# ---- what is shown on the way, a line for each tenth of a second

expect 0 sov-distill --arch llama,width=64,layers=4,heads=4,ctx=64,tied \
    --tokenizer tok.gguf --batch 8 --steps 60 --progress always -o p.gguf t.txt
err_has "of 60 steps"
err_has "loss"
err_has "tokens/s"

# ---- what was left out of the texts

printf '{"text":"The same story twice."}\n{"text":"The same story twice."}\n' \
    >twice.jsonl
expect 0 sov-distill -q --arch llama,width=32,layers=1,heads=2,ctx=8,tied \
    --tokenizer tok.gguf --batch 1 --steps 1 --twins exact --sieved out.json \
    -o c.gguf twice.jsonl
grep -q '{' out.json || fail "no report"

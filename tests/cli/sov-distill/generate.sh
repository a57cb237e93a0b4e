#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# generate - texts that a teacher makes, and runs of that which go on
# shellcheck disable=SC2086 # options in a variable
. "${top_srcdir:?}/tests/cli/lib.sh"

[ -e "$tale/config.json" ] || skip "models/tale is not here"
expect 0 sov-quantize -q -t q8_0 -o tale.gguf "$tale"
printf 'Once upon a time\nThe king\n"What?" said she\n' >prompts.txt
make="sov-distill -q --teacher tale.gguf --documents lines --generate-tokens 12"

expect 0 $make --generate 9 -o want.jsonl prompts.txt
[ "$(wc -l <want.jsonl)" -eq 9 ] || fail "not nine lines"
[ "$(sort -u want.jsonl | wc -l)" -eq 9 ] || fail "lines that are the same"
for key in text prompt index seed temperature stop tokens teacher; do
    [ "$(grep -c "\"$key\":" want.jsonl)" -eq 9 ] || fail "no $key"
done
head -n 1 want.jsonl | grep -qF '{"text":"Once upon a time' ||
    fail "the first text does not go on from the first prompt"

# ---- going on, wherever it was cut

n=$(($(wc -c <want.jsonl)))
for at in 0 1 $((n / 3)) $((n / 2)) $((n - 1)) $n; do
    head -c "$at" want.jsonl >some.jsonl
    expect 0 $make --generate 9 --resume -o some.jsonl prompts.txt
    cmp want.jsonl some.jsonl || fail "cut at $at: another output"
done
rm some.jsonl
expect 0 $make --generate 4 --resume -o some.jsonl prompts.txt
expect 0 $make --generate 9 --resume --json -o some.jsonl prompts.txt
out_has '"resumed":4'
cmp want.jsonl some.jsonl || fail "more texts: another output"

# a signal: what is there stays
rm some.jsonl
$make --generate 100000 --resume -o some.jsonl prompts.txt 2>err &
pid=$!
for _ in $(seq 600); do
    [ -s some.jsonl ] && break
    sleep 0.1
done
kill -TERM $pid
got=0
wait $pid || got=$?
[ $got -eq 75 ] || fail "status $got after SIGTERM, not 75: $(cat err)"
[ -z "$(tail -c 1 some.jsonl | tr -d '\n')" ] || fail "half a line is left"
head -n 9 some.jsonl | cmp - want.jsonl || {
    [ "$(wc -l <some.jsonl)" -lt 9 ] || fail "stopped: another output"
}

# ---- what is not of this run is left as it is

same() {
    cp some.jsonl was
    expect "$@"
    cmp some.jsonl was || fail "a file was changed: $*"
}
cp want.jsonl some.jsonl
same 65 $make --generate 12 --seed 8 --resume -o some.jsonl prompts.txt
err_has "line 9 is not what is made now"
same 65 $make --generate 12 --temp 0.9 --resume -o some.jsonl prompts.txt
same 65 $make --generate 8 --resume -o some.jsonl prompts.txt
printf 'my notes' >some.jsonl
same 65 $make --generate 12 --resume -o some.jsonl prompts.txt
printf 'my\nnotes\n' >some.jsonl
same 65 $make --generate 12 --resume -o some.jsonl prompts.txt
same 73 $make --generate 1 -o some.jsonl prompts.txt
expect 64 $make --generate 1 --resume -o - prompts.txt
expect 64 $make --generate 1 --dry-run -o x prompts.txt

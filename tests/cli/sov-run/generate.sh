#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# generate - sampling options, stop strings, limits, timings
. "${top_srcdir:?}/tests/cli/lib.sh"

# One thread: the model is so small that two wait for each other.
SOV_THREADS=1
export SOV_THREADS

p='There was once a king who had'

# the same seed gives the same text, another one another, none any
expect 0 sov-run --seed 7 -n 30 -p "$p"
cp out a
expect 0 sov-run --seed 7 -n 30 -p "$p" -j 2
cmp a out || fail "one seed, two texts"
expect 0 sov-run --seed 8 -n 30 -p "$p"
cmp -s a out && fail "two seeds, one text"
expect 0 sov-run -n 30 -v -p "$p"
err_has 'seed '
seed=$(sed -n 's/.*seed \([0-9]*\).*/\1/p' err)
cp out a
expect 0 sov-run -n 30 --seed "$seed" -p "$p"
cmp a out || fail "the seed that -v prints gives another text"
err_empty

# greedy does not depend on the seed; top-k 1 is greedy
expect 0 sov-run --temp 0 --seed 1 -n 30 -p "$p"
cp out a
expect 0 sov-run --temp 0 --seed 2 -n 30 -p "$p"
cmp a out || fail "greedy text depends on the seed"
expect 0 sov-run --top-k 1 -n 30 -p "$p"
cmp a out || fail "top-k 1 is not greedy"
expect 0 sov-run --top-p 0.0001 -n 30 -p "$p"
cmp a out || fail "a tiny top-p is not greedy"
expect 0 sov-run --min-p 1 -n 30 -p "$p"
cmp a out || fail "min-p 1 is not greedy"
expect 0 sov-run --temp 0 --repeat-penalty 5 -n 30 -p "$p"
cmp -s a out && fail "the penalty changes nothing"

# a stop string ends the text and is not in it
word=$(tr -c 'A-Za-z' '\n' <a | awk 'length > 3' | sed -n 3p)
expect 0 sov-run --temp 0 -n 30 --stop "$word" --stop '@@@' -p "$p"
grep -q "$word" out && fail "the stop string is in the text"
head -c "$(wc -c <out)" a | cmp - out || fail "another text before --stop"
expect 0 sov-run --temp 0 -n 30 --stop '@@@' -p "$p"
cmp a out || fail "a stop string that never comes changes the text"

# characters come whole: any model byte is UTF-8 in the end
expect 0 sov-run --temp 100 --top-p 1 --min-p 0 --seed 3 -n 200 -p "$p"
iconv -f UTF-8 -t UTF-8 <out >/dev/null || fail "broken UTF-8"

# the context is full
expect 0 sov-run --ctx 16 -n 100 --temp 0 -v -p "$p"
err_has 'context'
expect 65 sov-run --ctx 4 -p "$p"
err_has '--ctx'
err_one_line

# timings are one JSON line
expect 0 sov-run --temp 0 -n 5 --timings -p "$p"
err_one_line
grep -qE '^\{"prompt_tokens":[0-9]+,"prompt_s":[0-9.]+,"generated_tokens":5,"generate_s":[0-9.]+\}$' err ||
    fail "timings: $(cat err)"

# one JSON document
expect 0 sov-run --temp 0 -n 30 --json -p "$p"
out_has '"stop":"length"'
out_has '"generated_tokens":30'
expect 0 sov-run --temp 0 -n 30 --stop "$word" --json -p "$p"
out_has '"stop":"stop"'
expect 0 sov-run --temp 0 -n 300 --ctx 20 --json -p "$p"
out_has '"stop":"context"'

# the three numbers of --perplexity
head -c 6000 "$top_srcdir/tests/data/dev.txt" >text
expect 0 sov-run --perplexity text
grep -qE '^\{"tokens":[0-9]+,"nll":[0-9.]+,"ppl":[0-9.]+\}$' out ||
    fail "perplexity: $(cat out)"
cp out a
expect 0 sov-run --perplexity -j 2 <text
cmp a out || fail "perplexity depends on threads"
expect 0 sov-run --perplexity --precise text
printf 'short' >text
expect 65 sov-run --perplexity text
err_one_line

# --precise is another way to nearly the same
expect 0 sov-run --precise --temp 0 -n 5 -p "$p"

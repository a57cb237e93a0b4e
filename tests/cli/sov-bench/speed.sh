#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# speed - cells of a grid, each with its samples; JSON that can be believed
. "${top_srcdir:?}/tests/cli/lib.sh"

mkmodel=$top_builddir/tests/tools/mkmodel
"$mkmodel" layers=2 m.gguf

# cells METRIC: how many records of it are in out
cells() {
    grep -c "\"metric\":\"$1\"" out || true
}

# one cell of each, and the limits of the machine
expect 0 sov-bench --json --runs 2 -j 1 m.gguf
err_empty
[ "$(cells prefill)" -eq 1 ] || fail "not one prefill"
[ "$(cells decode)" -eq 1 ] || fail "not one decode"
[ "$(cells bandwidth)" -eq 1 ] || fail "no bandwidth"
[ "$(grep -c '^{"schema":"sov.bench/1","run":"[0-9a-f]*",' out)" -eq \
    "$(wc -l <out)" ] || fail "not a record a line"
out_has "\"digest\":\"$(sha256sum <m.gguf | cut -d ' ' -f 1)\""
out_has '"name":"m.gguf"'
out_has '"kv":"q8"'
[ "$(cut -d , -f 2 out | sort -u | wc -l)" -eq 1 ] || fail "more than one run"

# a grid: (2 prompts + 1 gen) x 2 depths x 2 batches x 2 threads x 2 forms
expect 0 sov-bench --json --runs 1 --prompt 4,8 --gen 2 --depth 0,5 \
    --batch 1,3 -j 1,2 --kv q8,f32 m.gguf
[ "$(cells prefill)" -eq 32 ] || fail "$(cells prefill) prefills"
[ "$(cells decode)" -eq 16 ] || fail "$(cells decode) decodes"
[ "$(cells bandwidth)" -eq 2 ] || fail "bandwidth of each number of threads"
out_has '"prompt":8,"gen":0,"depth":5,"batch":3,"threads":2,"kv":"f32"'

# as many samples as were asked for
expect 0 sov-bench --json --runs 7 --prompt 4 --gen 0 -j 1 m.gguf
[ "$(cells decode)" -eq 0 ] || fail "decoded all the same"
out_has '"stat":{"n":7,'

# for people; a pipe, a folder, a window, experts
expect 0 sov-bench --runs 1 --prompt 4 --gen 2 -j 1 - <m.gguf
out_has prefill
expect 0 sov-bench --runs 1 --prompt 4 --gen 2 -j 1 --precise m.gguf
expect 0 sov-bench --no-sandbox --runs 1 --prompt 4 --gen 2 -j 1 m.gguf
"$mkmodel" arch=gemma3 layers=2 window=64 w.gguf 2>err ||
    "$mkmodel" layers=1 w.gguf
expect 0 sov-bench --runs 1 --prompt 4 --gen 2 --depth 0,9 -j 1 w.gguf

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# manners - a benchmark that cron runs: locks, time, energy
. "${top_srcdir:?}/tests/cli/lib.sh"

mkmodel=$top_builddir/tests/tools/mkmodel
"$mkmodel" layers=1 m.gguf
TMPDIR=$PWD/tmp
export TMPDIR
mkdir tmp
quick="--no-start --runs 1 --prompt 2 --gen 2 -j 1"

# two at once
# shellcheck disable=SC2086
sov-bench -q --lock=wait --no-start --prompt 8 --gen 0 --runs 1000 \
    --timeout 3000 m.gguf 2>first.err &
first=$!
tries=0
# shellcheck disable=SC2086
while sov-bench $quick -q --lock=fail m.gguf 2>err; do
    tries=$((tries + 1))
    [ $tries -lt 50 ] || fail "the lock does not hold"
done
err_has 'another benchmark is running'
err_one_line
# shellcheck disable=SC2086
expect 75 sov-bench $quick -q --lock=fail m.gguf
# shellcheck disable=SC2086
expect 75 sov-bench $quick -q --lock=wait --timeout 0.2 m.gguf
# shellcheck disable=SC2086
expect 0 sov-bench $quick -q m.gguf
kill -9 $first
wait $first 2>/dev/null || true
# the lock ends with it and its children
# shellcheck disable=SC2086
expect 0 sov-bench $quick -q --lock=wait --timeout 60 m.gguf
[ -z "$(ls tmp)" ] || fail "something was left in TMPDIR"

# the time is over: one line, nothing half-done, no process that goes on
expect 75 sov-bench -q --runs 1000 --timeout 0.5 --history h.jsonl m.gguf
err_one_line
err_has 'not done within 0.5 seconds'
[ ! -e h.jsonl ] || [ ! -s h.jsonl ] || fail "a history of nothing"

# nice
# shellcheck disable=SC2086
expect 0 sov-bench $quick -q --nice 5 m.gguf
expect 64 sov-bench --nice 40 m.gguf

# energy: none, unreadable, counted
# shellcheck disable=SC2086
expect 69 sov-bench $quick --require-energy --fake-root "$PWD/none" m.gguf
err_one_line
err_has '/sys/class/powercap'
zone=fake/sys/class/powercap/intel-rapl:0
mkdir -p $zone
echo package-0 >$zone/name
echo 262143328850 >$zone/max_energy_range_uj
echo 262143328000 >$zone/energy_uj
# shellcheck disable=SC2086
expect 0 sov-bench $quick --json --require-energy --fake-root "$PWD/fake" m.gguf
out_has '"metric":"joules_per_token"'
out_has '"metric":"joules_net"'
out_has 'package-0'
# shellcheck disable=SC2086
expect 0 sov-bench $quick --json --fake-root "$PWD/none" m.gguf
grep -q joules out && fail "energy was guessed"
out_has '"cpu":""'
out_has '"cpu_pressure":null'
if [ "$(id -u)" -ne 0 ]; then
    chmod 0 $zone/energy_uj
    # shellcheck disable=SC2086
    expect 69 sov-bench $quick --require-energy --fake-root "$PWD/fake" m.gguf
    err_has package-0
fi

# start-up, loading, the first token, memory
expect 0 sov-bench --json --runs 2 --prompt 4 --gen 0 -j 1 m.gguf
for metric in start load first_token peak_memory; do
    out_has "\"metric\":\"$metric\""
done
# however long the history is, the model takes no more memory
memory() {
    sed -n 's/.*"metric":"peak_memory".*"median":\([0-9]*\).*/\1/p' out
}
before=$(memory)
for _n in 1 2 3 4 5 6 7 8 9 10 11; do
    cat out out >twice
    cp twice out
done
cp out long.jsonl
expect 0 sov-bench --json --no-cold --runs 2 --prompt 4 --gen 0 -j 1 \
    --history long.jsonl --baseline long.jsonl m.gguf
[ "$(memory)" -lt $((before + before / 5)) ] ||
    fail "$before bytes, and with a long history $(memory)"
expect 0 sov-bench --json --runs 2 --prompt 4 --gen 0 -j 1 m.gguf
grep -q first_token_cold out || out_has 'no cold figure'
expect 0 sov-bench --json --no-cold --runs 2 --prompt 4 --gen 0 -j 1 m.gguf
grep -q first_token_cold out && fail "the page cache was given up"
expect 0 sov-bench --json --runs 1 --prompt 4 --gen 0 -j 1 - <m.gguf
grep -q '"metric":"load"' out && fail "a pipe was opened twice"
exit 0

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# judge - a history grows, and what became worse is the exit status
. "${top_srcdir:?}/tests/cli/lib.sh"

mkmodel=$top_builddir/tests/tools/mkmodel
"$mkmodel" layers=1 m.gguf
# on a machine of which nothing is known: noise would be a reason to say nothing
quick="--no-start --runs 6 --prompt 8 --gen 0 -j 1 --fake-root $PWD/none"

# bench STATUS OPTION...
bench() {
    want=$1
    shift
    # shellcheck disable=SC2086
    expect "$want" sov-bench $quick "$@" m.gguf
}

# a history is made, and grows; silence
bench 0 -q --history h.jsonl
out_empty
err_empty
n=$(wc -l <h.jsonl)
[ "$n" -gt 1 ] || fail "no history"
cp h.jsonl old.jsonl
bench 0 -q --history h.jsonl
[ "$(wc -l <h.jsonl)" -eq $((2 * n)) ] || fail "it did not grow"
head -n "$n" h.jsonl | cmp -s - old.jsonl || fail "what was there changed"

# with a baseline a verdict stands in the table
bench 0 --baseline h.jsonl
grep -qE 'same|better|worse|faster|slower|not clear' out || fail "no verdict"

# scaled FACTOR OUT [METRICS]: the history, its rates times FACTOR, as that of
# yesterday
scaled() {
    grep -E "\"metric\":\"${3-prefill}\"" old.jsonl | awk -v f="$1" '{
        i = index($0, "\"samples\":[")
        head = substr($0, 1, i + 10)
        rest = substr($0, i + 11)
        j = index(rest, "]")
        n = split(substr(rest, 1, j - 1), v, ",")
        for (k = 1; k <= n; k++)
            head = head (k > 1 ? "," : "") sprintf("%.17g", v[k] * f)
        gsub(/"median":[0-9.e+]*,"low":[^,]*,"high":[^,]*/,
            "\"median\":" v[1] * f ",\"low\":null,\"high\":null", head)
        gsub(/"run":"./, "\"run\":\"f", head)
        print head substr(rest, j) }' >"$2"
}

# ten times slower than it was is worse, beyond any doubt
scaled 100 fast.jsonl
bench 0 -q --baseline fast.jsonl
bench 1 -q --baseline fast.jsonl --fail-above 3%
out_empty
err_one_line
err_has 'm.gguf: prefill: '
bench 1 -q --baseline fast.jsonl --fail-above 50 --history h.jsonl
scaled 0.01 slow.jsonl
bench 0 -q --baseline slow.jsonl --fail-above 3%
err_empty

# what the machine did, too, is no fault of the model
scaled 100 busy.jsonl 'prefill|compute_.*'
bench 0 -q --baseline busy.jsonl --fail-above 3%
bench 0 --csv - --baseline busy.jsonl --fail-above 3%
grep -q '"prefill".*,inconclusive,' out || fail "the model was blamed"

# another machine is not compared, unless it is told to
sed 's/"machine":{"id":"[0-9a-f]*"/"machine":{"id":"00000000000000000000000000000000"/' \
    fast.jsonl >elsewhere.jsonl
bench 69 -q --baseline elsewhere.jsonl --fail-above 3%
err_has 'another machine'
err_one_line
bench 1 -q --baseline elsewhere.jsonl --fail-above 3% --cross-host

# torn and foreign lines
printf '{"schema":"sov.bench/1","met' >>fast.jsonl
bench 1 -q --baseline fast.jsonl --fail-above 3%
echo rubbish >rubbish.jsonl
cat fast.jsonl >>rubbish.jsonl
bench 1 --baseline rubbish.jsonl --fail-above 3%
err_has 'rubbish.jsonl: line 1'

# outputs, and what must not become one
bench 0 -q --html r.html --svg r.svg --prom r.prom --junit r.xml --csv r.csv \
    --md r.md --history h.jsonl --baseline fast.jsonl
out_empty
for f in r.html r.svg r.prom r.xml r.csv r.md; do
    [ -s $f ] || fail "no $f"
done
bench 0 --csv -
out_has 'run,time,metric'
bench 73 --html m.gguf
bench 73 --csv fast.jsonl --baseline fast.jsonl
bench 64 --json --csv -
expect 66 sov-bench -q --prom r.prom nowhere.gguf
grep -q '^sov_bench_exit_code.* 66' r.prom || fail "the failure is not told"

# what will not do is told before anything is measured
bench 66 --baseline nowhere.jsonl
err_has 'nowhere.jsonl: '
bench 64 --fail-above 3%
err_has 'worse than what'
bench 64 --baseline h.jsonl --fail-above much
bench 64 --baseline h.jsonl --fail-above -3
bench 64 --history -
mkdir folder
expect 66 sov-bench --baseline folder m.gguf
err_has 'folder: '
err_one_line
bench 73 -q --history nowhere/h.jsonl
bench 66 --baseline /dev/zero
err_one_line
bench 66 --history /dev/full
err_has '/dev/full: '
echo 'a letter to my aunt' >letter.txt
bench 65 --baseline letter.txt
err_has 'letter.txt: this is no history of sov-bench: line 1: '
err_one_line
bench 65 --history letter.txt
[ "$(cat letter.txt)" = 'a letter to my aunt' ] || fail "a text was added to"

# one model beside another
cp m.gguf n.gguf
bench 0 --json --vs n.gguf
grep -q '"metric":"ratio".*"name":"m.gguf".*"text":"n.gguf"' out ||
    fail "no ratio"
mkdir other
cp m.gguf other/m.gguf
bench 0 --json --vs other/m.gguf
out_has '"name":"other/m.gguf"'
bench 0 --json --vs m.gguf
out_has '"name":"m.gguf (2)"'
expect 64 sov-bench --vs n.gguf m.gguf m.gguf
bench 66 --vs nowhere.gguf

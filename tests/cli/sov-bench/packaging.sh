#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# packaging - the examples of how others call sov-bench do what they say
. "${top_srcdir:?}/tests/cli/lib.sh"
examples=$top_srcdir/packaging
quick='--seconds 0.2 --no-start --prompt 8 --gen 4'

# here FILE: the example with our paths and little work
here() {
    sed -e "s|/srv/models/[a-z%]*\.gguf|$tale|g" -e "s|/var/lib/sov|$PWD/state|g" \
        -e "s|/var/lib/prometheus/node-exporter|$PWD/prom|g" \
        -e "s|sov-bench -q|sov-bench -q $quick|" "$1"
}
mkdir state prom

# ---- cron: seven fields with the user; silent, and what it leaves

here "$examples/cron/sov-bench.cron" >tab
[ "$(grep -c '^[0-9]' tab)" -eq 1 ] || fail "more than one job"
grep '^[0-9]' tab | cut -d' ' -f7- >job
grep -q '[^\\]%' job && fail "a % that cron takes for a new line"
[ "$(grep '^[0-9]' tab | cut -d' ' -f6)" = nobody ] || fail "no user"
for night in 1 2; do
    expect 0 sh -c "$(sed 's/--fail-above 3/--fail-above 5000/' job)"
    out_empty
    err_empty
    n=$(wc -l <state/model.jsonl)
    [ "$n" -ge $((2 * night)) ] || fail "the history has $n lines"
done
grep -q '^sov_bench_exit_code 0$' prom/sov_bench_model.prom || fail "metrics"
grep -q '</html>' state/model.html || fail "no report"

# ---- make

cp -R "$tale" model
expect 0 make -n -f "$examples/make/bench.mk" MODEL=model bench-check
out_has 'mkdir -p bench'
out_has '--junit bench/report.xml'
run_make() {
    make -f "$examples/make/bench.mk" MODEL=model BENCH_FLAGS="$quick" "$@"
}
expect 0 run_make bench-accept
[ -s bench/baseline.jsonl ] || fail "no baseline"
expect 0 run_make bench-check FAIL_ABOVE=5000
for f in comment.md report.xml report.html now.jsonl; do
    [ -s "bench/$f" ] || fail "bench/$f"
done
grep -q '<testsuites name="sov-bench"' bench/report.xml || fail "no tests"

# ---- Prometheus and systemd

if command -v promtool >/dev/null; then
    promtool check rules "$examples/prometheus/sov-bench.rules.yml" >lint 2>&1 ||
        {
            cat lint
            fail "rules"
        }
fi
job=$(sed -n 's/^ExecStart=//p' "$examples/systemd/sov-bench@.service")
[ -n "$job" ] || fail "no ExecStart"
sed -n 's|^ExecStart=/usr/bin/||p' "$examples/systemd/sov-bench@.service" |
    sed -e 's|%S/sov|/var/lib/sov|g' -e 's|%i|name|g' >unit
expect 0 sh -c "$(here unit | sed 's/--fail-above 3/--fail-above 5000/')"
out_empty
err_empty
[ -s state/name.jsonl ] || fail "no history"
[ -s state/sov_bench_name.prom ] || fail "no metrics"
command -v systemd-analyze >/dev/null || skip "systemd-analyze is not installed"
mkdir units
sed "s|/usr/bin/sov-bench|$top_builddir/bin/sov-bench|" \
    "$examples/systemd/sov-bench@.service" >units/sov-bench@.service
cp "$examples/systemd/sov-bench@.timer" units
systemd-analyze verify --man=no units/sov-bench@name.timer >lint 2>&1 || {
    cat lint
    fail "units"
}
command -v promtool >/dev/null || skip "promtool is not installed"

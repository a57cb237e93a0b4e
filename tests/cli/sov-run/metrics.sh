#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# metrics - sov-run --metrics and --meter: numbers, and who may read them
. "${top_srcdir:?}/tests/cli/lib.sh"
SOV_DATADIR=$top_srcdir
export SOV_DATADIR

run() {
    sov-run --temp 0 -n 8 "$@"
}
# value NAME: as it stands in the file m.prom
value() {
    awk -v name="$1" '$1 == name { print $2 }' m.prom
}
# is NAME VALUE
is() {
    [ "$(value "$1")" = "$2" ] || {
        cat m.prom
        fail "$1 is $(value "$1"), not $2"
    }
}

expect 0 run -p 'Once upon'
mv out want
mkdir d
expect 0 run -p 'Once upon' --metrics d/m.prom
cmp out want || fail "another answer"
err_empty
[ "$(ls -A d)" = m.prom ] || fail "something left in d"
mv d/m.prom .
is sov_run_up 0
is 'sov_run_requests_total{outcome="length"}' 1
is 'sov_run_requests_total{outcome="error"}' 0
is sov_run_prompt_tokens_total 4
is sov_run_generated_tokens_total 8
is sov_run_requests_active 0
is sov_run_request_seconds_count 1
is 'sov_run_request_seconds_bucket{le="+Inf"}' 1
is sov_run_queue_seconds_sum 0
awk -v n="$(value sov_run_start_time_seconds)" -v now="$(date +%s)" \
    'BEGIN { exit !(n > now - 600 && n <= now) }' || fail "start time"
grep -q '^sov_run_build_info{version="[0-9.]*",isa="[a-z0-9]*",model="built-in"} 1$' \
    m.prom || fail "build info"
grep -q joules m.prom && [ ! -r /sys/class/powercap/intel-rapl:0/energy_uj ] &&
    fail "joules from nowhere"

# the file is one of ours, or it stays
expect 0 run -p 'Once upon' --metrics m.prom
echo 'my numbers' >mine
expect 73 run -p 'Once upon' --metrics mine
out_empty
err_has 'mine exists and is no file of metrics'
err_one_line
[ "$(cat mine)" = 'my numbers' ] || fail "it is gone"
expect 0 run -p 'Once upon' --metrics mine -f
grep -q sov_run_up mine || fail "not replaced"
: >empty
expect 0 run -p 'Once upon' --metrics empty
expect 73 run -p 'Once upon' --metrics no/such/folder
out_empty
err_one_line
expect 64 run -p 'Once upon' --metrics d
expect 64 run -p 'Once upon' --metrics /dev/null
expect 64 run -p 'Once upon' --metrics-every 1
expect 64 run -p 'Once upon' --metrics m.prom --metrics-every 0
expect 64 sov-run --tokenize -p 'Once upon' --metrics m.prom
PATH=$top_builddir/tests/tools:$PATH
expect 0 mkmodel vocab=512 'a"b\c.gguf'
echo '[1, 2, 3]' >ids
run_ids() {
    sov-run --temp 0 -n 4 -m 'a"b\c.gguf' --input-ids ids "$@"
}
expect 73 run_ids -f --metrics 'a"b\c.gguf'
expect 73 run_ids -f --metrics ids
[ "$(cat ids)" = '[1, 2, 3]' ] || fail "an input was replaced"

# a name with what a label cannot have as it is
expect 0 run_ids --metrics m.prom
grep -qF 'model="a\"b\\c.gguf"}' m.prom || fail "label"

# whole at any time, while it is written often; the last state is written even
# if the run is killed
mkfifo lines
sov-run --embed lines --metrics m.prom --metrics-every 0.1 >vectors 2>err &
pid=$!
exec 5>lines
n=0
while [ "$n" -lt 300 ]; do
    echo 'Once upon a time' >&5
    tail -n 1 m.prom | grep -q '^sov_run_request_seconds_count [0-9]*$' ||
        fail "a torn file"
    [ "$(head -c 7 m.prom)" = '# HELP ' ] || fail "a torn file"
    n=$((n + 1))
done
while [ "$(value sov_run_prompt_tokens_total)" != 1800 ]; do
    kill -0 "$pid" || fail "it has ended"
    sleep 0.1
done
is sov_run_up 1
is 'sov_run_requests_total{outcome="vectors"}' 300
echo 'The fox' >&5
while [ "$(wc -l <vectors)" -lt 301 ]; do
    kill -0 "$pid" || fail "it has ended"
    sleep 0.02
done
# the helper hears of the end a little later
ended() {
    i=0
    while [ "$(value sov_run_up)" != 0 ]; do
        i=$((i + 1))
        [ "$i" -lt 2000 ] || fail "the last file was not written"
        sleep 0.02
    done
}
kill -9 "$pid"
wait "$pid" || true
exec 5>&-
ended
is 'sov_run_requests_total{outcome="vectors"}' 301

# Ctrl-C goes to the helper too, which still writes
(exec sov-run --embed lines --metrics m.prom >vectors 2>err) &
pid=$!
exec 5>lines
echo 'Once upon a time' >&5
while [ "$(wc -l <vectors)" -lt 1 ]; do
    kill -0 "$pid" || fail "it has ended"
    sleep 0.02
done
kill -TERM "$pid"
rc=0
wait "$pid" || rc=$?
exec 5>&-
[ "$rc" -eq 143 ] || fail "status $rc"
ended
is 'sov_run_requests_total{outcome="vectors"}' 1

# many requests: what they have in common is known
for i in 1 2 3 4; do
    printf '{"prompt":"%s %s","max_tokens":5}\n' "$(printf 'the old king %.0s' \
        1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26)" $i
done >many
echo 'no JSON' >>many
echo '{"input":"a text"}' >>many
expect 65 sov-run --jsonl --seed 3 --batch 2 many
cp out want-many
expect 65 sov-run --jsonl --seed 3 --batch 2 many --metrics m.prom
cmp out want-many || fail "other answers"
is sov_run_up 0
is 'sov_run_requests_total{outcome="error"}' 1
is 'sov_run_requests_total{outcome="vectors"}' 1
[ "$(value sov_run_known_tokens_total)" -ge 192 ] || fail "nothing was known"
[ "$(value sov_run_passes_total)" -ge 10 ] || fail "passes"
[ "$(value sov_run_kv_blocks)" -ge 4 ] || fail "blocks"
is sov_run_kv_blocks_used 0
is sov_run_requests_waiting 0
is sov_run_request_seconds_count 5
expect 65 sov-run --jsonl --seed 3 --batch 2 many --meter
grep -q '"meter":{"known_tokens":[1-9][0-9]*,"queue_s":[0-9.e-]*,"first_token_s":[0-9.e-]*,"total_s":[0-9.e-]*,"joules":' \
    out || fail "no meter"
[ "$(grep -c '"meter"' out)" -eq 5 ] || fail "meters"
sed 's/,"meter":{[^}]*}//' out | cmp - want-many || fail "a meter changes more"

# who waits for the output does not wait for the helper
[ "$(run -p 'Once upon' --metrics m.prom --metrics-every 3600 | cat)" = \
    "$(cat want)" ] || fail "through a pipe"

# energy, by a counter that runs
zone=root/sys/class/powercap/intel-rapl:0
mkdir -p "$zone"
echo package-0 >"$zone/name"
echo 262143328850 >"$zone/max_energy_range_uj"
echo 262143000000 >"$zone/energy_uj"
touch root/run
(
    n=262143000000
    while [ -e root/run ]; do
        n=$((n + 1000))
        [ "$n" -le 262143328850 ] || n=0
        printf '%012d\n' "$n" 1<>"$zone/energy_uj"
    done
) &
counter=$!
i=0
while :; do
    expect 0 run --json -n 200 -p 'Once upon' --meter \
        --fake-root "$PWD/root" --metrics m.prom
    grep -q '"joules":0.0}' out || break
    i=$((i + 1))
    [ "$i" -lt 50 ] || fail "no energy"
done
rm root/run
wait "$counter"
grep -q '"meter":{"known_tokens":0,"queue_s":0.0,"first_token_s":[0-9.e-]*,"total_s":[0-9.e-]*,"joules":[0-9.e-]*}' \
    out || {
    show
    fail "no meter"
}
j=$(sed 's/.*"joules":\([0-9.e-]*\).*/\1/' out)
awk -v a="$j" -v b="$(value sov_run_energy_joules_total)" \
    'BEGIN { exit !(a > 0 && a - b < 1e-6 && b - a < 1e-6) }' ||
    fail "joules: $j and $(value sov_run_energy_joules_total)"
expect 0 run --json -v -p 'Once upon' --meter --fake-root /nowhere
out_has '"joules":null'
err_has 'energy is not known: /sys/class/powercap: No such file'
expect 0 run --json -p 'Once upon'
grep -q meter out && fail "a meter that nobody asked for"

# what Prometheus says of it
command -v promtool >/dev/null || skip "promtool is not installed"
expect 0 promtool check metrics <m.prom
out_empty
err_empty

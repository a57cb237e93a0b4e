#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# frame-status - exit statuses, messages, closed and full streams, signals
. "${top_srcdir:?}/tests/cli/lib.sh"

# errors become statuses: EARG EMEM EIO EFORMAT EUNSUP ENO
i=1
for status in 64 71 74 65 69 1; do
    expect "$status" t-tool "fail:$i"
    err_one_line
    err_has 't-tool: model '
    out_empty
    i=$((i + 1))
done
LC_ALL=C grep -q "$(printf '\033')" err && fail "a control character came through"
expect 70 t-tool fail:99
i=0
for status in 74 66 73 75; do
    expect "$status" t-tool "where:$i"
    err_one_line
    i=$((i + 1))
done
expect 141 t-tool where:4
err_empty
expect 1 t-tool no
out_is no
err_empty

# warnings and notes
expect 0 t-tool words:x
err_has 't-tool: warning: a warning about x'
err_one_line
expect 0 t-tool -q words:x
err_empty
expect 0 t-tool -v words:x
err_has 'a note'
expect 0 t-tool -vv words:x
err_has 'a finer note'

# full and closed streams
if [ -w /dev/full ]; then
    for args in --help --version --dump-options lines:100000 report:x; do
        status=0
        t-tool "$args" >/dev/full 2>err || status=$?
        [ "$status" -eq 74 ] || fail "$args >/dev/full: $status"
        err_has 'standard output'
        err_one_line
    done
fi
status=0
t-tool --help >&- 2>err || status=$?
[ "$status" -eq 74 ] || fail "--help >&-: $status"
expect 0 t-tool show <&-
t-tool show >out 2>&- || fail "2>&-"
status=0
t-tool fail:4 2>&- || status=$?
[ "$status" -eq 65 ] || fail "fail 2>&-: $status"

# a reader that leaves
cat >reader.sh <<'END'
{ t-tool lines:0 2>err; echo $? >status; } | head -n 1 >out
END
sh reader.sh
[ "$(cat status)" -eq 141 ] || fail "SIGPIPE: $(cat status)"
[ ! -s err ] || fail "words after SIGPIPE"
cat >reader.sh <<'END'
trap '' PIPE
{ t-tool lines:0 2>err; echo $? >status; } | head -n 1 >out
END
sh -c 'ulimit -t 20; . ./reader.sh' || :
[ "$(cat status)" -eq 141 ] || fail "EPIPE: $(cat status)"
[ ! -s err ] || fail "words after EPIPE"
rm -f reader.sh status

# signals: a signal ends the tool as a signal; of a run in the background
# SIGINT may be ignored, and a shell cannot take that back
default=
env --default-signal=HUP,INT,TERM true 2>/dev/null &&
    default='env --default-signal=HUP,INT,TERM'
for sig in 1 2 15; do
    # shellcheck disable=SC2086
    expect $((128 + sig)) $default t-tool "signal:$sig"
    out_empty
done
expect 0 sh -c "trap '' HUP; exec t-tool signal:1"
out_is 'still here'
expect 0 t-tool signal:25 # SIGXFSZ is a failing write instead

# an input that shrinks while it is mapped
head -c 8192 /dev/zero >mapped
expect 74 t-tool bus:mapped
err_has 'an input changed while it was being read'
err_one_line
rm mapped

# no half-written output, whatever ends the tool
t-tool -o made write:hang >out 2>err &
pid=$!
n=0
while ! grep -q ready out 2>/dev/null; do
    n=$((n + 1))
    [ $n -lt 200 ] || fail "t-tool does not start"
    sleep 0.05
done
kill -TERM $pid
status=0
wait $pid || status=$?
[ "$status" -eq 143 ] || fail "SIGTERM: $status"
only_files

expect 0 t-tool -o made write:8192
[ "$(wc -c <made)" -eq 8192 ] || fail "size of the output"
expect 73 t-tool -o made write:4096
[ "$(wc -c <made)" -eq 8192 ] || fail "an existing file was touched"
expect 0 t-tool -f -o made write:4096
[ "$(wc -c <made)" -eq 4096 ] || fail "-f did not replace it"
expect 74 sh -c 'ulimit -f 8; t-tool -f -o made write:1000000'
err_one_line
[ "$(wc -c <made)" -eq 4096 ] || fail "a failed write touched the old file"
only_files made
expect 73 t-tool -o no/such/folder/file write:4096
expect 64 t-tool write:4096
err_has '-o FILE is missing'

# binary to a terminal
expect 64 t-tool --fake-stdout-is-console -o - write:4096
err_has 'standard output is a terminal'
out_empty
expect 0 t-tool --fake-stdout-is-console -f -o - write:4096
expect 0 t-tool -o - write:4096
[ "$(wc -c <out)" -eq 4096 ] || fail "bytes on standard output"

# a make rule
expect 0 t-tool -f -o made --depfile made.d write:4096
# shellcheck disable=SC2016
printf 'made: \\\n  a\\ b \\\n  c$$d\n' | cmp -s - made.d || {
    cat made.d
    fail "depfile"
}

# environment and common options
expect 0 env SOV_DATADIR=/some/where t-tool -j1 --seed 5 env
out_is 'datadir=/some/where threads=1 seed_given=1 seed=5'
expect 0 t-tool env
out_has 'seed_given=0'
for bad in SOV_ISA=axv2 SOV_ISA=AVX2 SOV_THREADS=0 SOV_THREADS=two \
    SOV_THREADS=-1 SOV_THREADS=4x SOV_THREADS=99999999999999999999; do
    expect 64 env "$bad" t-tool env
    err_has "${bad%%=*}: '${bad#*=}' is not"
    err_one_line
    out_empty
done
for good in SOV_ISA= SOV_ISA=generic SOV_ISA=neon SOV_THREADS= SOV_THREADS=3; do
    expect 0 env "$good" t-tool env
done

exit 0

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# kill - whatever ends sov-quantize, the old output stands whole
#
# The input comes by pipe, so that the test holds the tool where it wants it:
# some of the bytes are fed, the test waits until the unfinished output has
# grown, and kills.  A quarter of the runs gets the whole input and dies at
# some moment around the end.
. "${top_srcdir:?}/tests/cli/lib.sh"

[ -d /proc/self/fdinfo ] || skip "no /proc"
runs=100
expect 0 sov-quantize -q -t f16 -o in.gguf "$tale"
expect 0 sov-quantize -q -t q8_0 -o old.gguf in.gguf
expect 0 sov-quantize -q -t q4_0 -o other.gguf in.gguf
size=$(wc -c <in.gguf)
mkfifo fifo

# Bytes that process $1 has written to a file without a name.
unfinished() {
    for fd in /proc/"$1"/fd/*; do
        case $(readlink "$fd" 2>/dev/null) in
        "$scratch"/*deleted* | "$scratch"/.*)
            sed -n 's/^pos:[[:space:]]*//p' "/proc/$1/fdinfo/${fd##*/}" \
                2>/dev/null || :
            return
            ;;
        esac
    done
    echo 0
}

whole=0  # the old output stood
newer=0  # the kill came too late: the new one stands, whole
middle=0 # killed between the first byte and the rename
i=0
while [ $i -lt $runs ]; do
    case $((i % 3)) in
    0) sig=KILL ;;
    1) sig=TERM ;;
    2) sig=INT ;;
    esac
    cp old.gguf out.gguf
    # A shell without job control starts background jobs with SIGINT ignored.
    env --default-signal=INT sov-quantize -q -f -t q4_0 -o out.gguf - <fifo 2>err &
    pid=$!
    exec 3>fifo
    if [ $((i % 4)) -eq 3 ]; then
        cat in.gguf >&3
        exec 3>&-
        sleep "0.0$((i % 10))"
    else
        head -c $((size * (30 + i * 2 / 3) / 100)) in.gguf >&3
        n=0
        pos=0
        while [ $n -lt 100 ]; do
            pos=$(unfinished $pid)
            [ "${pos:-0}" -eq 0 ] || break
            n=$((n + 1))
            sleep 0.01
        done
        [ "${pos:-0}" -eq 0 ] || middle=$((middle + 1))
    fi
    kill -"$sig" $pid 2>/dev/null || :
    exec 3>&-
    status=0
    wait $pid 2>/dev/null || status=$?
    if cmp -s out.gguf old.gguf; then
        whole=$((whole + 1))
    elif cmp -s out.gguf other.gguf; then
        newer=$((newer + 1))
    else
        fail "run $i, SIG$sig: the output is neither old nor new"
    fi
    case $sig:$status in
    KILL:137 | TERM:143 | INT:130 | *:0) ;;
    *)
        cat err
        fail "run $i, SIG$sig: status $status"
        ;;
    esac
    only_files in.gguf old.gguf other.gguf out.gguf fifo
    i=$((i + 1))
done
echo "$runs kills: $middle in the middle, old output $whole, new output $newer"
[ $middle -ge $((runs / 2)) ] || fail "too few kills in the middle"

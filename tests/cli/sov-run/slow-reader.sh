#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# slow-reader - a reader of answers that stops: nothing is read either, and
# memory does not grow
. "${top_srcdir:?}/tests/cli/lib.sh"
SOV_DATADIR=$top_srcdir
export SOV_DATADIR
[ -r /proc/self/status ] || skip "no /proc"

seconds=4
[ -z "${SOV_SLOW:-}" ] || seconds=60

rss() {
    awk '/^VmRSS:/ { print $2 }' "/proc/$1/status"
}
for order in input completion; do
    rm -f in out
    mkfifo in out
    {
        i=0
        while [ $i -lt 200000 ]; do
            i=$((i + 1))
            echo "{\"id\":$i,\"prompt\":\"Once upon a time\",\"max_tokens\":3}"
            echo $i >asked.new
            mv asked.new asked
        done
    } >in 2>/dev/null &
    writer=$!
    sov-run --jsonl --order $order in >out 2>err &
    pid=$!
    exec 3<out
    i=0
    while [ $i -lt 300 ]; do # all that grows at first has grown
        read -r line <&3 || fail "$order: it ended"
        i=$((i + 1))
    done
    was=
    is=$(cat asked)
    while [ "$was" != "$is" ]; do # pipes have filled up
        sleep 1
        was=$is
        is=$(cat asked)
    done
    before=$(rss $pid)
    sleep $seconds
    after=$(rss $pid)
    is=$(cat asked)
    echo "$order: $before kB, $seconds s later $after kB; line $was, then $is"
    [ "$after" -le $((before + 1024)) ] || fail "$order: memory grew"
    [ "$is" -le $((was + 100)) ] || fail "$order: lines were read all the same"
    read -r line <&3 || fail "$order: it ended"
    case $line in
    '{"id":'*) ;;
    *) fail "$order: no answer: $line" ;;
    esac
    kill $writer 2>/dev/null || true
    kill $pid 2>/dev/null || true
    exec 3<&-
    wait $writer $pid 2>/dev/null || true
done

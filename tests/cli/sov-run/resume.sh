#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# resume - runs of requests that are killed at any time, and go on: each line is
# answered once, in the bytes of a run that nobody stopped
. "${top_srcdir:?}/tests/cli/lib.sh"
PATH=$top_builddir/tests/tools:$PATH
SOV_DATADIR=$top_srcdir
export SOV_DATADIR

run() {
    sov-run --jsonl "$@"
}

# the whole file of 10,000 lines with SOV_SLOW=1
n=600
kills=6
[ -z "${SOV_SLOW:-}" ] || n=10000 kills=20
awk -v n=$n 'BEGIN {
    srand(7)
    k = split("king fox the a of was old moon Once said and in house", w)
    for (i = 1; i <= n; i++) {
        p = ""
        for (m = 0; m < 3; m++)
            p = p w[int(rand() * k) + 1] " "
        t = 1 + int(rand() * 3)
        if (i % 11 == 0)
            print "{\"custom_id\":\"c" i "\",\"method\":\"POST\",\"url\":\"/v1/completions\",\"body\":{\"prompt\":\"" p "\",\"max_tokens\":" t "}}"
        else if (i % 17 == 0)
            print "{\"id\":" i ",\"input\":\"" p "\"}"
        else if (i % 23 == 0)
            print "{\"id\":" i ",\"prompt\":7}"
        else if (i % 29 == 0)
            print ""
        else if (i % 3 == 0)
            print "{\"prompt\":\"" p "\",\"max_tokens\":" t "}"
        else
            print "{\"id\":\"r" i "\",\"prompt\":\"" p "\",\"max_tokens\":" t "}"
    }
}' >in
now() {
    date +%s%N
}
began=$(now)
expect 65 run --seed 5 in
took=$(($(now) - began))
cp out want
[ "$(wc -l <want)" -eq "$(grep -c . in)" ] || fail "not one line each"

# killed OUT ARG...: begin, and be killed at some time before it could be done,
# all of them together; say whether it was
killed() {
    out=$1
    shift
    sov-run --jsonl --seed 5 --resume "$out" "$@" >/dev/null 2>err &
    pid=$!
    sleep "$(awk -v t=$took -v k=$kills -v s="$(now)" 'BEGIN {
        srand(s % 1000003)
        printf "%.3f", rand() * t / k / 1e9 + 0.005
    }')"
    kill -9 $pid 2>/dev/null || true
    st=0
    wait $pid || st=$?
    [ $st -eq 137 ]
}
for order in input completion; do
    done=0
    for i in $(seq $kills); do
        killed $order --order $order --batch $((i % 5 + 1)) in &&
            done=$((done + 1))
        # half lines are all that may be wrong
        [ ! -e $order ] || head -n "$(wc -l <$order)" $order >whole
        [ ! -s whole ] || [ "$(sort whole | uniq -d | wc -l)" -eq 0 ] ||
            fail "two answers to one line"
    done
    [ $done -gt $((kills / 2)) ] || fail "killed only $done times"
    echo "$order: killed $done times with $(wc -l <$order) of $(wc -l <want) answers"
    expect 65 run --seed 5 --order $order --resume $order in
    err_one_line
    err_has "$(grep -c '"error":{' want) of $(wc -l <want) requests have no answer"
done
cmp input want || fail "other bytes than without kills"
by_line() {
    sed 's/^\(.*"line":\([0-9]*\)\)/\2 \1/;s/^\({"id":"batch_req_\([0-9]*\)\)/\2 \1/' \
        "$1" | sort -n | sed 's/^[0-9]* //'
}
by_line completion >sorted
cmp sorted want || fail "other answers, as they are complete"
# and it is known that all is done
began=$(now)
expect 65 run --resume input -v in
cmp input want || fail "a run that was complete has added something"
err_has 'answers are there already'
err_has 'seed 5'

# some lines, and what may be done with them
head -n 40 in >some
sed '/./!d' some >lines
expect 65 run --seed 5 --resume s lines
cp s whole
cp s.journal whole.journal
# an error that is taken out is asked for again; the end may be torn
grep -v '"error":{' whole >s
printf '{"id":"torn","line":2' >>s
expect 65 run -v --resume s lines
err_has 'half a line at the end, of 21 bytes'
sort s >a
sort whole | cmp - a || fail "what was taken out was not made again"
# more lines at the end
{
    cat lines
    echo '{"id":"more","prompt":"A","max_tokens":2}'
} >longer
cp whole s
expect 65 run --resume s longer
head -n "$(wc -l <whole)" s | cmp - whole || fail "longer input"
[ "$(wc -l <s)" -eq "$(wc -l <longer)" ] || fail "the line more"
# without a journal there are the ids
rm -f s.journal
cp whole s
expect 65 run --seed 5 --resume s lines
cmp s whole || fail "without a journal"
err_has 'nothing is known but the ids'
expect 65 run --seed 5 -q --resume s lines
err_one_line

# what is not the same is named, and nothing is written
refused() {
    cp whole s
    cp whole.journal s.journal
    expect "$@"
    err_one_line
    cmp s whole || fail "a run that was refused has written: $*"
}
refused 65 run --temp 0.5 --resume s lines
err_has '"temp" 0.8, and now it is 0.5'
refused 65 run --seed 6 --resume s lines
refused 65 run --ctx 128 --resume s lines
refused 65 run -n 3 --resume s lines
refused 65 run --stop x --resume s lines
refused 65 run --precise --resume s lines
refused 65 run --kv f32 --resume s lines
refused 65 run --system x --resume s lines
refused 65 run --date 2001-01-01 --resume s lines
refused 65 run --pooling cls --resume s lines
echo '{{ messages }}' >t.jinja
refused 65 run --chat-template t.jinja --resume s lines
sov-quantize -q -t q8_0 -o other.gguf "$tale"
refused 65 run -m other.gguf --resume s lines
err_has '"model"'
mklora size=0.05 "$tale" adapter.gguf
refused 65 run --lora adapter.gguf --resume s lines
err_has '"adapters" nothing'
sed '2s/prompt/promp/' lines >other
refused 65 run --resume s other
err_has 'line 2 of the input is not the one that was answered'
sed 1d lines >other
refused 65 run --resume s other
sed '$d' lines >other
refused 65 run --resume s other
err_has 'has an answer to line'
refused 64 run -o x --resume s lines
refused 64 run -f --resume s lines
refused 64 sov-run --resume s lines
refused 64 run --embed --resume s lines
expect 64 run --resume - lines
expect 73 run --resume s s
expect 73 run --resume /dev/null lines
expect 73 run --resume none/s lines
# files of others
cp lines mine
expect 65 run --resume mine lines -n 1
cmp mine lines || fail "another file was changed"
[ ! -e mine.journal ] || fail "a journal beside a file of others"
# the day of the run counts, unless one is given
echo '{% for m in messages %}{{ strftime_now("%Y-%m-%d") }}{% endfor %}' >day
echo '{"messages":[{"role":"user","content":"A"}],"max_tokens":9}' >ask
cat ask ask >two
for d in "--date 2001-01-01" "" "--date 2001-01-01"; do
    # shellcheck disable=SC2086
    expect 0 run --seed 1 --temp 0 --chat-template day $d --resume dated ask
    cp two ask
done
[ "$(sed 's/.*"text"/"text"/;s/"seed".*//' dated | sort -u | wc -l)" -eq 1 ] ||
    fail "the day was not taken over"

# two at once
mkfifo slow
sov-run --jsonl --resume busy slow &
pid=$!
exec 3>slow
echo '{"prompt":"A","max_tokens":1}' >&3
while [ ! -s busy ]; do sleep 0.1; done
expect 75 run --resume busy lines
err_has 'another run is writing this output'
exec 3>&-
wait $pid
[ "$(wc -l <busy)" -eq 1 ] || fail "two runs wrote one output"
# an interrupt leaves what there is
sov-run --jsonl --resume left slow &
pid=$!
exec 3>slow
echo '{"prompt":"A","max_tokens":1}' >&3
while [ ! -s left ]; do sleep 0.1; done
kill -TERM $pid
st=0
wait $pid || st=$?
exec 3>&-
[ $st -eq 143 ] || fail "interrupt: status $st"
[ "$(wc -l <left)" -eq 1 ] || fail "an interrupt took the answer"
# with a rule for make
expect 0 run --resume ruled --depfile rule --chat-template day ask
grep -q '^ruled:' rule || fail "no rule"

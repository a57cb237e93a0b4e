#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# cache - what a teacher says, made in a run that is killed now and then
# shellcheck disable=SC2086 # options in a variable
. "${top_srcdir:?}/tests/cli/lib.sh"

[ -e "$tale/config.json" ] || skip "models/tale is not here"
expect 0 sov-quantize -q -t q8_0 -o tok.gguf "$tale"
cp "$top_srcdir/tests/data/dev.txt" t.txt
# a small teacher is fast
expect 0 sov-distill -q --arch llama,width=32,layers=1,heads=2,ctx=64,tied \
    --tokenizer tok.gguf --batch 8 --steps 20 --lr 3e-3 -o small.gguf t.txt
# more than 32768 tokens: blocks are written from there on
cat t.txt t.txt t.txt t.txt >long.txt
cache="sov-distill -q --teacher small.gguf --ctx 64 --draws 20"

start=$(date +%s%N)
expect 0 $cache --cache-out whole.few long.txt
took=$((($(date +%s%N) - start) / 1000000))

run="$cache --cache-out x.few --resume"
kills=0
draw=11
while [ $kills -lt "${SOV_KILLS:-8}" ] && [ ! -e x.few ]; do
    $run long.txt >/dev/null 2>&1 &
    pid=$!
    draw=$((draw * 1103515245 % 2147483648 + 12345))
    after=$((draw / 65536 % (took + 1)))
    sleep "$((after / 1000)).$(printf '%03d' $((after % 1000)))"
    kill -9 $pid 2>/dev/null && kills=$((kills + 1))
    wait $pid 2>/dev/null || :
done
[ -e x.few ] || expect 0 $run long.txt
cmp x.few whole.few || fail "after $kills kills"
only_files tok.gguf t.txt long.txt small.gguf whole.few x.few
rm x.few

# begun: a part with a journal, cut where a run could have been
begun() {
    $run long.txt >out 2>err </dev/null &
    pid=$!
    tries=0
    while [ -z "$(find . -name x.few.part -size +97k)" ] &&
        [ $tries -lt 2000 ]; do
        tries=$((tries + 1))
        sleep 0.01
    done
    kill -s "$1" $pid 2>/dev/null || :
    got=0
    wait $pid || got=$?
}

# a signal: what there is is kept, and said so
begun TERM
if [ ! -e x.few ]; then
    [ $got -eq 75 ] || { show; fail "status $got of SIGTERM"; }
    err_has "goes on from there"
    [ -s x.few.part ] || fail "nothing kept"
    cp x.few.part p
    cp x.few.part.journal j

    # of another run
    expect 65 $run --seed 2 long.txt
    err_has "is of another run"
    err_one_line
    [ -s x.few.part ] || fail "the part is gone"

    # damaged: what is right before that is taken, all else made again
    for damage in "truncate -s 50000 x.few.part" "truncate -s 99 x.few.part" \
        "truncate -s -3 x.few.part.journal" \
        "dd if=/dev/zero of=x.few.part bs=1 seek=60000 count=9 conv=notrunc" \
        "dd if=/dev/zero of=x.few.part.journal bs=1 seek=90 count=30 conv=notrunc" \
        "dd if=/dev/zero of=x.few.part bs=1 seek=400 count=9 conv=notrunc" \
        "true"; do
        cp p x.few.part
        cp j x.few.part.journal
        $damage 2>/dev/null
        expect 0 $run long.txt
        cmp x.few whole.few || fail "after $damage"
        [ ! -e x.few.part ] || fail "the part is left"
        rm x.few
    done
fi
expect 64 $cache --resume --cache-out - long.txt
expect 0 sov-distill -q --arch llama,width=32,layers=1,heads=2,ctx=64,tied \
    --tokenizer tok.gguf --batch 8 --steps 2 --cache whole.few -o s.gguf \
    long.txt

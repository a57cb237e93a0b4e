#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# resume - killed a hundred times, and what comes out is what would have
#
# Runs with --resume are killed after a random part of the time that a whole
# one takes, and begun again until one gets through.  Some read the model from
# a pipe that stops on its way, so that the place is not left to chance.
# shellcheck disable=SC2086 # commands in variables
. "${top_srcdir:?}/tests/cli/lib.sh"

mkmodel=$top_builddir/tests/tools/mkmodel
# the command itself, no function: what is killed must be the program
quantize="sov-quantize -q -j 2 -t q4_k_m --effort 7"
split="--split-max-tensors 20"

"$mkmodel" layers=8 width=256 ffn=1024 vocab=4000 m.gguf
size=$(stat -c %s m.gguf)
start=$(date +%s%N)
expect 0 $quantize -o whole.gguf m.gguf
took=$((($(date +%s%N) - start) / 1000000))
journal=x.gguf.part.journal

# kept: bytes of the journal, 0 if there is none
kept() {
    stat -c %s $journal 2>/dev/null || echo 0
}

kills=0
inside=0
whole=0
draw=1
while [ $kills -lt 60 ]; do
    $quantize --resume -o x.gguf m.gguf >/dev/null 2>&1 &
    pid=$!
    draw=$((draw * 1103515245 % 2147483648 + 12345))
    after=$((draw / 65536 % (took + took / 2 + 1)))
    sleep "$((after / 1000)).$(printf '%03d' $((after % 1000)))"
    if kill -9 $pid 2>/dev/null; then
        kills=$((kills + 1))
    fi
    got=0
    wait $pid 2>/dev/null || got=$?
    if [ -e x.gguf ]; then
        cmp x.gguf whole.gguf || fail "after $kills kills"
        whole=$((whole + 1))
        rm -f x.gguf # the kill may have come when all was done
        rm -f $journal
    elif [ $got -ne 137 ]; then
        fail "status $got after $kills kills, and no output"
    elif [ "$(kept)" -gt 136 ]; then
        inside=$((inside + 1))
    fi
done
expect 0 $quantize --resume -o x.gguf m.gguf
cmp x.gguf whole.gguf || fail "in the end"
only_files m.gguf whole.gguf x.gguf
[ $inside -ge 10 ] || fail "only $inside kills met finished tensors"

# ---- from a pipe: it is there to the last tensor that came in whole

mkfifo pipe
rm x.gguf
while [ $kills -lt 100 ]; do
    at=$((kills - 60))
    $quantize --resume -o x.gguf - <pipe >/dev/null 2>&1 &
    pid=$!
    exec 9>pipe
    head -c $((size * (at % 10 + 1) / 12)) m.gguf >&9
    last=-1
    tries=0
    while [ $tries -lt 500 ] && { [ "$(kept)" -le 136 ] ||
        [ "$(kept)" -ne "$last" ]; }; do
        tries=$((tries + 1))
        last=$(kept)
        sleep 0.02
    done
    kill -9 $pid
    wait $pid 2>/dev/null && fail "it was not killed"
    exec 9>&-
    kills=$((kills + 1))
    [ $((kills % 10)) -ne 0 ] || {
        [ "$(kept)" -gt 2000 ] || fail "the journal has $(kept) bytes"
        expect 0 sh -c "cat m.gguf | $quantize --resume -o x.gguf -"
        cmp x.gguf whole.gguf || fail "through a pipe"
        rm x.gguf
    }
done
only_files m.gguf whole.gguf pipe

# ---- in several files, and with claims: the same digests

sov-verify -q --keygen k --no-password
mkdir a b
expect 0 $quantize $split --sign-key k.key -o a/y.gguf m.gguf
i=0
while [ $i -lt 6 ]; do
    i=$((i + 1))
    $quantize $split --sign-key k.key --resume -o b/y.gguf m.gguf >/dev/null \
        2>&1 &
    pid=$!
    after=$((took / 6 + 10))
    sleep "$((after / 1000)).$(printf '%03d' $((after % 1000)))"
    kill -9 $pid 2>/dev/null || :
    wait $pid 2>/dev/null || :
done
expect 0 $quantize -f $split --sign-key k.key --resume -o b/y.gguf m.gguf
for f in a/y-*.gguf a/*.sovidx; do
    cmp "$f" "b/${f#a/}" || fail "${f#a/} differs"
done
[ -z "$(find b -name '*part*')" ] || fail "parts are left"
expect 0 sov-verify --key k.pub b/y-00001-of-*.gguf

echo "$kills kills, $inside between tensors, $whole outputs whole"

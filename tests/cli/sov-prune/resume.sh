#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# resume - stopped anywhere, and what comes out is what would have
. "${top_srcdir:?}/tests/cli/lib.sh"

command -v jq >/dev/null || skip "no jq"
tools=$top_builddir/tests/tools
"$tools/mkmodel" layers=6 width=256 ffn=1024 vocab=4000 m.gguf
"$tools/mkstats" m.gguf im.gguf
size=$(stat -c %s m.gguf)
p() {
    _want=$1
    shift
    expect "$_want" sov-prune --stats im.gguf --ratio 0.5 "$@"
}
p 0 --json -o whole.gguf m.gguf
jq 'del(.output, .seconds)' out >whole.json
# from a pipe that ends where the file cut does
stops() {
    _got=0
    tail -c +1 cut.gguf | sov-prune --stats im.gguf --ratio 0.5 --resume "$@" \
        -o x.gguf - >"$scratch/out" 2>"$scratch/err" || _got=$?
    [ $_got -eq 65 ] || fail "status $_got of half a model"
}
kept() {
    stat -c %s x.gguf.part.journal 2>/dev/null || echo 0
}

# a pipe that ends too early, at several places; then all of it
for part in 3 5 8; do
    head -c $((size * part / 10)) m.gguf >cut.gguf
    stops
    err_has "x.gguf.part is kept"
    [ "$(kept)" -gt 120 ] || fail "nothing is kept of $part tenths"
    [ ! -e x.gguf ] || fail "half an output"
done
had=$(kept)
p 0 --resume -v --json -o x.gguf m.gguf
err_has "going on behind"
cmp x.gguf whole.gguf || fail "other bytes of a run that was stopped"
jq 'del(.output, .seconds)' out | cmp - whole.json || fail "other figures"
[ ! -e x.gguf.part ] || fail "the part is still there"
[ "$had" -gt 2000 ] || fail "only $had bytes of a journal"
rm x.gguf

# killed at some moment, again and again
n=0
while [ $n -lt 12 ]; do
    sov-prune -q --stats im.gguf --ratio 0.5 --resume -o x.gguf m.gguf \
        >/dev/null 2>&1 &
    pid=$!
    sleep "0.0$((n % 5))"
    kill -9 $pid 2>/dev/null || :
    wait $pid 2>/dev/null || :
    n=$((n + 1))
    [ ! -e x.gguf ] || {
        cmp x.gguf whole.gguf || fail "other bytes after a kill"
        rm x.gguf
    }
done
p 0 --resume -o x.gguf m.gguf
cmp x.gguf whole.gguf || fail "other bytes after kills"
rm x.gguf

# another ratio, importance, method or model: nothing of it is taken
head -c $((size * 8 / 10)) m.gguf >cut.gguf
"$tools/mkstats" seed=2 m.gguf other.gguf
"$tools/mkmodel" seed=2 layers=6 width=256 ffn=1024 vocab=4000 n.gguf
again() { # MODEL OPTION...
    _model=$1
    shift
    stops -f
    expect 0 sov-prune "$@" -fo y.gguf "$_model"
    expect 0 sov-prune "$@" --resume -fo x.gguf "$_model"
    err_has "$_words"
    cmp x.gguf y.gguf || fail "another part was taken: $*"
}
_words="begun with another model, options or version"
again m.gguf --stats im.gguf --ratio 0.4
again m.gguf --stats other.gguf --ratio 0.5
again m.gguf --method magnitude --ratio 0.5
again m.gguf --stats im.gguf --pattern 2:4
again m.gguf --stats im.gguf --ratio 0.5 --tensor-ratio 'blk.0.*=0.1'
_words="the model has changed"
again n.gguf --stats im.gguf --ratio 0.5

# bytes of the part that were changed
stops -f
printf 'x' | dd of=x.gguf.part bs=1 seek=$((size / 2)) conv=notrunc 2>/dev/null
p 0 --resume -fo x.gguf m.gguf
err_has "are made again"
cmp x.gguf whole.gguf || fail "a part that was changed"

# where it cannot be
expect 64 sov-prune --calib cut.gguf --ratio 0.5 --resume -o z.gguf m.gguf
expect 64 sov-prune --method vocab --calib cut.gguf --resume -o z.gguf m.gguf
err_has "cannot be gone on with"

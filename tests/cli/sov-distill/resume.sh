#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# resume - killed and stopped, and what comes out is what would have
# shellcheck disable=SC2086 # options in a variable
. "${top_srcdir:?}/tests/cli/lib.sh"

[ -e "$tale/config.json" ] || skip "models/tale is not here"
expect 0 sov-quantize -q -t f16 -o tok.gguf "$tale"
head -c 30000 "$top_srcdir/tests/data/dev.txt" >t.txt
head -c 2000 "$top_srcdir/tests/data/dev.txt" >e.txt
arch=llama,width=32,layers=2,heads=2,ctx=64,tied
base="sov-distill -q --arch $arch --tokenizer tok.gguf --batch 4 --lr 1e-3"
run="$base --steps 60 --checkpoint kept --every 4 --resume"

start=$(date +%s%N)
expect 0 $base --steps 60 -o whole.gguf t.txt
took=$((($(date +%s%N) - start) / 1000000))

# ---- kill -9, at any time

kills=0
draw=7
while [ $kills -lt "${SOV_KILLS:-12}" ]; do
    $run -o x.gguf t.txt >/dev/null 2>&1 &
    pid=$!
    draw=$((draw * 1103515245 % 2147483648 + 12345))
    after=$((draw / 65536 % (took + 1)))
    sleep "$((after / 1000)).$(printf '%03d' $((after % 1000)))"
    kill -9 $pid 2>/dev/null && kills=$((kills + 1))
    wait $pid 2>/dev/null || :
    if [ -e x.gguf ]; then
        cmp x.gguf whole.gguf || fail "after $kills kills"
        rm -rf x.gguf kept
    fi
done
expect 0 $run -o x.gguf t.txt
cmp x.gguf whole.gguf || fail "after all kills"
[ "$(find kept -name 'step-*.ckpt' | wc -l)" -eq 2 ] || fail "not two are kept"

# ---- a signal: it saves, and says so

rm -rf kept x.gguf
for sig in TERM HUP; do
    $run --steps 4000 --schedule constant --log log -o y.gguf t.txt \
        >out 2>err </dev/null &
    pid=$!
    tries=0
    while [ ! -s log ] && [ $tries -lt 600 ]; do
        tries=$((tries + 1))
        sleep 0.05
    done
    kill -s $sig $pid
    got=0
    wait $pid || got=$?
    [ $got -eq 75 ] || { show; fail "status $got of SIG$sig"; }
    err_has "--resume goes on"
    err_one_line
    [ ! -e y.gguf ] || fail "an output after a signal"
    [ -n "$(find kept -name 'step-*.ckpt')" ] || fail "nothing kept"
    rm -rf kept log
done

# ---- checkpoints that will not do

expect 0 $run -o x.gguf t.txt
cp -r kept good
expect 73 $base --steps 60 --checkpoint kept -o z.gguf t.txt
err_has "has checkpoints of a run"
expect 65 $run --lr 2e-3 -o z.gguf t.txt
err_has "other options"
expect 65 $run --seed 2 -o z.gguf t.txt
err_has "another student"
expect 65 $run -o z.gguf e.txt
err_has "other texts"
expect 65 $run --steps 8 -o z.gguf t.txt
expect 65 sov-distill -q --arch llama,width=32,layers=1,heads=2,ctx=64,tied \
    --tokenizer tok.gguf --batch 4 --lr 1e-3 --steps 60 --checkpoint kept \
    --resume -o z.gguf t.txt
err_has "another student"
rm x.gguf

# torn DAMAGE...: the last one is damaged so, and the one before is taken
torn() {
    rm -rf kept x.gguf
    cp -r good kept
    "$@"
    expect 0 sov-distill --arch $arch --tokenizer tok.gguf --batch 4 --lr 1e-3 \
        --steps 60 --checkpoint kept --every 4 --resume -o x.gguf t.txt
    err_has "step-60.ckpt"
    err_has "trying the one before it"
    cmp x.gguf whole.gguf || fail "after $*"
}
torn truncate -s -5 kept/step-60.ckpt
torn truncate -s 0 kept/step-60.ckpt
torn truncate -s 100 kept/step-60.ckpt
torn cp kept/step-56.ckpt kept/step-60.ckpt
torn cp t.txt kept/step-60.ckpt
torn dd if=/dev/zero of=kept/step-60.ckpt bs=1 seek=3000 count=8 conv=notrunc
for thing in mkfifo mkdir; do
    rm -rf kept x.gguf
    cp -r good kept
    rm kept/step-60.ckpt
    $thing kept/step-60.ckpt
    expect 73 timeout 60 $run -o x.gguf t.txt
    err_has "kept/step-60.ckpt: is no file"
    err_one_line
done
rm -rf kept x.gguf
mkdir kept
cp t.txt kept/step-60.ckpt
expect 65 $run -o x.gguf t.txt
err_has "is no checkpoint"
err_has "--force in place of --resume begins anew"
err_one_line
expect 0 $base --steps 60 --checkpoint kept --force -o x.gguf t.txt
cmp x.gguf whole.gguf || fail "begun anew"
only_files tok.gguf t.txt e.txt whole.gguf x.gguf kept good

# ---- a run that goes on for longer

rm -rf kept x.gguf
more="$base --schedule constant --warmup 2 --checkpoint kept --resume"
expect 0 $more --steps 6 -o x.gguf t.txt
expect 0 $more --steps 9 -f -o x.gguf t.txt
expect 0 $base --schedule constant --warmup 2 --steps 9 -o w.gguf t.txt
cmp x.gguf w.gguf || fail "nine steps in two runs"

# ---- the best

rm -rf kept
expect 0 $base --steps 8 --every 2 --eval e.txt --best --checkpoint kept \
    --json -f -o x.gguf t.txt
out_has '"best_step":'

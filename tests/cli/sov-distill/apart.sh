#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# apart - training without a link, and over a slow one
# shellcheck disable=SC2086 # options in a variable
. "${top_srcdir:?}/tests/cli/lib.sh"

[ -e "$tale/config.json" ] || skip "models/tale is not here"
expect 0 sov-quantize -q -t f16 -o tok.gguf "$tale"
head -c 45000 "$top_srcdir/tests/data/dev.txt" >t.txt
head -c 15000 t.txt >1.txt
tail -c +15001 t.txt | head -c 15000 >2.txt
tail -c 15000 t.txt >3.txt
new="sov-distill -q --arch llama,width=32,layers=1,heads=2,ctx=64,tied
    --tokenizer tok.gguf --batch 8 --seed 3"
expect 0 $new --steps 1 -t f32 -o base.gguf t.txt
learn="sov-distill -q --student base.gguf --batch 8 --steps 4 --lr 3e-3"
merge="sov-distill -q --student base.gguf --merge -t f32"

# ---- one silo is plain training

expect 0 $learn --delta-out one.delta -o plain.gguf t.txt
expect 0 $merge -t f16 -o merged.gguf one.delta
cmp plain.gguf merged.gguf || fail "one silo is not plain training"
expect 0 $learn -t q8_0 -o plain8.gguf t.txt
expect 0 $merge -t q8_0 -o merged8.gguf one.delta
cmp plain8.gguf merged8.gguf || fail "one silo is not plain training, in q8_0"
expect 0 $merge --outer-lr 0.5 -t f16 -f -o merged.gguf one.delta
! cmp -s plain.gguf merged.gguf || fail "--outer-lr does nothing"

# ---- some, in any order, masked or not

for name in a b c; do
    expect 0 sov-verify --keygen $name --no-password
done
silos="--silo a.pub --silo b.pub --silo c.pub"
i=0
for name in a b c; do
    i=$((i + 1))
    expect 0 $learn --delta-out plain$i.delta --worker $i/3 $i.txt
    expect 0 $learn --delta-out masked$i.delta --mask $name.key $silos $i.txt
done
expect 0 $merge -o abc.gguf plain1.delta plain2.delta plain3.delta
expect 0 $merge -o cab.gguf plain3.delta plain1.delta plain2.delta
cmp abc.gguf cab.gguf || fail "the order of the files is to be seen"
# each has learnt as many tokens, so that it counts as the others do
expect 0 $merge -t f16 -f -o abc.gguf plain1.delta plain2.delta plain3.delta
expect 0 $merge -t f16 -f -o cab.gguf masked2.delta masked3.delta masked1.delta
cmp abc.gguf cab.gguf || fail "the masks do not cancel"
expect 0 $merge --json -f -o abc.gguf plain1.delta plain2.delta plain3.delta
out_has '"schema":"sov.merge/1"'
out_has '"deltas":3'
expect 0 sov-run -m abc.gguf -p Once -n 2 --temp 0

# the next round begins with what came out
expect 0 sov-distill -q --student abc.gguf --batch 8 --steps 2 \
    --delta-out next.delta 1.txt
expect 0 sov-distill -q --student abc.gguf --merge -o next.gguf next.delta

# ---- what does not belong together

expect 1 $merge -o x.gguf plain1.delta plain3.delta
err_has "files of 2 workers, of 3"
expect 1 $merge -o x.gguf masked1.delta masked3.delta
err_has "files of 2 workers, of 3"
expect 1 $merge -o x.gguf plain1.delta plain3.delta plain3.delta
err_has "both of worker 3"
expect 1 $merge -o x.gguf plain1.delta masked2.delta plain3.delta
err_has "is masked"
expect 1 $merge -o x.gguf next.delta
err_has "of training from another model"
expect 0 $learn --delta-out other.delta --mask c.key --silo a.pub --silo c.pub \
    --silo b.pub 3.txt
expect 1 $merge -o x.gguf masked1.delta masked3.delta other.delta
err_has "masked for other silos"
head -c 1000 one.delta >torn.delta
expect 65 $merge -o x.gguf torn.delta
err_has "torn.delta"
expect 65 $merge -o x.gguf t.txt
expect 66 $merge -o x.gguf none.delta
mkfifo pipe
expect 64 timeout 60 $merge -o x.gguf pipe
err_has "not a regular file"
expect 64 $merge -o x.gguf
err_has "operand missing: DELTA"
for more in "--teacher tok.gguf" "--outer-momentum 0.5" "--eval t.txt" \
    "--checkpoint kept" "--delta-out y.delta"; do
    expect 64 $merge $more -o x.gguf one.delta
done
for more in "--worker 4/3" "--worker 0/2" "--worker 2" "--silo a.pub" \
    "--mask a.key" "--mask a.key --silo a.pub --silo a.pub" \
    "--mask a.key --silo b.pub --silo c.pub" "--mask a.key $silos --worker 1/3" \
    "--local-steps 2" "--sign-key a.key" "-o ./x.delta"; do
    expect 64 $learn --delta-out x.delta $more t.txt
    err_one_line
done
expect 64 $learn --worker 1/2 -o x.gguf t.txt
expect 77 $learn --delta-out x.delta --mask t.txt $silos t.txt
expect 73 $learn --delta-out one.delta 1.txt
expect 73 $learn --delta-out none/x.delta 1.txt

# ---- a signed merge names them

expect 0 $merge --sign-key a.key -o signed.gguf plain1.delta plain2.delta \
    plain3.delta
expect 0 sov-verify --key a.pub signed.gguf
expect 0 sov-verify --show --json signed.gguf
out_has '"deltas"'
out_has 'plain2.delta'

# ---- local steps: alone, with a rate of 1 and no momentum, it is plain training

apart="$new --steps 6"
expect 0 $apart -o plain.gguf -f t.txt
expect 0 $apart --local-steps 2 --outer-lr 1 --outer-momentum 0 -o l.gguf t.txt
cmp plain.gguf l.gguf || fail "local steps alone are not plain training"
expect 0 $apart --local-steps 2 -f -o l.gguf t.txt
! cmp -s l.gguf plain.gguf || fail "the outer step does nothing"
expect 0 $apart --local-steps 2 --checkpoint kept --every 2 -f -o k.gguf t.txt
cmp l.gguf k.gguf || fail "a checkpoint changes something"
rm kept/step-6.ckpt
expect 0 $apart --local-steps 2 --checkpoint kept --every 2 --resume -f \
    -o k.gguf t.txt
cmp l.gguf k.gguf || fail "gone on with is something else"
expect 65 $apart --local-steps 3 --checkpoint kept --resume -f -o k.gguf t.txt
err_has "other options"
expect 64 $apart --local-steps 4 --checkpoint kept2 --every 2 -o x.gguf t.txt
err_has "take a multiple"

# stopped between two meetings
$apart --steps 4000 --local-steps 500 --schedule constant --warmup 2 \
    --log log --checkpoint kept3 -o y.gguf t.txt >out 2>err </dev/null &
pid=$!
tries=0
while [ ! -s log ] && [ $tries -lt 600 ]; do
    tries=$((tries + 1))
    sleep 0.05
done
kill -s TERM $pid
got=0
wait $pid || got=$?
[ $got -eq 75 ] || { show; fail "status $got of SIGTERM"; }
at=$(find kept3 -name 'step-*.ckpt' | sed 's/.*step-\(.*\)\.ckpt/\1/')
expect 0 $apart --steps $((at + 2)) --local-steps 500 --schedule constant \
    --warmup 2 --checkpoint kept3 --resume -o y.gguf t.txt
expect 0 $apart --steps $((at + 2)) --local-steps 500 --schedule constant \
    --warmup 2 -o z.gguf t.txt
cmp y.gguf z.gguf || fail "stopped between two meetings"

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# output - whole or not at all, and what cannot be meant is told at once
# shellcheck disable=SC2086 # options in a variable
. "${top_srcdir:?}/tests/cli/lib.sh"

[ -e "$tale/config.json" ] || skip "models/tale is not here"
expect 0 sov-quantize -q -t f16 -o tok.gguf "$tale"
head -c 6000 "$top_srcdir/tests/data/dev.txt" >t.txt
arch=llama,width=32,layers=1,heads=2,ctx=32,tied
tiny="--arch $arch --tokenizer tok.gguf --batch 2 --steps 2"

# ---- what cannot be meant

# no MESSAGE OPTION...: the command line is wrong
no() {
    _message=$1
    shift
    expect 64 sov-distill "$@"
    err_has "$_message"
    err_one_line
}
no "operand missing" $tiny -o x.gguf
no "-o OUT is missing" $tiny t.txt
no "nothing says what to train" -o x.gguf t.txt
no "one of --student and --arch" -o x.gguf --student tok.gguf --arch $arch t.txt
no "did you mean" $tiny --stepz 3 -o x.gguf t.txt
no "--json and the model" $tiny --json -o - t.txt
no "give one" $tiny --tokens 1K -o x.gguf t.txt
no "once" $tiny -o x.gguf - -
no "--checkpoint DIR" $tiny --resume -o x.gguf t.txt
no "--best needs" $tiny --best -o x.gguf t.txt
no "no zeros" $tiny --keep-mask -o x.gguf t.txt
no "--loss" $tiny --loss mse -o x.gguf t.txt
no "--optimizer" $tiny --optimizer adam -o x.gguf t.txt
no "--schedule" $tiny --schedule sine -o x.gguf t.txt
no "--warmup" $tiny --warmup 9 -o x.gguf t.txt
no "--ctx" $tiny --ctx 33 -o x.gguf t.txt
no "f17" $tiny -t f17 -o x.gguf t.txt
no "--output and --log are both 'x.gguf'" $tiny -f --log x.gguf -o x.gguf t.txt
no "--plot and --sieved are both" $tiny --plot y --sieved y -o x.gguf t.txt
no "standard output will not do" $tiny --log - -o x.gguf t.txt

# spec MESSAGE SPEC
spec() {
    no "$1" --arch "$2" --tokenizer tok.gguf --steps 1 -o x.gguf t.txt
}
spec "no architecture 'gpt2'" gpt2,width=32,layers=1,heads=2
spec "'depth=3' is not known" llama,width=32,layers=1,heads=2,depth=3
spec "width= is missing" llama,layers=1,heads=2
spec "layers: '0' is not" llama,width=32,layers=0,heads=2
spec "layers: '1x' is no number" llama,width=32,layers=1x,heads=2
spec "no multiple of heads=5" llama,width=32,layers=1,heads=5
spec "no multiple of kv-heads=3" llama,width=32,layers=1,heads=4,kv-heads=3
spec "in pairs" llama,width=30,layers=1,heads=2
spec "eps" llama,width=32,layers=1,heads=2,eps=much
spec "eps: 1e-300 is below" llama,width=32,layers=1,heads=2,eps=1e-300
spec "rope-base: 1e-3 is below" llama,width=32,layers=1,heads=2,rope-base=1e-3
expect 71 sov-distill --tokenizer tok.gguf -o x.gguf t.txt \
    --arch llama,width=16777216,layers=4096,heads=65536,ffn=1
err_has "the limit is"
err_one_line
expect 71 sov-distill --arch llama,width=65536,layers=400,heads=1024 \
    --tokenizer tok.gguf --max-memory 1G -o x.gguf t.txt
err_has "--max-memory"
only_files tok.gguf t.txt

# ---- what is not there, or nothing

expect 66 sov-distill $tiny -o x.gguf none.txt
err_has "none.txt"
expect 66 sov-distill --arch $arch --tokenizer none.gguf -o x.gguf t.txt
expect 65 sov-distill $tiny -o x.gguf /dev/null
expect 65 sov-distill $tiny -o x.gguf - </dev/null
expect 65 sov-distill $tiny --eval /dev/null -o x.gguf t.txt
err_has "--eval"
expect 65 sh -c 'head -c 900 /dev/zero | "$@"' sh sov-distill $tiny -o x.gguf -
err_has "nuls=off"
err_one_line
# before the first step no rate can be blamed
expect 1 sov-distill --student tok.gguf --train-lora r=2,alpha=1e6 --batch 1 \
    --ctx 32 --steps 1 -o x.gguf t.txt
err_has "before anything was learnt"
err_one_line
only_files tok.gguf t.txt

# ---- what stands is not touched without being told, before any work

echo old >x.gguf
expect 73 sov-distill $tiny -o x.gguf t.txt
[ "$(cat x.gguf)" = old ] || fail "the old file has changed"
expect 0 sov-distill $tiny -f -o x.gguf t.txt
out_empty
err_empty
expect 73 sov-distill $tiny -f -o t.txt t.txt
expect 73 sov-distill $tiny -f -o tok.gguf t.txt
expect 73 sov-distill $tiny -o none/x.gguf t.txt
expect 73 sov-distill $tiny -f -o y.gguf --log t.txt t.txt
expect 73 sov-distill $tiny -f -o y.gguf --plot t.txt t.txt
expect 73 sov-distill $tiny -o y.gguf --checkpoint none/deep t.txt
expect 73 sov-distill $tiny -o y.gguf --checkpoint t.txt t.txt
err_has "t.txt: Not a directory"
expect 74 sov-distill $tiny -o /dev/full t.txt
expect 74 sh -c 'ulimit -f 100; trap "" XFSZ; exec "$@"' sh \
    sov-distill $tiny -o y.gguf t.txt
expect 74 sh -c 'ulimit -f 2000; trap "" XFSZ; exec "$@"' sh \
    sov-distill $tiny --checkpoint kept -o y.gguf t.txt
rmdir kept || fail "a checkpoint on a full disk"
only_files tok.gguf t.txt x.gguf

# ---- to a pipe, and in a tar

expect 0 sh -c "sov-distill $tiny -o - t.txt | cmp - x.gguf"
expect 0 sov-distill $tiny -o m.tar t.txt
expect 0 sov-quantize -t copy -o y.gguf m.tar
cmp x.gguf y.gguf || fail "another model in a tar"
expect 0 sov-distill $tiny -t q8_0 -o y.gguf -f t.txt
expect 0 sov-run -m y.gguf -p Once -n 2 --temp 0

# ---- what would be done

expect 0 sov-distill $tiny --dry-run --json --checkpoint kept -o z.gguf t.txt
out_has '"schema":"sov.distill/1"'
out_has '"parameters":'
out_has '"step_seconds":'
expect 0 sov-distill $tiny --dry-run t.txt
out_has "parameters"
out_has "optimiser"
only_files tok.gguf t.txt x.gguf y.gguf m.tar

# ---- a rule for make

expect 0 sov-distill $tiny --if-changed --depfile d.mk -o x.gguf t.txt
grep -q t.txt d.mk || fail "the rule lacks the text"

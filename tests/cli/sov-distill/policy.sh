#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# policy - a student that learns from what it makes itself
# shellcheck disable=SC2086 # options in a variable
. "${top_srcdir:?}/tests/cli/lib.sh"

[ -e "$tale/config.json" ] || skip "models/tale is not here"
expect 0 sov-quantize -q -t q8_0 -o tale.gguf "$tale"
head -c 30000 "$top_srcdir/tests/data/dev.txt" >t.txt
learn="sov-distill -q --arch llama,width=64,layers=1,heads=2,ctx=48,tied
    --teacher tale.gguf --alpha 1 --batch 4 --steps 24 --lr 3e-3
    --schedule constant"

# the same one, whoever did it and however often it was stopped
expect 0 $learn --on-policy 0.5 --checkpoint kept --every 12 -o a.gguf t.txt
for how in "-j 1" "-j 3" "--batch 2 --accumulate 2"; do
    expect 0 $learn --on-policy 0.5 $how -f -o b.gguf t.txt
    cmp a.gguf b.gguf || fail "another one with $how"
done
rm kept/step-24.ckpt
expect 0 $learn --on-policy 0.5 --checkpoint kept --resume -f -o b.gguf t.txt
cmp a.gguf b.gguf || fail "another one once it was stopped"
expect 65 $learn --on-policy 0.4 --checkpoint kept --resume -f -o b.gguf t.txt
err_has "other options"
expect 65 $learn --checkpoint kept --resume -f -o b.gguf t.txt
err_has "other options"

# and not the one that reads texts alone; both learn
expect 0 $learn --json --eval t.txt -f -o b.gguf t.txt
! cmp -s a.gguf b.gguf || fail "--on-policy does nothing"
expect 0 $learn --on-policy 1 --json --eval t.txt -f -o c.gguf t.txt
bits=$(sed 's/.*"bits_per_byte":\([0-9.]*\).*/\1/' out)
# 4096 tokens as likely are about 3.5 bits a byte
awk -v b="$bits" 'BEGIN { exit !(b > 1 && b < 3.2) }' ||
    fail "$bits bits a byte of what it has seen the beginnings of alone"
expect 0 $learn --on-policy 0 -f -o c.gguf t.txt
cmp b.gguf c.gguf || fail "a share of 0 is to be seen"

# what does not go together
for how in "--alpha 0.5" "--teacher tale.gguf --local-steps 2"; do
    expect 64 $learn --on-policy 0.5 $how -o x.gguf t.txt
    err_has "--on-policy takes"
done
expect 64 sov-distill --arch llama,width=64,layers=1,heads=2,ctx=48 \
    --tokenizer tale.gguf --on-policy 0.5 -o x.gguf t.txt
err_has "--on-policy takes a --teacher"
expect 64 sov-distill --student a.gguf --train-lora r=4 --teacher tale.gguf \
    --alpha 1 --on-policy 0.5 -o x.gguf t.txt
expect 64 $learn --on-policy 0.5 --batch 4000 -o x.gguf t.txt
err_has "take a smaller --batch"
expect 64 $learn --on-policy 1.5 -o x.gguf t.txt

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# teach - a model learns from another one, now or from what it said
# shellcheck disable=SC2086 # options in a variable
. "${top_srcdir:?}/tests/cli/lib.sh"

[ -e "$tale/config.json" ] || skip "models/tale is not here"
expect 0 sov-quantize -q -t f16 -o tale.gguf "$tale"
head -c 20000 "$top_srcdir/tests/data/dev.txt" >t.txt
arch=llama,width=32,layers=1,heads=2,ctx=64,tied
new="sov-distill -q --arch $arch --batch 4 --steps 12 --lr 3e-3"

# number KEY FILE: what a report says
number() {
    sed -n "s/.*\"$1\":\([-0-9.e+]*\).*/\1/p" "$2"
}

# ---- by a teacher: every loss falls, and the tokens are its own

for loss in fkl rkl jsd:0.5 sfkl:0.1 srkl:0.1; do
    expect 0 $new --teacher tale.gguf --loss $loss --alpha 1 --log log \
        -f -o x.gguf t.txt
    awk -F'"loss":' '{ split($2, n, ","); if (NR == 1) a = n[1]; b = n[1] }
        END { exit !(b < a) }' log || fail "--loss $loss does not fall"
    rm log
done
expect 0 sov-run -m x.gguf -p Once -n 2 --temp 0

# the same bytes for any threads, and for any cut of the batch
expect 0 $new --teacher tale.gguf --temp 2 -f -o a.gguf t.txt
expect 0 $new --teacher tale.gguf --temp 2 -j 3 --batch 1 --accumulate 4 \
    -f -o b.gguf t.txt
cmp a.gguf b.gguf || fail "other bytes with other threads"

# ---- by what its layers see, of another width: no part of it is in the model

expect 0 $new --teacher tale.gguf --hidden mse:1:0=5 --log log -f -o h.gguf t.txt
awk -F'"loss":' '{ split($2, n, ","); if (NR == 1) a = n[1]; b = n[1] }
    END { exit !(b < a) }' log || fail "--hidden: nothing is learnt"
rm log
expect 0 $new --teacher tale.gguf --hidden mse:1:0=5 -j 3 --checkpoint seen \
    --resume -o i.gguf t.txt
cmp h.gguf i.gguf || fail "other bytes with other threads"
expect 0 sov-run -m h.gguf -p Once -n 2 --temp 0
expect 64 $new --hidden mse:1:0=5 -f -o x.gguf t.txt
expect 64 $new --teacher tale.gguf --hidden mse:1:1=5 -f -o x.gguf t.txt
grep -q 'layer 1 of the student, which has 1' err || fail "$(cat err)"
expect 64 $new --teacher tale.gguf --hidden mse:1:0 -f -o x.gguf t.txt

# ---- by what it said

expect 0 sov-distill --teacher tale.gguf --ctx 64 --cache-out said --json t.txt
awk -v b="$(number bytes_token out)" 'BEGIN { exit !(b > 2 && b <= 36) }' ||
    fail "$(number bytes_token out) bytes for each token"
expect 0 sov-distill -q -j 3 --teacher tale.gguf --ctx 64 --cache-out - t.txt
cmp out said || fail "another cache by three threads"
expect 0 $new --tokenizer tale.gguf --cache said --log log -o c.gguf t.txt
awk -F'"loss":' '{ split($2, n, ","); if (NR == 1) a = n[1]; b = n[1] }
    END { exit !(b < a) }' log || fail "from the cache nothing is learnt"
expect 0 $new --tokenizer tale.gguf --cache said -j 1 --checkpoint kept \
    --resume -o d.gguf t.txt
cmp c.gguf d.gguf || fail "another model from the same cache"

# ---- texts of its own

printf 'Once upon a time\nThe wolf\n' >prompts.txt
expect 0 sov-distill -q --teacher tale.gguf --documents lines --generate 5 \
    --generate-tokens 12 -o made.jsonl prompts.txt
[ "$(wc -l <made.jsonl)" -eq 5 ] || fail "not five texts"
[ "$(grep -c '"text":"The wolf' made.jsonl)" -eq 2 ] || fail "not in turn"
expect 0 sh -c "sov-distill -q -j 3 --teacher tale.gguf --documents lines \
    --generate 5 --generate-tokens 12 -o - prompts.txt | cmp - made.jsonl"
expect 0 sov-distill -q --teacher tale.gguf --generate 2 --generate-tokens 8 \
    --seed 3 -o free.jsonl
expect 0 $new --tokenizer tale.gguf --batch 1 --steps 1 -f -o x.gguf made.jsonl
expect 64 sov-distill --generate 2 -o y.gguf t.txt

# ---- what cannot be

expect 64 $new --tokenizer tale.gguf --loss fkl -o y.gguf t.txt
err_has "--teacher MODEL"
expect 64 $new --teacher tale.gguf --loss ce -o y.gguf t.txt
expect 64 $new --teacher tale.gguf --cache said -o y.gguf t.txt
expect 64 $new --tokenizer tale.gguf --cache said --loss rkl -o y.gguf t.txt
expect 64 sov-distill --cache-out x t.txt
expect 64 $new --teacher tale.gguf --cache-out x t.txt
expect 64 $new --teacher tale.gguf --loss jsd:2 -o y.gguf t.txt
expect 65 $new --tokenizer tale.gguf --cache said --temp 2 -o y.gguf t.txt
err_has "temperature"
expect 65 $new --tokenizer tale.gguf --cache said --ctx 32 -o y.gguf t.txt
head -c 10000 t.txt >less.txt
expect 65 $new --tokenizer tale.gguf --cache said -o y.gguf less.txt
err_has "another text"
head -c 5000 said >torn
expect 65 $new --tokenizer tale.gguf --cache torn -o y.gguf t.txt
expect 65 $new --tokenizer tale.gguf --cache t.txt -o y.gguf t.txt
"$top_builddir/tests/tools/mkmodel" other.gguf
expect 69 $new --teacher other.gguf --tokenizer tale.gguf -o y.gguf t.txt ||
    fail "another tokenizer was taken"
[ ! -e y.gguf ] || fail "an output of nothing"

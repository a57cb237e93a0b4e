#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# train - a tiny model learns, and the same one whatever it is trained on
# shellcheck disable=SC2086 # options in a variable
. "${top_srcdir:?}/tests/cli/lib.sh"

[ -e "$tale/config.json" ] || skip "models/tale is not here"
expect 0 sov-quantize -q -t f16 -o tok.gguf "$tale"
head -c 60000 "$top_srcdir/tests/data/dev.txt" >text.txt
tail -c 4000 "$top_srcdir/tests/data/dev.txt" >other.txt
arch=llama,width=32,layers=2,heads=4,kv-heads=2,ffn=64,ctx=64,tied
new="sov-distill -q --arch $arch --tokenizer tok.gguf --batch 8 --lr 3e-3"

# number KEY FILE: what a report, or the last line of a log, says
number() {
    tail -n 1 "$2" | sed -n "s/.*\"$1\":\([-0-9.e+]*\).*/\1/p"
}

# ---- it learns

expect 0 $new --steps 40 --eval other.txt --json --log log.jsonl -t f32 \
    -o a.gguf text.txt
first=$(head -n 1 log.jsonl | sed 's/.*"loss":\([0-9.]*\).*/\1/')
last=$(number final_loss out)
awk -v a="$first" -v b="$last" 'BEGIN {
    if (a < 8.1 || a > 8.6) { print "it begins at " a ", not ln 4096"; exit 1 }
    if (b > a - 1.5) { print "from " a " to " b; exit 1 }
}' || fail "it does not learn"
awk -v b="$(number bits_per_byte out)" 'BEGIN { exit !(b > 1 && b < 4) }' ||
    fail "$(number bits_per_byte out) bits for each byte"

# what comes out is a model like others
expect 0 sov-run -m a.gguf -p "Once upon" -n 4 --temp 0
expect 0 sov-show --check a.gguf
expect 0 sov-show a.gguf
out_has "llama"
expect 0 sov-quantize -q -t q8_0 -o small.gguf a.gguf

# ---- the same bytes, whoever did it

for how in "-j 1" "-j 3" "--batch 2 --accumulate 4" "--batch 1 --accumulate 8" \
    "--max-memory 14M"; do
    expect 0 $new --steps 12 -o b.gguf -f $how text.txt
    [ -e c.gguf ] || cp b.gguf c.gguf
    cmp b.gguf c.gguf || fail "other bytes with $how"
done
expect 0 $new --steps 12 --seed 2 -o b.gguf -f text.txt
! cmp -s b.gguf c.gguf || fail "the seed does nothing"
expect 0 sh -c "cat text.txt | $new --steps 12 -o - - | cmp - c.gguf"
mkdir folder
split -b 30000 text.txt folder/part
expect 0 $new --steps 2 -o folder.gguf folder

# ---- all kinds

for kind in mistral qwen2 qwen3; do
    expect 0 sov-distill -q --tokenizer tok.gguf --batch 2 --steps 3 -o k.gguf \
        --arch $kind,width=32,layers=1,heads=2,head=16,ctx=32 -f text.txt
    expect 0 sov-run -m k.gguf -p "Once" -n 2 --temp 0
done
for how in "--dtype bf16" "--optimizer muon" "--schedule wsd:0.5" \
    "--schedule constant --warmup 2" "--clip 0"; do
    expect 0 $new --steps 4 $how -o k.gguf -f text.txt
done
expect 0 $new --tokens 2K --json -o k.gguf -f text.txt
out_has '"steps":4,'

# ---- one that there is goes on; what is zero stays so

expect 0 sov-distill -q --student small.gguf --ctx 32 --batch 2 --steps 3 \
    -t q8_0 -o d.gguf text.txt
expect 0 sov-run -m d.gguf -p "Once" -n 2 --temp 0

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# keep - what is zero stays zero; what can be learnt by heart is; and what
# nothing was learnt of is expected as any other token
# shellcheck disable=SC2086 # options in a variable
. "${top_srcdir:?}/tests/cli/lib.sh"

[ -e "$tale/config.json" ] || skip "models/tale is not here"
expect 0 sov-quantize -q -t f16 -o tok.gguf "$tale"
head -c 20000 "$top_srcdir/tests/data/dev.txt" >t.txt

# number KEY FILE: what a report, or a line of a log, says
number() {
    sed -n "s/.*\"$1\":\([-0-9.e+]*\).*/\1/p" "$2" | tail -n 1
}

# ---- --keep-mask: every bit of a zero

shape=width=64,layers=2,heads=2,ctx=64,ffn=128
expect 0 sov-distill -q --arch llama,$shape --tokenizer tok.gguf --batch 4 \
    --steps 2 -t f32 -o dense.gguf t.txt
expect 0 sov-prune -q --method magnitude --ratio 0.5 -o sparse.gguf dense.gguf

# values FILE: all weights of its matrices, one a line
values() {
    sov-show --tensor 'blk.*' --values "$1" | tr -s '[:space:]' '\n'
}
values sparse.gguf >before
zeros=$(grep -cx 0 before)
[ "$zeros" -gt 20000 ] || fail "$zeros zeros in the beginning"
for how in "--optimizer adamw" "--optimizer muon" "--dtype bf16 --clip 0" \
    "--lr 3e-2"; do
    expect 0 sov-distill -q --student sparse.gguf --keep-mask --batch 4 \
        --steps 6 --lr 3e-3 $how -t f32 -f -o kept.gguf t.txt
    values kept.gguf >after
    paste before after | awk '
        $1 == "0" { n++; if ($2 "" != "0") lost++ }
        $1 != $2 { moved++ }
        END { if (lost > 0 || moved < n / 2) { print n, lost, moved; exit 1 } }
    ' || fail "zeros are filled with $how"
done
expect 0 sov-distill -q --student sparse.gguf --batch 4 --steps 3 --lr 3e-3 \
    -t f32 -f -o filled.gguf t.txt
values filled.gguf >after
[ "$(grep -cx 0 after)" -lt 1000 ] || fail "zeros without --keep-mask"
expect 64 sov-distill --student sparse.gguf --keep-mask --train-lora r=4 \
    --steps 1 -o x.gguf t.txt
err_has "would fill those of the student"
err_one_line

# ---- a batch is learnt by heart

head -c 300 t.txt >line.txt
expect 0 sov-distill -q --arch llama,$shape,tied --tokenizer tok.gguf \
    --batch 1 --steps 300 --lr 1e-2 --schedule constant --json -o h.gguf \
    line.txt
awk -v a="$(number final_loss out)" 'BEGIN { exit !(a > 0 && a < 0.01) }' ||
    fail "a batch is learnt to $(number final_loss out) only"

# ---- and at first all tokens are as likely: ln 4096 is 8.3178

for kind in llama mistral qwen2 qwen3; do
    expect 0 sov-distill -q --arch $kind,$shape,tied --tokenizer tok.gguf \
        --batch 8 --steps 1 --json -f -o h.gguf t.txt
    awk -v a="$(number final_loss out)" 'BEGIN {
        exit !(a > 8.2178 && a < 8.4178)
    }' || fail "$kind begins at $(number final_loss out)"
done

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# lora - an adapter learns, of a model in any type, which stays as it is
# shellcheck disable=SC2086 # options in a variable
. "${top_srcdir:?}/tests/cli/lib.sh"

[ -e "$tale/config.json" ] || skip "models/tale is not here"
expect 0 sov-quantize -q -t q8_0 -o base.gguf "$tale"
head -c 20000 "$top_srcdir/tests/data/dev.txt" >t.txt
run="sov-distill -q --student base.gguf --train-lora r=4,alpha=8 --ctx 64
    --batch 4 --lr 3e-3"

expect 0 $run --steps 10 --eval t.txt --json -o a.gguf t.txt
[ "$(wc -c <a.gguf)" -lt 500000 ] || fail "a large adapter"
bits=$(sed -n 's/.*"bits_per_byte":\([0-9.]*\).*/\1/p' out)
expect 0 $run --steps 1 --lr 1e-9 --eval t.txt --json -o none.gguf t.txt
before=$(sed -n 's/.*"bits_per_byte":\([0-9.]*\).*/\1/p' out)
awk -v a="$before" -v b="$bits" 'BEGIN { exit !(b < a - 0.01) }' ||
    fail "from $before to $bits bits for each byte"

# it is an adapter like others
expect 0 sov-run -m base.gguf --lora a.gguf -p "Once upon" -n 4 --temp 0
expect 0 sov-quantize -q --lora a.gguf -t f16 -o merged.gguf base.gguf
expect 0 sov-run -m merged.gguf -p "Once upon" -n 4 --temp 0

# the same bytes, whoever did it, and after a stop
expect 0 $run --steps 4 -j 1 -o b.gguf t.txt
expect 0 $run --steps 4 -j 3 --batch 1 --accumulate 4 -o c.gguf t.txt
cmp b.gguf c.gguf || fail "other bytes with other threads"
expect 0 $run --steps 2 --schedule constant --checkpoint kept -f -o c.gguf t.txt
expect 0 $run --steps 4 --schedule constant --checkpoint kept --resume -f \
    -o c.gguf t.txt
expect 0 $run --steps 4 --schedule constant -f -o b.gguf t.txt
cmp b.gguf c.gguf || fail "other bytes after going on"
expect 0 $run --steps 1 --train-lora r=2,targets=q+v -t f32 -f -o c.gguf t.txt

# what cannot be
expect 64 $run --train-lora alpha=3 -o x.gguf t.txt
err_has "r= is missing"
expect 64 $run --train-lora r=2,targets=q+z -o x.gguf t.txt
expect 64 $run --train-lora r=0 -o x.gguf t.txt
expect 64 $run --train-lora rank=2 -o x.gguf t.txt
err_has "is not known"
expect 64 $run -t q8_0 -o x.gguf t.txt
expect 64 $run --keep-mask -o x.gguf t.txt
[ ! -e x.gguf ] || fail "an output"

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# recompute-merge - what silos have learnt, merged once more; training is not
. "${top_srcdir:?}/tests/cli/lib.sh"

[ -e "$tale/config.json" ] || skip "models/tale is not here"
XDG_CONFIG_HOME=$scratch/none
export XDG_CONFIG_HOME
sov-verify -q --keygen k --no-password
expect 0 sov-quantize -q -t f16 -o tok.gguf "$tale"
head -c 6000 "$top_srcdir/tests/data/dev.txt" >1.txt
tail -c 6000 "$top_srcdir/tests/data/dev.txt" >2.txt
expect 0 sov-distill -q --arch llama,width=32,layers=1,heads=2,ctx=64,tied \
    --tokenizer tok.gguf --batch 2 --seed 3 --steps 1 -t f32 --sign-key k.key \
    -o base.gguf 1.txt
for i in 1 2; do
    expect 0 sov-distill -q --student base.gguf --batch 2 --steps 2 --lr 3e-3 \
        --delta-out $i.delta --worker $i/2 $i.txt
done

# again OUT OPTION...: merged, and once more elsewhere
again() {
    _out=$1
    shift
    SOV_ISA=avx512 expect 0 sov-distill -q --student base.gguf --merge "$@" \
        --sign-key k.key -fo "$_out" 1.delta 2.delta
    for isa in avx2 generic; do
        SOV_ISA=$isa expect 0 sov-verify --key k.pub --recompute=all -j 3 \
            --source 2.delta --source base.gguf --source 1.delta "$_out"
    done
}
again m.gguf -t f16
again m.gguf -t q8_0 --outer-lr 0.5

expect 69 sov-verify --key k.pub --recompute=all --source base.gguf \
    --source 1.delta m.gguf
err_has "2.delta (delta) is missing"
expect 69 sov-verify --key k.pub --recompute=all --source base.gguf m.gguf \
    --source 1.delta --source 2.delta --source 1.txt
err_has "1.txt is nothing"

# one number of the merged model
cp m.gguf x.gguf
cp m.gguf.claims.jsonl x.gguf.claims.jsonl
printf '\252' | dd of=x.gguf bs=1 seek=$(($(wc -c <x.gguf) - 40)) \
    conv=notrunc 2>/dev/null
expect 1 sov-verify --key k.pub --recompute=all --source base.gguf \
    --source 1.delta --source 2.delta x.gguf
err_has "tensor "

# what was trained is not called wrong
expect 69 sov-verify --key k.pub --recompute=all --source tok.gguf base.gguf
err_has "one class of machines alone"
expect 0 sov-prune -q --method magnitude --ratio 0.5 --heal-steps 1 \
    --heal-text 1.txt --sign-key k.key -o healed.gguf tok.gguf
expect 69 sov-verify --key k.pub --recompute=all --source tok.gguf healed.gguf
err_has "one class of machines alone"

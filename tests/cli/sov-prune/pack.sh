#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# pack - pruned matrices in fewer bytes, and exactly back
. "${top_srcdir:?}/tests/cli/lib.sh"

command -v jq >/dev/null || skip "no jq"
tools=$top_builddir/tests/tools
"$tools/mkmodel" layers=2 width=256 ffn=512 vocab=64 heads=4 kv=2 m.gguf
expect 0 sov-prune -q --method magnitude --pattern 32:64 -o half.gguf m.gguf

# the type follows from the weights, and the warning says who reads it
expect 0 sov-prune --pack -o packed.gguf half.gguf
err_has 'rounded to 4 bits'
err_has 'llama.cpp cannot load'
expect 0 sov-show packed.gguf
out_has s32_64_q4
[ "$(wc -c <packed.gguf)" -lt $(($(wc -c <half.gguf) / 3)) ] || fail "too large"

# by a pattern in a pipe, by one thread, and anywhere: the same bytes
tail -c +1 half.gguf | sov-prune -q --pack --pattern 32:64 -o - - |
    cmp - packed.gguf || fail "other bytes in a pipe"
for isa in generic avx2 avx512; do
    SOV_ISA=$isa expect 0 sov-prune -q -j 1 --pack -fo again.gguf half.gguf
    cmp packed.gguf again.gguf || fail "other bytes with $isa"
done

# there and back: half floats that pack to the same bytes
expect 0 sov-prune --unpack -o dense.gguf packed.gguf
err_empty
expect 0 sov-prune -q --pack -fo again.gguf dense.gguf
expect 0 sov-prune -q --unpack -fo dense2.gguf again.gguf
cmp dense.gguf dense2.gguf || fail "not the same after the second time"
sov-show --json half.gguf | jq -c '[.tensors[] | {name, type}]' >want
sov-show --json dense.gguf | jq -c '[.tensors[] | {name, type}]' >got
cmp want got || fail "other types after the way back"

# what is packed and what is dense answer alike where nothing is rounded
echo '[1,5,9,2,7,11,3,40]' >ids.json
for m in packed dense; do
    expect 0 sov-run -q --precise -m $m.gguf --input-ids ids.json \
        --logits $m.f32
done
cmp packed.f32 dense.f32 || fail "other logits"

# eight bits, and other shares; 2:4 fits 32 of 64, 1:4 fits 16
expect 0 sov-prune -q --pack --pack-bits 8 -o eight.gguf half.gguf
expect 0 sov-show eight.gguf
out_has s32_64_q8
expect 0 sov-prune -q --method magnitude --pattern 1:4 -o quarter.gguf m.gguf
expect 0 sov-prune -q --pack -o q.gguf quarter.gguf
expect 0 sov-show q.gguf
out_has s16_64_q4
expect 0 sov-prune -q --method magnitude --pattern 3:32 -o few.gguf m.gguf
expect 0 sov-prune -q --pack -o f.gguf few.gguf
expect 0 sov-show f.gguf
out_has s8_64_q4

# copied as it is, one digest of logits on every way to them
expect 0 sov-quantize -q -t copy -o copy.gguf packed.gguf
expect 0 "$tools/logitsum" packed.gguf
digest=$(cat out)
for isa in generic avx2 avx512; do
    expect 0 env SOV_ISA=$isa "$tools/logitsum" -q packed.gguf
    out_is "$digest"
done
expect 0 "$tools/logitsum" -q copy.gguf
out_is "$digest"

# a codec like any other; others are told who cannot read it
expect 0 sov-quantize -t s32_64_q4 -o codec.gguf half.gguf
err_has 'llama.cpp cannot load'
expect 64 sov-quantize -t s32_64_q4 --compat b999999 -o x.gguf half.gguf
err_has 'does not read'

# what does not fit is refused or left alone
expect 65 sov-prune -q --pack --pattern 16:64 -o x.gguf half.gguf
err_has 'more than 16 weights of 64'
[ ! -e x.gguf ] || fail "an output after a refusal"
expect 64 sov-prune -q --pack -o x.gguf m.gguf
expect 64 sov-prune -q --pack --pattern 48:64 -o x.gguf m.gguf
expect 64 sov-prune -q --pack --pattern 3:5 -o x.gguf m.gguf
expect 64 sov-prune -q --pack --pack-bits 5 -o x.gguf half.gguf
expect 64 sov-prune -q --pack-bits 4 --method magnitude --ratio 0.5 -o x.gguf m.gguf
expect 64 sov-prune -q --pack --unpack -o x.gguf half.gguf
expect 64 sov-prune -q --pack --ratio 0.5 -o x.gguf half.gguf
expect 64 sov-prune -q --unpack -o x.gguf half.gguf
"$tools/mkmodel" layers=1 width=320 ffn=256 vocab=64 heads=4 kv=2 odd.gguf
expect 0 sov-prune -q --method magnitude --pattern 32:64 -o oddhalf.gguf odd.gguf
expect 0 sov-prune -q --pack -o oddpacked.gguf oddhalf.gguf
sov-show --json oddpacked.gguf | jq -e \
    '[.tensors[] | select(.name == "blk.0.attn_q.weight") | .type] == ["f16"]' \
    >/dev/null || fail "rows of 320 were packed"
sov-show --json oddpacked.gguf | jq -e \
    '[.tensors[] | select(.name == "blk.0.ffn_down.weight") | .type] ==
     ["s32_64_q4"]' >/dev/null || fail "rows of 256 were not packed"

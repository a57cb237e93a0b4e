#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# pack - pruned matrices in fewer bytes, and exactly back
# shellcheck disable=SC2086 # options in words
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
expect 69 sov-prune -q --pack -o x.gguf m.gguf
expect 64 sov-prune -q --pack --pattern 48:64 -o x.gguf m.gguf
expect 64 sov-prune -q --pack --pattern 3:5 -o x.gguf m.gguf
expect 64 sov-prune -q --pack --pack-bits 5 -o x.gguf half.gguf
expect 64 sov-prune -q --pack-bits 4 --method magnitude --ratio 0.5 -o x.gguf m.gguf
expect 64 sov-prune -q --pack --unpack -o x.gguf half.gguf
expect 64 sov-prune -q --pack --ratio 0.5 -o x.gguf half.gguf
expect 69 sov-prune -q --unpack -o x.gguf half.gguf
expect 64 sov-prune -q --unpack --method magnitude -o x.gguf packed.gguf
err_has 'unpack does nothing else'
expect 64 sov-prune -q --pack --compare ids.json -o x.gguf half.gguf
err_has 'what was pruned'
expect 64 sov-prune -q --pack --resume -o x.gguf half.gguf
for width in 320 336; do # of 64, and not even that
    "$tools/mkmodel" layers=1 width=$width ffn=256 vocab=64 heads=4 kv=2 odd.gguf
    expect 0 sov-prune -q --method magnitude --pattern 32:64 -fo oddhalf.gguf \
        odd.gguf
    expect 0 sov-prune -q --pack -fo oddpacked.gguf oddhalf.gguf
    sov-show --json oddpacked.gguf | jq -e \
        '[.tensors[] | select(.name == "blk.0.attn_q.weight") | .type] ==
         ["f16"]' >/dev/null || fail "rows of $width were packed"
    sov-show --json oddpacked.gguf | jq -e \
        '[.tensors[] | select(.name == "blk.0.ffn_down.weight") | .type] ==
         ["s32_64_q4"]' >/dev/null || fail "rows of 256 were not packed"
done

# ---- behind a method, in one run: the bytes of two
prune="sov-prune -q --method magnitude"
expect 0 $prune --pattern 32:64 --pack -o one.gguf m.gguf
cmp one.gguf packed.gguf || fail "other bytes than in two runs"
tail -c +1 m.gguf | $prune --pattern 32:64 --pack -o - - | cmp - one.gguf ||
    fail "other bytes in a pipe"
expect 0 $prune --pattern 32:64 --pack --json -fo one.gguf m.gguf
jq -e --argjson n "$(wc -c <one.gguf)" '.bytes == $n and .sparsity == 0.5' \
    out >/dev/null || fail "another size is told"
expect 0 $prune --pattern 32:64 --pack --dry-run --json m.gguf
jq -e --argjson n "$(wc -c <one.gguf)" '.bytes == $n' out >/dev/null ||
    fail "another size is foretold"
# rows that share a mask have no form of their own
expect 0 $prune --pattern 16x32:64 --pack --pack-bits 8 -o x16.gguf m.gguf
expect 0 sov-show x16.gguf
out_has s32_64_q8
# what stays as it is
expect 0 $prune --pattern 32:64 --tensor-ratio 'blk.0.*=keep' --pack \
    -o some.gguf m.gguf
sov-show --json some.gguf | jq -e '[.tensors[] | select(.name | test("_q.weight")) |
    .type] == ["f16", "s32_64_q4"]' >/dev/null || fail "not what was asked for"

# a size: as many weights stay as it lets, to the step of the smallest matrix,
# which is 256 columns and 128 rows; behind the largest that there is nothing more
for size in 470000 440001 412345 370000 333333 300000; do
    expect 0 $prune --target-size $size --pack --json -fo size.gguf m.gguf
    jq -e --argjson n "$(wc -c <size.gguf)" --argjson most $size '
        .bytes == $n and $n <= $most and $n > $most - 128 * 16' out \
        >/dev/null || fail "$(jq .bytes out) bytes for $size"
    # no two are further apart than a step
    jq -r '[.tensors[].pattern | split(":")[0] | tonumber] | unique | @csv' out
    expect 0 $prune --target-size $size --pack --json --dry-run m.gguf
    jq -e --argjson n "$(wc -c <size.gguf)" '.bytes == $n' out >/dev/null ||
        fail "$(jq .bytes out) bytes foretold for $size"
done >shares
printf '24,32\n24,32\n16,24\n16,24\n8,16\n8,16\n' | cmp - shares ||
    fail "$(cat shares)"
expect 0 $prune --target-size 1M --pack --json -fo size.gguf m.gguf
jq -e 'all(.tensors[]; .pattern == "32:64")' out >/dev/null || fail "not 32:64"
expect 0 $prune --pattern 32:64 --pack -fo other.gguf m.gguf
cmp size.gguf other.gguf || fail "a size that is more than enough"
head -c 12000 "$top_srcdir/tests/data/dev.txt" >text
while read -r status word args; do
    expect "$status" sov-prune -q --pack --calib text -o x.gguf $args m.gguf
    err_has "$(echo "$word" | tr _ ' ')"
    err_one_line
done <<'END'
69 fewer_cannot_be_packed --method magnitude --target-size 100k
64 cannot_hold_packed_matrices --method magnitude --pattern 32:64 --format safetensors
64 give_nothing_else --method magnitude --target-size 300k --pattern 32:64
64 32:64_or_--target-size --ratio 0.5
64 leaves_no_zeros --method layers --ratio 0.5
64 too_many_to_be_packed --method magnitude --pattern 48:64
64 give_the_same --joint-bits 8 --pack-bits 4 --pattern 32:64
64 not_gone_on_with --method magnitude --pattern 32:64 --resume
END
[ ! -e x.gguf ] || fail "an output after a refusal"

# ---- experts, healed by a text; rounded while weights go
"$tools/mkmodel" layers=2 width=256 ffn=256 vocab=300 experts=4 moe.gguf
calib="--calib text --calib-tokens 512 --pattern 32:64"
for how in "wanda --heal" "sparsegpt --joint-bits 8"; do
    bits=${how##*[a-z ]}
    expect 0 sov-prune -q --method $how $calib -fo half.gguf moe.gguf
    expect 0 sov-prune -q --pack --pack-bits "${bits:-4}" -fo two.gguf half.gguf
    for isa in avx512 avx2; do
        SOV_ISA=$isa expect 0 sov-prune -q -j 3 --method $how $calib --pack \
            -fo one.gguf moe.gguf
        cmp one.gguf two.gguf || fail "$how, $isa: other bytes than in two runs"
    done
    sov-show --json one.gguf | jq -r '.tensors[] |
        select(.name | test("exps")) | .type' | sort -u >types
    grep -qx "s32_64_q${bits:-4}" types || fail "$how: $(cat types)"
done
# what was rounded as it is packed loses nothing by that
expect 0 sov-prune -q --unpack -fo again.gguf one.gguf
cmp again.gguf half.gguf || fail "packing rounds what was rounded"
expect 0 sov-run -m one.gguf --perplexity text

# ---- the claim names both
sov-verify -q --keygen a --no-password
expect 0 $prune --target-size 440000 --pack --sign-key a.key -fo one.gguf m.gguf
expect 0 sov-verify --key a.pub one.gguf
tail -n 1 one.gguf.claims.jsonl | jq -r .dsseEnvelope.payload | base64 -d |
    jq -e '.predicate.buildDefinition.externalParameters | .method == "magnitude"
        and .pack_bits == 4 and .target_size == 440000' >/dev/null ||
    fail "the claim does not say how"

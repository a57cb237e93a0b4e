#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# makeup - weights that stay make up for those that go, by a text
# shellcheck disable=SC2086 # options in words
. "${top_srcdir:?}/tests/cli/lib.sh"

command -v jq >/dev/null || skip "no jq"
[ -e "$tale/config.json" ] || skip "models/tale is not here"
head -c 24000 "$top_srcdir/tests/data/dev.txt" >text
tail -c 9000 "$top_srcdir/tests/data/dev.txt" >other
expect 0 sov-quantize -q -t f16 -o m.gguf "$tale"
calib="--calib text --calib-tokens 2048"
few="--calib text --calib-tokens 512"

# ---- what it needs, and what does not go together
expect 64 sov-prune --method sparsegpt --ratio 0.5 -o a.gguf m.gguf
err_has "sparsegpt has to see a text: --calib TEXT is missing"
expect 64 sov-prune --method alps --ratio 0.5 -o a.gguf m.gguf
err_has "alps has to see a text: --calib TEXT is missing"
expect 64 sov-prune --method magnitude --ratio 0.5 --heal -o a.gguf m.gguf
err_has "--heal has to see a text"
expect 64 sov-prune --method magnitude --ratio 0.5 --dsnot -o a.gguf m.gguf
err_has "--dsnot has to see a text"
expect 64 sov-prune --method magnitude --ratio 0.5 --owl -o a.gguf m.gguf
err_has "--owl has to know what enters the matrices"
expect 64 sov-prune --method sparsegpt --ratio 0.5 --dsnot $calib -o a.gguf \
    m.gguf
err_has "its masks cannot be mended"
expect 64 sov-prune --pattern 2:4 --owl $calib -o a.gguf m.gguf
err_has "2 of 4 is the same in all"
for method in sparsegpt alps; do
    expect 69 sov-prune --method $method --pattern 3x2:4 $calib -o a.gguf m.gguf
    err_has "3 rows that share a mask: with $method"
done
expect 69 sov-prune --dsnot --pattern 4x2:4 $calib -o a.gguf m.gguf
err_has "cannot be mended row by row"
expect 64 sov-prune --method sparsegpt --tensor-ratio token_embd.weight=0.5 \
    $calib -o a.gguf m.gguf
err_has "token_embd.weight: what enters it is not known"
expect 64 sov-prune --method sparsegpt --ratio 0.5 --joint-bits 5 $calib \
    -o a.gguf m.gguf
err_has "4 or 8"
err_one_line
expect 64 sov-prune --ratio 0.5 --method magnitude --joint-bits 4 -o a.gguf \
    m.gguf
err_has "--joint-bits has to see a text"
expect 64 sov-prune --ratio 0.5 --joint-bits 4 --heal $calib -o a.gguf m.gguf
err_has "cannot be healed"
[ ! -e a.gguf ] || fail "an output of a run that failed"

# ---- what it will take is said before it is begun
expect 0 sov-prune --method wanda --ratio 0.5 $calib --dry-run --json m.gguf
jq -e '.calib_seconds > 0 and .calib_memory > 1000000 and
    .calib_memory < 400000000' out >/dev/null || fail "no estimate of wanda"
expect 0 sov-prune --method sparsegpt --ratio 0.5 $calib --dry-run --json \
    m.gguf
jq -e '.calib_seconds > 0 and .calib_scratch >= 9437184 and
    .calib_memory > 20000000 and .calib_memory < 400000000' out >/dev/null ||
    fail "no estimate"
told=$(jq .calib_seconds out)
expect 0 sov-prune --method alps --ratio 0.5 $calib --dry-run --json m.gguf
jq -e --argjson told "$told" '.calib_seconds > $told' out >/dev/null ||
    fail "a search is told to take no time"
expect 71 sov-prune --method sparsegpt --ratio 0.5 $calib --max-memory 20M \
    -o a.gguf m.gguf
err_has "calibration needs"

# ---- the same bytes, whoever computes them
nll() {
    sov-run -m "$1" --perplexity other | jq .nll
}
run() { # NAME OPTION...
    name=$1
    shift
    expect 0 sov-prune -q $calib --json -fo "$name.gguf" "$@" m.gguf
    jq -e '.sparsity >= 0.499 and .sparsity <= 0.501' out >/dev/null ||
        fail "$name: $(jq .sparsity out) of the weights are zero"
}
run sparsegpt --method sparsegpt --ratio 0.5
jq -e 'all(.tensors[]; .sparsity >= 0.5 and .sparsity < 0.5001)' out \
    >/dev/null || fail "not a half of each"
run heal --method wanda --ratio 0.5 --heal
SOV_ISA=avx2 sov-prune -q -j 1 --method wanda --ratio 0.5 --heal $calib \
    -fo b.gguf m.gguf || fail "avx2"
cmp heal.gguf b.gguf || fail "healed, other bytes: avx2, one thread"
SOV_ISA=avx2 sov-prune -q -j 3 --method sparsegpt --ratio 0.5 $calib \
    -fo b.gguf - <m.gguf || fail "a pipe"
cmp sparsegpt.gguf b.gguf || fail "sparsegpt, other bytes in a pipe"
# the slowest ones, two matrices
for method in sparsegpt alps; do
    for how in "avx512 2" "generic 1" "avx2 3"; do
        isa=${how% *}
        SOV_ISA=$isa sov-prune -q -j "${how#* }" --method $method --heal \
            --calib text --calib-tokens 256 \
            --tensor-ratio 'blk.0.attn_[qk].weight=0.5' -fo $isa.gguf m.gguf ||
            fail "$isa"
    done
    cmp avx512.gguf generic.gguf || fail "$method, other bytes: generic"
    cmp avx512.gguf avx2.gguf || fail "$method, other bytes: avx2"
done
# a search has healed what it made
sov-prune -q --method alps --calib text --calib-tokens 256 \
    --tensor-ratio 'blk.0.attn_[qk].weight=0.5' -fo b.gguf m.gguf || fail alps
cmp generic.gguf b.gguf || fail "alps, healed twice"

# ---- it is worth it, on text that was not read
run wanda --method wanda --ratio 0.5
run alps --method alps --ratio 0.5
for name in m wanda sparsegpt heal alps; do
    echo "$name $(nll $name.gguf)"
done >answers
awk '{ is[$1] = $2 }
    END { exit !(is["m"] < is["sparsegpt"] && is["m"] < is["heal"] &&
        is["sparsegpt"] < is["wanda"] && is["heal"] < is["wanda"] &&
        is["m"] < is["alps"] && is["alps"] < is["wanda"]) }' answers || {
    cat answers
    fail "nothing was made good"
}

# masks that are mended are others
calib=$few
run wanda --method wanda --ratio 0.5
run dsnot --method wanda --ratio 0.5 --dsnot
cmp wanda.gguf dsnot.gguf >/dev/null && fail "no mask was mended"

# less goes from some layers than from others, and a plan says so
run owl --method wanda --ratio 0.5 --owl --dsnot --plan-out plan.json
jq -e '[.tensors[].ratio] | (max - min) > 0.1 and (max - min) < 0.17' plan.json \
    >/dev/null || fail "the plan does not say what owl did"
expect 0 sov-prune -q --plan plan.json --dsnot $calib -o again.gguf m.gguf
cmp owl.gguf again.gguf || fail "the plan does it otherwise"

# ---- rounded at the same time
expect 0 sov-prune -q --method sparsegpt --pattern 32:64 --joint-bits 4 $few \
    --json -o a.gguf m.gguf
jq -e '.sparsity >= 0.5 and .sparsity < 0.62' out >/dev/null ||
    fail "$(jq .sparsity out) of the weights are zero"
expect 0 sov-prune -q --pack -o packed.gguf a.gguf
expect 0 sov-prune -q --unpack -fo again.gguf packed.gguf
cmp a.gguf again.gguf || fail "packing loses something of it"

# ---- what went is zero, and nothing else is
expect 0 sov-prune -q --method magnitude --ratio 0.5 -o c.gguf heal.gguf
cmp heal.gguf c.gguf || fail "not the smallest are zero"

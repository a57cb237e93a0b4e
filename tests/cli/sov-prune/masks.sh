#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# masks - weights that go, file to file and in pipes; all others stay
. "${top_srcdir:?}/tests/cli/lib.sh"

command -v jq >/dev/null || skip "no jq"
tools=$top_builddir/tests/tools
"$tools/mkmodel" layers=2 width=256 ffn=640 vocab=64 m.gguf

# the same bytes by file and by pipe, for any threads, memory, instruction set
expect 0 sov-prune --method magnitude --ratio 0.5 -o a.gguf m.gguf
err_empty
out_empty
tail -c +1 m.gguf | sov-prune --method magnitude --ratio 0.5 -o - - |
    cmp - a.gguf || fail "other bytes in a pipe"
for n in 1 3; do
    expect 0 sov-prune -j $n --max-memory 16M --method magnitude --ratio 0.5 \
        -fo b.gguf m.gguf
    cmp a.gguf b.gguf || fail "other bytes with $n threads"
done
SOV_ISA=generic expect 0 sov-prune --method magnitude --ratio 0.5 -fo b.gguf \
    m.gguf
cmp a.gguf b.gguf || fail "other bytes with other instructions"

# sov-show sees the zeros: half of every matrix of a layer, none elsewhere
zeros() { # MODEL TENSOR
    sov-prune -q --method magnitude --tensor-ratio "$2=0.0000001" --json \
        -fo counted.gguf "$1" | jq ".tensors[] | select(.name == \"$2\") | .zeros"
}
[ "$(zeros a.gguf blk.1.ffn_down.weight)" -eq $((256 * 320)) ] ||
    fail "zeros of ffn_down"
[ "$(zeros m.gguf blk.1.ffn_down.weight)" -lt 1000 ] || fail "zeros before"
"$tools/cmpmodel" m.gguf a.gguf >differ || :
grep -q 'token_embd\|norm' differ && fail "what is no matrix of a layer changed"
[ "$(grep -c blk differ)" -eq 14 ] || fail "not all matrices changed"

# every weight is what it was, or zero: pruning by one half and by more of it
# goes the same way as by more at once, and once more changes nothing
expect 0 sov-prune --method magnitude --ratio 0.75 -o c.gguf m.gguf
expect 0 sov-prune --method magnitude --ratio 0.75 -o d.gguf a.gguf
cmp c.gguf d.gguf || fail "weights that stayed were changed"
expect 0 sov-prune --method magnitude --ratio 0.5 -fo d.gguf a.gguf
cmp a.gguf d.gguf || fail "pruned again it is another"

# all that can hold the weights as they are
for type in f32 bf16; do
    expect 0 sov-quantize -q -t $type -o t.gguf m.gguf
    expect 0 sov-prune --method magnitude --ratio 0.5 -o p.gguf t.gguf
    expect 0 sov-quantize -q -t f32 -o p32.gguf p.gguf
    expect 0 sov-quantize -q -t f32 -o t32.gguf t.gguf
    expect 0 sov-prune --method magnitude --ratio 0.5 -o q32.gguf t32.gguf
    cmp p32.gguf q32.gguf || fail "$type is pruned otherwise"
    rm t.gguf p.gguf p32.gguf t32.gguf q32.gguf
done

# patterns: how many, and that a tighter one costs more
last=0
for p in unstructured 32:64 4:8 2:4 16x2:4; do
    expect 0 sov-prune --method magnitude --pattern $p --ratio 0.5 --json \
        -fo b.gguf m.gguf
    jq -e '.sparsity >= 0.5 and .sparsity < 0.501' out >/dev/null ||
        fail "$p: not a half"
    jq -e ".error > $last" out >/dev/null || fail "$p costs less than before"
    last=$(jq .error out)
    [ "$(jq .bytes out)" -eq "$(wc -c <m.gguf)" ] || fail "bytes"
done
expect 0 sov-prune --method magnitude --pattern 1:4 -fo b.gguf m.gguf
expect 0 sov-prune --method magnitude --pattern 4x --ratio 0.5 -fo b.gguf m.gguf

# other ratios for some, and the head too
expect 0 sov-prune --method magnitude --ratio 0.5 --json -fo b.gguf \
    --tensor-ratio '*attn_v*=keep' --tensor-ratio 'blk.0.*=0.25' \
    --tensor-ratio 'token_embd.weight=2:4' m.gguf
jq -e '[.tensors[] | select(.name | test("attn_v"))] | length == 0' out \
    >/dev/null || fail "attn_v was pruned"
jq -e '[.tensors[] | select(.name | test("blk.0.ffn"))] |
    length == 3 and all(.sparsity >= 0.25 and .sparsity < 0.251)' out \
    >/dev/null || fail "blk.0 has another ratio"
jq -e '.tensors[] | select(.name == "token_embd.weight") |
    .pattern == "2:4" and .sparsity >= 0.5' out >/dev/null || fail "the head"

# words: a zero is no byte less
expect 0 sov-prune --method magnitude --ratio 0.5 -v -fo b.gguf m.gguf
err_has "(50 %)"
err_has "the file is not smaller"
expect 0 sov-prune --method magnitude --ratio 0.5 --dry-run m.gguf
out_has "nothing: zeros take as many bytes"
expect 0 sov-prune --method magnitude --ratio 0.5 --if-changed --depfile m.d \
    -o a.gguf m.gguf
grep -q m.gguf m.d || fail "the rule for make"

# other forms of output
expect 0 sov-prune --method magnitude --ratio 0.5 -o a.tar m.gguf
expect 0 sov-quantize -q -t copy -o b2.gguf a.tar
cmp a.gguf b2.gguf || fail "other bytes in a tar"
expect 0 sov-prune -q --method magnitude --ratio 0.5 -o a.safetensors m.gguf

# what runs it sees what was asked for
expect 0 sov-run -m a.gguf -p x -n 2

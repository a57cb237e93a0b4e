#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# slow_threads - no two threads at the same memory without an order between them
#
# The tools are built with ThreadSanitizer, which ends with 66 where it saw
# any.  What it sees is what ran: so all ways to share work are here, on more
# threads than there are cores.
. "${top_srcdir:?}/tests/cli/lib.sh"

command -v clang >/dev/null || skip "no clang"
[ -x "$top_srcdir/configure" ] || skip "no configure"
[ ! -e "$top_srcdir/config.status" ] || skip "the tree is configured in place"

mkdir obj
(
    cd obj
    "$top_srcdir/configure" -q CC=clang CFLAGS='-O1 -g -fsanitize=thread' \
        LDFLAGS=-fsanitize=thread --disable-shared >log 2>&1 &&
        make -j2 bin/sov-run bin/sov-quantize bin/sov-prune bin/sov-distill \
            bin/sov-bench tests/unit/t_sys tests/tools/logitsum \
            tests/tools/mkmodel tests/tools/mklora >>log 2>&1 ||
        { tail -n 20 log; exit 1; }
) || fail "no build with ThreadSanitizer"
PATH=$PWD/obj/bin:$PWD/obj/tests/tools:$PATH
TSAN_OPTIONS=exitcode=66
export TSAN_OPTIONS

head -c 40000 "$top_srcdir/tests/data/dev.txt" >text
expect 0 obj/tests/unit/t_sys

# passes: dense, with adapters, of experts, in all forms of keys and values
expect 0 mkmodel layers=1 width=256 heads=4 kv=2 ffn=512 vocab=256 dense
expect 0 mkmodel layers=1 width=256 heads=4 kv=2 ffn=256 vocab=96 tied=1 \
    experts=4 experts
expect 0 mklora rank=32 type=q8_0 embd=1 size=0.05 dense a
expect 0 mklora rank=5 type=f16 embd=1 size=0.05 seed=2 dense b
expect 0 sov-quantize -q -j 3 -t q4_k --effort 1 -o dense.q4 dense
expect 0 logitsum -n 40 -l a:1 -l b:0.5 dense.q4
expect 0 logitsum -n 40 experts
for form in f32 f16 bf16 q8; do
    expect 0 logitsum -n 40 -k $form dense.q4
done

# what reads a text, and what trains
expect 0 sov-quantize -q -j 3 -t q3_k_m --calib text --calib-tokens 1024 \
    -o q3.gguf "$tale"
expect 0 sov-prune -q -j 3 --method sparsegpt --ratio 0.5 --calib text \
    --calib-tokens 1024 -o half.gguf "$tale"
expect 0 sov-prune -q -j 3 --method alps --ratio 0.5 --calib text \
    --calib-tokens 512 -o alps.gguf "$tale"
expect 0 sov-distill -q -j 3 --steps 2 --teacher "$tale" --student half.gguf \
    -o taught.gguf text
expect 0 sov-bench -q -j 3 --prompt=64 --gen=8 --batch=1,4 --runs=2 \
    --seconds=2 "$tale"
expect 0 sov-run -q -j 3 -m "$tale" --temp 0 -n 20 -p 'Once upon a time'

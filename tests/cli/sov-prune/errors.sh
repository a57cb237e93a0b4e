#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# errors - what cannot be meant, and what cannot be done
. "${top_srcdir:?}/tests/cli/lib.sh"

tools=$top_builddir/tests/tools
"$tools/mkmodel" layers=1 width=256 ffn=256 vocab=64 m.gguf

wrong() { # WORDS OPTION...
    _words=$1
    shift
    expect 64 sov-prune -o x.gguf "$@" m.gguf
    err_has "$_words"
    [ ! -e x.gguf ] || fail "an output of what cannot be meant"
}
wrong "--method NAME is missing" --ratio 0.5
wrong "did you mean 'magnitude'" --method magnitud --ratio 0.5
wrong "how much shall go" --method magnitude
wrong "nothing would go" --method magnitude --ratio 0
wrong "--ratio" --method magnitude --ratio 1.5
wrong "--ratio" --method magnitude --ratio nan
wrong "is no pattern" --method magnitude --pattern 2:
wrong "cannot be kept" --method magnitude --pattern 5:4
wrong "give one" --method magnitude --pattern 2:4 --ratio 0.25
wrong "how much" --method magnitude --pattern 4x
wrong "no weight of any matrix would go" --method magnitude --pattern 4:4
wrong "is not PAT=WHAT" --method magnitude --tensor-ratio x
wrong "is no ratio" --method magnitude --tensor-ratio '*=half'
wrong "no matrix is called like" --method magnitude --ratio 0.5 \
    --tensor-ratio 'blk.7.*=0.1'
wrong "wanda has to know" --method wanda --ratio 0.5
wrong "give one" --stats a --calib b --ratio 0.5
wrong "--calib TEXT is missing" --method magnitude --calib-tokens 5 --ratio 0.5
wrong "--format huggingface" --method magnitude --ratio 0.5 \
    --format huggingface
expect 64 sov-prune --method magnitude --ratio 0.5 m.gguf
err_has "-o OUT is missing"
expect 64 sov-prune --method magnitude --ratio 0.5 -o - --json m.gguf
out_empty
expect 73 sov-prune --method magnitude --ratio 0.5 -fo m.gguf m.gguf
touch old
expect 73 sov-prune --method magnitude --ratio 0.5 -o old m.gguf
expect 66 sov-prune --method magnitude --ratio 0.5 -o x.gguf none.gguf
expect 66 sov-prune --stats none --ratio 0.5 -o x.gguf m.gguf

# blocks share scales
sov-quantize -q -t q4_0 -o q.gguf m.gguf
expect 69 sov-prune --method magnitude --ratio 0.5 -o x.gguf q.gguf
err_has "is q4_0: zeros do not stay"

# weights that are no numbers, and where
for what in nan inf; do
    "$tools/mkmodel" layers=1 width=256 ffn=256 vocab=64 \
        bad=blk.0.ffn_up.weight:300:$what bad.gguf
    for n in 1 4; do
        expect 65 sov-prune -j $n --method magnitude --ratio 0.5 -o x.gguf \
            bad.gguf
        err_has "tensor blk.0.ffn_up.weight: weight 44 of row 1 is not a finite"
        err_one_line
    done
done

# cut short, by file and by pipe
head -c 200000 m.gguf >cut.gguf
expect 65 sov-prune --method magnitude --ratio 0.5 -o x.gguf cut.gguf
err_one_line
expect 65 sov-prune --method magnitude --ratio 0.5 -o x.gguf - <cut.gguf
[ ! -e x.gguf ] || fail "an output of half a model"

# a limit on memory that is too low is told
expect 71 sov-prune --method magnitude --ratio 0.5 --max-memory 1M -o x.gguf \
    m.gguf
err_has "the limit is 1000000"

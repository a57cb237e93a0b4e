#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# ranks - several processes make what one does
. "${top_srcdir:?}/tests/cli/lib.sh"

grep -q '^#define SOV_HAVE_MPI' "$top_builddir/config.h" ||
    skip "configured without --with-mpi"
mpirun=${MPIRUN:-mpirun} # of the MPI that was configured
command -v "$mpirun" >/dev/null || skip "$mpirun is not installed"
[ -e "$tale/config.json" ] || skip "models/tale is not here"
OMPI_ALLOW_RUN_AS_ROOT=1
OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
OMPI_MCA_rmaps_base_oversubscribe=1
export OMPI_ALLOW_RUN_AS_ROOT OMPI_ALLOW_RUN_AS_ROOT_CONFIRM \
    OMPI_MCA_rmaps_base_oversubscribe
expect 0 sov-quantize -q -t f16 -o tok.gguf "$tale"
head -c 30000 "$top_srcdir/tests/data/dev.txt" >t.txt

# train N STEPS FILE: on N processes
train() {
    expect 0 "$mpirun" -np "$1" sov-distill -q -j 1 --batch 96 --steps "$2" \
        --arch llama,width=32,layers=1,heads=2,ctx=64,tied --tokenizer tok.gguf \
        --schedule constant --eval t.txt --checkpoint "kept$1" --every 2 \
        --resume -f -o "$3" t.txt
}
train 1 4 one.gguf
train 2 4 two.gguf
train 3 4 three.gguf
cmp one.gguf two.gguf || fail "two processes make something else"
cmp one.gguf three.gguf || fail "three processes make something else"
cmp kept1/step-4.ckpt kept3/step-4.ckpt || fail "another checkpoint"

# a run may go on with another number of them
train 1 6 one.gguf
rm -r kept2
mv kept3 kept2
train 2 6 two.gguf
cmp one.gguf two.gguf || fail "another model after going on with two"

# what one of them cannot do, none does
expect 73 "$mpirun" -np 2 sov-distill -q --tokenizer tok.gguf --batch 8 --steps 1 \
    --arch llama,width=32,layers=1,heads=2,ctx=64 -o none/x.gguf t.txt

# ---- apart: each does steps of its own, and is there again after a stop

apart() {
    expect 0 "$mpirun" -np 2 sov-distill -q -j 1 --batch 16 --local-steps 2 \
        --arch llama,width=32,layers=1,heads=2,ctx=64,tied \
        --tokenizer tok.gguf --schedule constant --eval t.txt "$@" t.txt
}
apart --steps 6 -o apart.gguf
apart --steps 4 --checkpoint kept-apart --every 2 -o x.gguf
apart --steps 6 --checkpoint kept-apart --every 2 --resume -f -o x.gguf
cmp apart.gguf x.gguf || fail "workers that were stopped make something else"
expect 65 sov-distill -q --batch 16 --local-steps 2 --steps 6 \
    --arch llama,width=32,layers=1,heads=2,ctx=64,tied --tokenizer tok.gguf \
    --schedule constant --checkpoint kept-apart --resume -f -o x.gguf t.txt
err_has "other options"

# ---- what the student makes, one makes for all

for n in 1 2; do
    expect 0 "$mpirun" -np $n sov-distill -q -j 1 --batch 96 --steps 4 \
        --arch llama,width=64,layers=1,heads=2,ctx=48,tied \
        --teacher tok.gguf --alpha 1 --on-policy 0.5 -o made$n.gguf t.txt
done
cmp made1.gguf made2.gguf || fail "--on-policy by two is something else"

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# ranks - several processes make what one does
. "${top_srcdir:?}/tests/cli/lib.sh"

grep -q '^#define SOV_HAVE_MPI' "$top_builddir/config.h" ||
    skip "configured without --with-mpi"
command -v mpirun >/dev/null || skip "mpirun is not installed"
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
    expect 0 mpirun -np "$1" sov-distill -q -j 1 --batch 96 --steps "$2" \
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
expect 73 mpirun -np 2 sov-distill -q --tokenizer tok.gguf --batch 8 --steps 1 \
    --arch llama,width=32,layers=1,heads=2,ctx=64 -o none/x.gguf t.txt

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# input - shapes and types that are not the usual
. "${top_srcdir:?}/tests/cli/lib.sh"

mkmodel=$top_builddir/tests/tools/mkmodel
cmpmodel=$top_builddir/tests/tools/cmpmodel

# tensors without weights go through
"$mkmodel" extra=empty.weight:256x0 zero.gguf
expect 0 sov-quantize -t q4_k_m -o x.gguf zero.gguf
expect 0 sov-quantize -t q4_k_m -fo - - <x.gguf
cmp out x.gguf || fail "empty tensors"

# rows longer than a piece, and longer than a slab
"$mkmodel" extra=long.weight:1000192x2 long.gguf
expect 0 sov-quantize -t q8_0 -fo x.gguf long.gguf
expect 0 sov-quantize -t q8_0 -j 3 --max-memory 24M -fo y.gguf - <long.gguf
cmp x.gguf y.gguf || fail "long rows"
"$mkmodel" type=f32 layers=1 extra=thin.weight:1x70000 thin.gguf
expect 0 sov-quantize -q -t q8_0 -fo x.gguf thin.gguf

# no weight, no tensor, is lost or changed on the way to a wider type
"$mkmodel" m.gguf
expect 0 sov-quantize -t f32 -o wide.gguf m.gguf
expect 0 sov-quantize -t f16 -o back.gguf wide.gguf
"$cmpmodel" -k tokenizer. m.gguf back.gguf >differences || {
    cat differences
    fail "f16 to f32 and back"
}

# a big-endian file is the same model
for type in f16 bf16 f32; do
    "$mkmodel" "type=$type" little.gguf
    "$mkmodel" "type=$type" swap=1 big.gguf
    for mix in q4_k_m f16 f32; do
        expect 0 sov-quantize -t $mix -fo x.gguf little.gguf
        expect 0 sov-quantize -t $mix -fo y.gguf big.gguf
        cmp x.gguf y.gguf || fail "big-endian $type to $mix"
        expect 0 sov-quantize -t $mix -fo y.gguf - <big.gguf
        cmp x.gguf y.gguf || fail "big-endian $type to $mix by pipe"
    done
done

# quantized input: what has its type already is the same to the bit
expect 0 sov-quantize -t q8_0 -fo x.gguf m.gguf
err_empty
expect 0 sov-quantize -t q8_0 -fo y.gguf x.gguf
err_empty
cmp x.gguf y.gguf || fail "q8_0 again"
expect 0 sov-quantize -t q4_k_m -fo y.gguf x.gguf
err_has "were quantized before"
expect 0 sov-quantize -q -t q4_k_m -fo y.gguf x.gguf
err_empty
expect 0 sov-quantize -t f16 -fo z.gguf y.gguf
expect 0 sov-quantize -q -t q4_k -fo y.gguf m.gguf
expect 0 sov-quantize -q -t q4_k -fo z.gguf y.gguf
cmp y.gguf z.gguf || fail "q4_k again"

# git left a pointer where a file of the model should be
pointer='version https://git-lfs.github.com/spec/v1'
for file in model.safetensors tokenizer.model config.json; do
    rm -rf dir
    mkdir dir
    cp "$tale"/* dir
    rm "dir/$file"
    printf '%s\noid sha256:00\nsize 1\n' "$pointer" >"dir/$file"
    expect 65 sov-quantize -t q8_0 -o n.gguf dir
    err_has "$file"
    err_has 'git lfs pull'
    err_one_line
done

# tensors alone: what comes of it does not run, and is told
rm -rf dir
mkdir dir
cp "$tale/model.safetensors" dir
expect 0 sov-quantize -t q8_0 -fo x.gguf dir
err_has 'warning: dir: nothing says which architecture'
expect 0 sov-quantize -t q8_0 -fo y.gguf - <"$tale/model.safetensors"
cmp x.gguf y.gguf || fail "tensors alone by pipe"
expect 65 sov-run -m x.gguf -p x
err_has 'architecture'

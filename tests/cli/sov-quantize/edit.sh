#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# edit - metadata as --set and --unset change it, tensors to the bit
. "${top_srcdir:?}/tests/cli/lib.sh"

mkmodel=$top_builddir/tests/tools/mkmodel
cmpmodel=$top_builddir/tests/tools/cmpmodel
"$mkmodel" m.gguf

# has KEY TEXT: what a reader of the file shows of a key
has() {
    sov-quantize -q --set "$1$2" -o - e.gguf | cmp -s - e.gguf || fail "$1 is not $2"
}

edit() {
    expect 0 sov-quantize -f -o e.gguf "$@" m.gguf
}

# nothing changes by itself
edit -t copy
cmp e.gguf m.gguf || fail "a copy has other bytes"
expect 0 sov-quantize -t copy -o - - <m.gguf
cmp out m.gguf || fail "a copy by pipe has other bytes"

# one key, in its place; the type stays
edit --set llama.context_length=4096
err_empty
has llama.context_length =4096
"$cmpmodel" -k tokenizer. -k general. e.gguf m.gguf || fail "more has changed"
"$cmpmodel" -k llama. e.gguf m.gguf >different && fail "nothing has changed"
[ "$(cat different)" = "key differs: llama.context_length" ] || fail "$(cat different)"
size=$(stat -c %s m.gguf)
[ "$(stat -c %s e.gguf)" -eq "$size" ] || fail "the size has changed"

# every type, at its limits
edit --set a:u8=255 --set b:i8=-128 --set c:u16=65535 --set d:i16=-32768 \
    --set e:u32=4294967295 --set f:i32=-2147483648 \
    --set g:u64=18446744073709551615 --set h:i64=-9223372036854775808 \
    --set i:f32=0.1 --set j:f64=1e300 --set k:bool=true --set l:str= \
    --set 'm:str[]=["x","","y\u00e9"]' --set 'n:u16[]=[0,65535]' \
    --set 'o:f32[]=[1,0.5]' --set 'p:bool[]=[true,false]' --set 'q:i64[]=[]'
err_empty
has l =
has m '=["x","","y\u00e9"]'
has g =18446744073709551615
has f =-2147483648
for bad in a:u8=256 a:u8=-1 b:i8=128 b:i8=-129 c:u16=65536 e:u32=4294967296 \
    f:i32=-2147483649 g:u64=18446744073709551616 h:i64=-9223372036854775809 \
    h:i64=9223372036854775808 i:f32=1e39 i:f32=nan i:f32=x i:f32= i:f32=1x \
    e:u32= e:u32=0x10 e:u32=1e3 e:u32='1 ' e:u32=+1 k:bool=1 k:bool=True \
    n:u16[]='[65536]' n:u16[]='[1.0]' n:u16[]='["1"]' n:u16[]='{}' \
    n:u16[]='[1' n:u16[]=1 m:str[]='[1]' p:bool[]='[1]' z:u99=1 z:=1 z=1 \
    z:str[][]='[]'; do
    expect 64 sov-quantize -o x.gguf --set "$bad" m.gguf
    err_has "${bad%%[:=]*}"
    err_one_line
done
expect 64 sov-quantize -o x.gguf --set "$(printf 'l:str=\377')" m.gguf
err_has "UTF-8"
expect 64 sov-quantize -o x.gguf --set nothing m.gguf
expect 64 sov-quantize -o x.gguf --set =1 m.gguf
expect 64 sov-quantize -o x.gguf --set split.count=3 m.gguf
err_has "--split-max-size"
expect 64 sov-quantize -o x.gguf --set general.alignment=64 m.gguf
err_has "--align"

# a value from a file: text as it stands, a number without its new line
printf '{%% if x %%}\n"=@:"\n' >template
echo 4096 >number
edit --set tokenizer.chat_template:str=@template \
    --set llama.context_length=@number --depfile d.mk
has tokenizer.chat_template =@template
has llama.context_length =4096
[ "$(grep -c -e template -e number d.mk)" -eq 2 ] || fail "--depfile: no values"
expect 66 sov-quantize -o x.gguf --set l:str=@none m.gguf
err_has "none"
err_one_line
expect 73 sov-quantize -f -o template --set l:str=@template m.gguf
err_has "also the input"
expect 0 sov-quantize -f -o e.gguf --set l:str=@- m.gguf <template
has l =@template
expect 64 sov-quantize -f -o e.gguf --set l:str=@- - <m.gguf

# keys go, and come anew
edit --unset 'tokenizer.*' --set tokenizer.ggml.model:str=none
"$cmpmodel" -k tokenizer. e.gguf m.gguf >different && fail "nothing is gone"
grep -q 'key differs: tokenizer.ggml.model' different || fail "$(cat different)"
err_has "warning: tokenizer.ggml.tokens is not there any more"
expect 64 sov-quantize -o x.gguf --unset 'no.such.*' m.gguf
err_has "no.such.*"
edit -t copy --unset llama.block_count
err_has "warning: llama.block_count"
edit -q --unset general.architecture
err_empty
edit --set general.architecture=foo
err_has 'no key begins with "foo."'

# with other types too; what is set holds against what the type says
edit -t q8_0 --set general.file_type=99 --set general.name:str=x
has general.file_type =99
has general.name =x
"$mkmodel" arch=mamba other.gguf
expect 0 sov-quantize -f -o e.gguf -t copy --tensor-type '*ffn_down*=q8_0' other.gguf
expect 64 sov-quantize -o x.gguf -t copy --tensor-type '*=copy' m.gguf

# the alignment of the input stays, unless another is asked for
expect 0 sov-quantize -f -o a.gguf --align 4096 -t copy m.gguf
expect 0 sov-quantize -f -o e.gguf -t copy a.gguf
cmp a.gguf e.gguf || fail "the alignment has changed"
expect 0 sov-quantize -f -o e.gguf --align 32 -t copy a.gguf
cmp m.gguf e.gguf || fail "--align 32"

# weights that are no numbers are copied, unless somebody asks
"$mkmodel" bad=blk.1.ffn_up.weight:7:nan nan.gguf
expect 0 sov-quantize -t copy -f -o e.gguf nan.gguf
cmp e.gguf nan.gguf || fail "a copy with NaN"
expect 65 sov-quantize -t copy --on-nonfinite=fail -f -o e.gguf nan.gguf
err_has "blk.1.ffn_up.weight"
expect 0 sov-quantize -q -t copy --on-nonfinite=zero -f -o e.gguf nan.gguf
expect 0 sov-quantize -t copy --on-nonfinite=fail -o - e.gguf
[ ! -e x.gguf ] || fail "an output in spite of an error"

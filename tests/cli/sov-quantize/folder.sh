#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# folder - a Hugging Face folder as output: whole or not at all, loss-free or
# refused
. "${top_srcdir:?}/tests/cli/lib.sh"

mkmodel=$top_builddir/tests/tools/mkmodel
[ -e "$tale/config.json" ] || skip "models/tale is not here"
expect 0 sov-quantize -t copy -o tale.gguf "$tale"

folder() {
    sov-quantize -t copy "$@" -o "hf/" tale.gguf
}

expect 0 folder
[ "$(find hf -type f | sed 's,hf/,,' | sort | tr '\n' ' ')" = \
    "config.json generation_config.json model.safetensors tokenizer.model tokenizer_config.json " ] ||
    fail "other files: $(ls hf)"
expect 0 sov-quantize -t copy --format huggingface --dry-run --json -o dry tale.gguf
[ ! -e dry ] || fail "--dry-run made a folder"
for f in config.json tokenizer.model model.safetensors; do
    out_has "\"path\":\"dry/$f\""
    out_has "\"bytes\":$(stat -c %s hf/$f)"
done

# what is there stays, unless it is told, and is a model
expect 73 folder
err_has "--force"
echo new >hf/new.txt
expect 0 folder -f
[ ! -e hf/new.txt ] || fail "the old folder is still there"
touch -d 2001-01-01 hf hf/*
expect 0 folder --if-changed
[ "$(date -r hf +%Y)" = 2001 ] || fail "--if-changed touched it"
echo x >>hf/config.json
expect 0 folder --if-changed --depfile d.mk
[ "$(date -r hf/config.json +%Y)" != 2001 ] || fail "--if-changed left it"
grep -q 'hf/model.safetensors' d.mk || fail "--depfile"
mkdir mine
echo mine >mine/letter.txt
expect 73 sov-quantize -t copy -f -o "mine/" tale.gguf
err_has "no config.json"
echo '{}' >mine/config.json
mkdir mine/sub
expect 73 sov-quantize -t copy -f --format huggingface -o mine tale.gguf
err_has "folders in it"
[ "$(cat mine/letter.txt)" = mine ] || fail "a letter is lost"
expect 73 sov-quantize -t copy -f -o "hf/" hf
err_has "also the input"
expect 73 sov-quantize -t copy -f -o "hf/" hf/model.safetensors
expect 73 sov-quantize -t copy -f --format huggingface -o tale.gguf hf
expect 73 sov-quantize -t copy -o "none/hf/" tale.gguf
expect 64 sov-quantize -t copy --format huggingface -o - tale.gguf
ln -s hf link
expect 0 sov-quantize -t copy -f -o "link/" tale.gguf
[ -L link ] || fail "the link is gone"
mkdir empty
expect 0 sov-quantize -t copy -f -o "empty/" tale.gguf
expect 74 sh -c 'ulimit -f 2000; trap "" XFSZ; exec sov-quantize -t copy -f -o hf/ tale.gguf'
expect 0 sov-run -m hf -p Once -n 1
only_files tale.gguf hf mine d.mk link empty
rm -r link empty

# killed, it is the old folder or the new one
expect 0 sov-quantize -t copy --set general.name=other -o "new/" tale.gguf
expect 0 folder -f
cp -r hf old
i=0
while [ $i -lt 25 ]; do
    i=$((i + 1))
    sov-quantize -t copy --set general.name=other -f -o "hf/" tale.gguf >/dev/null 2>&1 &
    pid=$!
    sleep "0.0$((i * 7 % 10))"
    kill -9 $pid 2>/dev/null || :
    wait $pid 2>/dev/null || :
    diff -r hf old >/dev/null || diff -r hf new >/dev/null || fail "kill $i: half a folder"
    [ $((i % 5)) -ne 0 ] || folder -f
done
find . -maxdepth 1 -name '.hf.sov-*' -exec touch -d '1 hour ago' {} +
expect 0 folder -f
diff -r hf old || fail "the next run"
only_files tale.gguf hf mine d.mk new old

# keys that a folder has no place for are carried, those that say how the model
# computes are not
expect 0 sov-quantize -t copy --set general.license:str=mit \
    --set 'general.tags:str[]=["a","\u00e9"]' --set tokenizer.ggml.pre:str=default \
    --set tokenizer.chat_template:str='{{ x }}' --set general.some:f32=0.1 \
    --set general.big:u64=18446744073709551615 \
    --set llama.attention.key_length:u32=32 -o keys.gguf tale.gguf
expect 0 sov-quantize -t copy -f -o "hf/" keys.gguf
grep -q '"chat_template": "{{ x }}"' hf/tokenizer_config.json || fail "no chat template"
expect 0 sov-quantize -t copy -f -o back.gguf hf
cmp keys.gguf back.gguf || fail "keys are lost"
for bad in llama.attention.key_length:u32=16 llama.attention.sliding_window:u32=7 \
    llama.rope.scaling.attn_factor:f32=2 llama.expert_count:u32=8 \
    tokenizer.ggml.model=gpt2 general.architecture=qwen2 llama.block_count=7 \
    llama.rope.dimension_count=16; do
    expect 69 sov-quantize -q -t copy -o "no/" --set "$bad" tale.gguf
    err_one_line
    [ ! -e no ] || fail "a folder for $bad"
done
for gone in tokenizer.ggml.scores tokenizer.ggml.model llama.context_length; do
    expect 69 sov-quantize -q -t copy -o "no/" --unset $gone tale.gguf
    err_one_line
done
expect 65 sov-quantize -t copy -o "no/" --set llama.attention.head_count=7 tale.gguf
expect 0 sov-quantize -t q8_0 -o q8.gguf tale.gguf
expect 69 sov-quantize -t copy -o "no/" q8.gguf
err_has "give it f16"
expect 69 sov-quantize -t q8_0 -o "no/" tale.gguf
err_has "cannot hold q8_0"
expect 0 sov-quantize -q -t bf16 -o "yes/" q8.gguf
expect 0 sov-quantize -q -t copy -o yes.gguf yes
expect 0 sov-quantize -q -t bf16 -f -o direct.gguf q8.gguf
cmp yes.gguf direct.gguf || fail "q8_0 to a folder"
"$mkmodel" experts=4 moe.gguf
expect 0 sov-quantize -q -t copy -o "moe/" moe.gguf
expect 0 sov-quantize -q -t copy -o moe-back.gguf moe
expect 0 "$top_builddir/tests/tools/cmpmodel" -k none. moe.gguf moe-back.gguf
"$mkmodel" extra=blk.0.extra.weight:4x4 m.gguf
expect 69 sov-quantize -t copy -o "no/" m.gguf

# a folder that says two things is refused
sed 's/"gguf_metadata": \[/&{"key":"llama.block_count","type":"u32","value":"2"},/' \
    hf/config.json >config
cp config hf/config.json
expect 65 sov-quantize -t copy -f -o back.gguf hf
err_has "must not set llama.block_count"
[ ! -e no ] || fail "a folder in spite of an error"

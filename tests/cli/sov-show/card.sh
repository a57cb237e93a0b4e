#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# card - what sov-show prints for people
. "${top_srcdir:?}/tests/cli/lib.sh"

mkmodel=$top_builddir/tests/tools/mkmodel
unset COLUMNS
LC_ALL=C
export LC_ALL
"$mkmodel" layers=3 type=f16 m.gguf

# all of it, to the letter
expect 0 sov-show m.gguf
cat >want <<'EOF'
random
  file       m.gguf, GGUF, 5.00 MB
  model      llama, 2.49 M parameters, 16.01 bits each, mostly f16
  layers     3, width 256, heads 8, kv heads 4, ffn 768
  context    256 tokens; a full f16 cache takes 393 kB (1.54 kB a token)
  tokenizer  SentencePiece, 512 tokens, bos 1 <s>, eos 2 </s>
  layout     29 tensors, aligned to 32 bytes; 20 keys

type  tensors  weights    bytes   bits   share
f16        22   2.49 M  4.98 MB  16.00  99.9 %
f32         7   1.79 k  7.17 kB  32.00   0.1 %

metadata
general.architecture                    llama
general.name                            random
general.file_type                       1
llama.vocab_size                        512
llama.context_length                    256
llama.embedding_length                  256
llama.block_count                       3
llama.feed_forward_length               768
llama.attention.head_count              8
llama.attention.head_count_kv           4
llama.rope.dimension_count              32
llama.attention.layer_norm_rms_epsilon  1e-05
llama.rope.freq_base                    10000
tokenizer.ggml.model                    llama
tokenizer.ggml.tokens                   [str x 512] "<unk>", "<s>", "</s>", ...
tokenizer.ggml.scores                   [f32 x 512] 0, 0, 0, 0, 0, 0, 0, 0, ...
tokenizer.ggml.token_type               [i32 x 512] 2, 3, 3, 6, 6, 6, 6, 6, ...
tokenizer.ggml.bos_token_id             1
tokenizer.ggml.eos_token_id             2
tokenizer.ggml.unknown_token_id         0

tensor                      type  shape         size
token_embd.weight           f16   256 x 512   262 kB
blk.0-2.attn_norm.weight    f32   256        1.02 kB  x 3
blk.0-2.attn_q.weight       f16   256 x 256   131 kB  x 3
blk.0-2.attn_k.weight       f16   256 x 128  65.5 kB  x 3
blk.0-2.attn_v.weight       f16   256 x 128  65.5 kB  x 3
blk.0-2.attn_output.weight  f16   256 x 256   131 kB  x 3
blk.0-2.ffn_norm.weight     f32   256        1.02 kB  x 3
blk.0-2.ffn_gate.weight     f16   256 x 768   393 kB  x 3
blk.0-2.ffn_up.weight       f16   256 x 768   393 kB  x 3
blk.0-2.ffn_down.weight     f16   768 x 256   393 kB  x 3
output_norm.weight          f32   256        1.02 kB
EOF
diff -u want out || fail "the card"

# the same through a pipe, but for the file
expect 0 sh -c 'cat m.gguf | sov-show -'
diff want out >d || true
[ "$(wc -l <d)" -eq 4 ] || fail "from a pipe: $(cat d)"
out_has "standard input, GGUF"

# big-endian, split, safetensors, a directory: one view
"$mkmodel" layers=3 swap=1 b.gguf
expect 0 sov-show b.gguf
diff want out | grep -q '^> ' || fail "b.gguf is not named"
[ "$(diff want out | grep -c '^> ')" -eq 1 ] || fail "big-endian differs"
[ -e "$tale/config.json" ] && {
    expect 0 sov-show "$tale"
    out_has "Hugging Face directory, 4 files"
    out_has "blk.0-5.ffn_down.weight     bf16"
    expect 0 sov-show "$tale/model.safetensors"
    out_has "safetensors"
}

# a directory of another family: the tensors as they are
if [ -e "$tale/config.json" ]; then
    mkdir odd
    cp "$tale"/*.safetensors odd
    sed 's/LlamaForCausalLM/OddForCausalLM/; s/"llama"/"odd"/' \
        "$tale/config.json" >odd/config.json
    expect 0 sov-show odd
    err_has "not a family that is known here"
    err_one_line
    out_has "model.layers.0-5.mlp.up_proj.weight "
    expect 0 sov-show -q --check odd
    err_empty
fi

# in an archive
tar cf m.tar m.gguf
gzip m.tar
expect 0 sov-show m.tar.gz
out_has "m.tar.gz, GGUF"
diff want out >d || true
[ "$(wc -l <d)" -eq 4 ] || fail "from an archive: $(cat d)"
expect 0 sov-show --check m.tar.gz
expect 0 sov-show --diff m.tar.gz m.gguf
expect 0 sov-show --diff m.gguf m.tar.gz
expect 0 sov-show --diff m.tar.gz m.tar.gz

# mixed types: layers that are not alike do not fold
expect 0 sov-quantize -q -t q4_k_m -o q.gguf m.gguf
expect 0 sov-show q.gguf
out_has ", mostly q4_k (q4_k_m)"
: >q.gguf.claims.jsonl
expect 0 sov-show q.gguf
out_has "  claims     its own beside it, unverified; check with sov-verify"
rm q.gguf.claims.jsonl
expect 0 sov-show -a q.gguf
[ "$(grep -c '^blk\.' out)" -eq 27 ] || fail "--all: not 27 lines of layers"
grep -qE '^blk\.2\.ffn_up\.weight .* [0-9]+$' out || fail "--all: no offset"
cp out all
expect 0 sov-show -v q.gguf
cmp out all || fail "-v is not --all"

# experts: two numbers in a name
"$mkmodel" layers=2 experts=4 e.gguf
expect 0 sov-show e.gguf
out_has "experts 4"

# no line of 80 columns or more, on a terminal and off it, also of others
ln -s "$tale" tale # a path of its own may be longer than a line
for m in m.gguf q.gguf e.gguf tale; do
    expect 0 sov-show "$m"
    awk 'length($0) > 80 { bad = 1; print } END { exit bad }' out ||
        fail "$m: a line over 80 columns"
    expect 0 sov-show --no-color --fake-stdout-is-console "$m"
    awk 'length($0) > 80 { bad = 1; print } END { exit bad }' out ||
        fail "$m: a line over 80 columns on a terminal"
done
expect 0 env COLUMNS=50 LC_ALL=C sov-show --no-color --fake-stdout-is-console q.gguf
awk 'length($0) > 50 { bad = 1; print } END { exit bad }' out ||
    fail "a line over 50 columns"

# bold heads and bars on a terminal alone
esc=$(printf '\033')
expect 0 env LC_ALL=C.UTF-8 sov-show --fake-stdout-is-console m.gguf
out_has "${esc}[1mrandom${esc}[0m"
out_has "█"
expect 0 env LC_ALL=C sov-show --fake-stdout-is-console m.gguf
grep -q "█" out && fail "a bar in the C locale"
for how in "NO_COLOR=1" "TERM=dumb"; do
    expect 0 env "$how" sov-show --fake-stdout-is-console m.gguf
    grep -q "$esc" out && fail "bold with $how"
done
expect 0 sov-show m.gguf
grep -q "$esc" out && fail "bold in a pipe"

# a pipe is not read to its end, and the writer may go
set +e
{
    cat m.gguf /dev/zero 2>cat-err
    echo $? >status
} | timeout 20 sov-show - >out 2>err || fail "an endless pipe"
set -e
err_empty
[ "$(cat status)" -ne 0 ] || fail "the writer was not stopped"

# a reader that leaves; a full disk
set +e
{
    sov-show -a m.gguf 2>err
    echo $? >status
} | head -c 1 >/dev/null
set -e
case $(cat status) in
0 | 141) ;; # it may all have fitted into the pipe
*) fail "status $(cat status) for a closed pipe" ;;
esac
err_empty
expect 74 sh -c "sov-show m.gguf >/dev/full"

# trouble
expect 66 sov-show nothing.gguf
err_one_line
expect 64 sov-show
expect 64 sov-show m.gguf m.gguf
expect 64 sov-show ""
head -c 3000 m.gguf >cut.gguf
expect 65 sov-show cut.gguf
err_one_line
out_empty

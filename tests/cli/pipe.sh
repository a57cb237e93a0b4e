#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# pipe - a model goes through pipes as it goes through files
. "${top_srcdir:?}/tests/cli/lib.sh"

expect 0 sov-quantize -q -t f16 -o t.gguf "$tale"
expect 0 sov-quantize -q -t q4_k_m -o file.gguf t.gguf
sov-quantize -q -t q4_k_m -o - - <t.gguf >pipe.gguf
cmp file.gguf pipe.gguf || fail "a pipe makes other bytes than a file"
# shellcheck disable=SC2002
cat t.gguf | sov-quantize -q -t q4_k_m -o - - | cat >pipe.gguf
cmp file.gguf pipe.gguf || fail "two pipes make other bytes than a file"

sov-quantize -q -t q4_k_m -o - - <t.gguf |
    sov-run -q -m - -p "Once upon a time" -n 40 --temp 0 >text
sov-run -q -m file.gguf -p "Once upon a time" -n 40 --temp 0 >text.file
cmp text text.file || fail "the model behind a pipe says something else"
[ "$(wc -w <text)" -ge 15 ] || fail "hardly any text"

# the prompt by pipe, by option and by file
printf 'Once upon a time' >prompt
sov-run -q -m file.gguf -n 40 --temp 0 <prompt >text
cmp text text.file || fail "prompt from standard input"
sov-run -q -m file.gguf -n 40 --temp 0 prompt >text
cmp text text.file || fail "prompt from a file"

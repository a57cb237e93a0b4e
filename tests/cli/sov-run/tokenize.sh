#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tokenize - ids of text, by the built-in model and by published vocabularies
. "${top_srcdir:?}/tests/cli/lib.sh"

expect 0 sov-run --tokenize -p 'Once upon a time'
out_is '{"ids":[1228,329,614,262,589]}'
err_empty
printf 'Once upon a time' >t
expect 0 sov-run --tokenize t
out_is '{"ids":[1228,329,614,262,589]}'
expect 0 sov-run --tokenize <t
out_is '{"ids":[1228,329,614,262,589]}'
expect 0 sov-run --tokenize -p ''
out_is '{"ids":[]}'

# a last new line belongs to the text here
printf 'a\n' >t
expect 0 sov-run --tokenize t
out_is '{"ids":[262,3]}'

# two files are one text
printf 'Once upon' >a
printf ' a time' >b
expect 0 sov-run --tokenize a b
out_is '{"ids":[1228,329,614,262,589]}'
expect 0 sov-run --tokenize a - <b
out_is '{"ids":[1228,329,614,262,589]}'

# typed control tokens
expect 0 sov-run --tokenize -p '</s>'
out_is '{"ids":[4023,64,51,4031,66]}'
expect 0 sov-run --tokenize --parse-special -p '</s>'
out_is '{"ids":[2]}'

# a million of one letter, and all bytes
head -c 1000000 /dev/zero | tr '\0' A >t
expect 0 timeout 20 sov-run --tokenize t
[ "$(tr ',' '\n' <out | wc -l)" -eq 1000000 ] || fail "ids of a million A"
head -c 65536 /dev/urandom >t
expect 0 sov-run --tokenize t

# published vocabularies with the ids that others give
need_shared golden/vocab
for name in llama-spm phi-3; do
    v=$shared/golden/vocab/ggml-vocab-$name.gguf
    awk -v RS='\n__ggml_vocab_test__\n' -v n="$name" \
        '{ f = sprintf("%s.%03d", n, NR); printf "%s", $0 > f; close(f) }' \
        "$v.inp"
    i=0
    while read -r want; do
        i=$((i + 1))
        part=$(printf '%s.%03d' "$name" $i)
        [ -e "$part" ] || : >"$part"
        got=$(sov-run --tokenize -m "$v" "$part" | tr -d '{}"ids:[]' |
            tr ',' ' ')
        [ "$got" = "$want" ] || fail "$part: $got instead of $want"
    done <"$v.out"
    [ $i -ge 40 ] || fail "only $i parts"
done

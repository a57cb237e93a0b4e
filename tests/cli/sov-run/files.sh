#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# files - what is read and what is written are never the same file
. "${top_srcdir:?}/tests/cli/lib.sh"

printf 'Once upon a time' >text
echo '[1, 5, 9]' >ids.json
cp text text.old
cp ids.json ids.old

# every message names the file that it is about
expect 66 sov-run none.txt
err_has 'none.txt: cannot open'
err_one_line
expect 66 sov-run --input-ids none.json
err_has 'none.json: cannot open'
expect 66 sov-run .
err_has '.: cannot read'
expect 74 sh -c 'exec sov-run -n 1 <&-'
err_has 'standard input'
expect 74 sh -c 'exec sov-run -n 1 -p x >&-'
err_has 'standard output'
expect 74 sov-run -n 1 -p x -o /dev/full
err_has '/dev/full: cannot write'

# no built-in model: what to do (a copy, so that none lies beside it)
exe=$top_builddir/bin/.libs/sov-run
if [ -x "$exe" ]; then
    cp "$exe" copy
    expect 66 env SOV_DATADIR=/none LD_LIBRARY_PATH="$top_builddir/.libs" \
        ./copy -p x
    err_has 'name a model with -m'
    err_one_line
    rm copy
fi

# no input is eaten, whichever way it is named as output
ln -s text link
for out in text ./text link "$PWD/text"; do
    expect 73 sov-run -n 1 -f -o "$out" text
    err_has 'is also the input'
done
expect 73 sov-run -f --logits ids.json --input-ids ids.json
expect 73 sov-run -f --tokenize -o text text
expect 73 sov-run -f --tokenize -o tok --depfile text text
expect 73 sh -c 'exec sov-run -n 1 text >>text'
err_has 'standard output: is also the input'
cmp text text.old || fail "the text was written to"
cmp ids.json ids.old || fail "the ids were written to"
rm link

# -o takes whatever the output is
expect 0 sov-run --tokenize text
cp out want
expect 0 sov-run --tokenize -o tok --depfile d.mk text
out_empty
cmp tok want || fail "--tokenize -o"
for name in config.json tokenizer.model model.safetensors text; do
    grep -q "$name" d.mk || fail "--depfile lacks $name"
done
expect 73 sov-run --tokenize -o tok text
expect 0 sov-run --perplexity --ctx 4 -f -o tok text
out_empty
grep -q '"ppl":' tok || fail "--perplexity -o"
expect 0 sov-run --json -n 1 -f -o tok text
out_empty
grep -q '"text":' tok || fail "--json -o"
expect 0 sov-run --input-ids ids.json --logits l.f32 --depfile d.mk
grep -q 'ids.json' d.mk || fail "--depfile lacks the ids"
expect 64 sov-run --input-ids ids.json --logits m.f32 -o x
err_has '--logits'

# what stands in the way of the output is told before the work
cp tok tok.old
expect 73 sov-run --perplexity -o tok text
err_has 'tok: will not be replaced'
cmp tok tok.old || fail "an old file was touched"
rm tok.old

# a rule needs a target
for out in '' '-o -'; do
    # shellcheck disable=SC2086
    expect 64 sov-run -p x -n 1 --depfile x.mk $out
    err_has '--depfile'
    out_empty
done

# JSON has all of the text
printf 'a\0b\nc' >nul
expect 0 sov-run -n 0 --echo --json nul
out_has '"text":"a\u0000b\nc"'
printf 'a\377b\n\nc' >bad
expect 0 sov-run -n 0 --echo --json bad
out_has '"text":"a\\xffb\n\nc"'

# too little text is the text's fault
expect 65 sov-run --perplexity -p x
err_has 'give more text'
expect 64 sov-run --perplexity --ctx 1 -p x
expect 0 sov-run --tokenize --timings text
err_has '"generated_tokens":0'
expect 64 sov-run --stop '' -p x
err_has '--stop'

only_files text text.old ids.json ids.old want tok d.mk l.f32 nul bad

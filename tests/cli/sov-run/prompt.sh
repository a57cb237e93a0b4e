#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# prompt - by option, file, pipe and as ids: the same text comes out
. "${top_srcdir:?}/tests/cli/lib.sh"

# One thread: the model is so small that two wait for each other.
SOV_THREADS=1
export SOV_THREADS

set -- --temp 0 -n 12
expect 0 sov-run "$@" -p 'Once upon a time'
cp out want
[ -s want ] || fail "no text"
err_empty
printf 'Once upon a time' >t
expect 0 sov-run "$@" t
cmp out want || fail "a file"
expect 0 sov-run "$@" <t
cmp out want || fail "standard input"
# shellcheck disable=SC2002
cat t | sov-run "$@" >out
cmp out want || fail "a pipe"
echo 'Once upon a time' >t
expect 0 sov-run "$@" t
cmp out want || fail "a file with a last new line"

# as ids, with what is put in front
printf ' [1, 1228,329,\n614,262,589 ] ' >ids
expect 0 sov-run "$@" --input-ids ids
cmp out want || fail "ids"
expect 0 sov-run "$@" --input-ids - <ids
cmp out want || fail "ids from standard input"
printf '{"ids":[1,1228,329,614,262,589]}\n' >ids
expect 0 sov-run "$@" --input-ids ids
cmp out want || fail "ids in an object"

# with the prompt in front
expect 0 sov-run "$@" --echo -p 'Once upon a time'
{ printf 'Once upon a time' && cat want; } | cmp - out || fail "--echo"
expect 0 sov-run "$@" --echo --input-ids ids
{ printf 'Once upon a time' && cat want; } | cmp - out || fail "--echo of ids"

# nothing as prompt: a text from its beginning, without a space before it
expect 0 sov-run "$@" -p ''
case $(head -c 1 out) in
' ' | '') fail "a text begins with a space" ;;
esac
expect 0 sov-run "$@" -n 0 -p x
out_empty

# bad ids
for bad in '' '[' '[1,]' '[1 2]' '[-1]' '[1.5]' '[01]' '["1"]' '[1]x' '{}' \
    '{"ids":[1]' '{"x":[1]}' '[99999999999]' 'null'; do
    printf '%s' "$bad" >ids
    expect 65 sov-run "$@" --input-ids ids
    err_one_line
    out_empty
done
printf '[]' >ids
expect 65 sov-run "$@" --input-ids ids
err_has 'empty'
printf '[1,4096]' >ids
expect 65 sov-run "$@" --input-ids ids
err_has '4096'

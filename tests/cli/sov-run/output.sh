#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# output - streams, files, terminals, readers that leave
. "${top_srcdir:?}/tests/cli/lib.sh"

p='Once upon a time'
expect 0 sov-run --temp 0 -n 10 -p "$p"
cp out want

# a file, whole or not at all
expect 0 sov-run --temp 0 -n 10 -p "$p" -o t
cmp t want || fail "-o"
expect 73 sov-run --temp 0 -n 10 -p "$p" -o t
err_has 't'
expect 0 sov-run --temp 0 -n 10 -p "$p" -f -o t --depfile d
grep -q '^t:' d || fail "--depfile"
grep -q 'model.safetensors' d || fail "--depfile lacks the model"
rm t d

# a reader that leaves early
set +e
{
    sov-run --temp 0 -n 200 -p "$p" 2>err
    echo $? >status
} | head -c 1 >/dev/null
set -e
[ "$(cat status)" -eq 141 ] || fail "status $(cat status) for a closed pipe"
err_empty
expect 74 sh -c "sov-run --temp 0 -n 5 -p x >/dev/full"

# a terminal: the text ends with a new line, and nothing acts on it
expect 0 sov-run --temp 0 -n 10 -p "$p" --fake-stdout-is-console
{ cat want && echo; } | cmp - out || fail "no new line at the end"
printf 'a\033[31mb\r\302\233c\td' >t
expect 0 sov-run --temp 0 -n 0 --echo --fake-stdout-is-console t
printf 'a\\x1b[31mb\\x0d\\x9bc\td\n' | cmp - out || fail "control characters"
expect 0 sov-run --temp 0 -n 0 --echo t
cmp out t || fail "a pipe gets the bytes as they are"

# as it is made: the first characters come long before the last
mkfifo pipe
sov-run --temp 0 -n 120 -p "$p" >pipe &
head -c 1 <pipe >first
[ -s first ] || fail "no first character"
wait || true

# what it would take
expect 0 sov-run --dry-run
out_has 'weights'
expect 0 sov-run --dry-run --json
for part in weights kv work logits total; do
    out_has "\"$part\":"
done
expect 71 sov-run --max-memory 100K -p x
err_one_line
err_has "are allowed"

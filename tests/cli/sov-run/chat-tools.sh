#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# chat-tools - the published templates with tools, calls and their results
#
# Arguments of calls are given as an object (answer) and as text (text); a
# template gets the form that it was made for.  chat-tools.txt has checksums of
# what Jinja of Python makes of that, where "safe" changes nothing.
. "${top_srcdir:?}/tests/cli/lib.sh"

need_shared golden/chat
command -v jq >/dev/null || skip "no jq"
here=$top_srcdir/tests/cli/sov-run
for talk in ask answer text; do
    jq -c ".$talk" "$here/chat-tools.json" >"$talk.json"
done
n=0
while read -r name talk want; do
    sov-run --chat --chat-template "$shared/golden/chat/$name.jinja" --render \
        --date 2026-11-20 "$talk.json" >out 2>err || : >out
    got=$(cksum <out | cut -d ' ' -f 1)
    [ -s out ] || got=-
    [ "$got" = "$want" ] || {
        show
        fail "$name, $talk"
    }
    n=$((n + 1))
done <"$here/chat-tools.txt"
[ "$n" -ge 141 ] || fail "only $n conversations"

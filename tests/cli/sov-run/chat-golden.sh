#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# chat-golden - the published templates render as they do in stock llama.cpp
#
# What is otherwise stands with its reason in chat-golden.txt, and nothing else
# may be otherwise; nor may what stands there be equal.
. "${top_srcdir:?}/tests/cli/lib.sh"

need_shared golden/chat
command -v jq >/dev/null || skip "no jq"
list=$top_srcdir/tests/cli/sov-run/chat-golden.txt
n=0
: >differ
for json in "$shared"/golden/chat/*.json; do
    name=$(basename "$json" .json)
    jq -c '.[] | .add_generation_prompt, .messages' "$json" >lines
    : >got
    while read -r answer && read -r messages; do
        flag=--no-generation-prompt
        [ "$answer" = false ] || flag=--chat
        printf '%s' "$messages" |
            sov-run --chat --chat-template "${json%.json}.jinja" --render \
                --json $flag --date 2026-11-20 >>got 2>err ||
            echo '{"text":null}' >>got
        n=$((n + 1))
    done <lines
    # shellcheck disable=SC2016
    jq -r --slurpfile got got --arg name "$name" \
        'to_entries[] | select(.value.text != $got[.key].text) |
        "\($name) \(.key)"' "$json" >>differ
done
sed -n 's/^\([^# ][^ ]*  *[0-9][0-9]*\) .*/\1/p' "$list" >known
cmp -s differ known || {
    diff known differ || :
    fail "not what chat-golden.txt explains"
}
echo "$((n - $(wc -l <differ))) of $n conversations are equal"
[ "$n" -ge 282 ] || fail "only $n conversations"

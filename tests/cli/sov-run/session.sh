#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# session - what was read is kept in a file, and a later run goes on from it
. "${top_srcdir:?}/tests/cli/lib.sh"
PATH=$top_builddir/tests/tools:$PATH

[ -e "$tale/config.json" ] || skip "models/tale is not here"
command -v jq >/dev/null || skip "jq is not installed"
start="Once upon a time there was a little girl, and"

# known: tokens that were not read again
known() {
    sed -n 's/.*"known_tokens":\([0-9]*\).*/\1/p' err
}
# run OPTION...: some tokens, the likeliest
run() {
    expect 0 sov-run --temp 0 --timings "$@"
}

# ---- text goes on as it would have, in every form
for kv in q8 f16 bf16 f32; do
    rm -f s.kv
    run --kv $kv -n 150 -p "$start" && mv out all
    run --kv $kv -n 100 -p "$start" --session s.kv
    [ "$(known)" = 0 ] || fail "$kv: known: $(known)"
    mv out first
    run --kv $kv -n 50 -p "" --session s.kv
    [ "$(known)" -ge 100 ] || fail "$kv: known: $(known)"
    cat first out | cmp -s - all || fail "$kv: another text"
    run --kv $kv -n 150 -p "$start" --session s.kv
    cmp -s out all || fail "$kv: another text for the same prompt"
    run --kv $kv -n 20 -p "$start then" && mv out other
    run --kv $kv -n 20 -p "$start then" --session s.kv
    cmp -s out other || fail "$kv: another text for another prompt"
    [ "$(known)" -ge 8 ] || fail "$kv: known: $(known)"
done
[ "$(stat -c %a s.kv)" = 600 ] || fail "others can read it"

# ---- a conversation goes on
printf '{%% for m in messages %%}{{ m.role }}: {{ m.content }}\n{%% endfor %%}assistant:' >t.jinja
chat() {
    run -n 12 --chat --chat-template t.jinja "$@"
}
chat -p "Once upon a time" --system "Tell tales" --session c.kv
jq -Rs '[{role: "system", content: "Tell tales"},
    {role: "user", content: "Once upon a time"},
    {role: "assistant", content: .},
    {role: "user", content: "And then?"}]' <out >all.json
chat -p "And then?" --session c.kv && mv out second
[ "$(known)" -gt 10 ] || fail "the conversation was read again"
chat all.json
cmp -s out second || fail "the conversation went on in another way"
chat -p "Go on" --system "Tell tales" --session c.kv
expect 64 sov-run --chat --chat-template t.jinja -n 2 -p "Go on" \
    --system "Do not" --session c.kv
err_has "in the session"
# a NUL in what was said does not make the session unreadable
printf 'one\0two' >nul.txt
chat nul.txt --session n.kv
chat -p "And then?" --session n.kv
# messages are all of a conversation
chat all.json --session c.kv
cmp -s out second || fail "messages were added to those of the session"
# with JSON, and with the prompt repeated, the answer is the answer
chat -p "Why?" --json --echo --session c.kv
chat -p "And then?" --session c.kv
messages() {
    tr '\0' '\n' <"${1:-c.kv}" | LC_ALL=C grep -a -o '\[{"role":"system".*\]' |
        tail -n 1 >last
}
messages
jq -e 'length == 9 and (.[6].content | startswith("system") | not)' last \
    >/dev/null || fail "kept: $(cat last)"

pty=$top_builddir/tests/tools/pty
TERM=xterm
export TERM
expect 0 "$pty" sov-run --chat --chat-template t.jinja --temp 0 -n 6 --timings \
    --session c.kv <<'E'
wait 9 messages are remembered
wait > 
send One more\r
wait "known_tokens":
wait > 
send And one\r
wait "known_tokens":
wait > 
send \x04
E
messages
[ "$(jq length last)" = 13 ] || fail "kept: $(cat last)"
# copied, it is all there and takes less
run -n 0 -p "" --session-in c.kv --session-out d.kv
[ "$(wc -c <d.kv)" -lt "$(wc -c <c.kv)" ] || fail "the copy is not smaller"
mv last kept
messages d.kv
cmp -s last kept || fail "copied: $(cat last)"
chat -p "Go on" --session c.kv && mv out want
chat -p "Go on" --session d.kv
cmp -s out want || fail "the copy went on in another way"

# ---- pipes
run -n 30 -p "$start the" && mv out want
sov-run -n 0 -p "$start" --session-out - 2>err |
    sov-run --temp 0 -n 30 -p "$start the" --timings --session-in - \
        >out 2>err2 || fail "pipe: $(cat err err2)"
cmp -s out want || fail "pipe: another text"
grep -q '"known_tokens":[1-9]' err2 || fail "pipe: nothing was known"
run -n 30 -p "$start the" --session-out o.kv -o text
cmp -s text want || fail "--session-out changed the text"
cp o.kv before
run -n 10 -p "" --session-in o.kv
cmp -s o.kv before || fail "--session-in changed the file"
expect 64 sov-run -p "$start" --session-out -
err_has "standard output has the text"
expect 64 sov-run --session-in -
err_has "standard input is the session"
expect 73 sov-run -n 1 -p "$start" --session-out o.kv
expect 0 sov-run -f -n 1 -p "$start" --session-out o.kv
expect 64 sov-run --session - -p a
expect 64 sov-run --session s.kv --session-in o.kv -p a
expect 64 sov-run --session s.kv --jsonl
expect 64 sov-run --session s.kv --tokenize -p a

# ---- what does not fit
run -n 2 -p "$start" --session m.kv
expect 0 sov-quantize -q -t q4_0 -o other.gguf "$tale"
expect 65 sov-run -m other.gguf -p a --session m.kv
err_has "m.kv: this is a session of another model"
expect 65 sov-run --kv f16 -p a --session m.kv
err_has "take q8 again, or begin another file"
expect 65 sov-run --precise --kv q8 -p a --session m.kv
err_has "computed in f32"
echo text >text
expect 65 sov-run -p a --session text
err_has "text: this is no saved session"
grep -qx text text || fail "a file that is no session was changed"
expect 73 sov-run -p a --session no/such/folder
expect 64 sov-run -p a --session /dev/null
expect 75 flock m.kv sov-run -p a --session m.kv
err_has "m.kv: another process is using it"
expect 66 sov-run -p a --session-in none.kv

# ---- what is not whole, or has no room
cp m.kv torn.kv
head -c 20000 s.kv >>torn.kv
run -n 5 -p "$start" --session torn.kv
err_has "torn.kv: the last 20000 bytes are not whole"
[ "$(known)" -ge 8 ] || fail "nothing was known"
run -n 5 -p "$start" --session torn.kv
[ "$(wc -l <err)" = 1 ] || fail "it was not cut: $(cat err)"
run -n 200 -p "$start" && mv out want
(
    # shellcheck disable=SC3045
    ulimit -f $(($(wc -c <m.kv) / 512 + 20))
    expect 74 sov-run --temp 0 -n 200 -p "$start" --session m.kv
) || exit 1
err_has "m.kv: the session was not saved to its end"
cmp -s out want || fail "without room there was no answer"
run -n 200 -p "$start" --session m.kv
cmp -s out want || fail "another text after there was no room"

# ---- memory: what is mapped is part of what is counted
expect 0 sov-run --dry-run --json && mv out without
expect 0 sov-run --dry-run --json --session m.kv
[ "$(jq .kv out)" = "$(jq .kv without)" ] || fail "keys and values count twice"
[ "$(jq .kv_mapped out)" -gt 0 ] || fail "nothing is mapped"
expect 0 sov-run --dry-run --session none.kv
[ ! -e none.kv ] || fail "a dry run made a file"

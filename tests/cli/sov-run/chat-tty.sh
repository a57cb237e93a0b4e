#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# chat-tty - a conversation on a terminal
. "${top_srcdir:?}/tests/cli/lib.sh"

[ -e "$tale/config.json" ] || skip "models/tale is not here"
pty=$top_builddir/tests/tools/pty
printf '{%% for m in messages %%}{{ m.role }}: {{ m.content }}\n{%% endfor %%}assistant:' >t.jinja

# talk OPTION... <script: a conversation with the built-in model
talk() {
    expect 0 "$pty" sov-run --chat --chat-template t.jinja --temp 0 -n 6 \
        --ctx 256 "$@"
}

# answers stream, and what was said is read once
talk --timings <<'E'
wait > 
send Once upon a time\r
wait "known_tokens":0
wait > 
send What then?\r
wait "known_tokens":
wait > 
send \x04
E
known=$(sed -n 's/.*"known_tokens":\([0-9]*\).*/\1/p' out | tail -n 1)
[ "$known" -gt 8 ] || fail "only $known tokens were known"

# editing, history, more lines, wide characters, another width; where what was
# typed shows no text of its own, the end of the line is waited for, since a
# line that is drawn again begins as a new one does
talk <<'E'
wait > 
send ab\e[DX\x01\e[C\x05\x7fb\r
wait aXb
wait > 
send \xc3\xbc\xe2\x82\xac\x7f\xe2\x82\xac\r
wait ü€
wait > 
send \e[A\e[A\x01>\r
wait >aXb
wait > 
send half a line\x03
wait [?2004l
wait > 
send one\\\rtwo\r
wait two
wait > 
send \e[200~three\rfour\e[201~\r
wait four
wait > 
size 20
send a line that is longer than the terminal is wide\r
wait wide
wait > 
send   \r
wait [?2004l
wait > 
send \x04
E

# a message that is too long is taken back, and the conversation goes on
long=$(awk 'BEGIN { for (i = 0; i < 400; i++) printf "word " }')
talk <<E
wait > 
send $long\\r
wait the conversation has
wait > 
send short\\r
wait [?2004l
wait > 
send \\x04
E

# Ctrl-C ends an answer, and not the conversation
expect 0 "$pty" sov-run --chat --chat-template t.jinja --ctx 8192 --timings \
    --repeat-penalty 1.5 --temp 1.5 -n 8000 <<'E'
wait > 
send Once upon a time\r
sleep 1
send \x03
wait generated_tokens
wait > 
send \x04
E

# a signal while a line is typed leaves the terminal as it was
expect 143 "$pty" sh -c 'exec sov-run --chat --chat-template t.jinja' <<'E'
wait > 
term
E

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# chat-tty - a conversation on a terminal
#
# The terminal has one mode from the first prompt to the end, so keys may be
# typed at any time; what is waited for is only what has to be seen.
. "${top_srcdir:?}/tests/cli/lib.sh"

[ -e "$tale/config.json" ] || skip "models/tale is not here"
pty=$top_builddir/tests/tools/pty
TERM=xterm
export TERM
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
sed -n 's/.*"prompt_tokens":\([0-9]*\).*"known_tokens":\([0-9]*\).*/\1 \2/p' out |
    awk 'NR > 1 && $2 < before { bad = 1 } { before = $1 } END { exit bad || NR != 2 }' ||
    fail "what was said before was read again"

# all of it is typed before the first answer, the end too
talk --timings <<'E'
send Once upon a time\rWhat then?\rAnd then?\r\x04
E
[ "$(grep -c generated_tokens out)" = 3 ] || fail "not three answers"

# editing, history, more lines, wide characters, marks, another width
talk <<'E'
wait > 
send ab\e[DX\x01\e[C\x05\x7fb\r
wait > aXb\r\r\n
send \xc3\xbc\xe2\x82\xac\x7f\xe2\x82\xac\r
wait > ü€\r\r\n
send \e[A\e[A\x01>\r
wait > >aXb\r\r\n
send xe\xcc\x81\xcc\xa7\x7fy\r
wait > xy\r\r\n
send \xe4\xbd\xa0\xe5\xa5\xbd\e[D\x7f!\r
wait > !好\r\r\n
send one two three\eb\x17\ed4\r
wait > one 4\r\r\n
send \e[A\e[A\e[Bx\r
wait > one 4x\r\r\n
wait > 
send half a line
wait half a line
send \x03
wait > 
send one\\\rtwo\r
wait two\r\r\n
send a\tb\r
wait > a     b\r\r\n
wait > 
send \e[200~three\x03\x04\r\nfour\e[A\e[201~\r
wait > three\r\r\nfour\r\r\n
size 20
send a line that is longer than the terminal is wide\r
wait wide\r\r\n
wait > 
send   \r\x03\x03\x04
E

# more lines than the terminal has
lines=$(awk 'BEGIN { for (i = 0; i < 60; i++) printf "line %d\\r", i }')
talk <<E
wait > 
send \\e[200~${lines}the end\\e[201~
wait the end
send \\e[H
wait > line 0
send \\r
wait the end\\r\\r\\n
send \\x04
E

# a message that is too long is taken back, and the conversation goes on as if
# it had not been
long=$(awk 'BEGIN { for (i = 0; i < 400; i++) printf "word " }')
talk --timings <<E
wait > 
send Once upon a time\\r
wait known_tokens
send $long\\r
wait the message has
send short\\r
wait known_tokens
send \\x04
E
[ "$(sed -n 's/.*"known_tokens":\([0-9]*\).*/\1/p' out | tail -n 1)" -gt 10 ] ||
    fail "something was forgotten for a message that has no room"

# the context is full: the oldest messages go
expect 0 "$pty" sov-run --chat --chat-template t.jinja --temp 0 -n 6 --ctx 64 \
    --timings <<'E'
wait > 
send a tale of a fox\r
wait generated_tokens
send and a tale of a crow\r
wait generated_tokens
send and a tale of a king\r
wait generated_tokens
send and a tale of a hen\r
wait messages are forgotten
wait generated_tokens
send \x04
E

# Ctrl-C ends an answer, and not the conversation; right behind the line, too
expect 0 "$pty" sov-run --chat --chat-template t.jinja --ctx 8192 --timings \
    --repeat-penalty 1.5 --temp 1.5 -n 8000 <<'E'
wait > 
send Once upon a time\r
sleep 1
send \x03
wait generated_tokens
wait > 
send Once upon a time\r\x03
wait generated_tokens
wait > 
send \x04
E

# who stops the program finds the terminal as it was, and gives it back
# shellcheck disable=SC2016
expect 0 "$pty" sh -mc 'sov-run --chat --chat-template t.jinja --temp 0 -n 6
    stty -a | tr " " "\n" | grep -e "^-*icanon$" -e "^-*echo$"
    fg >fg.out' <<'E'
wait > 
send half\x1a
wait \necho
send  and half\r
wait > half and half\r\r\n
send \x04
E
grep -q '^-' out && fail "the terminal was not given back"

# a signal while a line is typed leaves the terminal as it was; of a run under
# nohup SIGHUP is ignored, and in the background SIGINT and SIGQUIT
default=
env --default-signal=HUP,INT,QUIT true 2>/dev/null &&
    default='env --default-signal=HUP,INT,QUIT'
for sig in 15 1 3 13; do
    # shellcheck disable=SC2086
    expect $((128 + sig)) "$pty" $default sov-run --chat --chat-template t.jinja <<E
wait > 
signal $sig
E
done

# a terminal that knows no escape sequences
TERM=dumb
talk <<'E'
wait > 
send Once upon a time\n
wait > 
send half
wait half
send \x03
wait > 
send one\\\ntwo\n
wait > 
send \x04
E
grep -q "$(printf '\033')" out && fail "escape sequences on a dumb terminal"
exit 0

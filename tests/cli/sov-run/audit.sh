#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# audit - sov-run --audit-log: who asked what and when, as digests
. "${top_srcdir:?}/tests/cli/lib.sh"
SOV_DATADIR=$top_srcdir
export SOV_DATADIR

run() {
    sov-run --temp 0 -n 8 "$@"
}
hash_of() {
    sha256sum "$@" | cut -d' ' -f1
}
# events FILE: their names, on one line
events() {
    sed 's/.*"event":"\([a-z]*\)".*/\1/' "$1" | tr '\n' ' '
}

# one answer: the same text as without, and four lines of which none has it
expect 0 run -p 'Once upon'
mv out want
expect 0 run -p 'Once upon' --audit-log log --reviewer Ada
cmp out want || fail "another answer"
err_empty
[ "$(events log)" = 'start request answer end ' ] || fail "$(events log)"
grep -q "\"event\":\"request\",\"line\":1,\"sha256\":\"$(printf 'Once upon' |
    hash_of)\",\"reviewer\":\"Ada\"," log || fail "digest of the request"
grep -q "\"line\":1,\"sha256\":\"$(hash_of want)\",\"outcome\":\"length\"" log ||
    fail "digest of the answer"
grep -q '"prompt_tokens":4,"known_tokens":0,"generated_tokens":8,"queue_s"' log ||
    fail "tokens"
grep -q '"status":0,"requests":1,"errors":0,"prompt_tokens":4,"gen' log ||
    fail "sums"
grep -q 'Once\|upon' log && fail "text in the log"
[ "$(stat -c %a log)" = 640 ] || [ "$(umask)" != 0022 ] || fail "mode"
expect 0 sov-verify --audit-log log
out_has 'log: intact: 4 lines, 1 run'

# the digests of the model are those that others compute
PATH=$top_builddir/tests/tools:$PATH
for f in model.safetensors config.json tokenizer.model; do
    v=$(hashsum verity "$tale/$f" | cut -d' ' -f1)
    grep -q "{\"name\":\"$f\",\"size\":[0-9]*,\"verity\":\"$v\"}" log ||
        fail "digest of $f"
done

# it goes on: JSON, ids, messages, vectors
expect 0 run --json -p 'Once upon' --audit-log log
head -c -1 out >line
expect 0 sov-run --tokenize -p 'The fox'
cp out ids
expect 0 run --input-ids ids --audit-log log
cp out of-ids
echo '{{ messages[0].content }}' >t.jinja
printf '[{"role":"user","content":"The fox"}]\n' >m.json
expect 0 run --chat --chat-template t.jinja m.json --audit-log log
cp out of-chat
printf 'The fox\n\nOnce\n' >texts
expect 0 sov-run --embed texts --audit-log log
cp out vectors
expect 0 sov-run --embed -o v.npy texts --audit-log log
expect 0 sov-run --embed -p 'The fox' -o p.npy --audit-log log
expect 0 sov-verify --audit-log log
out_has '7 runs'
sed -n 's/.*"event":"answer".*"sha256":"\([0-9a-f]*\)".*/\1/p' log >answers
{
    hash_of want line of-ids of-chat
    for i in 1 2 3; do
        sed -n "${i}p" vectors | head -c -1 | hash_of
    done
    for i in 0 1 2; do
        tail -c +"$((129 + i * 1024))" v.npy | head -c 1024 | hash_of
    done
    tail -c +129 p.npy | hash_of
} >wanted
[ "$(head -c 128 v.npy | tail -c 1 | od -An -c | tr -d ' ')" = '\n' ] ||
    fail "the head of an array is longer than it was"
diff wanted answers || fail "digests of answers"
grep -q "\"sha256\":\"$(sed 's/.*\[//; s/\].*//; s/,/ /g' ids |
    tr -d '\n' | hash_of)\"" log || fail "digest of ids"
grep -q "\"sha256\":\"$(head -c -1 m.json | hash_of)\"" log ||
    fail "digest of messages"
grep -q "\"sha256\":\"$(printf '' | hash_of)\"" log || fail "an empty line"

# into a file, and what is on the way of it
expect 0 run -p 'Once upon' -o text --audit-log log
cmp text want || fail "another text in a file"
expect 73 run -p 'Once upon' -o text --audit-log log
[ "$(tail -n 1 log | grep -c '"status":73,')" -eq 0 ] ||
    fail "a run that had no output was begun"
expect 0 run -p 'Once upon' --echo --audit-log echoed
printf 'Once upon' | cat - want | cmp - out || fail "--echo"
grep -q "\"sha256\":\"$(hash_of out)\",\"outcome\"" echoed || fail "echo's digest"

# a conversation: each message and each answer, which is then shown at once
TERM=xterm
export TERM
printf '{%% for m in messages %%}{{ m.role }}: {{ m.content }}\n{%% endfor %%}a:' \
    >talk.jinja
expect 0 "$top_builddir/tests/tools/pty" sov-run --chat --temp 0 -n 6 \
    --chat-template talk.jinja --ctx 256 --audit-log talk --proof <<'END'
wait > 
send Once upon a time\r
wait sov-proof-v1:
wait > 
send What then?\r
wait sov-proof-v1:
wait > 
send \x04
END
[ "$(events talk)" = 'start request answer request answer end ' ] ||
    fail "$(events talk)"
sed -n 's/.*"event":"request".*"sha256":"\([0-9a-f]*\)".*/\1/p' talk >got
{
    printf 'Once upon a time' | hash_of
    printf 'What then?' | hash_of
} | diff - got || fail "digests of messages"
grep '"event":"answer","line":2,' talk | grep -q '"known_tokens":[1-9]' ||
    fail "the conversation was read anew"
grep -o 'sov-proof-v1:[0-9a-f]*' talk | sort >got
grep -o 'sov-proof-v1:[0-9a-f]*' out | sort | diff - got || fail "proofs"
# what was shown is what was logged: the first answer, whose text follows the
# line that was typed
sed -n 's/.*"event":"answer","line":1,"sha256":"\([0-9a-f]*\)".*/\1/p' talk >got
printf '[{"role":"user","content":"Once upon a time"}]' >m.json
expect 0 sov-run --chat --temp 0 -n 6 --chat-template talk.jinja --ctx 256 m.json
hash_of out | diff - got || fail "digest of what was shown"

# many requests: each line and each answer, in whatever order
cat >lines <<'END'
{"id":1,"prompt":"Once upon","max_tokens":20,"tenant":"t1","reviewer":"Bob"}
{"id":2,"prompt":"The fox","max_tokens":3}

no JSON
{"id":3,"input":["a text","another"],"tenant":"t2"}
{"custom_id":"x","method":"POST","url":"/v1/completions","body":{"prompt":"The king","max_tokens":4}}
END
expect 65 sov-run --jsonl --seed 1 --order completion --audit-log many \
    --reviewer Ada lines
n=1
while read -r line; do
    if [ -n "$line" ]; then
        sha=$(printf '%s' "$line" | hash_of)
        grep -q "\"event\":\"request\",\"line\":$n,\"sha256\":\"$sha\"" many ||
            fail "request $n"
        answer=$(grep -e "\"line\":$n," -e "\"req_$n\"" out)
        sha=$(printf '%s' "$answer" | hash_of)
        grep -q "\"event\":\"answer\",\"line\":$n,\"sha256\":\"$sha\"" many ||
            fail "answer $n"
    fi
    n=$((n + 1))
done <lines
grep -q '"line":1,"sha256":"[0-9a-f]*","tenant":"t1","reviewer":"Bob",' many ||
    fail "tenant and reviewer"
grep -q '"line":2,"sha256":"[0-9a-f]*","reviewer":"Ada",' many || fail "reviewer"
grep -q '"line":5,"sha256":"[0-9a-f]*","tenant":"t2","reviewer":"Ada",' many ||
    fail "tenant of vectors"
[ "$(grep -c '"outcome":"error"' many)" -eq 1 ] || fail "errors"
grep -q '"status":65,"requests":5,"errors":1,' many || fail "sums of many"
grep -q 'king\|fox\|Once' many && fail "text in the log"
expect 0 sov-verify --audit-log many
# answers do not depend on it; and nobody reviews what is not written down
expect 65 sov-run --jsonl --seed 1 --audit-log many lines
cp out logged
sed 's/,"reviewer":"Bob"//' lines >unseen
expect 65 sov-run --jsonl --seed 1 unseen
cmp out logged || fail "another answer"
expect 65 sov-run --jsonl --seed 1 lines
out_has 'reviewer\" goes with --audit-log'
echo '{"prompt":"a","reviewer":7}' >unseen
expect 65 sov-run --jsonl --audit-log many unseen
out_has 'reviewer\" is not a string'
printf '{"prompt":"a","reviewer":"%0257d"}\n' 0 >unseen
expect 65 sov-run --jsonl --audit-log many unseen
out_has 'name of 257 bytes, the limit is 256'

# a run that goes on says what there is, and takes back answers that the log has
# and the output has not: the run was killed between the two, or the power took
# the end of the output
cat >three <<'END'
{"id":1,"prompt":"Once upon","max_tokens":4}
{"id":2,"prompt":"The fox","max_tokens":3}
{"id":3,"prompt":"The king","max_tokens":2}
END
resume() {
    sov-run --jsonl --seed 1 --order input --audit-log going --resume replies \
        three "$@"
}
expect 0 resume
out_empty
cp replies whole
[ "$(events going)" = 'start request request request answer answer answer end ' ] ||
    fail "$(events going)"
grep -q "\"output\":{\"name\":\"replies\",\"answers\":0,\"size\":0,\"sha256\":\"$(printf '' |
    hash_of)\"}" going || fail "a first run does not say that there is nothing"
for left in 1 0; do
    head -n "$left" whole >replies
    printf '{"id":2,"li' >>replies
    : >going
    expect 0 resume
    cmp replies whole || fail "other answers"
    grep -q "\"output\":{\"name\":\"replies\",\"answers\":$left,\"size\":$(head -n "$left" whole |
        wc -c),\"sha256\":\"$(head -n "$left" whole | hash_of)\"}" going ||
        fail "what there was"
    sed -n 's/.*"event":"unwritten",\("line":[0-9]*\),"hash".*/\1/p' going >taken
    seq $((left + 1)) 3 | sed 's/^/"line":/' | diff - taken ||
        fail "answers that were not taken back"
    [ "$(grep -c '"event":"answer"' going)" -eq $((3 - left)) ] ||
        fail "an answer that was there was logged again"
    [ "$(grep '"line":3,' going | events -)" = 'unwritten request answer ' ] ||
        fail "the order of what happened to line 3"
done
expect 0 resume
[ "$(tail -n 2 going | events -)" = 'start end ' ] || fail "nothing to do"
expect 0 sov-verify --audit-log going
grep -q 'fox\|king\|Once' going && fail "text in the log"

# the seed that counts is that of the run that goes on
head -n 1 whole >replies
: >going
expect 0 sov-run --jsonl --audit-log going --resume replies three
cmp replies whole || fail "another seed"
grep -q '"seed":1}' going || fail "the log has another seed"
# one file is not two
expect 64 run -p Once -o log -f --audit-log log
expect 64 sov-run --jsonl --resume going --audit-log going three
expect 64 run -p Once --metrics log -f --audit-log log
[ -s log ] || fail "the log is gone"

# a seal, and every line that is not what was written
expect 0 sov-verify --keygen team --no-password
expect 0 run -p Once --audit-log sealed --sign-key team.key
expect 0 sov-verify --key team.pub --audit-log sealed
out_has 'sealed: intact: 5 lines, 1 run'
expect 77 sov-verify --key team.pub --audit-log log
err_has 'nothing of it is sealed'
i=1
while [ "$i" -le 5 ]; do
    sed "${i}s/[0-9]\",\"hash/x\",\"hash/; ${i}s/\"time\":\"2/\"time\":\"1/" \
        sealed >bad
    expect 1 sov-verify --key team.pub --audit-log bad
    err_has "bad: line $i was altered"
    sed "${i}d" sealed >bad
    expect "$((i < 5 ? 1 : 77))" sov-verify --key team.pub --audit-log bad
    if [ "$i" -eq 5 ]; then
        err_has "bad: nothing of it is sealed"
    else
        err_has "bad: line $i is missing"
    fi
    if [ "$i" -lt 5 ]; then
        sed "${i}{h;d}; $((i + 1))G" sealed >bad
        expect 1 sov-verify --key team.pub --audit-log bad
        err_has "bad: line $i is missing"
    fi
    sed "${i}p" sealed >bad
    expect 1 sov-verify --key team.pub --audit-log bad
    err_has "bad: line $((i + 1)) was inserted or moved"
    { cat sealed; sed -n "${i}p" sealed; } >bad
    expect 1 sov-verify --key team.pub --audit-log bad
    err_has "bad: line 6 was inserted or moved"
    i=$((i + 1))
done
# of a second run the end is missed, too
expect 0 run -p Once --audit-log sealed --sign-key team.key
expect 0 sov-verify --key team.pub --audit-log sealed
out_has 'sealed: intact: 10 lines, 2 runs'
sed 10d sealed >bad
expect 1 sov-verify --key team.pub --audit-log bad
err_has 'bad: line 6 and what follows is behind the last seal'
# who makes all lines anew has no seal
expect 0 run -p Twice --audit-log forged
expect 77 sov-verify --key team.pub --audit-log forged

# a password is asked for before anything else is done
printf 'secret\n' >pass
expect 0 sov-verify --keygen locked --password-file pass
expect 0 run -p Once --audit-log l --sign-key locked.key --password-file pass
expect 0 sov-verify --key locked.pub --audit-log l
printf 'wrong\n' >pass
expect 77 run -p Once --audit-log l2 --sign-key locked.key --password-file pass
out_empty
err_one_line
[ ! -s l2 ] || fail "a log without a key"

# a run that fails says so; one that is killed has no end
expect 65 run --ctx 2 -p 'Once upon a time' --audit-log failed
[ "$(events failed)" = 'start request end ' ] || fail "$(events failed)"
grep -q '"event":"end","status":65,' failed || fail "status in the log"
expect 66 run -m no-such-model -p Once --audit-log none
[ ! -s none ] || fail "the end of a run that never began"
mkfifo texts.fifo
sov-run --embed texts.fifo --audit-log killed >out 2>err &
pid=$!
exec 5>texts.fifo
printf 'Once\n' >&5
while ! grep -q '"answer"' killed 2>/dev/null; do
    kill -0 "$pid" || fail "it has ended"
    sleep 0.05
done
# nobody else may write it meanwhile
expect 75 run -p Once --audit-log killed
out_empty
err_has 'another process is writing this audit log'
kill -9 "$pid"
wait "$pid" || true
exec 5>&-
expect 0 sov-verify --audit-log killed
err_has '1 run without an end'
expect 0 run -p Once --audit-log killed
expect 0 sov-verify --audit-log killed

# what cannot be written down is not answered; names of other lengths move the
# place where the file is full
failed=0
for len in 001 040 080 120 160 200 240; do
    for blocks in 2 3 4; do
        rm -f full
        rc=0
        (
            ulimit -f "$blocks"
            exec sov-run --temp 0 -n 8 -p 'Once upon' --audit-log full \
                --reviewer "$(printf "%0${len#0}d" 0)"
        ) >got 2>err || rc=$?
        if [ "$rc" -ne 0 ] && grep -q '"event":"start"' full &&
            ! grep -q '"event":"answer"' full; then
            [ ! -s got ] || fail "an answer that is not in the log"
            [ "$rc" -eq 73 ] || fail "status $rc"
            failed=1
        fi
    done
done
[ "$failed" -eq 1 ] || fail "the log was never full"

echo '[1,2]' >two

# what is no log, and options that do not go together
printf '{"seq":0' >torn
expect 65 run -p Once --audit-log torn
err_has 'not whole'
out_empty
expect 64 run -p Once --audit-log /dev/full
expect 73 run -p Once --audit-log no/such/folder
expect 64 run -p Once --sign-key team.key
expect 64 run -p Once --reviewer Ada
expect 64 run -p Once --audit-log x --reviewer "$(printf '%0257d' 0)"
for mode in --tokenize --perplexity '--logits x' --render; do
    # shellcheck disable=SC2086
    expect 64 sov-run -p Once $mode --audit-log x
done
[ ! -e x ] || fail "a log of nothing"

# adapters stand there like the model
PATH=$top_builddir/tests/tools:$PATH
expect 0 mkmodel m.gguf
expect 0 mklora m.gguf lora.gguf
expect 0 sov-run --temp 0 -n 2 -m m.gguf --input-ids "$PWD/two" \
    --lora lora.gguf:0.5 --audit-log adapted
v=$(hashsum verity lora.gguf | cut -d' ' -f1)
grep -q "\"adapters\":\[{\"name\":\"lora.gguf\",\"size\":[0-9]*,\"verity\":\"$v\",\"scale\":0.5}\]" \
    adapted || fail "no adapter"

# with a policy, its digest stands there
cp -r "$tale" model
rm -f model/README.md model/generation_config.json
expect 0 sov-verify --adopt --sign-key team.key --source https://example.org/m \
    model
printf 'sov-policy v1\nkey team minisign %s\n' "$(tail -n 1 team.pub)" >policy
expect 0 run -m model --require-claims policy -p Once --audit-log policed
grep -q "\"policy\":\"$(hash_of policy)\"" policed || fail "no policy"

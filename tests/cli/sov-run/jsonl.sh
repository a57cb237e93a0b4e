#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# jsonl - many requests in one pass: each answer is the one that it gets alone
. "${top_srcdir:?}/tests/cli/lib.sh"
PATH=$top_builddir/tests/tools:$PATH
SOV_DATADIR=$top_srcdir
export SOV_DATADIR

run() {
    sov-run --jsonl "$@"
}

# one TEXT...: what sov-run --json says, as far as a line of many says it too
one() {
    sov-run --json "$@" | sed 's/"schema":"[^"]*",//'
}

# 40 requests of all kinds, and the commands that ask for the same one by one
awk 'BEGIN {
    srand(3)
    n = split("king fox the a of was old moon Once said and in house river", w)
    for (i = 0; i < 150; i++)
        long = long w[int(rand() * n) + 1] " "
    for (i = 1; i <= 40; i++) {
        p = i % 3 ? substr(long, 1, 120 * (i % 6)) : ""
        for (k = int(rand() * 8) + 1; k > 0; k--)
            p = p w[int(rand() * n) + 1] " "
        r = "{\"id\":" (i % 2 ? i : "\"r" i "\"") ",\"prompt\":\"" p "\""
        c = "one --ctx 256 -p \047" p "\047"
        m = i % 7 ? int(rand() * 50) : 0
        r = r ",\"max_tokens\":" m ",\"seed\":" i
        c = c " -n " m " --seed " i
        t = i % 4 ? i % 4 * 0.5 : 0
        r = r ",\"temperature\":" t
        c = c " --temp " t
        if (i % 5 == 0) {
            r = r ",\"stop\":[\"zebra\",\"er\"]"
            c = c " --stop zebra --stop er"
        }
        if (i % 6 == 0) {
            r = r ",\"top_k\":20,\"repeat_penalty\":1.25"
            c = c " --top-k 20 --repeat-penalty 1.25"
        }
        if (i % 8 == 0) {
            r = r ",\"top_p\":0.5,\"min_p\":0.125"
            c = c " --top-p 0.5 --min-p 0.125"
        }
        if (i % 9 == 0)
            r = r ",\"tenant\":\"t" i % 2 "\""
        print r "}" >"requests"
        print c >"commands"
    }
}'
# shellcheck disable=SC1091
. ./commands | sed 's/,"seed":[0-9]*}/}/' >alone
[ "$(wc -l <alone)" -eq 40 ] || fail "not 40 answers one by one"
# as they are alone: without what only a line of many has
plain() {
    sed 's/^{"id":[^,]*,"line":[0-9]*,/{/; s/,"seed":[0-9]*}/}/' "$@"
}
for batch in 1 4 16; do
    for j in 1 2; do
        expect 0 run --ctx 256 --batch $batch -j $j requests
        err_empty
        plain out | cmp - alone || fail "--batch $batch -j $j"
        cp out all
        expect 0 run --ctx 256 --batch $batch -j $j --order completion requests
        sort -t: -k 3n out >sorted
        sort -t: -k 3n all | cmp - sorted || fail "$batch, $j: completion"
    done
done

# memory for little more than one context: they take turns, and give way
need=$(sov-run --jsonl --batch 1 --ctx 256 --dry-run --json |
    sed 's/.*"total":\([0-9]*\).*/\1/')
for more in 0 100000 300000; do
    expect 0 run --ctx 256 --batch 8 --max-memory $((need + more + 2000000)) \
        requests
    plain out | cmp - alone || fail "$more bytes of memory more"
done

# as they come: a coprocess gets its answer before the next line
mkfifo to from
run --order completion <to >from 2>err &
exec 3>to 4<from
echo '{"id":"one","prompt":"The","max_tokens":2}' >&3
read -r answer <&4
case $answer in
'{"id":"one","line":1,"text":"'*) ;;
*) fail "no answer to one line: $answer" ;;
esac
echo '{"id":"two"' >&3
read -r answer <&4
case $answer in
'{"line":2,"error":'*) ;;
*) fail "no error for one line: $answer" ;;
esac
exec 3>&- 4<&-
wait

# what a line may say, and the command line instead
run -n 3 --temp 0 --stop o >a <<END
{"prompt":"Once upon a time"}

{"prompt":"Once upon a time","stop":"%","max_tokens":9}
END
one -n 3 --temp 0 --stop o -p 'Once upon a time' >b
plain a | sed 's/^{"line":[0-9]*,/{/' | head -n 1 | cmp - b || fail "defaults"
sed -n 2p a | grep -q '^{"line":3,.*"generated_tokens":9,' || fail "own options"
# seeds follow from the run's and the line
printf '{"prompt":"A"}\n{"prompt":"A"}\n' >two
run --seed 5 two >a
run --seed 5 --batch 1 two >b
cmp a b || fail "a seed gave two texts"
run --seed 6 two | cmp -s a - && fail "two seeds gave one text"
[ "$(sed 's/.*"seed"://' a | sort -u | wc -l)" -eq 2 ] || fail "one seed"
seed=$(sed -n '2s/.*"seed":\([0-9]*\)}/\1/p' a)
one --seed "$seed" -p A >b
sed -n 's/^{"line":2,/{/p' a | cmp - b || fail "a seed cannot be given"

# what is wrong has its line in its place, and the run goes on
head -c 17000000 /dev/zero | tr '\0' ' ' >spaces
{
    echo '{"prompt":"A","max_tokens":1}'
    echo '{"id":"u","prompt":"A","nonsense":1}'
    echo '{"id":"t","prompt":7}'
    echo '{"id":"r","prompt":"A","top_p":0}'
    echo '{"id":"m","prompt":"A","max_tokens":1.5}'
    echo '{"id":"s","prompt":"A","stop":["a",""]}'
    echo '{"id":"n"}'
    echo '{"id":"b","prompt":"A","messages":[]}'
    echo '{"id":[],"prompt":"A"}'
    echo '{"prompt":"A"'
    printf '{"prompt":"\377"}\n'
    printf '{"prompt":"%s"}\n' "$(cat spaces)"
    echo '{"id":"e","prompt":"","max_tokens":2}'
    echo '{"id":"l","prompt":"'"$(seq -s ' ' 4000)"'"}'
    echo '{"id":"c","messages":[{"role":"user","content":"A"}]}'
    echo '{"id":"d","prompt":"A","prompt":"B"}'
    echo '{"id":"z","tools":[],"prompt":"A"}'
    printf '{"prompt":"A","max_tokens":1}'
} >mixed
for o in "--order input" "--order completion --batch 1"; do
    # shellcheck disable=SC2086
    expect 65 run --ctx 512 $o mixed
    err_one_line
    err_has '15 of 18 requests have no answer'
    [ "$(wc -l <out)" -eq 18 ] || fail "$o: not one line each"
    grep -vc '^{\("id":"[a-z]",\)*"line":[0-9]*,"\(text\|error\)":' out >err &&
        fail "$o: another form"
    [ "$(grep -c '"error":{"code":"[a-z_]*","message":"[^"]' out)" -eq 15 ] ||
        fail "$o: errors"
done
expect 65 run --ctx 512 mixed
sed 's/.*"line":\([0-9]*\),.*/\1/' out >lines
seq 18 | cmp - lines || fail "order of lines"
out_has '"id":"u","line":2,"error":{"code":"invalid_request","message":"\"nonsense\"'
out_has '"id":"c","line":15,"error":{"code":"unsupported"'

# what editors put before and behind lines is no part of them
printf '\357\273\277{"prompt":"A","max_tokens":1}\r\n{"prompt":"A","max_tokens":1}\r\n' >dos
expect 0 run --temp 0 dos
[ "$(sed 's/.*"text"/"text"/;s/"seed".*//' out | sort -u | wc -l)" -eq 1 ] ||
    fail "a byte order mark"
printf '{"prompt":"A"}\n\357\273\277{"prompt":"A"}\n' >dos
expect 65 run -n 1 dos

# several files; lines are counted through
cp two again
expect 0 run --temp 0 two - <again
[ "$(sed 's/.*"line":\([0-9]*\),.*/\1/' out | tr '\n' ' ')" = "1 2 3 4 " ] ||
    fail "lines of two files"
: >none
expect 0 run none
out_empty

# messages, with the template of the command line
cat >t.jinja <<'END'
{% for m in messages %}{{ m.role }}: {{ m.content }}
{% endfor %}{% for t in tools or [] %}tool {{ t.function.name }}
{% endfor %}{% if add_generation_prompt %}assistant:{% endif %}
END
cat >ask <<'END'
{"messages":[{"role":"user","content":"Who are you?"}],"max_tokens":12}
{"messages":[{"role":"user","content":"<s>How warm?"}],"tools":[{"type":"function","function":{"name":"weather"}}],"max_tokens":12}
{"messages":[{"role":"system","content":"Be old."},{"role":"user","content":"A"}],"max_tokens":12}
END
expect 0 run --temp 0 --chat-template t.jinja ask
sed 's/,"max_tokens":12//' ask | while read -r line; do
    printf '%s' "$line" |
        one --chat --temp 0 -n 12 --chat-template t.jinja
done >b
sed 's/^{"line":[0-9]*,/{/; s/,"seed":[0-9]*}/}/' out | cmp - b ||
    fail "messages"
expect 0 run --temp 0 --chat-template t.jinja --system 'Be brief.' ask
sed 3d out >a
expect 0 run --temp 0 --chat-template t.jinja ask
sed 3d out | cmp -s a - && fail "--system was not heard"

# an adapter
expect 0 mklora size=0.05 "$tale" adapter.gguf
echo '{"prompt":"Once upon a time","max_tokens":20}' >once
expect 0 run --temp 0 --lora adapter.gguf once
plain out | sed 's/^{"line":1,/{/' >a
one --temp 0 -n 20 --lora adapter.gguf -p 'Once upon a time' | cmp - a ||
    fail "--lora"
one --temp 0 -n 20 -p 'Once upon a time' | cmp -s - a && fail "adapter"

# output: whole or not at all
expect 0 run --ctx 256 -o saved requests
plain saved | cmp - alone || fail "-o"
expect 73 run --ctx 256 -o saved requests
expect 65 run -o bad --ctx 512 mixed
[ "$(wc -l <bad)" -eq 18 ] || fail "-o with errors"
expect 73 run -f -o requests requests
if [ -c /dev/full ]; then
    st=0
    run two >/dev/full 2>err || st=$?
    [ $st -eq 74 ] || fail "a full disk: status $st"
fi
mkfifo pipe
(
    st=0
    run --order completion requests >pipe 2>/dev/null || st=$?
    echo $st >status
) &
head -c 1 pipe >/dev/null
wait
[ "$(cat status)" -eq 141 ] || fail "a closed pipe: status $(cat status)"

# an interrupt leaves no output
mkfifo slow
run -o never slow &
pid=$!
exec 3>slow
cat two >&3
sleep 1
kill -TERM $pid
st=0
wait $pid || st=$?
exec 3>&-
[ $st -eq 143 ] || fail "interrupt: status $st"
[ ! -e never ] || fail "an interrupt left the output"

# totals; what prompts have in common is read once
printf '{"prompt":"%s A","max_tokens":3}\n' "$(seq -s ' ' 60)" \
    "$(seq -s ' ' 60)" "$(seq -s ' ' 60)" >same
expect 0 run --timings same
grep -q '^{"requests":3,"errors":0,"prompt_tokens":[0-9]*,"known_tokens":[1-9]' \
    err || fail "timings: $(cat err)"
sed 's/}$/,"tenant":"a"}/;2s/"a"/"b"/;3s/"a"/"c"/' same >tenants
expect 0 run --timings tenants
err_has '"known_tokens":0,'

# what it takes
expect 0 run --dry-run --json --batch 2 --ctx 256
a=$(sed 's/.*"kv":\([0-9]*\),.*/\1/' out)
expect 0 run --dry-run --json --batch 4 --ctx 256
b=$(sed 's/.*"kv":\([0-9]*\),.*/\1/' out)
[ $((2 * a)) -eq "$b" ] || fail "keys and values: $a, $b"
expect 71 run --max-memory 1M two
err_one_line

# what does not go together
bad() {
    expect 64 "$@"
    err_one_line
    out_empty
}
bad sov-run --order input -p A
err_has '--order goes with --jsonl'
bad sov-run --batch 2 -p A
bad sov-run --embed --jsonl --batch 2 two
for o in --chat --tokenize --perplexity '--logits x' '--input-ids x' '-p x' \
    --echo '--order no' '--batch 0' --render; do
    # shellcheck disable=SC2086
    bad sov-run --jsonl $o
done

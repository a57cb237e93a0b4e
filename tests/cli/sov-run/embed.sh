#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# embed - lines of text to vectors: forms of input and output, and what is wrong
. "${top_srcdir:?}/tests/cli/lib.sh"
PATH=$top_builddir/tests/tools:$PATH

expect 0 mkmodel form=bert kv=4 vocab=512 bert.gguf
expect 0 mkmodel form=bert-rank kv=4 vocab=512 rank.gguf
expect 0 mkmodel form=qwen3-rank head=16 vocab=512 ctx=256 yes.gguf
expect 0 mkmodel form=gemma3 head=16 layers=7 vocab=512 gemma.gguf
expect 0 mkmodel form=gemma-embed head=16 layers=7 vocab=512 gembed.gguf
expect 0 mkmodel form=modern-bert kv=4 layers=5 vocab=512 modern.gguf
run() {
    sov-run -m bert.gguf --embed "$@"
}

# numbers FILE: the vectors of JSON lines, a line each
numbers() {
    sed 's/.*"embedding":\[//; s/\]}$//; s/,/ /g' "$1"
}

# one line for each text; an empty line is a text
printf 'abc\n\nabc d\n' >texts
expect 0 run texts
err_empty
[ "$(wc -l <out)" -eq 3 ] || fail "not three lines"
grep -q '^{"index":0,"tokens":[0-9]*,"embedding":\[[-0-9.e,]*\]}$' out ||
    fail "another form of line"
[ "$(numbers out | awk '{ print NF }' | sort -u)" = 32 ] || fail "width"
numbers out | awk '{
    s = 0
    for (i = 1; i <= NF; i++) s += $i * $i
    if (s < 0.999999 || s > 1.000001) exit 1
}' || fail "not of length 1"
cp out all

# wherever they come from, and however many at once
expect 0 run <texts
cmp out all || fail "standard input"
printf 'abc d' >last
printf 'abc\r\n\n' >first
expect 0 run first last
cmp out all || fail "two files, with carriage returns, without a last new line"
expect 0 run -j 1 first - <last
cmp out all || fail "one thread, a file and standard input"
expect 0 run -p 'abc'
[ "$(cat out)" = "$(head -n 1 all)" ] || fail "-p"
expect 0 run -o saved texts
cmp saved all || fail "-o"
expect 73 run -o saved texts
expect 0 run --json texts
cmp out all || fail "--json"
: >none
expect 0 run none
out_empty

# JSON lines: names, ids, blank lines
printf '%s\n' '{"text":"abc"}' '' '  ' '{"prompt":""}' '{"input":"abc d"}' >j
expect 0 run --jsonl j
cmp out all || fail "--jsonl"
printf '%s\n' '{"id":"a\"\u00e4","text":"abc"}' '{"id":-7,"text":"abc"}' >j
expect 0 run --jsonl j
out_has '{"index":0,"id":"a\"ä","tokens":'
out_has '{"index":1,"id":-7,"tokens":'
run --tokenize -p abc -m bert.gguf 2>err && fail "two modes"
sov-run --tokenize -m bert.gguf -p abc >ids
expect 0 run --jsonl ids
numbers out >a
expect 0 run --input-ids ids
numbers out >b
cmp a b || fail "ids"
expect 0 run j
err_has 'say --jsonl'
expect 0 run -q j
err_empty

# a coprocess gets its answer before the next line
mkfifo to from
run <to >from &
exec 3>to 4<from
echo abc >&3
read -r answer <&4
[ "$answer" = "$(head -n 1 all)" ] || fail "no answer to one line"
exec 3>&- 4<&-
wait

# together they are what each is alone, to the bit
awk 'BEGIN {
    srand(7)
    for (i = 0; i < 40; i++) {
        s = ""
        for (n = int(rand() * 12); n >= 0; n--)
            s = s substr("abcdefgh", int(rand() * 8) + 1, 1) (n % 3 ? "" : " ")
        print s
    }
}' >many
for m in bert modern gembed gemma yes; do
    for kv in f32 q8; do
        expect 0 sov-run -m $m.gguf --embed --pooling mean --kv $kv many
        numbers out >a
        while IFS= read -r line; do
            sov-run -m $m.gguf --embed --pooling mean --kv $kv -p "$line"
        done <many >b
        numbers b | cmp - a || fail "$m, $kv: together is not alone"
    done
done

# each way of pooling
for how in mean cls last; do
    expect 0 run --pooling $how -p 'abc d'
    numbers out >$how
done
cmp -s mean cls && fail "mean is cls"
cmp -s cls last && fail "cls is last"
expect 0 run --pooling auto -p 'abc d'
numbers out | cmp - mean || fail "auto is not what the model says"
expect 0 run --pooling none -p 'abc d'
out_has '"embedding":[['
expect 69 run --pooling rank -p x
err_has 'no scores'
expect 0 run --no-normalize -p 'abc d'
numbers out | cmp -s - mean && fail "normalised all the same"

# scores
printf 'abc\tabd\nabc\tdd\n' >pairs
printf '%s\n' '{"query":"abc","document":"abd"}' \
    '{"document":"dd","query":"abc"}' >jpairs
expect 0 sov-run -m rank.gguf --embed pairs
grep -q '^{"index":0,"tokens":[0-9]*,"score":[-0-9.e]*}$' out || fail "score"
cp out a
expect 0 sov-run -m rank.gguf --embed --jsonl jpairs
cmp out a || fail "pairs by tab and as JSON"
expect 0 sov-run -m yes.gguf --embed --jsonl jpairs
out_has '"scores":['
sed 's/.*"scores":\[//; s/\]}//; s/,/ /' out |
    awk '{ if ($1 + $2 < 0.99999 || $1 + $2 > 1.00001) exit 1 }' ||
    fail "shares are not one"

# bad lines: told, answered, and the rest goes on
{
    echo '{"id":1,"text":"abc"}'
    echo '{"id":2,"txt":"abc"}'
    echo '{"id":3'
    echo '[1]'
    echo '{"id":4,"text":"abc","prompt":"abc"}'
    echo '{"id":{},"text":"abc"}'
    printf '{"id":5,"text":"\377"}\n'
    echo '{"id":6,"ids":[1,-1]}'
    echo '{"id":7,"ids":[99999]}'
    echo '{"id":8,"query":"a"}'
    echo '{"id":9,"query":"a","document":"b"}'
    echo '{"id":10,"text":"abc","text":"abc"}'
    echo '{"id":11,"text":7}'
    echo '{"id":12}'
    echo '{"id":13,"text":"abc"}'
} >j
expect 65 run --jsonl j
[ "$(wc -l <out)" -eq 15 ] || fail "not every line is answered"
[ "$(grep -c '"embedding"' out)" -eq 2 ] || fail "not two embeddings"
out_has '{"index":1,"id":2,"error":"'
out_has '{"index":14,"id":13,"tokens":'
[ "$(wc -l <err)" -eq 14 ] || fail "not one line for each, and one at the end"
err_has 'sov-run: j:2: '
err_has '"txt"'
err_has 'sov-run: 13 of 15 texts'
expect 65 run -o bad.jsonl --jsonl j
[ "$(wc -l <bad.jsonl)" -eq 15 ] || fail "-o with bad lines"
printf 'abc\n\303\050\nabc\n' >j
expect 65 run j
err_has 'j:2: byte 0 is not UTF-8'
[ "$(grep -c '"embedding"' out)" -eq 2 ] || fail "text lines around a bad one"

# a damaged model
expect 0 mkmodel form=bert kv=4 vocab=512 bad=blk.0.attn_q.weight:0:nan n.gguf
expect 65 sov-run -m n.gguf --embed texts
[ "$(grep -c '"error":".*NaN' out)" -eq 3 ] || fail "NaN is not told"
expect 65 sov-run -m n.gguf --embed -o nan.npy texts
err_has 'texts:1: '
[ ! -e nan.npy ] || fail "an array of NaN"

# long lines: 16 MB, and more
awk 'BEGIN { for (i = 0; i < 300; i++) printf "abc "; print "" }' >long
expect 65 run --ctx 64 long
err_has 'the context room for 64'
expect 0 run --ctx 64 --truncate long
out_has '"tokens":64,"truncated":true,'
{
    echo abc
    head -c 16777216 /dev/zero | tr '\0' a
    echo
    head -c 16777217 /dev/zero | tr '\0' a
    echo
    head -c 40000000 /dev/zero | tr '\0' a
    echo
    echo abc
} >long
expect 65 run long
err_has 'long:2: the text has'
err_has 'long:3: the line is longer than the limit of 16777216 bytes'
err_has 'long:4: the line is longer'
[ "$(wc -l <err)" -eq 4 ] || fail "long lines: not one line each"
[ "$(grep -c '"embedding"' out)" -eq 2 ] || fail "around long lines"
rm long

# arrays of numpy's
expect 0 run -o a.npy texts
[ "$(head -c 6 a.npy | tail -c 5)" = NUMPY ] || fail "no npy"
[ "$(wc -c <a.npy)" -eq $((128 + 3 * 32 * 4)) ] || fail "npy of another size"
head -c 128 a.npy | grep -qa "{'descr': '<f4', 'fortran_order': False, \
'shape': (3, 32), }  *$" || fail "npy head"
run --format npy texts | cmp - a.npy || fail "npy to a pipe"
run --format npy <texts | cmp - a.npy || fail "npy from a pipe"
numbers all | tr ' ' '\n' >a
od -An -v -t f4 -j 128 -w4 a.npy | awk '
    { getline x < "a"; if ($1 - x > 1e-6 || x - $1 > 1e-6) exit 1; n++ }
    END { exit n != 96 }' || fail "npy and JSON differ"
expect 0 run --format npy-f16 -o h.npy texts
[ "$(wc -c <h.npy)" -eq $((128 + 3 * 32 * 2)) ] || fail "npy-f16"
expect 0 run --pooling none -o t.npy texts
expect 0 run --format npy -o e.npy none
[ "$(wc -c <e.npy)" -eq 128 ] || fail "an array without rows"
expect 65 run -o bad.npy j
err_has 'j:2: byte 0 is not UTF-8'
err_has 'nothing is written'
[ ! -e bad.npy ] || fail "an array with a bad line"
expect 64 run --format npy --fake-stdout-is-console texts
expect 64 run --format npy --json texts

# the reader leaves; a full disk
leave() {
    awk 'BEGIN { for (;;) print "abc" }' 2>/dev/null |
        { run || echo $? >status; } | head -n 3 >/dev/null
    return "$(cat status)"
}
expect 141 leave
if [ -w /dev/full ]; then
    expect 74 sh -c 'sov-run -m bert.gguf --embed texts >/dev/full'
    expect 74 sh -c 'sov-run -m bert.gguf --embed --format npy texts >/dev/full'
fi

# what does not go together
bad() {
    expect 64 "$@"
    err_one_line
    out_empty
}
bad sov-run --pooling mean -p x
err_has 'goes with --embed'
bad sov-run --jsonl -p x
bad sov-run --truncate -p x
bad sov-run --format npy -p x
bad sov-run --embed --chat -p x
bad sov-run --embed --perplexity -p x
bad sov-run --embed --logits l -p x
bad sov-run --embed --pooling max -p x
bad sov-run --embed -p x texts
bad sov-run --embed -m - <bert.gguf
expect 66 run texts nothing
out_empty
expect 66 run "$scratch"
err_has "$scratch: "

# a decoder: its last token
expect 0 sov-run --embed -p 'The fox'
out_has '"embedding":['
expect 0 sov-run --embed --timings -p 'The fox'
err_has '"generated_tokens":0'

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# quality - texts, a reference, tasks; advice and prices
. "${top_srcdir:?}/tests/cli/lib.sh"

[ -e "$tale/config.json" ] || skip "models/tale is not here"
sov-quantize -t f16 -o m.gguf "$tale"
sov-quantize -t q4_0 -o small.gguf m.gguf
i=0
while [ $i -lt 60 ]; do
    echo "Once there was a king who had $i sons, and a daughter whom all loved."
    i=$((i + 1))
done >text

# value METRIC MEMBER: of the record in out, of its stat
value() {
    sed -n "s/.*\"metric\":\"$1\".*\"stat\":{[^}]*\"$2\":\([^,}]*\).*/\1/p" out
}

# near A B: the same to 1 in 10000
near() {
    awk -v a="$1" -v b="$2" 'BEGIN {
        exit !(a != "" && b != "" && (a - b) ^ 2 <= (1e-4 * b) ^ 2) }' ||
        fail "$1 is not $2"
}

# perplexity is what sov-run says; nothing else is measured
sov-run -m m.gguf --perplexity --precise --ctx 64 --json text >ran
nll=$(sed -n 's/.*"nll": *\([0-9.]*\).*/\1/p' ran)
expect 0 sov-bench --json --precise --ctx 64 --perplexity text m.gguf
err_empty
near "$(value nll median)" "$nll"
near "$(value perplexity median)" "$(echo "$nll" | awk '{ print exp($1) }')"
[ "$(wc -l <out)" -eq 3 ] || fail "not three records"
out_has '"text":"text","text_digest":"'"$(sha256sum <text | cut -d ' ' -f 1)"
out_has '"kv":"f32"'
awk -v b="$(value bits_per_byte median)" \
    'BEGIN { exit !(b > 0.05 && b < 8) }' || fail "bits per byte"
cp out again
expect 0 sov-bench --json --precise --ctx 64 -j 1 --perplexity - m.gguf <text
near "$(value nll median)" "$nll"

# a model beside itself, and beside a coarser one; the same through a file
expect 0 sov-bench --json --ctx 64 --kld m.gguf --text text m.gguf
near "$(value same_top median)" 1
awk -v k="$(value kld median)" 'BEGIN { exit !(k ^ 2 < 1e-12) }' || fail "kld"
expect 0 sov-bench --json --ctx 64 --kld m.gguf --text text small.gguf
kld=$(value kld median)
out_has ",\"kld\":$kld"
awk -v k="$kld" 'BEGIN { exit !(k > 0.001 && k < 1) }' || fail "kld $kld"
awk -v a="$kld" -v l="$(value kld low)" -v h="$(value kld high)" \
    'BEGIN { exit !(l < a && a < h) }' || fail "no interval"
sov-quantize -q -t copy -f -o copy.gguf --eval text --eval-ctx 64 \
    --eval-base-out base m.gguf
expect 0 sov-bench --json --kld base small.gguf
awk -v a="$kld" -v b="$(value kld median)" \
    'BEGIN { exit !((a - b) ^ 2 < (0.02 * a) ^ 2) }' || fail "kld by a file"

# tasks: one that the model knows, plain and compressed, from a pipe, some
cat >six <<'END'
Once upon a
0
time there was a king.
xq zzk vvv qqq j.
8 8 8 8 8 8.
zug zug zug.
Once there was
3
xq zzk vvv qqq j.
zug zug zug.
8 8 8 8 8 8.
a king who had three daughters.
END
expect 0 sov-bench --json --hellaswag six m.gguf
near "$(value hellaswag median)" 1
near "$(value hellaswag high)" 1
out_has '"note":"2 tasks (hellaswag)"'
gzip -c six >six.gz
expect 0 sov-bench --json --hellaswag six.gz --limit 1 m.gguf
out_has '"text":"six.gz (first 1)"'
expect 0 sov-bench --json --hellaswag - --draw 1 m.gguf <six
out_has '(1 drawn)"'
if command -v bzip2 >/dev/null; then
    bzip2 -c six >six.bz2
    expect 0 sov-bench --json --hellaswag six.bz2 m.gguf
    near "$(value hellaswag median)" 1
fi
cat >choices <<'END'
{"context": "Once upon a", "choices": ["time", "xqz"], "answer": 0}
{"question": "Once there was a", "choices": ["zzk", "king"], "answer": "B"}
END
# what the model would say itself is a last word that it knows
lead="The old king looked at the"
word=$(sov-run -m m.gguf --precise --temp 0 -n 8 -p "$lead" | awk '{ print $1; exit }')
echo "{\"text\": \"$lead $word\"}" >last
expect 0 sov-bench --json --precise --choice choices --lambada last m.gguf
near "$(value choice median)" 1
near "$(value choice_norm median)" 1
near "$(value lambada median)" 1
out_has '"note":"2 tasks (plain)"'
echo "{\"text\": \"$lead xqz\"}" >never
expect 0 sov-bench --json --lambada never m.gguf
[ "$(value lambada median)" = 0 ] || fail "knows what it does not"
expect 0 sov-bench --choice choices m.gguf
out_has choice

# speed, too, where it is asked for; and its price
expect 0 sov-bench --json --perplexity text --ctx 64 --price 3.6 --runs 1 \
    --prompt 8 --gen 4 --no-start m.gguf
rate=$(value decode median)
awk -v r="$rate" -v c="$(sed -n '/"metric":"cost".*"gen":4/p' out |
    sed 's/.*"median":\([^,]*\).*/\1/')" \
    'BEGIN { exit !((c * r / 1000 - 1) ^ 2 < 1e-6) }' || fail "price"

# advice: sizes are those of the files that are made then
expect 0 sov-bench --json --advise m.gguf
out_has '"schema":"sov.advice/1"'
out_has '"choice":"f16"'
out_has "{\"type\":\"q4_0\",\"bytes\":$(wc -c <small.gguf),"
expect 0 sov-bench --advise --max-memory 11M --ctx 64 m.gguf
grep -q 'sov-quantize -t q[0-9a-z_]* -o m-q[0-9a-z_]*.gguf m.gguf' out ||
    fail "no command"
sh -c "$(grep -o 'sov-quantize.*' out)" || fail "the command does not work"
expect 1 sov-bench --advise --max-memory 1M --ctx 64 m.gguf
err_has 'no type fits'
expect 1 sov-bench --advise --min-speed 1e9 m.gguf
err_has 'fast enough'

# wrong STATUS TEXT OPTION...: one line that has TEXT, and nothing else
wrong() {
    status=$1
    text=$2
    shift 2
    expect "$status" sov-bench "$@"
    out_empty
    err_one_line
    err_has "$text"
}

echo '{"text": "word"}' >bad
printf 'a\n7\nb\nc\nd\ne\n' >wrong-six
wrong 64 'TEXT is missing' --kld m.gguf m.gguf
wrong 64 'REFERENCE is missing' --text text m.gguf
wrong 64 'has its own text' --kld base --text text m.gguf
wrong 64 'give one of them' --hellaswag six --limit 1 --draw 1 m.gguf
wrong 64 'no file of tasks' --limit 3 m.gguf
wrong 64 'leave the texts' --advise --perplexity text m.gguf
wrong 64 'advise is missing' --min-speed 3 m.gguf
wrong 64 'one of the files' --perplexity - --lambada - m.gguf
wrong 64 'one window' --perplexity last m.gguf
wrong 66 nowhere --perplexity nowhere m.gguf
wrong 66 nowhere --hellaswag nowhere m.gguf
wrong 66 nowhere --kld nowhere --text text m.gguf
wrong 65 'line 1' --lambada bad m.gguf
wrong 65 'from 0 to 3' --hellaswag wrong-six m.gguf
wrong 65 'no form of tasks' --choice last m.gguf
wrong 65 'there is no task' --choice /dev/null m.gguf
wrong 65 'archive of files' --choice "$(tar cf t.tar six && echo t.tar)" m.gguf

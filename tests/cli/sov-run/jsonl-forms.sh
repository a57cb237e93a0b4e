#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# jsonl-forms - lines of OpenAI's batch files, probabilities, and vectors among
# other requests
. "${top_srcdir:?}/tests/cli/lib.sh"
PATH=$top_builddir/tests/tools:$PATH
SOV_DATADIR=$top_srcdir
export SOV_DATADIR

run() {
    sov-run --jsonl "$@"
}

cat >t.jinja <<'END'
{% for m in messages %}{{ m.role }}: {{ m.content }}
{% endfor %}{% if add_generation_prompt %}assistant:{% endif %}
END

# the same requests in both forms say the same
cat >own <<'END'
{"id":"a","prompt":"Once upon a time","max_tokens":9,"temperature":0,"logprobs":3}
{"id":"b","messages":[{"role":"user","content":"Who?"}],"max_tokens":9,"temperature":1.5,"seed":4,"logprobs":2}
{"id":"c","prompt":"The king","max_tokens":20,"temperature":0,"stop":["er","the"]}
{"id":"d","input":"A fox"}
{"id":"e","input":["A fox","and the moon"]}
END
cat >lines.batch <<'END'
{"custom_id":"a","method":"POST","url":"/v1/completions","body":{"model":"m","prompt":"Once upon a time","max_tokens":9,"temperature":0,"logprobs":3}}
{"custom_id":"b","method":"POST","url":"/v1/chat/completions","body":{"model":"m","messages":[{"role":"user","content":"Who?"}],"max_completion_tokens":9,"temperature":1.5,"seed":4,"logprobs":true,"top_logprobs":2}}
{"custom_id":"c","method":"POST","url":"/v1/completions","body":{"prompt":"The king","max_tokens":20,"temperature":0,"stop":["er","the"]}}
{"custom_id":"d","method":"POST","url":"/v1/embeddings","body":{"model":"m","input":"A fox"}}
{"custom_id":"e","method":"POST","url":"/v1/embeddings","body":{"model":"m","input":["A fox","and the moon"]}}
END
expect 0 run --chat-template t.jinja own
cp out one
expect 0 run --chat-template t.jinja lines.batch
cp out two
# numbers NAME FILE: of all members of this name, one a line
numbers() {
    grep -o "\"$1\":[^],}]*" "$2" | sed 's/.*://'
}
# the texts
sed -n 's/.*"text":\("[^"]*"\),"logprobs.*/\1/p;s/.*"text":\("[^"]*"\),"stop.*/\1/p' one >a
sed -n 's/.*"choices":\[{"text":\("[^"]*"\).*/\1/p;s/.*"content":\("[^"]*"\),"refusal.*/\1/p' two >b
cmp a b || fail "texts differ between the forms"
[ "$(wc -l <a)" -eq 3 ] || fail "not three texts"
# the probabilities: of the second line in one order; chosen ones of the first
sed -n 2p one >one2
sed -n 2p two >two2
numbers logprob one2 >a
numbers logprob two2 >b
cmp a b || fail "probabilities of a chat"
[ "$(wc -l <a)" -eq 27 ] || fail "$(wc -l <a) probabilities instead of 9 * 3"
sed -n '1s/.*"token_logprobs":\[\([^]]*\)\].*/\1/p' two | tr , '\n' >b
sed -n 1p one | grep -o '"logprob":[^,}]*,"top"' | sed 's/[^0-9.e-]*//g' |
    sed 's/^-*\(-[0-9]\)/\1/' >a
cmp a b || fail "probabilities of a completion: $(diff a b | head -3)"
# greedy: the chosen one is the best one, and probabilities fall
sed -n 1p one | grep -o '"id":[0-9]*,"token":"[^"]*","logprob":[^,}]*,"top":\[{"id":[0-9]*' |
    sed 's/"id":\([0-9]*\),.*"id":\([0-9]*\)$/\1 \2/' >a
awk '$1 != $2 { exit 1 }' a || fail "greedy did not take the best"
[ "$(wc -l <a)" -eq 9 ] || fail "tokens of the first answer"
# vectors are those of --embed
printf 'A fox\nand the moon\n' >texts
sov-run --embed texts >e
sed -n 's/.*"embedding":\(\[.*\]\)}/\1/p' e >a
{
    sed -n '4s/.*"embedding":\(\[.*\]\),"prompt_tokens".*/\1/p' one
    sed -n '4s/.*"embedding":\(\[[^]]*\]\).*/\1/p' two
    sed -n '5s/.*"embeddings":\[\(.*\)\],"prompt_tokens".*/\1/p' one |
        sed 's/\],\[/]\n[/'
    sed -n 5p two | grep -o '"embedding":\[[^]]*\]' | sed 's/.*://'
} >b
[ "$(wc -l <b)" -eq 6 ] || fail "not six vectors"
# numbers are written with and without .0, which is the same
norm() {
    tr -s '],[' '\n' | awk 'NF { printf "%.9g\n", $1 }'
}
{
    sed -n 1p a
    sed -n 1p a
    cat a a
} | norm >want
norm <b | cmp - want || fail "vectors differ from those of --embed"
# the usual members
out_has '"object":"chat.completion"'
out_has '"object":"text_completion"'
out_has '"object":"list"'
out_has '"model":"tale"' # where the request names none
[ "$(grep -c '"model":"m"' out)" -eq 4 ] || fail "names of models"
[ "$(grep -c '^{"id":"batch_req_[1-5]","custom_id":"[a-e]","response":{"status_code":200,"request_id":"req_[1-5]","body":{.*}},"error":null}$' out)" -eq 5 ] ||
    fail "form of a batch's answers"
out_has '"finish_reason":"stop"}],"usage":{"prompt_tokens":'

# whatever else is answered, and on however many threads
cat own lines.batch >both
cat both both both both both both | sed 's/"max_tokens":9/"max_tokens":30/' >many
expect 0 run --chat-template t.jinja --seed 1 --batch 1 -j 1 many
cp out want
for batch in 3 16; do
    for j in 1 2; do
        expect 0 run --chat-template t.jinja --seed 1 --batch $batch -j $j many
        cmp out want || fail "--batch $batch -j $j"
        expect 0 run --chat-template t.jinja --seed 1 --batch $batch -j $j \
            --order completion many
        sed 's/"line":/"id":"batch_req_/' out | sort >a
        sed 's/"line":/"id":"batch_req_/' want | sort | cmp - a ||
            fail "--batch $batch -j $j, as they are complete"
    done
done

# what will not do has its line, in the form of its request
cat >bad <<'END'
{"custom_id":"n","method":"POST","url":"/v1/completions","body":{"prompt":"a","n":2}}
{"custom_id":"s","method":"POST","url":"/v1/chat/completions","body":{"messages":[],"stream":true}}
{"custom_id":"u","method":"POST","url":"/v1/images","body":{}}
{"custom_id":"d","method":"POST","url":"/v1/embeddings","body":{"input":"a","dimensions":3}}
{"custom_id":"q","method":"POST","url":"/v1/completions","body":{"pro
{"id":"l","prompt":"a","logprobs":21}
{"id":"r","query":"a","document":"b"}
{"id":"i","input":[1,99999999]}
{"id":"e","input":["a",""]}
END
expect 65 run bad
[ "$(wc -l <out)" -eq 9 ] || fail "not one line each"
[ "$(grep -c '"response":{"status_code":400,.*"error":{"code":"[a-z_]*","message":"[^"]' out)" -eq 5 ] ||
    fail "errors of a batch"
out_has 'is 2; a request gets one answer'
out_has 'is true; the answer is one whole line'
out_has 'is 21; it is from 0 to 20'
out_has '"id":"r","line":7,"error":{"code":"unsupported"'
out_has 'token id 99999999 is not below'

# vectors as they are, of other tokens
printf '{"input":"A fox"}\n' >v
for o in --no-normalize "--pooling mean" "--pooling none" "--pooling cls"; do
    # shellcheck disable=SC2086
    sov-run --embed $o -p 'A fox' | sed 's/.*"embedding"://' | tr -d '}' |
        norm >a
    # shellcheck disable=SC2086
    run $o v | sed 's/.*"embedding"://;s/,"prompt_tokens.*//' | norm >b
    [ -s a ] || fail "no vector: $o"
    cmp a b || fail "$o"
done
printf '{"input":"%s"}\n' "$(seq -s ' ' 300)" >v
expect 65 run --ctx 64 v
expect 0 run --ctx 64 --truncate v
out_has '"prompt_tokens":64}'
expect 64 run --format npy v
expect 64 run --pooling rank v -p x

# models that make no text: vectors, and scores of pairs
expect 0 mkmodel form=bert kv=4 vocab=512 bert.gguf
expect 0 mkmodel form=bert-rank kv=4 vocab=512 rank.gguf
cat >mixed <<'END'
{"id":1,"input":"a fox"}
{"id":2,"prompt":"a fox"}
{"id":3,"input":["a fox","a","the moon and the fox"]}
{"id":4,"query":"a","document":"the moon"}
END
for batch in 1 16; do
    expect 65 run -m bert.gguf --batch $batch mixed
    out_has '"id":2,"line":2,"error":{"code":"unsupported"'
    out_has '"id":4,"line":4,"error":{"code":"unsupported"'
    cp out vectors$batch
done
cmp vectors1 vectors16 || fail "vectors of an encoder"
printf 'a fox\na fox\na\nthe moon and the fox\n' |
    sov-run -m bert.gguf --embed | sed 's/.*"embedding"://' | tr -d '}' | norm >a
sed -n 's/"prompt_tokens.*//;s/.*"embeddings*"://p' vectors1 | norm >b
cmp a b || fail "vectors of an encoder differ from those of --embed"
expect 65 run -m rank.gguf mixed
printf 'a\tthe moon\n' | sov-run -m rank.gguf --embed |
    sed 's/.*"score":\([^,}]*\).*/\1/' | norm >a
sed -n '4s/.*"score":\([^,}]*\).*/\1/p' out | norm >b
[ -s a ] || fail "no score"
cmp a b || fail "a score"

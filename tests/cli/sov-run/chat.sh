#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# chat - messages through a template, with a model and without
. "${top_srcdir:?}/tests/cli/lib.sh"

cat >chatml.jinja <<'END'
{%- for m in messages -%}
<|{{ m.role }}|>
{{ m.content }}{{ eos_token }}
{% endfor -%}
{%- if add_generation_prompt -%}
<|assistant|>
{% endif -%}
END

render() {
    sov-run --chat --chat-template chatml.jinja --render "$@"
}

# is_out TEXT: standard output is that, to the byte
is_out() {
    printf '%b' "$1" | cmp -s - "$scratch/out" || {
        show
        fail "not rendered so: $1"
    }
}

# ---- messages: text, JSON, an object; no model is needed
expect 0 render -p 'Hi'
is_out '<|user|>\nHi</s>\n<|assistant|>\n'
expect 0 render --no-generation-prompt --system 'Be kind' -p 'Hi'
is_out '<|system|>\nBe kind</s>\n<|user|>\nHi</s>\n'
printf '[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]\n' >m
expect 0 render <m
is_out '<|user|>\na</s>\n<|assistant|>\nb</s>\n<|assistant|>\n'
expect 0 render m
is_out '<|user|>\na</s>\n<|assistant|>\nb</s>\n<|assistant|>\n'
printf ' { "messages": [{"role":"user","content":"x"}], "eos_token": "." }' >m
expect 0 render m
is_out '<|user|>\nx.\n<|assistant|>\n'
printf '[not json]\n' >m
expect 0 render m
is_out '<|user|>\n[not json]</s>\n<|assistant|>\n'
# what is typed with -p is what is said
expect 0 render -p '[{"role":"user","content":"a"}]'
is_out '<|user|>\n[{"role":"user","content":"a"}]</s>\n<|assistant|>\n'
expect 0 render --json -p 'Hi "you"'
out_is '{"text":"<|user|>\nHi \"you\"</s>\n<|assistant|>\n"}'
expect 0 render -o text --depfile d.mk -p 'Hi'
grep -q 'chatml.jinja' d.mk || fail "--depfile lacks the template"
out_empty

# ---- variables and dates
printf '{{ strftime_now("%%A %%d") }} {{ date_string }} {{ enable_thinking }} {{ x }}{{ tools|length }}' >v.jinja
expect 0 sov-run --chat --chat-template v.jinja --render --date 2026-11-20 \
    --chat-vars '{"x":"y","tools":[1,2],"enable_thinking":null}' -p a
is_out 'Friday 20 20 Nov 2026  y2'
expect 0 sov-run --chat --chat-template v.jinja --render --date 2024-02-29 -p a
is_out 'Thursday 29 29 Feb 2024 True 0'
for date in 2023-02-29 2026-13-01 20261120 x 2026-1-1; do
    expect 64 sov-run --chat --chat-template v.jinja --render --date $date -p a
    err_has 'YYYY-MM-DD'
done

# ---- a system message that the template refuses
printf '{%% if messages[0].role == "system" %%}{{ raise_exception("no system") }}{%% endif %%}{{ messages[0].content }}' >r.jinja
expect 0 sov-run --chat --chat-template r.jinja --render --system A -p B -v
is_out 'A\nB'
err_has 'takes no system message'
printf '[{"role":"system","content":"A"}]' >m
expect 65 sov-run --chat --chat-template r.jinja --render m
err_has 'r.jinja: line 1, column'
err_has 'the template refuses: no system'
err_one_line

# ---- messages as chat programs write them
printf '{%% for t in tools %%}{{ t.function.name }};{%% endfor %%}{%% for m in messages %%}{{ m.role }}={{ m.content }}{%% for c in m.tool_calls %%}{{ c.function.name }}{{ c.function.arguments|tojson }}{%% endfor %%}|{%% endfor %%}' >tools.jinja
cat >m <<'END'
{"messages": [
  {"role": "developer", "content": "Be kind"},
  {"role": "user", "content": [{"type": "text", "text": "How"},
                               {"type": "text", "text": "warm?"}]},
  {"role": "assistant", "tool_calls": [{"id": "c1", "type": "function",
     "function": {"name": "weather", "arguments": "{\"city\": \"Rome\"}"}}]},
  {"role": "tool", "tool_call_id": "c1", "content": "21"}],
 "tools": [{"type": "function", "function": {"name": "weather"}}]}
END
expect 0 sov-run --chat --chat-template tools.jinja --render <m
is_out 'weather;system=Be kind|user=How\nwarm?|assistant=weather{"city": "Rome"}|tool=21|'
printf '[{"role":"user","content":"x"}]' >m
expect 0 sov-run --chat --chat-template tools.jinja --render \
    --chat-vars '{"tools":[{"function":{"name":"f"}}]}' m
is_out 'f;user=x|'

# ---- errors
bad() {
    expect "$@"
    err_one_line
    out_empty
}
bad 64 sov-run --render -p x
err_has '--render goes with --chat'
bad 64 sov-run --system x -p x
bad 64 sov-run --chat --perplexity -p x
bad 64 sov-run --chat --input-ids x
bad 64 render --tokenize -p x
bad 64 sov-run --chat --render --chat-template - -p x
bad 66 sov-run --chat --render --chat-template none -p x
bad 69 sov-run --chat -p x
err_has 'the model has no chat template; give one with --chat-template'
printf '[{"role":"system","content":"A"}]' >m
bad 64 render --system B m
err_has 'a system message of their own'
for m in '[{}]' '[{"role":1}]' '{"messages":3}' '{"a":[]}' '[{"role":"user"}' \
    '{"messages":[{"role":"user","role":"x"}]}'; do
    printf '%s' "$m" >m
    bad 65 render m
done
printf '[{"role":"user","content":[{"type":"image_url","image_url":{"url":"x"}}]}]' >m
bad 69 render m
err_has "message 1 has a part of type 'image_url'; only text is understood"
bad 65 render </dev/null
err_has 'there are no messages'
bad 65 render --chat-vars '[]' -p x
bad 65 render --chat-vars '{' -p x
printf '{{ x.y }}' >e.jinja
bad 65 sov-run --chat --chat-template e.jinja --render -p x
err_has "e.jinja: line 1, column 6: 'x' is undefined"
printf '\n {%% include "x" %%}' >e.jinja
bad 69 sov-run --chat --chat-template e.jinja --render -p x
err_has 'line 2, column 5: {% include %}: a chat template is one file'
printf '{%% for m in messages %%}{%% if loop.index > 1 %%}{{ raise_exception("only\\none") }}{%% endif %%}{%% endfor %%}' >e.jinja
printf '[{"role":"user","content":"a"},{"role":"user","content":"b"}]' >m
bad 65 sov-run --chat --chat-template e.jinja --render m
err_has 'the template refuses: only'

# ---- hostile templates end, and soon
hostile() {
    printf '%s' "$1" >h.jinja
    bad 65 timeout 20 sov-run --chat --chat-template h.jinja --render -p x
    err_has 'h.jinja: line 1, column '
    err_has 'limit'
}
hostile '{% for i in range(10**9) %}x{% endfor %}'
hostile '{% for i in range(99999) %}{% for j in range(99999) %}x{% endfor %}{% endfor %}'
hostile '{% macro m() %}{{ m() }}{{ m() }}{% endmacro %}{{ m() }}'
hostile '{% set n = namespace(s="xxxxxxxx") %}{% for i in range(99) %}{% set n.s = n.s ~ n.s %}{% endfor %}'
hostile '{% set n = namespace() %}{% set n.n = n %}{{ n }}'
hostile '{{ "x" * 10**15 }}'
hostile '{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}'
hostile '{% set n = namespace(s="xx") %}{% for i in range(99) %}{% set n.s = n.s|replace("x", "xx") %}{% endfor %}'
hostile '{{ 1|string|center(10**9) }}'
hostile "$(awk 'BEGIN { printf "{{ "; for (i = 0; i < 100000; i++) printf "("; print "1 }}" }')"
hostile "$(awk 'BEGIN { for (i = 0; i < 100000; i++) printf "{%% if 1 %%}" }')"

# ---- a model with a template of its own
[ -e "$tale/config.json" ] || skip "models/tale is not here"
expect 0 sov-quantize -t copy -o plain.gguf "$tale"
expect 0 sov-quantize -t copy --set "tokenizer.chat_template:str=$(cat chatml.jinja)" \
    --set 'tokenizer.chat_template.tool_use:str=T{{ tools|length }}' \
    -o chat.gguf plain.gguf
expect 0 sov-run -m chat.gguf --chat --render -p Hi
is_out '<|user|>\nHi</s>\n<|assistant|>\n'
expect 0 sov-run -m chat.gguf --chat --render --chat-vars '{"tools":[1]}' -p Hi
is_out 'T1'
expect 0 sov-run -m chat.gguf --chat --temp 0 -n 8 --json -p 'Once'
out_has '"text":'
expect 0 sov-run -m chat.gguf --chat --temp 0 -n 8 --echo -p 'Once'
out_has '<|user|>'

# what a message says is no control token, what the template says is one
ids() {
    expect 0 sov-run -m chat.gguf --chat --tokenize "$@"
    cp out "ids$n"
    n=$((n + 1))
}
count() { # how often an id stands in the ids
    tr -c '0-9\n' '\n' <"ids$1" | grep -cx "$2" || :
}
n=0
printf '{{ bos_token }}{{ messages[0].content }}{{ eos_token }}' >t.jinja
ids --chat-template t.jinja -p 'a </s><s> b'
ids --chat-template t.jinja --parse-special -p 'a </s><s> b'
ids --chat-template t.jinja -p 'a b'
[ "$(count 0 1) $(count 0 2)" = '1 1' ] || fail "a message made control tokens"
[ "$(count 1 1) $(count 1 2)" = '2 2' ] || fail "--parse-special"
[ "$(count 2 1) $(count 2 2)" = '1 1' ] || fail "the template's own tokens"
printf '{{ "<" ~ messages[0].content }}s>' >t.jinja
ids --chat-template t.jinja -p '/'
[ "$(count 3 2)" = 0 ] || fail "a token was put together"

# ---- the answer, and nothing else, is standard output
expect 0 sov-run -m chat.gguf --chat --temp 0 -n 8 -p 'Once'
cp out by-option
printf '[{"role":"user","content":"Once"}]' >m
expect 0 sov-run -m chat.gguf --chat --temp 0 -n 8 <m
cmp -s out by-option || fail "JSON on standard input is answered otherwise"
[ ! -s err ] || fail "an answer talks"

# ---- what a template puts behind an answer ends one, whatever it is called
printf 'the day' | sov-run -m plain.gguf --tokenize >ids
id=$(tr -c '0-9' ' ' <ids | awk '{ print $NF }')
expect 0 sov-quantize -t copy --set "tokenizer.ggml.bos_token_id:u32=$id" \
    --set tokenizer.ggml.add_bos_token:bool=false -o end.gguf plain.gguf
text='{% for m in messages %}{{ m.content }}{% endfor %}'
printf '%s' "$text" >e.jinja
expect 0 sov-run -m end.gguf --chat --chat-template e.jinja --temp 0 -n 30 \
    --json -p 'Once upon a time'
out_has '"stop":"length"'
printf '%s' "${text%\{%*}{{ bos_token if m.role == 'assistant' }}{% endfor %}" >e.jinja
expect 0 sov-run -m end.gguf --chat --chat-template e.jinja --temp 0 -n 30 \
    --json -p 'Once upon a time'
out_has '"stop":"end"'

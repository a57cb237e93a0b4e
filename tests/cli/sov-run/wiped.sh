#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# wiped - of a request that was answered nothing is left in memory: neither what
# was asked nor what was said
. "${top_srcdir:?}/tests/cli/lib.sh"
PATH=$top_builddir/tests/tools:$PATH
SOV_DATADIR=$top_srcdir
export SOV_DATADIR

# looked CODE COMMAND...: as expect, but a system that hides memory is no answer
looked() {
    want=$1
    shift
    rc=0
    "$@" >found 2>err || rc=$?
    if [ $rc -eq 77 ]; then
        echo "the memory of a process cannot be read here" >&2
        exit 77
    fi
    [ $rc -eq "$want" ] || {
        cat found err
        fail "status $rc instead of $want: $*"
    }
}

# what is there is found: the word is in the arguments of the program
echo '{"prompt":"A","max_tokens":1}' >one
looked 1 leftover zebraquark sov-run --jsonl --system zebraquark <one

echo '{% for m in messages %}{{ m.role }}: {{ m.content }}
{% endfor %}{{ tools }}' >t.jinja
long=$(printf 'zebraquark and the old king said %d, ' 1 2 3 4 5 6 7 8)
much=$(printf 'zebraquark %0900d ' 0 0 0)
cat >lines <<END
{"id":"zebraquark","prompt":"The fox zebraquark went","max_tokens":30}
{"prompt":"A","max_tokens":1}
{"messages":[{"role":"user","content":"Say zebraquark"},{"role":"zebraquark","content":"$long"}],"max_tokens":30,"tenant":"zebraquark"}
{"messages":[{"role":"user","content":[{"type":"text","text":"zebraquark"}]}],"tools":[{"zebraquark":"zebraquark"}],"max_tokens":9,"logprobs":3}
{"input":["a zebraquark b","$long"]}
{"input":"zebraquark","tenant":"zebraquark"}
{"messages":[{"role":"user","content":"$much"}]}
{"prompt":"$long","max_tokens":30,"stop":["zebraquark","x"],"top_k":3,"repeat_penalty":1.1}
{"prompt":"The fox","zebraquark":"zebraquark"}
{"prompt":["zebraquark"]}
zebraquark
{"prompt":"zebraquark
{"custom_id":"zebraquark","method":"POST","url":"/v1/chat/completions","body":{"model":"zebraquark","messages":[{"role":"user","content":"zebraquark"}],"max_tokens":20}}
{"custom_id":"zebraquark","method":"POST","url":"/v1/embeddings","body":{"input":"zebraquark","encoding_format":"base64"}}
{"custom_id":"b","method":"POST","url":"/v1/zebraquark","body":{}}
END
looked 0 leftover zebraquark sov-run --jsonl --seed 1 --chat-template t.jinja \
    <lines
[ ! -s found ] || fail "something was left"
looked 0 leftover zebraquark sov-run --jsonl --seed 1 --chat-template t.jinja \
    --proof --audit-log log --meter --order completion --batch 1 <lines

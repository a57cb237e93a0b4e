#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# memcheck - valgrind sees nothing that is used and was never set, on two threads
. "${top_srcdir:?}/tests/cli/lib.sh"
SOV_DATADIR=$top_srcdir
export SOV_DATADIR

# checked ARG...: the program itself, not the script that libtool makes of it
checked() {
    "$top_builddir/libtool" --mode=execute valgrind -q --error-exitcode=99 \
        "$top_builddir/bin/sov-run" "$@"
}
command -v valgrind >/dev/null || skip "no valgrind"
[ -x "$top_builddir/libtool" ] || skip "no libtool in the build folder"
checked --version >/dev/null 2>&1 ||
    skip "valgrind cannot run this build (sanitizers, say)"

cat >lines <<'END'
{"prompt":"Once upon a time","max_tokens":4}
{"prompt":"The fox","max_tokens":5,"logprobs":2,"tenant":"t"}
{"input":["a text","another one that is longer"]}
no JSON
{"prompt":"Once upon a time","max_tokens":2,"repeat_penalty":1.1}
END
# Of more than 64 tokens, so that blocks are shared.
long=$(printf 'the old king and the fox said so, %d, ' 1 2 3 4 5 6)
for i in 1 2; do
    echo "{\"prompt\":\"$long\",\"max_tokens\":$i}"
done >>lines
sed 's/"max_tokens":./"max_tokens":2/' lines >few
# What the specification of the kernels does: valgrind 3.19 gives up at the
# panels of AVX2.
for how in q8_0:q8:lines q4_k_m:q8:few q4_0:f16:few; do
    type=${how%%:*}
    rest=${how#*:}
    [ -e "$type.gguf" ] || expect 0 sov-quantize -q -t "$type" -o "$type.gguf" \
        "$tale"
    expect 65 sov-run -q --jsonl --seed 1 --ctx 160 --kv "${rest%:*}" \
        -m "$type.gguf" "${rest#*:}"
    mv out plain
    # without a seal: valgrind does not know its calls
    rc=0
    SOV_ISA=generic checked -q -j 2 --jsonl --no-sandbox --seed 1 --ctx 160 \
        --kv "${rest%:*}" -m "$type.gguf" "${rest#*:}" >out 2>err || rc=$?
    [ $rc -eq 65 ] || {
        head -n 40 err
        fail "status $rc: $how"
    }
    cmp out plain || fail "other answers: $how"
done

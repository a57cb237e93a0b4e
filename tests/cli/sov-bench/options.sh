#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# options - what a stranger types
. "${top_srcdir:?}/tests/cli/lib.sh"

mkmodel=$top_builddir/tests/tools/mkmodel
"$mkmodel" layers=1 m.gguf

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

wrong 64 'operand missing'
wrong 64 "did you mean '--prompt'" --promt 5 m.gguf
wrong 64 'nothing would be measured' --prompt 0 --gen 0 m.gguf
wrong 64 "'' is not a whole number" --prompt '' m.gguf
wrong 64 "'' is not a whole number" --prompt 5, m.gguf
wrong 64 "'-5' is not a whole number" --gen -5 m.gguf
wrong 64 'is not a whole number' --depth 1e3 m.gguf
wrong 64 'is too large' --prompt 99999999999999999999 m.gguf
wrong 64 'is too large' --prompt 16777217 m.gguf
wrong 64 '--batch: 0 sequences' --batch 1,0 m.gguf
wrong 64 'the limit is 1024' --batch 2000 m.gguf
wrong 64 '0 threads' -j 0 m.gguf
wrong 64 'the limit is 4096' -j 5000 m.gguf
wrong 64 'is not f32, bf16, f16 or q8' --kv q3 m.gguf
wrong 64 'more than 32 values' --prompt "$(seq -s , 1 40)" m.gguf
wrong 64 'is not between' --runs 0 m.gguf
wrong 64 'is not between' --seconds 0 m.gguf
wrong 64 'is not a number' --seconds nan m.gguf

# models
wrong 66 'nowhere.gguf' nowhere.gguf
wrong 64 'empty' ''
: >nothing.gguf
wrong 65 'nothing.gguf' nothing.gguf
head -c 3000 m.gguf >cut.gguf
wrong 65 'cut.gguf' cut.gguf
wrong 71 'm.gguf' --max-memory 1M m.gguf
if [ "$(id -u)" -ne 0 ]; then
    cp m.gguf secret.gguf
    chmod 0 secret.gguf
    wrong 66 'secret.gguf' secret.gguf
fi

# far more than the context, and than there is memory
wrong 64 'a context of 16777' --depth 16777216 m.gguf
wrong 71 'm.gguf' --max-memory 100M --depth 4000000 m.gguf

# a full disk, a reader that left
if [ -c /dev/full ]; then
    expect 74 sh -c 'sov-bench --runs 1 --prompt 2 --gen 2 m.gguf >/dev/full'
    err_one_line
fi
(
    trap '' PIPE
    status=0
    sov-bench --json --runs 1 --prompt 2 --gen 2 m.gguf 2>err || status=$?
    echo $status >status
) | true
for _ in 1 2 3 4 5 6 7 8 9 10; do
    [ -s status ] || sleep 1
done
case $(cat status) in
0 | 141) ;;
*) fail "a closed pipe gives $(cat status)" ;;
esac
err_empty

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# exhaustive - no change of one bit and no cut of model, claims or key passes
#
# All of them in one process (tests/tools/flip), and some hundred through the
# program, of the secret key and of the index, too.
. "${top_srcdir:?}/tests/cli/lib.sh"

XDG_CONFIG_HOME=$scratch/none
export XDG_CONFIG_HOME
tools=$top_builddir/tests/tools
sov-verify -q --keygen a --no-password
"$tools/mkmodel" layers=1 width=32 heads=1 kv=1 ffn=32 vocab=4 ctx=8 m.gguf
expect 0 sov-verify --adopt --sign-key a.key m.gguf
expect 0 sov-quantize -q -t q8_0 --sign-key a.key -o q.gguf m.gguf
[ "$(wc -l <q.gguf.claims.jsonl)" -eq 2 ] || fail "not two claims"
[ "$(stat -c %s q.gguf)" -lt 16000 ] || fail "the model is not small"

# memory that is given back and asked for again at each try is a sixth of the time
MALLOC_MMAP_THRESHOLD_=67108864 MALLOC_TRIM_THRESHOLD_=268435456 \
    expect 0 "$tools/flip" q.gguf q.gguf.claims.jsonl a.pub
cat out

# the same through the program: at each of a hundred places of each file one
# bit turned, one cut
cp a.pub b.pub
cp q.gguf t.gguf
cp q.gguf.claims.jsonl t.gguf.claims.jsonl
for file in t.gguf t.gguf.claims.jsonl b.pub; do
    cp "$file" whole
    size=$(stat -c %s "$file")
    step=$((size / 60 + 1))
    at=7
    [ "$file" != b.pub ] || at=$(($(head -n 1 b.pub | wc -c) + 1))
    while [ $at -lt "$size" ]; do
        byte=$(od -An -tu1 -j$at -N1 whole)
        bit=$((1 << (at % 8)))
        # shellcheck disable=SC2059
        printf "\\$(printf %o $((byte ^ bit)))" |
            dd of="$file" bs=1 seek=$at conv=notrunc 2>/dev/null
        got=0
        sov-verify -q --key b.pub t.gguf >out 2>err || got=$?
        case $got in
        1 | 77) ;;
        *) fail "$file: status $got with byte $at changed" ;;
        esac
        out_empty
        err_one_line
        head -c $at whole >"$file"
        got=0
        sov-verify -q --key b.pub t.gguf >out 2>err || got=$?
        case $got in
        1 | 77) ;;
        *) fail "$file: status $got after $at bytes" ;;
        esac
        cp whole "$file"
        at=$((at + step))
    done
done
expect 0 sov-verify --key b.pub t.gguf

# a damaged secret key signs nothing
cp a.key whole
size=$(stat -c %s a.key)
at=$(($(head -n 1 a.key | wc -c) + 4))
while [ $at -lt "$size" ]; do
    byte=$(od -An -tu1 -j$at -N1 whole)
    # shellcheck disable=SC2059
    printf "\\$(printf %o $((byte ^ 1)))" |
        dd of=a.key bs=1 seek=$at conv=notrunc 2>/dev/null
    expect 77 sov-verify --adopt --sign-key a.key --claims-out x m.gguf
    [ ! -e x ] || fail "signed with a damaged key"
    cp whole a.key
    at=$((at + 11))
done

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# loader - how a model is held to what was signed: --verify
# shellcheck disable=SC2086
. "${top_srcdir:?}/tests/cli/lib.sh"

XDG_CONFIG_HOME=$scratch/config
export XDG_CONFIG_HOME
sov-verify -q --keygen team --no-password
printf 'sov-policy v1\nkey team minisign %s\n' "$(tail -n 1 team.pub)" >pol
sov-quantize -q -t f16 --sign-key team.key -o m.gguf "$tale"
[ "$(wc -c <m.gguf)" -gt 4194304 ] || fail "too small to have many groups"
run="sov-run --temp 0 -n 8 -p Once -m m.gguf"

# what cannot be meant
expect 64 $run --verify=digest
err_has "--require-claims"
expect 64 $run --verify=nonsense --require-claims pol
for how in verity lazy; do
    expect 64 $run --require-claims pol --verify=$how --proof
done

# the same text in every mode
expect 0 $run
cp out want
for how in auto digest copy lazy; do
    expect 0 $run --require-claims pol --verify=$how
    cmp -s out want || fail "$how says something else"
    err_empty
    expect 0 $run -j 3 --require-claims pol --verify=$how
    cmp -s out want || fail "$how says something else with threads"
done
expect 0 $run --require-claims pol --verify=copy --proof -o p

# nobody who is trusted has signed it
sov-verify -q --keygen other --no-password
printf 'sov-policy v1\nkey other minisign %s\n' "$(tail -n 1 other.pub)" >other
for how in auto digest copy lazy; do
    expect 77 $run --require-claims other --verify=$how
    out_empty
done

# flip FILE AT: one byte is another one
flip() {
    _byte=$(od -An -tu1 -j "$2" -N 1 "$1")
    # shellcheck disable=SC2059
    printf "\\$(printf %03o $((_byte ^ 1)))" |
        dd of="$1" bs=1 seek="$2" conv=notrunc 2>/dev/null
}

# a byte in the header, in the middle, at the end: no token in any mode that
# looks, and where it is lazy, the place
size=$(($(wc -c <m.gguf)))
cp m.gguf good
for at in 40 $((size / 2)) $((size - 40)); do
    cp good m.gguf
    flip m.gguf "$at"
    for how in auto digest copy lazy; do
        _got=0
        $run --require-claims pol --verify=$how >out 2>err || _got=$?
        # what breaks the form of the file may be seen first
        [ $_got -eq 77 ] || { [ "$at" -eq 40 ] && [ $_got -eq 65 ]; } ||
            fail "status $_got: byte $at, $how"
        out_empty
        err_one_line
        [ $how != lazy ] || [ $_got -eq 65 ] ||
            err_has "512 KiB from byte $((at / 524288 * 524288))"
    done
done

# an index that was changed with the model is not that of the claim
cp good m.gguf
flip m.gguf $((size / 2))
cp m.gguf.sovidx good.sovidx
cp m.gguf.claims.jsonl good.claims
sov-verify -q --adopt --sign-key other.key -f --claims-out x.claims m.gguf ||
    sov-verify -q --sign --sign-key other.key -f --claims-out x.claims m.gguf ||
    :
cmp -s m.gguf.sovidx good.sovidx || echo "the index is another one"
cp good.claims m.gguf.claims.jsonl
expect 77 $run --require-claims pol --verify=lazy
out_empty
cp good m.gguf
cp good.sovidx m.gguf.sovidx
expect 0 $run --require-claims pol --verify=lazy

# without an index there is nothing to look up
rm m.gguf.sovidx
expect 66 $run --require-claims pol --verify=lazy
err_has "m.gguf.sovidx"
printf x >m.gguf.sovidx
expect 65 $run --require-claims pol --verify=lazy
cp good.sovidx m.gguf.sovidx
cp -r "$tale" hf
sov-verify -q --adopt --sign-key team.key hf
expect 64 sov-run -m hf --require-claims pol --verify=lazy -n 1 -p x
for how in auto digest copy; do
    expect 0 sov-run -m hf --require-claims pol --verify=$how -n 1 -p x
done

# lazily, what is not touched is not read: the header alone, for its tokens
if command -v strace >/dev/null && strace -o log true 2>/dev/null; then
    expect 0 strace -f -qq -e trace=pread64 -o log sov-run -m m.gguf \
        --tokenize --require-claims pol --verify=lazy -p 'Once upon a time'
    read=$(sed -n 's/.* = \(524288\)$/\1/p' log | wc -l)
    { [ "$read" -gt 0 ] && [ $((read * 524288 * 2)) -lt "$size" ]; } ||
        fail "$read groups were read for the tokens of a text"
fi

# what is changed while it is used: a copy does not care, and a group that was
# checked is not read again
mkfifo asks
for how in copy lazy; do
    cp good m.gguf
    rm -f out
    sov-run --temp 0 -n 8 --jsonl -m m.gguf --require-claims pol \
        --verify=$how <asks >out 2>err &
    exec 3>asks
    echo '{"prompt":"Once","max_tokens":8,"temperature":0}' >&3
    i=0
    while { [ ! -e out ] || [ ! -s out ]; } && [ $i -lt 300 ]; do
        sleep 0.1
        i=$((i + 1))
    done
    [ -s out ] || fail "$how: no answer"
    head -n 1 out >first
    dd if=/dev/urandom of=m.gguf bs=65536 seek=16 count=16 conv=notrunc 2>/dev/null
    echo '{"prompt":"Once","max_tokens":8,"temperature":0}' >&3
    exec 3>&-
    _got=0
    wait $! || _got=$?
    [ $_got -eq 0 ] || {
        show
        fail "$how: status $_got, and what it uses has not changed"
    }
    [ "$(sed 's/"[a-z_]*":[0-9.]*//g' first)" = \
        "$(tail -n 1 out | sed 's/"[a-z_]*":[0-9.]*//g')" ] ||
        fail "$how: another answer after the file was changed"
done
cp good m.gguf

# a kernel with fs-verity, made up: its answer is taken, and no byte hashed
expect 69 $run --require-claims pol --verify=verity
err_has "fs-verity"
if [ -z "${SOV_SANITIZED:-}" ] &&
    sh -c "${CC:-cc} -shared -fPIC -o verity.so '$top_srcdir/tests/cli/verity.c'"; then
    digest=$(tail -n 1 m.gguf.claims.jsonl |
        sed 's/.*"payload":"\([^"]*\)".*/\1/' | base64 -d |
        sed 's/.*"subject".*"fsverity_sha256":"\([0-9a-f]*\)".*/\1/')
    for how in auto verity; do
        expect 0 env LD_PRELOAD="$PWD/verity.so" SOV_VERITY="$digest" \
            $run --require-claims pol --verify=$how
        cmp -s out want || fail "$how says something else"
        expect 77 env LD_PRELOAD="$PWD/verity.so" \
            SOV_VERITY="$(echo "$digest" | tr 0123456789 1234567890)" $run --require-claims pol --verify=$how
        out_empty
    done
fi

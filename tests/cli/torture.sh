#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# torture - memory, threads and system calls that fail: the right status, no
# death by signal, nothing left behind, and the old output as it was
#
# Of the calls that may fail a sample is taken; SOV_SLOW=1 takes them all.
. "${top_srcdir:?}/tests/cli/lib.sh"

[ -z "${SOV_SANITIZED:-}" ] || skip "the sanitizers want memory first"
[ "$(uname -s)" = Linux ] || skip "not Linux"

failing=$scratch/failing.so
sh -c "${CC:-cc} -shared -fPIC -o '$failing' '$top_srcdir/tests/cli/failing.c' \
    -ldl" 2>err || skip "no compiler for a preloaded library"
LD_PRELOAD=$failing expect 0 sov-quantize --version

sov-quantize -q -t q8_0 -o small.gguf "$tale"
echo old >kept

# torture STATUS-LIST COMMAND...: fail its calls one after the other
torture() {
    want=$1
    shift
    rm -f out err count
    LD_PRELOAD=$failing SOV_FAIL_COUNT=1 "$@" >out 2>err 9>count </dev/null ||
        fail "with enough memory: $*"
    echo old >kept
    rm -f made made.d
    n=$(cat count)
    [ "$n" -gt 10 ] || fail "only $n calls: $*"
    step=$((n / 12 + 1))
    [ -z "${SOV_SLOW:-}" ] || step=1
    at=1
    while [ "$at" -le "$n" ]; do
        for ever in "" 1; do
            status=0
            env LD_PRELOAD="$failing" SOV_FAIL_AT="$at" \
                ${ever:+SOV_FAIL_EVER=1} timeout 60 "$@" \
                >out 2>err </dev/null || status=$?
            case "0 $want " in # 0: there was another way
            *"$status "*)
                [ "$status" -eq 0 ] || grep -q . err ||
                    fail "call $at of $n, nothing said: $*"
                ;;
            *)
                show
                fail "call $at of $n (ever: ${ever:-0}), status $status: $*"
                ;;
            esac
            [ "$status" -eq 0 ] || [ "$(cat kept)" = old ] ||
                fail "call $at of $n, the old output is gone: $*"
            echo old >kept
            rm -f made
            only_files small.gguf kept failing.so count made.d
        done
        at=$((at + step))
    done
}

# 65: jansson takes missing memory for a wrong token; 66: a folder that cannot
# be looked into; 74: the report cannot be written
torture "65 66 71 74" sov-quantize -j 2 -t q4_0 -o made "$tale"
torture "71 74" sov-quantize -j 2 -t q4_k_m -f -o kept small.gguf
torture "71 74" sov-quantize -j 1 -t f16 --lock=fail --if-changed --align 64 \
    -o made small.gguf
torture "71 74" sov-run -j 2 -m small.gguf -n 2 -p "Once upon" --stop zz
torture "71 74" sov-run -j 2 -m small.gguf -n 2 -p "Once upon" --json
torture "71 74" sov-run -j 1 -m small.gguf -p "Once" --tokenize
torture "71 74" sov-run -j 1 -m small.gguf -p "Once" --logits made
torture "71 74" sov-run -j 1 -m small.gguf -p "Once" --embed -o made
torture "71 74" sov-run -j 1 -m small.gguf --embed --format npy -o made kept

# ---- several outputs: all new, or all as they were

state() {
    find box | sort
    find box -type f | sort | xargs cat | sha256sum
}

# fresh COMMAND...: box holds what the command makes of another name
fresh() {
    rm -rf box
    mkdir box
    "$@" --set general.name:str=old >out 2>err || {
        show
        fail "to begin with: $*"
    }
    state >before
}

torture_box() {
    want=$1
    shift
    fresh "$@"
    LD_PRELOAD=$failing SOV_FAIL_COUNT=1 "$@" >out 2>err 9>count </dev/null ||
        fail "with enough memory: $*"
    n=$(cat count)
    fresh "$@"
    step=$((n / 20 + 1))
    [ -z "${SOV_SLOW:-}" ] || step=1
    at=1
    while [ "$at" -le "$n" ]; do
        for ever in "" 1; do
            status=0
            env LD_PRELOAD="$failing" SOV_FAIL_AT="$at" \
                ${ever:+SOV_FAIL_EVER=1} timeout 60 "$@" \
                >out 2>err </dev/null || status=$?
            case "0 $want " in
            *"$status "*) ;;
            *)
                show
                fail "call $at of $n (ever: ${ever:-0}), status $status: $*"
                ;;
            esac
            if [ "$status" -eq 0 ]; then
                fresh "$@"
            else
                state | cmp -s - before ||
                    fail "call $at of $n: the old outputs have changed: $*"
            fi
        done
        at=$((at + step))
    done
    rm -rf box before
}

torture_box "71 74" sov-quantize -q -j 1 -t copy -f --split-max-tensors 9 \
    -o box/m.gguf small.gguf
# 69: what a folder would be could not be read
torture_box "65 66 69 71 74" sov-quantize -q -j 1 -t f16 -f -o box/hf/ small.gguf

# ---- system calls

if ! strace -o /dev/null true 2>err; then
    echo "no strace, or not allowed: system calls not tortured"
    exit 0
fi

# inject STATUS WHAT COMMAND...
inject() {
    want=$1
    what=$2
    shift 2
    status=0
    timeout 60 strace -f -qq -o /dev/null -e trace="${what%%:*}" \
        -e inject="$what" "$@" >out 2>err </dev/null || status=$?
    [ "$status" -eq "$want" ] || {
        show
        fail "$what: status $status instead of $want: $*"
    }
    [ "$status" -eq 0 ] || {
        [ ! -e made ] || fail "$what: an output is left: $*"
        [ "$(cat kept)" = old ] || fail "$what: the old output is gone: $*"
    }
    echo old >kept
    rm -f made
    only_files small.gguf kept failing.so count
}

q="sov-quantize -q -j 1 -t q8_0"
# shellcheck disable=SC2086
for e in ENOSPC EIO EFBIG; do
    for at in 1 2+; do
        inject 74 "write:error=$e:when=$at" $q -o made small.gguf
    done
    inject 74 "write:error=$e:when=2" $q -f -o kept small.gguf
    inject 74 "fsync:error=$e:when=1" $q -o made small.gguf
    inject 74 "fsync:error=$e:when=1" $q -f -o kept small.gguf
done
# shellcheck disable=SC2086
for e in EACCES EXDEV EROFS; do
    inject 73 "linkat:error=$e:when=1" $q -o made small.gguf
    inject 73 "linkat:error=$e:when=1+" $q -f -o kept small.gguf
    inject 73 "rename:error=$e" $q -f -o kept small.gguf
done
# shellcheck disable=SC2086
{
    inject 74 fallocate:error=ENOSPC $q -o made small.gguf
    inject 74 ftruncate:error=EIO $q -o made small.gguf
    inject 74 pread64:error=EIO:when=6+ $q -o made small.gguf
    inject 73 flock:error=ENOLCK $q --lock=fail -f -o kept small.gguf
    inject 0 fallocate:error=EOPNOTSUPP $q -o made small.gguf
    inject 0 write:error=EINTR:when=2+2 $q -o made small.gguf
    inject 0 write:error=EAGAIN:when=2+2 $q -o made small.gguf
    inject 0 getrandom:error=ENOSYS $q -f -o kept small.gguf
}

# inject_box STATUS WHAT COMMAND...
inject_box() {
    want=$1
    what=$2
    shift 2
    fresh "$@"
    status=0
    timeout 60 strace -f -qq -o /dev/null -e trace="${what%%:*}" \
        -e inject="$what" "$@" >out 2>err </dev/null || status=$?
    [ "$status" -eq "$want" ] || {
        show
        fail "$what: status $status instead of $want: $*"
    }
    [ "$status" -eq 0 ] || state | cmp -s - before ||
        fail "$what: the old outputs have changed: $*"
    [ -z "$(find box -name '.*.sov-*')" ] || fail "$what: left behind: $*"
    rm -rf box before
}

parts="sov-quantize -q -j 1 -t copy -f --split-max-tensors 9 -o box/m.gguf small.gguf"
folder="sov-quantize -q -j 1 -t f16 -f -o box/hf/ small.gguf"
# shellcheck disable=SC2086
for command in "$parts" "$folder"; do
    for e in ENOSPC EIO; do
        inject_box 74 "write:error=$e:when=3" $command
        inject_box 74 "fsync:error=$e:when=2" $command
    done
    inject_box 73 "linkat:error=EACCES:when=2" $command
    inject_box 73 "linkat:error=EACCES:when=1+" $command
    inject_box 0 "renameat2:error=EINVAL" $command
    inject_box 0 "renameat2:error=ENOSYS" $command
done
# shellcheck disable=SC2086
for at in 1 2 3 4; do
    inject_box 73 "rename:error=EACCES:when=1+" $parts
    inject_box 0 "renameat2:error=EINVAL:when=$at" $parts
done
# shellcheck disable=SC2086
inject_box 73 "mkdir:error=EACCES" $folder
inject 74 write:error=ENOSPC sov-run -m small.gguf -n 2 -p Once
inject 0 clone3:error=EAGAIN sov-run -j 3 -m small.gguf -n 8 -p Once
strace -f -c -o count -e trace=clone3 -e inject=clone3:error=EAGAIN \
    sov-run -j 3 -m small.gguf -n 8 -p Once >out 2>err
[ "$(awk '$NF == "clone3" { print $4 }' count)" -le 2 ] || {
    cat count
    fail "threads are asked for again and again"
}

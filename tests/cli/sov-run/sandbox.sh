#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# sandbox - what a process that makes text can do besides
. "${top_srcdir:?}/tests/cli/lib.sh"

level() {
    sed -n 's/.*"landlock": *\([0-9]*\).*/\1/p' out
}

# From inside, on every thread, nothing is possible.
expect 0 sov-run -j 3 --sandbox-test --json
[ "$(level)" -gt 0 ] || skip "the kernel has no Landlock"
grep -q '"threads": *3' out || grep -q '"threads": *4' out || fail "threads"
for what in open_read open_write create list socket socket_unix exec fork \
    clone clone3 ptrace signal code io_uring unshare; do
    grep -q "\"$what\": *\"refused\"" out || {
        show
        fail "$what was possible"
    }
done
grep -q '"sealed": *"yes"' out || fail "not sealed"
err_empty

# Without it the same attempts succeed, and the answer is no.
expect 1 sov-run --no-sandbox --sandbox-test
out_has 'POSSIBLE'
err_one_line
[ "$(grep -c POSSIBLE out)" -ge 12 ] || {
    show
    fail "the attempts do not notice"
}

# The text is the same, and so are the ways out of a file.
expect 0 sov-run --temp 0 -n 8 -p 'Once upon'
mv out want
expect 0 sov-run --no-sandbox --temp 0 -n 8 -p 'Once upon'
cmp out want
mkdir d
expect 0 sov-run --temp 0 -n 8 -p 'Once upon' -o d/text --depfile rule
err_empty
cmp d/text want
grep -q 'd/text:' rule || fail "no rule"
touch -d '2001-01-01' d/text
expect 0 sov-run --temp 0 -n 8 -p 'Once upon' -o d/text --if-changed
[ -n "$(find d/text ! -newermt 2002-01-01)" ] || fail "not left alone"
expect 0 sov-run --temp 0 -n 4 -p 'Once upon' -o d/text --if-changed
[ -z "$(find d/text ! -newermt 2002-01-01)" ] || fail "left alone"
expect 0 sov-run --temp 0 -n 8 -p 'Once upon' -o d/text --force --lock=wait
cmp d/text want
expect 73 sov-run --temp 0 -n 8 -p 'Once upon' -o d/text
ln -s d/text link
expect 0 sov-run --temp 0 -n 4 -p 'Once upon' -o link --force
[ -L link ] || fail "the link is gone"
expect 0 sov-run --temp 0 -n 8 -p 'Once upon' -o /dev/null
expect 0 sov-run -p 'Once upon a time' --logits d/logits
mkfifo fifo
cat fifo >got &
expect 0 sov-run --temp 0 -n 8 -p 'Once upon' -o fifo
wait
cmp got want
[ "$(ls -A d)" = "$(printf 'logits\ntext')" ] || fail "something left in d"

# A model from a pipe is spooled where TMPDIR says.
if [ -e "$top_srcdir/../shared/data/tale-f16.gguf" ]; then
    mkdir t
    # shellcheck disable=SC2016
    expect 0 sh -c 'cat "$1" |
        TMPDIR=$PWD/t sov-run -m - --temp 0 -n 8 -p "Once upon"' sh \
        "$top_srcdir/../shared/data/tale-f16.gguf"
    err_empty
    [ -z "$(ls -A t)" ] || fail "something left in t"
fi

# Who looks from outside sees after the second seal only calls that compute,
# read and write.
command -v strace >/dev/null || skip "strace is not installed"
strace -f -o log true 2>/dev/null || skip "strace may not trace here"
# calls_after_seal MORE: those of the file log are the usual ones, or MORE
calls_after_seal() {
    sed -n 's/^[0-9]* *//; /^seccomp(SECCOMP_SET_MODE_FILTER/=' log >seals
    [ "$(wc -l <seals)" -ge 2 ] || fail "no seals in the trace"
    tail -n +"$(($(tail -n 1 seals) + 1))" log |
        sed -n 's/^[0-9]* *\([a-z_0-9]*\)(.*/\1/p' | sort -u >calls
    while read -r call; do
        case $call in
        read | write | lseek | close | futex | munmap | mmap | mremap | \
            madvise | mprotect | brk | exit | exit_group | newfstatat | \
            fstat | poll | rt_sigprocmask | rt_sigaction | clock_nanosleep | \
            nanosleep | sched_yield | set_robust_list | rseq | getrandom) ;;
        *)
            case " $1 " in
            *" $call "*) ;;
            *) fail "after the seal: $call" ;;
            esac
            ;;
        esac
    done <calls
}
expect 0 strace -f -qq -o log sov-run -j 2 --temp 0 -n 16 -p 'Once upon'
calls_after_seal ''

# With a log, which is waited for at its end, and metrics, that a helper
# writes: it has rights of its own, and starts nothing either.
zone=root/sys/class/powercap/intel-rapl:0
mkdir -p "$zone"
echo package-0 >"$zone/name"
echo 1 >"$zone/energy_uj"
expect 0 strace -f -qq -o all sov-run -j 2 --temp 0 -n 16 -p 'Once upon' \
    --metrics m.prom --audit-log audit --proof --fake-root "$PWD/root"
helper=$(sed -n 's/^\([0-9]*\) .*"sov-run-metrics".*/\1/p' all)
[ -n "$helper" ] || fail "no helper"
grep -v "^$helper " all >log
calls_after_seal 'pread64 fdatasync'
grep "^$helper " all >log
grep -q 'seccomp(SECCOMP_SET_MODE_FILTER' log || fail "a helper without a seal"
grep -q 'landlock_restrict_self' log || fail "a helper without Landlock"
grep -qE '^[0-9]* *(execve|socket|clone|fork|vfork|clone3)\(' log &&
    fail "the helper did more than write"
[ -s m.prom ] || fail "no metrics"
[ -s audit ] || fail "no log"

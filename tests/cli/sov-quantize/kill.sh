#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# kill - killed at any moment, the old output stands whole
#
# 60 times the input stops on its way through a pipe; the tool is killed when
# its temporary output, seen in /proc, has bytes: after the first of them and
# before the rename.  40 times it is killed after a random time.
. "${top_srcdir:?}/tests/cli/lib.sh"

[ -d /proc/self/fd ] || skip "no /proc"
mkmodel=$top_builddir/tests/tools/mkmodel
"$mkmodel" layers=4 ffn=1024 m.gguf
size=$(stat -c %s m.gguf)
expect 0 sov-quantize -t q4_k_m -o new.gguf m.gguf
head -c 100000 m.gguf >old.gguf
cp old.gguf x.gguf
mkfifo pipe

# Bytes of the largest regular file that the process writes to.
written() {
    most=0
    for fd in /proc/"$1"/fd/*; do
        case $(readlink "$fd" 2>/dev/null) in
        */lock | pipe:* | /dev/*) continue ;;
        "$scratch"/*) ;;
        *) continue ;;
        esac
        n=$(stat -L -c '%F:%s' "$fd" 2>/dev/null) || continue
        case $n in
        regular*:*) n=${n##*:} ;;
        *) continue ;;
        esac
        [ "$n" -le "$most" ] || most=$n
    done
    echo "$most"
}

inside=0
i=0
while [ $i -lt 60 ]; do
    i=$((i + 1))
    n=$((size * i / 61))
    [ "$n" -gt 60000 ] || n=60000
    sov-quantize -j 2 -t q4_k_m -f -o x.gguf - <pipe >/dev/null 2>&1 &
    pid=$!
    exec 9>pipe
    head -c "$n" m.gguf >&9
    tries=0
    while [ "$(written $pid)" -eq 0 ] && [ $tries -lt 500 ]; do
        tries=$((tries + 1))
        sleep 0.01
    done
    [ "$(written $pid)" -eq 0 ] || inside=$((inside + 1))
    kill -9 $pid
    wait $pid 2>/dev/null && fail "it was not killed"
    exec 9>&-
    cmp -s x.gguf old.gguf || fail "kill $i: the old output has changed"
done
[ $inside -ge 50 ] || fail "only $inside kills met a half-written output"

# as long as a run takes now, and a half more
start=$(date +%s%N)
expect 0 sov-quantize -t q4_k_m -f -o y.gguf m.gguf
took=$((($(date +%s%N) - start) / 1000000))
rm y.gguf
whole=0
i=0
while [ $i -lt 40 ]; do
    i=$((i + 1))
    cp old.gguf x.gguf
    sov-quantize -t q4_k_m -f -o x.gguf m.gguf >/dev/null 2>&1 &
    pid=$!
    after=$((i * 37 % 41 * took * 3 / 80))
    sleep "$((after / 1000)).$(printf '%03d' $((after % 1000)))"
    kill -9 $pid 2>/dev/null || :
    wait $pid 2>/dev/null || :
    if cmp -s x.gguf new.gguf; then
        whole=$((whole + 1))
    else
        cmp -s x.gguf old.gguf || fail "kill $i left half an output"
    fi
done

# whatever hidden files are left, the next run removes
find . -name '.*.sov-*' -exec touch -d '1 hour ago' {} +
expect 0 sov-quantize -t q4_k_m -f -o x.gguf m.gguf
cmp x.gguf new.gguf || fail "the next run"
only_files m.gguf new.gguf old.gguf x.gguf pipe

# a signal that can be caught leaves nothing at once; while one run writes,
# --lock=fail ends with 75, and --lock=wait waits
for sig in HUP TERM; do
    sov-quantize -t q4_k_m -f --lock=fail -o x.gguf - <pipe >/dev/null 2>&1 &
    pid=$!
    exec 9>pipe
    head -c 100000 m.gguf >&9
    tries=0
    while [ "$(written $pid)" -eq 0 ] && [ $tries -lt 500 ]; do
        tries=$((tries + 1))
        sleep 0.01
    done
    expect 75 sov-quantize -t q4_k_m -f --lock=fail -o x.gguf m.gguf
    kill -$sig $pid
    got=0
    wait $pid 2>/dev/null || got=$?
    [ $got -gt 128 ] || fail "status $got after SIG$sig"
    exec 9>&-
    cmp x.gguf new.gguf || fail "SIG$sig: the old output has changed"
    only_files m.gguf new.gguf old.gguf x.gguf pipe
done
expect 0 sov-quantize -t q4_k_m -f --lock=wait -o x.gguf m.gguf
echo "$inside kills inside the output, $whole of 40 after the rename"

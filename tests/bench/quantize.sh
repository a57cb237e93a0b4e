#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# quantize - a whole process over a model of a billion weights
#
#   make bench-quantize [MODEL=FILE] [TYPES="q8_0 q4_k_m"] [EFFORTS="1 5"]
#       [RUNS=3] [LLAMA_QUANTIZE=PATH]
#
# Without MODEL a random one in the shape of Llama-3.2-1B is made (2.5 GB) in
# TMPDIR.  The programs run in turns on two threads, with the input in the page
# cache; of the runs the median stands in the table, and the wall-clock time as
# a multiple of that of cp, which copies the whole input.
#
# Ours ends when the output is on the disk; that of cp and the peer is in the
# page cache then.  "cp, sync" waits for the disk too.
set -eu
: "${top_builddir:?}"
types=${TYPES:-copy q8_0 q4_0 q4_k_m q6_k}
efforts=${EFFORTS:-1 5}
runs=${RUNS:-3}
dir=$(mktemp -d "${TMPDIR:-/tmp}/sov-bench.XXXXXX")
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
[ -x /usr/bin/time ] || {
    echo "needs GNU time: apt-get install time" >&2
    exit 77
}

model=${MODEL:-$dir/model.gguf}
[ -n "${MODEL:-}" ] ||
    "$top_builddir/tests/tools/mkmodel" layers=16 width=2048 heads=32 kv=8 \
        ffn=8192 vocab=128256 ctx=131072 "$model"

# run NAME COMMAND...: one line "seconds cpu-seconds kilobytes" into NAME
run() {
    name=$1
    shift
    rm -f "$dir/out.gguf"
    sync
    cat "$model" >/dev/null
    /usr/bin/time -q -o "$dir/time" -f "%e %U %S %M" "$@" >"$dir/log" 2>&1 || {
        tail -n 5 "$dir/log"
        exit 1
    }
    awk '{ print $1, $2 + $3, $4 }' "$dir/time" >>"$dir/$name"
}

# median NAME COLUMN
median() {
    sort -n -k "$2,$2" "$dir/$1" |
        awk -v c="$2" '{ v[NR] = $c } END { print v[int((NR + 1) / 2)] }'
}

row() {
    printf '%-8s %-22s %8s s %5.2f %8s s %8.0f MB\n' "$1" "$2" \
        "$(median "$3" 1)" "$(awk -v a="$(median "$3" 1)" \
            -v b="$(median cp 1)" 'BEGIN { print a / b }')" \
        "$(median "$3" 2)" "$(median "$3" 3 | awk '{ print $1 / 1000 }')"
}

# ours TYPE EFFORT; copies do not search
ours() {
    case $1:$2 in
    copy:"${efforts%% *}" | [!c]*)
        run "sov.$1.$2" "$top_builddir/bin/sov-quantize" -q -j 2 -t "$1" \
            --effort "$2" -o "$dir/out.gguf" "$model"
        ;;
    esac
}

i=0
while [ $i -lt "$runs" ]; do
    i=$((i + 1))
    run cp cp "$model" "$dir/out.gguf"
    run cp-sync sh -c "cp '$model' '$dir/out.gguf' && sync '$dir/out.gguf'"
    for type in $types; do
        for effort in $efforts; do
            ours "$type" "$effort"
        done
        [ -z "${LLAMA_QUANTIZE:-}" ] || [ "$type" = copy ] ||
            run "peer.$type" "$LLAMA_QUANTIZE" "$model" "$dir/out.gguf" "$type" 2
    done
done

printf '%-8s %-22s %10s %5s %10s %11s\n' type program wall "/cp" cpu memory
row - cp cp
row - "cp, sync" cp-sync
for type in $types; do
    for effort in $efforts; do
        [ ! -e "$dir/sov.$type.$effort" ] ||
            row "$type" "sov-quantize effort $effort" "sov.$type.$effort"
    done
    [ ! -e "$dir/peer.$type" ] || row "$type" llama-quantize "peer.$type"
done

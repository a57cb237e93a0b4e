#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# quantize - a whole process over a model of a billion weights
#
#   make bench-quantize [MODEL=FILE] [TYPES="q8_0 q4_k_m"] [RUNS=3]
#       [LLAMA_QUANTIZE=PATH]
#
# Without MODEL a random one in the shape of Llama-3.2-1B is made (2.5 GB) in
# TMPDIR.  Both programs run in turns on two threads, with the input in the
# page cache; of the runs the median stands in the table.  Ours ends when the
# output is on the disk, the peer's when it is in the page cache.
set -eu
: "${top_builddir:?}"
types=${TYPES:-q8_0 q4_0 q4_k_m q6_k}
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
    printf '%-8s %-15s %8s s %8s s %8.0f MB\n' "$1" "$2" "$(median "$3" 1)" \
        "$(median "$3" 2)" "$(median "$3" 3 | awk '{ print $1 / 1000 }')"
}

printf '%-8s %-15s %10s %10s %11s\n' type program wall cpu memory
for type in $types; do
    i=0
    while [ $i -lt "$runs" ]; do
        i=$((i + 1))
        run "sov.$type" "$top_builddir/bin/sov-quantize" -q -j 2 -t "$type" \
            -o "$dir/out.gguf" "$model"
        [ -z "${LLAMA_QUANTIZE:-}" ] ||
            run "peer.$type" "$LLAMA_QUANTIZE" "$model" "$dir/out.gguf" "$type" 2
    done
    row "$type" sov-quantize "sov.$type"
    [ -z "${LLAMA_QUANTIZE:-}" ] || row "$type" llama-quantize "peer.$type"
done

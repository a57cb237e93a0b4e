#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# hash - whole programs over one file in the page cache, on one core and two
#
#   make bench-hash [SIZE=1000000000] [RUNS=5]
#
# All programs run in turns; of the runs the median stands in the table, and
# its ratio to "openssl dgst -sha256".  Programs that know one core alone are
# run on one.
set -eu
: "${top_builddir:?}"
size=${SIZE:-1000000000}
runs=${RUNS:-5}
dir=$(mktemp -d "${TMPDIR:-/tmp}/sov-bench.XXXXXX")
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
file=$dir/file
hashsum=$top_builddir/tests/tools/hashsum

# in large pieces, as models are written: the kernel then keeps it in large pages
head -c "$size" /dev/urandom | dd of="$file" bs=4M iflag=fullblock status=none

# program NAME CORES COMMAND...: one more run of it, its seconds into NAME
program() {
    name=$1
    cores=$2
    shift 2
    command -v "$1" >/dev/null || return 0
    echo "$name" >>"$dir/names"
    from=$(date +%s%N)
    taskset -c "$cores" "$@" "$file" >"$dir/out" || exit 1
    to=$(date +%s%N)
    echo $((to - from)) >>"$dir/runs.$name"
}

all_programs() {
    : >"$dir/names"
    program openssl-sha256 0 openssl dgst -sha256
    program sha256sum 0 sha256sum
    program sov-sha256 0 "$hashsum" -j 1 sha256
    program fsverity-digest 0 fsverity digest
    program sov-verity 0 "$hashsum" -j 1 verity
    program b3sum 0 b3sum --num-threads 1
    program xxhsum-xxh3 0 xxhsum -q -H2
    program sov-xxh3 0 "$hashsum" -j 1 xxh3
    program sov-verity+xxh3 0 "$hashsum" -j 1 verity,xxh3
    program sov-all-three 0 "$hashsum" -j 1 sha256,verity,xxh3
    [ "$(nproc)" -ge 2 ] || return 0
    program sov-verity-2 0,1 "$hashsum" -j 2 verity
    program b3sum-2 0,1 b3sum --num-threads 2
    program sov-verity+xxh3-2 0,1 "$hashsum" -j 2 verity,xxh3
    program sov-all-three-2 0,1 "$hashsum" -j 2 sha256,verity,xxh3
}

cat "$file" >/dev/null
i=0
while [ $i -lt "$runs" ]; do
    i=$((i + 1))
    all_programs
done

median() {
    sort -n "$dir/runs.$1" | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

base=$(median openssl-sha256)
printf '%-20s %8s %8s\n' "$size bytes" GB/s ratio
while read -r name; do
    median "$name" | awk -v name="$name" -v size="$size" -v base="$base" \
        '{ printf "%-20s %8.2f %8.2f\n", name, size / $1, base / $1 }'
done <"$dir/names"

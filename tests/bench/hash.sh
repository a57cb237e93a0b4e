#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# hash - whole programs over one file in the page cache, on one core and two
#
#   make bench-hash [SIZE=1000000000] [RUNS=5]
#
# All programs run in turns; of the runs the medians stand in the table: GB for
# each second on the clock, and its ratio to "openssl dgst -sha256"; then GB for
# each second of work (user and system, all cores), which tells more where other
# work goes on.  Programs that know one core alone are run on one.
set -eu
: "${top_builddir:?}"
size=${SIZE:-1000000000}
runs=${RUNS:-5}
dir=$(mktemp -d "${TMPDIR:-/tmp}/sov-bench.XXXXXX")
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
[ -x /usr/bin/time ] || {
    echo "needs GNU time: apt-get install time" >&2
    exit 77
}
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
    taskset -c "$cores" /usr/bin/time -q -o "$dir/time" -f "%U %S" \
        "$@" "$file" >"$dir/out" || exit 1
    to=$(date +%s%N)
    awk -v wall=$((to - from)) '{ print wall / 1e9, $1 + $2 }' "$dir/time" \
        >>"$dir/runs.$name"
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

# median NAME COLUMN
median() {
    sort -n -k "$2,$2" "$dir/runs.$1" |
        awk -v c="$2" '{ v[NR] = $c } END { print v[int((NR + 1) / 2)] }'
}

wall=$(median openssl-sha256 1)
work=$(median openssl-sha256 2)
printf '%-20s %8s %8s %14s %8s\n' "$size bytes" GB/s ratio "GB/s of work" ratio
while read -r name; do
    echo "$(median "$name" 1) $(median "$name" 2)" |
        awk -v name="$name" -v size="$size" -v wall="$wall" -v work="$work" \
            '{ printf "%-20s %8.2f %8.2f %14.2f %8.2f\n", name, \
               size / $1 / 1e9, wall / $1, size / $2 / 1e9, work / $2 }'
done <"$dir/names"

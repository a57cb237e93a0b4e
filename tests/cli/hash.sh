#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# hash - our digests are those that other programs compute
. "${top_srcdir:?}/tests/cli/lib.sh"

PATH=$top_builddir/tests/tools:$PATH
absent=

# sizes COUNT SEED: random sizes of files, small ones as often as large ones
sizes() {
    awk -v n="$1" -v seed="$2" 'BEGIN {
        srand(seed)
        for (; n > 0; n--)
            print int(exp(rand() * log(700000)))
    }'
}

# make SIZE...: files of these sizes in the folder files/, and their names in
# the file list
make_files() {
    rm -rf files
    mkdir files
    i=0
    for size in "$@"; do
        i=$((i + 1))
        tail -c +"$i" noise | head -c "$size" >"files/$i"
    done
    find files -type f | sort >list
}

# theirs KIND FILE...: one digest a line; false if there is no program for it
theirs() {
    kind=$1
    shift
    case $kind in
    verity) fsverity digest --compact "$@" ;;
    sha256) sha256sum "$@" | cut -d ' ' -f 1 ;;
    xxh3) xxhsum -H2 "$@" 2>/dev/null | cut -d ' ' -f 1 ;;
    esac
}

# compare OPTION...: every kind over every file of the list
compare() {
    for kind in verity sha256 xxh3; do
        case " $absent " in *" $kind "*) continue ;; esac
        # shellcheck disable=SC2046
        hashsum "$@" "$kind" $(cat list) | cut -d ' ' -f 1 >"ours.$kind"
        # shellcheck disable=SC2046
        theirs $kind $(cat list) >"theirs.$kind"
        cmp "ours.$kind" "theirs.$kind" || {
            paste list "ours.$kind" "theirs.$kind" | awk '$2 != $3' | head -n 5
            fail "$kind is another: $*"
        }
    done
}

have() {
    command -v "$1" >/dev/null || absent="$absent $2"
}

have fsverity verity
have sha256sum sha256
have xxhsum xxh3

awk 'BEGIN { srand(1); for (i = 0; i < 60000; i++)
    printf "%d%d\n", rand() * 1e9, rand() * 1e9 }' >noise
cat noise noise noise noise >noise2
mv noise2 noise

# every edge of the tree: 4096 * 128^n and one byte around it
make_files 0 1 63 64 65 4095 4096 4097 8192 8193 524287 524288 524289 \
    1048575 1048576 1048577 3500001
for isa in generic avx2 avx512; do
    SOV_ISA=$isa
    export SOV_ISA
    for threads in 1 2 3; do
        compare -j $threads
    done
done
unset SOV_ISA

# 64 MiB and its neighbours, out of holes
rm -rf files
mkdir files
for size in 67108863 67108864 67108865; do
    cp noise files/$size
    truncate -s $((size - 1)) files/$size
    printf x >>files/$size
done
find files -type f | sort >list
compare -j 2

# a thousand random ones, a hundred at a time
for seed in 1 2 3 4 5 6 7 8 9 10; do
    # shellcheck disable=SC2046
    make_files $(sizes 100 $seed)
    compare -j 2
done

# all at once, and from a pipe, is the same
for file in $(head -n 5 list); do
    hashsum sha256,verity,xxh3 "$file" | sed 's/  [^ ]*$//' >at-once
    # shellcheck disable=SC2002
    cat "$file" | hashsum sha256,verity,xxh3 - | sed 's/  -$//' >piped
    cmp at-once piped || fail "$file from a pipe"
    for kind in sha256 verity xxh3; do
        hashsum $kind "$file" | cut -d ' ' -f 1 | tr '\n' ' '
    done | sed 's/ $//; s/ /  /g' >singly
    [ "$(cat singly)" = "$(cat at-once)" ] || fail "$file at once"
done

[ -z "$absent" ] || skip "no other program here for:$absent"

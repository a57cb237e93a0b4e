#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# ranks - several processes under MPI train what one would have trained
#
# With each MPI that is installed, Open MPI and MPICH, whether the tree was
# configured --with-mpi or not: what differs is compiled here.
. "${top_srcdir:?}/tests/cli/lib.sh"

tools=$top_builddir/tests/tools
lib=$top_builddir/.libs/libsov_all.a
[ -e "$lib" ] || fail "no $lib"

# mpirun as root, with more ranks than cores, in a container
OMPI_ALLOW_RUN_AS_ROOT=1
OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
OMPI_MCA_rmaps_base_oversubscribe=1
OMPI_MCA_btl_vader_single_copy_mechanism=none
OMPI_MCA_mpi_yield_when_idle=1
HYDRA_LAUNCHER=fork
export OMPI_ALLOW_RUN_AS_ROOT OMPI_ALLOW_RUN_AS_ROOT_CONFIRM \
    OMPI_MCA_rmaps_base_oversubscribe HYDRA_LAUNCHER \
    OMPI_MCA_btl_vader_single_copy_mechanism OMPI_MCA_mpi_yield_when_idle

# ---- alone: what all must come to
for o in adamw muon; do
    "$tools/ranks" train $o >want.$o
    "$tools/ranks" whole $o >out
    cmp out want.$o || fail "whole $o"
done
"$tools/ranks" workers 1 >local.1
"$tools/ranks" local | cmp - local.1 || fail "one worker"
"$tools/ranks" workers 2 >local.2
"$tools/ranks" workers 4 >local.4
! cmp -s local.2 local.4 || fail "two workers are four"
"$tools/ranks" calls

# Started by another's mpirun they would all do the same.
if ! grep -q '^#define SOV_HAVE_MPI' "$top_builddir/config.h"; then
    expect 1 env PMI_SIZE=3 "$tools/ranks" train adamw
    err_has "started as one of 3 ranks, and this build has no MPI"
fi

# ---- with MPI

[ -z "${SOV_SANITIZED:-}" ] || skip "the library has sanitizers"

# run N ARGUMENT...: so many ranks of the program in $mpi; they come to an end
# soon
run() {
    n=$1
    shift
    timeout 100 "mpirun.$mpi" -np "$n" "$scratch/$mpi/ranks" "$@"
}

# libraries: what ours stands on, as configure found it
libraries() {
    for name in JANSSON LIBARCHIVE SODIUM PCRE2 UTF8PROC; do
        sed -n "s/^${name}_LIBS = //p" "$top_builddir/Makefile"
    done
}

# build: the program with this MPI
build() {
    mkdir "$mpi"
    # shellcheck disable=SC2046
    "mpicc.$mpi" -std=c11 -D_GNU_SOURCE -DSOV_HAVE_MPI=1 \
        -ffp-contract=off -fno-strict-aliasing -O2 \
        -I"$top_builddir" -iquote "$top_srcdir/lib" -o "$mpi/ranks" \
        "$top_srcdir/tests/tools/ranks.c" "$top_srcdir/lib/distill/comm.c" \
        "$top_srcdir/lib/distill/comm_mpi.c" "$lib" \
        $(libraries) -lm -lpthread >"$mpi/log" 2>&1 || {
        cat "$mpi/log"
        fail "mpicc.$mpi"
    }
}

tested=
for mpi in openmpi mpich; do
    command -v "mpicc.$mpi" >/dev/null || continue
    command -v "mpirun.$mpi" >/dev/null || continue
    build
    for n in 1 2 4; do
        for o in adamw muon; do
            run "$n" train $o >out || fail "$mpi: $n ranks, $o"
            cmp out want.$o || fail "$mpi: $n ranks, $o: other weights"
            run "$n" whole $o >out || fail "$mpi: $n ranks, whole $o"
            cmp out want.$o || fail "$mpi: $n ranks, whole $o: other weights"
        done
        run "$n" local >out || fail "$mpi: $n workers"
        cmp out "local.$n" || fail "$mpi: $n workers: other weights"
    done
    run 3 calls || fail "$mpi: calls"
    "$mpi/ranks" train adamw | cmp - want.adamw || fail "$mpi: alone"

    # rank 1's error is that of all, also of one that has another
    run 3 fail 1 2>err | sort >out
    printf '%s\n' "0 -4 rank 1: no such luck for 1" \
        "1 -4 no such luck for 1" "2 -4 rank 1: no such luck for 1" |
        cmp - out || fail "$mpi: an error"

    # one that is killed ends all, and not by the time that runs out
    got=0
    run 3 die 1 >out 2>&1 || got=$?
    case $got in 0 | 124) fail "$mpi: a rank died, status $got" ;; esac
    tested="$tested $mpi"
done
[ -n "$tested" ] || skip "no mpicc.openmpi, no mpicc.mpich (Debian:" \
    "libopenmpi-dev openmpi-bin, libmpich-dev mpich)"
echo "with$tested"

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# quarantine - an external header is included by the files named here only
set -eu
cd "${top_srcdir:?}"
bad=0

# only PATTERN FILE...: in lib/ and bin/, PATTERN stands only in these files
only() {
    pattern=$1
    shift
    for f in $(find lib bin -name '*.[ch]' -exec grep -lE "$pattern" {} + | sort); do
        case " $* " in
        *" $f "*) ;;
        *)
            echo "$f: $pattern belongs in: $*"
            bad=1
            ;;
        esac
    done
}

inc='^[[:space:]]*#[[:space:]]*include[[:space:]]*<'
only "${inc}jansson" lib/base/json.c lib/base/json.h bin/cli/report.c
only "${inc}omp\.h|^[[:space:]]*#[[:space:]]*pragma[[:space:]]+omp"
# threads are made in par.c; the others wait for each other in queue.c, or ask
# for pthread_once
only "${inc}pthread|${inc}threads" lib/sys/par.c lib/sys/queue.c \
    lib/kern/kern.c lib/quant/grid_index.c lib/quant/points.c
only "${inc}archive" lib/sys/archive.c lib/sys/squeeze.c
only "${inc}xxhash" lib/sys/hash.c
only "${inc}sodium" lib/sys/hash.c lib/trust/armor.c lib/trust/keys.c \
    lib/trust/mask.c \
    lib/trust/minisig.c lib/trust/secret.c lib/trust/sign.c
only "${inc}nettle" lib/trust/ecdsa.c
only "${inc}blis" lib/kern/gemm_blis.c
only "${inc}pcre2" lib/tok/pretok.c
only "${inc}utf8proc" lib/tok/normal.c
only "${inc}mpi\.h" lib/distill/comm_mpi.c
only "${inc}check\.h"

# Anything else in <> is the C library, the kernel or the compiler.
known='assert ctype dirent dlfcn elf errno fcntl fenv float fnmatch immintrin inttypes
libgen limits locale malloc math poll pthread sched signal stdalign stdarg stdatomic
stdbool stddef stdint stdio stdlib stdnoreturn string strings sysexits termios
time unistd cpuid arm_neon jansson omp archive archive_entry xxhash sodium
pcre2 utf8proc mpi'
for h in $(find lib bin -name '*.[ch]' -exec sed -n \
    's/^[[:space:]]*#[[:space:]]*include[[:space:]]*<\([^>]*\)\.h>.*/\1/p' {} + | sort -u); do
    case $h in sys/* | linux/* | asm/* | nettle/*) continue ;; esac
    case " $(echo "$known" | tr '\n' ' ') " in
    *" $h "*) ;;
    *)
        echo "<$h.h>: a new dependency? name its place in tests/meta/quarantine.sh"
        bad=1
        ;;
    esac
done
exit $bad

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# aarch64 - the kernels for ARM, made by a cross compiler, agree with the
# generic ones under qemu
#
# What the kernels need of the tree is compiled here without configure, so
# that no library of the other machine is wanted: all of tensor, quant and
# kern, and a few files of base and sys.  tests/cross/check.h stands for Check.
set -eu
cd "${top_srcdir:?}"

case $(uname -m) in
aarch64)
    echo "SKIP: this is an ARM machine: make check has tested its kernels"
    exit 77
    ;;
esac
cc=aarch64-linux-gnu-gcc
command -v $cc >/dev/null || {
    echo "SKIP: $cc is not installed (Debian: gcc-aarch64-linux-gnu)"
    exit 77
}
qemu=
for q in qemu-aarch64 qemu-aarch64-static; do
    [ -n "$qemu" ] || qemu=$(command -v $q) || :
done
[ -n "$qemu" ] || {
    echo "SKIP: qemu-aarch64 is not installed (Debian: qemu-user)"
    exit 77
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
echo 'int main(void) { return 0; }' >"$work/try.c"
$cc -static -o "$work/try" "$work/try.c" 2>/dev/null || {
    echo "SKIP: $cc links nothing (Debian: libc6-dev-arm64-cross)"
    exit 77
}

# sources FRAGMENT LIBRARY: its .c files, as the Makefile has them
sources() {
    sed -e ':join' -e '/\\$/N' -e 's/\\\n//' -e 't join' "$1/local.mk" |
        sed -n "s/^$2_SOURCES *+*=//p" | tr -s ' \t' '\n' |
        sed -n "s|^%D%\(.*\.c\)\$|$1\1|p"
}

# The flags that configure tries, and those of this instruction set.
flags=$(sed -n 's/^SOV_TRY_CFLAG(\[\(-[^]]*\)\])$/\1/p' configure.ac |
    tr '\n' ' ')
neon=$(sed -n 's/^SOV_ISA(\[NEON\], \[\([^]]*\)\].*/\1/p' configure.ac)
[ -n "$flags" ] && [ -n "$neon" ]

sed '/SOV_HAVE_/d' "${top_builddir:?}/config.h" >"$work/config.h"
echo '#define SOV_HAVE_NEON 1' >>"$work/config.h"

{
    sources lib/kern libkern_neon_la | sed "s|\$| $neon|"
    sources lib/kern libkern_generic_la
    sources lib/quant libsov_all_la
    sources lib/tensor libsov_all_la
    for f in buf err fmath map mem rd rng text; do
        echo "lib/base/$f.c"
    done
    echo lib/sys/cpu.c
    echo lib/sys/cgroup.c
    for t in nn float attn codec optim; do
        echo "tests/unit/t_kern_$t.c -Wno-conversion -Wno-format-nonliteral"
    done
    echo tests/cross/isa.c
} >"$work/list"

cat >"$work/compile" <<EOF
src=\$1
shift
exec $cc $flags -Werror -O2 -D_GNU_SOURCE -I"$work" -Ilib \\
    -Itests/cross -c -o "$work/\$(echo "\$src" | tr / _).o" "\$src" "\$@"
EOF
xargs -P2 -L1 sh "$work/compile" <"$work/list"
aarch64-linux-gnu-ar rc "$work/lib.a" "$work"/lib_*.o

# link NAME: a program of tests/
link() {
    $cc -static -o "$work/$1" "$work/tests_$1.o" "$work/lib.a" -lm -lpthread
}

# What is chosen, on a processor without the dot product and on one with it.
link cross_isa.c
for cpu in cortex-a53:generic cortex-a76:neon max:neon; do
    isa=$("$qemu" -cpu "${cpu%:*}" "$work/cross_isa.c")
    [ "$isa" = "${cpu#*:}" ] || {
        echo "${cpu%:*}: kernels are $isa, not ${cpu#*:}"
        exit 1
    }
done
# Blocks of the generic encoders are looked at by the tests of this machine.
CHECK_SKIP=' blocks_are_finite '
export CHECK_SKIP
for t in nn float attn codec optim; do
    link unit_t_kern_$t.c
    echo "$work/unit_t_kern_$t.c"
done | xargs -P2 -L1 "$qemu"

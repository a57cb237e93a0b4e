#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# example - the program in sovcore(3) is tests/example/tensors.c, builds
# against an installed library and runs
set -eu
src=$top_srcdir/tests/example/tensors.c
page=$top_srcdir/man/sovcore.3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# the page has the program without its opening comments
sed -n '/^#include/,$p' "$src" > "$work/want.c"
sed -n '/^\.Bd -literal/,/^\.Ed/p' "$page" | sed '1d;$d;s/\\e/\\/g' \
    > "$work/page.c"
cmp "$work/want.c" "$work/page.c" || {
    echo "example: the program in sovcore(3) is not $src"
    exit 1
}

[ -z "${SOV_SANITIZED:-}" ] || {
    echo "SKIP: a plain program does not link a library with sanitizers"
    exit 77
}

(cd "$top_builddir" && make -s install DESTDIR="$work/root") \
    > "$work/install.log" 2>&1 || { cat "$work/install.log"; exit 1; }
pc=$(find "$work/root" -name sovcore.pc)
lib=$(dirname "$(dirname "$pc")")
prefix=$(sed -n 's/^prefix=//p' "$pc")
export PKG_CONFIG_PATH="$lib/pkgconfig"
flags=$(pkg-config --define-variable=prefix="$work/root$prefix" \
    --cflags --libs sovcore)
# shellcheck disable=SC2086 # the flags are words
${CC:-cc} -std=c11 -Wall -Werror -o "$work/tensors" "$work/page.c" $flags

LD_LIBRARY_PATH=$lib "$work/tensors" "$top_srcdir/models/tale" \
    > "$work/out"
grep -q '^token_embd.weight  *bf16  *2097152 bytes$' "$work/out" || {
    cat "$work/out"
    exit 1
}
rc=0
LD_LIBRARY_PATH=$lib "$work/tensors" /nonexistent 2> "$work/err" || rc=$?
[ "$rc" = 65 ] && [ "$(wc -l < "$work/err")" = 1 ]

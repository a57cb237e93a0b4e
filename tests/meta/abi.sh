#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# abi - the installed library shows exactly the symbols of lib/sovcore.abi
#
# "sh tests/meta/abi.sh update" in the build folder, with top_srcdir and
# top_builddir set ("make update-abi"), writes the list anew.
set -eu
: "${top_srcdir:?}" "${top_builddir:?}"
so=$top_builddir/.libs/libsovcore.so
list=$top_srcdir/lib/sovcore.abi
[ -e "$so" ] || {
    echo "SKIP: no shared library was built"
    exit 77
}
symbols() {
    nm -D --defined-only "$so" | awk '{ print $NF }' |
        grep -v -e '^__' -e '^_init$' -e '^_fini$' | LC_ALL=C sort
}
if [ "${1-}" = update ]; then
    symbols >"$list"
    exit
fi
symbols | diff -u --label lib/sovcore.abi --label libsovcore.so "$list" - || {
    echo "if this is meant, say: make update-abi"
    exit 1
}
symbols | grep -v '^sov_' && {
    echo "a symbol without sov_"
    exit 1
}
exit 0

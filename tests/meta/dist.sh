#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# dist - every file that git knows is in the tarball
set -eu
: "${top_srcdir:?}" "${top_builddir:?}"
if [ ! -e "$top_srcdir/.git" ] || ! command -v git >/dev/null; then
    echo "SKIP: not a git checkout"
    exit 77
fi
tmp=$(mktemp -d)
trap 'chmod -R u+w "$tmp"; rm -rf "$tmp"' EXIT

make -C "$top_builddir" -s distdir distdir="$tmp/dist" >"$tmp/log" 2>&1 || {
    cat "$tmp/log"
    exit 1
}
(cd "$tmp/dist" && find . -type f | sed 's,^\./,,' | LC_ALL=C sort) >"$tmp/have"
git -C "$top_srcdir" ls-files | grep -v '\.gitignore$' |
    LC_ALL=C sort >"$tmp/want"
LC_ALL=C comm -23 "$tmp/want" "$tmp/have" >"$tmp/missing"
if [ -s "$tmp/missing" ]; then
    echo "not in the tarball; name them in a local.mk:"
    cat "$tmp/missing"
    exit 1
fi

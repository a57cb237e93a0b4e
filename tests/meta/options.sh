#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# options - the option table, the man page and the completions say the same
set -eu
: "${top_srcdir:?}" "${top_builddir:?}"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
bad=0

tools=
for source in "$top_srcdir"/bin/sov-*.c; do
    tool=$(basename "$source" .c)
    exe=$top_builddir/bin/$tool
    tools="$tools $exe"
    "$exe" --dump-options >"$tmp/dump"
    awk -F'\t' '{ if ($1 != "") print "-" $1; print "--" $2 }' "$tmp/dump" |
        sort >"$tmp/table"
    [ "$(uniq -d "$tmp/table" | wc -l)" -eq 0 ] || {
        echo "$tool: twice in the option table:"
        uniq -d "$tmp/table"
        bad=1
    }

    man=$top_srcdir/man/$tool.1
    if [ ! -e "$man" ]; then
        echo "$tool: no man page"
        bad=1
        continue
    fi
    # ".It Fl o , Fl -output Ns = Ns Ar OUT" names -o and --output
    awk '/^\.It Fl/ {
            for (i = 2; i < NF; i++)
                if ($i == "Fl") print "-" $(i + 1)
        }' "$man" | sed 's/\\-/-/g' | sort -u >"$tmp/man"
    diff -u --label "$tool --dump-options" --label "man/$tool.1" \
        "$tmp/table" "$tmp/man" || bad=1
done

# shellcheck disable=SC2086
sh "$top_srcdir/scripts/gen-completions.sh" "$tmp/made" $tools
for f in $(cd "$tmp/made" && find . -type f | sort); do
    cmp -s "$tmp/made/$f" "$top_srcdir/completions/$f" || {
        echo "completions/$f is not what the option table says; make completions"
        bad=1
    }
done
exit $bad

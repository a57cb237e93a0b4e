#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# completions - the shells accept them, and bash offers what it should
set -eu
: "${top_srcdir:?}" "${top_builddir:?}"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
sh "$top_srcdir/scripts/gen-completions.sh" "$tmp" \
    "$top_builddir/tests/cli/t-tool"
: >"$tmp/fish.txt"

if command -v bash >/dev/null; then
    for f in "$top_srcdir"/completions/bash/* "$tmp"/bash/*; do
        bash -n "$f"
    done
    # offer WANT WORD...: for the last word of "t-tool WORD...", bash proposes
    # WANT ("": nothing)
    offer() {
        want=$1
        shift
        # shellcheck disable=SC2016
        got=$(cd "$tmp" && bash -c '. ./bash/t-tool
            COMP_WORDS=(t-tool "$@")
            COMP_CWORD=$#
            _t_tool
            echo "${COMPREPLY[*]}"' bash "$@")
        [ "$got" = "$want" ] || {
            echo "bash offers '$got' instead of '$want' for: $*"
            exit 1
        }
    }
    offer --output --outp
    offer always --progress = al
    offer 'auto always' --progress a
    offer 'red green blue' --colour =
    offer '' --threads ''
    offer fish.txt -o fish.
    offer fish.txt fish.
fi
if command -v zsh >/dev/null; then
    for f in "$top_srcdir"/completions/zsh/* "$tmp"/zsh/*; do
        zsh -n "$f"
    done
fi
if command -v fish >/dev/null; then
    for f in "$top_srcdir"/completions/fish/* "$tmp"/fish/*; do
        fish -n "$f"
    done
fi

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shell - every script is clean under shellcheck
set -eu
cd "${top_srcdir:?}"
command -v shellcheck >/dev/null || {
    echo "SKIP: shellcheck is not installed"
    exit 77
}
find scripts tests .ci -type f \( -name '*.sh' -o -path 'scripts/*' -o -path '.ci/*' \) \
    ! -name '*.[ch]' ! -name '*.mk' ! -name '*.py' ! -name '*.mjs' |
    sort | xargs shellcheck -x -P . -e SC1091,SC2154
shellcheck completions/bash/*

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# layers - includes point downwards, and the check that says so can see
set -eu
check=${top_srcdir:?}/scripts/check-layers.sh
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

sh "$check" "$top_srcdir"

mkdir -p "$tmp/lib" "$tmp/bin/cli"
cp "$top_srcdir/lib/LAYERS" "$tmp/lib/"
# plant FILE LINE: the check must find it
plant() {
    mkdir -p "$tmp/${1%/*}"
    printf '%s\n' "$2" >"$tmp/$1"
    if sh "$check" "$tmp" >/dev/null; then
        echo "not found: $2 in $1"
        exit 1
    fi
    rm "$tmp/$1"
}
plant lib/base/a.c '#include "sys/file.h"'
plant lib/quant/a.c '#include "fmt/model.h"'
plant lib/sov/a.h '#include "base/rd.h"'
plant lib/run/a.c '#include "nowhere/a.h"'
plant lib/run/a.c '#include "session.h"'
plant lib/nn/a.c '#include <immintrin.h>'
plant bin/sov-a.c '#include "base/rd.h"'
plant bin/cli/a.c '# include "run/session.h"'
plant bin/cli/a.c '#include "verify/verify.h"'
plant bin/sov-a.c '#include "verify/verify.h"'
plant bin/verify/a.c '#include "trust/claims.h"'
mkdir -p "$tmp/bin/verify"
echo '#include "verify/verify.h"' | tee "$tmp/bin/verify/a.c" \
    >"$tmp/bin/sov-verify.c"
sh "$check" "$tmp"

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# sigstore - every claim we write verifies with npm's sigstore
#
# SOV_SIGSTORE names a folder with sigstore in node_modules (scripts/check
# sets it up).
. "${top_srcdir:?}/tests/cli/lib.sh"

[ -n "${SOV_SIGSTORE:-}" ] || skip "SOV_SIGSTORE is not set"
[ -d "$SOV_SIGSTORE/node_modules/sigstore" ] ||
    skip "no sigstore in $SOV_SIGSTORE/node_modules"
command -v node >/dev/null || skip "no node"

PATH=$top_builddir/tests/tools:$PATH
mkclaims keys >pub
mkclaims lines >made
expect 0 node "$top_srcdir/tests/cli/sigstore.mjs" "$SOV_SIGSTORE" pub \
    made "$top_srcdir/tests/data/child.gguf.claims.jsonl"
out_has "7 lines, 0 not as they should be"

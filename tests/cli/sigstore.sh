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
for name in k l; do
    sov-verify -q --keygen $name --no-password
done
sov-quantize -q -t f16 -o f.gguf "$tale"
sov-verify -q --adopt --sign-key k.key f.gguf
sov-quantize -q -t q8_0 --sign-key k.key -o q.gguf f.gguf
sov-verify -q --sign --sign-key l.key q.gguf
for name in k l; do
    {
        printf '\060\052\060\005\006\003\053\145\160\003\041\000'
        tail -n 1 $name.pub | base64 -d | tail -c 32
    } >$name.der
    echo "$(sha256sum $name.der | cut -c 1-64) $(base64 <$name.der)" >>pub
done
expect 0 node "$top_srcdir/tests/cli/sigstore.mjs" "$SOV_SIGSTORE" pub \
    made "$top_srcdir/tests/data/child.gguf.claims.jsonl" q.gguf.claims.jsonl
out_has "10 lines, 0 not as they should be"

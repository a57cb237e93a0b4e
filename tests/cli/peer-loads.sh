#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# peer-loads - what sov-quantize makes, of every name, loads in stock llama.cpp
#
# SOV_PEER names a folder with node-llama-cpp in node_modules.  The rows of the
# second model divide into no super-blocks, so every type has to fall back.
. "${top_srcdir:?}/tests/cli/lib.sh"

[ -n "${SOV_PEER:-}" ] || skip "SOV_PEER is not set"
[ -d "$SOV_PEER/node_modules" ] || skip "no node_modules in $SOV_PEER"
command -v node >/dev/null || skip "no node"

# every name there is, out of the table that holds them
sed -n -e 's/^\(MIX\|LOW\)("\([a-z0-9_]*\)".*/\2/p' \
    "$top_srcdir/lib/compress/mixes.def" >names
grep '^PURE(' "$top_srcdir/lib/compress/mixes.def" | tr ')' '\n' |
    sed -n 's/^ *PURE(\([A-Z0-9_]*\),.*/\1/p' | tr '[:upper:]' '[:lower:]' >>names
# but those of which sov-quantize says that llama.cpp does not know them
grep '^s[0-9]*_64_q[48]$' names >own
while read -r name; do
    expect 64 sov-quantize -t "$name" --compat b99999 -o own.gguf "$tale"
    err_has "llama.cpp does not read $name"
done <own
grep -vxFf own names >stock
mv stock names
[ "$(wc -l <names)" -ge 40 ] || fail "$(wc -l <names) names"
need_shared data

for model in "$tale" "$shared/data/stories260K.gguf"; do
    while read -r name; do
        expect 0 sov-quantize -q -f --effort 1 -t "$name" \
            -o "$name.gguf" "$model"
    done <names
    node "$top_srcdir/tests/cli/peer-loads.mjs" "$SOV_PEER" ./*.gguf ||
        fail "of $model"
done

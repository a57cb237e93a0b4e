#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# peer - every mix loads in stock llama.cpp, which says the same
#
# SOV_PEER names a folder with node-llama-cpp in node_modules (scripts/check
# sets it up).  The perplexity is of a few pages; SOV_SLOW=1 takes two books.
. "${top_srcdir:?}/tests/cli/lib.sh"

[ -n "${SOV_PEER:-}" ] || skip "SOV_PEER is not set"
[ -d "$SOV_PEER/node_modules" ] || skip "no node_modules in $SOV_PEER"
command -v node >/dev/null || skip "no node"
need_shared data

if [ -n "${SOV_SLOW:-}" ]; then
    cp "$shared/data/tale-dev.txt" text
else
    head -c 12000 "$top_srcdir/tests/data/dev.txt" >text
fi
bad=0
for model in "$tale" "$shared/data/stories260K.gguf"; do
    for mix in f16 bf16 q8_0 q4_0 q4_k_s q4_k_m q5_k_s q5_k_m q6_k; do
        name=$(basename "$model" .gguf)-$mix.gguf
        expect 0 sov-quantize -q -t $mix -o "$name" "$model"
        node "$top_srcdir/tests/cli/peer.mjs" "$SOV_PEER" "$scratch/$name" \
            "$scratch/text" "$scratch" || bad=1
        rm -f "$name"
    done
done
[ $bad -eq 0 ] || fail "sov-run and the peer differ"

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# peer - stock llama.cpp loads what comes out, of every method, and says the same
#
# SOV_PEER names a folder with node-llama-cpp in node_modules (scripts/check
# sets it up).  What is pruned is also quantized, and judged again; with SOV_SLOW=1
# in more types, for longer.
. "${top_srcdir:?}/tests/cli/lib.sh"

[ -n "${SOV_PEER:-}" ] || skip "SOV_PEER is not set"
[ -d "$SOV_PEER/node_modules" ] || skip "no node_modules in $SOV_PEER"
command -v node >/dev/null || skip "no node"

head -c 12000 "$top_srcdir/tests/data/dev.txt" >text
expect 0 sov-quantize -q -t f16 -o m.gguf "$tale"
expect 0 sov-quantize -q --calib text --stats-out im.gguf m.gguf
types="f16 q4_k_m"
PEER_PROMPTS=2
PEER_LENGTH=24
[ -z "${SOV_SLOW:-}" ] || {
    types="f16 q8_0 q4_k_m"
    PEER_PROMPTS=5
    PEER_LENGTH=64
}
export PEER_PROMPTS PEER_LENGTH
bad=0
judge() { # NAME OPTION...
    name=$1
    shift
    expect 0 sov-prune -q "$@" -o "$name-f16.gguf" m.gguf
    for type in $types; do
        [ "$type" = f16 ] ||
            expect 0 sov-quantize -q -t "$type" -o "$name-$type.gguf" \
                "$name-f16.gguf"
        node "$top_srcdir/tests/cli/peer.mjs" "$SOV_PEER" \
            "$scratch/$name-$type.gguf" "$scratch/text" "$scratch" || bad=1
    done
    rm -f "$name"-*.gguf
}
judge magnitude --method magnitude --ratio 0.5
judge wanda --stats im.gguf --pattern 2:4
judge alps --method alps --ratio 0.7 --calib text --calib-tokens 1024
judge rows --stats im.gguf --pattern 16x32:64
judge layers --method layers --calib text --ratio 0.2
judge width --method width --calib text --ratio 0.25
judge vocab --method vocab --calib text
[ $bad -eq 0 ] || fail "sov-run and the peer differ"

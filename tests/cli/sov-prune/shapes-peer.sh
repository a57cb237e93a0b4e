#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shapes-peer - stock llama.cpp loads models without some of their parts, of
# every architecture, and says of them what we say
#
# SOV_PEER names a folder with node-llama-cpp in node_modules.
. "${top_srcdir:?}/tests/cli/lib.sh"

[ -n "${SOV_PEER:-}" ] || skip "SOV_PEER is not set"
[ -d "$SOV_PEER/node_modules" ] || skip "no node_modules in $SOV_PEER"
command -v node >/dev/null || skip "no node"
need_shared data
PATH=$top_builddir/tests/tools:$PATH

# of every architecture: what is refused is not among them
mkdir forms
grep '^form ' "$top_srcdir/tests/data/arch.txt" >list
while read -r _ form _ extra; do
    case $form in *bert* | *embed | modern-* | qwen3-rank) continue ;; esac
    kv=4
    [ "$form" = falcon-7b ] && kv=1
    for what in layers ffn heads hidden experts vocab; do
        layers=4
        [ $what = layers ] && layers=9
        # shellcheck disable=SC2086
        expect 0 mkmodel "form=$form" $extra layers=$layers vocab=300 kv=$kv \
            model.gguf
        trims $what 5 model.gguf "forms/$form-$what.gguf" masked.gguf \
            >/dev/null || rm -f "forms/$form-$what.gguf"
    done
done <list
[ "$(find forms -name '*.gguf' | wc -l)" -ge 80 ] || fail "too few models"
node "$top_srcdir/tests/cli/peer-loads.mjs" "$SOV_PEER" forms/*.gguf ||
    fail "some do not load"

# the same greedy tokens, of each method and of what sov-quantize makes of it
head -c 6000 "$top_srcdir/tests/data/dev.txt" >text
expect 0 sov-quantize -q -t f16 -o tale.gguf "$tale"
export PEER_PROMPTS=2 PEER_LENGTH=48
bad=0
for what in "layers --ratio 0.34" "width --ratio 0.25" "hidden --ratio 0.25" \
    "rotate --ratio 0.5" vocab; do
    method=${what%% *}
    # shellcheck disable=SC2086
    expect 0 sov-prune -q --method $what --calib text -o "$method-f16.gguf" \
        tale.gguf
    expect 0 sov-quantize -q -t q8_0 -o "$method-q8_0.gguf" "$method-f16.gguf"
    for f in "$method-f16" "$method-q8_0"; do
        node "$top_srcdir/tests/cli/peer.mjs" "$SOV_PEER" "$scratch/$f.gguf" \
            "$scratch/text" "$scratch" || bad=1
    done
done
[ $bad -eq 0 ] || fail "sov-run and the peer differ"

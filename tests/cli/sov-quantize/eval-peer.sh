#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# eval-peer - llama-perplexity says the same of the same windows
#
# SOV_LLAMA names a folder with llama.cpp's programs.  Its base file is read
# here, and ours there.  What is said of the base, in which nothing is rounded to
# eight bits, agrees to 1 in 100000; activations of the other file may fall to
# either side of a step in both programs, which moves its divergence by some
# tenths of a percent, and more where that is all there is to see.
. "${top_srcdir:?}/tests/cli/lib.sh"

[ -n "${SOV_LLAMA:-}" ] || skip "SOV_LLAMA is not set"
peer=$SOV_LLAMA/llama-perplexity
[ -x "$peer" ] || skip "no llama-perplexity in $SOV_LLAMA"
[ -e "$tale/config.json" ] || skip "models/tale is not here"
LD_LIBRARY_PATH=$SOV_LLAMA${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export LD_LIBRARY_PATH

if [ -n "${SOV_SLOW:-}" ]; then
    cp "$top_srcdir/tests/data/dev.txt" text
else
    head -c 16000 "$top_srcdir/tests/data/dev.txt" >text
fi
expect 0 sov-quantize -q -t f16 -o f16.gguf "$tale"
"$peer" -m f16.gguf -f text -c 256 -b 256 -t 2 --no-escape \
    --kl-divergence-base theirs >peer.out 2>peer.err || fail "the peer's base"

value() {
    sed -n "s/.*\"$1\":\([^,}]*\).*/\1/p" out
}

# said LABEL FILE: the peer's figure
said() {
    sed -n "s/^$1 *: *\([^ %]*\).*/\1/p" "$2" | head -n 1
}

bad=0
compare() {
    awk -v what="$1" -v a="$2" -v b="$3" -v t="$4" 'BEGIN {
        d = a > b ? a - b : b - a
        printf "%-24s %s, the peer %s\n", what, a, b
        exit !(a != "" && b != "" && d <= t * (b < 0 ? -b : b))
    }' || bad=1
}

# ask FILE BASE: what the peer says, which now and then ends before it is said
ask() {
    for _ in 1 2 3 4 5 6; do
        "$peer" -m "$1" -c 256 -b 256 -t 2 --kl-divergence \
            --kl-divergence-base "$2" >peer.out 2>peer.err ||
            fail "the peer: $1"
        grep -q 'Same top p:' peer.out && return
    done
    fail "the peer says nothing of $1"
}

for type in q8_0 q5_k_m q4_k_s q3_k_m q2_k iq4_xs; do
    expect 0 sov-quantize -q -t $type --eval-base theirs --json -o $type.gguf \
        f16.gguf
    ask $type.gguf theirs
    case $type in q8_0) t=0.03 ;; *) t=0.005 ;; esac
    compare "$type kld" "$(value kld)" "$(said 'Mean    KLD' peer.out)" $t
    compare "$type ppl" "$(value ppl)" "$(said 'Mean PPL(Q)' peer.out)" 0.002
    compare "$type base" "$(value base_ppl)" \
        "$(said 'Mean PPL(base)' peer.out)" 0.00001
    compare "$type error" "$(value kld_error)" \
        "$(sed -n 's/^Mean    KLD:.*± *//p' peer.out)" 0.02
    compare "$type top" \
        "$(awk -v x="$(value same_top)" 'BEGIN { print 100 * x }')" \
        "$(said 'Same top p' peer.out)" 0.006
done

# ours, read by the peer
expect 0 sov-quantize -q -t q4_k_s --eval text --eval-ctx 256 \
    --eval-base-out ours --json -fo b.gguf f16.gguf
cmp -s q4_k_s.gguf b.gguf || fail "another model"
kld=$(value kld)
ask b.gguf ours
compare "our base, kld" "$kld" "$(said 'Mean    KLD' peer.out)" 0.005
[ $bad -eq 0 ] || fail "they differ"

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# kld - what quantizing does to the answers of a model, beside llama-quantize
#
# peer-quant.json has the mean Kullback-Leibler divergence that the files of
# llama-quantize, made without importance, have from the f16 file over the first
# 150 kB of tale-dev.txt in windows of 256, as llama-perplexity measures it.
# tests/tools/kld takes the same windows and scores the same halves: of the same
# file (the peer's q4_k_s) it says 0.005218 where llama-perplexity says 0.005213.
# Both round activations to 8 bits and keep keys and values as halves.  So the
# figures can be compared.
#
# Which way each weight was rounded moves them by 1.5 % either way with no change
# of the mean error: q4_k_s has 0.978 to 1.002 of the peer's at efforts 3 to 9,
# whose errors fall steadily by 1.2 %.  So a type whose errors are close to the
# peer's, as those of q4_k are (0.96), may be 4 % worse by that; the others are
# held to 0.95 or 1.
. "${top_srcdir:?}/tests/cli/lib.sh"

command -v jq >/dev/null || skip "no jq"
need_shared data
theirs=$shared/data/tale/peer-quant.json
base=$shared/data/tale-f16.gguf
[ -e "$theirs" ] || skip "no peer-quant.json in ../shared"

types=$(jq -r '.types | to_entries[] | select(.value.no_imatrix) | .key' \
    "$theirs")
first=
second=
for type in $types; do
    expect 0 sov-quantize -q -t "$type" -o "$type.gguf" "$base"
    if [ ${#first} -le ${#second} ]; then
        first="$first $type.gguf"
    else
        second="$second $type.gguf"
    fi
done

# Two at once, each with a thread of its own: faster than one with two.
kld=$top_builddir/tests/tools/kld
# shellcheck disable=SC2086
SOV_THREADS=1 "$kld" -n 150000 "$shared/data/tale-dev.txt" "$base" \
    $first >one & pid=$!
# shellcheck disable=SC2086
SOV_THREADS=1 "$kld" -n 150000 "$shared/data/tale-dev.txt" "$base" \
    $second >two || fail "kld"
wait $pid || fail "kld"

bad=0
for type in $types; do
    our=$(sed -n "s/^$type.gguf \([^ ]*\) .*/\1/p" one two)
    peer=$(jq -r ".types[\"$type\"].no_imatrix.kld_dev" "$theirs")
    case $type in
    q2_k | q3_k_s | q3_k_m | q4_0 | iq4_nl | iq4_xs | tq2_0) most=0.95 ;;
    q4_k_s | q4_k_m) most=1.04 ;;
    *) most=1 ;;
    esac
    awk -v type="$type" -v our="$our" -v peer="$peer" -v most=$most 'BEGIN {
        printf "%-7s %s, the peer %s: %.3f, at most %s\n", type, our, peer,
               our / peer, most
        exit !(our > 0 && our <= peer * most)
    }' || bad=1
done
[ $bad -eq 0 ] || fail "worse than that"

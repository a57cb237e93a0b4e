#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# kld-calib - what --calib promises: answers closer than llama-quantize's
#
# peer-quant.json has the divergence of the files that llama-quantize makes with
# its imatrix, of text that was not calibrated on (kld.sh says how).  Ours of as
# many bytes must have at most 0.75 times that: the least that was promised.  They
# had 0.56 and 0.55 when this was written.
. "${top_srcdir:?}/tests/cli/lib.sh"

for tool in jq zstd; do
    command -v $tool >/dev/null || skip "no $tool"
done
need_shared data
theirs=$shared/data/tale/peer-quant.json
base=$shared/data/tale-f16.gguf
books=$shared/data/tale-corpus.tar.zst
[ -e "$theirs" ] || skip "no peer-quant.json in ../shared"
[ -e "$books" ] || skip "no corpus in ../shared"

# a little of every book
zstd -qdc "$books" | tar -xOf - | awk 'NR % 10000 < 80' >pieces ||
    fail "the corpus cannot be read"
head -c 150000 pieces >text
[ "$(wc -c <text)" -eq 150000 ] || fail "the corpus is short"

for type in q4_k_s q2_k; do
    tokens=32768
    [ $type = q4_k_s ] || tokens=16384
    expect 0 sov-quantize -q -t $type --calib text --calib-tokens $tokens \
        -o $type.gguf "$base"
    bytes=$(sov-show --json $type.gguf | jq .bytes)
    most=$(jq ".types.$type.bytes" "$theirs")
    # what tensors are not is within a few kB
    [ "$bytes" -le $((most + 4096)) ] || fail "$type: $bytes bytes, not $most"
done
"$top_builddir/tests/tools/kld" -n 150000 "$shared/data/tale-dev.txt" "$base" \
    q4_k_s.gguf q2_k.gguf >kld || fail "kld"

bad=0
for type in q4_k_s q2_k; do
    our=$(sed -n "s/^$type.gguf \([^ ]*\) .*/\1/p" kld)
    peer=$(jq -r ".types.$type.kld_dev" "$theirs")
    awk -v type=$type -v our="$our" -v peer="$peer" 'BEGIN {
        printf "%-7s %s, the peer %s: %.3f\n", type, our, peer, our / peer
        exit !(our > 0 && our <= 0.75 * peer)
    }' || bad=1
done
[ $bad -eq 0 ] || fail "further than 0.75 of the peer"

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# peer-tokens - published vocabularies give the ids of stock llama.cpp
#
# SOV_PEER as in peer.sh.  Some pages of each text; SOV_SLOW=1 takes all of
# WikiText-2 and twelve languages, and a megabyte of random text.
. "${top_srcdir:?}/tests/cli/lib.sh"

[ -n "${SOV_PEER:-}" ] || skip "SOV_PEER is not set"
[ -d "$SOV_PEER/node_modules" ] || skip "no node_modules in $SOV_PEER"
command -v node >/dev/null || skip "no node"
need_shared golden/vocab
need_shared data

# part FILE BYTES: the beginning, up to the end of a line
part() {
    if [ -n "${SOV_SLOW:-}" ]; then
        cat "$1"
    else
        head -c "$2" "$1" | sed '$d'
    fi
}
part "$shared/data/multilingual.txt" 60000 >many
part "$shared/data/wiki.test.raw" 60000 >english
size=40000
[ -z "${SOV_SLOW:-}" ] || size=1048576
"$top_builddir/tests/tools/randtext" 20261120 $size >random

bad=0
for vocab in "$shared"/golden/vocab/*.gguf; do
    node "$top_srcdir/tests/cli/peer-tokens.mjs" "$SOV_PEER" "$vocab" \
        many english random >theirs
    for text in many english random; do
        expect 0 sov-run -m "$vocab" --tokenize "$text"
        cat out
    done >ours
    cmp -s ours theirs || {
        echo "$(basename "$vocab"): other ids"
        bad=1
    }
done
[ $bad -eq 0 ] || fail "sov-run and the peer differ"

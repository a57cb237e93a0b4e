#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# recompute-race - a name that means another file the next time it is opened
. "${top_srcdir:?}/tests/cli/lib.sh"
. "$top_srcdir/tests/cli/sov-verify/forge.sh"

command -v jq >/dev/null || skip "no jq"
[ -z "${SOV_SANITIZED:-}" ] || skip "the sanitizers want memory first"
sh -c "${CC:-cc} -shared -fPIC -o swap.so '$top_srcdir/tests/cli/swap.c'" \
    2>err || skip "no compiler for a preloaded library"
XDG_CONFIG_HOME=$scratch/none
export XDG_CONFIG_HOME
tools=$top_builddir/tests/tools
sov-verify -q --keygen k --no-password
"$tools/mkmodel" layers=1 width=64 ffn=64 vocab=40 heads=2 m.gguf
expect 0 sov-quantize -q -t q8_0 --sign-key k.key -o q.gguf m.gguf

# a.gguf: other weights, and somebody who is believed has signed that they are
# those of q.gguf
"$tools/mkmodel" layers=1 width=64 ffn=64 vocab=40 heads=2 seed=9 other.gguf
expect 0 sov-quantize -q -t q8_0 -o a.gguf other.gguf
cp q.gguf.claims.jsonl a.gguf.claims.jsonl
forge a.gguf .
expect 0 sov-verify --key k.pub --recompute=all --source m.gguf q.gguf
expect 1 sov-verify --key k.pub --recompute=all --source m.gguf a.gguf

# whichever opening it is before which the link changes: what is compared is
# what is hashed, so there is no yes about a.gguf, and no receipt that says so
swaps=0
for at in 1 2 3 4 5 6; do
    rm -f l.gguf r
    ln -s q.gguf l.gguf
    expect 1 env LD_PRELOAD="$PWD/swap.so" SOV_SWAP_LINK=l.gguf \
        SOV_SWAP_TO=a.gguf SOV_SWAP_AT=$at \
        sov-verify --key k.pub --recompute=all --source m.gguf \
        --claims a.gguf.claims.jsonl --receipt r l.gguf
    [ ! -e r ] || jq -e '.predicate.verificationResult == "FAILED"' r \
        >/dev/null || fail "a receipt, $at"
    [ "$(readlink l.gguf)" = q.gguf ] || swaps=$((swaps + 1))
done
[ "$swaps" -gt 0 ] || fail "the link was never changed"

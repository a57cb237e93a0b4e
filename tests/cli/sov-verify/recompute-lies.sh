#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# recompute-lies - claims that were signed and say what nothing can be made of
. "${top_srcdir:?}/tests/cli/lib.sh"
. "$top_srcdir/tests/cli/sov-verify/forge.sh"

command -v jq >/dev/null || skip "no jq"
XDG_CONFIG_HOME=$scratch/none
export XDG_CONFIG_HOME
sov-verify -q --keygen k --no-password
"$top_builddir/tests/tools/mkmodel" layers=1 width=64 ffn=64 vocab=40 heads=2 \
    m.gguf
expect 0 sov-quantize -q -t q8_0 --sign-key k.key -o q.gguf m.gguf
expect 0 sov-prune -q --method magnitude --ratio 0.5 --sign-key k.key \
    -o p.gguf m.gguf
cp q.gguf.claims.jsonl q.claims
cp p.gguf.claims.jsonl p.claims
x=.predicate.buildDefinition.externalParameters
i=.predicate.buildDefinition.internalParameters
b=.predicate.buildDefinition.buildType

# lie MODEL FILTER STATUS WORDS: in one line, with no answer and no receipt
lie() {
    cp "$1.claims" "$1.gguf.claims.jsonl"
    forge "$1.gguf" "$2"
    rm -f r
    expect "$3" sov-verify --key k.pub --recompute=all --source m.gguf \
        --receipt r "$1.gguf"
    err_has "$4"
    err_one_line
    out_empty
    [ ! -e r ] || fail "a receipt: $2"
}

lie q "del($x.type)" 65 "the claim names no type"
lie q "$x.type = 8" 65 "type"
lie q "$x.type = \"q9\"" 69 "q9"
lie q "$x.effort = 10" 69 "effort is more than 9"
lie q "$x.effort = -1" 65 "effort"
lie q "$x.on_nonfinite = \"laugh\"" 69 "on_nonfinite: what is 'laugh'?"
lie q "$x.set = [\"general.name\"]" 65 "'general.name' is not KEY=VALUE"
lie q "$x.set = \"a=b\"" 65 "set"
lie q "$x.lora_scale = [\"much\"]" 65 "has 'much', which is no number"
lie q "$x.lora_scale = [\"1\"]" 69 "0 adapters and 1 scales"
lie q "$x.tensor_type = [\"x\"]" 69 "'x' is not PAT=TYPE"
lie q ".predicate.buildDefinition.resolvedDependencies |=
    map(select(.annotations.sov_role != \"parent\"))" 69 "m.gguf is nothing"
lie q "$b = \"urn:sov:buildtype:bake:v1\"" 69 "is nothing that can be done once more"
lie q "$x = {} | $i = {} | $b = \"urn:sov:buildtype:calibrate:v1\"" \
    65 "the claim names no text"
lie q "$x = {} | $i = {} | $b = \"urn:sov:buildtype:distill:v1\"" 69 "trained"
lie p "del($x.method)" 65 "the claim names no method"
lie p "$x.method = \"luck\"" 69 "luck"
lie p "$x.ratio = \"1.5\"" 65 "ratio is not 0 to 1"
lie p "$x.ratio = \"half\"" 65 "ratio"
lie p "$x.pack_bits = 9" 69 "more than 8 bits"
lie p "$x.takes = [\"blk\"]" 65 "'blk' is not NAME=WHAT"

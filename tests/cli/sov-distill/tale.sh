#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tale - the script that builds the built-in model anew, with tiny ones
. "${top_srcdir:?}/tests/cli/lib.sh"

[ -e "$tale/config.json" ] || skip "models/tale is not here"
SOV_BUILD=$(cd "$top_builddir" && pwd)
export SOV_BUILD
mkdir texts
head -c 20000 "$top_srcdir/tests/data/dev.txt" >texts/one.txt
head -c 3000 "$top_srcdir/tests/data/dev.txt" >eval.txt
sov-verify -q --keygen a --no-password
shape=width=32,layers=1,heads=2,ffn=64,ctx=32,tied

train() {
    "$top_srcdir/scripts/train-tale" -n 2048 -s 2048 -k a.key -b 300K \
        -a "llama,$shape" -A "llama,$shape" "$@" -e eval.txt made texts
}
expect 0 train
out_has 'made/tale: {"tokens":'
out_has 'made/tale-small.gguf: {"tokens":'
for f in config.json generation_config.json model.safetensors tokenizer.model \
    tokenizer_config.json; do
    [ -s "made/tale/$f" ] || fail "no $f"
done
[ "$(wc -c <made/tale-small.gguf)" -le 307200 ] || fail "the small one is large"
expect 0 sov-verify --key a.pub made/tale-small.gguf
[ "$(wc -l <made/tale-small.gguf.claims.jsonl)" -ge 3 ] || fail "a short history"
expect 0 sov-run -q -m made/tale -n 3 -p Once

# the same again is done already; in another folder it is the same
before=$(sha256sum made/tale/model.safetensors made/tale-small.gguf)
expect 0 train
[ "$before" = "$(sha256sum made/tale/model.safetensors made/tale-small.gguf)" ] ||
    fail "what was made was made again"

# the small one begins as the other without some of it
shape=width=64,layers=6,heads=4,kv-heads=2,ffn=128,ctx=32,tied
expect 0 "$top_srcdir/scripts/train-tale" -n 2048 -s 2048 -k a.key -b 700K \
    -a "llama,$shape" cut texts
expect 0 sov-show cut/steps/small.gguf
out_has 'layers     5, width 32, heads 2, kv heads 1, ffn'
expect 0 sov-verify --key a.pub cut/tale-small.gguf
[ "$(wc -l <cut/tale-small.gguf.claims.jsonl)" -ge 7 ] || fail "a short history"
expect 64 "$top_srcdir/scripts/train-tale"
expect 64 "$top_srcdir/scripts/train-tale" -z out texts
expect 0 "$top_srcdir/scripts/train-tale" --help

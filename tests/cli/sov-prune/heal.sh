#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# heal - what is left learns what all of it knew; and is it worth its bytes?
# shellcheck disable=SC2086 # options in a variable
. "${top_srcdir:?}/tests/cli/lib.sh"

[ -e "$tale/config.json" ] || skip "models/tale is not here"
expect 0 sov-quantize -q -t f16 -o tok.gguf "$tale"
head -c 40000 "$top_srcdir/tests/data/dev.txt" >learn.txt
tail -c 12000 "$top_srcdir/tests/data/dev.txt" >judge.txt
expect 0 sov-distill -q --arch llama,width=64,layers=3,heads=2,ctx=64,tied \
    --tokenizer tok.gguf --batch 8 --steps 60 --lr 3e-3 -o m.gguf learn.txt
prune="sov-prune -q --method magnitude --ratio 0.7"

# number KEY FILE [N]: the N-th such number of a report
number() {
    grep -o "\"$1\":[-0-9.e+]*" "$2" | sed -n "${3:-1}s/.*://p"
}

# ---- healing: nearer to the source, zeros where they were

expect 0 $prune --json --compare judge.txt -o hurt.gguf m.gguf
hurt=$(number kld out)
heal="$prune --heal-steps 30 --heal-lr 1e-3 --heal-text learn.txt"
expect 0 $heal --json --compare judge.txt -o healed.gguf m.gguf
out_has '"heal":{"steps":30,'
awk -v a="$hurt" -v b="$(number kld out)" 'BEGIN { exit !(b > 0 && b < a * 0.8) }' ||
    fail "a divergence of $hurt, and $(number kld out) once healed"
values() {
    sov-show --tensor 'blk.*' --values "$1" | tr -s '[:space:]' '\n'
}
values hurt.gguf >before
values healed.gguf >after
paste before after | awk '
    $1 == "0" && $2 "" != "0" { lost++ }
    $1 == "0" { n++ }
    END { if (n < 10000 || lost > 0) { print n, lost; exit 1 } }
' || fail "zeros are filled"
[ "$(wc -c <healed.gguf)" -le "$(wc -c <m.gguf)" ] || fail "it grew"
for how in "-j 1" "-j 3" "--max-memory 60M"; do
    expect 0 $heal $how -f -o again.gguf m.gguf
    cmp healed.gguf again.gguf || fail "another one with $how"
done
expect 0 sov-run -m healed.gguf -p Once -n 2 --temp 0
expect 0 sh -c "cat m.gguf | $heal -o - - | cmp - healed.gguf"

# the text is that of --calib, unless another one is named
expect 0 sov-prune -q --calib learn.txt --ratio 0.5 --heal-steps 2 -f \
    -o again.gguf m.gguf

# where the shape is another, all that is left learns
expect 0 sov-prune -q --method layers --ratio 0.34 --calib learn.txt \
    --heal-steps 4 --heal-lr 1e-3 --compare judge.txt --json -o thin.gguf m.gguf
out_has '"model":"dense"'
expect 0 sov-run -m thin.gguf -p Once -n 2 --temp 0

# a quarter of the weights of tale, and most of what that costs is made good
expect 0 sov-prune -q --method rotate --ratio 0.25 --calib learn.txt \
    --calib-tokens 4096 -o less.gguf tok.gguf
expect 0 sov-prune -q --method rotate --ratio 0.25 --calib learn.txt \
    --calib-tokens 4096 --heal --heal-steps 12 --heal-lr 5e-4 --json \
    -o better.gguf tok.gguf
out_has '"heal":{"steps":12,'
awk -v a="$(number source_weights out)" -v b="$(number weights out)" \
    'BEGIN { exit !(b < 0.7501 * a) }' || fail "not a quarter"
for m in tok less better; do
    expect 0 sov-bench -q --perplexity judge.txt --json $m.gguf
    number bits_per_byte out
done >bits
tr '\n' ' ' <bits | awk '{ exit !($1 < $3 && $3 < $2 && $3 < 1.06 * $1) }' ||
    fail "bits a byte of all, without a quarter, and healed: $(cat bits)"

# --heal is the same for what leaves as a whole, of so many steps
expect 0 sov-prune -q --method layers --ratio 0.34 --calib learn.txt \
    --heal --heal-steps 4 --heal-lr 1e-3 -o thin2.gguf m.gguf
cmp thin.gguf thin2.gguf || fail "--heal trains otherwise"
expect 0 sov-prune -q --method layers --ratio 0.34 --calib learn.txt \
    --calib-tokens 256 --heal --json -fo thin2.gguf m.gguf
out_has '"heal":{"steps":200,'
expect 64 sov-prune --method vocab --calib learn.txt --heal -o x.gguf m.gguf
err_has 'nothing is to be healed'

# its claim does not promise more than it can
sov-verify -q --keygen a --no-password
expect 0 $heal --sign-key a.key -f -o signed.gguf m.gguf
expect 0 sov-verify --key a.pub signed.gguf
if command -v jq >/dev/null; then
    tail -n 1 signed.gguf.claims.jsonl | jq -r .dsseEnvelope.payload |
        base64 -d >payload
    jq -c .predicate.buildDefinition payload >said
    grep -q '"determinism":"same-machine-class"' said || fail "$(cat said)"
    grep -q '"heal_steps":30' said || fail "$(cat said)"
    grep -q "$(sha256sum learn.txt | cut -d' ' -f1)" said ||
        fail "the text is not named by its digest"
    # it took ten times what a tenth of these steps takes in sov-distill
    flop=$(jq -r .predicate.sov_compute.flop payload)
    expect 0 sov-distill -q --student m.gguf --teacher m.gguf --alpha 1 \
        --batch 8 --steps 3 --sign-key a.key -o three.gguf learn.txt
    tail -n 1 three.gguf.claims.jsonl | jq -r .dsseEnvelope.payload |
        base64 -d | jq -e --arg all "$flop" '.predicate.sov_compute.flop |
        tonumber * 10 == ($all | tonumber)' >/dev/null || fail "took $flop"
fi

# ---- beside the same bytes spent otherwise

expect 0 $prune --compare judge.txt -f -o hurt.gguf m.gguf
out_has 'better than the dense one  no'
expect 1 $prune --compare judge.txt --require-better -f -o hurt.gguf m.gguf
err_has "the dense model of as many bytes is better"
err_one_line
[ -s hurt.gguf ] || fail "the output went, though only the answer was no"
# an output of a quarter is compared with one of a quarter
expect 0 sov-prune -q --method layers --ratio 0.67 --calib learn.txt \
    --compare judge.txt --json -f -o thin.gguf m.gguf
grep -o '"model":"[a-z]*","bytes":[0-9]*' out | sed 's/.*"model":"\([a-z]*\)","bytes":/\1 /' >sizes
awk '{ b[$1] = $2 }
    END { exit !(b["dense"] <= b["pruned"] * 1.001 && b["dense"] > b["pruned"] * 0.9 &&
                 b["pruned"] < b["source"]) }' sizes || fail "$(cat sizes)"

# ---- what does not go together

expect 64 $prune --heal-steps 2 -f -o x.gguf m.gguf
err_has "--heal-text TEXT"
expect 64 $prune --heal-text learn.txt -o x.gguf m.gguf
expect 64 $prune --heal-steps 2 --heal-text - -o x.gguf m.gguf
expect 64 $prune --require-better -o x.gguf m.gguf
expect 64 $prune --compare judge.txt -o - m.gguf
expect 64 $prune --compare judge.txt -o x.safetensors m.gguf
expect 66 $prune --compare none.txt -o x.gguf m.gguf
printf "Once upon a time" >short.txt
expect 65 $prune --compare short.txt -o x.gguf m.gguf
err_has "give more text"
expect 66 $prune --heal-steps 2 --heal-text none.txt -o x.gguf m.gguf
expect 71 $heal --max-memory 1M -o x.gguf m.gguf
expect 73 $prune --compare judge.txt -f -o judge.txt m.gguf
[ ! -e x.gguf ] || fail "an output after a refusal"

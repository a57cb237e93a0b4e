#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# lora - models with adapters answer as stock llama.cpp does; with adapters
# merged they answer the same; and what does not fit is refused
. "${top_srcdir:?}/tests/cli/lib.sh"
PATH=$top_builddir/tests/tools:$PATH
XDG_CONFIG_HOME=$scratch/none
export XDG_CONFIG_HOME

# ---- as the peer does: run with adapters, and merged into f32

record=$top_srcdir/tests/data/lora.txt
grep '^form ' "$record" >cases
[ -s cases ] || fail "no record"
while read -r line; do
    rest=${line#*| }
    name=${line#form }
    name=${name%% *}
    form=${rest%% |*}
    n=0
    adapters=
    merged=
    # shellcheck disable=SC2086
    expect 0 mkmodel form=$form model.gguf
    while [ "$rest" != "${rest#*| }" ]; do
        rest=${rest#*| }
        scale=${rest%% *}
        one=${rest%% |*}
        args=
        [ "$one" = "$scale" ] || args=${one#* }
        n=$((n + 1))
        set -f
        # shellcheck disable=SC2086
        expect 0 mklora $args model.gguf "$n.gguf"
        set +f
        adapters="$adapters $n.gguf:$scale"
        merged="$merged --lora $n.gguf:$scale"
    done
    # shellcheck disable=SC2086
    expect 0 answers "$name" "$record" model.gguf $adapters
    cat out
    # shellcheck disable=SC2086
    expect 0 sov-quantize -q --force $merged -o merged.gguf model.gguf
    expect 0 answers "$name" "$record" merged.gguf
    expect 1 answers "$name" "$record" model.gguf # without
done <cases

# ---- the same bits on every way to them

isas='generic avx2 avxvnni avx512 avx512vbmi avx512bf16 neon'
all_alike() {
    what=$1
    shift
    digest=
    for isa in $isas; do
        expect 0 env SOV_ISA="$isa" logitsum -n 40 "$@"
        [ -n "$digest" ] || digest=$(cat "$scratch/out")
        [ "$(cat "$scratch/out")" = "$digest" ] ||
            fail "$what: other logits with SOV_ISA=$isa"
    done
    echo "$digest $what"
}

expect 0 mkmodel layers=1 width=256 heads=4 kv=2 ffn=512 vocab=256 tied=0 \
    dense.gguf
expect 0 mkmodel layers=1 width=256 heads=4 kv=2 ffn=256 vocab=96 tied=1 \
    experts=4 tied.gguf
expect 0 sov-quantize -q -t q4_k --effort 1 -o dense.q4.gguf dense.gguf
expect 0 mklora rank=32 type=q8_0 embd=1 size=0.05 dense.gguf a.gguf
expect 0 mklora rank=5 type=f16 embd=1 size=0.05 seed=2 dense.gguf b.gguf
expect 0 mklora rank=32 type=bf16 embd=1 size=0.05 tied.gguf c.gguf
expect 0 mklora rank=3 type=f32 'only=*exps*' size=0.05 tied.gguf d.gguf
expect 0 mklora rank=256 type=q4_k 'only=*ffn*' size=0.02 tied.gguf e.gguf
all_alike "two adapters, dense" -l a.gguf:1 -l b.gguf:0.5 dense.q4.gguf
all_alike "two adapters, experts" -l c.gguf:1 -l d.gguf:-1 tied.gguf
all_alike "q4_k adapter, experts" -l e.gguf:1 tied.gguf
all_alike "precise" -p -l c.gguf:1 tied.gguf

# ---- tied embeddings, which the peer cannot change: both uses follow

printf '[3,17,5,22,9,0,11,14,8,20]' >ids.json

# alike LIMIT A B: normalised mean squared error of two files of logits, or of
# what is in A.text and B.text
alike() {
    for _f in "$2" "$3"; do
        [ ! -e "$_f" ] || od -An -v -t f4 -w4 "$_f" >"$_f.text"
    done
    paste "$2.text" "$3.text" | awk -v limit="$1" '
        { e += ($1 - $2) ^ 2; s += $1 ^ 2 }
        END { printf "error %.2g\n", e / s; exit !(NR > 0 && e / s <= limit) }' ||
        fail "logits of $2 and $3 differ"
}

expect 0 mklora rank=4 embd=1 size=0.1 only=token_embd.weight tied.gguf f.gguf
expect 0 sov-run -m tied.gguf --precise --input-ids ids.json --logits 0.f32
expect 0 sov-run -m tied.gguf --precise --input-ids ids.json \
    --lora f.gguf:0.5 --lora c.gguf --logits 1.f32
expect 0 sov-quantize -q -t f32 --lora f.gguf:0.5 --lora c.gguf:1 \
    -o tied.f32.gguf tied.gguf
expect 0 sov-run -m tied.f32.gguf --precise --input-ids ids.json --logits 2.f32
alike 1e-9 1.f32 2.f32
cmp -s 0.f32 1.f32 && fail "an adapter of the embeddings changes nothing"

# embeddings, too, are those of the merged model
vector() {
    expect 0 sov-run --embed --precise -p 'a tale' -m "$@"
    sed 's/.*"embedding":\[//; s/\].*//' out | tr , '\n'
}
expect 0 mkmodel form=llama vocab=300 v.gguf
expect 0 mklora embd=1 v.gguf w.gguf
expect 0 sov-quantize -q --lora w.gguf:0.5 -o wm.gguf v.gguf
vector v.gguf >v0.text
vector v.gguf --lora w.gguf:0.5 >v1.text
vector wm.gguf >v2.text
alike 1e-9 v1 v2
cmp -s v0.text v1.text && fail "embeddings without their adapter"

# kept types: as good as those are, whatever threads and memory there are
expect 0 sov-quantize -q --lora c.gguf --lora f.gguf:0.5 -o kept.gguf tied.gguf
expect 0 sov-run -m kept.gguf --precise --input-ids ids.json --logits 3.f32
alike 1e-4 1.f32 3.f32
expect 0 sov-quantize -q -j 3 --max-memory 8M --lora c.gguf --lora f.gguf:0.5 \
    -o again.gguf tied.gguf
cmp kept.gguf again.gguf || fail "other bytes with other threads and memory"
expect 0 env SOV_ISA=generic sov-quantize -q --lora c.gguf --lora f.gguf:0.5 \
    --force -o again.gguf tied.gguf
cmp kept.gguf again.gguf || fail "other bytes with SOV_ISA=generic"
expect 0 sov-quantize -q --lora c.gguf --lora f.gguf:0.5 --force -o - - \
    <tied.gguf
cmp kept.gguf out || fail "other bytes through a pipe"
# what no adapter changes stays to the bit, in a quantized model too
expect 0 mklora 'only=*attn_q*' size=0.05 dense.gguf q.gguf
expect 0 sov-quantize --lora q.gguf -o merged.q4.gguf dense.q4.gguf
err_has "quantized before"
expect 1 sov-show --diff dense.q4.gguf merged.q4.gguf
out_has blk.0.attn_q.weight
grep -qE 'attn_[kvo]|ffn|embd|output.weight' out &&
    fail "the adapter changed more than it should"

# another adapter is another job; with the same one the part is gone on with
expect 0 sov-quantize -q --lora c.gguf:0.5 -o fresh.gguf tied.gguf
for scale in 0.25 0.5; do
    cut=0
    head -c 100000 tied.gguf |
        sov-quantize -q --resume --lora "c.gguf:$scale" -o r.gguf - 2>err ||
        cut=$?
    [ $cut -eq 65 ] || fail "status $cut of a model that is cut short"
    [ -e r.gguf.part.journal ] || fail "nothing to go on from"
    expect 0 sov-quantize -v --resume --lora c.gguf:0.5 -o r.gguf tied.gguf
    cmp r.gguf fresh.gguf || fail "other bytes after a stop"
    if [ $scale = 0.5 ]; then
        err_has "going on behind"
    else
        err_has "was begun with another model, options"
    fi
    rm r.gguf
done

# ---- counted

expect 0 sov-run -m dense.gguf --lora a.gguf --dry-run --json
out_has '"adapters":'
expect 0 sov-run -m dense.gguf --dry-run --json
grep -q adapters out && fail "adapters where there are none"
expect 71 sov-run -m dense.gguf --lora a.gguf --max-memory 1M -p a
err_one_line

# ---- what does not fit

expect 0 mkmodel form=llama model.gguf
while IFS='|' read -r kind status words; do
    expect 0 mklora "bad=$kind" alpha=8 embd=1 model.gguf bad.gguf
    expect "$status" sov-run -m model.gguf --input-ids ids.json --lora bad.gguf
    err_has "bad.gguf"
    err_has "$words"
    err_one_line
    expect "$status" sov-quantize --lora bad.gguf -o x.gguf model.gguf
    err_has "$words"
    err_one_line
done <<END
model|65|general.type is 'model', not 'adapter'
nokind|65|adapter.type is missing
kind|69|adapter.type is 'ia3', not 'lora'
noarch|65|general.architecture is missing
arch|65|the adapter is for the architecture 'other', the model is 'llama'
alpha|65|adapter.lora.alpha
later|69|adapter.alora.invocation_tokens
nob|65|has no .lora_b
noa|65|has no .lora_a
none|65|changes no tensor
rank|65|they share no rank
high|65|token_embd.weight of the model is 32 x 24 x 1, the adapter is for
wide|65|they share no rank
turn|65|they share no rank
stack|65|the matrices of token_embd.weight are 2 and 2
alone|65|the matrices of token_embd.weight are 2 and 1
deep|65|the matrices of token_embd.weight
type|69|type i32 cannot be run
empty|65|is empty
suffix|65|is neither .lora_a nor .lora_b
name|65|the model has no tensor blk.99.attn_q.weight
vector|65|is a vector
END
expect 0 mklora bad=wide model.gguf bad.gguf
expect 65 sov-run -m model.gguf --input-ids ids.json --lora bad.gguf
err_has "of the model is 32 x 32 x 1, the adapter is for 33 x 32 x 1"
expect 0 mklora bad=stack model.gguf bad.gguf
expect 65 sov-run -m model.gguf --input-ids ids.json --lora bad.gguf
err_has "the adapter is for 32 x 32 x 2"
expect 0 mklora alpha=nan model.gguf bad.gguf
expect 65 sov-run -m model.gguf --input-ids ids.json --lora bad.gguf
err_has "adapter.lora.alpha is nan"

# weights that are no numbers are met when they are merged
expect 0 mklora bad=nan model.gguf bad.gguf
expect 65 sov-quantize --lora bad.gguf -o x.gguf model.gguf
err_has "is not a number"

# names and scales
expect 0 mklora model.gguf a:b.gguf
expect 0 mklora model.gguf c:2
for given in a:b.gguf a:b.gguf:0.5 c:2:1 a:b.gguf:-1e-3; do
    expect 0 sov-run -m model.gguf --input-ids ids.json --lora $given \
        --logits x.f32 --force
done
expect 66 sov-run -m model.gguf --input-ids ids.json --lora c:2
for given in '' :2 - -:2 a:b.gguf:1e99; do
    expect 64 sov-run -m model.gguf --input-ids ids.json --lora "$given"
done
many=
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17; do
    many="$many --lora a:b.gguf:0.$i"
    # shellcheck disable=SC2086
    [ $i -ne 16 ] || expect 0 sov-run -m model.gguf --input-ids ids.json \
        $many --logits x.f32 --force
done
# shellcheck disable=SC2086
expect 64 sov-run -m model.gguf --input-ids ids.json $many --logits x.f32
expect 65 sov-run -m model.gguf --input-ids ids.json --lora model.gguf
err_has "general.type"
expect 64 sov-quantize -t f32 --lora a:b.gguf -o folder/ model.gguf
expect 73 sov-run -m model.gguf --input-ids ids.json --lora a:b.gguf --force \
    --logits a:b.gguf

# ---- whose claims

sov-verify -q --keygen a --no-password
printf 'sov-policy v1\nkey a minisign %s\n' "$(tail -n 1 a.pub)" >a.pol
cp a:b.gguf good.gguf
expect 0 sov-verify -q --adopt --sign-key a.key model.gguf
for tool in "sov-quantize -q -o m.gguf model.gguf" \
    "sov-run -m model.gguf --input-ids ids.json --logits x.f32 --force"; do
    # shellcheck disable=SC2086
    expect 77 $tool --require-claims a.pol --lora good.gguf
    err_has "good.gguf: refused"
done
expect 0 sov-verify -q --adopt --sign-key a.key good.gguf
expect 0 sov-run -m model.gguf --input-ids ids.json --logits x.f32 --force \
    --require-claims a.pol --lora good.gguf
expect 0 sov-quantize -q --require-claims a.pol --lora good.gguf:0.5 \
    --sign-key a.key -o m.gguf model.gguf
expect 0 sov-verify --key a.pub m.gguf
tail -n 1 m.gguf.claims.jsonl | sed 's/.*"payload":"\([^"]*\)".*/\1/' |
    base64 -d >statement
grep -q '"lora":\["good.gguf:0.5"\]' statement || fail "no lora in the claim"
grep -q '"sov_role":"adapter"' statement || fail "no adapter in the claim"
grep -q "$(sha256sum good.gguf | cut -d ' ' -f 1)" statement ||
    fail "not the digest of the adapter"
echo >>good.gguf
expect 77 sov-quantize -q --require-claims a.pol --lora good.gguf \
    --force -o m.gguf model.gguf

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# recompute - what a claim says is done once more, and compared
. "${top_srcdir:?}/tests/cli/lib.sh"

command -v jq >/dev/null || skip "no jq"
XDG_CONFIG_HOME=$scratch/none
export XDG_CONFIG_HOME
tools=$top_builddir/tests/tools
sov-verify -q --keygen k --no-password
sov-verify -q --keygen x --no-password
"$tools/mkmodel" layers=3 width=256 ffn=512 vocab=300 m.gguf
"$tools/mkmodel" layers=3 width=256 ffn=512 vocab=300 seed=7 other.gguf

# make OUT TOOL ARGUMENT...: signed, with one thread on one instruction set
make() {
    _out=$1
    shift
    SOV_ISA=avx512 expect 0 "$@" -q -j 1 --sign-key k.key -fo "$_out"
}

# again MODEL SOURCE...: all of it, elsewhere
again() {
    _model=$1
    shift
    for _isa in avx2 generic; do
        SOV_ISA=$_isa expect 0 sov-verify --key k.pub --recompute=all -j 3 \
            --json "$@" "$_model"
        jq -e '.recomputed and .all and .compared == .tensors and
            .chance_of_1_percent == 1 and .metadata' out >/dev/null ||
            fail "$_model, $_isa"
    done
}

# ---- whatever can be made can be made again

make q.gguf sov-quantize -t q4_k_m m.gguf
again q.gguf --source m.gguf
make q.gguf sov-quantize -t q8_0 --tensor-type '*ffn_down*=Q6_K' --effort 2 \
    --align 64 --on-nonfinite zero m.gguf
again q.gguf --source m.gguf
make q.gguf sov-quantize -t copy --set general.name=other \
    --unset 'general.file*' --set a.b:u32=5 m.gguf
again q.gguf --source m.gguf
make q.gguf sov-quantize --target-size 1600K m.gguf
again q.gguf --source m.gguf
expect 0 sov-quantize -q --target-bpw 5 --dry-run --plan-out plan m.gguf
make q.gguf sov-quantize --plan plan m.gguf
again q.gguf --source m.gguf
"$tools/mkstats" m.gguf im.gguf
make q.gguf sov-quantize -t q4_0 --stats im.gguf m.gguf
again q.gguf --source m.gguf --stats im.gguf
jq -e '.statistics | test("as signed")' out >/dev/null || fail "statistics"
again q.gguf --source im.gguf --source m.gguf
make w.gguf sov-prune --method wanda --ratio 0.5 --stats im.gguf m.gguf
again w.gguf --source m.gguf --source im.gguf
for how in "--ratio 0.3" "--pattern 16x32:64" \
    "--pattern 8x --ratio 0.1" "--ratio 0.5 --tensor-ratio *attn_k*=2:4"; do
    set -f
    # shellcheck disable=SC2086
    make p.gguf sov-prune --method magnitude $how --plan-out plan m.gguf
    set +f
    again p.gguf --source m.gguf
    make p.gguf sov-prune --plan plan m.gguf
    again p.gguf --source m.gguf
done
make h.gguf sov-prune --method magnitude --pattern 32:64 m.gguf
make s.gguf sov-prune --pack h.gguf
again s.gguf --source h.gguf
make u.gguf sov-prune --unpack s.gguf
again u.gguf --source s.gguf
make s.gguf sov-prune --method magnitude --pattern 24:64 --pack --pack-bits 8 \
    m.gguf
again s.gguf --source m.gguf
make s.gguf sov-prune --method magnitude --target-size 2500K --pack m.gguf
again s.gguf --source m.gguf
# adapters, in their order and with their scales
"$tools/mklora" m.gguf l1.gguf
"$tools/mklora" seed=5 m.gguf l2.gguf
make q.gguf sov-quantize -t q5_k_s --lora l1.gguf:0.3 --lora l2.gguf m.gguf
again q.gguf --source l2.gguf --source l1.gguf --source m.gguf
cp l1.gguf same.gguf
again q.gguf --source same.gguf --source l2.gguf --source m.gguf

# in pieces, in an archive, out of a pipe, as a folder of files
make split.gguf sov-quantize -t q4_k_s --split-max-tensors 9 m.gguf
expect 0 sov-verify --key k.pub --recompute=all --source m.gguf \
    split-00001-of-*.gguf
make q.tar sov-quantize -t q4_k_s m.gguf
expect 0 sov-verify --key k.pub --recompute=all --source m.gguf q.tar
# shellcheck disable=SC2094
sov-quantize -q -t q4_k_s --sign-key k.key --claims-out c -o - - <m.gguf >q.gguf
expect 0 sov-verify --key k.pub --claims c --recompute=all --source m.gguf \
    q.gguf
expect 0 sov-verify --key k.pub --claims c --recompute=all --source m.gguf - \
    <q.gguf
make q.safetensors sov-quantize -t f16 m.gguf
expect 0 sov-verify --key k.pub --recompute=all --source m.gguf q.safetensors
make two.gguf sov-quantize -t f16 --split-max-tensors 9 m.gguf
make q.gguf sov-quantize -t q4_k_s "$(ls two-00001-of-*.gguf)"
again q.gguf --source "$(ls two-00001-of-*.gguf)"

# ---- a sample

make q.gguf sov-quantize -t q4_k_m m.gguf
expect 0 sov-verify --key k.pub --recompute=5 --source m.gguf q.gguf
out_has "drawn with --seed"
expect 0 sov-verify --key k.pub --recompute=5 --seed 9 --json \
    --source m.gguf q.gguf
# of 28 others one is 1 %, and 5 are drawn; the head is the embeddings
jq -e '.seed == 9 and (.all | not) and .always == 1 and .compared == 6 and
    ((.chance_of_1_percent - 5 / (.tensors - 1)) | fabs) < 1e-9' out \
    >/dev/null || {
    show
    fail "the chance"
}
for n in 0 -1 x 5x all1; do
    expect 64 sov-verify --key k.pub --recompute=$n --source m.gguf q.gguf
done

# ---- what cannot be told is not called wrong

cannot() {
    expect 69 sov-verify --key k.pub --recompute=all "$@"
    err_one_line
    err_has "cannot be re-computed"
    out_empty
}
cannot q.gguf
err_has "m.gguf (parent) is missing"
cannot --source other.gguf q.gguf
err_has "other.gguf is nothing that it was made from"

# a folder that is no model, and what is not there, each named once
mkdir folder
expect 65 sov-verify --key k.pub --recompute --source folder q.gguf
err_has "q.gguf: folder: no model in this folder"
for model in gone.gguf ./gone.gguf; do
    expect 66 sov-verify --key k.pub --recompute --source m.gguf $model
    err_has "sov-verify: $model: No such file or directory"
done
cannot --source m.gguf --source plan q.gguf
err_has "plan is nothing"
make i.gguf sov-quantize -t q4_0 --stats im.gguf m.gguf
cannot --source m.gguf i.gguf
err_has "im.gguf (imatrix) is missing"
cp m.gguf adopted.gguf
expect 0 sov-verify -q --adopt --sign-key k.key adopted.gguf
cannot --source m.gguf adopted.gguf
err_has "adopt"
expect 66 sov-verify --key k.pub --recompute --source none q.gguf
expect 77 sov-verify --key x.pub --recompute --source m.gguf q.gguf
err_has "not trusted"
# what a policy refuses is not allowed by being true
{
    echo sov-policy v1
    echo "key k minisign $(tail -n 1 k.pub)"
    echo param quantize.type allow q4_k_m
} >policy
expect 0 sov-verify -q --policy policy --recompute --source m.gguf q.gguf
sed -i 's/q4_k_m/q8_0/' policy
expect 77 sov-verify -q --policy policy --recompute --source m.gguf q.gguf
err_has "line 3 (param quantize.type allow q8_0)"
err_one_line
out_empty
expect 66 sov-verify --key k.pub --recompute --source m.gguf m.gguf
err_has "no claims"
expect 64 sov-verify --key k.pub --recompute --source m.gguf q.gguf i.gguf
expect 64 sov-verify --key k.pub --source m.gguf q.gguf
expect 64 sov-verify --key k.pub --receipt r q.gguf
expect 64 sov-verify --key k.pub --recompute --sign-key k.key \
    --source m.gguf q.gguf

# ---- forgery: somebody whose key is believed signs what is not so

. "$top_srcdir/tests/cli/sov-verify/forge.sh"

no() {
    expect 1 sov-verify --key k.pub --recompute=all --source m.gguf "$@"
    err_one_line
}

# a single weight: the scale of one block would be many
make q.gguf sov-quantize -t q8_0 m.gguf
name=blk.1.ffn_up.weight
off=$(sov-show --json q.gguf | jq ".tensors[] | select(.name == \"$name\") |
    .offset")
# row 3 (256 weights: 8 blocks of 34 bytes), weight 40: block 1, byte 2 + 8
at=$((off + 3 * 272 + 34 + 2 + 8))
cp q.gguf a.gguf
cp q.gguf.claims.jsonl a.gguf.claims.jsonl
old=$(od -An -tu1 -j $at -N 1 a.gguf | tr -d ' ')
# shellcheck disable=SC2059
printf "\\$(printf %03o $(((old + 9) % 256)))" |
    dd of=a.gguf bs=1 seek=$at conv=notrunc 2>/dev/null
no a.gguf
err_has "tensor $name: weight 40 of row 3 is "
expect 1 sov-verify --key k.pub a.gguf
forge a.gguf .
no a.gguf
err_has "tensor $name: weight 40 of row 3 is "
no --json a.gguf
jq -e '(.recomputed | not) and (.altered | not) and (.differences | length) == 1
    and .differences[0].row == 3 and .differences[0].column == 40 and
    .differences[0].weights == 1 and
    .differences[0].is != .differences[0].should_be' out >/dev/null ||
    fail "the weight in JSON"
# a sample that does not have it says nothing of it
expect 0 sov-verify --key k.pub --recompute=1 --seed 1 --source m.gguf a.gguf

# a claim that lies about how
lie() {
    make q.gguf sov-quantize -t q4_k_m --tensor-type '*attn_k*=q8_0' m.gguf
    forge q.gguf "$1"
    no q.gguf
    err_has "$2"
}
p=.predicate.buildDefinition.externalParameters
lie "$p.type = \"q5_k_m\"" "has another type"
lie "del($p.tensor_type)" "has another type"
lie "$p.effort = 1" "weight"
lie "$p.set = [\"general.name=mine\"]" "key general.name"
make q.gguf sov-prune --method magnitude --ratio 0.5 m.gguf
forge q.gguf "$p.ratio = \"0.25\""
no q.gguf
err_has "weight"
# metadata that somebody changed
make q.gguf sov-quantize -t q8_0 m.gguf
make e.gguf sov-quantize -t copy --set general.name=evil q.gguf
cp q.gguf.claims.jsonl e.gguf.claims.jsonl
forge e.gguf .
no e.gguf
err_has "key general.name"

# what this version does not know, or would do in another way
unsure() {
    make q.gguf sov-quantize -t q4_k_m m.gguf
    forge q.gguf "$1"
    expect 69 sov-verify --key k.pub --recompute=all --source m.gguf q.gguf
    err_has "$2"
}
i=.predicate.buildDefinition.internalParameters
unsure "$p.magic = 1" "magic, which this version does not know"
unsure "$p.type = \"q5_k_m\" | $i.arithmetic = 99" "use that version"
unsure "$p.type = \"q5_k_m\" | del($i.arithmetic) |
    .predicate.runDetails.builder.version.sov = \"0.0.9\"" "made by sov 0.0.9"
unsure "$i.determinism = \"same-machine-class\"" "trained"
unsure ".predicate.buildDefinition.buildType = \"urn:sov:buildtype:quantize:v2\"" \
    "quantize:v2"
make q.gguf sov-quantize -t q4_k_m m.gguf
forge q.gguf "$i.arithmetic = 99" # the same bytes are the same bytes
expect 0 sov-verify --key k.pub --recompute=all --source m.gguf q.gguf
for odd in "$p.type = 5" "$p.effort = \"x\"" "$p.tensor_type = [3]" "del($p.type)"; do
    make q.gguf sov-quantize -t q4_k_m m.gguf
    forge q.gguf "$odd"
    expect 65 sov-verify --key k.pub --recompute=all --source m.gguf q.gguf
done

# ---- a receipt

make q.gguf sov-quantize -t q4_k_m m.gguf
export SOURCE_DATE_EPOCH=1700000000
expect 0 sov-verify -q --key k.pub --recompute=all --source m.gguf \
    --receipt r.json q.gguf
out_empty
jq -e --arg sha "$(sha256sum <q.gguf | cut -c 1-64)" '
    .predicateType == "https://slsa.dev/verification_summary/v1" and
    .subject[0].digest.sha256 == $sha and
    .predicate.verificationResult == "PASSED" and
    .predicate.timeVerified == "2023-11-14T22:13:20Z" and
    .predicate.verifiedLevels == ["SOV_RECOMPUTED_ALL"] and
    .predicate.sov_recompute.compared == .predicate.sov_recompute.tensors' \
    r.json >/dev/null || fail "the receipt"
expect 73 sov-verify -q --key k.pub --recompute=all --source m.gguf \
    --receipt r.json q.gguf
expect 0 sov-verify -q --key k.pub --recompute=3 --source m.gguf --seed 4 \
    --sign-key x.key --receipt r.jsonl q.gguf
cat r.jsonl >>q.gguf.claims.jsonl
expect 0 sov-verify --key k.pub --key x.pub q.gguf
expect 0 sov-verify -q --key k.pub --recompute=all --source m.gguf q.gguf
expect 1 sov-verify --key k.pub --recompute=all --source m.gguf \
    --receipt n.json a.gguf
jq -e '.predicate.verificationResult == "FAILED" and
    .predicate.sov_recompute.differences[0].row == 3' n.json >/dev/null ||
    fail "the receipt of a no"
expect 69 sov-verify --key k.pub --recompute=all --receipt none.json q.gguf
[ ! -e none.json ] || fail "a receipt without an answer"

# what was changed where nobody looks twice is not what was signed, and no
# receipt says that it is
make q.gguf sov-quantize -t q4_k_m --align 4096 m.gguf
pad=$(sov-show --json q.gguf | jq '[.tensors[] | .offset + .bytes |
    select(. % 4096 != 0)][0]')
cp q.gguf b.gguf
cp q.gguf.claims.jsonl b.gguf.claims.jsonl
printf '\001' | dd of=b.gguf bs=1 seek="$pad" conv=notrunc 2>/dev/null
cmp -s q.gguf b.gguf && fail "nothing was changed"
expect 1 sov-verify --key k.pub --recompute=all --source m.gguf \
    --receipt b.json b.gguf
jq -e '.predicate.verificationResult == "FAILED" and
    .predicate.verifiedLevels == [] and
    .predicate.sov_recompute.different == 0' b.json >/dev/null ||
    fail "a receipt for other bytes"

# ---- a policy that asks for receipts

asks() {
    {
        echo sov-policy v1
        for _key in k x; do
            echo "key $_key minisign $(tail -n 1 $_key.pub)"
        done
        echo "$1"
    } >policy
}
# refused: by that policy, in one line that says why
refused() {
    _why=$1
    shift
    expect 77 sov-verify --policy policy "$@" q.gguf
    err_has "line 4 (recomputed"
    err_has "$_why"
    err_one_line
}
receipt() {
    expect 0 sov-verify -q --key k.pub "--recompute=$1" --seed 4 \
        --source m.gguf --sign-key "$2" --receipt "$3" -f q.gguf
}
receipt all k.key by-k.jsonl
receipt 3 x.key some.jsonl
receipt all x.key all.jsonl
asks "recomputed model x all"
refused "(quantize of q.gguf) has to be re-computed by x; ask them for"
refused "not signed by enough of them" --more-claims by-k.jsonl
refused "of too few tensors" --more-claims some.jsonl
expect 0 sov-verify --policy policy --more-claims all.jsonl q.gguf
cat q.gguf.claims.jsonl all.jsonl >with
expect 0 sov-verify --policy policy --claims with q.gguf
expect 0 sov-run -q --require-claims policy --claims with -m q.gguf -n 1 -p a
expect 77 sov-run -q --require-claims policy -m q.gguf -n 1 -p a
asks "recomputed quantize x 0.1 within 1"
refused "not of that time" --more-claims some.jsonl # of 2023
asks "recomputed quantize x 0.2"
refused "of too few tensors" --more-claims some.jsonl
asks "recomputed quantize x 0.1"
expect 0 sov-verify --policy policy --more-claims some.jsonl q.gguf
# one of another claim, and a no
asks "recomputed model x all"
make r.gguf sov-quantize -t q5_k_m m.gguf
cp r.gguf q.gguf
cp r.gguf.claims.jsonl q.gguf.claims.jsonl
refused "ask them for" --more-claims all.jsonl
cp a.gguf q.gguf
cp a.gguf.claims.jsonl q.gguf.claims.jsonl
expect 1 sov-verify -q --key k.pub --recompute=all --source m.gguf \
    --sign-key x.key --receipt no.jsonl q.gguf
refused "not what the claim makes" --more-claims no.jsonl
# the words of a receipt are signed, too
sed 's/"payload":"./"payload":"f/' all.jsonl >bad
expect 1 sov-verify --policy policy --more-claims bad q.gguf

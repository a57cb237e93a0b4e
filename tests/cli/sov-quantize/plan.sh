#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# plan - types that are chosen for a size, and plans that are read and written
. "${top_srcdir:?}/tests/cli/lib.sh"

command -v jq >/dev/null || skip "no jq"
"$top_builddir/tests/tools/mkmodel" layers=2 width=256 ffn=256 vocab=256 m.gguf
head -c 1200 "$top_srcdir/tests/data/dev.txt" >text
q() {
    expect 0 sov-quantize -q --effort 1 "$@"
}

# a size is kept to the byte, and nearly used up
full=$(wc -c <m.gguf)
for part in 3 4 5 6; do
    size=$((full / part))
    # six is fewer than 2.6 bits: for that one must know what is important
    calib=
    [ $part -lt 6 ] || calib='--calib text'
    # shellcheck disable=SC2086
    q --target-size $size $calib -fo a.gguf m.gguf
    got=$(wc -c <a.gguf)
    [ "$got" -le $size ] || fail "$got bytes, and $size were asked for"
    [ "$got" -ge $((size - size / 50)) ] || fail "only $got of $size bytes"
done
expect 64 sov-quantize -q --effort 1 --target-size "$size" -o none.gguf m.gguf
err_has "too few for this model without --calib or --stats"
q --target-bpw 5 -fo a.gguf m.gguf
weights=$(sov-quantize --dry-run --json -t copy m.gguf | jq .weights)
[ $((8 * $(wc -c <a.gguf))) -le $((5 * weights)) ] || fail "more than 5 bits"
[ $((8 * $(wc -c <a.gguf) * 100)) -ge $((5 * weights * 97)) ] ||
    fail "far below 5 bits"
q --target-size 100M -fo b.gguf m.gguf
[ "$(sov-show --json b.gguf | jq -r '[.tensors[].type] | unique | join(" ")')" \
    = "f16 f32" ] || fail "all could stay"

# the same for any threads, from a pipe, in parts, with a plan in between
size=$((full / 4))
q --target-size $size --calib text --plan-out p.json -fo a.gguf m.gguf
q -j 1 --target-size $size --calib text --plan-out p1.json -fo b.gguf m.gguf
cmp a.gguf b.gguf || fail "another model with one thread"
cmp p.json p1.json || fail "another plan with one thread"
# shellcheck disable=SC2002
cat m.gguf | sov-quantize -q --effort 1 --target-size $size --calib text \
    -fo b.gguf - || fail "a pipe"
cmp a.gguf b.gguf || fail "another model from a pipe"
q --plan p.json --calib text -fo b.gguf m.gguf
cmp a.gguf b.gguf || fail "another model by its plan"
q --plan - --calib text -fo b.gguf m.gguf <p.json
cmp a.gguf b.gguf || fail "another model by a plan from standard input"
q --plan p.json -fo c.gguf m.gguf
tail -c +1 m.gguf | sov-quantize -q --effort 1 --plan p.json -o - - >b.gguf ||
    fail "a plan between pipes"
cmp c.gguf b.gguf || fail "another model between pipes"
q --target-size $size --split-max-size 200K -o s.gguf m.gguf
cat s-*.gguf >all
[ "$(wc -c <all)" -le $size ] || fail "the parts have $(wc -c <all) bytes"

# what is in a plan, and in reports
[ "$(jq -r .schema p.json)" = sov.plan/1 ] || fail "schema"
[ "$(jq .total.bytes p.json)" = "$(wc -c <a.gguf)" ] || fail "bytes"
jq -e '.total.kld > 0 and (.tensors | length) == 15 and
    (.tensors | all(.loss >= 0 and .alpha >= 0 and .bytes > 0))' p.json \
    >/dev/null || fail "plan: $(head -c 300 p.json)"
q --dry-run --target-size $size --calib text m.gguf
out_has "predicted divergence"
out_has "blk.1.ffn_down.weight"
q --dry-run --json --target-size $size --calib text m.gguf
jq -e '.predicted_kld > 0 and .tensors[0].predicted_kld > 0' out >/dev/null ||
    fail "no prediction in JSON"
jq -r '.tensors[] | [.name, .to] | @tsv' out | sort >types
jq -r '.tensors[] | [.name, .type] | @tsv' p.json | sort >planned
[ "$(comm -13 types planned)" = "" ] || fail "the dry run says something else"
q --dry-run --target-size $size --plan-out dry.json m.gguf
jq -e '.total.kld == null' dry.json >/dev/null || fail "a divergence of no text"

# a plan of a mix, changed by hand
q --dry-run -t q4_k_m --plan-out mix.json m.gguf
sed 's/\("blk.0.attn_v.weight", "type": "\)[^"]*/\1q8_0/' mix.json >mine.json
q --plan mine.json --plan-out again.json -fo b.gguf m.gguf
[ "$(sov-show --json b.gguf |
    jq -r '.tensors[] | select(.name == "blk.0.attn_v.weight") | .type')" = \
    q8_0 ] || fail "the plan was not followed"
jq -c '.tensors[] | [.name, .type]' mine.json >one
jq -c '.tensors[] | [.name, .type]' again.json >two
cmp one two || fail "a plan that went through"
q -t q4_k_m -fo a.gguf m.gguf
q --plan mix.json -fo b.gguf m.gguf
"$top_builddir/tests/tools/cmpmodel" a.gguf b.gguf || fail "the plan of a mix"

# what is settled stays so
q --target-size $size --tensor-type '*attn_q*=q6_k' --plan-out p.json \
    -fo b.gguf m.gguf
[ "$(jq -r '[.tensors[] | select(.name | contains("attn_q")) | .type] |
    unique | join(" ")' p.json)" = q6_k ] || fail "--tensor-type"
q --plan mix.json --tensor-type '*attn_q*=q6_k' --plan-out p.json -fo b.gguf \
    m.gguf
[ "$(jq -r '[.tensors[] | select(.name | contains("attn_q")) | .type] |
    unique | join(" ")' p.json)" = q6_k ] || fail "--tensor-type over a plan"

# older readers
q --target-size $size --compat 2023-09 --plan-out p.json -fo b.gguf m.gguf
jq -r '.tensors[].type' p.json | grep -E 'iq|tq|fp4|bf16|q[12]_0' &&
    fail "types of later"
q -t q4_k_m --compat b2081 -fo b.gguf m.gguf

refused() {
    want=$1
    why=$2
    shift 2
    expect "$want" sov-quantize -q --effort 1 "$@" -o none.gguf m.gguf
    err_one_line
    err_has "$why"
    [ ! -e none.gguf ] || fail "left an output"
}
refused 64 "llama.cpp reads iq4_xs since 2024-02-27" -t iq4_xs --compat b2081
refused 64 "older than GGUF" -t q4_k --compat 2023-05
refused 64 "'new' is neither a day" -t q4_k --compat new

# a size that cannot be: told which can, and that one can
refused 64 "the least is " --target-size 10K
least=$(sed 's/.*the least is \([0-9]*\).*/\1/' err)
q --target-size "$least" -fo b.gguf m.gguf
[ "$(wc -c <b.gguf)" -eq "$least" ] || fail "the least is another"
refused 64 "the least is $least" --target-size $((least - 1))
refused 64 "the least is " --target-bpw 0.5

# a divergence
q --max-kld 0.001 --calib text --json -fo b.gguf m.gguf
jq -e '.predicted_kld <= 0.001 and .predicted_kld > 0.0005' out >/dev/null ||
    fail "predicted $(jq .predicted_kld out)"
refused 64 "--calib TEXT is missing" --max-kld 0.001

# a speed
q --target-size $size --min-speed 1 --json --plan-out p.json -fo b.gguf m.gguf
jq -e '.predicted_speed > 1' out >/dev/null || fail "no speed"
jq -e '.total.tokens_per_s > 1 and (.total.machine | length) > 3' p.json \
    >/dev/null || fail "the plan does not say on which machine"
refused 64 "tokens a second are too many" --target-size $size --min-speed 1e9
refused 64 "in what size?" -t q4_k --min-speed 5

# plans that do not fit
bad() {
    jq "$2" mix.json >bad.json
    refused 65 "$1" --plan bad.json
}
bad "the plan lacks tensor $(jq -r '.tensors[3].name' mix.json)" \
    'del(.tensors[3])'
bad "names tensor blk.9.x.weight, which the model does not have" \
    '.tensors[0].name = "blk.9.x.weight"'
bad "names tensor output_norm.weight, whose type is not to be chosen" \
    '.tensors[0].name = "output_norm.weight"'
bad "there is no type 'q9_k'" '.tensors[0].type = "q9_k"'
bad "this version reads" '.schema = "sov.plan/7"'
"$top_builddir/tests/tools/mkmodel" layers=1 width=96 heads=3 kv=3 ffn=160 \
    odd.gguf
expect 0 sov-quantize -q --dry-run -t q8_0 --plan-out odd.json odd.gguf
sed 's/"q8_0"/"q4_k"/' odd.json >bad.json
expect 65 sov-quantize -q --plan bad.json -o none.gguf odd.gguf
err_has "q4_k, whose blocks do not divide rows of 96"
echo '{' >bad.json
refused 65 "bad.json" --plan bad.json
refused 66 "nowhere" --plan nowhere

# options that do not go together
refused 64 "give one" -t q4_k --target-size 1M
refused 64 "give one" --plan mix.json --target-bpw 4
refused 64 "no matrix is called like" --target-size $size --tensor-type 'x*=q4_k'
expect 64 sov-quantize -q --target-size 1M -o folder/ m.gguf
err_has "no blocks"
expect 64 sov-quantize -q --plan - -o none.gguf - <m.gguf
err_has "standard input is the model already"
expect 73 sov-quantize -q --plan mix.json -fo mix.json m.gguf
expect 73 sov-quantize -q -t q4_k --plan-out m.gguf -fo b.gguf m.gguf
expect 0 sov-quantize -q --plan mix.json --depfile d -fo b.gguf m.gguf
grep -q mix.json d || fail "make does not know of the plan"

# no output without the plan that was asked for
expect 74 sov-quantize -q -t q8_0 --plan-out /dev/full -o none.gguf m.gguf
err_has "--plan-out: /dev/full"
[ ! -e none.gguf ] || fail "an output, and status 74"

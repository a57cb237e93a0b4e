#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# calib - a text that the model reads: statistics of it, and rounding by it
. "${top_srcdir:?}/tests/cli/lib.sh"

[ -e "$tale/config.json" ] || skip "models/tale is not here"
tools=$top_builddir/tests/tools
text=$top_srcdir/tests/data/dev.txt
# shellcheck disable=SC2094 # another folder's
head -c 30000 "$text" >text
expect 0 sov-quantize -q -t f16 -o f16.gguf "$tale"

# ---- statistics

expect 0 sov-quantize --calib text --calib-tokens 2048 --stats-out im.gguf \
    f16.gguf
err_one_line
err_has "2048 tokens say little"
out_empty
[ "$(sov-show --get imatrix.chunk_count im.gguf)" = 8 ] || fail "windows"
[ "$(sov-show --get imatrix.chunk_size im.gguf)" = 256 ] || fail "window"
sov-show --get imatrix.datasets im.gguf | grep -q text ||
    fail "name of the text"

# the same bytes whoever adds; also of a folder, a pipe, with little memory
for n in 1 2 3; do
    isa=avx2
    [ $n -eq 2 ] && isa=avx512
    SOV_ISA=$isa sov-quantize -j $n --calib text --calib-tokens 2048 \
        --stats-out b.gguf -f f16.gguf || fail "$isa"
    cmp im.gguf b.gguf || fail "other statistics: $isa, $n threads"
done
sov-quantize --calib - --calib-tokens 2048 --stats-out b.gguf -f f16.gguf \
    <text || fail "standard input"
sov-show --get imatrix.datasets b.gguf >/dev/null
expect 0 sov-quantize --max-memory 30M --calib text --calib-tokens 2048 \
    --stats-out b.gguf -f f16.gguf
cmp im.gguf b.gguf || fail "other statistics with less memory"
# shellcheck disable=SC2002
cat f16.gguf | sov-quantize --calib text --calib-tokens 2048 \
    --stats-out b.gguf -f - || fail "a model in a pipe"
cmp im.gguf b.gguf || fail "other statistics of a pipe"

# ---- rounding

expect 0 sov-quantize -t q4_k_s --calib text --calib-tokens 2048 -o a.gguf \
    --stats-out c.gguf --json f16.gguf
out_has '"calib":"text","calib_tokens":2048,"calib_window":256'
out_has '"stats":"c.gguf","stats_entries":42,"stats_used":42,"stats_missing":0'
cmp im.gguf c.gguf || fail "other statistics beside a model"
for isa in avx2 avx512; do
    n=$((n % 3 + 1))
    SOV_ISA=$isa sov-quantize -q -j $n -t q4_k_s --calib text \
        --calib-tokens 2048 -fo b.gguf f16.gguf || fail "$isa"
    cmp a.gguf b.gguf || fail "other bytes: $isa, $n threads"
done
expect 0 sov-quantize -q --max-memory 59M -t q4_k_s --calib text \
    --calib-tokens 2048 -fo b.gguf f16.gguf
cmp a.gguf b.gguf || fail "other bytes with less memory"
[ "$(sov-show --get quantize.imatrix.dataset a.gguf)" = text ] ||
    fail "dataset"
[ "$(sov-show --get quantize.imatrix.chunks_count a.gguf)" = 8 ] ||
    fail "chunks"

# it is closer than with the same statistics alone, and of the same size
expect 0 sov-quantize -q -t q4_k_s --stats im.gguf -o s.gguf f16.gguf
size() {
    sov-show --json "$1" | sed 's/.*"tensor_bytes":\([0-9]*\).*/\1/'
}
[ "$(size a.gguf)" = "$(size s.gguf)" ] || fail "another size"
tail -c 40000 "$text" >dev
"$tools/kld" dev f16.gguf s.gguf a.gguf >kld
awk 'NR == 1 { plain = $2 }
     NR == 2 { print "with feedback", $2, "without", plain
               exit !($2 < 0.92 * plain) }' kld || fail "no better"

# every architecture, with bytes for tokens
awk 'BEGIN {
    printf "[\"<unk>\",\"<s>\",\"</s>\""
    for (i = 0; i < 256; i++) printf ",\"<0x%02X>\"", i
    for (i = 259; i < 300; i++) printf ",\"%c%d\"", 97 + i % 26, i
    printf "]"
}' >tokens
awk 'BEGIN { printf "[2,3,3"
    for (i = 0; i < 256; i++) printf ",6"
    for (i = 259; i < 300; i++) printf ",1"
    printf "]" }' >types
awk 'BEGIN { printf "[0"; for (i = 1; i < 300; i++) printf ",-%d", i; printf "]" }' >scores
sed -n 's/^form \([^ ]*\) [^ ]*/\1/p' "$top_srcdir/tests/data/arch.txt" >forms
[ -s forms ] || fail "no forms"
while read -r form extra; do
    # shellcheck disable=SC2086 # words
    "$tools/mkmodel" "form=$form" $extra vocab=300 bare.gguf ||
        fail "mkmodel $form"
    sov-quantize -q -f -o m.gguf --set tokenizer.ggml.model:str=llama \
        --set tokenizer.ggml.tokens:str[]=@tokens \
        --set tokenizer.ggml.token_type:i32[]=@types \
        --set tokenizer.ggml.scores:f32[]=@scores bare.gguf || fail "$form"
    rc=0
    sov-quantize -q -t q4_0 --calib text --calib-tokens 300 -fo x.gguf \
        --stats-out xs.gguf m.gguf 2>err || rc=$?
    if grep -q 'reads a text as a whole' err; then
        [ $rc -eq 69 ] || fail "$form: status $rc of an encoder"
        continue
    fi
    [ $rc -eq 0 ] || fail "$form: $(cat err)"
    expect 0 sov-quantize -q -j 1 --calib text --calib-tokens 300 \
        --stats-out ys.gguf -f m.gguf
    cmp xs.gguf ys.gguf || fail "$form: other statistics alone"
    SOV_ISA=generic sov-quantize -q -j 3 -t q4_0 --calib text \
        --calib-tokens 300 -fo y.gguf m.gguf || fail "$form"
    cmp x.gguf y.gguf || fail "$form: other bytes"
    expect 0 sov-quantize -q -t q4_0 --stats xs.gguf --dry-run --json m.gguf
    out_has '"stats_spare":0'
done <forms

# ---- what is wrong, in one line, before anything is written
bad() {
    _status=$1 _has=$2
    shift 2
    expect "$_status" sov-quantize "$@"
    err_one_line
    err_has "$_has"
    [ ! -e none.gguf ] || fail "left an output: $*"
}
: >empty
head -c 20 text >short
head -c 100000 /dev/zero >zeros
head -c 60000 f16.gguf >binary
bad 65 "empty is empty" -t q4_k --calib empty -o none.gguf f16.gguf
bad 64 "tokens, one window 256" -t q4_k --calib short -o none.gguf f16.gguf
bad 66 "nowhere" -t q4_k --calib nowhere -o none.gguf f16.gguf
bad 64 "is not a file name" -t q4_k --calib '' -o none.gguf f16.gguf
bad 64 "--calib TEXT is missing" -t q4_k --stats-out none.gguf -o x.gguf \
    f16.gguf
bad 64 "--calib TEXT is missing" --stats-out none.gguf f16.gguf
bad 64 "--calib TEXT is missing" -t q4_k --calib-tokens 5 -o none.gguf f16.gguf
bad 64 "give one" -t q4_k --calib text --stats im.gguf -o none.gguf f16.gguf
bad 64 "cannot be gone on with" -t q4_k --calib text --resume -o none.gguf \
    f16.gguf
bad 64 "is the output" -t q4_k --calib text --stats-out none.gguf \
    -o none.gguf f16.gguf
bad 64 "standard input is the model already" -t q4_k --calib - -o none.gguf -
bad 71 "memory" -t q4_k --calib text --max-memory 1M -o none.gguf f16.gguf
for t in zeros binary; do
    expect 0 sov-quantize -q -t q4_k --calib $t --calib-tokens 2048 \
        -fo x.gguf f16.gguf
done
expect 0 sov-quantize -t q8_0 --calib text --calib-tokens 256 -fo x.gguf \
    f16.gguf
err_has "256 tokens say little about matrices of 768 columns"
expect 0 sov-quantize -t q4_k --calib text --dry-run --json f16.gguf
out_has '"calib_tokens":'

# ---- it is an input: not an output, known to make, named in the claim
expect 73 sov-quantize -t q4_k --calib text -fo text f16.gguf
expect 73 sov-quantize --calib text --stats-out text -f f16.gguf
expect 0 sov-quantize -q -t q4_k --calib text --calib-tokens 512 \
    --depfile m.d -fo x.gguf f16.gguf
grep -q 'text' m.d || fail "make does not know of it"
XDG_CONFIG_HOME=$scratch/none
export XDG_CONFIG_HOME
sov-verify -q --keygen k --no-password
mkdir deep
cp text deep
digest=$(sha256sum <text | cut -d' ' -f1)
payload() {
    sed -n 's/.*"payload":"\([^"]*\)".*/\1/p' "$1" | base64 -d >payload
    grep -q "$digest" payload || fail "$1: the claim lacks the text's digest"
    grep -q '"calibration"' payload || fail "$1: the claim lacks what it is"
    grep -q '"calib":"text"' payload || fail "$1: the claim lacks the name"
    grep -q '"calib_tokens":512' payload || fail "$1: the claim lacks tokens"
    ! grep -q 'deep/' payload || fail "$1: the claim tells the folder"
}
expect 0 sov-quantize -q -t q4_k --calib deep/text --calib-tokens 512 \
    --sign-key k.key -fo s.gguf f16.gguf
payload s.gguf.claims.jsonl
expect 0 sov-verify --key k.pub s.gguf
expect 0 sov-quantize -q -t q4_k --calib deep/text --calib-tokens 512 \
    --sign-key k.key --stats-out u.gguf -fo s.gguf f16.gguf
payload s.gguf.claims.jsonl
grep -q "$(sha256sum <u.gguf | cut -d' ' -f1)" payload ||
    fail "the claim does not name the statistics beside the model"
expect 0 sov-verify --key k.pub s.gguf
expect 0 sov-quantize -q --calib deep/text --calib-tokens 512 \
    --sign-key k.key --stats-out t.gguf f16.gguf
payload t.gguf.claims.jsonl
grep -q 'urn:sov:buildtype:calibrate:v1' payload || fail "the kind of work"
expect 0 sov-verify --key k.pub t.gguf

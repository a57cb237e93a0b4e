#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# stats - importance matrices: what they change, and what is wrong with them
. "${top_srcdir:?}/tests/cli/lib.sh"

tools=$top_builddir/tests/tools
"$tools/mkmodel" layers=2 width=256 ffn=256 vocab=64 experts=4 m.gguf
"$tools/mkmodel" layers=2 width=256 ffn=256 vocab=64 dense.gguf
"$tools/mkmodel" layers=2 width=512 ffn=256 vocab=64 wide.gguf
"$tools/mkstats" m.gguf im.gguf
"$tools/mkstats" form=dat m.gguf im.dat

# it matters, and the two forms, names, pipes and threads do not
expect 0 sov-quantize -t q4_k -o plain.gguf m.gguf
err_empty
expect 0 sov-quantize -t q4_k --stats im.gguf -o a.gguf m.gguf
err_empty
"$tools/cmpmodel" plain.gguf a.gguf >cmp.txt 2>&1 && fail "nothing changed"
for n in 1 3; do
    expect 0 sov-quantize -j $n -t q4_k --stats im.dat -fo b.gguf m.gguf
    cmp a.gguf b.gguf || fail "the older form says something else"
done
expect 0 sov-quantize -t q4_k --stats - -fo b.gguf m.gguf <im.gguf
cmp a.gguf b.gguf || fail "other bytes through a file as standard input"
for form in gguf dat; do
    cat im.$form | sov-quantize -t q4_k --stats - -fo b.gguf m.gguf ||
        fail "a pipe"
    cmp a.gguf b.gguf || fail "other bytes through a pipe: $form"
done
tail -c +1 m.gguf | sov-quantize -t q4_k --stats im.gguf -o - - >b.gguf || fail "pipe"
cmp a.gguf b.gguf || fail "other bytes of a model in a pipe"

# what is recorded is what the file says, and not where it lies
recorded() {
    [ "$(sov-show --get "quantize.imatrix.$1" "$2")" = "$3" ] ||
        fail "quantize.imatrix.$1 is not $3"
}
recorded dataset a.gguf made/up.txt
recorded entries_count a.gguf 16
recorded chunks_count a.gguf 4
sov-show -v a.gguf | grep -q quantize.imatrix || fail "keys are not shown"
expect 0 sov-quantize -q -t q8_0 -o again.gguf a.gguf
sov-show -v again.gguf | grep -q quantize.imatrix && fail "keys of another time"
expect 0 sov-quantize -q -t copy -fo again.gguf a.gguf
cmp a.gguf again.gguf || fail "a copy has other keys"

# reports
expect 0 sov-quantize -t q4_k --stats im.gguf --dry-run --json m.gguf
out_has '"stats":"im.gguf","stats_entries":16,"stats_used":14,"stats_missing":0,"stats_spare":0,"stats_unseen":0'
"$tools/mkstats" skip=attn_q unseen=blk.1.ffn_up_exps.weight:2 \
    extra=blk.9.attn_q.weight m.gguf part.gguf
expect 0 sov-quantize -t q4_k --stats part.gguf --json -fo b.gguf m.gguf
out_has '"stats_entries":15,"stats_used":12,"stats_missing":2,"stats_spare":1,"stats_unseen":1'
err_has "2 of 15 matrices are not in the statistics (blk.0.attn_q.weight)"
err_has "1 experts saw nothing (number 2 of blk.1.ffn_up_exps.weight)"
err_has "1 entries of the statistics are of no tensor"
expect 0 sov-quantize -t f16 --stats im.gguf -fo b.gguf m.gguf
err_has "nothing becomes blocks"

# each expert has its own importance: what one saw changes no other
"$tools/mkstats" unseen=blk.0.ffn_up_exps.weight:1 m.gguf un.gguf
expect 0 sov-quantize -q -t q4_k --stats un.gguf -o un-q.gguf m.gguf
cmp -l a.gguf un-q.gguf | awk '
    NR == 1 { first = $1 }
    END { print NR, $1 - first }' >span
read -r changed wide <span
[ "$changed" -gt 10000 ] || fail "$changed bytes of expert 1 changed"
[ "$wide" -lt 36864 ] || fail "another expert changed: $wide bytes from the first"

# how large all the numbers are is of no matter
for x in 0x1p-60 0x1p60; do
    "$tools/mkstats" scale=$x m.gguf scaled.gguf
    expect 0 sov-quantize -q -t q4_k --stats scaled.gguf -fo b.gguf m.gguf
    cmp a.gguf b.gguf || fail "scaled by $x"
done

# what nothing came in through is still done well
"$tools/mkstats" zero=attn dense.gguf zero.gguf
for type in q4_k q2_k q6_k iq2_s iq1_s iq4_xs q4_0 q8_0; do
    worst=$(sov-quantize -q -t $type --stats zero.gguf --json -fo b.gguf \
        dense.gguf | sed 's/.*"worst":\[{[^}]*"error":\([^,}]*\).*/\1/')
    case $type in
    iq1_s) most=0.3 ;;
    iq2_s | q2_k) most=0.15 ;;
    q4_* | iq4_xs) most=0.01 ;;
    *) most=0.001 ;;
    esac
    awk "BEGIN { exit !($worst > 0 && $worst < $most) }" ||
        fail "$type: an error of $worst"
done

# few bits without it: a warning; with it: none
for type in iq1_s iq1_m iq2_xxs iq2_xs iq2_s iq3_xxs q2_k_s; do
    expect 0 sov-quantize --dry-run -t $type dense.gguf
    err_has "--stats would make it a much better model"
    "$tools/mkstats" dense.gguf dense-im.gguf
    expect 0 sov-quantize --dry-run -t $type --stats dense-im.gguf dense.gguf
    err_empty
done
expect 0 sov-quantize --dry-run -t q2_k dense.gguf
err_empty

# what is wrong with a file, in one line, before anything is written
bad() {
    expect 65 sov-quantize -t q4_k --stats "$1" -o none.gguf m.gguf
    err_one_line
    err_has "$2"
    [ ! -e none.gguf ] || fail "left an output"
}
for form in gguf dat; do
    "$tools/mkstats" form=$form bad=blk.0.attn_q.weight:3:nan m.gguf bad.$form
    bad bad.$form "bad.$form: blk.0.attn_q.weight.in_sum2: sum 3 is not a number"
    "$tools/mkstats" form=$form bad=blk.1.ffn_up_exps.weight:257:inf m.gguf bad.$form
    bad bad.$form "blk.1.ffn_up_exps.weight.in_sum2: sum 257 is infinite"
    "$tools/mkstats" form=$form bad=blk.0.attn_q.weight:0:-1 m.gguf bad.$form
    bad bad.$form "sum 0 is negative"
    "$tools/mkstats" form=$form wide=blk.0.ffn_down_exps.weight m.gguf bad.$form
    bad bad.$form "tensor blk.0.ffn_down_exps.weight has 1024 columns, its statistics have 1028: not of this model"
    "$tools/mkstats" form=$form cut=100 m.gguf bad.$form
    bad bad.$form "bad.$form"
    "$tools/mkstats" form=$form wide.gguf bad.$form
    bad bad.$form "not of this model"
done
bad m.gguf "not an importance matrix"
echo hello, this is no model >text
bad text "not a GGUF or safetensors file"
sed 's/blk\./xyz./g' im.gguf >bad.gguf
bad bad.gguf "none of the 16 entries of the statistics is of one of its matrices"
expect 66 sov-quantize -t q4_k --stats none.gguf -o none2.gguf m.gguf
err_one_line
expect 64 sov-quantize -t q4_k --stats - -o none.gguf - <m.gguf
err_has "standard input is the model already"
expect 64 sov-quantize -t q4_k --stats '' -o none.gguf m.gguf

# it is an input: not an output, known to make, named in the claim
expect 73 sov-quantize -t q4_k --stats im.gguf -fo im.gguf m.gguf
"$tools/mkstats" m.gguf same.gguf
cmp im.gguf same.gguf || fail "the statistics were overwritten"
expect 0 sov-quantize -t q4_k --stats im.gguf --depfile m.d -fo b.gguf m.gguf
grep -q 'im\.gguf' m.d || fail "make does not know of it"
expect 0 sov-quantize -t q4_k --stats im.gguf --if-changed -o b.gguf m.gguf
XDG_CONFIG_HOME=$scratch/none
export XDG_CONFIG_HOME
sov-verify -q --keygen k --no-password
mkdir deep
cp im.gguf deep
expect 0 sov-quantize -q -t q4_k --stats deep/im.gguf --sign-key k.key -fo s.gguf m.gguf
digest=$(sha256sum im.gguf | cut -d' ' -f1)
sed -n 's/.*"payload":"\([^"]*\)".*/\1/p' s.gguf.claims.jsonl | base64 -d >payload
grep -q "$digest" payload || fail "the claim lacks its digest"
grep -q '"imatrix"' payload || fail "the claim does not say what it is"
grep -q '"stats":"im.gguf"' payload || fail "the claim lacks the parameter"
! grep -q 'deep/' payload || fail "the claim tells the folder"
expect 0 sov-verify --key k.pub s.gguf

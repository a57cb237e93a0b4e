#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# check - sov-show --check, and --tensor in numbers
. "${top_srcdir:?}/tests/cli/lib.sh"

mkmodel=$top_builddir/tests/tools/mkmodel
unset COLUMNS
LC_ALL=C
export LC_ALL
w=blk.1.ffn_up.weight
"$mkmodel" layers=2 m.gguf
for bad in nan inf; do
    "$mkmodel" layers=2 bad=$w:777:$bad $bad.gguf
done
"$mkmodel" layers=2 type=f32 bad=$w:777:big big.gguf

# ---- --check
expect 0 sov-show --check m.gguf
out_has ': all good'
expect 0 sov-show -q --check m.gguf
out_empty
expect 0 sov-show --check - <m.gguf
expect 0 sh -c 'cat m.gguf | sov-show --check -'
for pair in nan:nan inf:infinite big:range; do
    expect 1 sov-show --check "${pair%:*}.gguf"
    err_empty
    grep -qE "^${pair#*:} +1  $w +row 3, column 9\$" out || {
        show
        fail "$pair"
    }
    out_has 'not good'
    expect 1 sov-show -q --check "${pair%:*}.gguf"
    out_empty
    err_empty
    expect 1 sov-show --json --check "${pair%:*}.gguf"
    out_has '"ok":false'
    out_has "{\"what\":\"${pair#*:}\",\"tensor\":\"$w\",\"count\":1,\"index\":777,\"row\":3,\"column\":9}"
    [ "$(wc -l <out)" -eq 1 ] || fail "JSON is not one line"
    # other tensors are good
    expect 0 sov-show --check --tensor 'blk.0.*' "${pair%:*}.gguf"
done
# the same whoever does the work
expect 1 sov-show --json --check -j 1 nan.gguf
cp out one
expect 1 sov-show --json --check -j 7 nan.gguf
cmp one out || fail "threads make a difference"

# a broken scale, a matrix of zeros
expect 0 sov-quantize -q -t q8_0 -o q.gguf m.gguf
off=$(sov-show --json q.gguf | tr '{' '\n' |
    sed -n "s/.*\"$w\".*\"offset\":\([0-9]*\).*/\1/p")
[ -n "$off" ] || fail "no offset of $w"
cp q.gguf scale.gguf
printf '\000\174' | dd of=scale.gguf bs=1 seek=$((off + 34 * 11)) conv=notrunc 2>dd.log
expect 1 sov-show --check scale.gguf
grep -qE "^scale +1  $w +row 1, column 96\$" out || {
    show
    fail "a scale of infinity"
}
cp q.gguf zero.gguf
dd if=/dev/zero of=zero.gguf bs=34 count=$((256 * 768 / 32)) oflag=seek_bytes seek="$off" conv=notrunc 2>dd.log
expect 1 sov-show --check zero.gguf
grep -qE "^zero +196608  $w +everywhere\$" out || {
    show
    fail "a matrix of zeros"
}

# ---- --tensor
expect 0 sov-show --tensor $w m.gguf
for part in "$w" '  type       f16, 256 x 768, 393 kB' '  weights    196608' \
    '  quantiles '; do
    out_has "$part"
done
out_has '#'
[ "$(awk '$1 != "quantiles" && NF >= 2 && $2 ~ /^[0-9]+$/ && ($1 ~ /^(-?[0-9.e-]+|below|above)$/) { n += $2 } END { print n }' out)" -eq 196608 ] ||
    fail "the histogram does not hold all weights"
awk 'length($0) > 80 { bad = 1 } END { exit bad }' out || fail "over 80 columns"
expect 0 env LC_ALL=C.UTF-8 sov-show --tensor $w m.gguf
out_has '█'
expect 0 sov-show --tensor 'blk.*.attn_q.weight' --tensor output_norm.weight m.gguf
[ "$(grep -c '^  type' out)" -eq 3 ] || fail "not three tensors"
expect 0 sov-show --json --tensor $w m.gguf
out_has '"schema":"sov.show.tensors/1"'
out_has '"shape":[256,768]'
expect 1 sov-show --tensor nothing.weight m.gguf
err_one_line
expect 1 sov-show --tensor blk.1.ffn_ub.weight m.gguf
err_has "there is $w"

# the weights themselves
expect 0 sov-show --values --tensor $w nan.gguf
[ "$(wc -l <out)" -eq 768 ] || fail "not a row on a line"
awk 'NF != 256 { bad = 1 } END { exit bad }' out || fail "rows are not of 256"
[ "$(sed -n 4p out | cut -d' ' -f10)" = NaN ] || fail "weight 777 is not NaN"
expect 0 sh -c "cat m.gguf | sov-show --values --tensor '*norm*' -"
[ "$(wc -l <out)" -eq 5 ] || fail "five norms"
expect 74 sh -c "sov-show --values --tensor $w m.gguf >/dev/full"
expect 64 sov-show --values m.gguf
expect 64 sov-show --values --json --tensor $w m.gguf
expect 64 sov-show --check --get general.name m.gguf

# every type of block is decoded
for t in q4_0 q4_1 q5_0 q5_1 q8_0 q2_k q3_k q4_k q5_k q6_k bf16 f32; do
    sov-quantize -q -f -t $t -o t.gguf m.gguf 2>/dev/null || continue
    expect 0 sov-show --check t.gguf
    expect 0 sov-show --tensor $w t.gguf
done

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# diff - sov-show --diff
. "${top_srcdir:?}/tests/cli/lib.sh"

mkmodel=$top_builddir/tests/tools/mkmodel
unset COLUMNS
LC_ALL=C
export LC_ALL
"$mkmodel" layers=2 m.gguf
"$mkmodel" layers=2 swap=1 swapped.gguf
"$mkmodel" layers=2 bad=blk.1.ffn_up.weight:777:inf one.gguf
"$mkmodel" layers=3 extra=more:4x5 more.gguf
expect 0 sov-quantize -q -t q8_0 -o q8.gguf m.gguf
expect 0 sov-quantize -q -t q4_k -o q4.gguf m.gguf

# the same, also in another order of bytes, and in another form
expect 0 sov-show --diff m.gguf m.gguf
out_is 'the same: 20 tensors, 20 keys'
expect 0 sov-show --diff swapped.gguf m.gguf
expect 0 sov-show -q --diff swapped.gguf m.gguf
out_empty
expect 0 sov-show --json --diff m.gguf m.gguf
out_has '"same":true'
if [ -e "$tale/config.json" ]; then
    expect 0 sov-quantize -q -t bf16 -o tale.gguf "$tale"
    expect 1 sov-show --json --diff tale.gguf "$tale"
    out_has '"tensors":[]'
fi

# one weight
expect 1 sov-show --diff m.gguf one.gguf
err_empty
cat >want <<'EOF'
a  m.gguf
b  one.gguf

tensor               a    b    differ  largest  nmse
blk.1.ffn_up.weight  f16  f16   0.0 %        0  0, 1 not finite

0 keys and 1 tensor differ, 19 tensors are the same
EOF
diff -u want out || fail "one weight"
expect 1 sov-show -q --diff m.gguf one.gguf
out_empty
err_empty
expect 1 sov-show --json --diff m.gguf one.gguf
out_has '"name":"blk.1.ffn_up.weight","how":"changed"'
out_has '"differ":1,"first":777,"not_finite":1'
expect 0 sov-show --diff m.gguf --tensor 'blk.0.*' one.gguf
expect 1 sov-show --diff m.gguf --tensor nothing one.gguf
err_has 'no tensor nothing'

# other types: the worse one is further off
expect 1 sov-show --diff m.gguf --tensor blk.0.ffn_up.weight q8.gguf
out_has 'q8_0'
nmse() {
    sed -n 's/.*"nmse":\([0-9.e-]*\).*/\1/p' out
}
expect 1 sov-show --json --diff m.gguf --tensor blk.0.ffn_up.weight q8.gguf
good=$(nmse)
expect 1 sov-show --json --diff m.gguf --tensor blk.0.ffn_up.weight q4.gguf
worse=$(nmse)
awk "BEGIN { exit !($good > 0 && $good * 10 < $worse && $worse < 0.02) }" ||
    fail "q8_0 is off by $good, q4_k by $worse"
expect 1 sov-show --diff m.gguf q4.gguf
grep -q '^- general.file_type  1$' out || fail "a changed key"
grep -q '^+ general.file_type  ' out || fail "a changed key"
awk 'length($0) > 80 { bad = 1 } END { exit bad }' out || fail "over 80 columns"

# tensors and shapes of one model alone
expect 1 sov-show --diff m.gguf --all more.gguf
grep -qE '^blk\.2\.ffn_up\.weight +- +f16 +added$' out || {
    show
    fail "an added tensor"
}
expect 1 sov-show --diff more.gguf --all m.gguf
grep -qE '^more .* removed$' out || fail "a removed tensor"
"$mkmodel" layers=2 ffn=512 narrow.gguf
expect 1 sov-show --diff m.gguf narrow.gguf
out_has 'reshaped           256 x 768 to 256 x 512'

# pipes: either of them, or both
expect 1 sh -c 'sov-show --diff one.gguf - <m.gguf'
expect 1 sh -c 'cat one.gguf | sov-show --diff - m.gguf'
out_has 'a  standard input'
expect 0 sh -c 'cat m.gguf | sov-show --diff - swapped.gguf'
mkfifo fifo
cat m.gguf >fifo &
expect 0 sh -c 'cat m.gguf | sov-show --diff fifo -'
wait
expect 64 sov-show --diff - - <m.gguf
expect 66 sov-show --diff nothing.gguf m.gguf
err_one_line

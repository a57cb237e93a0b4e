#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# output - whole or not at all, and never where it must not go
. "${top_srcdir:?}/tests/cli/lib.sh"

mkmodel=$top_builddir/tests/tools/mkmodel
"$mkmodel" m.gguf
"$mkmodel" layers=8 ffn=2048 large.gguf

# what cannot be meant
expect 64 sov-quantize -o x.gguf m.gguf
err_has "-t TYPE is missing"
expect 64 sov-quantize -t q4_k_m m.gguf
err_has "-o OUT is missing"
expect 64 sov-quantize -t q4_k_n -o x.gguf m.gguf
err_has "did you mean 'q4_k_"
expect 64 sov-quantize -t q8_0 -o x.gguf
expect 64 sov-quantize -t q8_0 -o x.gguf m.gguf m.gguf
expect 64 sov-quantize -t q8_0 --json -o - m.gguf
expect 64 sov-quantize -t q8_0 --tensor-type ffn -o x.gguf m.gguf
expect 64 sov-quantize -t q8_0 --tensor-type 'nothing*=q8_0' -o x.gguf m.gguf
err_has "nothing*"
expect 64 sov-quantize -t q8_0 --tensor-type '*=q9_9' -o x.gguf m.gguf
expect 64 sov-quantize --fake-stdout-is-console -t q8_0 -o - m.gguf
err_has "terminal"
out_empty
expect 64 sov-quantize -t q8_0 --effort 10 -o x.gguf m.gguf
expect 64 sov-quantize -t q8_0 --align 3 -o x.gguf m.gguf
expect 66 sov-quantize -t q8_0 -o x.gguf none.gguf
expect 65 sov-quantize -t q8_0 -o x.gguf - </dev/null
err_one_line
only_files m.gguf large.gguf

# what stands is not touched without being told
echo old >x.gguf
expect 73 sov-quantize -t q8_0 -o x.gguf m.gguf
err_has "x.gguf"
[ "$(cat x.gguf)" = old ] || fail "the old file has changed"
expect 0 sov-quantize -t q8_0 -f -o x.gguf m.gguf
out_empty
err_empty
expect 73 sov-quantize -t q8_0 -f -o m.gguf m.gguf
ln -s m.gguf link.gguf
expect 73 sov-quantize -t q8_0 -f -o link.gguf m.gguf
expect 73 sov-quantize -t q8_0 -o none/x.gguf m.gguf
err_has "none/x.gguf"
rm link.gguf

# not through standard output either, and a rule is no place for it
cp m.gguf old.gguf
expect 73 sh -c 'exec sov-quantize -t q8_0 -o - m.gguf >>m.gguf'
err_has "standard output: is also the input"
expect 73 sh -c 'exec sov-quantize -t q8_0 -o - - <m.gguf 1<>m.gguf'
expect 73 sov-quantize -t q8_0 -o y.gguf --depfile m.gguf m.gguf
err_has "m.gguf: is also the input"
cmp m.gguf old.gguf || fail "the input was written to"
expect 64 sov-quantize -t q8_0 -o y.gguf --depfile y.gguf m.gguf
expect 73 sov-quantize -t q8_0 -o y.gguf --depfile none/d.mk m.gguf
err_has "none/d.mk"
expect 64 sov-quantize -t q8_0 -o - --depfile d.mk m.gguf
out_empty
expect 64 sh -c 'sov-quantize -t q8_0 -o /dev/stdout --json m.gguf | cat; exit 64'
err_has "--json"
out_empty
expect 64 sov-quantize -t q8_0 -o y.gguf ''
expect 64 sov-quantize -t q8_0 -o y.gguf --tensor-type '*=q4_k_m' m.gguf
err_has "q4_k_m is a mix"
only_files m.gguf large.gguf x.gguf old.gguf

# the longest name there is, new and replaced
long=$(printf 'n%.0s' $(seq 255))
expect 0 sov-quantize -t q8_0 -o "$long" m.gguf
expect 0 sov-quantize -t q4_0 --lock=fail -fo "$long" m.gguf
rm "$long"
only_files m.gguf large.gguf x.gguf old.gguf

# an unchanged output keeps its time
touch -d 2001-01-01 x.gguf
expect 0 sov-quantize -t q8_0 --if-changed -o x.gguf m.gguf
[ "$(date -r x.gguf +%Y)" = 2001 ] || fail "--if-changed touched it"
expect 0 sov-quantize -t q4_0 --if-changed -o x.gguf m.gguf
[ "$(date -r x.gguf +%Y)" != 2001 ] || fail "--if-changed left it"

# trouble while writing leaves nothing, or the old
cp x.gguf old.gguf
expect 74 sov-quantize -t q8_0 -o /dev/full large.gguf
err_has "/dev/full: cannot write: No space left"
expect 74 sh -c 'sov-quantize -t q8_0 -o - large.gguf >/dev/full'
expect 74 sh -c 'ulimit -f 200; trap "" XFSZ; exec sov-quantize -t q8_0 -fo x.gguf large.gguf'
cmp x.gguf old.gguf || fail "the old file has changed"
(
    got=0
    sov-quantize -t q8_0 -o - large.gguf 2>err || got=$?
    echo $got >status
) | head -c 10 >/dev/null
[ "$(cat status)" -eq 141 ] || fail "status $(cat status) after the reader left"
[ ! -s err ] || fail "words after the reader left"
(
    trap '' PIPE
    got=0
    sov-quantize -t q8_0 -o - large.gguf 2>err || got=$?
    echo $got >status
) | head -c 10 >/dev/null
[ "$(cat status)" -eq 141 ] || fail "status $(cat status) with SIGPIPE ignored"
rm status

# input that ends too early, at many places
size=$(stat -c %s m.gguf)
for cut in 1 10 100 1000 10000 $((size / 2)) $((size - 40)); do
    got=0
    head -c "$cut" m.gguf | sov-quantize -t q4_k_m -fo x.gguf - 2>err || got=$?
    [ $got -eq 65 ] || fail "status $got after $cut bytes"
    err_one_line
done
cmp x.gguf old.gguf || fail "the old file has changed"

# a folder that cannot be written to
if [ "$(id -u)" -ne 0 ]; then
    mkdir ro
    chmod 555 ro
    expect 73 sov-quantize -t q8_0 -o ro/x.gguf m.gguf
    rmdir ro
fi

# the dry run knows the size
for mix in f32 q8_0 q4_k_m; do
    expect 0 sov-quantize --dry-run --json -t $mix m.gguf
    bytes=$(sed 's/.*"bpw".*//; s/.*"bytes":\([0-9]*\).*/\1/' out)
    bytes=${bytes:-$(sed 's/.*"weights":[0-9]*,"source_tensor_bytes":[0-9]*,"bytes":\([0-9]*\).*/\1/' out)}
    expect 0 sov-quantize -t $mix -fo x.gguf m.gguf
    [ "$(stat -c %s x.gguf)" = "$bytes" ] || fail "$mix: --dry-run said $bytes"
done

# other ways to say it
expect 0 sov-quantize -t Q4_K_M -fo y.gguf m.gguf
expect 0 sov-quantize -t q4_k_m -fo x.gguf m.gguf
cmp x.gguf y.gguf || fail "capitals"
expect 0 sov-quantize -t q4_k_m --align 4096 -fo y.gguf m.gguf
expect 0 sov-quantize -t q4_k_m -fo z.gguf y.gguf
cmp x.gguf z.gguf || fail "--align and back"
expect 0 sov-quantize -t q4_k_m --depfile d.mk -fo x.gguf m.gguf
grep -q '^x.gguf:' d.mk || fail "--depfile: no output"
grep -q '[^x.]m.gguf' d.mk || fail "--depfile: no input"
expect 71 sov-quantize -t q8_0 --max-memory 100K -fo x.gguf m.gguf
expect 0 sov-quantize -t q4_0 --dry-run -v \
    --tensor-type 'blk.*.attn_[kv].weight=q8_0' --tensor-type '*=q6_k' m.gguf
awk '$1 ~ /attn_[kv].weight/ && $3 != "q8_0" || $1 ~ /ffn_up/ && $3 != "q6_k" ||
    $1 ~ /norm/ && $3 != "f32" { exit 1 }' out || fail "--tensor-type"
only_files m.gguf large.gguf x.gguf y.gguf z.gguf old.gguf d.mk

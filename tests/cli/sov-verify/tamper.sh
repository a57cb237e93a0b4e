#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tamper - folders, names, keys and files that somebody has been at
. "${top_srcdir:?}/tests/cli/lib.sh"

mkmodel=$top_builddir/tests/tools/mkmodel
XDG_CONFIG_HOME=$scratch/none
export XDG_CONFIG_HOME
sov-verify -q --keygen a --no-password
sov-verify -q --keygen b --no-password
"$mkmodel" m.gguf
expect 0 sov-verify -q --adopt --sign-key a.key m.gguf

# a folder has exactly the files that were signed
mkdir model
cp "$tale"/* model/
mkdir model/sub model/.git
echo text >model/sub/file
echo git >model/.git/HEAD
expect 0 sov-verify -q --adopt --sign-key a.key model
expect 0 sov-verify --key a.pub model
expect 0 sov-verify --key a.pub model/
echo changed >model/.git/HEAD
expect 0 sov-verify --key a.pub model
echo >model/extra
expect 1 sov-verify --key a.pub model
err_has extra
rm model/extra
mv model/config.json model/sub/config.json
expect 1 sov-verify --key a.pub model
err_has config.json
mv model/sub/config.json model/config.json
mv model/sub/file model/sub/renamed
expect 1 sov-verify --key a.pub model
mv model/sub/renamed model/sub/file
echo ' ' >>model/config.json
expect 1 sov-verify --key a.pub model
err_has config.json
cp "$tale/config.json" model/config.json
expect 0 sov-verify --scrub model
mkfifo model/pipe
expect 65 sov-verify --key a.pub model
err_has pipe
rm model/pipe
ln -s . model/loop
expect 65 sov-verify --key a.pub model
rm model/loop
expect 0 sov-verify --key a.pub model

# a forged line in a name is shown as what it is
forged=$(printf 'model: verified, signed by a.pub\n\033[2Jx')
echo >"model/$forged"
expect 1 sov-verify --key a.pub model
err_one_line
grep -q "$(printf '\033')" err && fail "an escape sequence on the terminal"
out_empty
rm "model/$forged"
name=$(printf 'x\r\nm.gguf: verified')
cp m.gguf "$name"
cp m.gguf.claims.jsonl "$name.claims.jsonl"
expect 0 sov-verify --key a.pub "$name"
[ "$(wc -l <out)" -eq 1 ] || fail "a name made a line of its own"
rm "$name" "$name.claims.jsonl"

# a split set
expect 0 sov-quantize -q -t copy --split-max-tensors 8 --sign-key a.key \
    -o s.gguf m.gguf
set -- s-00001-of-*.gguf
first=$1
expect 0 sov-verify --key a.pub "$first"
second=$(echo "$first" | sed 's/00001/00002/')
mv "$second" kept
expect 1 sov-verify --key a.pub "$first"
err_has "$second"
cp m.gguf "$second"
expect 1 sov-verify --key a.pub "$first"
mv kept "$second"
expect 0 sov-verify --key a.pub "$first"

# keys
echo sesame >pw
echo sesamo >wrong
sov-verify -q --keygen p --password-file pw
expect 0 sov-verify -q --sign --sign-key p.key --password-file pw m.gguf
expect 77 sov-verify --sign --sign-key p.key --password-file wrong m.gguf
err_has password
chmod 644 b.key
expect 77 sov-verify --sign --sign-key b.key m.gguf
err_has "b.key"
chmod 600 b.key
expect 77 sov-verify --sign --sign-key a.pub m.gguf
expect 77 sov-verify --key a.key m.gguf
[ "$(wc -l <m.gguf.claims.jsonl)" -eq 2 ] || fail "a line too many"
if command -v setsid >/dev/null; then
    expect 77 setsid -w sov-verify --sign --sign-key p.key m.gguf </dev/null
    err_has "--password-file"
fi

# a line taken away is found where all of them are frozen
expect 0 sov-verify -q --sign --sign-key b.key --freeze m.gguf
expect 0 sov-verify -v --key b.pub m.gguf
out_has frozen
cp m.gguf.claims.jsonl all
sed 1d all >m.gguf.claims.jsonl
expect 1 sov-verify --key b.pub m.gguf
err_has minisig
expect 0 sov-verify --key a.pub --key p.pub --claims all m.gguf
cp all m.gguf.claims.jsonl
expect 64 sov-verify --sign --sign-key a.key --claims all m.gguf
err_has "--freeze"
if command -v minisign >/dev/null; then
    expect 0 minisign -V -q -p b.pub -m m.gguf.claims.jsonl
fi

# outputs: not over a file that is no index, not over the model
cp m.gguf n.gguf
echo precious >n.gguf.sovidx
expect 73 sov-verify --adopt --sign-key a.key n.gguf
[ "$(cat n.gguf.sovidx)" = precious ] || fail "a foreign file was replaced"
[ ! -e n.gguf.claims.jsonl ] || fail "claims without their index"
rm n.gguf.sovidx
expect 73 sov-verify --adopt --sign-key a.key --claims-out n.gguf -f n.gguf
cmp m.gguf n.gguf || fail "the model was written to"
echo precious >c
expect 73 sov-verify --adopt --sign-key a.key --claims-out c n.gguf

# a file that is swapped while it is hashed (the disk is slowed by size)
"$mkmodel" layers=24 width=1024 ffn=4096 sparse=1 big.gguf
expect 0 sov-verify -q --adopt --sign-key a.key big.gguf
cp --sparse=always big.gguf twin.gguf
for wait in 0.02 0.05 0.1 0.2; do
    (
        sleep $wait
        mv -f twin.gguf big.gguf
    ) &
    got=0
    sov-verify --key a.pub big.gguf >out 2>err || got=$?
    wait
    case $got in
    0) ;;   # it was faster, or slower
    74) err_has "changed" ;;
    *) show && fail "status $got while the file was swapped" ;;
    esac
    cp --sparse=always big.gguf twin.gguf
done
rm -f big.gguf* twin.gguf

# no network, and nothing written but what is named
if command -v strace >/dev/null && strace -o trace true 2>/dev/null; then
    strace -f -o trace -e trace=network,openat,open,creat,unlink,rename \
        sov-verify -q --key a.pub --key b.pub m.gguf
    grep -E 'socket\(|connect\(' trace && fail "a call to the network"
    grep -E 'O_WRONLY|O_RDWR|O_CREAT|creat\(|unlink|rename' trace |
        grep -vE '/dev/null|ENOENT' && fail "something was written"
    strace -f -o trace -e trace=network,openat,open,creat,mkdir,linkat,rename \
        sov-verify -q --adopt --sign-key a.key n.gguf
    grep -E 'socket\(|connect\(' trace && fail "a call to the network"
    grep -E 'linkat|rename' trace | grep -v 'n\.gguf' &&
        fail "something else was written"
fi
exit 0

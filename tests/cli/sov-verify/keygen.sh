#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# keygen - a pair of keys, whole or not at all
. "${top_srcdir:?}/tests/cli/lib.sh"

# what cannot be meant
expect 64 sov-verify
expect 64 sov-verify --keygen
expect 64 sov-verify --keygen '' --no-password
expect 64 sov-verify --keygen a --no-password operand
echo sesame >pw
expect 64 sov-verify --keygen a --no-password --password-file pw
only_files pw

# without a password
expect 0 sov-verify --keygen a --no-password
out_has "a.key"
out_has "a.pub"
err_empty
[ "$(stat -c %a a.key)" = 600 ] || fail "a.key is for everybody"
[ "$(wc -l <a.pub)" -eq 2 ] || fail "a.pub is no minisign key"
cp a.key old.key
cp a.pub old.pub

# nothing is replaced without being told
expect 73 sov-verify --keygen a --no-password
err_has "a.key"
err_one_line
rm a.key
expect 73 sov-verify --keygen a --no-password
err_has "a.pub"
[ ! -e a.key ] || fail "half a pair"
cp old.key a.key
expect 77 sov-verify --adopt --sign-key a.pub --claims-out x "$tale"
err_has "a public key where a secret key belongs"
chmod 644 a.key
expect 0 sov-verify --keygen a --no-password -f
cmp -s a.key old.key && fail "the same key twice"
[ "$(stat -c %a a.key)" = 600 ] || fail "-f: a.key is for everybody"
(
    umask 0
    sov-verify -q --keygen open --no-password
)
[ "$(stat -c %a open.key)" = 600 ] || fail "umask 0: open.key is for everybody"

# with one, out of a file or a pipe
expect 0 sov-verify --json --keygen b --password-file pw
out_has '"schema":"sov.verify/1"'
out_has '"password":true'
grep -q sesame b.key b.pub && fail "the password is in the file"
echo sesame | expect 0 sov-verify -q --keygen c --password-file -
out_empty
expect 0 sov-verify -q --keygen d --password-file /dev/fd/3 3<pw
: >empty
expect 77 sov-verify --keygen e --password-file empty
err_has "empty"
head -c 5000 /dev/zero | tr '\0' x >long
expect 77 sov-verify --keygen e --password-file long
expect 66 sov-verify --keygen e --password-file none
head -c 10 /dev/zero >zero
expect 77 sov-verify --keygen e --password-file zero
if [ -e e.key ] || [ -e e.pub ]; then
    fail "a key without a password"
fi

# nobody to ask
if command -v setsid >/dev/null; then
    expect 64 setsid -w sov-verify --keygen e </dev/null
    err_has "--password-file"
fi

# asked twice on a terminal, and not shown
if command -v script >/dev/null; then
    # typed WORD...: type a word at each question of a terminal
    typed() {
        : >typescript
        n=0
        for word; do
            n=$((n + 1))
            i=0
            until [ "$(grep -cE 'Password for|Once more' typescript)" -ge $n ] ||
                [ $((i += 1)) -gt 100 ]; do
                sleep 0.1
            done
            printf '%s\n' "$word"
        done | script -qefc "sov-verify --keygen t" typescript >/dev/null 2>&1
    }
    typed sesame sesame || fail "two equal passwords"
    grep -q sesame typescript && fail "the password is shown"
    if [ ! -s t.key ] || [ ! -s t.pub ]; then
        fail "no key after two passwords"
    fi
    rm t.key t.pub
    typed sesame sesamo && fail "two passwords that differ"
    typed '' && fail "no password"
    if [ -e t.key ] || [ -e t.pub ]; then
        fail "a key without a password"
    fi
    rm -f typescript
fi

expect 74 sh -c 'sov-verify --keygen f --no-password >/dev/full'
expect 73 sov-verify --keygen none/g --no-password
only_files pw empty long zero a.key a.pub old.key old.pub open.key open.pub \
    b.key b.pub c.key c.pub d.key d.pub f.key f.pub

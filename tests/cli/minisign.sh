#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# minisign - keys and signatures agree with minisign, signify, openssl and
# ssh-keygen, both ways, on a thousand cases
. "${top_srcdir:?}/tests/cli/lib.sh"
for p in minisign signify-openbsd openssl ssh-keygen; do
    command -v "$p" >/dev/null || skip "no $p here"
done
PATH=$top_builddir/tests/tools:$PATH
[ "${SOV_SANITIZED:-}" ] && cases=100 || cases=${CASES:-1000}

same() {
    [ "$1" = "$2" ] || fail "$3: $1 is not $2"
}

# within_256 COMMAND...: in an address space of 256 MiB
within_256() {
    (
        # shellcheck disable=SC3045
        ulimit -v 262144
        "$@"
    )
}

# ---- a thousand cases; every 50th with a key that minisign made

mkdir c
for i in $(seq 0 50 $((cases - 1))); do
    minisign -G -W -p "c/$i.pub" -s "c/$i.key" >/dev/null
    cp "c/$i.pub" "c/$i.was"
done
keytool make c "$cases"
for i in $(seq 0 50 $((cases - 1))); do
    # (minisign 0.11 writes the number without its leading zeros)
    same "$(sed -n 2p "c/$i.was")" "$(sed -n 2p "c/$i.pub")" "minisign's key"
    same "$(keytool id "c/$i.was")" "$(keytool id "c/$i.pub")" "its id"
done
i=0
while [ $i -lt "$cases" ]; do
    # what we sign, they verify
    minisign -V -H -q -p "c/$i.pub" -x "c/$i.minisig" -m "c/$i.msg" ||
        fail "minisign refuses our signature $i"
    signify-openbsd -V -q -p "c/$i.pub" -x "c/$i.signify" -m "c/$i.msg" ||
        fail "signify refuses our signature $i"
    # what they sign with our key, or with theirs, we verify
    legacy=
    [ $((i % 10)) -ne 3 ] || legacy=-l
    # shellcheck disable=SC2086
    minisign -S $legacy -s "c/$i.key" -x "c/$i.theirs" -m "c/$i.msg" \
        -t "case $i" -c "untrusted $i" ||
        fail "minisign does not sign with our key $i"
    signify-openbsd -G -n -p "c/$i.s.pub" -s "c/$i.s.sec"
    signify-openbsd -S -s "c/$i.s.sec" -x "c/$i.ssig" -m "c/$i.msg"
    i=$((i + 1))
done
keytool check c "$cases"
keytool signify c "$cases"

# ---- neither takes what was changed

printf x >>c/5.msg
expect 1 minisign -V -q -p c/5.pub -x c/5.minisig -m c/5.msg
expect 1 keytool checkfile c/5.pub c/5.msg c/5.minisig
expect 1 keytool checkfile c/6.pub c/7.msg c/7.minisig
err_has "not by"
expect 0 keytool checkfile c/6.pub c/6.msg c/6.minisig

# ---- the longest comment that we write

long=$(printf '%08000d' 0)
keytool minisign c/1.key c/1.msg long.minisig "$long"
minisign -V -q -p c/1.pub -x long.minisig -m c/1.msg ||
    fail "minisign refuses our longest comment"

# ---- a key given in place of a file

want=$(keytool id c/1.pub)
same "$(keytool id "$(sed -n 2p c/1.pub)")" "$want" "a bare key"

# ---- OpenSSL and OpenSSH: their files, our id, one signature

openssl genpkey -algorithm ed25519 -out o.key 2>/dev/null
openssl pkey -in o.key -pubout -out o.pem
openssl pkey -pubin -in o.pem -outform DER -out o.der
same "$(keytool id o.pem)" "$(openssl dgst -sha256 -r o.der | cut -d' ' -f1)" \
    "the id of a PEM key"
openssl pkeyutl -sign -inkey o.key -rawin -in c/2.msg -out o.sig
keytool verify o.pem c/2.msg o.sig || fail "we refuse openssl's signature"
expect 1 keytool verify o.pem c/3.msg o.sig
expect 2 keytool id o.key
err_has "secret key"

ssh-keygen -q -t ed25519 -N '' -C 'somebody on some machine' -f s
ssh_id=$(keytool id s.pub)
{
    # SubjectPublicKeyInfo is a head of 12 bytes and the key
    printf '\060\052\060\005\006\003\053\145\160\003\041\000'
    cut -d' ' -f2 s.pub | base64 -d | tail -c 32
} >s.der
same "$ssh_id" "$(openssl dgst -sha256 -r s.der | cut -d' ' -f1)" \
    "the id of an OpenSSH key"
openssl pkey -pubin -inform DER -in s.der -out s.pem
same "$(keytool id s.pem)" "$ssh_id" "an OpenSSH key as PEM"
expect 2 keytool id s
expect 2 keytool secret s

# our key as PEM, by the id alone
{
    printf '\060\052\060\005\006\003\053\145\160\003\041\000'
    sed -n 2p c/1.pub | base64 -d | tail -c 32
} >u.der
openssl pkey -pubin -inform DER -in u.der -out u.pem
same "$(keytool id u.pem)" "$want" "a minisign key as PEM"
keytool sign c/1.key c/4.msg u.sig
openssl pkeyutl -verify -pubin -inkey u.pem -rawin -in c/4.msg \
    -sigfile u.sig >/dev/null || fail "openssl refuses our signature"

# ---- a password where memory is short: a lower cost, which minisign reads

if [ -z "${SOV_SANITIZED:-}" ]; then
    within_256 keytool encrypt c/1.key short short.key ||
        fail "no password within 256 MiB"
    cost=$(sed -n 2p short.key | base64 -d | tail -c +47 | head -c 8 |
        od -An -t u8 | tr -d ' ')
    [ "$cost" -le 134217728 ] || fail "a memlimit of $cost within 256 MiB"
    same "$(keytool secret short.key short)" "$want" "a cheaper password"
    printf 'short\n' | minisign -S -s short.key -x s.minisig -m c/4.msg \
        -t x >/dev/null 2>&1 || fail "minisign does not open a cheaper key"
fi

# ---- passwords: 1 GiB for some seconds each

available=$(awk '/^MemAvailable:/ { print $2 }' /proc/meminfo)
[ "${available:-0}" -ge 1572864 ] || {
    echo "too little memory for scrypt with 1 GiB: passwords not tried"
    exit 0
}
printf 'pw\npw\n' | minisign -G -p p.pub -s p.key >/dev/null 2>&1
same "$(keytool secret p.key pw)" "$(keytool id p.pub)" \
    "a key with a password by minisign"
expect 2 keytool secret p.key wrong
err_has "wrong password"
expect 2 keytool secret p.key
err_has "nobody can be asked"
if [ -z "${SOV_SANITIZED:-}" ]; then
    expect 2 within_256 keytool secret p.key pw
    err_has "1024 MiB"
fi
keytool encrypt c/1.key 'a b' q.key
printf 'a b\n' | minisign -S -s q.key -x q.minisig -m c/4.msg -t x \
    >/dev/null 2>&1 || fail "minisign does not open our key with a password"
keytool checkfile c/1.pub c/4.msg q.minisig >/dev/null
printf 'pw\n' | minisign -C -W -s p.key >/dev/null 2>&1
same "$(keytool secret p.key)" "$(keytool id p.pub)" \
    "a key whose password minisign took away"
chmod 640 p.key
expect 2 keytool secret p.key
err_has "chmod 600"

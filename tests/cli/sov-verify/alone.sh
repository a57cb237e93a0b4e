#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# alone - no mode asks the network, or writes anything but what was named
. "${top_srcdir:?}/tests/cli/lib.sh"

command -v strace >/dev/null || skip "strace is not installed"
strace -f -o log true 2>/dev/null || skip "strace may not trace here"
XDG_CONFIG_HOME=$scratch/config
export XDG_CONFIG_HOME

# sums: what there is in this folder, a line for each file
sums() {
    find . -type f ! -name log ! -name out ! -name err ! -name '.sums*' \
        -exec sha256sum {} + | LC_ALL=C sort
}

# alone OUTPUTS COMMAND...: it makes or changes no file but those in OUTPUTS
alone() {
    outputs=$1
    shift
    sums >.sums-before
    expect 0 strace -f -qq -o log -e 'trace=%network,%file,%process' "$@"
    sums >.sums-after
    if grep -E '^[0-9]+ +(socket|connect|sendto|sendmsg|bind|listen)' log; then
        fail "asks the network: $*"
    fi
    [ "$(grep -c ' execve(' log)" -eq 1 ] || {
        grep ' execve(' log
        fail "starts another program: $*"
    }
    # what is opened to be written, made, renamed or removed is in this folder
    sed -n -E '/O_WRONLY|O_RDWR|O_CREAT|O_TMPFILE/p
/^[0-9]+ +(rename|link|unlink|mkdir|rmdir|symlink|chmod|chown|truncate|mknod)/p' \
        log | grep -v -e '"/dev/null"' -e '"/dev/tty"' |
        grep -o '"/[^"]*"' | grep -v -F -e "\"$scratch/" -e "\"$scratch\"" -e '"/proc/self/fd/' \
        >.sums-else || :
    [ ! -s .sums-else ] || {
        cat .sums-else
        fail "writes elsewhere: $*"
    }
    LC_ALL=C comm -3 .sums-before .sums-after | sed 's/.*  \.\///' | sort -u \
        >.sums-names
    while read -r name; do
        case " $outputs " in
        *" $name "*) ;;
        *) fail "$name is another file: $*" ;;
        esac
    done <.sums-names
}

"$top_builddir/tests/tools/mkmodel" layers=1 m.gguf
printf 'sov-facts v1\nlicense: Apache-2.0\n' >facts
alone "k.key k.pub" sov-verify -q --keygen k --no-password
claims=m.gguf.claims.jsonl
alone "$claims m.gguf.sovidx" sov-verify -q --adopt --sign-key k.key m.gguf
alone "$claims" sov-verify -q --facts facts --sign-key k.key m.gguf
alone "$claims $claims.minisig m.gguf.sovidx" \
    sov-verify -q --sign --freeze -f --sign-key k.key m.gguf
alone "" sov-verify --key k.pub m.gguf
alone "" sov-verify -j 3 --json --key k.pub m.gguf
alone "" sov-verify --show --key k.pub m.gguf
alone "" sov-verify --scrub m.gguf
for kind in ai-act-annex-iv ai-act-annex-xi cyclonedx spdx model-card lineage \
    lineage-dot; do
    alone "" sov-verify "--report=$kind" --key k.pub m.gguf
    alone "paper-$kind" sov-verify "--report=$kind" --key k.pub \
        -o "paper-$kind" m.gguf
done
if command -v openssl >/dev/null; then
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 \
        -out ec.key 2>/dev/null
    chmod 600 ec.key
    openssl pkey -in ec.key -pubout -out ec.pem
    mkdir hf
    cp "$tale"/*.json hf
    if sov-verify -q --sign --format=oms --sign-key ec.key hf 2>err; then
        alone hf/model.sig sov-verify -q -f --sign --format=oms \
            --sign-key ec.key hf
        alone "" sov-verify --key ec.pem hf
    fi
fi

# the test itself: what goes elsewhere is seen
_seen=0
(alone "" sh -c 'echo x >elsewhere') >/dev/null 2>&1 || _seen=1
[ $_seen -eq 1 ] || fail "a file that nobody named is not seen"

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# policy - files of policies: which are taken, signed, remembered, and by whom
# they are asked
. "${top_srcdir:?}/tests/cli/lib.sh"

tools=$top_builddir/tests/tools
XDG_CONFIG_HOME=$scratch/config
export XDG_CONFIG_HOME
mkdir -p config/sov
kept=$XDG_STATE_HOME/sov/policies
for key in ada bob; do
    sov-verify -q --keygen $key --no-password
done
key_of() {
    echo "key $1 minisign $(tail -n 1 "$1.pub")"
}
"$tools/mkmodel" layers=1 m.gguf
expect 0 sov-verify -q --adopt --sign-key ada.key --license MIT m.gguf
cp m.gguf.claims.jsonl good
{
    echo "sov-policy v1"
    key_of ada
} >plain
{
    cat plain
    echo "license allow Apache-2.0"
} >strict

# what cannot be read is no policy
for bad in none . "$scratch/config"; do
    expect 77 sov-verify --policy "$bad" m.gguf
    err_one_line
done
echo "allow everybody everything" | cat plain - >wrong
expect 77 sov-verify --policy wrong m.gguf
err_has "wrong: line 3: no group and no key above has the name: everything"
expect 77 sov-quantize -t q8_0 --require-claims wrong -o o.gguf m.gguf
err_has "wrong: line 3"

# each of several has to say yes; the user's own is one when no other is named
expect 0 sov-verify --policy plain m.gguf
expect 77 sov-verify --policy plain --require-claims strict m.gguf
err_has "policy strict, line 3 (license allow Apache-2.0): claim"
err_has "(import of m.gguf) has the license MIT; allow it, or use"
expect 77 sov-verify --json --policy strict m.gguf
out_has '"answer":"policy","message":"m.gguf: policy strict'
out_has '"policy":"strict","policy_line":3'
expect 77 sov-verify --policy strict --key ada.pub m.gguf
expect 0 sov-verify --key ada.pub m.gguf
cp strict config/sov/trust
expect 77 sov-verify m.gguf
err_has "policy trust, line 3"
cp plain config/sov/trust
expect 0 sov-verify m.gguf
rm config/sov/trust

# every tool asks, and says nothing of what is refused
for tool in "sov-run -n 1 -p x -m" "sov-show" "sov-bench --perplexity strict" \
    "sov-quantize -t q8_0 -o o.gguf" "sov-prune --method magnitude --ratio 0.5 -o o.gguf" \
    "sov-distill --steps 1 -o o.gguf strict --student"; do
    # shellcheck disable=SC2086
    expect 77 ${tool%% *} --require-claims strict ${tool#"${tool%% *}"} m.gguf
    err_has "m.gguf: refused: policy strict, line 3"
    out_empty
    [ ! -e o.gguf ] || fail "$tool: an output of what was refused"
done
expect 0 sov-show --require-claims plain m.gguf
out_has "llama"
expect 77 sov-show --require-claims plain --claims strict m.gguf
expect 64 sov-show --claims good m.gguf
expect 0 sov-show --require-claims plain --claims good - <m.gguf
expect 77 sov-show --require-claims plain --diff "$tale" m.gguf
err_has "refused"

# --show says who may not
{
    cat plain
    echo "allow quantize ada"
} >other
expect 0 sov-verify --show --policy other m.gguf
out_has "trusted, but not for this"
expect 0 sov-verify --show --json --policy other m.gguf
out_has '"trust":"good","allowed":false'

# signing one
expect 64 sov-verify --sign-policy plain --sign-key ada.key
expect 66 sov-verify --sign-policy none --sign-key ada.key
expect 64 sov-verify --sign-policy plain
expect 64 sov-verify --sign-policy plain --sign-key ada.key m.gguf
expect 64 sov-verify --sign-policy plain --sign-key ada.key --freeze
make() {
    printf 'sov-policy v1\nname %s\nversion %d\n' "$2" "$3" >"$1"
    { key_of ada && key_of bob && echo "group root 2 ada bob"; } >>"$1"
}
make one house 1
expect 0 sov-verify --sign-policy one --sign-key ada.key
out_has "does not count yet"
expect 0 sov-verify --json --sign-policy one --sign-key ada.key
out_has '"signers":1,"enough":false'
expect 77 sov-verify --policy one m.gguf
err_has "which needs 2"
[ ! -e "$kept" ] || fail "remembered before it counts"
expect 0 sov-verify --sign-policy one --sign-key bob.key
out_has "it counts"
[ "$(wc -l <one.sig.jsonl)" -eq 2 ] || fail "not two signatures"
expect 0 sov-verify --policy one m.gguf
cmp one "$kept/house" || fail "not remembered"
expect 0 sov-run -q --require-claims one -m m.gguf -n 1 -p x

# another text has other signatures
make two house 2
cp one.sig.jsonl two.sig.jsonl
expect 77 sov-verify --policy two m.gguf
expect 0 sov-verify --sign-policy two --sign-key ada.key
[ "$(wc -l <two.sig.jsonl)" -eq 1 ] || fail "old signatures stay"
expect 0 sov-verify --sign-policy two --sign-key bob.key
expect 0 sov-verify --policy two m.gguf
expect 77 sov-verify --policy one m.gguf
err_has "version 1 of house, and version 2 was seen before"
sed -i 's/^/ /' two.sig.jsonl
expect 77 sov-verify --policy two m.gguf
err_has "two.sig.jsonl, line 1"

# names that are no names of files; what was remembered and is damaged
make bad ../house 1
expect 77 sov-verify --policy bad m.gguf
err_has "letters, digits"
sed -i /^version/d one
expect 77 sov-verify --policy one m.gguf
err_has "version NUMBER"
make one third 1
for key in ada bob; do
    expect 0 sov-verify -q --sign-policy one --sign-key $key.key
done
echo x >"$kept/third"
expect 77 sov-verify --policy one m.gguf
err_has "what was accepted before"
rm "$kept/third"

# without a place to remember it, that is told
for home in "XDG_STATE_HOME= HOME=" "XDG_STATE_HOME=/dev/null"; do
    # shellcheck disable=SC2086
    expect 0 env $home sov-verify --policy one m.gguf
    grep -q "remember" err || fail "nobody was told"
done
expect 0 sov-verify --policy one m.gguf
err_empty

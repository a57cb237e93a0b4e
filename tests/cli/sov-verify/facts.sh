#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# facts - what people declare of a model, and by whom it counts
. "${top_srcdir:?}/tests/cli/lib.sh"

XDG_CONFIG_HOME=$scratch/none
export XDG_CONFIG_HOME
for key in ada bob; do
    sov-verify -q --keygen $key --no-password
done
key_of() {
    echo "key $1 minisign $(tail -n 1 "$1.pub")"
}
"$top_builddir/tests/tools/mkmodel" layers=1 m.gguf
expect 0 sov-verify -q --adopt --sign-key ada.key m.gguf
cat >facts <<'END'
sov-facts v1
license: Apache-2.0
jurisdiction: EU
intended_use: stories that go on as they began,
  in English
END

# what cannot be meant
expect 64 sov-verify --facts facts m.gguf
err_has "--facts: --sign-key FILE is missing"
expect 64 sov-verify --facts facts --sign-key ada.key
expect 64 sov-verify --facts facts --sign-key ada.key --license MIT m.gguf
expect 64 sov-verify --facts facts --sign --sign-key ada.key m.gguf
expect 66 sov-verify --facts none --sign-key ada.key m.gguf
sed 's/license/licence/' facts >wrong
expect 65 sov-verify --facts wrong --sign-key ada.key m.gguf
err_has "wrong: line 2: there is no fact of the name licence"
[ "$(wc -l <m.gguf.claims.jsonl)" -eq 1 ] || fail "something was added"

# declared, shown, and nothing about where it comes from
expect 0 sov-verify --facts facts --sign-key ada.key m.gguf
out_has "m.gguf: signed"
[ "$(wc -l <m.gguf.claims.jsonl)" -eq 2 ] || fail "not two claims"
expect 0 sov-verify --show --key ada.pub m.gguf
out_has "facts"
out_has "license: Apache-2.0"
out_has "intended_use: stories that go on as they began, in English"
expect 0 sov-verify --key ada.pub m.gguf
tail -n 1 m.gguf.claims.jsonl >only
expect 1 sov-verify --key ada.pub --claims only m.gguf
err_has "no claim"

# who says the same signs the same claim; once
expect 0 sov-verify --facts facts --sign-key bob.key m.gguf
expect 0 sov-verify --facts facts --sign-key bob.key m.gguf
out_has "signed already"
[ "$(wc -l <m.gguf.claims.jsonl)" -eq 3 ] || fail "not three claims"
expect 0 sov-verify --json --show m.gguf
[ "$(grep -o '"claim":"[0-9a-f]*"' out | sort -u | wc -l)" -eq 2 ] ||
    fail "two claims that say the same"

# two have to agree
{
    echo "sov-policy v1"
    key_of ada
    key_of bob
    echo "group both all ada bob"
    echo "allow import ada"
    echo "allow facts both"
    echo "require facts both"
    echo "license allow Apache-2.0"
    echo "license unknown deny"
} >policy
expect 0 sov-verify --policy policy m.gguf
head -n 2 m.gguf.claims.jsonl >less
expect 77 sov-verify --policy policy --claims less m.gguf
err_has "nobody who may says which license it has"
sed '/unknown/d' policy >other
expect 77 sov-verify --policy other --claims less m.gguf
err_has "policy other, line 7 (require facts both): it needs facts by both"
err_has "not signed by enough of them"

# a review is a role of its own
printf 'sov-facts v1\nreviewed_by: Bob, safety board\nreviewed_on: 2026-11-21\n' |
    expect 0 sov-verify --facts - --sign-key bob.key m.gguf
{
    cat policy
    echo "allow review bob"
    echo "require review bob within 3650"
} >reviewed
expect 0 sov-verify --require-claims reviewed m.gguf
sed 's/review bob/review ada/' reviewed >asks-ada
expect 77 sov-verify --require-claims asks-ada m.gguf
err_has "it needs a review by ada"

# all of it goes with what is made: it cannot be lost on the way
expect 0 sov-quantize -q -t q8_0 --require-claims policy --sign-key ada.key \
    -o q.gguf m.gguf
expect 0 sov-verify -v --key ada.pub q.gguf
out_has "1 deep"
expect 0 sov-verify --show --key ada.pub q.gguf
[ "$(grep -c 'license: Apache-2.0' out)" -ge 2 ] || fail "licence not inherited"
[ "$(grep -c 'jurisdiction: EU' out)" -ge 2 ] || fail "place not inherited"
echo "allow quantize ada" >>policy
sed '/require/d' policy >child
expect 0 sov-verify --policy child q.gguf

# what is declared of an ancestor since: beside the child it is not known, and
# whoever has it needs no new child
cp child strict
printf 'sov-facts v1\nlicense: GPL-3.0-only\nlimitation: found since\n' >since
for key in ada bob; do
    expect 0 sov-verify -q --facts since --sign-key $key.key m.gguf
done
expect 0 sov-verify --policy strict q.gguf
expect 77 sov-verify --policy strict --more-claims m.gguf.claims.jsonl q.gguf
err_has "has the license GPL-3.0-only"
err_has "policy strict, line "
expect 0 sov-verify --policy strict --more-claims only q.gguf
cat q.gguf.claims.jsonl m.gguf.claims.jsonl >both
expect 77 sov-verify --policy strict --claims both q.gguf
for key in ada.pub "ada.pub --key bob.pub"; do
    # shellcheck disable=SC2086
    expect 0 sov-verify --report=ai-act-annex-xi --key $key \
        --more-claims m.gguf.claims.jsonl q.gguf
    out_has "found since"
done
expect 0 sov-verify --report=ai-act-annex-xi --key ada.pub q.gguf
grep -q "found since" out && fail "it knows what nobody told"
# a stranger's word stays one, and what is forged is
sov-verify -q --keygen eve --no-password
printf 'sov-facts v1\nlicense: MIT\n' >hers
cp m.gguf e.gguf
expect 0 sov-verify -q --facts hers --sign-key eve.key --claims-out hers.jsonl \
    e.gguf
expect 0 sov-verify --policy strict --more-claims hers.jsonl q.gguf
expect 66 sov-verify --policy strict --more-claims none q.gguf
echo '{' >broken
expect 1 sov-verify --policy strict --more-claims broken q.gguf
tail -n 1 m.gguf.claims.jsonl | sed 's/"sig":"./"sig":"A/' >forged
expect 1 sov-verify --policy strict --more-claims forged q.gguf
for mode in "--sign --sign-key ada.key" "--adopt --sign-key ada.key" --scrub \
    "--facts hers --sign-key ada.key"; do
    # shellcheck disable=SC2086
    expect 64 sov-verify $mode --more-claims only q.gguf
done
# whoever makes it anew has all of it
expect 0 sov-quantize -q -t q4_0 --sign-key ada.key -o r.gguf m.gguf
expect 0 sov-verify --show --key ada.pub r.gguf
out_has "GPL-3.0-only"

echo "jurisdiction allow CH" >>child
expect 77 sov-verify --policy child q.gguf
err_has "has the jurisdiction EU"

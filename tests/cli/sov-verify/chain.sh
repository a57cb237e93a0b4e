#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# chain - tale is adopted, counted, pruned, distilled, quantized, merged with an
# adapter and measured; one policy asks for all of it
. "${top_srcdir:?}/tests/cli/lib.sh"

[ -e "$tale/config.json" ] || skip "models/tale is not here"
XDG_CONFIG_HOME=$scratch/none
export XDG_CONFIG_HOME
for key in ada bob carol; do
    sov-verify -q --keygen $key --no-password
done
key_of() {
    echo "key $1 minisign $(tail -n 1 "$1.pub")"
}
head -c 3000 "$top_srcdir/tests/data/dev.txt" >text

expect 0 sov-quantize -q -t f16 -o base.gguf "$tale"
expect 0 sov-verify -q --adopt --sign-key ada.key --license Apache-2.0 \
    --source https://example.org/tale base.gguf
printf 'sov-facts v1\njurisdiction: EU\nintended_use: stories\n' >facts
expect 0 sov-verify -q --facts facts --sign-key ada.key base.gguf

{
    printf 'sov-policy v1\nname chain\nversion 1\nexpires 2099-01-01\n'
    for who in ada bob carol; do
        key_of $who
    done
    cat <<'END'
group people any ada carol
allow import ada
allow facts people
allow review carol
allow calibrate bob
allow prune bob
allow distill bob
allow quantize bob
allow bench carol
lineage complete
lineage claimed imatrix
lineage max-depth 5
license allow Apache-2.0
license unknown deny
jurisdiction allow EU CH
jurisdiction unknown deny
digest require sha256 fsverity_sha256
param quantize.type allow q8_0
param prune.method allow wanda
END
} >policy
make() {
    expect 0 "$@" -q --require-claims policy --sign-key bob.key
}
make sov-quantize --calib text --calib-tokens 512 --stats-out counts.gguf \
    base.gguf
make sov-prune --method wanda --stats counts.gguf --ratio 0.2 -o pruned.gguf \
    base.gguf
make sov-distill --student pruned.gguf --teacher base.gguf --steps 1 --ctx 64 \
    --batch 1 -o small.gguf text
make sov-quantize -t q8_0 -o q.gguf small.gguf
make sov-distill --student small.gguf --train-lora r=2 --steps 1 --ctx 64 \
    --batch 1 -o lora.gguf text
make sov-quantize -t q8_0 --lora lora.gguf -o out.gguf q.gguf
expect 0 sov-bench -q --perplexity text --sign-key carol.key out.gguf
printf 'sov-facts v1\nreviewed_by: Carol\n' >review
expect 0 sov-verify -q --facts review --sign-key carol.key out.gguf

# as it is
{
    cat policy
    echo "require review carol within 2"
    echo "require bench carol"
    echo "bench perplexity max 100000"
} >all
expect 0 sov-verify --policy all out.gguf
expect 0 sov-verify --policy all --json out.gguf
out_has '"depth":5'
out_has '"chain":8' # with what was declared of the base
out_has '"vouched":8'
expect 0 sov-run -q --require-claims all -m out.gguf -n 1 -p Once
expect 0 env LC_ALL=C sov-verify --show --policy all out.gguf
for what in import facts calibrate "prune" distill "quantize q8_0" test; do
    out_has "* $what"
done
[ "$(grep -c 'jurisdiction: EU' out)" -eq 7 ] || fail "not inherited everywhere"

# as a picture, in which ways that pass others run beside them
expect 0 sov-verify --report=lineage --policy all -o picture.svg out.gguf
expect 0 sov-verify --report=lineage-dot --policy all -o picture.dot out.gguf
if command -v node >/dev/null; then
    expect 0 node "$top_srcdir/tests/cli/lineage.mjs" 12 picture.svg
else
    echo "no node: the picture is not looked at"
fi
[ "$(grep -c -e '->' picture.dot)" -ge 12 ] || fail "few ways"
# training was counted by those who did it
expect 0 sov-verify --report=ai-act-annex-xi --policy all out.gguf
out_has "unless the step has counted"

# nothing in it that may not be recalled or revoked
for name in base counts pruned small q lora out; do
    sum=$(sha256sum $name.gguf | cut -c 1-64)
    { cat all && echo "recall digest sha256:$sum"; } >p
    expect 77 sov-verify --policy p out.gguf
    err_has "$name.gguf was recalled"
done
sum=$(sha256sum text | cut -c 1-64)
{ cat all && echo "recall digest sha256:$sum"; } >p
expect 77 sov-verify --policy p out.gguf
err_has "text was recalled"
sov-verify --json --show out.gguf | grep -o '"claim":"[0-9a-f]*"' |
    sed 's/.*:"//; s/"//' | sort -u >ids
[ "$(wc -l <ids)" -eq 10 ] || fail "$(wc -l <ids) claims"
while read -r id; do
    { cat all && echo "revoke claim $id"; } >p
    expect 77 sov-verify --policy p out.gguf
    err_has "was revoked"
done <ids

# nor a rule that does not hold
for rule in s/max-depth.*/max-depth\ 4/ "s/license allow.*/license allow MIT/" \
    "s/\(jurisdiction allow\).*/\1 CH/" "s/\(quantize.type allow\).*/\1 q4_0/" \
    "s/\(prune.method allow\).*/\1 random/" s/allow\ distill\ bob/allow\ x\ bob/ \
    "s/allow calibrate bob/allow calibrate ada/" "s/\(perplexity max\).*/\1 1/" \
    "s/require review carol/require review ada/" "s/\(allow bench\).*/\1 ada/"; do
    sed "$rule" all >p
    cmp -s all p && fail "nothing was changed: $rule"
    expect 77 sov-verify --policy p out.gguf
    err_has "policy chain, line "
done

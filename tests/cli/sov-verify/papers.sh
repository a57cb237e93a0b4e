#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# papers - what --report writes, of a model with a history and of others
. "${top_srcdir:?}/tests/cli/lib.sh"

XDG_CONFIG_HOME=$scratch/config
export XDG_CONFIG_HOME
kinds="ai-act-annex-iv ai-act-annex-xi cyclonedx spdx model-card lineage
    lineage-dot"
sov-verify -q --keygen team --no-password
sov-verify -q --keygen other --no-password
printf 'sov-policy v1\nkey team minisign %s\n' "$(tail -n 1 team.pub)" >team.pol
"$top_builddir/tests/tools/mkmodel" layers=1 m.gguf
SOURCE_DATE_EPOCH=1700000000
export SOURCE_DATE_EPOCH
sov-verify -q --adopt --sign-key team.key --license Apache-2.0 \
    --source https://example.org/m m.gguf
sov-quantize -q -t q8_0 --sign-key team.key -o q.gguf m.gguf
unset SOURCE_DATE_EPOCH

# what cannot be meant
expect 64 sov-verify --report=nonsense q.gguf
expect 64 sov-verify --report=spdx
expect 64 sov-verify --report=spdx q.gguf m.gguf
expect 64 sov-verify --report=spdx --show q.gguf
expect 64 sov-verify --report=spdx --json q.gguf
expect 64 sov-verify --report=spdx --sign-key team.key q.gguf
expect 64 sov-verify --report=spdx - <q.gguf
expect 64 sov-verify -o x --key team.pub q.gguf
err_has "--report"
expect 66 sov-verify --report=spdx none.gguf

# each kind, twice the same, to a file as to standard output
mkdir made
for kind in $kinds; do
    expect 0 sov-verify "--report=$kind" --key team.pub q.gguf
    err_empty
    cp out "made/$kind"
    expect 0 sov-verify "--report=$kind" --key team.pub -j 1 -o again q.gguf
    out_empty
    cmp -s again "made/$kind" || fail "$kind is not the same twice"
    expect 73 sov-verify "--report=$kind" --key team.pub -o again q.gguf
    rm again
    expect 74 sh -c "sov-verify --report=$kind --key team.pub q.gguf >/dev/full"
    # who made it, and whether that is known
    case $kind in
    lineage*) word=import ;;
    *) word=Verified ;;
    esac
    grep -qF "$word" "made/$kind" || fail "$kind lacks $word"
    grep -qF "$(sha256sum q.gguf | cut -c 1-64)" "made/$kind" ||
        [ "${kind#lineage}" != "$kind" ] || fail "$kind has no digest"
done
expect 0 sov-verify --report=spdx --key team.pub --depfile d.mk -o d q.gguf
tr -d '\\\n' <d.mk | grep -q '^d:.*q\.gguf' || fail "--depfile: no rule"
rm d d.mk

# a time is that of the newest claim, unless it is given
grep -q '"timestamp": "2023-11-14T22:13:20Z"' made/cyclonedx ||
    fail "not the time of the claim"
expect 0 env SOURCE_DATE_EPOCH=1600000000 \
    sov-verify --report=cyclonedx --key team.pub q.gguf
out_has '"timestamp": "2020-09-13T12:26:40Z"'

# facts are those of the file, the licence is what somebody declared
grep -q 'Input and output:.*text.*fact: the file' made/ai-act-annex-xi ||
    fail "no fact of the file"
grep -q 'Licence that the history carries:\*\* Apache-2.0 \*(declared' \
    made/ai-act-annex-xi || fail "no declared licence"
grep -q 'Provider:\*\* MISSING' made/ai-act-annex-xi || fail "nothing is missing"
grep -q '^    #provider: ' made/ai-act-annex-xi || fail "no hint how to add it"
grep -q 'taken from https://example.org/m' made/ai-act-annex-xi ||
    fail "no source"
grep -q '^license: "apache-2.0"' made/model-card || fail "no licence in the card"
grep -q '^base_model: "m.gguf"' made/model-card || fail "no base in the card"
grep -q '^base_model_relation: "quantized"' made/model-card || fail "no relation"

# nothing that is read is written over
cp q.gguf.claims.jsonl before
for victim in q.gguf q.gguf.claims.jsonl; do
    expect 73 sov-verify -f --report=spdx --key team.pub -o "$victim" q.gguf
done
cmp -s before q.gguf.claims.jsonl || fail "the claims were written over"
rm before

# not verified: said so in each of them, unless a policy asks for more
for kind in $kinds; do
    expect 0 sov-verify "--report=$kind" --key other.pub q.gguf
    err_has "not verified"
    case $kind in
    lineage-dot) out_has "not trusted" ;;
    *) out_has "NOT VERIFIED" ;;
    esac
done
printf 'sov-policy v1\nkey other minisign %s\n' "$(tail -n 1 other.pub)" >o.pol
for p in --policy --require-claims; do
    expect 77 sov-verify --report=spdx "$p" o.pol -o x q.gguf
    expect 0 sov-verify --report=spdx "$p" team.pol q.gguf
done
cp m.gguf bare.gguf
expect 0 sov-verify --report=ai-act-annex-iv --key team.pub bare.gguf
out_has "NOT VERIFIED: nobody has signed anything"

# a history that somebody has made up, of whom nothing is known, so large that
# a picture of it would take minutes: 21 steps of a thousand files each
some=$(printf '{"annotations":{"sov_role":"x"}},%.0s' 1 2 3 4 5 6 7 8 9 10)
some=$some$some$some$some$some$some$some$some$some$some
some=$some$some$some$some$some$some$some$some$some$some
head='{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":'
made='"predicateType":"https://slsa.dev/provenance/v1","predicate":{
    "buildDefinition":{"buildType":"x","resolvedDependencies":['
by=']},"runDetails":{"builder":{"id":"x"}}}}'
id=$(printf %064d 0)
sig=$(head -c 64 /dev/zero | base64 -w 0)
# strange DIGEST DEPENDENCIES: a claim about it, and its id in $payload
strange() {
    printf %s "$head\"$1\",\"digest\":{\"sha256\":\"$1\"}}],$made$2$by" >payload
    printf '%s%s%s%s%s%s%s\n' '{"dsseEnvelope":{"payload":"' \
        "$(base64 -w 0 payload)" \
        '","payloadType":"application/vnd.in-toto+json","signatures":[{' \
        "\"keyid\":\"$id\",\"sig\":\"$sig\"}]}," \
        '"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json",' \
        '"verificationMaterial":{"publicKey":{"hint":' "\"$id\"}}}" >>large
}
rm -f large
deps=
for i in $(seq 100 120); do
    digest=$(printf %064d "$i")
    strange "$digest" "${some%,}"
    deps=$deps,'{"digest":{"sha256":"'$digest'"},"annotations":{"sov_claim":"'$(
        sha256sum <payload | cut -c 1-64)'","sov_role":"parent"}}'
done
strange "$(sha256sum <m.gguf | cut -c 1-64)" "${deps#,}"
for kind in lineage lineage-dot; do
    expect 69 sov-verify -q --report=$kind --claims large m.gguf
    err_has "too large for a picture"
    out_empty
done
expect 0 sov-verify -q --report=model-card --claims large m.gguf
out_has "NOT VERIFIED"
expect 77 sov-verify --report=spdx --policy team.pol -o x bare.gguf
for kind in $kinds; do
    expect 0 sov-verify -q "--report=$kind" --key team.pub bare.gguf
    err_empty
    cp out "made/$kind.bare"
done

# there is no paper about what is not what was signed
cp q.gguf bad.gguf
cp q.gguf.claims.jsonl bad.gguf.claims.jsonl
printf '\001' | dd of=bad.gguf bs=1 seek="$(($(wc -c <bad.gguf) - 9))" \
    conv=notrunc 2>/dev/null
cmp -s q.gguf bad.gguf && fail "nothing was damaged"
expect 1 sov-verify --report=spdx --key team.pub -o x bad.gguf
cp q.gguf bad.gguf
sed '1d' q.gguf.claims.jsonl >bad.gguf.claims.jsonl
expect 0 sov-verify --report=spdx --key team.pub bad.gguf # it is embedded
sed 's/"sig":"./"sig":"A/' q.gguf.claims.jsonl >bad.gguf.claims.jsonl
expect 1 sov-verify --report=spdx --key team.pub -o x bad.gguf
printf '{' >bad.gguf.claims.jsonl
expect 1 sov-verify --report=spdx --key team.pub -o x bad.gguf
[ ! -e x ] || fail "a paper was made of what is no"

# what people declare, if they are trusted; all that the AI profile wants
cp q.gguf d.gguf
cp q.gguf.claims.jsonl d.gguf.claims.jsonl
cat >facts <<'END'
sov-facts v1
name: tale
version: 1
provider: Example Org
release_date: 2026-11-21
distribution: over the counter
distribution: https://example.org/tale
license: Apache-2.0
intended_use: stories
limitation: it knows no facts
limitation: it sees 256 tokens
risk: old views
data_source: old books
training_flop: 3e6
energy_mwh: 0.5
personal_data: no
END
sov-verify -q --facts facts --sign-key other.key d.gguf
expect 0 sov-verify --report=ai-act-annex-xi --key team.pub d.gguf
out_has "Provider:** MISSING"
out_has "1 statement by keys that are not trusted here was left out"
for kind in $kinds; do
    expect 0 sov-verify "--report=$kind" --key team.pub --key other.pub d.gguf
    cp out "made/$kind.facts"
done
grep -q 'Provider:\*\* Example Org \*(declared by other.pub: claim ' \
    made/ai-act-annex-xi.facts || fail "nothing is declared"
[ "$(grep -c 'Limitation:' made/ai-act-annex-xi.facts)" -eq 2 ] ||
    fail "not two limitations"
grep -q 'of the 3e6 FLOP that are declared' made/ai-act-annex-xi.facts ||
    fail "no share"
grep -q '"useCases"' made/cyclonedx.facts || fail "no uses in the BOM"
grep -q '"ai"' made/spdx.facts || fail "does not follow the AI profile"
grep -q '"ai"' made/spdx && fail "follows the AI profile without what it wants"
grep -q '"software_downloadLocation": "https://example.org/tale"' \
    made/spdx.facts || fail "no place to load it from"

# ... which is no place if it cannot be loaded from there
cp q.gguf e.gguf
cp q.gguf.claims.jsonl e.gguf.claims.jsonl
sed '/https:/d' facts >counter
sov-verify -q --facts counter --sign-key team.key e.gguf
expect 0 sov-verify --report=spdx --key team.pub e.gguf
cp out made/spdx.counter
grep -q 'software_downloadLocation\|"ai"' out && fail "a counter is a URI"
out_has 'distribution: over the counter (declared by'

# names from anywhere
nasty='a"<b>&\\`*|_[x](y) é.gguf'
cp q.gguf "$nasty"
cp q.gguf.claims.jsonl "$nasty.claims.jsonl"
for kind in $kinds; do
    expect 0 sov-verify "--report=$kind" --key team.pub "./$nasty"
    cp out "made/$kind.nasty"
done
grep -q '[^\\]<b>' made/ai-act-annex-xi.nasty && fail "a tag came through"

# a folder
mkdir hf
cp "$tale"/* hf
expect 0 sov-verify --report=spdx -q --key team.pub hf
cp out made/spdx.folder
out_has model.safetensors
expect 0 sov-verify --report=cyclonedx -q --key team.pub hf
cp out made/cyclonedx.folder

# pictures that others read
if command -v xmllint >/dev/null; then
    for f in made/lineage made/lineage.bare made/lineage.nasty; do
        xmllint --noout "$f" || fail "$f is no XML"
    done
else
    echo "no xmllint: pictures are not checked"
fi
if command -v dot >/dev/null; then
    for f in made/lineage-dot*; do
        dot -Tplain "$f" >/dev/null || fail "$f: graphviz does not read it"
    done
else
    echo "no graphviz: lineage-dot is not checked"
fi

# documents that their schemas and rules take
command -v node >/dev/null || skip "no node: documents are not checked"
expect 0 node "$top_srcdir/tests/cli/spdx.mjs" made/spdx*
[ -d "${SOV_SCHEMAS:-}/node_modules/ajv" ] ||
    skip "SOV_SCHEMAS has no ajv: CycloneDX is not checked"
expect 0 node "$top_srcdir/tests/cli/cyclonedx.mjs" "$SOV_SCHEMAS" made/cyclonedx*

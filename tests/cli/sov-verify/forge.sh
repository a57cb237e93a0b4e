# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# forge.sh - somebody whose key is believed signs what is not so; needs jq and
# a key, k.key
# shellcheck disable=SC2154

# forge MODEL FILTER: the last claim of it, with the model's digest, through jq
forge() {
    tail -n 1 "$1.claims.jsonl" >line
    jq -r .dsseEnvelope.payload line | base64 -d |
        jq -cSj --arg sha "$(sha256sum <"$1" | cut -c 1-64)" \
            --argjson size "$(wc -c <"$1")" \
            '.subject[0].digest = {sha256: $sha} |
             .subject[0].annotations = {sov_size: $size} | '"$2" >payload
    {
        printf 'DSSEv1 28 application/vnd.in-toto+json %d ' \
            "$(wc -c <payload)"
        cat payload
    } >pae
    "$top_builddir/tests/tools/keytool" sign k.key pae sig
    jq -cS --arg p "$(base64 -w 0 <payload)" --arg s "$(base64 -w 0 <sig)" \
        '.dsseEnvelope.payload = $p | .dsseEnvelope.signatures[0].sig = $s' \
        line >"$1.claims.jsonl"
    expect 0 sov-verify --key k.pub "$1"
}

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# plan-kld - the divergence that is foretold is about the one that comes
#
# Types are chosen for some sizes by what a text of the training corpus shows;
# then the outputs read another book, which the model has never seen.  What was
# foretold, of plain rounding, may be off by a factor of 1.5 from what comes, with
# feedback and on other text.  SOV_SLOW=1 tries ten plans, and
# compares those of the peer's sizes with its files: see peer-quant.json.
. "${top_srcdir:?}/tests/cli/lib.sh"

command -v jq >/dev/null || skip "no jq"
need_shared data
[ -e "$shared/data/tale-f16.gguf" ] || skip "no tale-f16.gguf in ../shared"

if [ -n "${SOV_SLOW:-}" ]; then
    command -v zstd >/dev/null || skip "no zstd"
    tar --zstd -xOf "$shared/data/tale-corpus.tar.zst" | head -c 400000 >calib
    head -c 150000 "$shared/data/tale-dev.txt" >dev
    sizes="2405856 2697184 3075040 3239904 3475936 3639776 3741664 4274144
        4839904 6236640"
else
    head -c 12000 "$top_srcdir/tests/data/dev.txt" >calib
    tail -c 20000 "$shared/data/tale-dev.txt" >dev
    sizes=3475936
fi

bad=0
for size in $sizes; do
    expect 0 sov-quantize -q --effort 3 --target-size "$size" --calib calib \
        --eval dev --json -fo a.gguf "$shared/data/tale-f16.gguf"
    got=$(wc -c <a.gguf)
    [ "$got" -le "$size" ] || fail "$got bytes, and $size were asked for"
    awk -v got="$got" -v size="$size" -v p="$(jq .predicted_kld out)" \
        -v m="$(jq .eval.kld out)" 'BEGIN {
        printf "%d of %d bytes: foretold %.6f, measured %.6f: %.2f\n", got,
               size, p, m, m / p
        exit !(got >= 0.995 * size && m / p < 1.5 && p / m < 1.5)
    }' || bad=1
done
[ $bad -eq 0 ] || fail "foretold wrongly"

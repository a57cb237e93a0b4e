#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# embed-peer - vectors and scores of whole texts are those of stock llama.cpp
. "${top_srcdir:?}/tests/cli/lib.sh"
PATH=$top_builddir/tests/tools:$PATH

# compare LIMIT: mean squared error of out over the mean square of want, the
# cosine, and the largest difference
compare() {
    sed 's/.*"\(embedding\|scores\)":\[//; s/.*"score"://; s/\]*}$//; s/,/ /g' \
        out >got
    awk -v limit="$1" '
    { n[NR] = NF; for (i = 1; i <= NF; i++) x[NR, i] = $i }
    END {
        for (i = 1; i <= n[1]; i++) {
            d = x[1, i] - x[2, i]
            e += d * d
            s += x[1, i] * x[1, i]
            t += x[2, i] * x[2, i]
            c += x[1, i] * x[2, i]
            if (d < 0) d = -d
            if (d > m) m = d
        }
        printf "error %.2g, 1 - cosine %.2g, largest difference %.2g\n",
            e / s, 1 - c / sqrt(s * t), m
        exit NR != 2 || n[1] != n[2] || n[1] == 0 || !(e / s <= limit)
    }' want got || fail "$form, $how"
}

n=0
while read -r what a b c; do
    case $what in
    form)
        form=$a
        limit=$b
        # shellcheck disable=SC2086
        expect 0 mkmodel "form=$form" $c model.gguf
        ;;
    ids)
        echo "[$a $b $c]" | tr ' ' ',' >ids
        ;;
    pool)
        how=$a
        read -r want
        echo "$want" >want
        printf '%s %s: ' "$form" "$how"
        expect 0 sov-run --precise -m model.gguf --embed --no-normalize \
            --pooling "$how" --input-ids ids
        compare "$limit"
        # in eight bits likewise, nearly
        expect 0 sov-run -m model.gguf --embed --no-normalize \
            --pooling "$how" --input-ids ids
        printf '    as usual: '
        compare 1e-2
        n=$((n + 1))
        ;;
    esac
done <<END
$(grep -v '^#' "$top_srcdir/tests/data/embed.txt")
END
[ "$n" -ge 23 ] || fail "only $n vectors"

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# ministat - our statistics agree with those of ministat: medians and ends,
# Student's t, and where the groups differ clearly or not at all, the verdict
. "${top_srcdir:?}/tests/cli/lib.sh"
command -v ministat >/dev/null || skip "no ministat here"
PATH=$top_builddir/tests/tools:$PATH

# numbers N CENTRE SPREAD SEED: about as a run's samples are
numbers() {
    awk -v n="$1" -v c="$2" -v d="$3" -v s="$4" 'BEGIN {
        srand(s)
        for (i = 0; i < n; i++)
            printf "%.4f\n", c + d * (rand() + rand() + rand() - 1.5)
    }'
}

# the same to 4 digits: its table of t has no more, nor more than 100 degrees
close_to() {
    awk -v a="$1" -v b="$2" 'BEGIN {
        d = a - b
        exit !((d < 0 ? -d : d) <= 0.0006 * (b < 0 ? -b : b))
    }' || fail "$3: $1 is not $2"
}

seed=0
cases=0
differ=0
for n in 5 7 9 15 31 51; do
    for shift in 0 0.02 4; do
        seed=$((seed + 1))
        numbers "$n" 100 1 "$seed" >a
        numbers "$n" "$(echo "$shift" | awk '{ print 100 + $1 }')" 1 \
            "$((seed + 100))" >b
        ministat -A a b >theirs
        benchstat a b >ours || fail "benchstat"
        for k in a b; do
            mark=x
            [ "$k" = a ] || mark=+
            # N Min Max Median
            # shellcheck disable=SC2046
            set -- $(awk -v m="$mark" '$1 == m && NF == 7 { print $2, $3, $4, $5 }' theirs) \
                $(awk -v k="$k" '$1 == k { print $2, $3, $4, $5 }' ours)
            [ $# -eq 8 ] || fail "ministat said something else: $(cat theirs)"
            [ "$1" -eq "$5" ] || fail "n of $k"
            close_to "$2" "$6" "least of $k"
            close_to "$3" "$7" "most of $k"
            close_to "$4" "$8" "median of $k"
        done
        p=$(awk '$1 == "u" { print $2 }' ours)
        if [ "$shift" = 4 ]; then
            grep -q '^Difference at 95.0% confidence' theirs ||
                fail "ministat sees no difference of 4"
            # "	4.0 +/- 0.7"
            close_to "$(awk '$2 == "+/-" && $1 !~ /%/ { print $3; exit }' theirs)" \
                "$(awk '$1 == "t" { print $2 }' ours)" "half of the interval, $n"
            awk -v p="$p" 'BEGIN { exit !(p < 0.05) }' || fail "u: $p"
            differ=$((differ + 1))
        elif grep -q '^No difference proven' theirs; then
            # the tests are not the same one, and may part near the limit
            awk -v p="$p" 'BEGIN { exit !(p > 0.03) }' || fail "u: $p"
        fi
        cases=$((cases + 1))
    done
done
[ "$cases:$differ" = 18:6 ] || fail "cases: $cases, $differ"

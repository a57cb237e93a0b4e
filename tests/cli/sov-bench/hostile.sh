#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# hostile - records that nobody would have written: one line that says what is
# wrong, or outputs in which no number is none
. "${top_srcdir:?}/tests/cli/lib.sh"
PATH=$top_builddir/tests/tools:$PATH

"$top_builddir/tests/tools/mkmodel" layers=1 m.gguf
head='{"schema":"sov.bench/1","metric":"decode"'

# bad LINE WORDS: not a record; printf's escapes in it are bytes
bad() {
    # shellcheck disable=SC2059
    printf "$1\n" >bad
    expect 65 benchshow bad
    out_empty
    err_one_line
    err_has 'bad: line 1: '
    err_has "$2"
    LC_ALL=C grep -q '[^ -~]' err && fail "not all of it can be read"
    # behind a good one, too
    { echo "$head}" && cat bad; } >second
    expect 65 benchshow second
    err_has 'second: line 2: '
    expect 65 benchshow --base second now
    expect 65 benchshow --past second now
}
echo "$head,\"samples\":[1,2,3,4,5,6]}" >now

# what JSON has no number for
for n in NaN nan Infinity -Infinity inf 1e999 -1e999 0x10 1. .5 01 +1 1e; do
    bad "$head,\"samples\":[1,$n]}" ''
    bad "$head,\"stat\":{\"median\":$n}}" ''
    bad "$head,\"noise\":{\"steal\":$n}}" ''
    bad "$head,\"cell\":{\"gen\":$n}}" ''
done
bad "$head,\"cell\":{\"gen\":-1}}" 'cell.gen: it is no such whole number'
bad "$head,\"cell\":{\"gen\":4294967296}}" 'cell.gen: it is no such whole number'
bad "$head,\"cell\":{\"gen\":1.5}}" 'cell.gen: it is no such whole number'
bad "$head,\"model\":{\"bytes\":18446744073709551616}}" ''
bad "$head,\"stat\":{\"n\":\"NaN\"}}" 'stat.n: it is no such whole number'
bad "$head,\"bandwidth_share\":\"NaN\"}" 'bandwidth_share: it is no number'

# texts that are none
for t in '\377' '\300\200' '\355\240\200' '\364\220\200\200' '\303' \
    '\342\202' '\200'; do
    bad "$head,\"model\":{\"name\":\"a$t\"}}" 'decode'
    bad "$head,\"note\":\"$t z\"}" 'decode'
    bad "$head,\"x$t\":1}" 'decode'
done
bad "$head,\"note\":\"\\\\ud800\"}" ''
bad "$head,\"note\":\"\\\\udc00x\"}" ''
bad "$head,\"note\":\"a\001b\"}" ''
bad "\357\273\277$head}" ''
bad "$head}}" ''
bad "$head" ''
bad "$head,\"metric\":\"NaN\"}" ''

# a history that has some is told, and the rest of it counts
printf '%s,"note":"\377"}\n%s,"samples":[NaN]}\n' "$head" "$head" >some
cat now >>some
expect 0 sov-bench --no-start --runs 1 --prompt 0 --gen 2 --history some \
    --baseline some m.gguf
err_has 'some: line 1 is no record: '
err_has 'and there are more'

# numbers at the ends of what there is
for n in 1e308 -1e308 1.7976931348623157e308 5e-324 -5e-324 0 -0.0 -1; do
    awk -v n="$n" -v head="$head" 'BEGIN {
        for (m = 0; m < 8; m++)
            for (run = 0; run < 12; run++) {
                v = run % 3 == 0 ? n : run
                name = m % 4 == 0 ? "decode" : m % 4 == 1 ? "ratio" : \
                       m % 4 == 2 ? "perplexity" : "peak_memory"
                h = head
                sub(/decode/, name, h)
                printf "%s,\"run\":\"%x\",\"time\":\"2026-11-%02dT05:00:00Z\"," \
                    "\"model\":{\"name\":\"m%d\",\"bytes\":%d," \
                    "\"type\":\"t%d\"},\"cell\":{\"gen\":%d}," \
                    "\"samples\":[%s,%s,%s,%s,%s,%s,%s,%s,%s,%s]," \
                    "\"stat\":{\"n\":6,\"median\":%s,\"low\":%s,\"high\":%s," \
                    "\"mad\":%s},\"bandwidth_share\":%s,\"compute_share\":%s," \
                    "\"bytes_per_s\":%s,\"flop_per_s\":%s," \
                    "\"noise\":{\"steal\":%s,\"cpu_pressure\":%s}}\n", h, run, \
                    run + 1, m, m * 1000, m, run == 5 ? 1 : 2, v, n, v, v, n, \
                    v, v, v, v, v, v, n, v, n, v, v, v, v, v, n
            }
        }' >all
    grep '"run":"b"' all >last
    expect 0 benchshow last --base all --past all --html o.html --svg o.svg \
        --csv o.csv --md o.md --junit o.xml --prom o.prom
    for f in out o.html o.svg o.csv o.md o.xml; do
        grep -nE '(^|[^a-zA-Z])-?(nan|inf)([^a-zA-Z]|$)' $f &&
            fail "$f: a number that is none"
    done
    if command -v xmllint >/dev/null; then
        xmllint --noout o.svg o.xml || fail "$n"
    fi
    if command -v promtool >/dev/null; then
        promtool check metrics <o.prom || fail "$n: o.prom"
    fi
done
exit 0

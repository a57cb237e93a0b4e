#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# gen-uclass.sh UnicodeData.txt >lib/tok/uclass_table.h
#
# Classes of characters as a table of two stages, out of the Unicode character
# database.  The version that the published tokenizers agree on best is 15.1;
# a newer one would give other ids for characters that were added since.
set -eu
[ $# = 1 ] || {
    echo "usage: gen-uclass.sh UnicodeData.txt" >&2
    exit 64
}
LC_ALL=C awk -F';' '
function hex(s,    i, v) {
    v = 0
    for (i = 1; i <= length(s); i++)
        v = v * 16 + index("0123456789ABCDEF", substr(s, i, 1)) - 1
    return v
}
BEGIN {
    split("Lu Ll Lt Lm Lo Mn Mc Me", own, " ")
    for (i = 1; i <= 8; i++)
        class[own[i]] = i
    class["Nd"] = class["Nl"] = class["No"] = 9
    n = split("Pc Pd Ps Pe Pi Pf Po", p, " ")
    for (i = 1; i <= n; i++)
        class[p[i]] = 10
    n = split("Sm Sc Sk So", p, " ")
    for (i = 1; i <= n; i++)
        class[p[i]] = 11
    class["Zs"] = class["Zl"] = class["Zp"] = 12
    n = split("Cc Cf Cs Co", p, " ")
    for (i = 1; i <= n; i++)
        class[p[i]] = 15
}
{
    at = hex($1)
    v = class[$3]
    from = $2 ~ /, Last>$/ ? first : at
    first = at
    for (i = from; i <= at; i++)
        of[i] = v
}
END {
    of[9] = of[11] = of[12] = of[133] = 13 # controls that are white space
    of[10] = of[13] = 14                   # those that end lines
    print "/* SPDX-License-Identifier: Apache-2.0 */"
    print "/*"
    print " * uclass_table.h - made by scripts/gen-uclass.sh, not by hand"
    print " */"
    print "/* clang-format off */"
    stage1 = ""
    blocks = 0
    for (b = 0; b < 8704; b++) {
        s = ""
        for (i = 0; i < 128; i++)
            s = s (of[b * 128 + i] + 0) ","
        if (!(s in seen)) {
            seen[s] = blocks
            text[blocks++] = s
        }
        index1[b] = seen[s]
    }
    printf "static const unsigned char stage1[8704] = {"
    for (b = 0; b < 8704; b++)
        printf "%s%d,", b % 20 == 0 ? "\n" : "", index1[b]
    printf "\n};\n\nstatic const unsigned char stage2[%d][128] = {\n", blocks
    for (b = 0; b < blocks; b++) {
        n = split(text[b], cell, ",")
        printf "{"
        for (i = 1; i <= 128; i++)
            printf "%s%d,", i % 26 == 1 ? "\n" : "", cell[i]
        print "\n},"
    }
    print "};"
    print "/* clang-format on */"
    if (blocks > 256)
        exit 1
}' "$1"

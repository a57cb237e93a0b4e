#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# check-layers - does every #include point downwards?
#
# usage: check-layers.sh [TOP]
# In lib/, by lib/LAYERS: a file includes from its own folder, from floors
# below and from lib/sov/.  lib/sov/ includes only itself.  bin/ includes only
# lib/sov/ and bin/cli/, and sov-NAME.c also its own bin/NAME/.  Intrinsics
# stand only in the folder of an instruction set, under kern/ or sys/.
set -eu
cd "${1:-${top_srcdir:-.}}"

find lib bin -name '*.[ch]' -exec grep -n '^[[:space:]]*#[[:space:]]*include' /dev/null {} + |
awk -F: '
    BEGIN {
        while ((getline line < "lib/LAYERS") > 0)
            if (line !~ /^#/ && (n = split(line, f, " ")) > 0)
                for (level++; n > 0; n--)
                    floor[f[n]] = level
        if (level == 0) {
            print "lib/LAYERS is missing"
            exit bad = 1
        }
    }
    function refuse(why) {
        printf "%s:%s: %s\n", $1, $2, why
        bad = 1
    }
    {
        if ($3 ~ /<(immintrin|x86intrin|[a-z]mmintrin|arm_neon|arm_acle|nmmintrin)\.h>/ &&
            $1 !~ /^lib\/(kern|sys)\/(avx2|avx512|neon|sha)[a-z0-9]*\//)
            refuse("intrinsics stand only in the folder of an instruction set")
        if (split($3, q, "\"") < 2 || q[2] == "config.h")
            next
        split($1, from, "/")
        n = split(q[2], to, "/")
        if (from[1] == "bin") {
            if (to[1] != "sov" && to[1] != "cli" && from[2] != to[1] &&
                from[2] != "sov-" to[1] ".c")
                refuse("bin/ may not include " q[2])
            next
        }
        if (n < 2)
            refuse("say where it is: " q[2])
        else if (from[2] == "sov" && to[1] != "sov")
            refuse("a public header may not include " q[2])
        else if (to[1] == "sov" || from[2] == to[1])
            next
        else if (!(from[2] in floor) || !(to[1] in floor))
            refuse("not a floor: " from[2] " or " to[1])
        else if (floor[to[1]] >= floor[from[2]])
            refuse(from[2] " may not include " q[2])
    }
    END { exit bad }'

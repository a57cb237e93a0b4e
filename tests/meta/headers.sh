#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# headers - every header compiles alone
set -eu
cd "${top_srcdir:?}"
bad=0
for h in $(find lib bin tests -name '*.h' | sort); do
    case $h in
    lib/kern/*/outer.h) continue ;; # a template: whoever includes it brings the numbers
    lib/kern/mul_256.h | lib/kern/avx2/mul_32.h | lib/kern/lift.h) continue ;; # likewise
    */avx2/*) isa='-mavx2 -mfma -mf16c' ;;
    */avxvnni/*) isa='-mavxvnni -mavx2 -mfma -mf16c' ;;
    */avx512vbmi/*) isa='-mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512vnni -mavx512vbmi -mbmi2 -mfma -mf16c' ;;
    */avx512/*) isa='-mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512vnni -mfma -mf16c' ;;
    */shani/*) isa='-msha -mssse3 -msse4.1' ;;
    */neon/*) continue ;;
    lib/sys/sha_lanes.h) continue ;; # a template as well
    tests/unit/*) continue ;; # they need Check, and are included by all tests
    lib/kern/rows*.h | lib/kern/strips*.h) continue ;; # templates: see kern/rows.h
    lib/kern/codec.h) continue ;; # a template: whoever includes it brings the lanes
    lib/kern/unpack*.h) continue ;; # likewise
    lib/kern/tiles.h | lib/kern/attn_groups.h) continue ;; # likewise
    lib/kern/blend.h | lib/kern/adamw.h) continue ;; # likewise
    *) isa= ;;
    esac
    # shellcheck disable=SC2086
    printf '#include "%s"\n' "$h" |
        ${CC:-cc} -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror -fsyntax-only \
            -Wno-unused -I. -Ilib -Ibin -I"${top_builddir:?}" $isa -x c - ||
        bad=1
done
exit $bad

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# spdx - every source file says its licence and what it is
set -eu
cd "${top_srcdir:?}"
bad=0
for f in $(find lib bin tests scripts m4 completions models -type f \
    \( -name '*.[ch]' -o -name '*.def' -o -name '*.sh' -o -name '*.mk' \
    -o -name '*.py' -o -name '*.mjs' -o -name '*.fish' -o -name 'sov_*.m4' \) | sort); do
    head -n 5 "$f" | grep -q 'SPDX-License-Identifier: Apache-2.0' || {
        echo "$f: no SPDX line"
        bad=1
    }
    # "name.c - what it is" in the head of C files
    case $f in
    *.[ch])
        head -n 8 "$f" | grep -qE '^(/\*| \*) [A-Za-z0-9_./-]+ - ' || {
            echo "$f: no line that says what it is"
            bad=1
        }
        ;;
    esac
done
exit $bad

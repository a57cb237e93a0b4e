#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# hostile - broken files: one clear line and a status
. "${top_srcdir:?}/tests/cli/lib.sh"

need_shared badcorpus
command -v python3 >/dev/null || skip "no python3 to make the files"
mkdir bad
(cd bad && python3 "$shared/badcorpus/gen.py" >/dev/null)
n=0
for f in bad/*; do
    n=$((n + 1))
    for how in card json check tensor; do
        status=0
        set -- "$f"
        case $how in
        json | check) set -- --$how "$f" ;;
        tensor) set -- --tensor '*' "$f" ;;
        esac
        timeout 20 sov-show "$@" >out 2>err || status=$?
        case $status in
        0) ;;
        1) [ $how = check ] || [ $how = tensor ] || fail "$f, $how: no?" ;;
        6[4-9] | 7[1-8])
            err_one_line
            out_empty
            ;;
        *)
            show
            fail "$f, $how: status $status"
            ;;
        esac
        if LC_ALL=C tr -d '\n\t -~\200-\377' <out | grep -q .; then
            fail "$f, $how: control characters come through"
        fi
        only_files bad
    done
done
[ $n -ge 69 ] || fail "only $n files"

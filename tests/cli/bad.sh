#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# bad - hostile GGUF files: one clear line, a status, nothing left behind
. "${top_srcdir:?}/tests/cli/lib.sh"

need_shared badcorpus
command -v python3 >/dev/null || skip "no python3 to make the files"
mkdir bad
(cd bad && python3 "$shared/badcorpus/gen.py" >/dev/null)
n=0
for f in bad/*; do
    n=$((n + 1))
    for how in file pipe; do
        status=0
        if [ $how = file ]; then
            timeout 20 sov-quantize -t q8_0 -o made "$f" >out 2>err || status=$?
        else
            timeout 20 sov-quantize -t q8_0 -o made - <"$f" >out 2>err ||
                status=$?
        fi
        case $f:$status in
        */ok_min*:0) rm made ;;
        *:6[4-9] | *:7[0-8])
            [ "$status" -ne 70 ] || fail "$f by $how: internal error"
            err_one_line
            [ ! -e made ] || fail "$f by $how: an output is left"
            ;;
        *:0)
            # read and written: then it must be readable again
            [ ! -e made ] || rm made
            [ $how = pipe ] || accepted="${accepted-} ${f#bad/}"
            ;;
        *)
            show
            fail "sov-quantize, $f by $how: status $status"
            ;;
        esac
        only_files bad

        status=0
        if [ $how = file ]; then
            timeout 20 sov-run -m "$f" -n 1 -p x >out 2>err || status=$?
        else
            timeout 20 sov-run -m - -n 1 -p x <"$f" >out 2>err || status=$?
        fi
        case $f:$status in
        */model_ok.gguf:0) ;; # a whole model, small as it is
        *:6[4-9] | *:7[1-8]) err_one_line ;;
        *)
            show
            fail "sov-run, $f by $how: status $status"
            ;;
        esac
    done
done
[ $n -ge 69 ] || fail "only $n files"
echo "accepted by sov-quantize beside ok_min:${accepted- none}"

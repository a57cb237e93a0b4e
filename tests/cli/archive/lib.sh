# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# lib.sh - what the tests of archives share, beside ../lib.sh

tools=$top_builddir/tests/tools
mkdir tmp
TMPDIR=$scratch/tmp
export TMPDIR

mk() {
    "$tools/mkarchive" "$@"
}

# Nothing was left where models are spooled.
tmp_empty() {
    for _f in "$TMPDIR"/* "$TMPDIR"/.[!.]*; do
        [ ! -e "$_f" ] || fail "left in TMPDIR: $_f"
    done
}

# refuse FILE TEXT: by name and from a pipe, read in order and mapped; exit 65,
# one line with the text in it, and nothing left behind
refuse() {
    for _how in name pipe; do
        for _tool in quantize run; do
            _file=$1
            [ $_how = name ] || _file=-
            if [ $_tool = quantize ]; then
                set -- "$1" "$2" sov-quantize -t copy -o made "$_file"
            else
                set -- "$1" "$2" sov-run -m "$_file" -n 1 -p x
            fi
            _archive=$1
            _text=$2
            shift 2
            _status=0
            timeout 60 "$@" <"$_archive" >out 2>err || _status=$?
            set -- "$_archive" "$_text"
            [ $_status -eq 65 ] || {
                show
                fail "$1 by $_how, $_tool: status $_status"
            }
            err_one_line
            err_has "$2"
            [ ! -e made ] || fail "$1 by $_how: an output is left"
            tmp_empty
        done
    done
}

# accept FILE REFERENCE: its model is the one of the file, each way
accept() {
    for _file in "$1" -; do
        rm -f made
        expect 0 sov-quantize -t copy -o made "$_file" <"$1"
        cmp made "$2" || fail "$1: another model"
        expect 0 sov-run -m "$_file" -n 1 --temp 0 --tokenize -p x <"$1"
        tmp_empty
    done
    rm -f made
}

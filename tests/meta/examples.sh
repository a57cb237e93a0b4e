#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# examples - every command in the EXAMPLES of the man pages runs
#
# A ".Dl" line is a command.  So is a ".Bd -literal" block: all of it, or, if
# a line of it starts with "$ ", those lines and the "> " lines after them.
# The commands of one page run in the order they stand, in one folder that
# holds at the start:
#
#   model/          a model directory as published (the built-in model)
#   model.gguf      the same as an f16 GGUF
#   adapter.gguf    an adapter for it
#   prompts.txt     some lines of text
#   corpus.txt      some pages of text
#
# A block after the comment line '.\" not run: REASON' is left alone.
. "${top_srcdir:?}/tests/cli/lib.sh"

[ -e "$tale/config.json" ] || skip "models/tale is not here"

extract() {
    awk '
    function unescape(s) {
        gsub(/\\&/, "", s)
        gsub(/\\-/, "-", s)
        gsub(/\\\(dq/, "\"", s)
        gsub(/\\\(aq/, "\047", s)
        gsub(/\\\(ti/, "~", s)
        gsub(/\\\(ga/, "`", s)
        gsub(/\\e/, "\\", s)
        return s
    }
    function flush() {
        if (prompts != "")
            block = prompts
        if (block != "" && !skip)
            printf "%s", block
        block = prompts = ""
        skip = 0
    }
    /^\.Sh/ { here = ($0 ~ /^\.Sh "?EXAMPLES/) }
    !here { next }
    /^\.\\" not run:/ { skip = 1; next }
    /^\.Dl / {
        s = substr($0, 5)
        block = unescape(s) "\n"
        flush()
        next
    }
    /^\.Bd/ { inside = 1; next }
    /^\.Ed/ { inside = 0; flush(); next }
    !inside { next }
    /^\$ / { prompts = prompts unescape(substr($0, 3)) "\n"; next }
    /^> / && prompts != "" { prompts = prompts unescape(substr($0, 3)) "\n"; next }
    { block = block unescape($0) "\n" }
    ' "$1"
}

# what locks a machine is locked for this folder alone
TMPDIR=$scratch
export TMPDIR

ran=0
for page in "$top_srcdir"/man/*.[1-9]; do
    [ -e "$page" ] || skip "no manual pages"
    name=${page##*/}
    mkdir "$scratch/$name"
    cd "$scratch/$name"
    extract "$page" >"../$name.sh"
    if [ ! -s "../$name.sh" ]; then
        case $name in
        *.1) fail "$name: nothing to run in EXAMPLES" ;;
        esac
        continue
    fi
    ln -s "$tale" model
    [ -e ../model.gguf ] ||
        sov-quantize -q -t f16 -o ../model.gguf model || fail "model.gguf"
    cp ../model.gguf model.gguf
    [ -e ../adapter.gguf ] || "$top_builddir/tests/tools/mklora" size=0.01 \
        model.gguf ../adapter.gguf 2>../err || fail "adapter.gguf"
    cp ../adapter.gguf adapter.gguf
    printf 'Once upon a time\nThe wolf said to the fox\n' >prompts.txt
    head -c 4000 "$top_srcdir/tests/data/dev.txt" >corpus.txt
    sh -eux "../$name.sh" >../out 2>../err </dev/null || {
        show
        tail -n 5 ../err
        fail "$name: an example does not run"
    }
    ran=$((ran + 1))
done
[ $ran -gt 0 ] || skip "no examples yet"

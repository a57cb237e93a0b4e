#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# arch - every architecture, in every form of tests/tools/forms.def, answers as
# stock llama.cpp does; and no architecture is without such a form
. "${top_srcdir:?}/tests/cli/lib.sh"
PATH=$top_builddir/tests/tools:$PATH

record=$top_srcdir/tests/data/arch.txt
grep '^form ' "$record" >forms
while read -r _ form _ extra; do
    # shellcheck disable=SC2086
    expect 0 mkmodel "form=$form" $extra model.gguf
    expect 0 answers "$form" "$record" model.gguf
    cat out
    sov-show model.gguf >/dev/null || fail "sov-show of $form"
    expect 0 sov-quantize -q -t q8_0 --force -o small.gguf model.gguf
    expect 0 sov-show small.gguf
done <forms

# rows of forms.def, and of archs.def, of which there is no record
sed -n 's/^FORM("\([^"]*\)".*/\1/p' "$top_srcdir/tests/tools/forms.def" >names
while read -r form; do
    grep -q "^form $form " forms || fail "no record of the form $form"
done <names
sed -n 's/^ARCH(\(.*\))$/\1/p' "$top_srcdir/lib/arch/archs.def" >archs
[ -s archs ] || fail "no architectures"
while read -r arch; do
    name=$(sed -n 's/^    \.name = "\(.*\)",$/\1/p' \
        "$top_srcdir/lib/arch/$arch.c")
    form=$(sed -n "s/^FORM(\"\([^\"]*\)\", \"$name\",.*/\1/p" \
        "$top_srcdir/tests/tools/forms.def" | head -n 1)
    [ -n "$form" ] || fail "no form of the architecture $arch"
    grep -q "^form $form " forms || fail "no record of the architecture $arch"
done <archs

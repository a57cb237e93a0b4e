#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# seeds - the seeds that tests/fuzz/mkseeds makes are those of the corpora
. "${top_srcdir:?}/tests/cli/lib.sh"

mkdir made
expect 0 sh "$top_srcdir/tests/fuzz/mkseeds" made
find made -type f >list
[ "$(wc -l <list)" -gt 400 ] || fail "few seeds"
while read -r seed; do
    cmp "$seed" "$top_srcdir/tests/fuzz/corpus/${seed#made/}" ||
        fail "run tests/fuzz/mkseeds tests/fuzz/corpus"
done <list

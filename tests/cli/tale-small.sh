#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tale-small - the small model that comes along is what its papers say
. "${top_srcdir:?}/tests/cli/lib.sh"

dir=$top_srcdir/models/tale-small
small=$dir/tale-small.gguf
[ -e "$small" ] || skip "models/tale-small is not here"

# a tenth of the bytes that tale has in f16
expect 0 sov-quantize -q -t f16 -o tale.gguf "$tale"
[ $(($(wc -c <"$small") * 10)) -le "$(wc -c <tale.gguf)" ] || fail "too large"

# signed: four prunings, the teaching, the rounding, each of what came before
expect 0 sov-verify --key "$dir/tale-small.pub" "$small"
expect 0 sov-verify --show "$small"
for what in method=layers method=heads method=ffn method=rotate distill \
    quantize; do
    out_has "$what"
done
cp "$small" one.gguf
cp "$small.claims.jsonl" one.gguf.claims.jsonl
printf x | dd of=one.gguf bs=1 seek=500000 conv=notrunc 2>/dev/null
expect 1 sov-verify --key "$dir/tale-small.pub" one.gguf

# it runs, and has learnt: within a twentieth of its teacher, where a model of
# nothing says ln 4096 = 8.3
nll() {
    sov-run -m "$1" --perplexity "$top_srcdir/tests/data/dev.txt" |
        sed -n 's/.*"nll":\([0-9.]*\).*/\1/p'
}
echo "$(nll "$tale") $(nll "$small")" | awk '
    !($1 > 1 && $2 > $1 * 0.99 && $2 < $1 * 1.05) { print; exit 1 }' ||
    fail "not what it was"

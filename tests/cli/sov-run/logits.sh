#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# logits - a file of float32, the same however the tokens come
. "${top_srcdir:?}/tests/cli/lib.sh"

printf '[1,1228,329,614,262,589]' >ids
expect 0 sov-run --input-ids ids --logits a
[ "$(wc -c <a)" -eq $((6 * 4096 * 4)) ] || fail "size"
expect 0 sov-run -p 'Once upon a time' --logits b
cmp a b || fail "text and ids differ"
expect 0 sov-run --input-ids ids --logits - >c
expect 73 sov-run --input-ids ids --logits a
expect 0 sov-run --input-ids ids -f --logits a
expect 64 sov-run --input-ids ids --logits - --fake-stdout-is-console
expect 0 sov-run -j 1 --input-ids ids --logits d
cmp a d || fail "threads matter"

# more tokens than one pass takes rows
sov-run --tokenize "$top_srcdir/tests/data/dev.txt" | tr -d '{}"ids:[]' |
    tr ',' '\n' | head -n 200 | paste -sd, - | sed 's/.*/[&]/' >long
expect 0 sov-run --input-ids long --logits e
[ "$(wc -c <e)" -eq $((200 * 4096 * 4)) ] || fail "size of many"
head -n 1 long | cut -d, -f1-70 | sed 's/$/]/' >short
expect 0 sov-run --input-ids short --logits g
head -c "$(wc -c <g)" e | cmp - g || fail "later tokens change earlier rows"
only_files a b c d e g ids long short

# what stock llama.cpp computed, f32 against f32
need_shared golden/arch
command -v python3 >/dev/null || skip "no python3 to compare with"
for name in llama llama31 llama-bias; do
    sed 's/.*"tokens":\(\[[^]]*\]\).*/\1/' "$shared/golden/arch/$name.json" >ids
    expect 0 sov-run --precise -m "$shared/golden/arch/$name.gguf" \
        --input-ids ids --logits "$name.f32"
    python3 - "$name.f32" "$shared/golden/arch/$name.f32" <<'END' || fail "$name"
import array, sys
a, b = (array.array("f", open(p, "rb").read()) for p in sys.argv[1:])
assert len(a) == len(b), "sizes differ"
mean = sum(b) / len(b)
nmse = sum((x - y) ** 2 for x, y in zip(a, b)) / sum((y - mean) ** 2 for y in b)
print(sys.argv[1], "normalised mean squared error", nmse)
sys.exit(not nmse <= 1e-9)
END
done

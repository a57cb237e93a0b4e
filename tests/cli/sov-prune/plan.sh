#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# plan - plans of pruning that are written, changed and read
. "${top_srcdir:?}/tests/cli/lib.sh"

command -v jq >/dev/null || skip "no jq"
"$top_builddir/tests/tools/mkmodel" layers=2 width=256 ffn=256 vocab=64 m.gguf

# what is written gives the same bytes
for how in "--ratio 0.3" "--pattern 2:4" "--pattern 16x32:64" \
    "--pattern 8x --ratio 0.1" \
    "--ratio 0.5 --tensor-ratio *attn_k*=2:4 --tensor-ratio *ffn*=keep"; do
    set -f
    # shellcheck disable=SC2086
    expect 0 sov-prune --method magnitude $how --plan-out p.json -fo a.gguf \
        m.gguf
    set +f
    expect 0 sov-prune --plan p.json -fo b.gguf m.gguf
    cmp a.gguf b.gguf || fail "another model by the plan of $how"
    expect 0 sov-prune --plan - --plan-out q.json -fo b.gguf m.gguf <p.json
    cmp a.gguf b.gguf || fail "a plan from standard input"
    cmp p.json q.json || fail "another plan by the plan of $how"
done
[ "$(jq -r '.schema + " " + .method' p.json)" = \
    "sov.prune-plan/1 magnitude" ] || fail "the head of the plan"

# nothing is written but the plan
rm -f a.gguf
expect 0 sov-prune --method magnitude --ratio 0.5 --dry-run \
    --plan-out p.json -f m.gguf
[ ! -e a.gguf ] || fail "a model"
[ "$(jq '.tensors | length' p.json)" -eq 14 ] || fail "not all matrices"

# what is changed is done, what is taken out stays
jq '.tensors |= map(select(.name | test("attn") | not)) |
    .tensors[0].ratio = 0.125' p.json >mine.json
expect 0 sov-prune --plan mine.json --json -fo b.gguf m.gguf
jq -e '(.tensors | length) == 6 and .tensors[0].ratio == 0.125 and
    (.tensors[0].sparsity >= 0.125 and .tensors[0].sparsity < 0.126)' out \
    >/dev/null || fail "the plan was not followed"

# rules go before the plan, another method may be named
expect 0 sov-prune --plan mine.json --tensor-ratio '*ffn_up*=keep' --json \
    -fo b.gguf m.gguf
[ "$(jq '.tensors | length' out)" -eq 4 ] || fail "rules and a plan"
expect 64 sov-prune --plan mine.json --method wanda -fo b.gguf m.gguf
err_has "wanda has to know what enters"

# what is wrong with one
expect 64 sov-prune --plan mine.json --ratio 0.5 -fo b.gguf m.gguf
err_has "give one"
expect 64 sov-prune --plan - -o b.gguf - <m.gguf
expect 66 sov-prune --plan none.json -fo b.gguf m.gguf
bad() { # JQ WORDS
    jq "$1" mine.json >bad.json
    expect 65 sov-prune --plan bad.json -o x.gguf m.gguf
    err_one_line
    err_has "$2"
    [ ! -e x.gguf ] || fail "an output by a bad plan"
}
bad '.tensors[1].name = "blk.7.ffn_up.weight"' \
    "blk.7.ffn_up.weight, which the model does not have"
bad '.tensors[1].name = "output_norm.weight"' "which is no matrix"
bad '.tensors[1].rate = 1' 'what is "rate"?'
bad '.note = 1' 'what is "note"?'
bad '.tensors[1].ratio = 2' "between 0 and 1"
bad '.schema = "sov.plan/1"' "its schema is"
head -c 100 mine.json >bad.json
expect 65 sov-prune --plan bad.json -o x.gguf m.gguf
err_one_line
jq '.tensors = []' mine.json >none.json
expect 64 sov-prune --plan none.json -o x.gguf m.gguf
err_has "no weight of any matrix would go"

# no output without the plan that was asked for
expect 74 sov-prune -q --method magnitude --ratio 0.5 --plan-out /dev/full \
    -o none.gguf m.gguf
err_has "--plan-out: /dev/full"
[ ! -e none.gguf ] || fail "an output, and status 74"

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# peer - llama-perplexity says the same of quality, on the same windows and tasks
#
# SOV_LLAMA names a folder with llama-perplexity.  It rounds what it multiplies
# quantized weights with to 8 bits, and f16 weights to f16; f32 weights it takes
# as they are.  So a quantized model is given to it with its weights as f32:
# then there is nothing that --precise does not do, too.  Its perplexity leaves
# out the first token of the second half of each window, which is scored here.
. "${top_srcdir:?}/tests/cli/lib.sh"

[ -n "${SOV_LLAMA:-}" ] || skip "SOV_LLAMA is not set"
peer=$SOV_LLAMA/llama-perplexity
[ -x "$peer" ] || skip "no llama-perplexity in $SOV_LLAMA"
[ -e "$tale/config.json" ] || skip "models/tale is not here"
data=${SOV_SHARED:-$top_srcdir/../shared}/data
LD_LIBRARY_PATH=$SOV_LLAMA${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export LD_LIBRARY_PATH

bytes=8000
tasks=40
[ -z "${SOV_SLOW:-}" ] || {
    bytes=64000
    tasks=400
}
head -c $bytes "$top_srcdir/tests/data/dev.txt" >text
exact="-c 256 -b 256 -t 2 -ctk f32 -ctv f32 -fa off"

# ask WHAT OPTION...: what the peer says, which now and then ends before
ask() {
    what=$1
    shift
    for _ in 1 2 3 4 5 6; do
        # shellcheck disable=SC2086
        "$peer" $exact --no-escape "$@" >peer.out 2>&1 || fail "the peer: $*"
        grep -q "$what" peer.out && return
    done
    fail "the peer says nothing: $*"
}

# said LABEL: the peer's figure
said() {
    sed -n "s/^.*$1 *[:=] *\([0-9.]*\).*/\1/p" peer.out | head -n 1
}

value() {
    sed -n "s/.*\"metric\":\"$1\".*\"stat\":{[^}]*\"median\":\([^,}]*\).*/\1/p" \
        out
}

# compare WHAT OURS THEIRS: within a thousandth
bad=0
compare() {
    awk -v what="$1" -v a="$2" -v b="$3" 'BEGIN {
        printf "%-20s %s, the peer %s\n", what, a, b
        exit !(a != "" && b > 0 && (a - b) ^ 2 <= (1e-3 * b) ^ 2)
    }' || bad=1
}

expect 0 sov-quantize -q -t f16 -o f16.gguf "$tale"
ask 'Final estimate' -m f16.gguf -f text --kl-divergence-base base
for type in q4_0 q4_k_m q2_k; do
    expect 0 sov-quantize -q -t $type -o $type.gguf f16.gguf
    expect 0 sov-quantize -q -t f32 -fo f32.gguf $type.gguf
    expect 0 sov-bench --json --precise --kld base $type.gguf
    kld=$(value kld)
    top=$(value same_top)
    expect 0 sov-bench --json --precise --perplexity text --ctx 256 $type.gguf
    ask 'Same top p:' -m f32.gguf --kl-divergence --kl-divergence-base base
    compare "$type kld" "$kld" "$(said 'Mean    KLD')"
    compare "$type same top" "$top" \
        "$(said 'Same top p' | awk '{ print $1 / 100 }')"
    compare "$type perplexity" "$(value perplexity)" "$(said 'Mean PPL(Q)')"
done

# tasks, as drawn by both
if [ -e "$data/stories260K.gguf" ] && command -v bunzip2 >/dev/null; then
    bunzip2 -c "$data/hellaswag_val_full.txt.bz2" >hs
    ask "^$tasks" -m "$data/stories260K.gguf" -c 2048 -f hs --hellaswag \
        --hellaswag-tasks $tasks
    theirs=$(sed -n "s/^${tasks}[[:space:]]*\([0-9.]*\)%.*/\1/p" peer.out)
    expect 0 sov-bench --json --hellaswag hs --draw $tasks \
        "$data/stories260K.gguf"
    awk -v n=$tasks -v a="$(value hellaswag)" -v b="$theirs" 'BEGIN {
        printf "hellaswag: %d of %d, the peer %d\n", a * n + 0.5, n,
            b * n / 100 + 0.5
        d = (a - b / 100) * n
        exit !(b != "" && d * d <= 2.01 * 2.01)
    }' || bad=1
fi
[ $bad -eq 0 ] || fail "they differ"

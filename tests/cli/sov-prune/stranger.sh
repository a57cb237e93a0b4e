#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# stranger - what somebody who means no good, or errs, gets: one line, the right
# status, and nothing left behind
# shellcheck disable=SC2086 # options in words
. "${top_srcdir:?}/tests/cli/lib.sh"

tools=$top_builddir/tests/tools
shape="layers=4 width=256 ffn=256 vocab=300"
"$tools/mkmodel" $shape m.gguf
"$tools/mkmodel" $shape experts=4 moe.gguf
head -c 6000 "$top_srcdir/tests/data/dev.txt" >text
calib="--calib text --calib-tokens 512"
# what is here, but for what the test itself makes
list() {
    find . -maxdepth 1 -type f ! -name out ! -name err ! -name before \
        ! -name 'bad.*' | sort
}
list >before

refuse() { # STATUS WORDS COMMAND...
    _status=$1
    _words=$2
    shift 2
    expect "$_status" "$@"
    err_has "$_words"
    err_one_line
    list | cmp -s - before || fail "left behind by $*: $(list)"
}

# ---- numbers that are none go through layers: no shape is chosen by them
for what in nan inf; do
    "$tools/mkmodel" $shape bad=blk.1.ffn_up.weight:300:$what bad.gguf
    while read -r method words; do
        refuse 65 "$(echo "$words" | tr _ ' ')" sov-prune -q --method $method \
            --ratio 0.5 $calib -o x.gguf bad.gguf
    done <<'END'
ffn is_not_finite
heads is_not_finite
width is_not_finite
hidden not_finite
rotate not_finite
layers not_finite
influence layer_1:_numbers_that_are_not_finite
END
    "$tools/mkmodel" $shape experts=4 bad=blk.1.ffn_up_exps.weight:300:$what \
        bad.gguf
    refuse 65 "is not finite" sov-prune -q --method experts --ratio 0.5 \
        $calib -o x.gguf bad.gguf
done

# ---- plans of methods that there are not, or that take no weights
for method in none layers; do
    echo '{"schema": "sov.prune-plan/1", "method": "'$method'", "tensors":
        [{"name": "blk.0.attn_q.weight", "ratio": 0.5}]}' >bad.json
    refuse 65 "the plan's method" sov-prune -q --plan bad.json $calib \
        -o x.gguf m.gguf
done

# ---- what cannot be packed is no fault of the command line
refuse 69 "m.gguf: no matrix of layers" sov-prune --pack -o x.gguf m.gguf
refuse 69 "m.gguf: nothing is packed here" sov-prune --unpack -o x.gguf m.gguf

# ---- one standard input for two, one file for two outputs
for two in "--calib - --compare -" "--calib - --plan -" "--stats - --plan -" \
    "--stats - --compare -"; do
    refuse 64 "standard input is that of" sov-prune --method wanda $two \
        --ratio 0.5 -o x.gguf m.gguf <text
done
refuse 64 "is the output" sov-prune -f --method magnitude --ratio 0.5 \
    --plan-out ./x.gguf -o x.gguf m.gguf

# ---- no room: a file without a name is not called by a number
refuse 74 "temporary file" sh -c 'ulimit -f 100
    exec sov-prune -q --method magnitude --pattern 32:64 --pack -o x.gguf m.gguf'
for how in "--method magnitude" "--method ffn $calib" \
    "--method magnitude --pack --pattern 32:64"; do
    case $how in *pattern*) ratio= ;; *) ratio="--ratio 0.5" ;; esac
    [ -c /dev/full ] || break
    refuse 74 "No space left" sh -c "sov-prune -q $how $ratio -o - m.gguf \
        >/dev/full"
done

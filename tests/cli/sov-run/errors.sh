#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# errors - one clear line and the right status
. "${top_srcdir:?}/tests/cli/lib.sh"

bad() {
    expect "$@"
    err_one_line
    out_empty
}

bad 66 sov-run -m no-such-model -p x
bad 66 sov-run no-such-file
bad 64 sov-run -p x file
bad 64 sov-run --tokenize --perplexity -p x
bad 64 sov-run --input-ids f -p x
bad 64 sov-run --tokenize --input-ids f
bad 64 sov-run --temp nan -p x
bad 64 sov-run --top-p 1.5 -p x
bad 64 sov-run --min-p -1 -p x
bad 64 sov-run --stop '' -p x
bad 64 sov-run --ctx 0 -p x
bad 64 sov-run --kv q4 -p x
err_has 'f32, bf16, f16 or q8'
bad 64 sov-run -n x -p x
bad 64 sov-run --tokens -p x
bad 64 sov-run -m - <"$tale/config.json"
err_has 'standard input'
printf 'no model' >m
bad 65 sov-run -m m -p x
: >m
bad 65 sov-run -m m -p x
bad 65 sov-run -m - -p x </dev/null

# a model without its parts
mkdir d
cp "$tale"/*.json "$tale/model.safetensors" d
chmod u+w d/*
bad 65 sov-run -m d -p x
err_has 'tokenizer.model'
cp "$tale/tokenizer.model" d
expect 0 sov-run -m d -n 1 -p x
sed 's/LlamaForCausalLM/BloomForCausalLM/' "$tale/config.json" >d/config.json
bad 69 sov-run -m d -p x
err_has 'BloomForCausalLM'
sed 's/"hidden_size": 256/"hidden_size": -1/' "$tale/config.json" >d/config.json
bad 65 sov-run -m d -p x
err_has 'hidden_size'
rm d/config.json
expect 65 sov-run -m d/model.safetensors -p x
err_one_line

# the built-in model is where SOV_DATADIR says, else beside the program
expect 0 env -u SOV_DATADIR sov-run -n 1 -p x

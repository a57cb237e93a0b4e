#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# import - the built-in model as a GGUF file is the one that another program
# made of it, tensor for tensor and key for key
. "${top_srcdir:?}/tests/cli/lib.sh"

need_shared data
expect 0 sov-quantize -t f16 -o m.gguf "$tale"
err_empty
"$top_builddir/tests/tools/cmpmodel" -k tokenizer. -k llama. \
    -k general.architecture -k general.file_type -k general.name \
    m.gguf "$shared/data/tale-f16.gguf" || fail "the conversions differ"

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_hf.c - any bytes as tokenizer.json, and the tokenizer it makes
 */
#include "fuzz_tok.h"

#include "sov/meta.h"
#include "tok/hf.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char text[] = "abc ab Ab1,\n<|end|> e\xcc\x81\xff\xea\xb0\x80";
    size_t tail = size < 64 ? size : 64;
    struct sov_hf hf;
    sov_meta *meta = NULL;
    sov_tok *tok = NULL;

    if (sov_hf_read(&hf, data, size, NULL) < 0)
        return 0;
    if (sov_meta_new(&meta, NULL) == 0 &&
        sov_spm_keys(&hf.vocab, meta, NULL) == 0 &&
        sov_hf_keys(&hf, meta, NULL) == 0 &&
        sov_tok_load(&tok, meta, NULL) == 0) {
        fuzz_use_tok(tok, text, sizeof(text) - 1);
        fuzz_use_tok(tok, (const char *)data + size - tail, tail);
    }
    sov_tok_free(tok);
    sov_meta_free(meta);
    sov_hf_free(&hf);
    return 0;
}

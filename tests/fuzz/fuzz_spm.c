/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_spm.c - any bytes as a SentencePiece model, and the tokenizer it makes
 */
#include "fuzz_tok.h"

#include "sov/meta.h"
#include "tok/spm_model.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char text[] = "a b<s>\xff\xe2\x96\x81<0x0A></s>";
    size_t tail = size < 64 ? size : 64;
    struct sov_spm spm;
    sov_meta *meta = NULL;
    sov_tok *tok = NULL;

    if (sov_spm_read(&spm, data, size, NULL) < 0)
        return 0;
    if (sov_spm_resize(&spm, spm.n + size % 3, NULL) == 0 &&
        sov_meta_new(&meta, NULL) == 0 && sov_spm_keys(&spm, meta, NULL) == 0 &&
        sov_tok_load(&tok, meta, NULL) == 0) {
        fuzz_use_tok(tok, text, sizeof(text) - 1);
        fuzz_use_tok(tok, (const char *)data + size - tail, tail);
    }
    sov_tok_free(tok);
    sov_meta_free(meta);
    sov_spm_free(&spm);
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_tok.h - a tokenizer that was made of any bytes
 */
#ifndef SOV_TESTS_FUZZ_TOK_H
#define SOV_TESTS_FUZZ_TOK_H

#include "sov/token.h"

#include <stdlib.h>

/* What text becomes is in the vocabulary. */
static inline void
fuzz_use_tok(const sov_tok *tok, const char *text, size_t len)
{
    int32_t *ids = NULL;
    size_t n = 0;

    if (sov_tok_encode(tok, text, len,
                       SOV_TOK_BOS | SOV_TOK_EOS | SOV_TOK_SPECIAL, &ids, &n,
                       NULL) < 0)
        return;
    for (size_t i = 0; i < n; i++)
        if (sov_tok_name(tok, ids[i]).p == NULL)
            abort();
    free(ids);
}

#endif

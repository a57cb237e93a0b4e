/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tinytok.h - a tokenizer for the model of tiny.h
 */
#ifndef SOV_TESTS_UNIT_TINYTOK_H
#define SOV_TESTS_UNIT_TINYTOK_H

#include "base/buf.h"
#include "sov/token.h"
#include "tiny.h"

#define TINY_BOS 1

static bool tiny_wants_bos;

static void
tiny_array(sov_meta *m, const char *key, enum sov_vtype elem,
           const struct sov_buf *b)
{
    struct sov_kv kv = { .key = key, .type = SOV_V_ARR, .elem = elem,
                         .n = TINY_VOCAB, .val = { b->p, b->len } };

    ck_assert_int_eq(sov_meta_set(m, &kv, NULL), 0);
}

/* A vocabulary of printable characters. */
static void
tiny_tokenizer(sov_meta *m)
{
    struct sov_buf tokens = { 0 }, scores = { 0 }, types = { 0 };
    char text[8];

    for (int i = 0; i < TINY_VOCAB; i++) {
        snprintf(text, sizeof(text), i < 3 ? "<%c>" : "%c", 32 + i);
        sov_buf_str(&tokens, text, strlen(text));
        sov_buf_f32(&scores, 0);
        sov_buf_u32(&types, i == 0 ? 2 : i < 3 ? 3 : 1);
    }
    ck_assert_int_eq(
        sov_meta_set_str(m, "tokenizer.ggml.model", "llama", NULL), 0);
    tiny_array(m, "tokenizer.ggml.tokens", SOV_V_STR, &tokens);
    tiny_array(m, "tokenizer.ggml.scores", SOV_V_F32, &scores);
    tiny_array(m, "tokenizer.ggml.token_type", SOV_V_I32, &types);
    ck_assert_int_eq(
        sov_meta_set_u32(m, "tokenizer.ggml.bos_token_id", TINY_BOS, NULL), 0);
    ck_assert_int_eq(
        sov_meta_set_bool(m, "tokenizer.ggml.add_bos_token", tiny_wants_bos,
                          NULL), 0);
    sov_buf_free(&tokens);
    sov_buf_free(&scores);
    sov_buf_free(&types);
}

#endif

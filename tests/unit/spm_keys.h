/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spm_keys.h - a small SentencePiece vocabulary as metadata
 */
#ifndef SOV_TESTS_UNIT_SPM_KEYS_H
#define SOV_TESTS_UNIT_SPM_KEYS_H

#include "unit.h"

#include "base/buf.h"
#include "sov/meta.h"

#include <string.h>

struct spm_entry {
    const char *name;
    float score;
    int type;
};

static inline void
spm_array(sov_meta *meta, const char *key, enum sov_vtype elem, size_t n,
          struct sov_buf *b)
{
    struct sov_kv kv = { .key = key,
                         .type = SOV_V_ARR,
                         .elem = elem,
                         .n = n,
                         .val = { b->p, b->len } };

    ck_assert_int_eq(sov_meta_set(meta, &kv, NULL), 0);
    sov_buf_free(b);
}

/* For sov_tok_load(). */
static inline sov_meta *
spm_keys(const struct spm_entry *e, size_t n)
{
    struct sov_buf names = { 0 }, scores = { 0 }, types = { 0 };
    sov_meta *meta;

    ck_assert_int_eq(sov_meta_new(&meta, NULL), 0);
    for (size_t i = 0; i < n; i++) {
        sov_buf_str(&names, e[i].name, strlen(e[i].name));
        sov_buf_f32(&scores, e[i].score);
        sov_buf_u32(&types, (uint32_t)e[i].type);
    }
    ck_assert_int_eq(
        sov_meta_set_str(meta, "tokenizer.ggml.model", "llama", NULL), 0);
    spm_array(meta, "tokenizer.ggml.tokens", SOV_V_STR, n, &names);
    spm_array(meta, "tokenizer.ggml.scores", SOV_V_F32, n, &scores);
    spm_array(meta, "tokenizer.ggml.token_type", SOV_V_I32, n, &types);
    return meta;
}

#endif

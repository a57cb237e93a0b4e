/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trim_vocab.c - the tokenizer of a model that lost tokens
 *
 * What has an element for each token, or for each rule of merging, has those
 * that stay.  Numbers of tokens become their new numbers.  A key that names a
 * token which leaves is refused, as is an array whose meaning is not known.
 */
#include "prune/trim.h"

#include "base/buf.h"
#include "base/le.h"
#include "base/mem.h"
#include "tok/tok.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY "tokenizer.ggml."

static int
set_array(sov_meta *meta, const char *key, const struct sov_kv *was, size_t n,
          struct sov_buf *b, struct sov_err *err)
{
    struct sov_kv kv = {
        .key = key,
        .type = SOV_V_ARR,
        .elem = was->elem,
        .n = n,
        .val = { b->p, b->len },
    };
    int rc = b->bad ? sov_mem_fail(err) : sov_meta_set(meta, &kv, err);

    sov_buf_free(b);
    return rc;
}

/* The elements of a list that stay. */
static int
take(const struct sov_trim_list *l, sov_meta *meta, const char *key,
     struct sov_err *err)
{
    const struct sov_kv *kv = sov_meta_find(meta, key);
    struct sov_buf b = { 0 };
    struct sov_span s;
    size_t at = 0;

    if (kv == NULL || !sov_trim_less(l))
        return 0;
    if (kv->type != SOV_V_ARR || kv->n != l->of)
        return sov_fail(err, SOV_EFORMAT, "%s is not an array of %zu", key,
                        l->of);
    if (kv->elem == SOV_V_STR) {
        for (size_t i = 0; sov_kv_next_str(kv, &at, &s); i++)
            if (sov_trim_has(l, i))
                sov_buf_str(&b, (const char *)s.p, s.len);
    } else {
        size_t each = (size_t)(kv->val.len / kv->n);

        for (size_t i = 0; i < l->of; i++)
            if (sov_trim_has(l, i))
                sov_buf_add(&b, kv->val.p + i * each, each);
    }
    return set_array(meta, key, kv, l->n, &b, err);
}

/* The number that a token gets; -1: it leaves. */
static int64_t
new_id(const struct sov_trim *c, int64_t id)
{
    size_t from = 0, to = c->vocab.n;

    while (from < to) {
        size_t at = from + (to - from) / 2;

        if (c->vocab.id[at] == id)
            return (int64_t)at;
        if (c->vocab.id[at] < id)
            from = at + 1;
        else
            to = at;
    }
    return -1;
}

static int
renumber(const struct sov_trim *c, sov_meta *meta, const struct sov_kv *kv,
         struct sov_err *err)
{
    int64_t was = sov_kv_int(kv, 0), id = new_id(c, was);
    char key[128];

    if (was == -1 || was == UINT32_MAX)
        return 0;
    if (id < 0)
        return sov_fail(err, SOV_EARG, "token %" PRId64 " is %.80s: it stays",
                        was, kv->key);
    snprintf(key, sizeof(key), "%s", kv->key);
    return sov_meta_set_u32(meta, key, (uint32_t)id, err);
}

/* A number that loaders take where no key says otherwise: now one does. */
static int
say(const struct sov_trim *c, sov_meta *meta, const char *key, int32_t was,
    struct sov_err *err)
{
    int64_t id = was >= 0 ? new_id(c, was) : -1;

    if (id < 0 || sov_meta_find(meta, key) != NULL)
        return 0;
    return sov_meta_set_u32(meta, key, (uint32_t)id, err);
}

static int
say_usual(const struct sov_trim *c, sov_meta *meta, struct sov_err *err)
{
    sov_tok *tok;
    int rc = sov_tok_load(&tok, sov_model_meta(c->model), err);

    if (rc < 0)
        return rc;
    rc = say(c, meta, KEY "bos_token_id", tok->bos, err);
    if (rc == 0)
        rc = say(c, meta, KEY "eos_token_id", tok->eos, err);
    if (rc == 0)
        rc = say(c, meta, KEY "unknown_token_id", tok->unk, err);
    if (rc == 0)
        rc = say(c, meta, KEY "seperator_token_id", tok->sep, err);
    sov_tok_free(tok);
    return rc;
}

/* An array of token numbers: those that stay. */
static int
renumber_all(const struct sov_trim *c, sov_meta *meta, const char *key,
             struct sov_err *err)
{
    const struct sov_kv *kv = sov_meta_find(meta, key);
    struct sov_buf b = { 0 };
    size_t n = 0;

    if (kv == NULL || kv->type != SOV_V_ARR || kv->elem == SOV_V_STR)
        return 0;
    if (kv->elem != SOV_V_U32 && kv->elem != SOV_V_I32)
        return sov_fail(err, SOV_EUNSUP, "%s is no array of tokens", key);
    for (uint64_t i = 0; i < kv->n; i++) {
        int64_t id = new_id(c, sov_kv_int(kv, i));

        if (id >= 0)
            sov_buf_u32(&b, (uint32_t)id);
        n += id >= 0;
    }
    return set_array(meta, key, kv, n, &b, err);
}

static bool
ends(const char *s, const char *with)
{
    size_t n = strlen(s), m = strlen(with);

    return n >= m && strcmp(s + n - m, with) == 0;
}

/* Is it one of those that are cut, or does it not speak of tokens? */
static int
check_known(const struct sov_trim *c, const struct sov_kv *kv,
            struct sov_err *err)
{
    static const char *const known[] = {
        KEY "tokens",           KEY "scores",
        KEY "token_type",       KEY "merges",
        KEY "suppress_tokens",  "sov.tokenizer.lstrip",
        "sov.tokenizer.rstrip", KEY "precompiled_charsmap",
    };
    bool ours = strncmp(kv->key, "tokenizer.", 10) == 0 ||
                strncmp(kv->key, "sov.tokenizer.", 14) == 0;

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (strcmp(kv->key, known[i]) == 0)
            return 0;
    if (kv->type != SOV_V_ARR || kv->elem == SOV_V_STR ||
        (!ours && kv->n != c->vocab.of))
        return 0;
    return sov_fail(err, SOV_EUNSUP,
                    "%.80s may speak of tokens by their numbers", kv->key);
}

int
sov_trim_vocab(const struct sov_trim *c, sov_meta *meta, struct sov_err *err)
{
    char key[128];
    int rc = 0;

    if (sov_meta_find(meta, KEY "tokens") == NULL)
        return sov_fail(err, SOV_EUNSUP, "the model has no tokenizer");
    for (size_t i = 0; i < sov_meta_count(meta) && rc == 0; i++)
        rc = check_known(c, sov_meta_at(meta, i), err);
    for (size_t i = 0; i < sov_meta_count(meta) && rc == 0; i++) {
        const struct sov_kv *kv = sov_meta_at(meta, i);

        if (strncmp(kv->key, KEY, strlen(KEY)) == 0 &&
            ends(kv->key, "_token_id"))
            rc = renumber(c, meta, kv, err);
    }
    if (rc == 0)
        rc = say_usual(c, meta, err);
    if (rc == 0)
        rc = take(&c->vocab, meta, KEY "tokens", err);
    if (rc == 0)
        rc = take(&c->vocab, meta, KEY "scores", err);
    if (rc == 0)
        rc = take(&c->vocab, meta, KEY "token_type", err);
    if (rc == 0)
        rc = take(&c->merge, meta, KEY "merges", err);
    if (rc == 0)
        rc = renumber_all(c, meta, KEY "suppress_tokens", err);
    if (rc == 0)
        rc = renumber_all(c, meta, "sov.tokenizer.lstrip", err);
    if (rc == 0)
        rc = renumber_all(c, meta, "sov.tokenizer.rstrip", err);
    snprintf(key, sizeof(key), "%s.vocab_size", c->arch->name);
    if (rc == 0 && sov_meta_find(meta, key) != NULL)
        rc = sov_meta_set_u32(meta, key, (uint32_t)c->vocab.n, err);
    sov_meta_unset(meta, "tokenizer.huggingface.json"); /* all of it, again */
    return rc;
}

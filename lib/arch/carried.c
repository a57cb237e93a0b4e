/* SPDX-License-Identifier: Apache-2.0 */
/*
 * carried.c - keys of GGUF that a published folder has no place for
 *
 * The export writes them into config.json, and all other keys by name, so that
 * the way back finds every key in its place:
 *
 *   "gguf_metadata": [
 *     "general.architecture",
 *     { "key": "general.license", "type": "str", "value": "mit" }, ...
 *     { "key": "tokenizer.ggml.add_eos_token", "type": "none" },
 *     { "key": "tokenizer.ggml.token_type", "type": "user", "value": "[7]" }
 *   ]
 *
 * A name is a key that the import makes of the folder; an object is a key as
 * sov_meta_set_text() takes it, or one that was not there.  Tokens of the user
 * whose names look as if they were control tokens are called those by the
 * import; which were not is the value of "user".  What says how the model computes is not
 * carried, and not believed if it is there: config.json must not show one
 * model to others and another one to us.
 */
#include "arch/import.h"

#include "base/buf.h"
#include "base/le.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/text.h"
#include "fmt/vtype.h"
#include "tok/pretok.h"
#include "tok/tok.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MEMBER "gguf_metadata"
#define NONE   "none" /* the type of what was not there */
#define USER   "user" /* ... of ids of tokens that are no control tokens */
#define TYPES  "tokenizer.ggml.token_type"

static bool
starts(const char *s, const char *with)
{
    return strncmp(s, with, strlen(with)) == 0;
}

#define PRE "tokenizer.ggml.pre"

/* tokenizer.ggml.pre is for bytes; converters write it for all kinds. */
static bool
cuts_nothing(const sov_meta *made)
{
    struct sov_span kind = { 0 };

    return sov_meta_str(made, "tokenizer.ggml.model", &kind, NULL) == 0 &&
           !(kind.len == 4 && memcmp(kind.p, "gpt2", 4) == 0);
}

/* The pre-tokenizer, by another of its names? */
static bool
cuts_the_same(const sov_meta *made, const struct sov_kv *kv)
{
    const struct sov_pre *a, *b;
    struct sov_span name = { 0 };

    if (strcmp(kv->key, PRE) != 0 || kv->type != SOV_V_STR ||
        sov_meta_str(made, PRE, &name, NULL) != 0)
        return false;
    a = sov_pre_find(name.p, name.len);
    b = sov_pre_find(kv->val.p, kv->val.len);
    if (a == NULL || b == NULL || a->flags != b->flags)
        return false;
    for (size_t i = 0; a->stage[i] == b->stage[i]; i++)
        if (a->stage[i] == NULL)
            return true;
    return false;
}

/* Keys that say nothing about how text becomes text. */
static bool
may_carry(const sov_meta *made, const char *key)
{
    static const char *const never[] = {
        "general.architecture",      "tokenizer.ggml.model",
        "tokenizer.ggml.tokens",     "tokenizer.ggml.scores",
        "tokenizer.ggml.token_type", "tokenizer.ggml.merges",
    };

    if (strcmp(key, PRE) == 0)
        return cuts_nothing(made);
    for (size_t i = 0; i < sizeof(never) / sizeof(*never); i++)
        if (strcmp(key, never[i]) == 0)
            return false;
    return starts(key, "general.") || starts(key, "tokenizer.") ||
           starts(key, "quantize.") || starts(key, "imatrix.");
}

/* The mean of all tokens is what programs take where nothing is said. */
static bool
is_mean(const struct sov_kv *kv)
{
    const char *end = strrchr(kv->key, '.');

    return end != NULL && strcmp(end, ".pooling_type") == 0 &&
           sov_kv_int(kv, 0) == 1;
}

/* Keys that may be missing though the import would write them. */
static bool
may_miss(const sov_meta *made, const char *key)
{
    return starts(key, "sov.tokenizer.") ||
           (starts(key, "tokenizer.") && may_carry(made, key));
}

/* A key that says once more what follows from those that were made. */
static bool
is_said_again(const sov_meta *made, const struct sov_kv *kv)
{
    static const struct {
        const char *end;
        bool width; /* of a head; else how many there are */
    } ends[] = {
        { "attention.key_length", true },
        { "attention.value_length", true },
        { "rope.dimension_count", true },
        { "attention.head_count_kv", false },
    };
    struct sov_span arch = { 0 };
    uint64_t width = 0, heads = 0;
    char key[160];

    if (sov_meta_find(made, kv->key) != NULL || kv->type != SOV_V_U32 ||
        sov_meta_str(made, "general.architecture", &arch, NULL) != 0 ||
        arch.len > 64)
        return false;
    if (is_mean(kv))
        return true;
    if (sov_meta_arch_u64(made, "embedding_length", &width, NULL) != 0 ||
        sov_meta_arch_u64(made, "attention.head_count", &heads, NULL) != 0 ||
        heads == 0)
        return false;
    for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
        snprintf(key, sizeof(key), "%.*s.%s", (int)arch.len,
                 (const char *)arch.p, ends[i].end);
        if (strcmp(kv->key, key) == 0)
            return sov_kv_int(kv, 0) ==
                   (int64_t)(ends[i].width ? width / heads : heads);
    }
    return false;
}

static bool
same(const struct sov_kv *a, const struct sov_kv *b)
{
    return a->type == b->type && a->elem == b->elem && a->n == b->n &&
           a->val.len == b->val.len &&
           (a->val.len == 0 || memcmp(a->val.p, b->val.p, a->val.len) == 0);
}

/* A key that a GGUF file can have. */
static bool
is_key(const char *key)
{
    size_t len = strlen(key);
    uint32_t cp;

    for (size_t i = 0, step; i < len; i += step) {
        step = sov_utf8_step(key + i, len - i, &cp);
        if (step == 0 || cp < 0x20 || (cp >= 0x7f && cp < 0xa0))
            return false;
    }
    return len > 0 && len <= SOV_KEY_MAX;
}

/* ---- types of tokens */

static bool
is_types(const struct sov_kv *kv)
{
    return kv != NULL && strcmp(kv->key, TYPES) == 0 && kv->type == SOV_V_ARR &&
           kv->elem == SOV_V_I32;
}

/* The ids that are the user's and were made control tokens, as u32; false if
 * there is another difference. */
static bool
find_user(const struct sov_kv *kv, const struct sov_kv *made,
          struct sov_buf *ids)
{
    if (!is_types(kv) || !is_types(made) || kv->n != made->n)
        return false;
    for (uint64_t i = 0; i < kv->n; i++) {
        int64_t want = sov_kv_int(kv, i);

        if (want == sov_kv_int(made, i))
            continue;
        if (want != SOV_TOK_USER || sov_kv_int(made, i) != SOV_TOK_CONTROL)
            return false;
        sov_buf_u32(ids, (uint32_t)i);
    }
    return true;
}

/* What was made, but with these tokens the user's. */
static int
put_user(sov_meta *to, const struct sov_kv *made, const struct sov_kv *ids,
         struct sov_err *err)
{
    struct sov_kv kv = *made;
    struct sov_buf b = { 0 };
    int rc;

    sov_buf_add(&b, made->val.p, made->val.len);
    for (uint64_t i = 0; i < ids->n && !b.bad; i++) {
        int64_t id = sov_kv_int(ids, i);

        if (id < 0 || (uint64_t)id >= made->n ||
            sov_kv_int(made, (uint64_t)id) != SOV_TOK_CONTROL) {
            sov_buf_free(&b);
            return SOV_EARG;
        }
        sov_put32(b.p + 4 * id, SOV_TOK_USER);
    }
    kv.val = (struct sov_span){ b.p, b.len };
    rc = b.bad ? sov_mem_fail(err) : sov_meta_set(to, &kv, err);
    sov_buf_free(&b);
    return rc;
}

/* ---- reading */

static int
bad_entry(size_t i, const char *what, struct sov_err *err)
{
    return sov_fail(err, SOV_EFORMAT, "config.json: " MEMBER ", entry %zu: %s",
                    i, what);
}

static int
read_user(const struct sov_import *im, sov_meta *to, size_t i,
          const json_t *value, struct sov_err *err)
{
    const struct sov_kv *made = sov_meta_find(im->meta, TYPES);
    sov_meta *ids;
    int rc = sov_meta_new(&ids, err);

    if (rc < 0)
        return rc;
    rc = json_is_string(value)
             ? sov_meta_set_text(ids, USER, "u32[]", json_string_value(value),
                                 json_string_length(value), err)
             : SOV_EARG;
    if (rc == 0 && !is_types(made))
        rc = SOV_EARG;
    if (rc == 0)
        rc = put_user(to, made, sov_meta_find(ids, USER), err);
    sov_meta_free(ids);
    return rc == SOV_EARG ? bad_entry(i, "names no tokens of the user", err)
                          : rc;
}

static int
read_entry(const struct sov_import *im, sov_meta *to, size_t i,
           const json_t *entry, struct sov_err *err)
{
    const char *key = json_string_value(
        json_is_string(entry) ? entry : json_object_get(entry, "key"));
    const json_t *value = json_object_get(entry, "value");
    const char *type = json_string_value(json_object_get(entry, "type"));
    const struct sov_kv *made =
        key != NULL ? sov_meta_find(im->meta, key) : NULL;
    int rc;

    if (key == NULL || !is_key(key))
        return bad_entry(i, "names no key", err);
    if (sov_meta_find(to, key) != NULL)
        return bad_entry(i, "a key that was there before", err);
    if (json_is_string(entry))
        return made != NULL ? sov_meta_set(to, made, err) : 0;
    if (type != NULL && strcmp(type, NONE) == 0) {
        if (!may_miss(im->meta, key))
            return bad_entry(i, "a key that must be there", err);
        sov_meta_unset(im->meta, key);
        return 0;
    }
    if (type != NULL && strcmp(type, USER) == 0 && strcmp(key, TYPES) == 0)
        return read_user(im, to, i, value, err);
    if (type == NULL || !json_is_string(value))
        return bad_entry(i, "has no type or no value", err);
    rc = sov_meta_set_text(to, key, type, json_string_value(value),
                           json_string_length(value), err);
    if (rc == SOV_EARG)
        rc = sov_fail(err, SOV_EFORMAT,
                      "config.json: " MEMBER ", entry %zu: %.80s is not %.20s",
                      i, key, type);
    if (rc == 0 && !may_carry(im->meta, key) &&
        !cuts_the_same(im->meta, sov_meta_find(to, key)) &&
        !is_said_again(im->meta, sov_meta_find(to, key)))
        rc = sov_fail(err, SOV_EFORMAT,
                      "config.json: " MEMBER " must not set %.80s", key);
    return rc;
}

int
sov_carried_read(struct sov_import *im, struct sov_err *err)
{
    const json_t *list = sov_config_get(im->config, MEMBER);
    sov_meta *meta;
    int rc;

    if (list == NULL)
        return 0;
    if (!json_is_array(list))
        return sov_fail(err, SOV_EFORMAT,
                        "config.json: " MEMBER " is not an array");
    rc = sov_meta_new(&meta, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < json_array_size(list) && rc == 0; i++)
        rc = read_entry(im, meta, i, json_array_get(list, i), err);
    /* what the list does not name stays, unless it is about the file */
    for (size_t i = 0; i < sov_meta_count(im->meta) && rc == 0; i++) {
        const struct sov_kv *kv = sov_meta_at(im->meta, i);

        if (sov_meta_find(meta, kv->key) == NULL &&
            (!may_carry(im->meta, kv->key) || !starts(kv->key, "general.")))
            rc = sov_meta_set(meta, kv, err);
    }
    if (rc < 0) {
        sov_meta_free(meta);
        return rc;
    }
    sov_meta_free(im->meta);
    im->meta = meta;
    return 0;
}

/* ---- writing */

static int
carry(json_t *list, const struct sov_kv *kv, struct sov_err *err)
{
    char *type, *text;
    json_t *entry;
    size_t len;
    int rc = sov_kv_text(kv, &type, &text, &len, err);

    if (rc < 0)
        return rc;
    entry = json_pack("{s:s, s:s, s:s%}", "key", kv->key, "type", type, "value",
                      text, len);
    free(type);
    free(text);
    if (json_array_append_new(list, entry) < 0)
        return sov_mem_fail(err);
    return 0;
}

/* 1: that is not all. */
static int
carry_user(json_t *list, const struct sov_kv *kv, const struct sov_kv *made,
           struct sov_err *err)
{
    struct sov_kv ids = { .key = kv->key,
                          .type = SOV_V_ARR,
                          .elem = SOV_V_U32 };
    struct sov_buf b = { 0 };
    char *type = NULL, *text = NULL;
    size_t len;
    int rc = 1;

    if (find_user(kv, made, &b)) {
        ids.n = b.len / 4;
        ids.val = (struct sov_span){ b.p, b.len };
        rc = b.bad ? sov_mem_fail(err)
                   : sov_kv_text(&ids, &type, &text, &len, err);
    }
    if (rc == 0 &&
        json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "key", kv->key,
                                              "type", USER, "value", text)) < 0)
        rc = sov_mem_fail(err);
    sov_buf_free(&b);
    free(type);
    free(text);
    return rc;
}

/* A key that the import does not make so. */
static int
carry_other(json_t *list, const struct sov_kv *kv, const sov_meta *made,
            struct sov_err *err)
{
    const struct sov_kv *old = sov_meta_find(made, kv->key);
    int rc;

    if (may_carry(made, kv->key) || cuts_the_same(made, kv) ||
        is_said_again(made, kv))
        return carry(list, kv, err);
    rc = carry_user(list, kv, old, err);
    if (rc != 1)
        return rc;
    return sov_fail(err, SOV_EUNSUP,
                    "the key %.80s has no place in config.json%s", kv->key,
                    old != NULL ? " with this value" : "");
}

int
sov_carried_write(json_t *config, const sov_meta *meta, const sov_meta *made,
                  struct sov_err *err)
{
    bool needed = sov_meta_count(meta) != sov_meta_count(made);
    json_t *list = json_array();
    int rc = list == NULL ? sov_mem_fail(err) : 0;

    for (size_t i = 0; i < sov_meta_count(meta) && rc == 0; i++) {
        const struct sov_kv *kv = sov_meta_at(meta, i);
        const struct sov_kv *old = sov_meta_find(made, kv->key);

        if (old == NULL || !same(kv, old) ||
            strcmp(sov_meta_at(made, i) != NULL ? sov_meta_at(made, i)->key
                                                : "",
                   kv->key) != 0)
            needed = true;
        if (old != NULL && same(kv, old))
            rc = json_array_append_new(list, json_string(kv->key)) < 0
                     ? sov_mem_fail(err)
                     : 0;
        else
            rc = carry_other(list, kv, made, err);
    }
    for (size_t i = 0; i < sov_meta_count(made) && rc == 0; i++) {
        const char *key = sov_meta_at(made, i)->key;

        if (sov_meta_find(meta, key) == NULL && may_miss(made, key) &&
            json_array_append_new(
                list, json_pack("{s:s, s:s}", "key", key, "type", NONE)) < 0)
            rc = sov_mem_fail(err);
    }
    if (rc == 0 && needed && json_object_set(config, MEMBER, list) < 0)
        rc = sov_mem_fail(err);
    json_decref(list);
    return rc;
}

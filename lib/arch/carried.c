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
 *   ]
 *
 * A name is a key that the import makes of the folder; an object is a key as
 * sov_meta_set_text() takes it.  What says how the model computes is not
 * carried, and not believed if it is there: config.json must not show one
 * model to others and another one to us.
 */
#include "arch/import.h"

#include "base/limits.h"
#include "base/mem.h"
#include "base/text.h"
#include "fmt/vtype.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MEMBER "gguf_metadata"

static bool
starts(const char *s, const char *with)
{
    return strncmp(s, with, strlen(with)) == 0;
}

/* SentencePiece takes no note of tokenizer.ggml.pre, which converters write all
 * the same. */
static bool
cuts_nothing(const sov_meta *made)
{
    struct sov_span kind = { 0 };

    return sov_meta_str(made, "tokenizer.ggml.model", &kind, NULL) == 0 &&
           kind.len == 5 && memcmp(kind.p, "llama", 5) == 0;
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

    if (strcmp(key, "tokenizer.ggml.pre") == 0)
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
    snprintf(key, sizeof(key), "%.*s.embedding_length", (int)arch.len,
             (const char *)arch.p);
    if (sov_meta_u64(made, key, &width, NULL) != 0)
        return false;
    snprintf(key, sizeof(key), "%.*s.attention.head_count", (int)arch.len,
             (const char *)arch.p);
    if (sov_meta_u64(made, key, &heads, NULL) != 0 || heads == 0)
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

/* ---- reading */

static int
bad_entry(size_t i, const char *what, struct sov_err *err)
{
    return sov_fail(err, SOV_EFORMAT, "config.json: " MEMBER ", entry %zu: %s",
                    i, what);
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
    if (type == NULL || !json_is_string(value))
        return bad_entry(i, "has no type or no value", err);
    rc = sov_meta_set_text(to, key, type, json_string_value(value),
                           json_string_length(value), err);
    if (rc == SOV_EARG)
        rc = sov_fail(err, SOV_EFORMAT,
                      "config.json: " MEMBER ", entry %zu: %.80s is not %.20s",
                      i, key, type);
    if (rc == 0 && !may_carry(im->meta, key) &&
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
        else if (may_carry(made, kv->key) || is_said_again(made, kv))
            rc = carry(list, kv, err);
        else
            rc = sov_fail(err, SOV_EUNSUP,
                          "the key %.80s has no place in config.json%s",
                          kv->key, old != NULL ? " with this value" : "");
    }
    if (rc == 0 && needed && json_object_set(config, MEMBER, list) < 0)
        rc = sov_mem_fail(err);
    json_decref(list);
    return rc;
}

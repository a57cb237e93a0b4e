/* SPDX-License-Identifier: Apache-2.0 */
/*
 * import_vocab.c - the tokenizer of a model directory as GGUF keys
 *
 *   tokenizer.model          the vocabulary (SentencePiece), else
 *   tokenizer.json           that of any kind (tok/hf.h), else
 *   vocab.json, merges.txt   that of GPT-2 and its like, or
 *   vocab.txt                that of BERT
 *   config.json              vocab_size, ids of bos, eos, pad
 *   added_tokens.json        { "text": id, ... }
 *   tokenizer_config.json    added_tokens_decoder { "id": { "content", ...
 *                            bos_token, eos_token, ... by text; add_bos_token,
 *                            add_eos_token, add_prefix_space; chat_template
 *   chat_template.jinja      instead of the one there
 *
 * The later speaks louder.  The rules for added tokens (types, the score
 * -1000, padding with unused tokens up to vocab_size) are those by which the
 * published GGUF files of such models were made.
 */
#include "arch/import.h"

#include "base/buf.h"
#include "base/limits.h"
#include "base/mem.h"
#include "tok/hf.h"
#include "tok/spm_model.h"
#include "tok/tok.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY         "tokenizer.ggml."
#define ADDED_SCORE (-1000.0f)
#define MARK        "\xe2\x96\x81"

/* ---- files */

/* A JSON object out of a side file; 1 if there is none. */
static int
load_json(struct sov_import *im, const char *name, json_t **out,
          struct sov_err *err)
{
    int rc = sov_import_json(im, name, out, err);

    if (rc != 0 || json_is_object(*out))
        return rc;
    json_decref(*out);
    *out = NULL;
    return sov_fail(err, SOV_EFORMAT, "%s: not a JSON object", name);
}

/* All of a side file in *s, borrowed until the import ends; 1: there is none. */
static int
load_text(struct sov_import *im, const char *name, struct sov_span *s,
          struct sov_err *err)
{
    char *text;
    int rc =
        sov_model_side_file(im->model, name, SOV_JSON_MAX, &text, &s->len, err);

    if (rc != 0)
        return rc;
    s->p = (const unsigned char *)text;
    return sov_import_keep(im, text, err);
}

/* ---- tokens that were added to the vocabulary */

/* A fresh copy with the marks for spaces turned back into spaces. */
static char *
unmark(const char *s)
{
    char *copy = sov_mem_dup(s, strlen(s));
    char *out = copy;

    if (copy == NULL)
        return NULL;
    for (const char *p = copy; *p != '\0';) {
        if (strncmp(p, MARK, strlen(MARK)) == 0) {
            *out++ = ' ';
            p += strlen(MARK);
        } else {
            *out++ = *p++;
        }
    }
    *out = '\0';
    return copy;
}

static int
set_token(struct sov_import *im, struct sov_spm *spm, uint64_t id,
          const char *text, uint8_t type, struct sov_err *err)
{
    char *copy;
    int rc;

    if (id >= spm->n) {
        sov_model_warn(im->model,
                       "added token %llu is beyond the vocabulary of %zu",
                       (unsigned long long)id, spm->n);
        return 0;
    }
    copy =
        type == SOV_TOK_USER ? unmark(text) : sov_mem_dup(text, strlen(text));
    rc = sov_import_keep(im, copy, err);
    if (rc == 0)
        spm->token[id] = (struct sov_spm_token){
            { (unsigned char *)copy, strlen(copy) }, ADDED_SCORE, type
        };
    return rc;
}

static int
read_added(struct sov_import *im, struct sov_spm *spm, struct sov_err *err)
{
    json_t *json;
    const char *text;
    json_t *id;
    int rc = load_json(im, "added_tokens.json", &json, err);

    if (rc != 0)
        return rc < 0 ? rc : 0;
    json_object_foreach(json, text, id)
    {
        if (!json_is_integer(id) || json_integer_value(id) < 0)
            rc = sov_fail(err, SOV_EFORMAT,
                          "added_tokens.json: the id of %s is not one", text);
        else
            rc = set_token(im, spm, (uint64_t)json_integer_value(id), text,
                           SOV_TOK_USER, err);
        if (rc < 0)
            break;
    }
    json_decref(json);
    return rc;
}

/* Digits alone; -1 for anything else. */
static int64_t
number(const char *s)
{
    int64_t v = 0;

    if (*s == '\0')
        return -1;
    for (; *s != '\0'; s++) {
        if (*s < '0' || *s > '9' || v > INT32_MAX)
            return -1;
        v = v * 10 + (*s - '0');
    }
    return v;
}

static int
read_decoder(struct sov_import *im, const json_t *config, struct sov_spm *spm,
             struct sov_err *err)
{
    json_t *list = (json_t *)sov_config_get(config, "added_tokens_decoder");
    const char *key;
    json_t *entry;
    int rc = 0;

    if (list == NULL)
        return 0;
    json_object_foreach(list, key, entry)
    {
        const char *text = json_string_value(json_object_get(entry, "content"));
        int64_t id = number(key);
        bool special;

        if (id < 0 || text == NULL)
            return sov_fail(err, SOV_EFORMAT,
                            "tokenizer_config.json: added_tokens_decoder has "
                            "a bad entry \"%s\"",
                            key);
        special = json_is_true(json_object_get(entry, "special")) ||
                  sov_hf_looks_special(text);
        rc = set_token(im, spm, (uint64_t)id, text,
                       special ? SOV_TOK_CONTROL : SOV_TOK_USER, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* ---- ids and flags */

static int64_t
find_token(const struct sov_spm *spm, const char *text)
{
    size_t len = strlen(text);

    for (size_t i = 0; i < spm->n; i++)
        if (spm->token[i].text.p != NULL && spm->token[i].text.len == len &&
            memcmp(spm->token[i].text.p, text, len) == 0)
            return (int64_t)i;
    return -1;
}

/* "eos": eos_token of tokenizer_config.json, eos_token_id of config.json. */
static void
choose_id(struct sov_import *im, const json_t *config,
          const struct sov_spm *spm, const char *what, int64_t *id)
{
    char name[32];
    const json_t *j;
    int64_t found = -1;

    snprintf(name, sizeof(name), "%s_token", what);
    j = sov_config_get(config, name);
    if (json_is_object(j))
        j = json_object_get(j, "content");
    if (json_is_string(j))
        found = find_token(spm, json_string_value(j));
    if (found < 0) {
        snprintf(name, sizeof(name), "%s_token_id", what);
        j = sov_config_get(im->config, name);
        if (json_is_integer(j) && json_integer_value(j) >= 0) {
            if ((uint64_t)json_integer_value(j) < spm->n)
                found = json_integer_value(j);
            else
                sov_model_warn(im->model, "config.json: %s is out of range",
                               name);
        }
    }
    if (found >= 0)
        *id = found;
    if (*id >= (int64_t)spm->n) /* the vocabulary was cut */
        *id = -1;
}

static int
put_flag(sov_meta *meta, const char *key, const json_t *v, bool unless,
         struct sov_err *err)
{
    if (!json_is_boolean(v) || json_is_true(v) == unless)
        return 0;
    return sov_meta_set_bool(meta, key, json_is_true(v), err);
}

/*
 * add_eos_token is false wherever nobody says otherwise, so it is written only
 * when it is true.
 */
static int
put_flags(struct sov_import *im, const json_t *config,
          const struct sov_spm *spm, struct sov_err *err)
{
    const json_t *bos = sov_config_get(config, "add_bos_token");
    const json_t *space = sov_config_get(config, "add_prefix_space");
    int rc = 0;

    if (json_is_boolean(bos))
        rc = sov_meta_set_bool(im->meta, KEY "add_bos_token", json_is_true(bos),
                               err);
    if (rc == 0)
        rc = put_flag(im->meta, KEY "add_eos_token",
                      sov_config_get(config, "add_eos_token"), false, err);
    if (rc == 0 && json_is_boolean(space))
        rc = sov_meta_set_bool(im->meta, KEY "add_space_prefix",
                               json_is_true(space), err);
    else if (rc == 0 && !spm->add_prefix)
        rc = sov_meta_set_bool(im->meta, KEY "add_space_prefix", false, err);
    return rc;
}

/* ---- the chat template */

/* Several templates, each with a name; the one called default is the one. */
static int
put_named_templates(sov_meta *meta, const json_t *list, struct sov_err *err)
{
    struct sov_buf names = { 0 };
    uint64_t n = 0;
    size_t i;
    json_t *entry;
    int rc = 0;

    json_array_foreach((json_t *)list, i, entry)
    {
        const char *name = json_string_value(json_object_get(entry, "name"));
        const char *text =
            json_string_value(json_object_get(entry, "template"));
        char key[128];
        size_t at =
            (size_t)snprintf(key, sizeof(key), "tokenizer.chat_template.");
        size_t start = at;

        if (name == NULL || text == NULL || *name == '\0')
            continue;
        if (strcmp(name, "default") == 0) {
            rc = sov_meta_set_str(meta, "tokenizer.chat_template", text, err);
        } else {
            for (; *name != '\0' && at + 1 < sizeof(key); name++)
                key[at++] = (*name >= 'a' && *name <= 'z') ||
                                    (*name >= 'A' && *name <= 'Z') ||
                                    (*name >= '0' && *name <= '9')
                                ? *name
                                : '_';
            key[at] = '\0';
            rc = sov_meta_set_str(meta, key, text, err);
            sov_buf_str(&names, key + start, at - start);
            n++;
        }
        if (rc < 0)
            break;
    }
    if (rc == 0 && n > 0) {
        struct sov_kv kv = { .key = "tokenizer.chat_templates",
                             .type = SOV_V_ARR,
                             .elem = SOV_V_STR,
                             .n = n,
                             .val = { names.p, names.len } };

        rc = names.bad ? sov_mem_fail(err) : sov_meta_set(meta, &kv, err);
    }
    sov_buf_free(&names);
    return rc;
}

static int
put_template(struct sov_import *im, const json_t *config, struct sov_err *err)
{
    const json_t *own = sov_config_get(config, "chat_template");
    char *text;
    size_t len;
    int rc;

    if (json_is_string(own))
        return sov_meta_set_str(im->meta, "tokenizer.chat_template",
                                json_string_value(own), err);
    if (json_is_array(own))
        return put_named_templates(im->meta, own, err);
    rc = sov_model_side_file(im->model, "chat_template.jinja", SOV_JSON_MAX,
                             &text, &len, err);
    if (rc != 0)
        return rc < 0 ? rc : 0;
    if (strlen(text) != len)
        rc = sov_fail(err, SOV_EFORMAT, "chat_template.jinja: a NUL byte");
    else
        rc = sov_meta_set_str(im->meta, "tokenizer.chat_template", text, err);
    free(text);
    return rc;
}

/* ---- all of it */

static bool
plain_rules(const struct sov_spm *spm)
{
    static const char *const plain[] = { "identity", "" };

    for (size_t i = 0; i < sizeof(plain) / sizeof(*plain); i++)
        if (spm->rules.len == strlen(plain[i]) &&
            (spm->rules.len == 0 ||
             memcmp(spm->rules.p, plain[i], spm->rules.len) == 0))
            return !spm->squeeze;
    return false;
}

/* The id of what the file calls cls, sep or mask, where there is one. */
static int
put_named_id(struct sov_import *im, const json_t *config,
             const struct sov_spm *spm, const char *what, const char *key,
             struct sov_err *err)
{
    int64_t id = -1;

    choose_id(im, config, spm, what, &id);
    if (id < 0 || sov_meta_find(im->meta, key) != NULL)
        return 0;
    return sov_meta_set_u32(im->meta, key, (uint32_t)id, err);
}

/* hf: what there is beyond the tokens, or NULL. */
static int
put_keys(struct sov_import *im, const json_t *config, struct sov_spm *spm,
         const struct sov_hf *hf, struct sov_err *err)
{
    int rc;

    choose_id(im, config, spm, "bos", &spm->bos);
    choose_id(im, config, spm, "eos", &spm->eos);
    choose_id(im, config, spm, "unk", &spm->unk);
    choose_id(im, config, spm, "pad", &spm->pad);
    if (hf != NULL && hf->kind != SOV_HF_WPM) {
        if (spm->bos < 0 && hf->first < (int64_t)spm->n)
            spm->bos = hf->first;
        if (spm->eos < 0 && hf->last < (int64_t)spm->n)
            spm->eos = hf->last;
    }
    rc = sov_spm_keys(spm, im->meta, err);
    if (rc == 0 && hf != NULL) {
        rc = sov_hf_keys(hf, im->meta, err);
        if (rc == 0)
            rc = put_named_id(im, config, spm, "cls", KEY "cls_token_id", err);
        if (rc == 0)
            rc = put_named_id(im, config, spm, "sep", KEY "seperator_token_id",
                              err);
        if (rc == 0)
            rc =
                put_named_id(im, config, spm, "mask", KEY "mask_token_id", err);
    }
    if (rc == 0)
        rc = put_flags(im, config, spm, err);
    if (rc == 0)
        rc = put_template(im, config, err);
    return rc;
}

/* old: all that was added is among the tokens already. */
static int
put_all(struct sov_import *im, const json_t *config, struct sov_spm *spm,
        const struct sov_hf *hf, bool old, uint64_t n_vocab,
        struct sov_err *err)
{
    int rc = 0;

    if (!plain_rules(spm))
        sov_model_warn(im->model,
                       "tokenizer.model normalizes text (%.*s); that is not "
                       "done here",
                       (int)spm->rules.len, (const char *)spm->rules.p);
    if (hf != NULL && hf->ignored != NULL)
        sov_model_warn(im->model,
                       "the tokenizer normalizes text (%s); that is not done "
                       "here",
                       hf->ignored);
    if (n_vocab > 0 && n_vocab < spm->n)
        sov_model_warn(im->model,
                       "the tokenizer has %zu tokens, config.json %llu: the "
                       "rest is left out",
                       spm->n, (unsigned long long)n_vocab);
    if (n_vocab > 0)
        rc = sov_spm_resize(spm, (size_t)n_vocab, err);
    if (rc == 0 && !old)
        rc = read_added(im, spm, err);
    if (rc == 0 && !old)
        rc = read_decoder(im, config, spm, err);
    return rc < 0 ? rc : put_keys(im, config, spm, hf, err);
}

/* 1: there is no tokenizer.json. */
static int
import_json(struct sov_import *im, const json_t *config, uint64_t n_vocab,
            struct sov_err *err)
{
    struct sov_hf hf;
    char *text;
    size_t len;
    int rc = sov_model_side_file(im->model, "tokenizer.json", SOV_JSON_MAX,
                                 &text, &len, err);

    if (rc != 0)
        return rc;
    rc = sov_hf_read(&hf, text, len, err);
    free(text);
    if (rc < 0)
        return sov_err_wrap(err, "tokenizer.json");
    rc = put_all(im, config, &hf.vocab, &hf, false, n_vocab, err);
    sov_hf_free(&hf);
    return rc;
}

/* vocab.json and merges.txt, or vocab.txt; 1: there is neither. */
static int
load_old(struct sov_import *im, struct sov_hf_old *old, struct sov_err *err)
{
    int rc = load_text(im, "vocab.json", &old->vocab, err);

    if (rc == 0)
        rc = load_text(im, "merges.txt", &old->merges, err);
    if (rc == 1) {
        int words = load_text(im, "vocab.txt", &old->words, err);

        if (words == 1 && old->vocab.p != NULL)
            return sov_fail(err, SOV_EFORMAT,
                            "there is a vocab.json, and no merges.txt");
        rc = words;
    }
    return rc;
}

static int
import_old(struct sov_import *im, const json_t *config, uint64_t n_vocab,
           struct sov_err *err)
{
    struct sov_hf_old old = { .config = config };
    json_t *specials = NULL, *added = NULL, *all = NULL, *json;
    struct sov_hf hf;
    int rc = load_old(im, &old, err);

    if (rc != 0)
        return rc;
    rc = load_json(im, "special_tokens_map.json", &specials, err);
    if (rc >= 0)
        rc = load_json(im, "added_tokens.json", &added, err);
    old.specials = specials;
    old.added = added;
    if (rc >= 0)
        rc = sov_hf_modern(&old, &json, err);
    if (rc == 0) {
        rc = sov_hf_take(&hf, json, err);
        if (rc < 0)
            sov_err_wrap(err, old.words.p != NULL ? "vocab.txt" : "vocab.json");
    }
    if (rc == 0) {
        all = config != NULL ? json_copy((json_t *)config) : json_object();
        json_object_update_missing(all, specials); /* NULL: nothing happens */
        rc = put_all(im, all, &hf.vocab, &hf, true, n_vocab, err);
        sov_hf_free(&hf);
    }
    json_decref(specials);
    json_decref(added);
    json_decref(all);
    return rc;
}

/* 1: there is none of them. */
static int
import_other(struct sov_import *im, const json_t *config, uint64_t n_vocab,
             struct sov_err *err)
{
    int rc = import_json(im, config, n_vocab, err);

    return rc == 1 ? import_old(im, config, n_vocab, err) : rc;
}

int
sov_import_vocab(struct sov_import *im, uint64_t n_vocab, struct sov_err *err)
{
    json_t *config = NULL;
    struct sov_spm spm;
    char *bytes;
    size_t len;
    int rc = load_json(im, "tokenizer_config.json", &config, err);

    if (rc < 0)
        return rc;
    rc = sov_model_side_file(im->model, "tokenizer.model", SOV_SPM_MAX, &bytes,
                             &len, err);
    if (rc == 1) {
        rc = import_other(im, config, n_vocab, err);
        if (rc == 1)
            rc = sov_fail(err, SOV_EFORMAT,
                          "no tokenizer.model or tokenizer.json in the model "
                          "directory, and no vocab.json or vocab.txt");
    } else if (rc == 0) {
        rc = sov_spm_read(&spm, bytes, len, err);
        if (rc < 0) { /* others call their files so, too */
            int other = import_json(im, config, n_vocab, NULL);

            rc = other == 0 ? 0 : sov_err_wrap(err, "tokenizer.model");
        } else {
            rc = put_all(im, config, &spm, NULL, false, n_vocab, err);
            sov_spm_free(&spm);
        }
        free(bytes);
    }
    json_decref(config);
    return rc;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * export_vocab.c - the tokenizer of a model as the files of a folder
 *
 * The way back of import_vocab.c.  Byte-pair encoding of SentencePiece becomes
 * tokenizer.model, which has the tokens that come first; those that were added
 * behind them, and all of the user's, stand in tokenizer_config.json; tokens
 * that only fill up the vocabulary are left out.  The other kinds become
 * tokenizer.json (export_json.c, export_pieces.c).
 */
#include "arch/export.h"

#include "base/limits.h"
#include "base/mem.h"
#include "tok/spm_model.h"
#include "tok/tok.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY         "tokenizer.ggml."
#define ADDED_SCORE (-1000.0f)
#define PAD_SCORE   (-10000.0f)

enum kind { MODEL, BYTES, WORDS, UNIGRAM, KINDS };

static const char *const kinds[KINDS] = { "llama", "gpt2", "bert", "t5" };

struct vocab {
    enum kind kind;
    struct sov_spm spm; /* all tokens */
    size_t n_first;     /* of them not added, and not to fill up */
};

static bool
has_scores(const struct vocab *v)
{
    return v->kind == MODEL || v->kind == UNIGRAM;
}

static const struct {
    const char *what; /* "bos": of bos_token and bos_token_id */
    const char *key;
} ids[] = {
    { "bos", KEY "bos_token_id" },
    { "eos", KEY "eos_token_id" },
    { "unk", KEY "unknown_token_id" },
    { "pad", KEY "padding_token_id" },
};

#define N_IDS (sizeof(ids) / sizeof(*ids))

/* Of tokenizer.json alone. */
static const char *const more_ids[][2] = {
    { "sep_token", KEY "seperator_token_id" },
    { "cls_token", KEY "cls_token_id" },
    { "mask_token", KEY "mask_token_id" },
};

/* ---- tokens */

static int
no_array(const char *key, struct sov_err *err)
{
    return sov_fail(err, SOV_EUNSUP, "the key %s is missing, or does not fit",
                    key);
}

static int
read_tokens(const struct sov_export *x, struct vocab *v, struct sov_err *err)
{
    const struct sov_kv *text = sov_meta_find(x->meta, KEY "tokens");
    const struct sov_kv *score = sov_meta_find(x->meta, KEY "scores");
    const struct sov_kv *type = sov_meta_find(x->meta, KEY "token_type");
    size_t at = 0;

    if (text == NULL || text->type != SOV_V_ARR || text->elem != SOV_V_STR ||
        text->n < 1 || text->n > SOV_VOCAB_MAX)
        return no_array(KEY "tokens", err);
    if (!has_scores(v))
        score = NULL;
    else if (score == NULL || score->type != SOV_V_ARR ||
             score->elem != SOV_V_F32 || score->n != text->n)
        return no_array(KEY "scores", err);
    if (type == NULL || type->type != SOV_V_ARR || type->elem != SOV_V_I32 ||
        type->n != text->n)
        return no_array(KEY "token_type", err);
    v->spm.token = sov_mem_array((size_t)text->n, sizeof(*v->spm.token));
    if (v->spm.token == NULL)
        return sov_mem_fail(err);
    v->spm.n = (size_t)text->n;
    for (size_t i = 0; i < v->spm.n; i++) {
        struct sov_spm_token *t = &v->spm.token[i];

        (void)sov_kv_next_str(text, &at, &t->text);
        t->score = score == NULL ? 0 : (float)sov_kv_num(score, i);
        t->type = (uint8_t)sov_kv_int(type, i);
    }
    return 0;
}

/* Does it fill up the vocabulary, as sov_spm_resize() makes them? */
static bool
is_filler(const struct sov_spm_token *t, size_t i)
{
    char name[32];

    snprintf(name, sizeof(name), "[PAD%zu]", i);
    return t->type == SOV_TOK_UNUSED && t->score == PAD_SCORE &&
           t->text.len == strlen(name) &&
           memcmp(t->text.p, name, t->text.len) == 0;
}

static bool
is_added(const struct sov_spm_token *t)
{
    return t->score == ADDED_SCORE &&
           (t->type == SOV_TOK_CONTROL || t->type == SOV_TOK_USER);
}

static void
find_first(struct vocab *v)
{
    v->n_first = v->spm.n;
    while (v->n_first > 1 &&
           (is_filler(&v->spm.token[v->n_first - 1], v->n_first - 1) ||
            is_added(&v->spm.token[v->n_first - 1])))
        v->n_first--;
}

/* ---- ids and flags */

static int
read_ids(const struct sov_export *x, struct vocab *v, struct sov_err *err)
{
    int64_t *to[N_IDS] = { &v->spm.bos, &v->spm.eos, &v->spm.unk, &v->spm.pad };
    int rc = 0;

    for (size_t i = 0; i < N_IDS && rc == 0; i++) {
        uint64_t id = UINT64_MAX;

        *to[i] = -1;
        rc = sov_export_u64(x, ids[i].key, false, &id, err);
        if (rc == 0 && id < v->spm.n) /* -1 as u32 means none, too */
            *to[i] = (int64_t)id;
    }
    return rc;
}

static json_t *
text_of(const struct sov_spm_token *t)
{
    return json_stringn((const char *)t->text.p, t->text.len);
}

/* Is this the first token with its text? */
static bool
first_of_its_text(const struct vocab *v, size_t id)
{
    const struct sov_span *text = &v->spm.token[id].text;

    for (size_t i = 0; i < id; i++)
        if (v->spm.token[i].text.len == text->len &&
            memcmp(v->spm.token[i].text.p, text->p, text->len) == 0)
            return false;
    return true;
}

/* By number in config.json, and by text, if that finds it, for others. */
static int
put_ids(struct sov_export *x, const struct vocab *v, json_t *config,
        struct sov_err *err)
{
    const int64_t id[N_IDS] = { v->spm.bos, v->spm.eos, v->spm.unk,
                                v->spm.pad };
    int rc = 0;

    for (size_t i = 0; i < N_IDS && rc == 0; i++) {
        char name[32];

        if (id[i] < 0)
            continue;
        snprintf(name, sizeof(name), "%s_token_id", ids[i].what);
        rc = sov_export_set(x, name, json_integer(id[i]), err);
        snprintf(name, sizeof(name), "%s_token", ids[i].what);
        if (rc == 0 && first_of_its_text(v, (size_t)id[i]) &&
            json_object_set_new(config, name, text_of(&v->spm.token[id[i]])) <
                0)
            rc = sov_fail(err, SOV_EUNSUP, "token %lld is not UTF-8",
                          (long long)id[i]);
    }
    return rc;
}

static int
put_more_ids(const struct sov_export *x, const struct vocab *v, json_t *config,
             struct sov_err *err)
{
    for (size_t i = 0; i < sizeof(more_ids) / sizeof(*more_ids); i++) {
        uint64_t id = UINT64_MAX;
        int rc = sov_export_u64(x, more_ids[i][1], false, &id, err);

        if (rc < 0)
            return rc;
        if (id < v->spm.n && first_of_its_text(v, (size_t)id) &&
            json_object_set_new(config, more_ids[i][0],
                                text_of(&v->spm.token[id])) < 0)
            return sov_fail(err, SOV_EUNSUP, "token %llu is not UTF-8",
                            (unsigned long long)id);
    }
    return 0;
}

static int
put_flag(const struct sov_export *x, json_t *config, const char *key,
         const char *name, bool *v, struct sov_err *err)
{
    int rc = sov_meta_bool(x->meta, key, v, err);

    if (rc != 0)
        return rc < 0 ? rc : 0;
    return json_object_set_new(config, name, json_boolean(*v)) < 0
               ? sov_mem_fail(err)
               : 0;
}

static int
put_flags(const struct sov_export *x, struct vocab *v, json_t *config,
          struct sov_err *err)
{
    bool bos = true, eos = false;
    int rc;

    v->spm.add_prefix = true;
    rc = put_flag(x, config, KEY "add_bos_token", "add_bos_token", &bos, err);
    if (rc == 0)
        rc = put_flag(x, config, KEY "add_eos_token", "add_eos_token", &eos,
                      err);
    if (rc == 0)
        rc = put_flag(x, config, KEY "add_space_prefix", "add_prefix_space",
                      &v->spm.add_prefix, err);
    return rc;
}

/* ---- tokenizer_config.json */

static int
put_added(const struct vocab *v, json_t *config, struct sov_err *err)
{
    json_t *list = json_object();
    int rc = list == NULL ? sov_mem_fail(err) : 0;

    for (size_t i = 0; i < v->spm.n && rc == 0; i++) {
        const struct sov_spm_token *t = &v->spm.token[i];
        char id[24];
        json_t *entry;

        if (t->type != SOV_TOK_USER && (i < v->n_first || !is_added(t)))
            continue;
        if (v->kind == UNIGRAM && t->score != ADDED_SCORE)
            continue; /* tokenizer.json has it, and its score */
        snprintf(id, sizeof(id), "%zu", i);
        entry =
            json_pack("{s:o, s:b, s:b, s:b, s:b, s:b}", "content", text_of(t),
                      "lstrip", 0, "normalized", 0, "rstrip", 0, "single_word",
                      0, "special", t->type == SOV_TOK_CONTROL);
        if (json_object_set_new(list, id, entry) < 0)
            rc = sov_fail(err, SOV_EUNSUP, "token %zu is not UTF-8", i);
    }
    if (rc == 0 && json_object_size(list) > 0 &&
        json_object_set(config, "added_tokens_decoder", list) < 0)
        rc = sov_mem_fail(err);
    json_decref(list);
    return rc;
}

/* The template, or all of them by name. */
static int
put_templates(const struct sov_export *x, json_t *config, struct sov_err *err)
{
    const struct sov_kv *names =
        sov_meta_find(x->meta, "tokenizer.chat_templates");
    struct sov_span text = { 0 }, name;
    json_t *all, *one = NULL;
    size_t at = 0;
    int rc = 0;

    if (sov_meta_str(x->meta, "tokenizer.chat_template", &text, err) == 0)
        one = json_stringn((const char *)text.p, text.len);
    if (names == NULL)
        return one == NULL ||
                       json_object_set_new(config, "chat_template", one) == 0
                   ? 0
                   : sov_mem_fail(err);
    all = json_array();
    if (one != NULL)
        json_array_append_new(
            all, json_pack("{s:s, s:o}", "name", "default", "template", one));
    while (sov_kv_next_str(names, &at, &name)) {
        char key[160];

        snprintf(key, sizeof(key), "tokenizer.chat_template.%.*s",
                 name.len < 100 ? (int)name.len : 100, (const char *)name.p);
        if (sov_meta_str(x->meta, key, &text, NULL) == 0)
            json_array_append_new(
                all, json_pack("{s:s%, s:s%}", "name", (const char *)name.p,
                               name.len, "template", (const char *)text.p,
                               text.len));
    }
    if (json_object_set_new(config, "chat_template", all) < 0)
        rc = sov_mem_fail(err);
    return rc;
}

static int
put_config(struct sov_export *x, struct vocab *v, struct sov_err *err)
{
    json_t *config =
        v->kind != MODEL
            ? json_pack("{s:s, s:b}", "tokenizer_class",
                        "PreTrainedTokenizerFast",
                        "clean_up_tokenization_spaces", 0)
            : json_pack("{s:s, s:b, s:b}", "tokenizer_class", "LlamaTokenizer",
                        "legacy", 0, "clean_up_tokenization_spaces", 0);
    uint64_t ctx = 0;
    int rc = config == NULL ? sov_mem_fail(err) : 0;

    if (rc == 0)
        rc = put_ids(x, v, config, err);
    if (rc == 0 && v->kind != MODEL)
        rc = put_more_ids(x, v, config, err);
    if (rc == 0)
        rc = put_flags(x, v, config, err);
    if (rc == 0)
        rc = put_added(v, config, err);
    if (rc == 0)
        rc = put_templates(x, config, err);
    if (rc == 0 &&
        sov_meta_arch_u64(x->meta, "context_length", &ctx, NULL) == 0)
        json_object_set_new(config, "model_max_length",
                            json_integer((json_int_t)ctx));
    if (rc == 0)
        rc = sov_export_json(x, "tokenizer_config.json", json_incref(config),
                             err);
    json_decref(config);
    return rc;
}

static int
put_generation(struct sov_export *x, const struct vocab *v, struct sov_err *err)
{
    json_t *config = json_object();

    if (v->spm.bos >= 0)
        json_object_set_new(config, "bos_token_id", json_integer(v->spm.bos));
    if (v->spm.eos >= 0)
        json_object_set_new(config, "eos_token_id", json_integer(v->spm.eos));
    return sov_export_json(x, "generation_config.json", config, err);
}

static int
put_model(struct sov_export *x, const struct vocab *v, struct sov_err *err)
{
    struct sov_spm first = v->spm;
    struct sov_buf b = { 0 };

    first.n = v->n_first;
    sov_spm_write(&first, &b);
    if (b.bad) {
        sov_buf_free(&b);
        return sov_mem_fail(err);
    }
    return sov_export_side(x, "tokenizer.model", b.p, b.len, err);
}

static int
find_kind(const struct sov_export *x, enum kind *kind, struct sov_err *err)
{
    struct sov_span name = { 0 };
    int rc = sov_meta_str(x->meta, KEY "model", &name, err);

    if (rc == 1)
        return sov_fail(err, SOV_EUNSUP, "there is no tokenizer in it");
    if (rc < 0)
        return rc;
    for (*kind = MODEL; *kind < KINDS; ++*kind)
        if (name.len == strlen(kinds[*kind]) &&
            memcmp(name.p, kinds[*kind], name.len) == 0)
            return 0;
    return sov_fail(err, SOV_EUNSUP,
                    "the tokenizer is \"%.*s\"; only those of SentencePiece "
                    "(\"llama\", \"t5\"), GPT-2 (\"gpt2\") and BERT "
                    "(\"bert\") can be written",
                    name.len < 20 ? (int)name.len : 20, (const char *)name.p);
}

int
sov_export_vocab(struct sov_export *x, struct sov_err *err)
{
    struct vocab v = { 0 };
    int rc = find_kind(x, &v.kind, err);

    if (rc < 0)
        return rc;
    rc = read_tokens(x, &v, err);
    if (rc == 0) {
        find_first(&v);
        rc = read_ids(x, &v, err);
    }
    if (rc == 0)
        rc = put_config(x, &v, err);
    if (rc == 0)
        rc = put_generation(x, &v, err);
    if (rc == 0)
        rc = v.kind == BYTES     ? sov_export_bytes(x, &v.spm, err)
             : v.kind == WORDS   ? sov_export_words(x, &v.spm, err)
             : v.kind == UNIGRAM ? sov_export_unigram(x, &v.spm, v.n_first, err)
                                 : put_model(x, &v, err);
    free(v.spm.token);
    return rc;
}

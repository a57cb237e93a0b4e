/* SPDX-License-Identifier: Apache-2.0 */
/*
 * edit.c - the metadata, as --unset and --set change it
 *
 *   --unset PATTERN           all keys that match
 *   --set KEY=VALUE           of the type that KEY has
 *   --set KEY:TYPE=VALUE      of another, or of a new key
 *   --set KEY=@FILE           the value is in a file
 *
 * All that is unset goes first, then values are set in the order given.
 */
#include "quantize/quantize.h"

#include "cli/tool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VALUE_MAX ((size_t)256 << 20) /* bytes of a file with a value */

static const struct quantize_options *const o = &quantize_options;

/* Keys that the writer itself sets, and what to say instead. */
static const struct {
    const char *key;
    const char *option;
} written[] = {
    { "general.alignment", "--align" },
    { "split.no", "--split-max-size" },
    { "split.count", "--split-max-size" },
    { "split.tensors.count", "--split-max-size" },
};

/* Without these a model does not run: by name, or behind "ARCH.". */
static const char *const needed[] = { "general.architecture",
                                      "tokenizer.ggml.model",
                                      "tokenizer.ggml.tokens" };
static const char *const needed_by_arch[] = {
    "context_length",
    "embedding_length",
    "block_count",
    "feed_forward_length",
    "attention.head_count",
    "attention.layer_norm_rms_epsilon",
    "attention.layer_norm_epsilon",
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* ---- --set */

struct quantize_setting {
    char *key; /* owned; type points into it */
    const char *type;
    char *text; /* owned */
    size_t len;
    bool from_file;
};

/* The value: what stands there, or what is in the file. */
static int
load_value(struct quantize *q, struct quantize_setting *s, const char *value,
           struct sov_err *err)
{
    int rc;

    if (*value != '@') {
        s->text = strdup(value);
        s->len = strlen(value);
        return s->text == NULL ? sov_fail(err, SOV_EMEM, "out of memory") : 0;
    }
    value++;
    s->from_file = true;
    if (strcmp(value, "-") == 0 && strcmp(q->source, "-") == 0)
        return sov_fail(err, SOV_EARG, "standard input is the model already");
    rc = sov_read_whole(value, VALUE_MAX, &s->text, &s->len, err);
    if (rc < 0)
        return sov_err_wrap(err, "%s", value);
    /* now: it may be a pipe, or another file when the claim is made */
    q->file_is[q->n_files].has = SOV_HASH_SHA256;
    sov_sha256(s->text, s->len, q->file_is[q->n_files].sha256);
    q->file[q->n_files++] = value;
    return 0;
}

/* "KEY:TYPE=VALUE" */
static int
parse_setting(struct quantize *q, struct quantize_setting *s, const char *text,
              struct sov_err *err)
{
    const char *eq = strchr(text, '=');
    char *colon;

    if (eq == NULL || eq == text || *text == ':')
        return sov_fail(err, SOV_EARG, "'%.80s' is not KEY=VALUE", text);
    s->key = strndup(text, (size_t)(eq - text));
    if (s->key == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    colon = strrchr(s->key, ':');
    if (colon != NULL) {
        *colon = '\0';
        s->type = colon + 1;
    }
    for (size_t i = 0; i < COUNT(written); i++)
        if (strcmp(s->key, written[i].key) == 0)
            return sov_fail(err, SOV_EARG, "%s is what %s says", s->key,
                            written[i].option);
    return load_value(q, s, eq + 1, err);
}

int
quantize_settings(struct quantize *q, struct sov_err *err)
{
    int rc = 0;

    q->file = calloc(o->set.n + 1, sizeof(*q->file));
    q->file_is = calloc(o->set.n + 1, sizeof(*q->file_is));
    q->setting = calloc(o->set.n + 1, sizeof(*q->setting));
    if (q->file == NULL || q->file_is == NULL || q->setting == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    for (size_t i = 0; i < o->set.n && rc == 0; i++) {
        rc = parse_setting(q, &q->setting[i], o->set.items[i], err);
        if (rc < 0)
            sov_err_wrap(err, "--set");
    }
    return rc;
}

void
quantize_settings_free(struct quantize *q)
{
    for (size_t i = 0; q->setting != NULL && i < o->set.n; i++) {
        free(q->setting[i].key);
        free(q->setting[i].text);
    }
    free(q->setting);
    free(q->file);
    free(q->file_is);
}

/* A number in a file may have a new line behind it; text is as it stands. */
static void
trim(struct quantize_setting *s, const sov_meta *meta)
{
    const struct sov_kv *old = sov_meta_find(meta, s->key);
    bool text = s->type != NULL ? strcmp(s->type, "str") == 0
                                : old != NULL && old->type == SOV_V_STR;

    while (s->from_file && !text && s->len > 0 &&
           strchr(" \t\r\n", s->text[s->len - 1]) != NULL)
        s->text[--s->len] = '\0';
}

/* ---- what an edit breaks */

static void
warn_gone(const sov_meta *meta, const struct quantize *q, const char *key)
{
    if (sov_meta_find(sov_model_meta(q->model), key) != NULL &&
        sov_meta_find(meta, key) == NULL)
        sov_warn("%s is not there any more: programs need it to run the model",
                 key);
}

static void
warn_broken(const sov_meta *meta, const struct quantize *q)
{
    struct sov_span arch = { 0 };
    char key[200];
    bool any = false;
    int n;

    for (size_t i = 0; i < COUNT(needed); i++)
        warn_gone(meta, q, needed[i]);
    if (sov_meta_str(meta, needed[0], &arch, NULL) != 0 || arch.len > 100)
        return;
    n = (int)arch.len;
    for (size_t i = 0; i < COUNT(needed_by_arch); i++) {
        snprintf(key, sizeof(key), "%.*s.%s", n, (const char *)arch.p,
                 needed_by_arch[i]);
        warn_gone(meta, q, key);
    }
    for (size_t i = 0; i < sov_meta_count(meta) && !any; i++) {
        const char *name = sov_meta_at(meta, i)->key;

        any = strncmp(name, (const char *)arch.p, arch.len) == 0 &&
              name[arch.len] == '.';
    }
    if (!any)
        sov_warn("general.architecture is %.*s, but no key begins with "
                 "\"%.*s.\": programs will not run the model",
                 n, (const char *)arch.p, n, (const char *)arch.p);
}

/* ---- all edits */

int
quantize_edit(void *arg, sov_meta *meta, struct sov_err *err)
{
    const struct quantize *q = arg;
    int rc = 0;

    for (size_t i = 0; i < o->unset.n && rc == 0; i++)
        if (sov_meta_unset_like(meta, o->unset.items[i]) == 0)
            rc = sov_fail(err, SOV_EARG, "--unset: no key is called like '%s'",
                          o->unset.items[i]);
    for (size_t i = 0; i < o->set.n && rc == 0; i++) {
        struct quantize_setting *s = &q->setting[i];

        trim(s, meta);
        rc = sov_meta_set_text(meta, s->key, s->type, s->text, s->len, err);
        if (rc < 0)
            sov_err_wrap(err, "--set");
    }
    if (rc == 0 && (o->unset.n > 0 || o->set.n > 0))
        warn_broken(meta, q);
    return rc;
}

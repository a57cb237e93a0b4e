/* SPDX-License-Identifier: Apache-2.0 */
/*
 * export_json.c - byte-level byte-pair encoding as tokenizer.json
 *
 * The way back of tok/hf.h: the expressions of the pre-tokenizer's row stand
 * there as Split parts, special tokens and those of the user as added_tokens,
 * and a text begins and ends as the keys say.  export_pieces.c shares what is
 * not of bytes.
 */
#include "arch/export.h"

#include "tok/pretok.h"
#include "tok/spm_model.h"
#include "tok/tok.h"

#include <string.h>

#define KEY "tokenizer.ggml."

static json_t *
string_of(struct sov_span s)
{
    return json_stringn((const char *)s.p, s.len);
}

bool
sov_export_flag(const struct sov_export *x, const char *key, bool v)
{
    (void)sov_meta_bool(x->meta, key, &v, NULL); /* else it stays as it is */
    return v;
}

/* Is id in the array of ids that this key has? */
static bool
listed(const struct sov_export *x, const char *key, size_t id)
{
    const struct sov_kv *kv = sov_meta_find(x->meta, key);

    if (kv == NULL || kv->type != SOV_V_ARR || kv->elem != SOV_V_U32)
        return false;
    for (uint64_t i = 0; i < kv->n; i++)
        if (sov_kv_int(kv, i) == (int64_t)id)
            return true;
    return false;
}

json_t *
sov_export_added(const struct sov_export *x, const struct sov_spm *v,
                 bool unknown)
{
    json_t *list = json_array();

    for (size_t i = 0; i < v->n; i++) {
        const struct sov_spm_token *t = &v->token[i];

        if (t->type != SOV_TOK_CONTROL && t->type != SOV_TOK_USER &&
            !(unknown && t->type == SOV_TOK_UNKNOWN))
            continue;
        json_array_append_new(
            list, json_pack("{s:I, s:o, s:b, s:b, s:b, s:b, s:b}", "id",
                            (json_int_t)i, "content", string_of(t->text),
                            "single_word", 0, "lstrip",
                            listed(x, "sov.tokenizer.lstrip", i), "rstrip",
                            listed(x, "sov.tokenizer.rstrip", i), "normalized",
                            0, "special", t->type != SOV_TOK_USER));
    }
    return list;
}

static json_t *
byte_level(bool regex)
{
    return json_pack("{s:s, s:b, s:b, s:b}", "type", "ByteLevel",
                     "add_prefix_space", 0, "trim_offsets", 1, "use_regex",
                     regex);
}

static json_t *
pre_tokenizer(const struct sov_pre *pre)
{
    json_t *list;

    if (pre->stage[0] == &sov_pat_gpt2 && pre->stage[1] == NULL)
        return byte_level(true);
    list = json_array();
    for (size_t i = 0; pre->stage[i] != NULL; i++)
        json_array_append_new(
            list, json_pack("{s:s, s:{s:s}, s:s, s:b}", "type", "Split",
                            "pattern", "Regex", pre->stage[i]->text, "behavior",
                            "Isolated", "invert", 0));
    json_array_append_new(list, byte_level(false));
    return json_pack("{s:s, s:o}", "type", "Sequence", "pretokenizers", list);
}

/* A special token in a frame, and in the list of those that it uses. */
static void
add_special(const struct sov_spm *v, int64_t id, json_t *frame, json_t *used)
{
    json_t *name = string_of(v->token[id].text);

    json_array_append_new(frame, json_pack("{s:{s:O, s:i}}", "SpecialToken",
                                           "id", name, "type_id", 0));
    json_object_set_new(used, json_string_value(name),
                        json_pack("{s:O, s:[I], s:[O]}", "id", name, "ids",
                                  (json_int_t)id, "tokens", name));
    json_decref(name);
}

json_t *
sov_export_frame(const struct sov_spm *v, int64_t first, int64_t last)
{
    json_t *frame = json_array();
    json_t *used = json_object();

    if (first >= 0)
        add_special(v, first, frame, used);
    json_array_append_new(frame, json_pack("{s:{s:s, s:i}}", "Sequence", "id",
                                           "A", "type_id", 0));
    if (last >= 0)
        add_special(v, last, frame, used);
    return json_pack("{s:s, s:o, s:[{s:{s:s, s:i}}, {s:{s:s, s:i}}], s:o}",
                     "type", "TemplateProcessing", "single", frame, "pair",
                     "Sequence", "id", "A", "type_id", 0, "Sequence", "id", "B",
                     "type_id", 1, "special_tokens", used);
}

int
sov_export_whole(struct sov_export *x, json_t *file, struct sov_err *err)
{
    if (file == NULL)
        return sov_fail(err, SOV_EUNSUP,
                        "a token or a rule of the vocabulary is not UTF-8");
    return sov_export_json(x, "tokenizer.json", file, err);
}

/* model.vocab: what is not added, and does not only fill up. */
static int
vocabulary(const struct sov_spm *v, json_t **out, struct sov_err *err)
{
    json_t *vocab = *out = json_object();

    for (size_t i = 0; i < v->n; i++) {
        const struct sov_span *s = &v->token[i].text;

        if (v->token[i].type != SOV_TOK_NORMAL)
            continue;
        if (memchr(s->p, '\0', s->len) != NULL ||
            json_object_getn(vocab, (const char *)s->p, s->len) != NULL)
            return sov_fail(err, SOV_EUNSUP,
                            "token %zu has a text that cannot be a name", i);
        if (json_object_setn_new(vocab, (const char *)s->p, s->len,
                                 json_integer((json_int_t)i)) < 0)
            return sov_fail(err, SOV_EUNSUP, "token %zu is not UTF-8", i);
    }
    return 0;
}

static json_t *
merge_rules(const struct sov_export *x)
{
    const struct sov_kv *kv = sov_meta_find(x->meta, KEY "merges");
    json_t *list = json_array();
    struct sov_span s;
    size_t at = 0;

    while (kv != NULL && kv->type == SOV_V_ARR && kv->elem == SOV_V_STR &&
           sov_kv_next_str(kv, &at, &s))
        json_array_append_new(list, string_of(s));
    return list;
}

int
sov_export_bytes(struct sov_export *x, const struct sov_spm *v,
                 struct sov_err *err)
{
    struct sov_span name = { (const unsigned char *)"default", 7 };
    const struct sov_pre *pre;
    json_t *vocab = NULL;
    bool whole, bos, eos;
    int rc = sov_meta_str(x->meta, KEY "pre", &name, err);

    if (rc < 0)
        return rc;
    if (sov_meta_find(x->meta, KEY "merges") == NULL)
        return sov_fail(err, SOV_EUNSUP,
                        "the tokenizer is \"gpt2\", and " KEY
                        "merges is missing");
    pre = sov_pre_find(name.p, name.len);
    if (pre == NULL)
        return sov_fail(err, SOV_EUNSUP, "the pre-tokenizer is not known");
    rc = vocabulary(v, &vocab, err);
    if (rc < 0) {
        json_decref(vocab);
        return rc;
    }
    whole = sov_export_flag(x, "sov.tokenizer.ignore_merges",
                            (pre->flags & SOV_PRE_WHOLE) != 0);
    bos = sov_export_flag(x, KEY "add_bos_token",
                          (pre->flags & SOV_PRE_ADD_BOS) != 0);
    eos = sov_export_flag(x, KEY "add_eos_token", false);
    return sov_export_whole(
        x,
        json_pack("{s:s, s:n, s:n, s:o, s:o?, s:o, s:o, s:o,"
                  " s:{s:s, s:n, s:n, s:n, s:n, s:b, s:b, s:b, s:o, s:o}}",
                  "version", "1.0", "truncation", "padding", "added_tokens",
                  sov_export_added(x, v, true), "normalizer",
                  sov_export_flag(x, "sov.tokenizer.nfc", false)
                      ? json_pack("{s:s}", "type", "NFC")
                      : NULL,
                  "pre_tokenizer", pre_tokenizer(pre), "post_processor",
                  sov_export_frame(v, bos ? v->bos : -1, eos ? v->eos : -1),
                  "decoder", byte_level(true), "model", "type", "BPE",
                  "dropout", "unk_token", "continuing_subword_prefix",
                  "end_of_word_suffix", "fuse_unk", 0, "byte_fallback", 0,
                  "ignore_merges", whole, "vocab", vocab, "merges",
                  merge_rules(x)),
        err);
}

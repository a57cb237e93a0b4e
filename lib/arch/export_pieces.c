/* SPDX-License-Identifier: Apache-2.0 */
/*
 * export_pieces.c - WordPiece and unigram as tokenizer.json
 *
 * The way back of tok/hf_vocab.c.  Of WordPiece what begins a word loses its
 * mark and the rest gets "##"; of unigram the map of characters is written as
 * it is, in base64.
 */
#include "arch/export.h"

#include "base/mem.h"
#include "tok/spm_model.h"
#include "tok/tok.h"
#include "trust/armor.h"

#include <stdlib.h>
#include <string.h>

#define KEY      "tokenizer.ggml."
#define MARK     "\xe2\x96\x81"
#define MARK_LEN 3

/* The id that a key names, or what a kind has where there is none. */
static int64_t
id_of(const struct sov_export *x, const struct sov_spm *v, const char *key,
      int64_t id)
{
    uint64_t n = (uint64_t)id;

    (void)sov_meta_u64(x->meta, key, &n, NULL); /* else it stays */
    return n < v->n ? (int64_t)n : -1;
}

static json_t *
text_of(const struct sov_spm *v, int64_t id)
{
    return id < 0 ? json_null()
                  : json_stringn((const char *)v->token[id].text.p,
                                 v->token[id].text.len);
}

/* ---- WordPiece */

/* One more name; fresh is what it is called there. */
static int
add_word(json_t *vocab, size_t i, const struct sov_buf *name,
         struct sov_err *err)
{
    if (name->bad)
        return sov_mem_fail(err);
    if (memchr(name->p, '\0', name->len) != NULL ||
        json_object_getn(vocab, (const char *)name->p, name->len) != NULL)
        return sov_fail(err, SOV_EUNSUP,
                        "token %zu has a text that cannot be a name", i);
    if (json_object_setn_new(vocab, (const char *)name->p, name->len,
                             json_integer((json_int_t)i)) < 0)
        return sov_fail(err, SOV_EUNSUP, "token %zu is not UTF-8", i);
    return 0;
}

static int
word_names(const struct sov_spm *v, json_t *vocab, struct sov_err *err)
{
    struct sov_buf name = { 0 };
    int rc = 0;

    for (size_t i = 0; i < v->n && rc == 0; i++) {
        const struct sov_spm_token *t = &v->token[i];
        struct sov_span s = t->text;

        if (t->type == SOV_TOK_UNUSED)
            continue;
        name.len = 0;
        if (t->type == SOV_TOK_NORMAL && s.len >= MARK_LEN &&
            memcmp(s.p, MARK, MARK_LEN) == 0) {
            s.p += MARK_LEN;
            s.len -= MARK_LEN;
        } else if (t->type == SOV_TOK_NORMAL) {
            sov_buf_add(&name, "##", 2);
        }
        sov_buf_add(&name, s.p, s.len);
        sov_buf_add(&name, "", 1); /* so that there is something */
        name.len -= name.len > 0;
        rc = add_word(vocab, i, &name, err);
    }
    sov_buf_free(&name);
    return rc;
}

static json_t *
bert_normalizer(const struct sov_export *x)
{
    bool lower = sov_export_flag(x, KEY "normalizer.lowercase", true);
    bool strip = sov_export_flag(x, KEY "normalizer.strip_accents", lower);

    return json_pack(
        "{s:s, s:b, s:b, s:o, s:b}", "type", "BertNormalizer", "clean_text", 1,
        "handle_chinese_chars", 1, "strip_accents",
        strip == lower ? json_null() : json_boolean(strip), "lowercase", lower);
}

int
sov_export_words(struct sov_export *x, const struct sov_spm *v,
                 struct sov_err *err)
{
    int64_t unk = id_of(x, v, KEY "unknown_token_id", sov_tokenizer_wpm.unk);
    int64_t cls = id_of(x, v, KEY "bos_token_id", sov_tokenizer_wpm.bos);
    int64_t sep = id_of(x, v, KEY "seperator_token_id", sov_tokenizer_wpm.sep);
    json_t *vocab = json_object();
    int rc = word_names(v, vocab, err);

    if (rc < 0) {
        json_decref(vocab);
        return rc;
    }
    return sov_export_whole(
        x,
        json_pack("{s:s, s:n, s:n, s:o, s:o, s:{s:s}, s:o, s:{s:s, s:s, s:b},"
                  " s:{s:s, s:o, s:s, s:i, s:o}}",
                  "version", "1.0", "truncation", "padding", "added_tokens",
                  sov_export_added(x, v, false), "normalizer",
                  bert_normalizer(x), "pre_tokenizer", "type",
                  "BertPreTokenizer", "post_processor",
                  sov_export_frame(v, cls, sep), "decoder", "type", "WordPiece",
                  "prefix", "##", "cleanup", 1, "model", "type", "WordPiece",
                  "unk_token", text_of(v, unk), "continuing_subword_prefix",
                  "##", "max_input_chars_per_word", 100, "vocab", vocab),
        err);
}

/* ---- unigram */

static json_t *
scored(const struct sov_spm *v, size_t n)
{
    json_t *list = json_array();

    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_pack("[o, f]", text_of(v, (int64_t)i),
                                              (double)v->token[i].score));
    return list;
}

/* The map of characters, or null. */
static json_t *
charsmap(const struct sov_export *x)
{
    const struct sov_kv *kv =
        sov_meta_find(x->meta, KEY "precompiled_charsmap");
    char *text;
    json_t *s;

    if (kv == NULL || kv->type != SOV_V_ARR ||
        (kv->elem != SOV_V_U8 && kv->elem != SOV_V_I8))
        return NULL;
    text = sov_mem_array(SOV_BASE64_LEN(kv->val.len) + 1, 1);
    if (text == NULL)
        return NULL;
    sov_base64_encode(kv->val.p, kv->val.len, text);
    s = json_pack("{s:s, s:s}", "type", "Precompiled", "precompiled_charsmap",
                  text);
    free(text);
    return s;
}

/* Spaces in a row are one: with a space in front by cutting at them. */
static json_t *
unigram_normalizer(const struct sov_export *x, bool replace)
{
    json_t *list = json_array();
    json_t *map = charsmap(x);

    if (map != NULL)
        json_array_append_new(list, map);
    if (replace)
        json_array_append_new(list, json_pack("{s:s, s:{s:s}, s:s}", "type",
                                              "Replace", "pattern", "Regex",
                                              " {2,}", "content", " "));
    return json_pack("{s:s, s:o}", "type", "Sequence", "normalizers", list);
}

static json_t *
metaspace(bool prefix)
{
    return json_pack("{s:s, s:s, s:s, s:b}", "type", "Metaspace", "replacement",
                     MARK, "prepend_scheme", prefix ? "always" : "never",
                     "split", 1);
}

static json_t *
unigram_cut(bool squeeze, bool prefix)
{
    json_t *list = json_array();

    if (squeeze)
        json_array_append_new(list,
                              json_pack("{s:s}", "type", "WhitespaceSplit"));
    json_array_append_new(list, metaspace(prefix));
    return json_pack("{s:s, s:o}", "type", "Sequence", "pretokenizers", list);
}

static bool
has_bytes(const struct sov_spm *v)
{
    for (size_t i = 0; i < v->n; i++)
        if (v->token[i].type == SOV_TOK_BYTE)
            return true;
    return false;
}

int
sov_export_unigram(struct sov_export *x, const struct sov_spm *v,
                   size_t n_first, struct sov_err *err)
{
    int64_t unk = id_of(x, v, KEY "unknown_token_id", sov_tokenizer_ugm.unk);
    int64_t eos = id_of(x, v, KEY "eos_token_id", sov_tokenizer_ugm.eos);
    bool bos = sov_export_flag(x, KEY "add_bos_token", false);
    bool squeeze = sov_export_flag(x, KEY "remove_extra_whitespaces", false);
    bool prefix = sov_export_flag(x, KEY "add_space_prefix", false);

    if (!sov_export_flag(x, KEY "add_eos_token", true))
        eos = -1;
    return sov_export_whole(
        x,
        json_pack("{s:s, s:n, s:n, s:o, s:o, s:o, s:o, s:o,"
                  " s:{s:s, s:I, s:b, s:o}}",
                  "version", "1.0", "truncation", "padding", "added_tokens",
                  sov_export_added(x, v, true), "normalizer",
                  unigram_normalizer(x, squeeze && !prefix), "pre_tokenizer",
                  unigram_cut(squeeze && prefix, prefix), "post_processor",
                  sov_export_frame(v, bos ? v->bos : -1, eos), "decoder",
                  metaspace(prefix), "model", "type", "Unigram", "unk_id",
                  (json_int_t)unk, "byte_fallback", has_bytes(v), "vocab",
                  scored(v, n_first)),
        err);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hf.c - the file tokenizer.json of Hugging Face
 *
 *   model           type BPE { vocab { "text": id }, merges [ "a b" or [a, b] ],
 *                   byte_fallback, ignore_merges }, or WordPiece { vocab,
 *                   unk_token, continuing_subword_prefix }
 *   added_tokens    [ { id, content, special, lstrip, rstrip } ]
 *   normalizer, pre_tokenizer, post_processor, decoder
 *                   an object with a type, or a Sequence of such
 *
 * BPE works on bytes where ByteLevel is among the parts, and on characters, as
 * SentencePiece does it, where it may fall back to bytes.  What SentencePiece
 * has as scores follows from the rules then: the sooner a rule applies, the
 * higher is what it makes.
 */
#include "tok/hf.h"

#include "base/limits.h"
#include "base/mem.h"
#include "tok/tok.h"

#include <stdlib.h>
#include <string.h>

#define KEY  "tokenizer.ggml."
#define MARK "\xe2\x96\x81"

/* ---- parts with a type */

static const char *
text_of(const json_t *obj, const char *name)
{
    return json_string_value(json_object_get(obj, name));
}

static bool
has_type(const json_t *obj, const char *type)
{
    const char *s = text_of(obj, "type");

    return s != NULL && strcmp(s, type) == 0;
}

/* The part with this type in an object, or in the list that it is; or NULL. */
static const json_t *
find_part(const json_t *obj, const char *type)
{
    static const char *const lists[] = { "normalizers", "pretokenizers",
                                         "processors", "decoders" };
    size_t i;
    json_t *part;

    if (has_type(obj, type))
        return obj;
    for (size_t k = 0; k < sizeof(lists) / sizeof(*lists); k++)
        json_array_foreach(json_object_get(obj, lists[k]), i, part)
        {
            if (has_type(part, type))
                return part;
        }
    return NULL;
}

static const json_t *
part_of(const struct sov_hf *hf, const char *group, const char *type)
{
    return find_part(json_object_get(hf->json, group), type);
}

/* ---- tokens */

bool
sov_hf_looks_special(const char *s)
{
    static const char *const frames[][2] = {
        { "<|", "|>" },
        { "<\xef\xbd\x9c", "\xef\xbd\x9c>" },
        { "<unused", ">" },
    };
    static const char *const names[] = { "<pad>", "<mask>", "<2mass>",
                                         "[@BOS@]" };
    size_t n = strlen(s);

    for (size_t i = 0; i < sizeof(frames) / sizeof(*frames); i++) {
        size_t a = strlen(frames[i][0]);
        size_t b = strlen(frames[i][1]);

        if (n >= a && n >= b && strncmp(s, frames[i][0], a) == 0 &&
            strcmp(s + n - b, frames[i][1]) == 0)
            return true;
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (strcmp(s, names[i]) == 0)
            return true;
    return false;
}

static int
bad_id(const char *what, const char *text, struct sov_err *err)
{
    return sov_fail(err, SOV_EFORMAT, "%s: \"%.40s\" has no valid id", what,
                    text);
}

static bool
valid_id(const json_t *id)
{
    return json_is_integer(id) && json_integer_value(id) >= 0 &&
           (uint64_t)json_integer_value(id) < SOV_VOCAB_MAX;
}

/* Room for all ids that are named: no more than there are of them. */
static int
make_room(struct sov_hf *hf, json_t *vocab, json_t *added, struct sov_err *err)
{
    size_t named = json_object_size(vocab) + json_array_size(added);
    uint64_t most = 0;
    const char *text;
    json_t *v;
    size_t i;

    json_object_foreach(vocab, text, v)
    {
        if (!valid_id(v))
            return bad_id("vocab", text, err);
        if ((uint64_t)json_integer_value(v) > most)
            most = (uint64_t)json_integer_value(v);
    }
    json_array_foreach(added, i, v)
    {
        text = text_of(v, "content");
        if (text == NULL || !valid_id(json_object_get(v, "id")))
            return bad_id("added_tokens", text != NULL ? text : "", err);
        if ((uint64_t)json_integer_value(json_object_get(v, "id")) > most)
            most = (uint64_t)json_integer_value(json_object_get(v, "id"));
    }
    if (named == 0)
        return sov_fail(err, SOV_EFORMAT, "there are no tokens");
    if (most / 16 > named) /* gaps are filled, within reason */
        return sov_fail(err, SOV_EFORMAT, "%zu tokens have ids up to %llu",
                        named, (unsigned long long)most);
    return sov_spm_resize(&hf->vocab, (size_t)most + 1, err);
}

static void
set(struct sov_hf *hf, uint64_t id, const char *text, size_t len, uint8_t type)
{
    hf->vocab.token[id] =
        (struct sov_spm_token){ { (const unsigned char *)text, len }, 0, type };
}

/*
 * "##" goes, and what begins a word gets the mark; names in brackets stay as
 * they are.  There are three bytes more for each in the arena.
 */
static int
set_word_pieces(struct sov_hf *hf, json_t *vocab, const char *prefix,
                struct sov_err *err)
{
    const size_t n_prefix = strlen(prefix);
    size_t size = 1;
    unsigned char *out;
    const char *text;
    json_t *id;

    json_object_foreach(vocab, text, id) size += strlen(text) + strlen(MARK);
    out = hf->texts = sov_mem_array(size, 1);
    if (out == NULL)
        return sov_mem_fail(err);
    json_object_foreach(vocab, text, id)
    {
        const unsigned char *start = out;
        const char *from = text; /* the macro needs its own */
        size_t len = strlen(text);

        if (n_prefix > 0 && strncmp(text, prefix, n_prefix) == 0 &&
            len > n_prefix) {
            from += n_prefix;
            len -= n_prefix;
        } else if (len < 2 || text[0] != '[' || text[len - 1] != ']') {
            memcpy(out, MARK, strlen(MARK));
            out += strlen(MARK);
        }
        memcpy(out, from, len);
        out += len;
        set(hf, (uint64_t)json_integer_value(id), (const char *)start,
            (size_t)(out - start), SOV_TOK_NORMAL);
    }
    return 0;
}

static void
set_vocab(struct sov_hf *hf, json_t *vocab)
{
    const char *text;
    json_t *id;

    json_object_foreach(vocab, text, id)
    {
        size_t len = strlen(text);
        bool byte = hf->kind == SOV_HF_SPM &&
                    sov_tok_byte((const unsigned char *)text, len) >= 0;

        set(hf, (uint64_t)json_integer_value(id), text, len,
            byte ? SOV_TOK_BYTE : SOV_TOK_NORMAL);
    }
}

static void
set_added(struct sov_hf *hf, json_t *added)
{
    size_t i;
    json_t *v;

    json_array_foreach(added, i, v)
    {
        const char *text = text_of(v, "content");
        uint64_t id = (uint64_t)json_integer_value(json_object_get(v, "id"));
        bool special = json_is_true(json_object_get(v, "special")) ||
                       sov_hf_looks_special(text);

        set(hf, id, text, strlen(text),
            special ? SOV_TOK_CONTROL : SOV_TOK_USER);
        if (json_is_true(json_object_get(v, "lstrip")))
            sov_buf_u32(&hf->lstrip, (uint32_t)id);
        if (json_is_true(json_object_get(v, "rstrip")))
            sov_buf_u32(&hf->rstrip, (uint32_t)id);
    }
}

static int64_t
find_token(const struct sov_hf *hf, const char *text)
{
    size_t len = text != NULL ? strlen(text) : 0;

    for (size_t i = 0; len > 0 && i < hf->vocab.n; i++) {
        const struct sov_span *t = &hf->vocab.token[i].text;

        if (t->p != NULL && t->len == len && memcmp(t->p, text, len) == 0)
            return (int64_t)i;
    }
    return -1;
}

/* ---- rules */

static int
bad_rule(size_t i, struct sov_err *err)
{
    return sov_fail(err, SOV_EFORMAT, "merges: entry %zu is not a pair", i);
}

static int
add_rule(struct sov_hf *hf, size_t i, const json_t *v, struct sov_err *err)
{
    const char *a = json_string_value(json_array_get(v, 0));
    const char *b = json_string_value(json_array_get(v, 1));

    hf->n_merges++;
    if (json_is_string(v)) {
        sov_buf_str(&hf->merges, json_string_value(v), json_string_length(v));
        return 0;
    }
    if (a == NULL || b == NULL || json_array_size(v) != 2)
        return bad_rule(i, err);
    sov_buf_u64(&hf->merges, strlen(a) + 1 + strlen(b));
    sov_buf_add(&hf->merges, a, strlen(a));
    sov_buf_add(&hf->merges, " ", 1);
    sov_buf_add(&hf->merges, b, strlen(b));
    return 0;
}

/* The token that a rule makes, by the arena of one text in buf; or -1. */
static int64_t
made_by(const json_t *vocab, const json_t *v, struct sov_buf *buf)
{
    const char *a = json_string_value(json_array_get(v, 0));
    const char *b = json_string_value(json_array_get(v, 1));
    size_t n_a;
    json_t *id;

    if (json_is_string(v)) {
        a = json_string_value(v);
        b = strchr(a, ' ');
        if (b == NULL)
            return -1;
        n_a = (size_t)(b - a);
        b++;
    } else if (a == NULL || b == NULL) {
        return -1;
    } else {
        n_a = strlen(a);
    }
    buf->len = 0;
    sov_buf_add(buf, a, n_a);
    sov_buf_add(buf, b, strlen(b) + 1);
    if (buf->bad)
        return -1;
    id = json_object_get(vocab, (const char *)buf->p);
    return id == NULL ? -1 : json_integer_value(id);
}

/* Scores out of the order of rules; what no rule makes comes last. */
static int
set_scores(struct sov_hf *hf, const json_t *vocab, const json_t *merges,
           struct sov_err *err)
{
    struct sov_buf buf = { 0 };
    const float least = -(float)json_array_size(merges) - 1;
    size_t i;
    json_t *v;

    for (i = 0; i < hf->vocab.n; i++)
        hf->vocab.token[i].score = least;
    json_array_foreach((json_t *)merges, i, v)
    {
        int64_t id = made_by(vocab, v, &buf);

        if (id >= 0 && hf->vocab.token[id].score == least)
            hf->vocab.token[id].score = -(float)i;
    }
    i = buf.bad;
    sov_buf_free(&buf);
    return i ? sov_mem_fail(err) : 0;
}

static int
read_rules(struct sov_hf *hf, const json_t *model, struct sov_err *err)
{
    const json_t *merges = json_object_get(model, "merges");
    size_t i;
    json_t *v;
    int rc = 0;

    if (!json_is_array(merges))
        return sov_fail(err, SOV_EFORMAT, "there are no merges");
    if (hf->kind == SOV_HF_SPM)
        return set_scores(hf, json_object_get(model, "vocab"), merges, err);
    json_array_foreach((json_t *)merges, i, v)
    {
        rc = add_rule(hf, i, v, err);
        if (rc < 0)
            return rc;
    }
    return hf->merges.bad ? sov_mem_fail(err) : 0;
}

/* ---- what else changes a text */

static void
read_normalizer(struct sov_hf *hf)
{
    static const char *const others[] = {
        "NFKC",  "NFD", "NFKD",        "Lowercase",     "StripAccents",
        "Strip", "Nmt", "Precompiled", "BertNormalizer"
    };
    const json_t *bert = part_of(hf, "normalizer", "BertNormalizer");

    hf->nfc = part_of(hf, "normalizer", "NFC") != NULL;
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
        if (part_of(hf, "normalizer", others[i]) != NULL &&
            (bert == NULL || hf->kind != SOV_HF_WPM))
            hf->ignored = others[i];
    if (bert != NULL) {
        const json_t *strip = json_object_get(bert, "strip_accents");

        hf->lower = json_is_true(json_object_get(bert, "lowercase"));
        hf->strip = json_is_boolean(strip) ? json_is_true(strip) : hf->lower;
    }
    if (hf->kind == SOV_HF_BPE &&
        json_is_true(json_object_get(part_of(hf, "pre_tokenizer", "ByteLevel"),
                                     "add_prefix_space")))
        hf->ignored = "add_prefix_space";
}

/* Is a space put before a text that nobody typed? */
static bool
adds_prefix(const struct sov_hf *hf)
{
    const json_t *mark = part_of(hf, "pre_tokenizer", "Metaspace");
    const char *scheme = text_of(mark, "prepend_scheme");

    if (part_of(hf, "normalizer", "Prepend") != NULL)
        return true;
    if (mark == NULL)
        return false;
    if (scheme != NULL)
        return strcmp(scheme, "never") != 0;
    return !json_is_false(json_object_get(mark, "add_prefix_space"));
}

/* The token that a frame names, at its beginning or its end. */
static int64_t
special_at(const struct sov_hf *hf, const json_t *list, size_t i)
{
    return find_token(
        hf, text_of(json_object_get(json_array_get(list, i), "SpecialToken"),
                    "id"));
}

static int64_t
pair_id(const struct sov_hf *hf, const json_t *obj, const char *name)
{
    return find_token(
        hf, json_string_value(json_array_get(json_object_get(obj, name), 0)));
}

static void
read_frame(struct sov_hf *hf)
{
    const json_t *post = part_of(hf, "post_processor", "TemplateProcessing");
    const json_t *list = json_object_get(post, "single");

    hf->first = hf->last = -1;
    if (json_array_size(list) > 0) {
        hf->framed = true;
        hf->first = special_at(hf, list, 0);
        if (json_array_size(list) > 1)
            hf->last = special_at(hf, list, json_array_size(list) - 1);
        return;
    }
    post = part_of(hf, "post_processor", "BertProcessing");
    if (post == NULL)
        post = part_of(hf, "post_processor", "RobertaProcessing");
    if (post != NULL) {
        hf->framed = true;
        hf->first = pair_id(hf, post, "cls");
        hf->last = pair_id(hf, post, "sep");
    }
}

/* ---- the file */

static int
find_kind(struct sov_hf *hf, const json_t *model, struct sov_err *err)
{
    const char *type = text_of(model, "type");

    if (type == NULL && json_is_array(json_object_get(model, "merges")))
        type = "BPE"; /* files of early versions do not say */
    if (type != NULL && strcmp(type, "WordPiece") == 0) {
        hf->kind = SOV_HF_WPM;
        return 0;
    }
    if (type == NULL || strcmp(type, "BPE") != 0)
        return sov_fail(err, SOV_EUNSUP,
                        "tokenizers of the kind %.30s are not supported",
                        type != NULL ? type : "unknown");
    if (part_of(hf, "pre_tokenizer", "ByteLevel") != NULL ||
        part_of(hf, "decoder", "ByteLevel") != NULL) {
        hf->kind = SOV_HF_BPE;
        return 0;
    }
    if (json_is_true(json_object_get(model, "byte_fallback"))) {
        hf->kind = SOV_HF_SPM;
        return 0;
    }
    return sov_fail(err, SOV_EUNSUP,
                    "tokenizers of the kind BPE without bytes are not "
                    "supported");
}

static int
read_tokens(struct sov_hf *hf, const json_t *model, struct sov_err *err)
{
    json_t *vocab = json_object_get(model, "vocab");
    json_t *added = json_object_get(hf->json, "added_tokens");
    const char *prefix = text_of(model, "continuing_subword_prefix");
    int rc;

    if (!json_is_object(vocab))
        return sov_fail(err, SOV_EFORMAT, "model.vocab is not an object");
    rc = make_room(hf, vocab, added, err);
    if (rc < 0)
        return rc;
    if (hf->kind == SOV_HF_WPM)
        rc = set_word_pieces(hf, vocab, prefix != NULL ? prefix : "##", err);
    else
        set_vocab(hf, vocab);
    if (rc == 0)
        set_added(hf, added);
    hf->vocab.unk = find_token(hf, text_of(model, "unk_token"));
    if (hf->vocab.unk >= 0 && hf->kind != SOV_HF_BPE)
        hf->vocab.token[hf->vocab.unk].type = SOV_TOK_UNKNOWN;
    return rc;
}

static int
read_all(struct sov_hf *hf, struct sov_err *err)
{
    const json_t *model = json_object_get(hf->json, "model");
    int rc = find_kind(hf, model, err);

    if (rc == 0)
        rc = read_tokens(hf, model, err);
    if (rc == 0 && hf->kind != SOV_HF_WPM)
        rc = read_rules(hf, model, err);
    if (rc < 0)
        return rc;
    hf->whole = json_is_true(json_object_get(model, "ignore_merges"));
    read_normalizer(hf);
    read_frame(hf);
    hf->vocab.add_prefix = adds_prefix(hf);
    return hf->kind == SOV_HF_BPE ? sov_hf_pre(hf, err) : 0;
}

int
sov_hf_read(struct sov_hf *hf, const void *p, size_t len, struct sov_err *err)
{
    int rc;

    *hf = (struct sov_hf){
        .vocab = { .unk = -1, .bos = -1, .eos = -1, .pad = -1 },
        .first = -1,
        .last = -1,
    };
    rc = sov_json_parse(p, len, &hf->json, err);
    if (rc == 0)
        rc = read_all(hf, err);
    if (rc < 0)
        sov_hf_free(hf);
    return rc;
}

void
sov_hf_free(struct sov_hf *hf)
{
    sov_spm_free(&hf->vocab);
    sov_buf_free(&hf->merges);
    sov_buf_free(&hf->lstrip);
    sov_buf_free(&hf->rstrip);
    free(hf->texts);
    json_decref(hf->json);
    hf->texts = NULL;
    hf->json = NULL;
}

/* ---- keys */

static int
put_ids(sov_meta *meta, const char *key, const struct sov_buf *b,
        struct sov_err *err)
{
    struct sov_kv kv = { .key = key,
                         .type = SOV_V_ARR,
                         .elem = SOV_V_U32,
                         .n = b->len / 4,
                         .val = { b->p, b->len } };

    if (b->bad)
        return sov_mem_fail(err);
    return b->len == 0 ? 0 : sov_meta_set(meta, &kv, err);
}

static int
put_rules(const struct sov_hf *hf, sov_meta *meta, struct sov_err *err)
{
    struct sov_kv kv = { .key = KEY "merges",
                         .type = SOV_V_ARR,
                         .elem = SOV_V_STR,
                         .n = hf->n_merges,
                         .val = { hf->merges.p, hf->merges.len } };
    char name[32];
    size_t n = strcspn(hf->pre->names, " ");
    int rc;

    memcpy(name, hf->pre->names, n < sizeof(name) ? n : sizeof(name) - 1);
    name[n < sizeof(name) ? n : sizeof(name) - 1] = '\0';
    rc = sov_meta_set_str(meta, KEY "model", "gpt2", err);
    if (rc == 0)
        rc = sov_meta_set_str(meta, KEY "pre", name, err);
    if (rc == 0)
        rc = sov_meta_set(meta, &kv, err);
    if (rc == 0 && hf->nfc)
        rc = sov_meta_set_bool(meta, "sov.tokenizer.nfc", true, err);
    if (rc == 0 && hf->whole != ((hf->pre->flags & SOV_PRE_WHOLE) != 0))
        rc = sov_meta_set_bool(meta, "sov.tokenizer.ignore_merges", hf->whole,
                               err);
    return rc;
}

static int
put_words(const struct sov_hf *hf, sov_meta *meta, struct sov_err *err)
{
    int rc = sov_meta_set_str(meta, KEY "model", "bert", err);

    if (rc == 0 && !hf->lower)
        rc = sov_meta_set_bool(meta, KEY "normalizer.lowercase", false, err);
    if (rc == 0 && hf->strip != hf->lower)
        rc = sov_meta_set_bool(meta, KEY "normalizer.strip_accents", hf->strip,
                               err);
    if (rc == 0 && hf->strip)
        rc = sov_meta_set_bool(meta, "sov.tokenizer.full_nfd", true, err);
    if (rc == 0 && hf->first >= 0)
        rc = sov_meta_set_u32(meta, KEY "bos_token_id", (uint32_t)hf->first,
                              err);
    if (rc == 0 && hf->first >= 0)
        rc = sov_meta_set_u32(meta, KEY "cls_token_id", (uint32_t)hf->first,
                              err);
    if (rc == 0 && hf->last >= 0)
        rc = sov_meta_set_u32(meta, KEY "seperator_token_id",
                              (uint32_t)hf->last, err);
    return rc;
}

int
sov_hf_keys(const struct sov_hf *hf, sov_meta *meta, struct sov_err *err)
{
    int rc = 0;

    if (hf->kind != SOV_HF_SPM)
        sov_meta_unset(meta, KEY "scores");
    if (hf->kind == SOV_HF_BPE)
        rc = put_rules(hf, meta, err);
    else if (hf->kind == SOV_HF_WPM)
        rc = put_words(hf, meta, err);
    if (rc == 0 && hf->framed && hf->kind != SOV_HF_WPM) {
        rc = sov_meta_set_bool(meta, KEY "add_bos_token", hf->first >= 0, err);
        if (rc == 0)
            rc = sov_meta_set_bool(meta, KEY "add_eos_token", hf->last >= 0,
                                   err);
    }
    if (rc == 0)
        rc = put_ids(meta, "sov.tokenizer.lstrip", &hf->lstrip, err);
    if (rc == 0)
        rc = put_ids(meta, "sov.tokenizer.rstrip", &hf->rstrip, err);
    return rc;
}

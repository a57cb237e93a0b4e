/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hf_vocab.c - the tokens of a tokenizer.json
 *
 *   model.vocab     { "text": id }, of unigram [ [ "text", score ], ... ]
 *   unk_token       the text of the unknown token, of unigram unk_id
 *   continuing_subword_prefix   of WordPiece
 *   added_tokens    [ { id, content, special, lstrip, rstrip } ]
 *
 * Ids that nothing names are filled up, within reason.
 */
#include "tok/hf.h"

#include "base/limits.h"
#include "base/mem.h"
#include "tok/tok.h"

#include <math.h>
#include <string.h>

#define MARK "\xe2\x96\x81"

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

int64_t
sov_hf_find(const struct sov_hf *hf, const char *text)
{
    size_t len = text != NULL ? strlen(text) : 0;

    for (size_t i = 0; len > 0 && i < hf->vocab.n; i++) {
        const struct sov_span *t = &hf->vocab.token[i].text;

        if (t->p != NULL && t->len == len && memcmp(t->p, text, len) == 0)
            return (int64_t)i;
    }
    return -1;
}

/* ---- room */

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

static void
raise(uint64_t *most, const json_t *id)
{
    if ((uint64_t)json_integer_value(id) > *most)
        *most = (uint64_t)json_integer_value(id);
}

/* Room for all ids that are named: no more than there are of them. */
static int
make_room(struct sov_hf *hf, json_t *vocab, json_t *added, struct sov_err *err)
{
    const size_t listed = json_array_size(vocab); /* of unigram */
    size_t named = listed + json_object_size(vocab) + json_array_size(added);
    uint64_t most = listed > 0 ? listed - 1 : 0;
    const char *text;
    json_t *v;
    size_t i;

    json_object_foreach(vocab, text, v)
    {
        if (!valid_id(v))
            return bad_id("vocab", text, err);
        raise(&most, v);
    }
    json_array_foreach(added, i, v)
    {
        text = sov_hf_text(v, "content");
        if (text == NULL || !valid_id(json_object_get(v, "id")))
            return bad_id("added_tokens", text != NULL ? text : "", err);
        raise(&most, json_object_get(v, "id"));
    }
    if (named == 0)
        return sov_fail(err, SOV_EFORMAT, "there are no tokens");
    if (most / 16 > named)
        return sov_fail(err, SOV_EFORMAT, "%zu tokens have ids up to %llu",
                        named, (unsigned long long)most);
    return sov_spm_resize(&hf->vocab, (size_t)most + 1, err);
}

static void
set(struct sov_hf *hf, uint64_t id, const char *text, size_t len, float score,
    uint8_t type)
{
    hf->vocab.token[id] = (struct sov_spm_token){
        { (const unsigned char *)text, len }, score, type
    };
}

/* ---- each kind */

/*
 * "##" goes, and what begins a word gets the mark: there are three bytes more
 * for each in the arena.  The unknown token is no word.
 */
static int
set_word_pieces(struct sov_hf *hf, const json_t *model, json_t *vocab,
                struct sov_err *err)
{
    const char *prefix = sov_hf_text(model, "continuing_subword_prefix");
    const char *unk = sov_hf_text(model, "unk_token");
    size_t n_prefix;
    size_t size = 1;
    unsigned char *out;
    const char *text;
    json_t *id;

    prefix = prefix != NULL ? prefix : "##";
    n_prefix = strlen(prefix);
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
        } else if (unk == NULL || strcmp(text, unk) != 0) {
            memcpy(out, MARK, strlen(MARK));
            out += strlen(MARK);
        }
        memcpy(out, from, len);
        out += len;
        set(hf, (uint64_t)json_integer_value(id), (const char *)start,
            (size_t)(out - start), 0, SOV_TOK_NORMAL);
    }
    return 0;
}

static uint8_t
type_of(const struct sov_hf *hf, const char *text, size_t len)
{
    return hf->kind != SOV_HF_BPE && hf->bytes &&
                   sov_tok_byte((const unsigned char *)text, len) >= 0
               ? SOV_TOK_BYTE
               : SOV_TOK_NORMAL;
}

static void
set_ids(struct sov_hf *hf, json_t *vocab)
{
    const char *text;
    json_t *id;

    json_object_foreach(vocab, text, id)
    {
        size_t len = strlen(text);

        set(hf, (uint64_t)json_integer_value(id), text, len, 0,
            type_of(hf, text, len));
    }
}

static int
set_scored(struct sov_hf *hf, json_t *vocab, struct sov_err *err)
{
    size_t i;
    json_t *v;

    json_array_foreach(vocab, i, v)
    {
        const json_t *text = json_array_get(v, 0);
        const json_t *score = json_array_get(v, 1);
        float f = (float)json_number_value(score);

        if (!json_is_string(text) || !json_is_number(score) || !isfinite(f))
            return sov_fail(err, SOV_EFORMAT,
                            "vocab: entry %zu is not a text and its score", i);
        set(hf, i, json_string_value(text), json_string_length(text), f,
            type_of(hf, json_string_value(text), json_string_length(text)));
    }
    return 0;
}

static void
set_added(struct sov_hf *hf, json_t *added)
{
    size_t i;
    json_t *v;

    json_array_foreach(added, i, v)
    {
        const char *text = sov_hf_text(v, "content");
        uint64_t id = (uint64_t)json_integer_value(json_object_get(v, "id"));
        bool special = json_is_true(json_object_get(v, "special")) ||
                       sov_hf_looks_special(text);
        const struct sov_spm_token *old = &hf->vocab.token[id];

        set(hf, id, text, strlen(text),
            hf->kind == SOV_HF_UGM && old->text.p != NULL ? old->score : 0,
            special ? SOV_TOK_CONTROL : SOV_TOK_USER);
        if (json_is_true(json_object_get(v, "lstrip")))
            sov_buf_u32(&hf->lstrip, (uint32_t)id);
        if (json_is_true(json_object_get(v, "rstrip")))
            sov_buf_u32(&hf->rstrip, (uint32_t)id);
    }
}

/*
 * Published GGUF files call the unknown token of WordPiece a control token,
 * where it is called special, and that of the others unknown.
 */
static int
set_unknown(struct sov_hf *hf, const json_t *model, struct sov_err *err)
{
    const json_t *id = json_object_get(model, "unk_id");
    struct sov_spm_token *t;

    if (hf->kind == SOV_HF_UGM) {
        if (!valid_id(id) || (uint64_t)json_integer_value(id) >= hf->vocab.n)
            return sov_fail(err, SOV_EFORMAT, "unk_id is not a token's id");
        hf->vocab.unk = json_integer_value(id);
    } else {
        hf->vocab.unk = sov_hf_find(hf, sov_hf_text(model, "unk_token"));
    }
    if (hf->vocab.unk < 0 || hf->kind == SOV_HF_BPE)
        return 0;
    t = &hf->vocab.token[hf->vocab.unk];
    if (hf->kind != SOV_HF_WPM || t->type != SOV_TOK_CONTROL)
        t->type = SOV_TOK_UNKNOWN;
    return 0;
}

int
sov_hf_tokens(struct sov_hf *hf, const json_t *model, struct sov_err *err)
{
    json_t *vocab = json_object_get(model, "vocab");
    json_t *added = json_object_get(hf->json, "added_tokens");
    const bool list = hf->kind == SOV_HF_UGM;
    int rc;

    if (list ? !json_is_array(vocab) : !json_is_object(vocab))
        return sov_fail(err, SOV_EFORMAT, "model.vocab is not an %s",
                        list ? "array" : "object");
    rc = make_room(hf, vocab, added, err);
    if (rc < 0)
        return rc;
    if (hf->kind == SOV_HF_WPM)
        rc = set_word_pieces(hf, model, vocab, err);
    else if (list)
        rc = set_scored(hf, vocab, err);
    else
        set_ids(hf, vocab);
    if (rc < 0)
        return rc;
    set_added(hf, added);
    return set_unknown(hf, model, err);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * raw.c - byte-pair encoding of tokens that are spelled as they are
 *
 *   model "gemma4"        as SentencePiece does it: U+2581 stands for a space.
 *                         Also "gpt2" with such a row of pretoks.def.
 *   model "whitespace"    of words: white space parts them and is lost
 *
 *   tokenizer.ggml.normalizer.lowercase   of words (false)
 *
 * Symbols are characters, and what is in no token is spelled in tokens called
 * <0xXX>.  A text is merged line by line.  A token's piece has spaces where
 * its name has marks; text becomes tokens by their pieces, so that a text does
 * not have to be marked first, and a mark in a text counts as a space.
 *
 * Where no rule makes something that goes on over the beginning of a word (all
 * known vocabularies), each word is merged by itself, to the same result.
 */
#include "tok/bpe.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "tok/normal.h"
#include "tok/uclass.h"
#include "tok/work.h"

#include <stdlib.h>
#include <string.h>

#define KEY      "tokenizer.ggml."
#define MARK     "\xe2\x96\x81"
#define MARK_LEN 3

/* ---- a line */

/* Where the word at p[at] ends: spaces, then anything else. */
static size_t
word_end(const unsigned char *p, size_t at, size_t end)
{
    const unsigned char *space;

    while (at < end && p[at] == ' ')
        at++;
    space = at == end ? NULL : memchr(p + at, ' ', end - at);
    return space == NULL ? end : (size_t)(space - p);
}

static int
encode_line(struct sov_bpe_work *w, const unsigned char *p, size_t at,
            size_t end, struct sov_ids *out, struct sov_err *err)
{
    uint32_t id;
    int rc = 0;

    if (w->bpe->eols && p[at] == '\n' &&
        sov_tok_lookup(w->tok, p + at, end - at, &id) && id < w->tok->n)
        return sov_ids_add(out, (int32_t)id, err);
    while (at < end && rc == 0) {
        size_t to = w->bpe->bound ? word_end(p, at, end) : end;

        rc = sov_bpe_piece(w, p + at, to - at, out, err);
        at = to;
    }
    return rc;
}

/* Lines, and runs of their ends. */
static int
encode_lines(struct sov_bpe_work *w, const unsigned char *p, size_t len,
             struct sov_ids *out, struct sov_err *err)
{
    int rc = 0;

    SOV_STEPS(len);
    for (size_t at = 0; at < len && rc == 0;) {
        const unsigned char *eol = memchr(p + at, '\n', len - at);
        size_t end = eol == NULL ? len : (size_t)(eol - p);

        if (end == at)
            while (end < len && p[end] == '\n')
                end++;
        rc = encode_line(w, p, at, end, out, err);
        at = end;
    }
    return rc;
}

/* ---- words */

/* White space parts words and, if it is not dropped, is pieces, too. */
static int
encode_words(struct sov_bpe_work *w, const unsigned char *p, size_t len,
             struct sov_ids *out, struct sov_err *err)
{
    struct sov_buf word = { 0 };
    bool blank = false;
    int rc = 0;

    for (size_t at = 0; at <= len && rc == 0;) {
        unsigned char utf8[4];
        uint32_t cp = 0x1a;
        size_t n = at < len ? sov_utf8_step(p + at, len - at, &cp) : 0;
        bool space = n > 0 && (sov_uclass_of(cp) & SOV_UC_SPACE);

        if (at == len || space != blank) {
            if (word.len > 0 && !(blank && w->bpe->drop))
                rc = sov_bpe_piece(w, word.p, word.len, out, err);
            word.len = 0;
            blank = space;
        }
        if (at == len)
            break;
        if (n > 0 && w->bpe->lower)
            sov_buf_add(&word, utf8, sov_utf8_put(sov_normal_lower(cp), utf8));
        else
            sov_buf_add(&word, p + at, n > 0 ? n : 1);
        at += n > 0 ? n : 1;
        if (word.bad)
            rc = sov_mem_fail(err);
    }
    sov_buf_free(&word);
    return rc;
}

/* ---- a text */

static int
raw_encode(struct sov_encoder *enc, const unsigned char *text, size_t len,
           bool first, struct sov_err *err)
{
    const struct sov_bpe *b = enc->tok->own;
    unsigned char *plain = NULL;
    int rc = sov_bpe_begin(enc, err);

    (void)first;
    if (rc < 0)
        return rc;
    if (!b->marks)
        return encode_words(enc->work, text, len, &enc->out, err);
    if (memmem(text, len, MARK, MARK_LEN) != NULL) {
        plain = sov_mem_array(len, 1);
        if (plain == NULL)
            return sov_mem_fail(err);
        len = sov_tok_unmark((struct sov_span){ text, len }, plain);
    }
    rc = encode_lines(enc->work, plain != NULL ? plain : text, len, &enc->out,
                      err);
    free(plain);
    return rc;
}

/* ---- loading */

static int
words_prepare(sov_tok *tok, const sov_meta *meta, struct sov_err *err)
{
    struct sov_span model = { 0 };
    struct sov_bpe *b;
    int rc = sov_bpe_load(tok, meta, err);

    if (rc < 0)
        return rc;
    b = tok->own;
    (void)sov_meta_str(meta, KEY "model", &model, NULL); /* it was read once */
    b->drop = !(model.len == 4 && memcmp(model.p, "gpt2", 4) == 0);
    if (b->drop)
        rc = sov_meta_bool(meta, KEY "normalizer.lowercase", &b->lower, err);
    return rc < 0 ? rc : 0;
}

/* A text begins with BOS whatever the key says: as others do it. */
static int
marks_prepare(sov_tok *tok, const sov_meta *meta, struct sov_err *err)
{
    const struct sov_bpe *b;
    int rc = sov_bpe_load(tok, meta, err);

    if (rc < 0)
        return rc;
    b = tok->own;
    if (b->eols)
        tok->add_bos = true;
    return 0;
}

static size_t
raw_piece(const sov_tok *tok, int32_t id, unsigned char *out)
{
    return sov_tok_piece_of(tok, id, tok->kind == &sov_tokenizer_gemma4, out);
}

const struct sov_tokenizer *
sov_raw_kind(const sov_meta *meta)
{
    const struct sov_pre *pre;
    struct sov_span name = { 0 };

    if (sov_meta_str(meta, KEY "pre", &name, NULL) != 0)
        return NULL;
    pre = sov_pre_find(name.p, name.len);
    if (pre == NULL || !(pre->flags & SOV_PRE_RAW))
        return NULL;
    return pre->flags & SOV_PRE_MARKS ? &sov_tokenizer_gemma4
                                      : &sov_tokenizer_whitespace;
}

const struct sov_tokenizer sov_tokenizer_gemma4 = {
    .name = "gemma4",
    .bos = -1,
    .eos = -1,
    .unk = -1,
    .sep = -1,
    .by_piece = true,
    .prepare = marks_prepare,
    .drop = sov_bpe_drop,
    .piece = raw_piece,
    .encode = raw_encode,
    .done = sov_bpe_done,
};

const struct sov_tokenizer sov_tokenizer_whitespace = {
    .name = "whitespace",
    .bos = -1,
    .eos = -1,
    .unk = -1,
    .sep = -1,
    .by_piece = true,
    .prepare = words_prepare,
    .drop = sov_bpe_drop,
    .piece = raw_piece,
    .encode = raw_encode,
    .done = sov_bpe_done,
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wpm.c - WordPiece (tokenizer.ggml.model "bert")
 *
 * J. Devlin et al., "BERT", NAACL 2019.  A text loses its controls and, where
 * the model says so, accents and capitals; white space parts words;
 * punctuation marks and Chinese characters are words of their own.  A word is
 * cut into the longest tokens that fit, from the left, and is the unknown
 * token if it cannot be.
 *
 * In GGUF a token that begins a word begins with U+2581, and the others stand
 * without the "##" of vocab.txt.
 *
 *   tokenizer.ggml.normalizer.lowercase       capitals become small (true)
 *   tokenizer.ggml.normalizer.strip_accents   and lose accents (as lowercase)
 *   sov.tokenizer.full_nfd                    see below (false)
 *
 * Without accents a character is its first part.  That is what is left of it
 * except where it is of several letters, as Hangul syllables are: llama.cpp,
 * which the files without our key were made for, keeps the first letter alone,
 * the makers of the models keep all.
 */
#include "tok/tok.h"

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

struct wpm {
    bool lower;
    bool strip;
    bool full; /* all parts of a character, not the first alone */
};

/* ---- words */

struct work {
    const sov_tok *tok;
    struct sov_buf word; /* the mark, and what has come of a word */
};

static bool
is_chinese(uint32_t cp)
{
    return (cp >= 0x4e00 && cp <= 0x9fff) || (cp >= 0x3400 && cp <= 0x4dbf) ||
           (cp >= 0x20000 && cp <= 0x2a6df) ||
           (cp >= 0x2a700 && cp <= 0x2b73f) ||
           (cp >= 0x2b740 && cp <= 0x2b81f) ||
           (cp >= 0x2b920 && cp <= 0x2ceaf) || (cp >= 0xf900 && cp <= 0xfaff) ||
           (cp >= 0x2f800 && cp <= 0x2fa1f);
}

/* The length of the longest token that word[at, len) begins with; 0: none. */
static size_t
longest(const sov_tok *tok, const unsigned char *word, size_t at, size_t len,
        uint32_t *id)
{
    size_t n = len - at < tok->longest ? len - at : tok->longest;

    for (; n > 0; n--) {
        SOV_STEPS(1);
        if (at + n < len && (word[at + n] & 0xc0) == 0x80)
            continue; /* within a character */
        if (sov_tok_lookup(tok, word + at, n, id))
            break;
    }
    return n;
}

static int
end_word(struct work *w, struct sov_ids *out, struct sov_err *err)
{
    const size_t from = out->n;
    int rc = 0;

    if (w->word.bad)
        return sov_mem_fail(err);
    if (w->word.len == MARK_LEN)
        return 0;
    for (size_t at = 0; at < w->word.len && rc == 0;) {
        uint32_t id;
        size_t n = longest(w->tok, w->word.p, at, w->word.len, &id);

        if (n == 0) {
            out->n = from;
            if (w->tok->unk < 0)
                return sov_fail(err, SOV_EFORMAT,
                                "a word is not in the vocabulary, and there "
                                "is no unknown token");
            rc = sov_ids_add(out, w->tok->unk, err);
            break;
        }
        rc = sov_ids_add(out, (int32_t)id, err);
        at += n;
    }
    w->word.len = MARK_LEN;
    return rc;
}

static int
take(struct work *w, uint32_t cp, struct sov_ids *out, struct sov_err *err)
{
    const struct wpm *own = w->tok->own;
    unsigned c = sov_uclass_of(cp);
    unsigned char utf8[4];
    bool alone;
    int rc = 0;

    if (c & SOV_UC_SPACE)
        return end_word(w, out, err);
    if (cp == 0xfffd || (c & SOV_UC_C) || (own->strip && (c & SOV_UC_M)))
        return 0;
    alone = (c & SOV_UC_P) || (cp < 0x7f && (c & SOV_UC_S)) || is_chinese(cp);
    if (alone)
        rc = end_word(w, out, err);
    if (own->lower)
        cp = sov_normal_lower(cp);
    sov_buf_add(&w->word, utf8, sov_utf8_put(cp, utf8));
    if (alone && rc == 0)
        rc = end_word(w, out, err);
    return rc;
}

static int
take_parts(struct work *w, uint32_t cp, struct sov_ids *out,
           struct sov_err *err)
{
    const struct wpm *own = w->tok->own;
    uint32_t part[SOV_NFD_MAX];
    size_t n;
    int rc = 0;

    if (cp < 0x80 || !own->strip)
        return take(w, cp, out, err);
    n = sov_normal_parts(cp, part);
    for (size_t i = 0; i < (own->full ? n : 1) && rc == 0; i++)
        rc = take(w, part[i], out, err);
    return rc;
}

static void
wpm_done(struct sov_encoder *enc)
{
    struct work *w = enc->work;

    if (w != NULL)
        sov_buf_free(&w->word);
    free(w);
    enc->work = NULL;
}

static int
wpm_encode(struct sov_encoder *enc, const unsigned char *text, size_t len,
           bool first, struct sov_err *err)
{
    struct work *w = enc->work;
    int rc = 0;

    (void)first;
    if (w == NULL) {
        w = enc->work = sov_mem_array(1, sizeof(*w));
        if (w == NULL)
            return sov_mem_fail(err);
        w->tok = enc->tok;
        sov_buf_add(&w->word, MARK, MARK_LEN);
    }
    for (size_t at = 0; at < len && rc == 0;) {
        uint32_t cp;
        size_t n = sov_utf8_step(text + at, len - at, &cp);

        SOV_STEPS(1);
        if (n > 0)
            rc = take_parts(w, cp, &enc->out, err);
        at += n > 0 ? n : 1; /* what is no character is dropped */
    }
    return rc == 0 ? end_word(w, &enc->out, err) : rc;
}

/* ---- loading */

static int
wpm_prepare(sov_tok *tok, const sov_meta *meta, struct sov_err *err)
{
    struct wpm *own = sov_mem_array(1, sizeof(*own));
    int rc;

    if (own == NULL)
        return sov_mem_fail(err);
    tok->own = own;
    own->lower = true;
    rc = sov_meta_bool(meta, KEY "normalizer.lowercase", &own->lower, err);
    own->strip = own->lower;
    if (rc >= 0)
        rc = sov_meta_bool(meta, KEY "normalizer.strip_accents", &own->strip,
                           err);
    if (rc >= 0)
        rc = sov_meta_bool(meta, "sov.tokenizer.full_nfd", &own->full, err);
    return rc < 0 ? rc : 0;
}

static void
wpm_drop(sov_tok *tok)
{
    free(tok->own);
    tok->own = NULL;
}

static size_t
wpm_piece(const sov_tok *tok, int32_t id, unsigned char *out)
{
    return sov_tok_unmark(sov_tok_name(tok, id), out);
}

const struct sov_tokenizer sov_tokenizer_wpm = {
    .name = "bert",
    .bos = 101,
    .eos = -1,
    .unk = 100,
    .sep = 102,
    .add_bos = true,
    .add_sep = true,
    .prepare = wpm_prepare,
    .drop = wpm_drop,
    .piece = wpm_piece,
    .encode = wpm_encode,
    .done = wpm_done,
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dna.c - text with sequences of DNA (tokenizer.ggml.model "hybriddna")
 *
 * Byte-pair encoding of bytes, but what stands between <dna> and </dna> is cut
 * into six letters each, the last ones filled up with A; small letters count as
 * capitals.  A token of six letters is called by them and U+E000, so that it is
 * another one than a word of these letters; six that are not all of ACGT are
 * <oov>.
 *
 * Whether <dna> becomes a token is decided where that is decided for all
 * tokens; where it does not, what follows is text.
 */
#include "tok/bpe.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

#define OPEN     "<dna>"
#define CLOSE    "</dna>"
#define MARK     "\xee\x80\x80"
#define MARK_LEN 3
#define LETTERS  6
#define CODES    4096 /* 4 to the sixth */

struct sov_dna {
    int32_t open;
    int32_t close;
    int32_t oov;
    int32_t id[CODES];
};

static bool
is_marked(struct sov_span name)
{
    return name.len > MARK_LEN &&
           memcmp(name.p + name.len - MARK_LEN, MARK, MARK_LEN) == 0;
}

/* Two bits a letter; -1 if one is not of DNA. */
static int
code_of(const unsigned char *p, size_t n)
{
    int code = 0;

    for (size_t i = 0; i < LETTERS; i++) {
        unsigned c = i < n ? p[i] & ~0x20u : 'A';
        int two = c == 'A' ? 0 : c == 'C' ? 1 : c == 'G' ? 2 : 3;

        if (two == 3 && c != 'T')
            return -1;
        code = code << 2 | two;
    }
    return code;
}

static int
encode_letters(const struct sov_dna *d, const unsigned char *p, size_t len,
               struct sov_ids *out, struct sov_err *err)
{
    int rc = 0;

    for (size_t at = 0; at < len && rc == 0; at += LETTERS) {
        int code = code_of(p + at, len - at);
        int32_t id = code < 0 ? -1 : d->id[code];

        rc = sov_ids_add(out, id < 0 ? d->oov : id, err);
    }
    return rc;
}

/* Where the tag begins, or len; after: what is behind it. */
static size_t
find_tag(const unsigned char *p, size_t at, size_t len, const char *tag,
         size_t *after)
{
    const unsigned char *hit = memmem(p + at, len - at, tag, strlen(tag));

    *after = hit == NULL ? len : (size_t)(hit - p) + strlen(tag);
    return hit == NULL ? len : (size_t)(hit - p);
}

/* Is a tag in a text a token by itself? */
static bool
is_typed(const sov_tok *tok, int32_t id)
{
    return !sov_tok_is_control(tok, id) && tok->type[id] != SOV_TOK_UNKNOWN;
}

static int
dna_encode(struct sov_encoder *enc, const unsigned char *text, size_t len,
           bool first, struct sov_err *err)
{
    const struct sov_bpe *b = enc->tok->own;
    const struct sov_dna *d = b->dna;
    struct sov_ids *out = &enc->out;
    bool inside;
    int rc = 0;

    if (d == NULL)
        return sov_bpe_encode(enc, text, len, first, err);
    inside = out->n > 0 && out->p[out->n - 1] == d->open;
    for (size_t at = 0, after; at < len && rc == 0; at = after) {
        int32_t tag = inside ? d->close : d->open;
        size_t end = len;

        after = len;
        if (is_typed(enc->tok, tag))
            end = find_tag(text, at, len, inside ? CLOSE : OPEN, &after);
        if (inside)
            rc = encode_letters(d, text + at, end - at, out, err);
        else if (end > at)
            rc = sov_bpe_encode(enc, text + at, end - at, first, err);
        if (rc == 0 && end < len)
            rc = sov_ids_add(out, tag, err);
        inside = !inside;
    }
    return rc;
}

/* ---- loading */

void
sov_dna_free(struct sov_dna *d)
{
    free(d);
}

/* Without the three tokens it is plain text. */
static int
dna_prepare(sov_tok *tok, const sov_meta *meta, struct sov_err *err)
{
    struct sov_dna *d;
    struct sov_bpe *b;
    int rc = sov_bpe_load(tok, meta, err);

    if (rc < 0)
        return rc;
    b = tok->own;
    d = sov_mem_array(1, sizeof(*d));
    if (d == NULL)
        return sov_mem_fail(err);
    d->open = sov_tok_find(tok, OPEN, strlen(OPEN));
    d->close = sov_tok_find(tok, CLOSE, strlen(CLOSE));
    d->oov = sov_tok_find(tok, "<oov>", strlen("<oov>"));
    for (size_t i = 0; i < CODES; i++)
        d->id[i] = -1;
    for (size_t i = 0; i < tok->n; i++) {
        struct sov_span name = sov_tok_name(tok, (int32_t)i);
        int code = is_marked(name) && name.len == LETTERS + MARK_LEN
                       ? code_of(name.p, LETTERS)
                       : -1;

        if (code >= 0 && d->id[code] < 0 &&
            !sov_tok_is_control(tok, (int32_t)i))
            d->id[code] = (int32_t)i;
    }
    if (d->open < 0 || d->close < 0 || d->oov < 0)
        free(d);
    else
        b->dna = d;
    return 0;
}

static size_t
dna_piece(const sov_tok *tok, int32_t id, unsigned char *out)
{
    struct sov_span name = sov_tok_name(tok, id);

    if (!is_marked(name))
        return sov_bpe_name(tok, id, out);
    memcpy(out, name.p, name.len - MARK_LEN);
    return name.len - MARK_LEN;
}

static bool
dna_plain(const sov_tok *tok, int32_t id)
{
    return !is_marked(sov_tok_name(tok, id)) && sov_bpe_plain(tok, id);
}

const struct sov_tokenizer sov_tokenizer_hybriddna = {
    .name = "hybriddna",
    .bos = -1,
    .eos = -1,
    .unk = -1,
    .sep = -1,
    .by_piece = true,
    .prepare = dna_prepare,
    .drop = sov_bpe_drop,
    .piece = dna_piece,
    .plain = dna_plain,
    .encode = dna_encode,
    .done = sov_bpe_done,
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bpe.c - byte-level byte-pair encoding (tokenizer.ggml.model "gpt2")
 *
 * A text is cut into pieces (pretok.h), and each piece is merged by itself
 * (bpe_merge.c), if it was not there before (words.h).
 */
#include "tok/bpe.h"

#include "base/mem.h"
#include "tok/normal.h"

#include <stdlib.h>
#include <string.h>

void
sov_bpe_done(struct sov_encoder *enc)
{
    struct sov_bpe_work *w = enc->work;

    if (w == NULL)
        return;
    sov_pieces_free(w->pieces);
    sov_mem_forget(w->words.slot);
    free(w->heap.p);
    free(w->link);
    free(w);
    enc->work = NULL;
}

static int
make_work(struct sov_encoder *enc, struct sov_err *err)
{
    struct sov_bpe_work *w = sov_mem_array(1, sizeof(*w));
    int rc;

    if (w == NULL)
        return sov_mem_fail(err);
    enc->work = w;
    w->tok = enc->tok;
    w->bpe = enc->tok->own;
    rc = sov_words_init(&w->words, enc->len, err);
    if (rc == 0 && sov_pretok_scan(w->bpe->pre) == NULL)
        rc = sov_pieces_new(&w->pieces, w->bpe->pre, err);
    return rc;
}

int
sov_bpe_begin(struct sov_encoder *enc, struct sov_err *err)
{
    return enc->work == NULL ? make_work(enc, err) : 0;
}

/* A piece that no slot holds. */
static int
fresh_piece(struct sov_bpe_work *w, const unsigned char *p, size_t n,
            struct sov_ids *out, struct sov_err *err)
{
    uint32_t id;

    if (w->bpe->whole && sov_tok_lookup(w->tok, p, n, &id) && id < w->tok->n)
        return sov_ids_add(out, (int32_t)id, err);
    return sov_bpe_merge(w, p, n, out, err);
}

static inline int
encode_piece(struct sov_bpe_work *w, const unsigned char *p, size_t n,
             struct sov_ids *out, struct sov_err *err)
{
    struct sov_word *word = sov_words_at(&w->words, p, n);
    size_t from = out->n;
    int rc;

    if (word == NULL)
        return fresh_piece(w, p, n, out, err);
    if (sov_words_get(word, p, n, out, &rc, err))
        return rc;
    rc = fresh_piece(w, p, n, out, err);
    if (rc == 0)
        sov_words_put(word, p, n, out, from);
    return rc;
}

int
sov_bpe_piece(struct sov_bpe_work *w, const unsigned char *p, size_t n,
              struct sov_ids *out, struct sov_err *err)
{
    return encode_piece(w, p, n, out, err);
}

/* By the scanner of the only stage. */
static int
encode_scan(struct sov_bpe_work *w, const unsigned char *text,
            const unsigned char *clean, size_t len, struct sov_ids *out,
            struct sov_err *err)
{
    sov_scan_fn *scan = sov_pretok_scan(w->bpe->pre);
    int rc = 0;

    for (size_t at = 0; at < len && rc == 0;) {
        size_t end = scan(clean, at, len);

        rc = encode_piece(w, text + at, end - at, out, err);
        at = end;
    }
    return rc;
}

static int
encode_stages(struct sov_bpe_work *w, const unsigned char *text,
              const unsigned char *clean, size_t len, struct sov_ids *out,
              struct sov_err *err)
{
    size_t at, end;
    int rc;

    sov_pieces_begin(w->pieces, clean, len);
    while ((rc = sov_pieces_next(w->pieces, &at, &end, err)) == 1) {
        rc = encode_piece(w, text + at, end - at, out, err);
        if (rc < 0)
            return rc;
    }
    return rc;
}

static int
encode_text(struct sov_bpe_work *w, const unsigned char *text, size_t len,
            struct sov_ids *out, struct sov_err *err)
{
    unsigned char *copy;
    const unsigned char *clean;
    int rc = sov_pretok_clean(text, len, &copy, err);

    if (rc < 0)
        return rc;
    clean = copy != NULL ? copy : text;
    rc = w->pieces == NULL ? encode_scan(w, text, clean, len, out, err)
                           : encode_stages(w, text, clean, len, out, err);
    sov_mem_forget(copy);
    return rc;
}

int
sov_bpe_encode(struct sov_encoder *enc, const unsigned char *text, size_t len,
               bool first, struct sov_err *err)
{
    struct sov_bpe_work *w;
    unsigned char *form = NULL;
    int rc = sov_bpe_begin(enc, err);

    (void)first;
    w = enc->work;
    if (rc == 0 && w->bpe->nfc)
        rc = sov_normal_c(text, len, &form, &len, err);
    if (rc == 0)
        rc = encode_text(w, form != NULL ? form : text, len, &enc->out, err);
    sov_mem_forget(form);
    return rc;
}

/* ---- loading */

static bool
literal(const sov_tok *tok, int32_t id)
{
    return tok->type[id] == SOV_TOK_USER;
}

/* What was added to a vocabulary is written as it is. */
size_t
sov_bpe_name(const sov_tok *tok, int32_t id, unsigned char *out)
{
    struct sov_span name = sov_tok_name(tok, id);
    size_t n;

    if (tok->type[id] == SOV_TOK_BYTE) {
        int byte = sov_tok_byte(name.p, name.len);

        if (byte >= 0) {
            out[0] = (unsigned char)byte;
            return 1;
        }
    }
    if (!literal(tok, id) && sov_bpe_bytes(name, out, &n))
        return n;
    if (name.len > 0)
        memcpy(out, name.p, name.len);
    return name.len;
}

/*
 * A name that spells no bytes is its own piece.  One that does is longer than
 * its piece, or is all of characters that spell themselves.
 */
bool
sov_bpe_plain(const sov_tok *tok, int32_t id)
{
    struct sov_span name = sov_tok_name(tok, id);

    if (literal(tok, id))
        return false;
    if (sov_tok_piece(tok, id).len < name.len)
        return true;
    for (size_t i = 0; i < name.len; i++)
        if (name.p[i] < 0x21 || name.p[i] > 0x7e)
            return false;
    return true;
}

const struct sov_tokenizer sov_tokenizer_bpe = {
    .name = "gpt2",
    .other = sov_raw_kind,
    .bos = -1,
    .eos = -1,
    .unk = -1,
    .sep = -1,
    .by_piece = true,
    .prepare = sov_bpe_load,
    .drop = sov_bpe_drop,
    .piece = sov_bpe_name,
    .plain = sov_bpe_plain,
    .encode = sov_bpe_encode,
    .done = sov_bpe_done,
};

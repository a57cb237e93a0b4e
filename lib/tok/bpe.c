/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bpe.c - byte-level byte-pair encoding (tokenizer.ggml.model "gpt2")
 *
 * A text is cut into pieces (pretok.h), and each piece is merged by itself
 * (bpe_merge.c).  The pieces of a text repeat, so those that are short are
 * kept with their ids for as long as the text lasts, each in the one slot that
 * its hash gives it: the memory is fixed, and what is put out of its slot is
 * only merged again.
 */
#include "tok/bpe.h"

#include "base/mem.h"
#include "tok/normal.h"

#include <stdlib.h>
#include <string.h>

#define WORD_LEN  24
#define WORD_IDS  8
#define WORDS_MAX 8192 /* slots */

struct sov_bpe_word {
    uint8_t len; /* 0: empty */
    uint8_t n;
    unsigned char text[WORD_LEN];
    int32_t id[WORD_IDS];
};

/* One slot for 16 bytes of text, within limits; short texts need none. */
static int
make_words(struct sov_bpe_work *w, size_t len, struct sov_err *err)
{
    size_t n = 64;

    if (len < 1024)
        return 0;
    while (n < WORDS_MAX && n * 16 < len)
        n *= 2;
    w->word = sov_mem_array(n, sizeof(*w->word));
    if (w->word == NULL)
        return sov_mem_fail(err);
    w->word_mask = n - 1;
    return 0;
}

void
sov_bpe_done(struct sov_encoder *enc)
{
    struct sov_bpe_work *w = enc->work;

    if (w == NULL)
        return;
    sov_pieces_free(w->pieces);
    free(w->word);
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
    rc = make_words(w, enc->len, err);
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

static inline bool
same(const unsigned char *a, const unsigned char *b, size_t n)
{
    uint64_t x, y;

    if (n < 8) {
        for (size_t i = 0; i < n; i++)
            if (a[i] != b[i])
                return false;
        return true;
    }
    for (size_t i = 0; i + 8 < n; i += 8) {
        memcpy(&x, a + i, 8);
        memcpy(&y, b + i, 8);
        if (x != y)
            return false;
    }
    memcpy(&x, a + n - 8, 8);
    memcpy(&y, b + n - 8, 8);
    return x == y;
}

static inline int
encode_piece(struct sov_bpe_work *w, const unsigned char *p, size_t n,
             struct sov_ids *out, struct sov_err *err)
{
    struct sov_bpe_word *word;
    size_t from = out->n;
    int rc;

    if (n > WORD_LEN || w->word == NULL)
        return fresh_piece(w, p, n, out, err);
    word = &w->word[sov_vmap_hash(w->bpe->key, p, n) & w->word_mask];
    if (word->len == n && same(word->text, p, n)) {
        for (unsigned i = 0; i < word->n; i++)
            if (sov_ids_add(out, word->id[i], err) < 0)
                return SOV_EMEM;
        return 0;
    }
    rc = fresh_piece(w, p, n, out, err);
    if (rc == 0 && out->n - from <= WORD_IDS) {
        word->len = (uint8_t)n;
        word->n = (uint8_t)(out->n - from);
        memcpy(word->text, p, n);
        memcpy(word->id, out->p + from, word->n * sizeof(*out->p));
    }
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
    free(copy);
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
    free(form);
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

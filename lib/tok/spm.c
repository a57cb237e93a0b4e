/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spm.c - SentencePiece byte-pair encoding (tokenizer.ggml.model "llama")
 *
 * T. Kudo, J. Richardson, "SentencePiece", EMNLP 2018; R. Sennrich et al.,
 * "Neural Machine Translation of Rare Words with Subword Units", ACL 2016.
 *
 * A space is written as U+2581 (three bytes), and a text begins with one that
 * nobody typed.  The text is cut into characters; then, again and again, the
 * pair of neighbours whose union is the token with the highest score becomes
 * one symbol, the leftmost of equals first.  What is no token in the end is
 * spelled in byte tokens.
 *
 * The candidates stand in a heap: n characters make at most n - 1 unions, each
 * brings at most two new candidates, so the work is n log n whatever the text
 * is.  Most vocabularies hold no token that goes on over the beginning of a
 * word (word_bound); then each word is encoded by itself, to the same result,
 * in a scratch space as large as the longest word, if it was not there before
 * (words.h).
 *
 * Bytes that are not UTF-8 are characters of one byte, so decoding gives them
 * back.
 */
#include "tok/tok.h"

#include "base/mem.h"
#include "base/text.h"
#include "tok/words.h"
#include "tok/work.h"

#include <stdlib.h>
#include <string.h>

#define MARK     "\xe2\x96\x81"
#define MARK_LEN 3

struct symbol {
    uint32_t off;  /* in the text */
    uint32_t len;  /* 0: was joined to the one before */
    uint32_t prev; /* NONE at the ends */
    uint32_t next;
};

#define NONE UINT32_MAX

struct pair {
    float score;
    uint32_t left;
    uint32_t right;
    uint32_t len; /* of both when it was put here */
};

/* Scratch of one text, used for word after word. */
struct work {
    const sov_tok *tok;
    struct sov_words words;
    const unsigned char *text;
    struct symbol *sym;
    size_t sym_cap;
    struct pair *heap;
    size_t n;
    size_t heap_cap;
};

/* ---- the heap */

static bool
before(const struct pair *a, const struct pair *b)
{
    return a->score > b->score || (a->score == b->score && a->left < b->left);
}

static int
push(struct work *w, struct pair p, struct sov_err *err)
{
    size_t i = w->n;

    if (w->n == w->heap_cap) {
        int rc = sov_mem_grow((void **)&w->heap, w->n, &w->heap_cap,
                              sizeof(*w->heap), err);
        if (rc < 0)
            return rc;
    }
    w->n++;
    while (i > 0 && before(&p, &w->heap[(i - 1) / 2])) {
        SOV_STEPS(1);
        w->heap[i] = w->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    w->heap[i] = p;
    return 0;
}

static struct pair
pop(struct work *w)
{
    struct pair top = w->heap[0];
    struct pair last = w->heap[--w->n];
    size_t i = 0;

    for (;;) {
        size_t k = 2 * i + 1;

        SOV_STEPS(1);
        if (k >= w->n)
            break;
        if (k + 1 < w->n && before(&w->heap[k + 1], &w->heap[k]))
            k++;
        if (!before(&w->heap[k], &last))
            break;
        w->heap[i] = w->heap[k];
        i = k;
    }
    w->heap[i] = last;
    return top;
}

/* ---- one word */

/* If left and its neighbour together are a token, make them a candidate. */
static int
consider(struct work *w, uint32_t left, uint32_t right, struct sov_err *err)
{
    const struct symbol *s = w->sym;
    uint32_t id;
    size_t len;

    if (left == NONE || right == NONE)
        return 0;
    len = (size_t)s[left].len + s[right].len;
    if (len > w->tok->longest ||
        !sov_tok_lookup(w->tok, w->text + s[left].off, len, &id))
        return 0;
    return push(
        w, (struct pair){ w->tok->score[id], left, right, (uint32_t)len }, err);
}

/* Cut text[at, end) into characters; their number in *n. */
static int
split(struct work *w, size_t at, size_t end, size_t *n, struct sov_err *err)
{
    *n = 0;
    while (at < end) {
        uint32_t cp;
        size_t len = sov_utf8_step(w->text + at, end - at, &cp);

        SOV_STEPS(1);
        if (*n == w->sym_cap) {
            int rc = sov_mem_grow((void **)&w->sym, *n, &w->sym_cap,
                                  sizeof(*w->sym), err);
            if (rc < 0)
                return rc;
        }
        if (len == 0)
            len = 1;
        w->sym[*n] = (struct symbol){ (uint32_t)at, (uint32_t)len,
                                      *n == 0 ? NONE : (uint32_t)*n - 1,
                                      (uint32_t)*n + 1 };
        at += len;
        ++*n;
    }
    if (*n > 0)
        w->sym[*n - 1].next = NONE;
    return 0;
}

static int
join(struct work *w, const struct pair *p, struct sov_err *err)
{
    struct symbol *left = &w->sym[p->left];
    struct symbol *right = &w->sym[p->right];
    int rc;

    /* one of them has been joined to something else since */
    if (left->len == 0 || right->len == 0 || left->len + right->len != p->len)
        return 0;
    left->len = p->len;
    right->len = 0;
    left->next = right->next;
    if (right->next != NONE)
        w->sym[right->next].prev = p->left;
    rc = consider(w, left->prev, p->left, err);
    if (rc == 0)
        rc = consider(w, p->left, left->next, err);
    return rc;
}

/* A symbol as a token, or byte by byte. */
static int
emit(struct work *w, const struct symbol *s, struct sov_ids *out,
     struct sov_err *err)
{
    uint32_t id;
    int rc = 0;

    if (sov_tok_lookup(w->tok, w->text + s->off, s->len, &id))
        return sov_ids_add(out, (int32_t)id, err);
    for (uint32_t i = 0; i < s->len && rc == 0; i++) {
        unsigned byte = w->text[s->off + i];
        int32_t t = w->tok->byte_id[byte];

        if (t < 0)
            t = w->tok->unk;
        if (t < 0)
            return sov_fail(err, SOV_EFORMAT,
                            "the vocabulary has no token for the byte 0x%02x",
                            byte);
        rc = sov_ids_add(out, t, err);
    }
    return rc;
}

static int
encode_word(struct work *w, size_t at, size_t end, struct sov_ids *out,
            struct sov_err *err)
{
    struct symbol whole = { (uint32_t)at, (uint32_t)(end - at), NONE, NONE };
    size_t n;
    int rc;

    w->n = 0;
    rc = split(w, at, end, &n, err);
    if (rc == 0 && n == 1)
        return emit(w, &whole, out, err);
    for (size_t i = 1; i < n && rc == 0; i++)
        rc = consider(w, (uint32_t)i - 1, (uint32_t)i, err);
    while (w->n > 0 && rc == 0) {
        struct pair p = pop(w);

        rc = join(w, &p, err);
    }
    for (uint32_t i = 0; rc == 0 && n > 0 && i != NONE; i = w->sym[i].next)
        rc = emit(w, &w->sym[i], out, err);
    return rc;
}

/* ---- a text */

static bool
is_mark(const unsigned char *text, size_t at, size_t len)
{
    return len - at >= MARK_LEN && memcmp(text + at, MARK, MARK_LEN) == 0;
}

/* Where the word that begins at at ends: marks, then anything else. */
static size_t
word_end(const unsigned char *text, size_t at, size_t len)
{
    while (at < len && is_mark(text, at, len))
        at += MARK_LEN;
    while (at < len && !is_mark(text, at, len)) {
        const unsigned char *p =
            memchr(text + at + 1, MARK[0] & 0xff, len - at - 1);

        at = p == NULL ? len : (size_t)(p - text);
    }
    return at;
}

/* Spaces as marks, and the one in front. */
static unsigned char *
mark_spaces(const unsigned char *text, size_t len, bool prefix, size_t *n)
{
    size_t size = len + (prefix ? MARK_LEN : 0);
    unsigned char *out;
    size_t at = 0;

    for (size_t i = 0; i < len; i++)
        size += text[i] == ' ' ? MARK_LEN - 1 : 0;
    out = sov_mem_array(size, 1);
    if (out == NULL)
        return NULL;
    if (prefix) {
        memcpy(out, MARK, MARK_LEN);
        at = MARK_LEN;
    }
    for (size_t i = 0; i < len; i++) {
        if (text[i] == ' ') {
            memcpy(out + at, MARK, MARK_LEN);
            at += MARK_LEN;
        } else {
            out[at++] = text[i];
        }
    }
    *n = size;
    return out;
}

static int
make_work(struct sov_encoder *enc, struct sov_err *err)
{
    struct work *w = sov_mem_array(1, sizeof(*w));

    if (w == NULL)
        return sov_mem_fail(err);
    enc->work = w;
    w->tok = enc->tok;
    return enc->tok->word_bound ? sov_words_init(&w->words, enc->len, err) : 0;
}

static void
spm_done(struct sov_encoder *enc)
{
    struct work *w = enc->work;

    if (w == NULL)
        return;
    sov_mem_forget(w->words.slot);
    free(w->sym);
    free(w->heap);
    free(w);
    enc->work = NULL;
}

/* One word, or all of a text. */
static int
encode_part(struct work *w, size_t at, size_t end, struct sov_ids *out,
            struct sov_err *err)
{
    const unsigned char *p = w->text + at;
    struct sov_word *word = sov_words_at(&w->words, p, end - at);
    size_t from = out->n;
    int rc;

    if (word == NULL)
        return encode_word(w, at, end, out, err);
    if (sov_words_get(word, p, end - at, out, &rc, err))
        return rc;
    rc = encode_word(w, at, end, out, err);
    if (rc == 0)
        sov_words_put(word, p, end - at, out, from);
    return rc;
}

static int
spm_encode(struct sov_encoder *enc, const unsigned char *text, size_t len,
           bool first, struct sov_err *err)
{
    const sov_tok *tok = enc->tok;
    unsigned char *marked;
    struct work *w;
    size_t n = 0;
    int rc = enc->work == NULL ? make_work(enc, err) : 0;

    if (rc < 0)
        return rc;
    marked = mark_spaces(text, len, tok->add_space && first, &n);
    if (marked == NULL)
        return sov_mem_fail(err);
    w = enc->work;
    w->text = marked;
    for (size_t at = 0; at < n && rc == 0;) {
        size_t end = tok->word_bound ? word_end(marked, at, n) : n;

        rc = encode_part(w, at, end, &enc->out, err);
        at = end;
    }
    w->text = NULL;
    sov_mem_forget(marked);
    return rc;
}

/* ---- loading */

/* Does a word begin inside of the name: a mark after something else? */
static bool
spans_words(const unsigned char *name, size_t len)
{
    return len > 0 && word_end(name, 0, len) < len;
}

static int
spm_prepare(sov_tok *tok, const sov_meta *meta, struct sov_err *err)
{
    if (sov_meta_find(meta, "tokenizer.ggml.scores") == NULL)
        return sov_fail(err, SOV_EFORMAT, "tokenizer.ggml.scores is missing");
    tok->word_bound = true;
    for (int b = 0; b < 256; b++)
        tok->byte_id[b] = -1;
    for (size_t i = 0; i < tok->n; i++) {
        struct sov_span name = sov_tok_name(tok, (int32_t)i);
        int byte = sov_tok_byte(name.p, name.len);

        if (tok->type[i] != SOV_TOK_BYTE) {
            if (spans_words(name.p, name.len))
                tok->word_bound = false;
            continue;
        }
        if (byte < 0)
            return sov_fail(err, SOV_EFORMAT,
                            "token %zu is a byte and not called <0xXX>", i);
        if (tok->byte_id[byte] < 0 && !sov_tok_is_control(tok, (int32_t)i))
            tok->byte_id[byte] = (int32_t)i;
    }
    for (int b = 0; b < 128; b++) { /* a vocabulary without byte tokens */
        unsigned char c = (unsigned char)b;
        uint32_t id;

        if (tok->byte_id[b] < 0 && sov_tok_lookup(tok, &c, 1, &id))
            tok->byte_id[b] = (int32_t)id;
    }
    return 0;
}

static size_t
spm_piece(const sov_tok *tok, int32_t id, unsigned char *out)
{
    return sov_tok_piece_of(tok, id, true, out);
}

const struct sov_tokenizer sov_tokenizer_spm = {
    .name = "llama",
    .bos = 1,
    .eos = 2,
    .unk = 0,
    .sep = -1,
    .add_bos = true,
    .add_eos = false,
    .add_space = true,
    .prepare = spm_prepare,
    .piece = spm_piece,
    .encode = spm_encode,
    .done = spm_done,
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tokens.c - all documents as one stream of tokens
 *
 * Texts wait in batch until there are enough of them to be encoded by all
 * threads; their ids are put behind each other in their order.  The stream is
 * in ids, little-endian, and what is too much of it in a file; once it has
 * ended, base is where all of it lies.
 */
#include "distill/tokens.h"

#include "base/buf.h"
#include "base/le.h"
#include "base/mem.h"
#include "distill/limits.h"
#include "sys/file.h"
#include "sys/par.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BATCH       ((size_t)4 << 20) /* bytes of texts that wait */
#define BATCH_TEXTS 1024
#define MEMORY      ((size_t)64 << 20) /* bytes of ids */

struct text {
    size_t at, len; /* of the batch */
    bool begins, ends;
    int32_t *ids; /* owned */
    size_t n;
    int rc;
    struct sov_err err;
};

struct sov_tokens {
    const sov_tok *tok;
    int32_t eos; /* put behind each document; -1: none */
    bool wide;   /* four bytes an id */
    struct sov_buf batch;
    struct text *text; /* [BATCH_TEXTS] */
    size_t n_text;
    struct sov_buf ids;
    size_t memory; /* bytes of them at most */
    int fd;        /* -1: all is in memory */
    uint64_t spooled;
    const unsigned char *base;
    void *map;
    uint64_t count, docs, bytes;
    uint64_t *doc; /* where they begin, and at last the end */
    size_t cap_doc;
    sov_hasher *of_ids, *of_texts;
    struct sov_digest ids_digest, texts_digest;
};

int
sov_tokens_new(sov_tokens **tokens, const sov_tok *tok, struct sov_err *err)
{
    sov_tokens *t = sov_mem_array(1, sizeof(*t));
    int rc;

    *tokens = NULL;
    if (t == NULL)
        return sov_mem_fail(err);
    t->tok = tok;
    t->fd = -1;
    t->memory = MEMORY;
    t->eos = sov_tok_eos(tok);
    if (sov_tok_adds_bos(tok) && t->eos == sov_tok_bos(tok))
        t->eos = -1;
    t->wide = sov_tok_count(tok) > 65536;
    t->text = sov_mem_array(BATCH_TEXTS, sizeof(*t->text));
    rc = t->text == NULL ? sov_mem_fail(err)
                         : sov_hasher_new(&t->of_ids, SOV_HASH_SHA256, err);
    if (rc == 0)
        rc = sov_hasher_new(&t->of_texts, SOV_HASH_SHA256, err);
    if (rc < 0) {
        sov_tokens_free(t);
        return rc;
    }
    *tokens = t;
    return 0;
}

static void
forget_texts(sov_tokens *t)
{
    for (size_t i = 0; i < t->n_text; i++)
        free(t->text[i].ids);
    t->n_text = 0;
    t->batch.len = 0;
}

void
sov_tokens_free(sov_tokens *t)
{
    if (t == NULL)
        return;
    forget_texts(t);
    free(t->text);
    if (t->map != NULL)
        sov_file_unmap(t->map, t->spooled);
    if (t->fd >= 0)
        close(t->fd);
    sov_buf_free(&t->batch);
    sov_buf_free(&t->ids);
    free(t->doc);
    sov_hasher_free(t->of_ids);
    sov_hasher_free(t->of_texts);
    free(t);
}

void
sov_tokens_memory(sov_tokens *t, size_t bytes)
{
    t->memory = bytes;
}

/* ---- putting ids down ---- */

static int
spool(sov_tokens *t, struct sov_err *err)
{
    int rc = 0;

    if (t->fd < 0)
        rc = sov_file_nameless(&t->fd, err);
    if (rc == 0)
        rc = sov_file_append(t->fd, t->ids.p, t->ids.len, err);
    if (rc < 0)
        return rc;
    t->spooled += t->ids.len;
    t->ids.len = 0;
    return 0;
}

static int
put_ids(sov_tokens *t, const int32_t *ids, size_t n, struct sov_err *err)
{
    unsigned char four[4096];
    int rc = 0;

    for (size_t i = 0; i < n && rc == 0;) {
        size_t k = 0;

        for (; k + 4 <= sizeof(four) && i < n; k += 4, i++) {
            sov_put32(four + k, (uint32_t)ids[i]);
            if (t->wide)
                sov_buf_u32(&t->ids, (uint32_t)ids[i]);
            else
                sov_buf_u16(&t->ids, (uint16_t)ids[i]);
        }
        rc = sov_hasher_update(t->of_ids, four, k, err);
    }
    if (rc == 0 && t->ids.bad)
        return sov_mem_fail(err);
    t->count += n;
    return rc == 0 && t->ids.len >= t->memory ? spool(t, err) : rc;
}

static int
put_doc(sov_tokens *t, struct sov_err *err)
{
    int rc = sov_mem_grow((void **)&t->doc, (size_t)t->docs, &t->cap_doc,
                          sizeof(*t->doc), err);

    if (rc == 0)
        t->doc[t->docs++] = t->count;
    return rc;
}

static int
put_text(sov_tokens *t, struct text *x, struct sov_err *err)
{
    int rc = 0;

    if (x->rc < 0) {
        if (err != NULL)
            *err = x->err;
        return x->rc;
    }
    if (x->begins && t->docs == SOV_TEXTS_DOCS)
        rc = sov_fail(err, SOV_EFORMAT, "more than %" PRIu64 " documents",
                      SOV_TEXTS_DOCS);
    else if (x->begins)
        rc = put_doc(t, err);
    if (rc == 0)
        rc = put_ids(t, x->ids, x->n, err);
    if (rc == 0 && x->ends && t->eos >= 0)
        rc = put_ids(t, &t->eos, 1, err);
    return rc;
}

/* ---- taking texts in ---- */

static void
encode(void *arg, size_t first, size_t last, unsigned worker)
{
    sov_tokens *t = arg;

    (void)worker;
    for (size_t i = first; i < last; i++) {
        struct text *x = &t->text[i];

        x->rc = sov_tok_encode(t->tok, (const char *)t->batch.p + x->at, x->len,
                               x->begins ? SOV_TOK_BOS : SOV_TOK_PLAIN, &x->ids,
                               &x->n, &x->err);
    }
}

static int
flush(sov_tokens *t, struct sov_err *err)
{
    int rc = 0;

    if (t->n_text == 0)
        return 0;
    sov_par_for(t->n_text, 1, encode, t);
    for (size_t i = 0; i < t->n_text && rc == 0; i++)
        rc = put_text(t, &t->text[i], err);
    forget_texts(t);
    return rc;
}

int
sov_tokens_add(sov_tokens *t, struct sov_span text, bool begins, bool ends,
               struct sov_err *err)
{
    unsigned char len[8];
    int rc = 0;

    if (t->n_text == BATCH_TEXTS || t->batch.len >= BATCH)
        rc = flush(t, err);
    sov_put64(len, text.len);
    if (rc == 0)
        rc = sov_hasher_update(t->of_texts, len, sizeof(len), err);
    if (rc == 0)
        rc = sov_hasher_update(t->of_texts, text.p, text.len, err);
    if (rc < 0)
        return rc;
    t->text[t->n_text++] = (struct text){
        .at = t->batch.len,
        .len = text.len,
        .begins = begins,
        .ends = ends,
    };
    sov_buf_add(&t->batch, text.p, text.len);
    t->bytes += text.len;
    return t->batch.bad ? sov_mem_fail(err) : 0;
}

/* Where all of the stream lies. */
static int
settle(sov_tokens *t, struct sov_err *err)
{
    struct sov_file f = { .fd = t->fd, .regular = true, .scratch = true };
    const void *map;
    int rc;

    t->base = t->ids.p;
    if (t->fd < 0)
        return 0;
    rc = spool(t, err);
    f.size = t->spooled;
    if (rc == 0)
        rc = sov_file_map(&f, &map, err);
    if (rc < 0)
        return rc;
    t->base = map;
    t->map = (void *)(uintptr_t)map;
    return 0;
}

int
sov_tokens_end(sov_tokens *t, struct sov_err *err)
{
    int rc = flush(t, err);

    if (rc == 0)
        rc = put_doc(t, err);
    if (rc == 0)
        t->docs--; /* that was the end */
    if (rc == 0)
        rc = settle(t, err);
    if (rc == 0)
        rc = sov_hasher_final(t->of_ids, &t->ids_digest, err);
    if (rc == 0)
        rc = sov_hasher_final(t->of_texts, &t->texts_digest, err);
    return rc;
}

/* ---- what there is ---- */

uint64_t
sov_tokens_count(const sov_tokens *t)
{
    return t->count;
}

uint64_t
sov_tokens_docs(const sov_tokens *t)
{
    return t->docs;
}

uint64_t
sov_tokens_bytes(const sov_tokens *t)
{
    return t->bytes;
}

uint64_t
sov_tokens_doc(const sov_tokens *t, uint64_t i)
{
    return t->doc[i];
}

void
sov_tokens_get(const sov_tokens *t, uint64_t at, size_t n, int32_t *ids)
{
    for (size_t i = 0; i < n; i++)
        ids[i] = t->wide ? (int32_t)sov_le32(t->base + 4 * (at + i))
                         : (int32_t)sov_le16(t->base + 2 * (at + i));
}

uint64_t
sov_tokens_text(const sov_tokens *t, const int32_t *ids, size_t n)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += sov_tok_piece(t->tok, ids[i]).len;
    return sum;
}

const unsigned char *
sov_tokens_digest(const sov_tokens *t)
{
    return t->ids_digest.sha256;
}

const unsigned char *
sov_tokens_texts_digest(const sov_tokens *t)
{
    return t->texts_digest.sha256;
}

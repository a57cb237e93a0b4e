/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spm_write.c - the file tokenizer.model of SentencePiece, written
 *
 * The fields are those that spm_model.c reads, and two that others want: the
 * number of tokens (2.4), and that unknown characters fall back to bytes
 * (2.35) where there are tokens for bytes.
 */
#include "tok/spm_model.h"

#include "tok/tok.h"

#include <string.h>

#define KIND_BPE 2

static void
put_varint(struct sov_buf *b, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        sov_buf_u8(b, (uint8_t)(v | 0x80));
    sov_buf_u8(b, (uint8_t)v);
}

static void
put_tag(struct sov_buf *b, uint64_t number, unsigned wire)
{
    put_varint(b, number << 3 | wire);
}

static void
put_number(struct sov_buf *b, uint64_t number, int64_t v)
{
    put_tag(b, number, 0);
    put_varint(b, (uint64_t)v);
}

static void
put_bytes(struct sov_buf *b, uint64_t number, const void *p, size_t len)
{
    put_tag(b, number, 2);
    put_varint(b, len);
    sov_buf_add(b, p, len);
}

static void
put_message(struct sov_buf *b, uint64_t number, struct sov_buf *inner)
{
    put_bytes(b, number, inner->p, inner->len);
    b->bad = b->bad || inner->bad;
    inner->len = 0;
}

/* Symbols of the user are normal here: see read_token() in spm_model.c. */
static void
put_token(struct sov_buf *b, const struct sov_spm_token *t)
{
    uint8_t type = t->type == SOV_TOK_USER ? SOV_TOK_NORMAL : t->type;

    put_bytes(b, 1, t->text.p, t->text.len);
    put_tag(b, 2, 5);
    sov_buf_f32(b, t->score);
    if (type != SOV_TOK_NORMAL)
        put_number(b, 3, type);
}

static void
put_trainer(const struct sov_spm *spm, struct sov_buf *b)
{
    const int64_t ids[] = { spm->unk, spm->bos, spm->eos, spm->pad };
    bool bytes = false;

    for (size_t i = 0; i < spm->n && !bytes; i++)
        bytes = spm->token[i].type == SOV_TOK_BYTE;
    put_number(b, 3, KIND_BPE);
    put_number(b, 4, (int64_t)spm->n);
    put_number(b, 35, bytes);
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
        put_number(b, 40 + i, ids[i] < (int64_t)spm->n ? ids[i] : -1);
}

void
sov_spm_write(const struct sov_spm *spm, struct sov_buf *b)
{
    struct sov_buf inner = { 0 };

    for (size_t i = 0; i < spm->n; i++) {
        put_token(&inner, &spm->token[i]);
        put_message(b, 1, &inner);
    }
    put_trainer(spm, &inner);
    put_message(b, 2, &inner);
    put_bytes(&inner, 1, "identity", strlen("identity"));
    put_number(&inner, 3, spm->add_prefix);
    put_number(&inner, 4, 0);
    put_message(b, 3, &inner);
    sov_buf_free(&inner);
}

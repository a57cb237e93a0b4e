/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spm_model.c - the file tokenizer.model of SentencePiece
 *
 * A protocol buffer: a sequence of fields, each a varint with the number and
 * the wire type (number << 3 | type), then
 *
 *   type 0   a varint             type 2   a varint length, so many bytes
 *   type 1   8 bytes              type 5   4 bytes
 *
 * What is read of it:
 *
 *   1  token, as often as there are tokens
 *        1 text    2 score (f32, 0)    3 type (1, normal)
 *   2  trainer
 *        3 kind (1 unigram, 2 byte-pair encoding, 3 word, 4 character)
 *        40 unk (0)    41 bos (1)    42 eos (2)    43 pad (-1)
 *   3  normalizer
 *        1 name    3 space in front (true)    4 squeeze spaces (true)
 *
 * Everything else is skipped.  Of a field that comes twice the last counts, as
 * protocol buffers have it.
 */
#include "tok/spm_model.h"

#include "base/buf.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/rd.h"
#include "tok/tok.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY       "tokenizer.ggml."
#define KIND_BPE  2
#define PAD_SCORE (-10000.0f)

struct field {
    uint64_t number;
    unsigned wire;
    uint64_t num;         /* wire types 0, 1 and 5 */
    struct sov_span span; /* wire type 2 */
};

static uint64_t
varint(struct sov_rd *rd)
{
    uint64_t v = 0;

    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t b = sov_rd_u8(rd);

        if (shift == 63 && b > 1)
            break;
        v |= (uint64_t)(b & 0x7f) << shift;
        if (b < 0x80)
            return v;
    }
    rd->bad = true; /* more than 64 bits */
    return 0;
}

/* The next field; false at the end, and when rd.bad is set. */
static bool
next_field(struct sov_rd *rd, struct field *f)
{
    uint64_t tag;

    memset(f, 0, sizeof(*f));
    if (rd->bad || rd->left.len == 0)
        return false;
    tag = varint(rd);
    f->number = tag >> 3;
    f->wire = tag & 7;
    switch (f->wire) {
    case 0:
        f->num = varint(rd);
        break;
    case 1:
        f->num = sov_rd_u64(rd);
        break;
    case 2:
        f->span = sov_rd_bytes(rd, varint(rd));
        break;
    case 5:
        f->num = sov_rd_u32(rd);
        break;
    default:
        rd->bad = true;
    }
    if (f->number == 0)
        rd->bad = true;
    return !rd->bad;
}

static bool
is(const struct field *f, uint64_t number, unsigned wire)
{
    return f->number == number && f->wire == wire;
}

static int
bad_message(const char *what, struct sov_err *err)
{
    return sov_fail(err, SOV_EFORMAT, "%s is not a valid protocol buffer",
                    what);
}

static int
read_token(struct sov_spm *spm, struct sov_span in, struct sov_err *err)
{
    struct sov_spm_token t = { { NULL, 0 }, 0.0f, SOV_TOK_NORMAL };
    struct sov_rd rd = sov_rd_over(in.p, in.len);
    struct field f;
    uint64_t type = SOV_TOK_NORMAL;

    while (next_field(&rd, &f)) {
        if (is(&f, 1, 2)) {
            t.text = f.span;
        } else if (is(&f, 2, 5)) {
            uint32_t u = (uint32_t)f.num;

            memcpy(&t.score, &u, sizeof(u));
        } else if (is(&f, 3, 0)) {
            type = f.num;
        }
    }
    if (rd.bad)
        return bad_message("a token", err);
    if (type < SOV_TOK_NORMAL || type > SOV_TOK_BYTE)
        return sov_fail(err, SOV_EFORMAT, "token %zu has the type %llu", spm->n,
                        (unsigned long long)type);
    if (isnan(t.score))
        return sov_fail(err, SOV_EFORMAT,
                        "the score of token %zu is not a number", spm->n);
    if (spm->n >= SOV_VOCAB_MAX)
        return sov_fail(err, SOV_EFORMAT, "more than %llu tokens",
                        (unsigned long long)SOV_VOCAB_MAX);
    /*
     * Symbols that the trainer was told to keep whole are called normal in
     * all published GGUF files of such models, and so they are here.
     */
    t.type = type == SOV_TOK_USER ? SOV_TOK_NORMAL : (uint8_t)type;
    if (spm->n == spm->cap) {
        int rc = sov_mem_grow((void **)&spm->token, spm->n, &spm->cap,
                              sizeof(*spm->token), err);
        if (rc < 0)
            return rc;
    }
    spm->token[spm->n++] = t;
    return 0;
}

static int
read_trainer(struct sov_spm *spm, struct sov_span in, uint64_t *kind,
             struct sov_err *err)
{
    struct sov_rd rd = sov_rd_over(in.p, in.len);
    struct field f;

    while (next_field(&rd, &f)) {
        if (f.wire != 0)
            continue;
        if (f.number == 3)
            *kind = f.num;
        else if (f.number == 40)
            spm->unk = (int32_t)f.num;
        else if (f.number == 41)
            spm->bos = (int32_t)f.num;
        else if (f.number == 42)
            spm->eos = (int32_t)f.num;
        else if (f.number == 43)
            spm->pad = (int32_t)f.num;
    }
    return rd.bad ? bad_message("the trainer's part", err) : 0;
}

static int
read_normalizer(struct sov_spm *spm, struct sov_span in, struct sov_err *err)
{
    struct sov_rd rd = sov_rd_over(in.p, in.len);
    struct field f;

    while (next_field(&rd, &f)) {
        if (is(&f, 1, 2))
            spm->rules = f.span;
        else if (is(&f, 3, 0))
            spm->add_prefix = f.num != 0;
        else if (is(&f, 4, 0))
            spm->squeeze = f.num != 0;
    }
    return rd.bad ? bad_message("the normalizer's part", err) : 0;
}

static int
check_id(const struct sov_spm *spm, const char *what, int64_t id,
         struct sov_err *err)
{
    if (id >= -1 && (id < 0 || (uint64_t)id < spm->n))
        return 0;
    return sov_fail(err, SOV_EFORMAT,
                    "the id of %s is %lld, there are %zu tokens", what,
                    (long long)id, spm->n);
}

static int
check(const struct sov_spm *spm, uint64_t kind, struct sov_err *err)
{
    static const char *const names[] = { "unigram", "byte-pair encoding",
                                         "word", "character" };
    int rc;

    if (spm->n == 0)
        return sov_fail(err, SOV_EFORMAT, "no tokens");
    if (kind != KIND_BPE)
        return sov_fail(err, SOV_EUNSUP,
                        "SentencePiece models of the kind %s are not "
                        "supported, only byte-pair encoding",
                        kind >= 1 && kind <= 4 ? names[kind - 1] : "unknown");
    rc = check_id(spm, "unk", spm->unk, err);
    if (rc == 0)
        rc = check_id(spm, "bos", spm->bos, err);
    if (rc == 0)
        rc = check_id(spm, "eos", spm->eos, err);
    if (rc == 0)
        rc = check_id(spm, "pad", spm->pad, err);
    return rc;
}

int
sov_spm_read(struct sov_spm *spm, const void *p, size_t len,
             struct sov_err *err)
{
    struct sov_rd rd = sov_rd_over(p, len);
    struct field f;
    uint64_t kind = 1;
    int rc = 0;

    *spm = (struct sov_spm){
        .bos = 1, .eos = 2, .pad = -1, .add_prefix = true, .squeeze = true
    };
    while (rc == 0 && next_field(&rd, &f)) {
        if (is(&f, 1, 2))
            rc = read_token(spm, f.span, err);
        else if (is(&f, 2, 2))
            rc = read_trainer(spm, f.span, &kind, err);
        else if (is(&f, 3, 2))
            rc = read_normalizer(spm, f.span, err);
    }
    if (rc == 0 && rd.bad)
        rc = bad_message("the file", err);
    if (rc == 0)
        rc = check(spm, kind, err);
    if (rc < 0)
        sov_spm_free(spm);
    return rc;
}

void
sov_spm_free(struct sov_spm *spm)
{
    free(spm->token);
    memset(spm, 0, sizeof(*spm));
}

int
sov_spm_resize(struct sov_spm *spm, size_t n, struct sov_err *err)
{
    if (n > SOV_VOCAB_MAX)
        return sov_fail(err, SOV_EFORMAT,
                        "a vocabulary of %zu tokens, the limit is %llu", n,
                        (unsigned long long)SOV_VOCAB_MAX);
    while (spm->cap < n) {
        int rc = sov_mem_grow((void **)&spm->token, spm->cap, &spm->cap,
                              sizeof(*spm->token), err);
        if (rc < 0)
            return rc;
    }
    for (size_t i = spm->n; i < n; i++)
        spm->token[i] =
            (struct sov_spm_token){ { NULL, 0 }, PAD_SCORE, SOV_TOK_UNUSED };
    spm->n = n;
    return 0;
}

/* ---- keys */

static int
put_array(sov_meta *meta, const char *key, enum sov_vtype elem, size_t n,
          struct sov_buf *b, struct sov_err *err)
{
    struct sov_kv kv = { .key = key,
                         .type = SOV_V_ARR,
                         .elem = elem,
                         .n = n,
                         .val = { b->p, b->len } };

    return b->bad ? sov_mem_fail(err) : sov_meta_set(meta, &kv, err);
}

static void
add_name(struct sov_buf *b, const struct sov_spm *spm, size_t i)
{
    char pad[32];

    if (spm->token[i].text.p != NULL) {
        sov_buf_str(b, spm->token[i].text.p, spm->token[i].text.len);
        return;
    }
    snprintf(pad, sizeof(pad), "[PAD%zu]", i);
    sov_buf_str(b, pad, strlen(pad));
}

static int
put_id(sov_meta *meta, const char *key, int64_t id, struct sov_err *err)
{
    return id < 0 ? 0 : sov_meta_set_u32(meta, key, (uint32_t)id, err);
}

int
sov_spm_keys(const struct sov_spm *spm, sov_meta *meta, struct sov_err *err)
{
    struct sov_buf names = { 0 };
    struct sov_buf scores = { 0 };
    struct sov_buf types = { 0 };
    int rc;

    for (size_t i = 0; i < spm->n; i++) {
        add_name(&names, spm, i);
        sov_buf_f32(&scores, spm->token[i].score);
        sov_buf_u32(&types, spm->token[i].type);
    }
    rc = sov_meta_set_str(meta, KEY "model", "llama", err);
    if (rc == 0)
        rc = put_array(meta, KEY "tokens", SOV_V_STR, spm->n, &names, err);
    if (rc == 0)
        rc = put_array(meta, KEY "scores", SOV_V_F32, spm->n, &scores, err);
    if (rc == 0)
        rc = put_array(meta, KEY "token_type", SOV_V_I32, spm->n, &types, err);
    if (rc == 0)
        rc = put_id(meta, KEY "bos_token_id", spm->bos, err);
    if (rc == 0)
        rc = put_id(meta, KEY "eos_token_id", spm->eos, err);
    if (rc == 0)
        rc = put_id(meta, KEY "unknown_token_id", spm->unk, err);
    if (rc == 0)
        rc = put_id(meta, KEY "padding_token_id", spm->pad, err);
    sov_buf_free(&names);
    sov_buf_free(&scores);
    sov_buf_free(&types);
    return rc;
}

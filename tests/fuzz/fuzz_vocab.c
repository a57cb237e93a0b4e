/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_vocab.c - any vocabulary and any text
 *
 * An input is lines, and behind an empty one the text.  The first byte of a
 * line says what the rest is:
 *
 *   M kind, P pre-tokenizer     the keys tokenizer.ggml.model and .pre
 *   1 to 6                      a token of this type
 *   m                           a rule of merging
 *   b e u s                     the number of the last token is that of bos, ...
 *   n w f q x                   flags: form C, whole pieces, full form D, one
 *                               space of many, bytes for what is unknown
 *   l r                         the last token swallows white space
 *   g                           general.name
 *   c                           a map of characters, its first number apart:
 *                               so many units of four bytes as the digit says
 *
 *   t N F i I                   a key that is wrong: a text, an array of one
 *                               number or float, a number below 0 or large
 *
 * Without an M the 256 bytes come first, so that rules find something.
 */
#include "base/buf.h"
#include "base/text.h"
#include "sov/meta.h"
#include "sov/token.h"
#include "tok/tok.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY "tokenizer.ggml."

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct made {
    sov_meta *meta;
    struct sov_buf names;
    struct sov_buf types;
    struct sov_buf scores;
    struct sov_buf rules;
    uint32_t n;
    uint64_t n_rules;
};

static void
add_token(struct made *m, const void *name, size_t len, uint32_t type)
{
    sov_buf_str(&m->names, name, len);
    sov_buf_u32(&m->types, type);
    sov_buf_f32(&m->scores, (float)(m->n * 2654435761u % 64));
    m->n++;
}

static void
add_bytes(struct made *m)
{
    unsigned shift = 0;

    for (unsigned b = 0; b < 256; b++) {
        unsigned char utf8[4];
        bool own =
            (b >= 0x21 && b <= 0x7e) || (b >= 0xa1 && b <= 0xac) || b >= 0xae;

        add_token(m, utf8, sov_utf8_put(own ? b : 0x100 + shift++, utf8), 1);
    }
}

static void
set_text(struct made *m, const char *key, const uint8_t *p, size_t len)
{
    char text[64];

    if (len >= sizeof(text))
        return;
    memcpy(text, p, len);
    text[len] = '\0';
    (void)!sov_meta_set_str(m->meta, key, text, NULL);
}

static void
set_last(struct made *m, const char *key)
{
    uint32_t id = m->n > 0 ? m->n - 1 : 0;
    struct sov_buf b = { 0 };
    struct sov_kv kv = {
        .key = key, .type = SOV_V_ARR, .elem = SOV_V_U32, .n = 1
    };

    if (strstr(key, "strip") == NULL) {
        (void)!sov_meta_set_u32(m->meta, key, id, NULL);
        return;
    }
    sov_buf_u32(&b, id);
    kv.val = (struct sov_span){ b.p, b.len };
    (void)!sov_meta_set(m->meta, &kv, NULL);
    sov_buf_free(&b);
}

static void
set_map(struct made *m, const uint8_t *p, size_t len)
{
    struct sov_buf b = { 0 };
    struct sov_kv kv = { .key = KEY "precompiled_charsmap",
                         .type = SOV_V_ARR,
                         .elem = SOV_V_U8 };

    if (len == 0)
        return;
    sov_buf_u32(&b, 4u * (uint32_t)(p[0] - '0'));
    sov_buf_add(&b, p + 1, len - 1);
    kv.n = b.len;
    kv.val = (struct sov_span){ b.p, b.len };
    (void)!sov_meta_set(m->meta, &kv, NULL);
    sov_buf_free(&b);
}

static void
take_line(struct made *m, const uint8_t *p, size_t len)
{
    uint8_t what = p[0];

    p++;
    len--;
    switch (what) {
    case 'M':
        set_text(m, KEY "model", p, len);
        break;
    case 'P':
        set_text(m, KEY "pre", p, len);
        break;
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
        add_token(m, p, len, what - '0');
        break;
    case 'm':
        sov_buf_str(&m->rules, p, len);
        m->n_rules++;
        break;
    case 'b':
        set_last(m, KEY "bos_token_id");
        break;
    case 'e':
        set_last(m, KEY "eos_token_id");
        break;
    case 'u':
        set_last(m, KEY "unknown_token_id");
        break;
    case 's':
        set_last(m, KEY "seperator_token_id");
        break;
    case 'l':
        set_last(m, "sov.tokenizer.lstrip");
        break;
    case 'r':
        set_last(m, "sov.tokenizer.rstrip");
        break;
    case 'n':
        (void)!sov_meta_set_bool(m->meta, "sov.tokenizer.nfc", true, NULL);
        break;
    case 'c':
        set_map(m, p, len);
        break;
    case 'q':
        (void)!sov_meta_set_bool(m->meta, KEY "remove_extra_whitespaces", true,
                                 NULL);
        break;
    case 'x':
        (void)!sov_meta_set_bool(m->meta, "sov.tokenizer.byte_fallback", true,
                                 NULL);
        break;
    case 'g':
        set_text(m, "general.name", p, len);
        break;
    case 'w':
        (void)!sov_meta_set_bool(m->meta, "sov.tokenizer.ignore_merges", true,
                                 NULL);
        break;
    case 'f':
        (void)!sov_meta_set_bool(m->meta, "sov.tokenizer.full_nfd", true, NULL);
        break;
    default:
        break;
    }
}

/* A key behind tokenizer.ggml. that is not what it should be. */
static void
set_wrong(struct made *m, uint8_t what, const uint8_t *name, size_t len)
{
    struct sov_kv kv = { .type = SOV_V_ARR, .n = 1 };
    struct sov_buf b = { 0 };
    char key[64];

    if (len > 40)
        return;
    snprintf(key, sizeof(key), KEY "%.*s", (int)len, (const char *)name);
    if (strlen(key) != strlen(KEY) + len)
        return;
    kv.key = key;
    if (what == 't')
        (void)!sov_meta_set_str(m->meta, key, "text", NULL);
    if (what == 'I')
        (void)!sov_meta_set_u32(m->meta, key, 4000000000u, NULL);
    sov_buf_u32(&b, what == 'i' ? UINT32_MAX : 3);
    kv.val = (struct sov_span){ b.p, b.len };
    kv.elem = what == 'F' ? SOV_V_F32 : SOV_V_U32;
    if (what == 'i') {
        kv.type = SOV_V_I32;
        kv.elem = SOV_V_I32;
    }
    if (what == 'N' || what == 'F' || what == 'i')
        (void)!sov_meta_set(m->meta, &kv, NULL);
    sov_buf_free(&b);
}

/* Lines up to an empty one; where the text begins. */
static size_t
each_line(struct made *m, const uint8_t *data, size_t size, bool wrong)
{
    size_t at = 0;

    while (at < size) {
        const uint8_t *eol = memchr(data + at, '\n', size - at);
        size_t len = eol != NULL ? (size_t)(eol - data) - at : size - at;

        if (len > 0 && strchr("tNFiI", data[at]) == NULL) {
            if (!wrong)
                take_line(m, data + at, len);
        } else if (len > 0 && wrong && data[at] != '\0') {
            set_wrong(m, data[at], data + at + 1, len - 1);
        }
        at += len + (eol != NULL);
        if (len == 0)
            break;
    }
    return at;
}

static void
put(struct made *m, const char *key, enum sov_vtype elem, uint64_t n,
    struct sov_buf *b)
{
    struct sov_kv kv = { .key = key,
                         .type = SOV_V_ARR,
                         .elem = elem,
                         .n = n,
                         .val = { b->p, b->len } };

    (void)!sov_meta_set(m->meta, &kv, NULL);
    sov_buf_free(b);
}

/* Ids are those of tokens, and none is a control token that was not asked
 * for. */
static void
use(const sov_tok *tok, const uint8_t *text, size_t len, unsigned flags)
{
    int32_t *ids = NULL;
    size_t n = 0;

    if (sov_tok_encode(tok, (const char *)text, len, flags, &ids, &n, NULL) < 0)
        return;
    for (size_t i = 0; i < n; i++) {
        if (ids[i] < 0 || (size_t)ids[i] >= sov_tok_count(tok))
            abort();
        if (flags == SOV_TOK_PLAIN && ids[i] != tok->unk &&
            sov_tok_is_control(tok, ids[i]))
            abort();
        (void)sov_tok_piece(tok, ids[i]);
    }
    if (n > 0)
        (void)sov_tok_piece_after(tok, ids, n - 1, ids[n - 1]);
    free(ids);
}

/* The tokens that a text begins and ends with are in the vocabulary. */
static void
use_ends(const sov_tok *tok)
{
    const int32_t ends[] = { sov_tok_bos(tok), sov_tok_eos(tok),
                             sov_tok_eot(tok) };

    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
        if (ends[i] >= (int32_t)sov_tok_count(tok))
            abort();
    if (sov_tok_is_end(tok, -1) ||
        (ends[1] >= 0 && !sov_tok_is_end(tok, ends[1])))
        abort();
    if (sov_tok_space_prefix(tok))
        (void)sov_tok_piece_after(tok, NULL, 0, 0);
}

/* Every other run of some bytes is a stranger's: no control token there. */
static void
use_marked(const sov_tok *tok, const uint8_t *text, size_t len)
{
    unsigned char *mark = malloc(len + 1);
    int32_t *ids = NULL;
    size_t n = 0, control = 0;

    if (mark == NULL)
        return;
    for (size_t i = 0; i < len; i++)
        mark[i] = text[i] % 16 == 0 || i / 8 % 2;
    if (sov_tok_encode_marked(tok, (const char *)text, len, mark, 0, &ids, &n,
                              NULL) == 0)
        for (size_t i = 0; i < n; i++)
            control += ids[i] != tok->unk && sov_tok_is_control(tok, ids[i]);
    free(ids);
    ids = NULL;
    memset(mark, 1, len);
    if (sov_tok_encode_marked(tok, (const char *)text, len, mark,
                              SOV_TOK_SPECIAL, &ids, &n, NULL) == 0)
        for (size_t i = 0; i < n; i++)
            if (ids[i] != tok->unk && sov_tok_is_control(tok, ids[i]))
                abort();
    free(ids);
    free(mark);
    if (control > len)
        abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct made m = { 0 };
    sov_tok *tok = NULL;
    size_t at = 0;

    if (sov_meta_new(&m.meta, NULL) < 0)
        return 0;
    if (size > 0 && data[0] != 'M') {
        set_text(&m, KEY "model", (const uint8_t *)"gpt2", 4);
        add_bytes(&m);
    }
    at = each_line(&m, data, size, false);
    put(&m, KEY "tokens", SOV_V_STR, m.n, &m.names);
    put(&m, KEY "token_type", SOV_V_I32, m.n, &m.types);
    put(&m, KEY "scores", SOV_V_F32, m.n, &m.scores);
    put(&m, KEY "merges", SOV_V_STR, m.n_rules, &m.rules);
    (void)each_line(&m, data, size, true);
    if (sov_tok_load(&tok, m.meta, NULL) == 0) {
        use(tok, data + at, size - at, SOV_TOK_PLAIN);
        use(tok, data + at, size - at,
            SOV_TOK_BOS | SOV_TOK_EOS | SOV_TOK_SPECIAL);
        use(tok, data, size, SOV_TOK_PLAIN);
        use_marked(tok, data + at, size - at);
        use_ends(tok);
    }
    sov_tok_free(tok);
    sov_meta_free(m.meta);
    return 0;
}

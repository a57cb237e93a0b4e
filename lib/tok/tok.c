/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tok.c - vocabularies, and what all kinds of tokenizer share
 *
 * The keys, all under "tokenizer.ggml.":
 *
 *   model            which kind: a row of tokenizers.def
 *   tokens           array of strings, the id is the place
 *   scores           array of f32 or i32, as long
 *   token_type       array of i32 or u32, as long (enum sov_tok_type)
 *
 * and those that ids.c reads.
 */
#include "tok/tok.h"

#include "base/limits.h"
#include "base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define KEY "tokenizer.ggml."

static const struct sov_tokenizer *const kinds[] = {
#define TOKENIZER(sym) &sov_tokenizer_##sym,
#include "tok/tokenizers.def"
#undef TOKENIZER
};

int
sov_ids_grow(struct sov_ids *ids, struct sov_err *err)
{
    return sov_mem_grow((void **)&ids->p, ids->n, &ids->cap, sizeof(*ids->p),
                        err);
}

static int
hex_digit(unsigned char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

int
sov_tok_byte(const unsigned char *name, size_t len)
{
    int high, low;

    if (len != 6 || memcmp(name, "<0x", 3) != 0 || name[5] != '>')
        return -1;
    high = hex_digit(name[3]);
    low = hex_digit(name[4]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

size_t
sov_tok_unmark(struct sov_span name, unsigned char *out)
{
    static const unsigned char mark[3] = { 0xe2, 0x96, 0x81 };
    size_t n = 0;

    for (size_t i = 0; i < name.len;) {
        if (name.len - i >= sizeof(mark) &&
            memcmp(name.p + i, mark, sizeof(mark)) == 0) {
            out[n++] = ' ';
            i += sizeof(mark);
        } else {
            out[n++] = name.p[i++];
        }
    }
    return n;
}

struct sov_span
sov_tok_name(const sov_tok *tok, int32_t id)
{
    struct sov_span none = { NULL, 0 };

    if (id < 0 || (size_t)id >= tok->n)
        return none;
    return (struct sov_span){ tok->names + tok->name[id],
                              tok->name[id + 1] - tok->name[id] };
}

size_t
sov_tok_piece_of(const sov_tok *tok, int32_t id, bool marks, unsigned char *out)
{
    struct sov_span name = sov_tok_name(tok, id);
    int byte =
        tok->type[id] == SOV_TOK_BYTE ? sov_tok_byte(name.p, name.len) : -1;

    if (byte >= 0) {
        out[0] = (unsigned char)byte;
        return 1;
    }
    if (marks && tok->type[id] != SOV_TOK_USER)
        return sov_tok_unmark(name, out);
    if (name.len > 0)
        memcpy(out, name.p, name.len);
    return name.len;
}

struct sov_span
sov_tok_piece(const sov_tok *tok, int32_t id)
{
    struct sov_span none = { NULL, 0 };

    if (id < 0 || (size_t)id >= tok->n)
        return none;
    return (struct sov_span){ tok->texts + tok->piece[id],
                              tok->piece[id + 1] - tok->piece[id] };
}

struct sov_span
sov_tok_piece_after(const sov_tok *tok, const int32_t *ids, size_t n,
                    int32_t id)
{
    struct sov_span p = sov_tok_piece(tok, id);
    bool first = n == 0 || (n == 1 && ids[0] == sov_tok_bos(tok));

    if (first && sov_tok_space_prefix(tok) && p.len > 0 && p.p[0] == ' ') {
        p.p++;
        p.len--;
    }
    return p;
}

/* ---- reading the keys */

static int
find_kind(const sov_meta *meta, const struct sov_tokenizer **kind,
          struct sov_err *err)
{
    struct sov_span name;
    int rc = sov_meta_str(meta, KEY "model", &name, err);

    if (rc < 0)
        return rc;
    if (rc == 1)
        return sov_fail(err, SOV_EFORMAT,
                        "the model has no tokenizer (" KEY "model is missing)");
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
        if (strlen(kinds[i]->name) == name.len &&
            memcmp(kinds[i]->name, name.p, name.len) == 0) {
            *kind = kinds[i]->other != NULL ? kinds[i]->other(meta) : NULL;
            if (*kind == NULL)
                *kind = kinds[i];
            return 0;
        }
    return sov_fail(err, SOV_EUNSUP,
                    "tokenizers of the kind \"%.*s\" are not supported",
                    (int)(name.len < 64 ? name.len : 64), (const char *)name.p);
}

/* An array of the vocabulary: elements of type a or b, n of them if n > 0. */
static int
find_array(const sov_meta *meta, const char *key, enum sov_vtype a,
           enum sov_vtype b, uint64_t n, const struct sov_kv **kv,
           struct sov_err *err)
{
    *kv = sov_meta_find(meta, key);
    if (*kv == NULL)
        return 1;
    if ((*kv)->type != SOV_V_ARR || ((*kv)->elem != a && (*kv)->elem != b))
        return sov_fail(err, SOV_EFORMAT, "%s has the wrong type", key);
    if (n > 0 && (*kv)->n != n)
        return sov_fail(err, SOV_EFORMAT, "%s has %llu entries for %llu tokens",
                        key, (unsigned long long)(*kv)->n,
                        (unsigned long long)n);
    return 0;
}

static int
read_names(sov_tok *tok, const sov_meta *meta, struct sov_err *err)
{
    const struct sov_kv *kv;
    struct sov_span str;
    size_t at = 0;
    size_t used = 0;
    int rc = find_array(meta, KEY "tokens", SOV_V_STR, SOV_V_STR, 0, &kv, err);

    if (rc < 0)
        return rc;
    if (rc == 1 || kv->n == 0)
        return sov_fail(err, SOV_EFORMAT,
                        "the vocabulary is empty (" KEY "tokens)");
    if (kv->n > SOV_VOCAB_MAX)
        return sov_fail(
            err, SOV_EFORMAT, KEY "tokens has %llu entries, the limit is %llu",
            (unsigned long long)kv->n, (unsigned long long)SOV_VOCAB_MAX);
    if (kv->val.len > UINT32_MAX) /* offsets are 32 bits */
        return sov_fail(err, SOV_EFORMAT,
                        KEY "tokens has %zu bytes, the limit "
                            "is %llu",
                        kv->val.len, (unsigned long long)UINT32_MAX);
    tok->n = (size_t)kv->n;
    tok->names = sov_mem_array(kv->val.len, 1);
    tok->name = sov_mem_array(tok->n + 1, sizeof(*tok->name));
    if (tok->names == NULL || tok->name == NULL)
        return sov_mem_fail(err);
    for (size_t i = 0; i < tok->n; i++) {
        if (!sov_kv_next_str(kv, &at, &str))
            return sov_fail(err, SOV_EFORMAT, KEY "tokens is cut short");
        tok->name[i] = (uint32_t)used;
        if (str.len > 0)
            memcpy(tok->names + used, str.p, str.len);
        used += str.len;
    }
    tok->name[tok->n] = (uint32_t)used;
    return 0;
}

static int
read_scores(sov_tok *tok, const sov_meta *meta, struct sov_err *err)
{
    const struct sov_kv *kv;
    int rc =
        find_array(meta, KEY "scores", SOV_V_F32, SOV_V_I32, tok->n, &kv, err);

    if (rc < 0)
        return rc;
    tok->score = sov_mem_array(tok->n, sizeof(*tok->score));
    if (tok->score == NULL)
        return sov_mem_fail(err);
    for (size_t i = 0; rc == 0 && i < tok->n; i++) {
        tok->score[i] = (float)sov_kv_num(kv, i);
        if (isnan(tok->score[i]))
            return sov_fail(err, SOV_EFORMAT,
                            KEY "scores: entry %zu is not a number", i);
    }
    return 0;
}

static int
read_types(sov_tok *tok, const sov_meta *meta, struct sov_err *err)
{
    const struct sov_kv *kv;
    int rc = find_array(meta, KEY "token_type", SOV_V_I32, SOV_V_U32, tok->n,
                        &kv, err);

    if (rc < 0)
        return rc;
    tok->type = sov_mem_array(tok->n, sizeof(*tok->type));
    tok->mark = sov_mem_array(tok->n, sizeof(*tok->mark));
    if (tok->type == NULL || tok->mark == NULL)
        return sov_mem_fail(err);
    for (size_t i = 0; i < tok->n; i++) {
        struct sov_span name = sov_tok_name(tok, (int32_t)i);
        int64_t type = rc == 0 ? sov_kv_int(kv, i) : SOV_TOK_NORMAL;

        if (rc == 1 && sov_tok_byte(name.p, name.len) >= 0)
            type = SOV_TOK_BYTE;
        if (type < SOV_TOK_UNDEFINED || type > SOV_TOK_BYTE)
            return sov_fail(err, SOV_EFORMAT,
                            KEY "token_type: entry %zu is %lld", i,
                            (long long)type);
        tok->type[i] = (uint8_t)type;
    }
    return 0;
}

/* ---- what follows from the vocabulary */

bool
sov_tok_mapped(const sov_tok *tok, int32_t id)
{
    switch (tok->type[id]) {
    case SOV_TOK_UNKNOWN:
    case SOV_TOK_CONTROL:
    case SOV_TOK_UNUSED:
    case SOV_TOK_BYTE:
        return false;
    default:
        return !sov_tok_is_control(tok, id) &&
               (tok->kind->plain == NULL || tok->kind->plain(tok, id));
    }
}

/* Two tokens of one text: the first one counts. */
static int
build_map(sov_tok *tok, struct sov_err *err)
{
    const bool by_piece = tok->kind->by_piece;
    const unsigned char *base = by_piece ? tok->texts : tok->names;
    const uint32_t *off = by_piece ? tok->piece : tok->name;
    int rc = sov_vmap_init(&tok->map, tok->n, err);

    for (size_t i = 0; i < tok->n && rc >= 0; i++) {
        size_t len = off[i + 1] - off[i];

        if (len == 0 || !sov_tok_mapped(tok, (int32_t)i))
            continue;
        rc = sov_vmap_add(&tok->map, base, off, (uint32_t)i, err);
        if (rc == 1)
            tok->doubles = true;
        if (len > tok->longest)
            tok->longest = len;
    }
    return rc < 0 ? rc : 0;
}

static int
build_pieces(sov_tok *tok, struct sov_err *err)
{
    size_t used = 0;

    tok->texts = sov_mem_array(tok->name[tok->n], 1);
    tok->piece = sov_mem_array(tok->n + 1, sizeof(*tok->piece));
    if (tok->texts == NULL || tok->piece == NULL)
        return sov_mem_fail(err);
    for (size_t i = 0; i < tok->n; i++) {
        tok->piece[i] = (uint32_t)used;
        if (!sov_tok_is_control(tok, (int32_t)i) &&
            tok->type[i] != SOV_TOK_UNKNOWN && tok->type[i] != SOV_TOK_UNUSED)
            used += tok->kind->piece(tok, (int32_t)i, tok->texts + used);
    }
    tok->piece[tok->n] = (uint32_t)used;
    return 0;
}

int
sov_tok_load(sov_tok **out, const sov_meta *meta, struct sov_err *err)
{
    const struct sov_tokenizer *kind = NULL;
    sov_tok *tok;
    int rc = find_kind(meta, &kind, err);

    *out = NULL;
    if (rc < 0)
        return rc;
    tok = sov_mem_array(1, sizeof(*tok));
    if (tok == NULL)
        return sov_mem_fail(err);
    tok->kind = kind;
    rc = read_names(tok, meta, err);
    if (rc == 0)
        rc = read_scores(tok, meta, err);
    if (rc == 0)
        rc = read_types(tok, meta, err);
    if (rc == 0)
        rc = sov_tok_read_ids(tok, meta, err);
    if (rc == 0)
        rc = build_pieces(tok, err);
    if (rc == 0)
        rc = build_map(tok, err);
    if (rc == 0)
        rc = kind->prepare(tok, meta, err);
    if (rc == 0)
        rc = sov_needles_build(&tok->user, tok, false, err);
    if (rc == 0)
        rc = sov_needles_build(&tok->special, tok, true, err);
    if (rc < 0) {
        sov_tok_free(tok);
        return rc;
    }
    *out = tok;
    return 0;
}

void
sov_tok_free(sov_tok *tok)
{
    if (tok == NULL)
        return;
    sov_needles_free(&tok->user);
    sov_needles_free(&tok->special);
    if (tok->kind->drop != NULL)
        tok->kind->drop(tok);
    sov_vmap_free(&tok->map);
    free(tok->names);
    free(tok->name);
    free(tok->texts);
    free(tok->piece);
    free(tok->score);
    free(tok->type);
    free(tok->mark);
    free(tok);
}

/* ---- asking */

size_t
sov_tok_count(const sov_tok *tok)
{
    return tok->n;
}

/* ---- encoding */

static bool
is_blank(unsigned char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Special tokens one by one, and the kind's own work between them. */
static int
encode_all(struct sov_encoder *enc, struct sov_cut *cut, struct sov_err *err)
{
    const sov_tok *tok = enc->tok;
    bool first = true;
    size_t at = 0;
    int rc = 0;

    while (at < cut->len && rc == 0) {
        struct sov_hit hit = sov_cut_next(cut, at);
        size_t end = hit.pos;

        if (hit.id >= 0 && (tok->mark[hit.id] & SOV_MARK_LSTRIP))
            while (end > at && is_blank(cut->text[end - 1]))
                end--;
        if (end > at) {
            rc = tok->kind->encode(enc, cut->text + at, end - at, first, err);
            first = false;
        }
        if (hit.id >= 0 && rc == 0) {
            rc = sov_ids_add(&enc->out, hit.id, err);
            first = true;
        }
        at = hit.pos + hit.n;
        if (hit.id >= 0 && (tok->mark[hit.id] & SOV_MARK_RSTRIP))
            while (at < cut->len && is_blank(cut->text[at]))
                at++;
    }
    return rc;
}

/* What a text ends with, if this model has that; else -1. */
static int32_t
last_id(const sov_tok *tok)
{
    if (tok->add_sep && tok->sep >= 0)
        return tok->sep;
    return sov_tok_adds_eos(tok) ? tok->eos : -1;
}

int
sov_tok_encode_marked(const sov_tok *tok, const char *text, size_t len,
                      const unsigned char *mark, unsigned flags, int32_t **out,
                      size_t *n, struct sov_err *err)
{
    struct sov_encoder enc = { .tok = tok, .len = len };
    struct sov_cut cut;
    int rc = 0;

    if (len > SOV_TEXT_MAX)
        return sov_fail(err, SOV_EFORMAT,
                        "a text of %zu bytes, the limit is %llu", len,
                        (unsigned long long)SOV_TEXT_MAX);
    sov_cut_begin(&cut, tok, (const unsigned char *)text, len, mark,
                  (flags & SOV_TOK_SPECIAL) != 0);
    if ((flags & SOV_TOK_BOS) && sov_tok_adds_bos(tok))
        rc = sov_ids_add(&enc.out, tok->bos, err);
    if (rc == 0)
        rc = encode_all(&enc, &cut, err);
    if (rc == 0 && (flags & SOV_TOK_EOS) && last_id(tok) >= 0)
        rc = sov_ids_add(&enc.out, last_id(tok), err);
    if (rc == 0 && enc.out.p == NULL) /* no ids, but an array to free */
        rc = sov_ids_grow(&enc.out, err);
    if (tok->kind->done != NULL)
        tok->kind->done(&enc);
    if (rc < 0) {
        sov_mem_forget(enc.out.p);
        return rc;
    }
    *out = enc.out.p;
    *n = enc.out.n;
    return 0;
}

int
sov_tok_encode(const sov_tok *tok, const char *text, size_t len, unsigned flags,
               int32_t **out, size_t *n, struct sov_err *err)
{
    return sov_tok_encode_marked(tok, text, len, NULL, flags, out, n, err);
}

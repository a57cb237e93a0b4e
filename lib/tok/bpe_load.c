/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bpe_load.c - the rules of byte-level byte-pair encoding
 *
 *   tokenizer.ggml.merges    array of strings "left right", the first is the
 *                            most urgent one
 *   tokenizer.ggml.pre       how a text is cut before (pretoks.def)
 *   sov.tokenizer.nfc        texts are normalized to form C (false)
 *   sov.tokenizer.ignore_merges   a piece that is a token is taken whole (as
 *                            the row of pre says)
 *
 * Names of tokens are spelled in characters that show (GPT-2's way): the bytes
 * 0x21 to 0x7e, 0xa1 to 0xac and 0xae to 0xff are the characters of that
 * number, the other 68 are U+0100 to U+0143 in turn.  A token's piece is its
 * bytes, and so text becomes tokens by their pieces.
 *
 * Of two rules for the same pair the first one counts.  A rule that names what
 * cannot be spelled does nothing.
 */
#include "tok/bpe.h"

#include "base/limits.h"
#include "base/map.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

#define KEY "tokenizer.ggml."

/* The byte that a character of a name stands for, or -1. */
static int
byte_of(uint32_t cp)
{
    if ((cp >= 0x21 && cp <= 0x7e) || (cp >= 0xa1 && cp <= 0xac) ||
        (cp >= 0xae && cp <= 0xff))
        return (int)cp;
    if (cp < 0x100 || cp > 0x143)
        return -1;
    cp -= 0x100;
    return (int)(cp <= 0x20 ? cp : cp <= 0x42 ? cp + 0x7f - 0x21 : 0xad);
}

bool
sov_bpe_bytes(struct sov_span name, unsigned char *out, size_t *len)
{
    size_t n = 0;

    for (size_t i = 0; i < name.len; i++) {
        unsigned c = name.p[i];
        int byte = (int)c;

        if (c >= 0xc2 && c <= 0xc5 && name.len - i > 1 &&
            (name.p[i + 1] & 0xc0) == 0x80) {
            byte = byte_of((c & 0x1f) << 6 | (name.p[++i] & 0x3fu));
            if (byte < 0)
                return false;
        } else if (c < 0x21 || c > 0x7e) {
            return false;
        }
        out[n++] = (unsigned char)byte;
    }
    *len = n;
    return true;
}

/* ---- symbols that are no tokens */

/*
 * Rules are read some at a time: a rule asks for three texts and a slot at
 * random places, and asking for all of them before the first one is needed
 * halves the time.
 */
#define BATCH 32

/* A rule on its way. */
struct rule {
    const unsigned char *text; /* of what it makes: left, then right */
    size_t left;
    size_t right;
    uint64_t hash[2]; /* of left and right */
    struct sov_merge m;
};

/* Texts of symbols stand behind the pieces of the tokens, in one arena. */
struct loader {
    sov_tok *tok;
    struct sov_bpe *bpe;
    size_t texts_cap;
    size_t piece_cap;
    uint32_t guess;      /* the token that the next rule may make */
    unsigned char *part; /* texts of a batch, SOV_MERGE_MAX bytes */
    size_t used;
    struct rule batch[BATCH];
    size_t n;
};

static int
new_symbol(struct loader *l, const unsigned char *p, size_t len, uint32_t *sym,
           struct sov_err *err)
{
    sov_tok *tok = l->tok;
    size_t at = tok->n + l->bpe->n_more;
    size_t used = tok->piece[at];
    int rc = 0;

    if (used + len > UINT32_MAX || at >= SOV_SYM_NONE - 1)
        return sov_fail(err, SOV_EFORMAT, KEY "merges make too many symbols");
    if (at + 2 > l->piece_cap)
        rc = sov_mem_grow((void **)&tok->piece, at + 1, &l->piece_cap,
                          sizeof(*tok->piece), err);
    while (rc == 0 && used + len > l->texts_cap)
        rc = sov_mem_grow((void **)&tok->texts, l->texts_cap, &l->texts_cap, 1,
                          err);
    if (rc < 0)
        return rc;
    memcpy(tok->texts + used, p, len);
    tok->piece[at + 1] = (uint32_t)(used + len);
    l->bpe->n_more++;
    *sym = (uint32_t)at;
    return sov_vmap_add(&tok->map, tok->texts, tok->piece, *sym, err);
}

static int
symbol(struct loader *l, const unsigned char *p, size_t len, uint32_t *sym,
       struct sov_err *err)
{
    if (sov_tok_lookup(l->tok, p, len, sym))
        return 0;
    return new_symbol(l, p, len, sym, err);
}

/* What a rule makes; vocabularies mostly have these in the order of rules. */
static int
made_symbol(struct loader *l, const unsigned char *p, size_t len, uint32_t *sym,
            struct sov_err *err)
{
    const sov_tok *tok = l->tok;
    uint32_t g = l->guess;
    int rc = 0;

    if (g < tok->n && !tok->doubles &&
        tok->piece[g + 1] - tok->piece[g] == len &&
        memcmp(tok->texts + tok->piece[g], p, len) == 0 &&
        sov_tok_mapped(tok, (int32_t)g))
        *sym = g;
    else
        rc = symbol(l, p, len, sym, err);
    l->guess = *sym + 1;
    return rc;
}

/* ---- rules */

static bool
spell(const struct sov_bpe *b, struct sov_span name, unsigned char *out,
      size_t *len)
{
    if (!b->raw)
        return sov_bpe_bytes(name, out, len);
    if (b->marks)
        *len = sov_tok_unmark(name, out);
    else
        memcpy(out, name.p, *len = name.len);
    return true;
}

/* Does a word begin inside: a space after something else? */
static bool
spans_words(const unsigned char *p, size_t len)
{
    for (size_t i = 1; i < len; i++)
        if (p[i] == ' ' && p[i - 1] != ' ')
            return true;
    return false;
}

static uint64_t
rule_slot(const struct sov_bpe *b, const struct sov_merge *m)
{
    return sov_vmap_mix(((uint64_t)m->left << 32 | m->right) ^ b->key[0],
                        b->key[1]) &
           b->mask;
}

static void
put_rule(struct sov_bpe *b, const struct sov_merge *m)
{
    uint64_t i = rule_slot(b, m);

    for (; b->rule[i].made != 0; i = (i + 1) & b->mask)
        if (b->rule[i].left == m->left && b->rule[i].right == m->right)
            return;
    b->rule[i] = *m;
    b->n_rules++;
}

/* Have near what the look-ups of a batch will need. */
static void
fetch(const struct loader *l)
{
    const sov_tok *tok = l->tok;
    const struct sov_vmap *map = &tok->map;
    uint32_t id[BATCH][2];

    for (size_t i = 0; i < l->n; i++)
        for (int k = 0; k < 2; k++) {
            id[i][k] = map->slot[l->batch[i].hash[k] & map->mask].id;
            if (id[i][k] > 0)
                __builtin_prefetch(&tok->piece[id[i][k] - 1]);
        }
    for (size_t i = 0; i < l->n; i++)
        for (int k = 0; k < 2; k++)
            if (id[i][k] > 0)
                __builtin_prefetch(tok->texts + tok->piece[id[i][k] - 1]);
}

/* Put the rules of a batch in their places. */
static int
flush(struct loader *l, struct sov_err *err)
{
    int rc = 0;

    fetch(l);
    for (size_t i = 0; i < l->n && rc == 0; i++) {
        struct rule *r = &l->batch[i];

        rc = symbol(l, r->text, r->left, &r->m.left, err);
        if (rc == 0)
            rc = symbol(l, r->text + r->left, r->right, &r->m.right, err);
        if (rc == 0)
            rc = made_symbol(l, r->text, r->left + r->right, &r->m.made, err);
        r->m.made++;
        __builtin_prefetch(&l->bpe->rule[rule_slot(l->bpe, &r->m)]);
    }
    for (size_t i = 0; i < l->n && rc == 0; i++)
        put_rule(l->bpe, &l->batch[i].m);
    l->n = 0;
    l->used = 0;
    return rc;
}

static int
read_rule(struct loader *l, struct sov_span text, uint32_t rank,
          struct sov_err *err)
{
    const struct sov_vmap *map = &l->tok->map;
    struct rule *r;
    const unsigned char *gap;
    size_t left, right;
    int rc = 0;

    if (text.len > SOV_MERGE_MAX)
        return sov_fail(err, SOV_EFORMAT,
                        KEY "merges: entry %u has %zu bytes, the limit is %llu",
                        rank, text.len, (unsigned long long)SOV_MERGE_MAX);
    gap = text.len < 3 ? NULL : memchr(text.p + 1, ' ', text.len - 1);
    if (gap == NULL)
        return 0;
    if (l->n == BATCH || text.len > SOV_MERGE_MAX - l->used)
        rc = flush(l, err);
    if (rc < 0)
        return rc;
    r = &l->batch[l->n];
    left = (size_t)(gap - text.p);
    right = text.len - left - 1;
    r->text = l->part + l->used;
    if (!spell(l->bpe, (struct sov_span){ text.p, left }, l->part + l->used,
               &r->left) ||
        !spell(l->bpe, (struct sov_span){ gap + 1, right },
               l->part + l->used + r->left, &r->right) ||
        r->left == 0 || r->right == 0)
        return 0;
    if (l->bpe->raw && spans_words(r->text, r->left + r->right))
        l->bpe->bound = false;
    r->m = (struct sov_merge){ .rank = rank };
    r->hash[0] = sov_vmap_hash(map->key, r->text, r->left);
    r->hash[1] = sov_vmap_hash(map->key, r->text + r->left, r->right);
    __builtin_prefetch(&map->slot[r->hash[0] & map->mask]);
    __builtin_prefetch(&map->slot[r->hash[1] & map->mask]);
    l->used += r->left + r->right;
    l->n++;
    return 0;
}

static int
read_rules(struct loader *l, const sov_meta *meta, struct sov_err *err)
{
    const struct sov_kv *kv = sov_meta_find(meta, KEY "merges");
    struct sov_bpe *b = l->bpe;
    struct sov_span text;
    uint64_t cap = 64;
    size_t at = 0;
    int rc = 0;

    if (kv == NULL)
        return sov_fail(err, SOV_EFORMAT, KEY "merges is missing");
    if (kv->type != SOV_V_ARR || kv->elem != SOV_V_STR)
        return sov_fail(err, SOV_EFORMAT, KEY "merges has the wrong type");
    if (kv->n > SOV_VOCAB_MAX)
        return sov_fail(
            err, SOV_EFORMAT, KEY "merges has %llu entries, the limit is %llu",
            (unsigned long long)kv->n, (unsigned long long)SOV_VOCAB_MAX);
    while (2 * cap < 3 * kv->n)
        cap *= 2;
    b->rule = sov_mem_array((size_t)cap, sizeof(*b->rule));
    if (b->rule == NULL)
        return sov_mem_fail(err);
    b->mask = cap - 1;
    sov_map_key(b->key);
    for (uint32_t rank = 0; rc == 0 && sov_kv_next_str(kv, &at, &text); rank++)
        rc = read_rule(l, text, rank, err);
    return rc < 0 ? rc : flush(l, err);
}

/* The piece of each byte, where there is one. */
static void
find_bytes(sov_tok *tok, struct sov_bpe *b)
{
    for (int i = 0; i < 256; i++) {
        unsigned char byte = (unsigned char)i;
        uint32_t id;
        bool found = sov_tok_lookup(tok, &byte, 1, &id);

        b->byte_sym[i] = found ? id : SOV_SYM_NONE;
        tok->byte_id[i] = found && id < tok->n ? (int32_t)id : -1;
    }
}

/* The tokens <0xXX>, which spell what is in no other. */
static void
find_spelled(sov_tok *tok)
{
    for (int i = 0; i < 256; i++)
        tok->byte_id[i] = -1;
    for (size_t i = 0; i < tok->n; i++) {
        struct sov_span name = sov_tok_name(tok, (int32_t)i);
        int byte = sov_tok_byte(name.p, name.len);

        if (byte >= 0 && tok->byte_id[byte] < 0 &&
            !sov_tok_is_control(tok, (int32_t)i))
            tok->byte_id[byte] = (int32_t)i;
    }
}

/* Of the kinds of raw.c each has a row of its own. */
static int
find_pre(const sov_tok *tok, const sov_meta *meta, const struct sov_pre **pre,
         struct sov_err *err)
{
    const char *own = tok->kind == &sov_tokenizer_gemma4       ? "gemma4"
                      : tok->kind == &sov_tokenizer_whitespace ? "whitespace"
                                                               : "default";
    struct sov_span name = { (const unsigned char *)own, strlen(own) };
    bool raw = strcmp(own, "default") != 0;

    if (sov_meta_str(meta, KEY "pre", &name, err) < 0)
        return SOV_EFORMAT;
    *pre = sov_pre_find(name.p, name.len);
    if (raw && tok->kind == &sov_tokenizer_gemma4 &&
        (*pre == NULL || !((*pre)->flags & SOV_PRE_MARKS)))
        *pre = sov_pre_find(own, strlen(own)); /* as others do */
    if (*pre == NULL || raw != (((*pre)->flags & SOV_PRE_RAW) != 0))
        return sov_fail(err, SOV_EUNSUP,
                        "the pre-tokenizer \"%.*s\" (" KEY "pre) is not known",
                        (int)(name.len < 64 ? name.len : 64),
                        (const char *)name.p);
    return 0;
}

/* What the name of the pre-tokenizer says where no key does. */
static void
apply_flags(sov_tok *tok, const sov_meta *meta, unsigned flags)
{
    if ((flags & SOV_PRE_ADD_BOS) &&
        sov_meta_find(meta, KEY "add_bos_token") == NULL)
        tok->add_bos = true;
    if ((flags & SOV_PRE_ADD_SEP) &&
        sov_meta_find(meta, KEY "add_sep_token") == NULL)
        tok->add_sep = true;
}

int
sov_bpe_load(sov_tok *tok, const sov_meta *meta, struct sov_err *err)
{
    struct sov_bpe *b = sov_mem_array(1, sizeof(*b));
    struct loader l = { .tok = tok, .bpe = b };
    const struct sov_pre *pre;
    int rc;

    if (b == NULL)
        return sov_mem_fail(err);
    tok->own = b;
    rc = find_pre(tok, meta, &pre, err);
    if (rc < 0)
        return rc;
    apply_flags(tok, meta, pre->flags);
    b->whole = pre->flags & SOV_PRE_WHOLE;
    b->raw = b->bound = pre->flags & SOV_PRE_RAW;
    b->marks = pre->flags & SOV_PRE_MARKS;
    b->eols = pre->flags & SOV_PRE_EOLS;
    tok->add_space = false; /* a key that others write and nobody heeds */
    rc = sov_meta_bool(meta, "sov.tokenizer.nfc", &b->nfc, err);
    if (rc >= 0)
        rc = sov_meta_bool(meta, "sov.tokenizer.ignore_merges", &b->whole, err);
    if (rc < 0)
        return rc;
    l.texts_cap = tok->piece[tok->n];
    l.piece_cap = tok->n + 1;
    l.part = sov_mem_array(SOV_MERGE_MAX, 1);
    if (l.part == NULL)
        return sov_mem_fail(err);
    rc = read_rules(&l, meta, err);
    free(l.part);
    if (rc == 0) {
        find_bytes(tok, b);
        if (b->raw)
            find_spelled(tok);
        rc = sov_pretok_new(&b->pre, pre, err);
    }
    return rc;
}

void
sov_bpe_drop(sov_tok *tok)
{
    struct sov_bpe *b = tok->own;

    if (b == NULL)
        return;
    sov_pretok_free(b->pre);
    sov_dna_free(b->dna);
    free(b->rule);
    free(b);
    tok->own = NULL;
}

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

#define ROW_MAX 16 /* rules in a row that are looked through */

/* Texts of symbols stand behind the pieces of the tokens, in one arena. */
struct loader {
    sov_tok *tok;
    struct sov_bpe *bpe;
    size_t texts_cap;
    size_t piece_cap;
    size_t made_cap;
    uint64_t slots;      /* of the table */
    uint32_t guess;      /* the token that the last rule made */
    bool sure;           /* ... and that it is what its name spells */
    unsigned char *part; /* a text, SOV_MERGE_MAX bytes */
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
    if (rc == 0 && at + 1 > l->made_cap)
        rc = sov_mem_grow((void **)&l->bpe->made, at, &l->made_cap,
                          sizeof(*l->bpe->made), err);
    while (rc == 0 && used + len > l->texts_cap)
        rc = sov_mem_grow((void **)&tok->texts, l->texts_cap, &l->texts_cap, 1,
                          err);
    if (rc < 0)
        return rc;
    memcpy(tok->texts + used, p, len);
    tok->piece[at + 1] = (uint32_t)(used + len);
    l->bpe->made[at] = (struct sov_made){ 0 };
    if (len > l->bpe->longest)
        l->bpe->longest = len;
    l->bpe->n_more++;
    *sym = (uint32_t)at;
    return sov_vmap_add(&tok->map, tok->texts, tok->piece, *sym, err);
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

/* Bytes of what a part of a name that spells some stands for. */
static size_t
spelled(const struct sov_bpe *b, struct sov_span name)
{
    size_t n = 0;

    for (size_t i = 0; i < name.len; i++)
        n += b->raw ? 1 : (name.p[i] & 0xc0) != 0x80;
    for (size_t i = 0; b->marks && i + 2 < name.len; i++)
        if (memcmp(name.p + i, "\xe2\x96\x81", 3) == 0)
            n -= 2;
    return n;
}

/* Is token g called as the two parts together, and its name what it spells? */
static bool
is_called(struct loader *l, uint32_t g, struct sov_span left,
          struct sov_span right)
{
    const sov_tok *tok = l->tok;
    struct sov_span name;

    if (g >= tok->n || tok->doubles)
        return false;
    name = sov_tok_name(tok, (int32_t)g);
    if (name.len != left.len + right.len ||
        memcmp(name.p, left.p, left.len) != 0 ||
        memcmp(name.p + left.len, right.p, right.len) != 0)
        return false;
    if (g == l->guess && l->sure)
        return true;
    return sov_tok_mapped(tok, (int32_t)g) &&
           tok->piece[g + 1] - tok->piece[g] == spelled(l->bpe, name);
}

/*
 * What a rule makes, and where its left part ends; *at 0: the rule does
 * nothing.  Most vocabularies have their tokens in the order of rules.
 */
static int
find_made(struct loader *l, struct sov_span left, struct sov_span right,
          uint32_t *sym, size_t *at, struct sov_err *err)
{
    size_t n;

    for (uint32_t g = l->guess; g <= l->guess + 1; g++)
        if (is_called(l, g, left, right)) {
            *sym = l->guess = g;
            *at = spelled(l->bpe, left);
            l->sure = true;
            return 0;
        }
    if (!spell(l->bpe, left, l->part, at) ||
        !spell(l->bpe, right, l->part + *at, &n) || *at == 0 || n == 0) {
        *at = 0;
        return 0;
    }
    l->sure = false;
    if (sov_tok_lookup(l->tok, l->part, *at + n, sym)) {
        l->guess = *sym;
        return 0;
    }
    return new_symbol(l, l->part, *at + n, sym, err);
}

static void
put_slot(struct sov_bpe *b, struct sov_merge m)
{
    uint64_t i = sov_bpe_slot(b, m.made - 1, m.left);

    while (b->other[i].made != 0 &&
           (b->other[i].made != m.made || b->other[i].left != m.left))
        i = (i + 1) & b->mask;
    if (b->other[i].made != 0)
        return; /* of two rules the first one counts */
    b->other[i] = m;
    b->n_other++;
}

static int
widen(struct loader *l, struct sov_err *err)
{
    struct sov_bpe *b = l->bpe;
    struct sov_merge *old = b->other;
    uint64_t n = l->slots;

    l->slots = n == 0 ? 64 : 2 * n;
    b->other = sov_mem_array((size_t)l->slots, sizeof(*b->other));
    if (b->other == NULL) {
        b->other = old;
        return sov_mem_fail(err);
    }
    b->mask = l->slots - 1;
    b->n_other = 0;
    for (uint64_t i = 0; i < n; i++)
        if (old[i].made != 0)
            put_slot(b, old[i]);
    free(old);
    return 0;
}

static int
put_rule(struct loader *l, uint32_t rank, uint32_t sym, size_t left,
         struct sov_err *err)
{
    struct sov_bpe *b = l->bpe;
    struct sov_made *m = &b->made[sym];

    b->left[rank] = (uint32_t)left;
    if (m->n == 0)
        m->first = rank;
    if (m->n < ROW_MAX && m->first + m->n == rank && !m->more) {
        m->n++;
        return 0;
    }
    m->more = true;
    if (2 * (b->n_other + 1) > l->slots && widen(l, err) < 0)
        return SOV_EMEM;
    put_slot(b, (struct sov_merge){ sym + 1, (uint32_t)left, rank });
    return 0;
}

static int
read_rule(struct loader *l, struct sov_span text, uint32_t rank,
          struct sov_err *err)
{
    const sov_tok *tok = l->tok;
    struct sov_span left = text, right = text;
    const unsigned char *gap;
    uint32_t sym = 0;
    size_t at;
    int rc;

    if (text.len > SOV_MERGE_MAX)
        return sov_fail(err, SOV_EFORMAT,
                        KEY "merges: entry %u has %zu bytes, the limit is %llu",
                        rank, text.len, (unsigned long long)SOV_MERGE_MAX);
    gap = text.len < 3 ? NULL : memchr(text.p + 1, ' ', text.len - 1);
    if (gap == NULL)
        return 0;
    left.len = (size_t)(gap - text.p);
    right.p = gap + 1;
    right.len = text.len - left.len - 1;
    rc = find_made(l, left, right, &sym, &at, err);
    if (rc < 0 || at == 0)
        return rc;
    if (l->bpe->raw && l->bpe->made[sym].n == 0 &&
        spans_words(tok->texts + tok->piece[sym],
                    tok->piece[sym + 1] - tok->piece[sym]))
        l->bpe->bound = false;
    return put_rule(l, rank, sym, at, err);
}

static int
read_rules(struct loader *l, const sov_meta *meta, struct sov_err *err)
{
    const struct sov_kv *kv = sov_meta_find(meta, KEY "merges");
    struct sov_bpe *b = l->bpe;
    struct sov_span text;
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
    l->made_cap = l->tok->n;
    b->made = sov_mem_array(l->made_cap, sizeof(*b->made));
    b->left = sov_mem_array((size_t)kv->n, sizeof(*b->left));
    if (b->made == NULL || b->left == NULL)
        return sov_mem_fail(err);
    b->longest = l->tok->longest;
    sov_map_key(b->key);
    for (uint32_t rank = 0; rc == 0 && sov_kv_next_str(kv, &at, &text); rank++)
        rc = read_rule(l, text, rank, err);
    return rc;
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
    free(b->made);
    free(b->left);
    free(b->other);
    free(b);
    tok->own = NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vocab.c - the tokens go that a text does not need
 *
 * The text becomes the same tokens afterwards, and each of them has the same
 * logits to the bit, since its row of the head is what it was.  There stay
 *
 *  - the tokens of the text;
 *  - all that have a meaning (control tokens, those of the user, what
 *    metadata name), and those of one byte, so that any text can be written;
 *  - what merging passes through on the way to a token that stays, and the
 *    rules it takes.
 *
 * That this is enough: merging takes the best union of two neighbours, again
 * and again.  No union reaches over the ends of the tokens that come out, so
 * what happens within one of them is what happens to its text alone; and a
 * union that was best among all is best among those that are left, if it is
 * one of them.  WordPiece takes the longest token from where it stands, and
 * what was the longest stays the longest.
 */
#include "prune/job.h"
#include "prune/shape.h"

#include "base/map.h"
#include "base/mem.h"
#include "base/text.h"
#include "tok/tok.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define KEY "tokenizer.ggml."

struct vocab {
    const sov_tok *tok;
    const sov_meta *meta;
    bool *keep;             /* [tokens] */
    bool *rule;             /* [merges], or NULL */
    struct sov_span *merge; /* [merges] */
    size_t n_merges;
    struct sov_map rank; /* "LEFT RIGHT" -> number of the rule */
    unsigned char *pair; /* a rule, in the making */
    uint32_t *end;       /* ends of symbols of a name */
    size_t longest;
};

/* ---- tokens with a meaning ---- */

static bool
has_meaning(const sov_tok *tok, size_t id)
{
    switch (tok->type[id]) {
    case SOV_TOK_UNKNOWN:
    case SOV_TOK_CONTROL:
    case SOV_TOK_USER:
    case SOV_TOK_BYTE:
        return true;
    default:
        return tok->mark[id] != 0 || sov_tok_piece(tok, (int32_t)id).len == 1;
    }
}

static void
keep_named(struct vocab *v)
{
    static const char end[] = "_token_id";
    const int32_t usual[] = { v->tok->bos, v->tok->eos, v->tok->unk,
                              v->tok->sep };

    for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++)
        if (usual[i] >= 0)
            v->keep[usual[i]] = true;

    for (size_t i = 0; i < sov_meta_count(v->meta); i++) {
        const struct sov_kv *kv = sov_meta_at(v->meta, i);
        size_t len = strlen(kv->key);
        int64_t id;

        if (strncmp(kv->key, KEY, sizeof(KEY) - 1) != 0 || len < sizeof(end) ||
            strcmp(kv->key + len - (sizeof(end) - 1), end) != 0 ||
            kv->type == SOV_V_STR || kv->type == SOV_V_ARR)
            continue;
        id = sov_kv_int(kv, 0);
        if (id >= 0 && (uint64_t)id < v->tok->n)
            v->keep[id] = true;
    }
}

/* ---- how a token is made ---- */

/* Which union of symbols i and i + 1 is: smaller is sooner; false: none. */
typedef bool (*rank_fn)(struct vocab *v, const unsigned char *left, size_t n,
                        size_t m, double *rank, size_t *rule);

/* By the score of what they are together. */
static bool
rank_spm(struct vocab *v, const unsigned char *left, size_t n, size_t m,
         double *rank, size_t *rule)
{
    uint32_t id;

    *rule = SIZE_MAX;
    if (!sov_tok_lookup(v->tok, left, n + m, &id))
        return false;
    *rank = -(double)v->tok->score[id];
    return true;
}

/* By the number of the rule. */
static bool
rank_bpe(struct vocab *v, const unsigned char *left, size_t n, size_t m,
         double *rank, size_t *rule)
{
    uint64_t at;

    memcpy(v->pair, left, n);
    v->pair[n] = ' ';
    memcpy(v->pair + n + 1, left + n, m);
    if (!sov_map_get(&v->rank, v->pair, n + 1 + m, &at))
        return false;
    *rank = (double)at;
    *rule = (size_t)at;
    return true;
}

/* Cut a name into characters; their number. */
static size_t
split(struct vocab *v, struct sov_span name)
{
    size_t n = 0, at = 0;

    while (at < name.len) {
        uint32_t cp;
        size_t len = sov_utf8_step(name.p + at, name.len - at, &cp);

        at += len > 0 ? len : 1;
        v->end[n++] = (uint32_t)at;
    }
    return n;
}

static void
keep_text(struct vocab *v, const unsigned char *p, size_t len)
{
    uint32_t id;

    if (sov_tok_lookup(v->tok, p, len, &id))
        v->keep[id] = true;
}

/* Merge the name of a token, and keep all that it passes through. */
static void
keep_way(struct vocab *v, int32_t id, rank_fn rank_of)
{
    struct sov_span name = sov_tok_name(v->tok, id);
    size_t n = split(v, name);

    for (size_t i = 0; i < n; i++)
        keep_text(v, name.p + (i > 0 ? v->end[i - 1] : 0),
                  v->end[i] - (i > 0 ? v->end[i - 1] : 0));
    while (n > 1) {
        double best = 0, rank;
        size_t at = SIZE_MAX, taken = SIZE_MAX, rule;

        for (size_t i = 0; i + 1 < n; i++) {
            size_t from = i > 0 ? v->end[i - 1] : 0;

            if (rank_of(v, name.p + from, v->end[i] - from,
                        v->end[i + 1] - v->end[i], &rank, &rule) &&
                (at == SIZE_MAX || rank < best)) {
                best = rank;
                at = i;
                taken = rule;
            }
        }
        if (at == SIZE_MAX)
            return;
        if (taken != SIZE_MAX)
            v->rule[taken] = true;
        memmove(v->end + at, v->end + at + 1, (n - at - 1) * sizeof(*v->end));
        n--;
        keep_text(v, name.p + (at > 0 ? v->end[at - 1] : 0),
                  v->end[at] - (at > 0 ? v->end[at - 1] : 0));
    }
}

static void
keep_ways(struct vocab *v, rank_fn rank_of)
{
    bool *was = v->keep;

    /* ways of what is kept on the way are parts of the same ways */
    for (size_t i = 0; i < v->tok->n; i++)
        if (was[i] && sov_tok_mapped(v->tok, (int32_t)i))
            keep_way(v, (int32_t)i, rank_of);
}

/* ---- kinds of tokenizers ---- */

static int
read_merges(struct vocab *v, struct sov_err *err)
{
    const struct sov_kv *kv = sov_meta_find(v->meta, KEY "merges");
    size_t at = 0, n = 0;
    struct sov_span s;
    int rc = 0;

    if (kv == NULL || kv->type != SOV_V_ARR || kv->elem != SOV_V_STR)
        return sov_fail(err, SOV_EFORMAT, KEY "merges is missing");
    v->merge = sov_mem_array((size_t)kv->n, sizeof(*v->merge));
    v->rule = sov_mem_array((size_t)kv->n, sizeof(*v->rule));
    if (v->merge == NULL || v->rule == NULL)
        return sov_mem_fail(err);
    while (rc >= 0 && sov_kv_next_str(kv, &at, &s)) {
        v->merge[n] = s;
        rc = sov_map_add(&v->rank, s.p, s.len, n++, err);
    }
    v->n_merges = n;
    return rc < 0 ? rc : 0;
}

/* Rules all of whose texts stay may stay, too: other texts become fewer
 * tokens by them. */
static void
keep_rules(struct vocab *v)
{
    for (size_t i = 0; i < v->n_merges; i++) {
        struct sov_span s = v->merge[i];
        const unsigned char *space =
            s.len > 1 ? memchr(s.p + 1, ' ', s.len - 1) : NULL;
        size_t n = space != NULL ? (size_t)(space - s.p) : 0;
        uint32_t a, b, both;

        if (space == NULL || s.len > v->longest)
            continue;
        memcpy(v->pair, s.p, n);
        memcpy(v->pair + n, space + 1, s.len - n - 1);
        v->rule[i] |= sov_tok_lookup(v->tok, s.p, n, &a) &&
                      sov_tok_lookup(v->tok, space + 1, s.len - n - 1, &b) &&
                      sov_tok_lookup(v->tok, v->pair, s.len - 1, &both) &&
                      v->keep[a] && v->keep[b] && v->keep[both];
    }
}

static int
bpe(struct vocab *v, struct sov_err *err)
{
    int rc = read_merges(v, err);

    if (rc < 0)
        return rc;
    keep_ways(v, rank_bpe);
    keep_rules(v);
    return 0;
}

static int
spm(struct vocab *v, struct sov_err *err)
{
    (void)err;
    keep_ways(v, rank_spm);
    return 0;
}

/* Characters stay, so that words that were not in the text can be spelled. */
static int
wpm(struct vocab *v, struct sov_err *err)
{
    static const char mark[] = "\xe2\x96\x81";

    (void)err;
    for (size_t i = 0; i < v->tok->n; i++) {
        struct sov_span s = sov_tok_name(v->tok, (int32_t)i);
        uint32_t cp;

        if (s.len > 3 && memcmp(s.p, mark, 3) == 0) {
            s.p += 3;
            s.len -= 3;
        }
        if (s.len > 0 && sov_utf8_step(s.p, s.len, &cp) == s.len)
            v->keep[i] = true;
    }
    return 0;
}

static const struct {
    const char *name; /* tokenizer.ggml.model */
    int (*close)(struct vocab *v, struct sov_err *err);
} kinds[] = {
    { "llama", spm },
    { "gpt2", bpe },
    { "bert", wpm },
};

/* What stays with the tokens that are kept. */
static int
close_kept(struct vocab *v, struct sov_err *err)
{
    struct sov_span kind = { NULL, 0 };

    if (sov_meta_str(v->meta, KEY "model", &kind, err) < 0)
        return SOV_EFORMAT;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strlen(kinds[i].name) == kind.len &&
            memcmp(kinds[i].name, kind.p, kind.len) == 0)
            return kinds[i].close(v, err);
    return sov_fail(err, SOV_EUNSUP,
                    "it is not known which tokens a tokenizer \"%.*s\" needs",
                    (int)(kind.len < 40 ? kind.len : 40),
                    kind.p != NULL ? (const char *)kind.p : "");
}

/* ---- all of it ---- */

static int
keep_list(struct sov_trim_list *l, const bool *keep, struct sov_err *err)
{
    uint32_t *id = sov_mem_array(l->of, sizeof(*id));
    size_t n = 0;
    int rc;

    if (id == NULL)
        return sov_mem_fail(err);
    for (size_t i = 0; i < l->of; i++)
        if (keep[i])
            id[n++] = (uint32_t)i;
    rc = sov_trim_keep(l, id, n, err);
    free(id);
    return rc;
}

static int
make_room(struct vocab *v, size_t n, struct sov_err *err)
{
    v->keep = sov_mem_array(n, sizeof(*v->keep));
    for (size_t i = 0; i < v->tok->n; i++) {
        size_t len = sov_tok_name(v->tok, (int32_t)i).len;

        v->longest = len > v->longest ? len : v->longest;
    }
    v->longest += 2;
    v->pair = sov_mem_array(v->longest, 1);
    v->end = sov_mem_array(v->longest, sizeof(*v->end));
    return v->keep == NULL || v->pair == NULL || v->end == NULL
               ? sov_mem_fail(err)
               : 0;
}

static int
choose(struct vocab *v, struct sov_trim *c, const struct sov_calib_opts *text,
       struct sov_err *err)
{
    int rc = make_room(v, c->vocab.of, err);

    for (size_t i = 0; i < v->tok->n && rc == 0; i++)
        v->keep[i] = has_meaning(v->tok, i);
    for (size_t i = 0; i < text->n_ids && rc == 0; i++) {
        if (text->ids[i] < 0 || (size_t)text->ids[i] >= v->tok->n)
            return sov_fail(err, SOV_EFORMAT,
                            "token %" PRId32 " is not of this model",
                            text->ids[i]);
        v->keep[text->ids[i]] = true;
    }
    if (rc == 0) {
        keep_named(v);
        rc = close_kept(v, err);
    }
    if (rc == 0)
        rc = keep_list(&c->vocab, v->keep, err);
    if (rc == 0 && v->rule != NULL && v->n_merges > 0)
        rc = keep_list(&c->merge, v->rule, err);
    return rc;
}

static int
check(const struct sov_trim *c, const sov_tok *tok,
      const struct sov_shape_ask *ask, struct sov_err *err)
{
    if (ask->target != 0 || ask->ratio == ask->ratio)
        return sov_fail(err, SOV_EARG,
                        "vocab: the text says how much goes, neither ratio nor "
                        "size");
    if (tok->n != c->vocab.of)
        return sov_fail(err, SOV_EUNSUP,
                        "the tokenizer has %zu tokens, token_embd %zu rows",
                        tok->n, c->vocab.of);
    return 0;
}

static int
cut(struct sov_trim *c, const struct sov_shape_ask *ask, struct sov_err *err)
{
    struct vocab v = { .meta = sov_model_meta(c->model) };
    sov_tok *tok = NULL;
    int rc = sov_shape_text(ask, "vocab", err);

    if (rc == 0)
        rc = sov_tok_load(&tok, v.meta, err);
    v.tok = tok;
    if (rc == 0)
        rc = check(c, tok, ask, err);
    if (rc == 0)
        rc = choose(&v, c, ask->calib, err);
    if (rc == 0 && ask->job != NULL)
        sov_prune_tell(ask->job, "%zu of %zu tokens stay", c->vocab.n,
                       c->vocab.of);
    free(v.keep);
    free(v.rule);
    free(v.merge);
    free(v.pair);
    free(v.end);
    sov_map_free(&v.rank);
    sov_tok_free(tok);
    return rc;
}

const struct sov_prune_method sov_prune_method_vocab = {
    .name = "vocab",
    .about = "tokens that a text does not need",
    .needs = SOV_PRUNE_TEXT,
    .cut = cut,
};

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ids.c - tokens with a meaning: what begins and ends texts and turns
 *
 *   tokenizer.ggml.*_token_id   bos, eos, unknown, eot, eom, seperator (as it
 *                               was once spelled); 0xffffffff is "none"
 *   add_bos_token, add_eos_token, add_sep_token, add_space_prefix
 *   sov.tokenizer.lstrip, .rstrip   arrays of u32: ids that swallow the white
 *                               space before and behind them
 *
 * A control token is one that the vocabulary calls so, and in any case what
 * begins or ends a text or is written by programs alone, whatever type it has
 * there: text must not become one of these by being typed.
 */
#include "tok/tok.h"

#include <string.h>

#define KEY  "tokenizer.ggml."
#define MARK "\xe2\x96\x81"
#define BAR  "\xef\xbd\x9c" /* a wide one */

/*
 * Names by which published models call what ends a text or a turn, or is
 * written by programs alone.  There is no key for most of them.  Those that
 * end a turn are looked for in their order.
 */
enum use { TURN, END, CONTROL };

#define NAME(text, use)             \
    {                               \
        text, sizeof(text) - 1, use \
    }

static const struct {
    const char *name;
    size_t len;
    enum use use;
} known[] = {
    NAME("<|eot_id|>", TURN),
    NAME("<|im_end|>", TURN),
    NAME("<|end|>", TURN),
    NAME("<end_of_turn>", TURN),
    NAME("<turn|>", TURN),
    NAME("<|endoftext|>", TURN),
    NAME("<|end_of_text|>", TURN),
    NAME("<EOT>", TURN),
    NAME("_<EOT>", TURN),
    NAME("[EOT]", TURN),
    NAME("<" BAR "end" MARK "of" MARK "sentence" BAR ">", TURN),
    NAME("<end_of_utterance>", TURN),
    NAME("</s>", END),
    NAME("<eos>", END),
    NAME("[EOS]", END),
    NAME("[e~[", END),
    NAME("<|eom_id|>", END),
    NAME("<|return|>", END),
    NAME("<|call|>", END),
    NAME("<|flush|>", END),
    NAME("<|calls|>", END),
    NAME("<|tool_response>", END),
    /* parts of a file with a gap, and files of a repository */
    NAME("<|fim_pad|>", END),
    NAME("<fim-pad>", END),
    NAME("<fim_pad>", END),
    NAME("<PAD>", END),
    NAME("[PAD]", END),
    NAME("<|fim_repo|>", END),
    NAME("<|repo_name|>", END),
    NAME("<fim-repo>", END),
    NAME("<REPO>", END),
    NAME("<reponame>", END),
    NAME("<|file_sep|>", END),
    NAME("<|fim_prefix|>", CONTROL),
    NAME("<fim-prefix>", CONTROL),
    NAME("<fim_prefix>", CONTROL),
    NAME("<PRE>", CONTROL),
    NAME("<|code_prefix|>", CONTROL),
    NAME("<|prefix|>", CONTROL),
    NAME(MARK "<PRE>", CONTROL),
    NAME("<" BAR "fim" MARK "begin" BAR ">", CONTROL),
    NAME("<|fim_suffix|>", CONTROL),
    NAME("<fim-suffix>", CONTROL),
    NAME("<fim_suffix>", CONTROL),
    NAME("<SUF>", CONTROL),
    NAME("<|code_suffix|>", CONTROL),
    NAME("<|suffix|>", CONTROL),
    NAME(MARK "<SUF>", CONTROL),
    NAME("<" BAR "fim" MARK "hole" BAR ">", CONTROL),
    NAME("<|fim_middle|>", CONTROL),
    NAME("<fim-middle>", CONTROL),
    NAME("<fim_middle>", CONTROL),
    NAME("<MID>", CONTROL),
    NAME("<|code_middle|>", CONTROL),
    NAME("<|middle|>", CONTROL),
    NAME(MARK "<MID>", CONTROL),
    NAME("<" BAR "fim" MARK "end" BAR ">", CONTROL),
};

#define N_KNOWN (sizeof(known) / sizeof(*known))

/* ---- reading */

/* An id: *id stays when the key is missing, and is -1 for "none". */
static int
read_id(const sov_tok *tok, const sov_meta *meta, const char *key, int32_t *id,
        struct sov_err *err)
{
    const struct sov_kv *kv = sov_meta_find(meta, key);
    int64_t v;

    if (*id >= 0 && (size_t)*id >= tok->n)
        *id = -1;
    if (kv == NULL)
        return 0;
    if (kv->type == SOV_V_STR || kv->type == SOV_V_ARR ||
        kv->type == SOV_V_F32 || kv->type == SOV_V_F64 ||
        kv->type == SOV_V_BOOL)
        return sov_fail(err, SOV_EFORMAT, "%s is not an integer", key);
    v = sov_kv_int(kv, 0);
    if (v == -1 || v == UINT32_MAX) {
        *id = -1;
        return 0;
    }
    if (v < 0 || (uint64_t)v >= tok->n)
        return sov_fail(err, SOV_EFORMAT,
                        "%s is %lld, the vocabulary has %zu tokens", key,
                        (long long)v, tok->n);
    *id = (int32_t)v;
    return 0;
}

static int
read_flag(const sov_meta *meta, const char *key, bool *flag,
          struct sov_err *err)
{
    int rc = sov_meta_bool(meta, key, flag, err);

    return rc < 0 ? rc : 0;
}

static int
read_marks(sov_tok *tok, const sov_meta *meta, const char *key, uint8_t mark,
           struct sov_err *err)
{
    const struct sov_kv *kv = sov_meta_find(meta, key);

    if (kv == NULL)
        return 0;
    if (kv->type != SOV_V_ARR || kv->elem != SOV_V_U32)
        return sov_fail(err, SOV_EFORMAT, "%s has the wrong type", key);
    for (uint64_t i = 0; i < kv->n; i++) {
        int64_t id = sov_kv_int(kv, i);

        if (id < 0 || (uint64_t)id >= tok->n)
            return sov_fail(err, SOV_EFORMAT,
                            "%s names %lld, the vocabulary has %zu tokens", key,
                            (long long)id, tok->n);
        tok->mark[id] |= mark;
    }
    return 0;
}

static int
read_keys(sov_tok *tok, const sov_meta *meta, int32_t *eom, struct sov_err *err)
{
    const struct {
        const char *key;
        int32_t *id;
    } ids[] = {
        { KEY "bos_token_id", &tok->bos },
        { KEY "eos_token_id", &tok->eos },
        { KEY "unknown_token_id", &tok->unk },
        { KEY "seperator_token_id", &tok->sep },
        { KEY "eot_token_id", &tok->eot },
        { KEY "eom_token_id", eom },
    };
    const struct {
        const char *key;
        bool *flag;
    } flags[] = {
        { KEY "add_bos_token", &tok->add_bos },
        { KEY "add_eos_token", &tok->add_eos },
        { KEY "add_sep_token", &tok->add_sep },
        { KEY "add_space_prefix", &tok->add_space },
    };
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < sizeof(ids) / sizeof(*ids); i++)
        rc = read_id(tok, meta, ids[i].key, ids[i].id, err);
    for (size_t i = 0; rc == 0 && i < sizeof(flags) / sizeof(*flags); i++)
        rc = read_flag(meta, flags[i].key, flags[i].flag, err);
    if (rc == 0)
        rc =
            read_marks(tok, meta, "sov.tokenizer.lstrip", SOV_MARK_LSTRIP, err);
    if (rc == 0)
        rc =
            read_marks(tok, meta, "sov.tokenizer.rstrip", SOV_MARK_RSTRIP, err);
    return rc;
}

/* ---- names */

static void
mark_end(sov_tok *tok, int32_t id)
{
    if (id >= 0)
        tok->mark[id] |= SOV_MARK_END;
}

static bool
is_named(struct sov_span name, const char *s)
{
    return name.len == strlen(s) && memcmp(name.p, s, name.len) == 0;
}

/* The first token with each of the names, or -1. */
static void
find_known(const sov_tok *tok, int32_t found[N_KNOWN])
{
    for (size_t k = 0; k < N_KNOWN; k++)
        found[k] = -1;
    for (size_t i = 0; i < tok->n; i++) {
        struct sov_span name = sov_tok_name(tok, (int32_t)i);

        if (name.len < 4 || memchr(">][", name.p[name.len - 1], 3) == NULL)
            continue;
        for (size_t k = 0; k < N_KNOWN; k++)
            if (found[k] < 0 && name.len == known[k].len &&
                memcmp(name.p, known[k].name, name.len) == 0)
                found[k] = (int32_t)i;
    }
}

static int32_t
found_as(const int32_t found[N_KNOWN], const char *name)
{
    for (size_t k = 0; k < N_KNOWN; k++)
        if (strcmp(known[k].name, name) == 0)
            return found[k];
    return -1;
}

static bool
has_both(const int32_t found[N_KNOWN], const char *a, const char *b)
{
    return found_as(found, a) >= 0 && found_as(found, b) >= 0;
}

/*
 * What ends a text by its name.  Where a model has calls and returns, <|end|>
 * ends a message and not the turn.
 */
static void
mark_by_name(sov_tok *tok)
{
    int32_t found[N_KNOWN];
    bool calls;
    int32_t end;

    find_known(tok, found);
    end = found_as(found, "<|end|>");
    calls = has_both(found, "<|return|>", "<|call|>") ||
            has_both(found, "<|flush|>", "<|calls|>");
    for (size_t k = 0; k < N_KNOWN; k++) {
        if (found[k] < 0)
            continue;
        tok->mark[found[k]] |= SOV_MARK_CONTROL;
        if (known[k].use == CONTROL || (calls && found[k] == end))
            continue;
        mark_end(tok, found[k]);
        if (known[k].use == TURN && tok->eot < 0)
            tok->eot = found[k];
    }
}

/*
 * The special tokens of Phi-3 swallow what is behind them, and its files do
 * not say so.
 */
static bool
is_phi3(const sov_meta *meta)
{
    struct sov_span name;
    char low[64];
    size_t n;

    if (sov_meta_str(meta, "general.name", &name, NULL) != 0)
        return false;
    n = name.len < sizeof(low) ? name.len : sizeof(low) - 1;
    for (size_t i = 0; i < n; i++)
        low[i] = (char)(name.p[i] >= 'A' && name.p[i] <= 'Z' ? name.p[i] + 32
                                                             : name.p[i]);
    low[n] = '\0';
    return strstr(low, "phi-3") != NULL || strstr(low, "phi3") != NULL;
}

static void
mark_phi3(sov_tok *tok)
{
    for (size_t i = 0; i < tok->n; i++) {
        struct sov_span name = sov_tok_name(tok, (int32_t)i);
        bool special = tok->type[i] == SOV_TOK_CONTROL ||
                       tok->type[i] == SOV_TOK_USER ||
                       tok->type[i] == SOV_TOK_UNKNOWN;

        if ((special && !is_named(name, "<unk>") && !is_named(name, "<s>") &&
             !is_named(name, "<|endoftext|>")) ||
            is_named(name, "</s>"))
            tok->mark[i] |= SOV_MARK_RSTRIP;
    }
}

int
sov_tok_read_ids(sov_tok *tok, const sov_meta *meta, struct sov_err *err)
{
    const struct sov_tokenizer *kind = tok->kind;
    int32_t eom = -1;
    int rc;

    tok->bos = kind->bos;
    tok->eos = kind->eos;
    tok->unk = kind->unk;
    tok->sep = kind->sep;
    tok->eot = -1;
    tok->add_bos = kind->add_bos;
    tok->add_eos = kind->add_eos;
    tok->add_sep = kind->add_sep;
    tok->add_space = kind->add_space;
    rc = read_keys(tok, meta, &eom, err);
    if (rc < 0)
        return rc;
    mark_by_name(tok);
    mark_end(tok, tok->eos);
    mark_end(tok, tok->eot);
    mark_end(tok, eom);
    if (is_phi3(meta))
        mark_phi3(tok);
    return 0;
}

/* ---- asking */

int32_t
sov_tok_bos(const sov_tok *tok)
{
    return tok->bos;
}

int32_t
sov_tok_eos(const sov_tok *tok)
{
    return tok->eos;
}

int32_t
sov_tok_eot(const sov_tok *tok)
{
    return tok->eot;
}

bool
sov_tok_adds_bos(const sov_tok *tok)
{
    return tok->add_bos && tok->bos >= 0;
}

bool
sov_tok_adds_eos(const sov_tok *tok)
{
    return tok->add_eos && tok->eos >= 0;
}

bool
sov_tok_is_end(const sov_tok *tok, int32_t id)
{
    return id >= 0 && (size_t)id < tok->n && (tok->mark[id] & SOV_MARK_END);
}

bool
sov_tok_is_control(const sov_tok *tok, int32_t id)
{
    return id >= 0 && (size_t)id < tok->n &&
           (tok->type[id] == SOV_TOK_CONTROL ||
            (tok->mark[id] & (SOV_MARK_END | SOV_MARK_CONTROL)) ||
            id == tok->bos || id == tok->sep);
}

bool
sov_tok_space_prefix(const sov_tok *tok)
{
    return tok->add_space;
}

int32_t
sov_tok_find(const sov_tok *tok, const char *name, size_t len)
{
    for (size_t i = 0; i < tok->n; i++)
        if (tok->name[i + 1] - tok->name[i] == len &&
            memcmp(tok->names + tok->name[i], name, len) == 0)
            return (int32_t)i;
    return -1;
}

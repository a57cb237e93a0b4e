/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tok.h - what a kind of tokenizer is, inside the house
 *
 * A model names its tokenizer in tokenizer.ggml.model.  Each kind is one file
 * and one row of tokenizers.def; tok.c reads the vocabulary, which all kinds
 * share, and special.c cuts the special tokens out of a text before the kind
 * sees the rest.
 *
 * Invariants of a loaded vocabulary:
 *  1. name[i] and piece[i] lie within the arenas, for all i < n.
 *  2. bos, eos and unk are -1 or below n.
 *  3. map holds exactly the tokens that text may turn into by itself: not the
 *     control, unknown, byte, unused and empty ones; by their names, or by
 *     their pieces where the kind says so.
 *  4. no score is a NaN.
 */
#ifndef SOV_TOK_TOK_H
#define SOV_TOK_TOK_H

#include "sov/token.h"
#include "tok/vmap.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Values of tokenizer.ggml.token_type. */
enum sov_tok_type {
    SOV_TOK_UNDEFINED = 0,
    SOV_TOK_NORMAL = 1,
    SOV_TOK_UNKNOWN = 2,
    SOV_TOK_CONTROL = 3,
    SOV_TOK_USER = 4,
    SOV_TOK_UNUSED = 5,
    SOV_TOK_BYTE = 6,
};

enum sov_tok_mark {
    SOV_MARK_END = 1,     /* ends a text */
    SOV_MARK_LSTRIP = 2,  /* swallows white space before it */
    SOV_MARK_RSTRIP = 4,  /* ... and behind it */
    SOV_MARK_CONTROL = 8, /* a control token whatever its type is */
};

struct sov_ids {
    int32_t *p; /* owned */
    size_t n;
    size_t cap;
};

/* Make room for one more. */
int sov_ids_grow(struct sov_ids *ids, struct sov_err *err) SOV_MUST_CHECK;

static inline int
sov_ids_add(struct sov_ids *ids, int32_t id, struct sov_err *err)
{
    if (ids->n == ids->cap && sov_ids_grow(ids, err) < 0)
        return SOV_EMEM;
    ids->p[ids->n++] = id;
    return 0;
}

/* One text on its way to ids. */
struct sov_encoder {
    const sov_tok *tok;
    size_t len;         /* bytes of all of the text */
    struct sov_ids out; /* owned */
    void *work;         /* of the kind: NULL at first, freed by done() */
};

/*
 * Texts of special tokens, sorted, to be found in running text; begin[b] is
 * the first one that starts with byte b or a higher one.
 */
struct sov_needles {
    int32_t *id; /* owned */
    size_t n;
    uint32_t begin[257];
};

/* What one kind of tokenizer does, and what it takes for granted. */
struct sov_tokenizer {
    const char *name; /* value of tokenizer.ggml.model */
    int32_t bos;      /* where the model does not say */
    int32_t eos;
    int32_t unk;
    int32_t sep;
    bool add_bos;
    bool add_eos;
    bool add_sep;
    bool add_space;
    bool by_piece; /* text becomes tokens by their pieces, not their names */

    /* NULL, or another kind that the keys ask for; NULL: none. */
    const struct sov_tokenizer *(*other)(const sov_meta *meta);

    /* Check what this kind needs, after the common part is read; what it
     * keeps for itself is tok->own, which drop() frees. */
    int (*prepare)(sov_tok *tok, const sov_meta *meta, struct sov_err *err);
    void (*drop)(sov_tok *tok);

    /* The text of a token in running text, at most as long as its name;
     * gives the length. */
    size_t (*piece)(const sov_tok *tok, int32_t id, unsigned char *out);

    /* Is this one that text may turn into?  NULL: all that remain are. */
    bool (*plain)(const sov_tok *tok, int32_t id);

    /* Text between special tokens; first: nothing or a special token stands
     * before it. */
    int (*encode)(struct sov_encoder *enc, const unsigned char *text,
                  size_t len, bool first, struct sov_err *err);
    void (*done)(struct sov_encoder *enc);
};

#define TOKENIZER(sym) extern const struct sov_tokenizer sov_tokenizer_##sym;
#include "tok/tokenizers.def"
#undef TOKENIZER

struct sov_tok {
    const struct sov_tokenizer *kind;
    size_t n;

    unsigned char *names; /* all names, one after the other */
    uint32_t *name;       /* n + 1 offsets in names */
    unsigned char *texts; /* all pieces */
    uint32_t *piece;      /* n + 1 offsets in texts */
    float *score;
    uint8_t *type; /* enum sov_tok_type */
    uint8_t *mark; /* enum sov_tok_mark, added */

    struct sov_vmap map;
    size_t longest;       /* bytes of the longest token in map */
    int32_t byte_id[256]; /* token of a single byte, or -1 */
    bool doubles;         /* two tokens of map have one text */
    bool word_bound;      /* no token in map goes on over a space mark */

    struct sov_needles user;    /* always cut out of a text */
    struct sov_needles special; /* these and control tokens: when asked */

    int32_t bos;
    int32_t eos;
    int32_t unk;
    int32_t sep;
    int32_t eot;
    bool add_bos;
    bool add_eos;
    bool add_sep;
    bool add_space;

    void *own; /* of the kind */
};

/* The number of a text among the tokens that text may turn into. */
static inline bool
sov_tok_lookup(const sov_tok *tok, const unsigned char *p, size_t len,
               uint32_t *id)
{
    return tok->kind->by_piece
               ? sov_vmap_get(&tok->map, tok->texts, tok->piece, p, len, id)
               : sov_vmap_get(&tok->map, tok->names, tok->name, p, len, id);
}

/* ids.c: the ids with a meaning, marks, and what is put around a text. */
int sov_tok_read_ids(sov_tok *tok, const sov_meta *meta,
                     struct sov_err *err) SOV_MUST_CHECK;

/* special.c */
int sov_needles_build(struct sov_needles *set, const sov_tok *tok, bool control,
                      struct sov_err *err) SOV_MUST_CHECK;
void sov_needles_free(struct sov_needles *set);
/*
 * The leftmost, there the longest, special token in text[at, len): its place
 * in *pos, its length in *n; gives its id, or -1.
 */
int32_t sov_needles_find(const struct sov_needles *set, const sov_tok *tok,
                         const unsigned char *text, size_t len, size_t at,
                         size_t *pos, size_t *n);

/* cut.c: a special token in a text */
struct sov_hit {
    size_t pos; /* the end of the text if there is none */
    size_t n;   /* bytes */
    int32_t id; /* -1: none */
};

struct sov_cut {
    const sov_tok *tok;
    const unsigned char *text;
    size_t len;
    const unsigned char *mark; /* [len]: not 0 where no control token is; or
                                * NULL: special says it for all of the text */
    bool special;
    struct sov_hit user;
    struct sov_hit control;
};

void sov_cut_begin(struct sov_cut *c, const sov_tok *tok,
                   const unsigned char *text, size_t len,
                   const unsigned char *mark, bool special);
/* The next one at or after at, which never goes back. */
struct sov_hit sov_cut_next(struct sov_cut *c, size_t at);

/* May text turn into this token by itself? */
bool sov_tok_mapped(const sov_tok *tok, int32_t id);

/* A name with its marks for spaces as spaces, in out; its length. */
size_t sov_tok_unmark(struct sov_span name, unsigned char *out);

/* The piece of a token: its byte, or its name; with marks unmarked, unless it is
 * the user's. */
size_t sov_tok_piece_of(const sov_tok *tok, int32_t id, bool marks,
                        unsigned char *out);

/* The byte that a token name <0xXX> stands for, or -1. */
int sov_tok_byte(const unsigned char *name, size_t len);

#endif

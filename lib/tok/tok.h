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
 *     control, unknown, byte, unused and empty ones.
 *  4. no score is a NaN.
 */
#ifndef SOV_TOK_TOK_H
#define SOV_TOK_TOK_H

#include "base/map.h"
#include "sov/token.h"

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

struct sov_ids {
    int32_t *p; /* owned */
    size_t n;
    size_t cap;
};

int sov_ids_add(struct sov_ids *ids, int32_t id,
                struct sov_err *err) SOV_MUST_CHECK;

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
    bool add_bos;
    bool add_eos;
    bool add_space;

    /* Check what this kind needs, after the common part is read. */
    int (*prepare)(sov_tok *tok, const sov_meta *meta, struct sov_err *err);

    /* The text of a token in running text, at most as long as its name;
     * gives the length. */
    size_t (*piece)(const sov_tok *tok, int32_t id, unsigned char *out);

    /* Text between special tokens; first: nothing or a special token stands
     * before it. */
    int (*encode)(const sov_tok *tok, const unsigned char *text, size_t len,
                  bool first, struct sov_ids *out, struct sov_err *err);
};

#define TOKENIZER(sym) extern const struct sov_tokenizer sov_tokenizer_##sym;
#include "tok/tokenizers.def"
#undef TOKENIZER

struct sov_tok {
    const struct sov_tokenizer *kind;
    size_t n;

    unsigned char *names; /* all names, one after the other */
    size_t *name;         /* n + 1 offsets in names */
    unsigned char *texts; /* all pieces */
    size_t *piece;        /* n + 1 offsets in texts */
    float *score;
    uint8_t *type; /* enum sov_tok_type */
    uint8_t *end;  /* does it end a text? */

    struct sov_map map;
    size_t longest;       /* bytes of the longest token in map */
    int32_t byte_id[256]; /* token of a single byte, or -1 */
    bool word_bound;      /* no token in map goes on over a space mark */

    struct sov_needles user;    /* always cut out of a text */
    struct sov_needles special; /* these and control tokens: when asked */

    int32_t bos;
    int32_t eos;
    int32_t unk;
    bool add_bos;
    bool add_eos;
    bool add_space;
};

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

/* The byte that a token name <0xXX> stands for, or -1. */
int sov_tok_byte(const unsigned char *name, size_t len);

#endif

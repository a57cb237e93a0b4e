/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bpe.h - merges by rank, for one piece of text at a time
 *
 * A symbol is a token or, numbered from n on, a text that only merges know:
 * rules may pass through texts that are no tokens (vocabularies that were cut
 * have such), and what ends as one is spelled in bytes.
 */
#ifndef SOV_TOK_BPE_H
#define SOV_TOK_BPE_H

#include "tok/pretok.h"
#include "tok/tok.h"
#include "tok/words.h"

#define SOV_SYM_NONE UINT32_MAX /* a byte that no rule knows */

#define SOV_NO_RANK UINT32_MAX

/*
 * Which two texts side by side become a symbol is a matter of its text and of
 * where the left one ends: the rules of a symbol are places to cut it.  Most
 * lists have those of one symbol in a row; they are found by its number, and
 * the rest in a table.
 */
struct sov_made {
    uint32_t first; /* rank of the first rule in the row */
    uint16_t n;     /* rules in it */
    bool more;      /* others are in the table */
};

struct sov_merge {
    uint32_t made; /* + 1; 0: free slot */
    uint32_t left; /* bytes */
    uint32_t rank;
};

struct sov_bpe {
    struct sov_made *made; /* owned: of each symbol */
    uint32_t *left;        /* owned: of each rule, bytes; 0: it does nothing */
    struct sov_merge *other; /* owned: the table, or NULL */
    uint64_t mask;
    uint64_t key[2];
    size_t n_other;
    size_t longest; /* bytes of the longest symbol */

    size_t n_more; /* symbols that are no tokens */

    uint32_t byte_sym[256];
    struct sov_pretok *pre; /* owned */
    bool whole;             /* a piece that is a token is taken whole */
    bool nfc;               /* texts are brought to form C first */

    /* raw.c */
    bool raw;   /* names are spelled as they are, symbols are characters */
    bool marks; /* ... with U+2581 for spaces */
    bool eols;  /* ends of lines that are one token are taken whole */
    bool bound; /* no rule makes what goes on over the beginning of a word */
    bool drop;  /* white space is left out */
    bool lower; /* capitals become small */

    struct sov_dna *dna; /* owned; dna.c */
};

/* bpe_load.c */
int sov_bpe_load(sov_tok *tok, const sov_meta *meta,
                 struct sov_err *err) SOV_MUST_CHECK;
void sov_bpe_drop(sov_tok *tok);
/* A token's name as bytes in out, which is as long; false: it spells none. */
bool sov_bpe_bytes(struct sov_span name, unsigned char *out, size_t *len);

/* raw.c: the kind of tokenizer that the row of tokenizer.ggml.pre asks for. */
const struct sov_tokenizer *sov_raw_kind(const sov_meta *meta);

/* dna.c */
void sov_dna_free(struct sov_dna *dna);

/* bpe.c: what stands around a piece, and the kind's own functions. */
struct sov_bpe_work;
int sov_bpe_begin(struct sov_encoder *enc, struct sov_err *err) SOV_MUST_CHECK;
int sov_bpe_piece(struct sov_bpe_work *w, const unsigned char *p, size_t n,
                  struct sov_ids *out, struct sov_err *err) SOV_MUST_CHECK;
int sov_bpe_encode(struct sov_encoder *enc, const unsigned char *text,
                   size_t len, bool first, struct sov_err *err) SOV_MUST_CHECK;
size_t sov_bpe_name(const sov_tok *tok, int32_t id, unsigned char *out);
bool sov_bpe_plain(const sov_tok *tok, int32_t id);
void sov_bpe_done(struct sov_encoder *enc);

/* Candidates of a long piece, the best one first. */
struct sov_bpe_heap {
    uint64_t *p; /* owned; rank << 32 | place */
    size_t n;
    size_t cap;
};

/* Scratch of one text. */
struct sov_bpe_work {
    const sov_tok *tok;
    const struct sov_bpe *bpe;
    struct sov_pieces *pieces; /* owned; NULL: one scanner does */
    struct sov_words words;
    struct sov_bpe_heap heap;
    uint32_t *link; /* owned: four numbers a byte of a long piece */
    size_t link_cap;
};

/* bpe_merge.c: the ids of one piece, added to out. */
int sov_bpe_merge(struct sov_bpe_work *w, const unsigned char *p, size_t n,
                  struct sov_ids *out, struct sov_err *err) SOV_MUST_CHECK;

static inline uint64_t
sov_bpe_slot(const struct sov_bpe *b, uint32_t made, uint32_t left)
{
    return sov_vmap_mix(((uint64_t)left << 32 | made) ^ b->key[0], b->key[1]) &
           b->mask;
}

/*
 * The rank of the rule that joins p[left] and what follows it to p[len], and
 * the symbol that it makes; SOV_NO_RANK if there is none.
 */
static inline uint32_t
sov_bpe_rank(const sov_tok *tok, const struct sov_bpe *b,
             const unsigned char *p, size_t left, size_t len, uint32_t *made)
{
    const struct sov_made *m;

    if (len > b->longest || !sov_tok_lookup(tok, p, len, made))
        return SOV_NO_RANK;
    m = &b->made[*made];
    for (unsigned i = 0; i < m->n; i++) {
        SOV_STEPS(1);
        if (b->left[m->first + i] == left)
            return m->first + i;
    }
    if (!m->more)
        return SOV_NO_RANK;
    for (uint64_t i = sov_bpe_slot(b, *made, (uint32_t)left);
         b->other[i].made != 0; i = (i + 1) & b->mask) {
        SOV_STEPS(1);
        if (b->other[i].made == *made + 1 && b->other[i].left == left)
            return b->other[i].rank;
    }
    return SOV_NO_RANK;
}

#endif

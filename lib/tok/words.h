/* SPDX-License-Identifier: Apache-2.0 */
/*
 * words.h - the ids of words that a text had before
 *
 * The words of a text repeat, so those that are short are kept with their ids
 * for as long as the text lasts, each in the one slot that its hash gives it:
 * the memory is fixed, and what is put out of its slot is only made again.
 * Short texts need no slots.
 */
#ifndef SOV_TOK_WORDS_H
#define SOV_TOK_WORDS_H

#include "tok/tok.h"
#include "tok/vmap.h"

#define SOV_WORD_LEN 24
#define SOV_WORD_IDS 8

struct sov_word {
    uint8_t len; /* 0: empty */
    uint8_t n;
    unsigned char text[SOV_WORD_LEN];
    int32_t id[SOV_WORD_IDS];
};

struct sov_words {
    struct sov_word *slot; /* owned; free() it.  NULL: none */
    uint64_t mask;
    uint64_t key[2];
};

/* For a text of so many bytes. */
int sov_words_init(struct sov_words *ws, size_t len,
                   struct sov_err *err) SOV_MUST_CHECK;

static inline bool
sov_words_same(const unsigned char *a, const unsigned char *b, size_t n)
{
    uint64_t x, y;

    if (n < 8) {
        for (size_t i = 0; i < n; i++)
            if (a[i] != b[i])
                return false;
        return true;
    }
    for (size_t i = 0; i + 8 < n; i += 8) {
        memcpy(&x, a + i, 8);
        memcpy(&y, b + i, 8);
        if (x != y)
            return false;
    }
    memcpy(&x, a + n - 8, 8);
    memcpy(&y, b + n - 8, 8);
    return x == y;
}

/* The slot of a word, NULL if it can have none. */
static inline struct sov_word *
sov_words_at(const struct sov_words *ws, const unsigned char *p, size_t n)
{
    if (n > SOV_WORD_LEN || ws->slot == NULL)
        return NULL;
    return &ws->slot[sov_vmap_hash(ws->key, p, n) & ws->mask];
}

/* Is it there?  Then its ids are added; *rc tells. */
static inline bool
sov_words_get(const struct sov_word *w, const unsigned char *p, size_t n,
              struct sov_ids *out, int *rc, struct sov_err *err)
{
    if (w->len != n || !sov_words_same(w->text, p, n))
        return false;
    *rc = 0;
    for (unsigned i = 0; i < w->n && *rc == 0; i++)
        *rc = sov_ids_add(out, w->id[i], err);
    return true;
}

/* Its ids are those of out from this one on. */
static inline void
sov_words_put(struct sov_word *w, const unsigned char *p, size_t n,
              const struct sov_ids *out, size_t from)
{
    if (out->n - from > SOV_WORD_IDS)
        return;
    w->len = (uint8_t)n;
    w->n = (uint8_t)(out->n - from);
    memcpy(w->text, p, n);
    if (w->n > 0) /* a word may be of bytes that have no token */
        memcpy(w->id, out->p + from, w->n * sizeof(*out->p));
}

#endif

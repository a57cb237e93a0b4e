/* SPDX-License-Identifier: Apache-2.0 */
/*
 * near.c - which documents are nearly the same as an earlier one
 *
 * Of each document 128 numbers are kept: the least that each of 128 functions
 * gives for its phrases, of which 16 bits.  The share of them that two have in
 * common is the share of their phrases.
 *
 * They are found by bands of six numbers: whoever has one in common is looked
 * at.  One of 21 bands is the same with a probability of 1 - (1 - s^6)^21: that
 * is 0.998 at s = 0.8, 0.28 at 0.5, 0.0000003 at 0.05.
 *
 *     band b:  head[b][bucket] -> document -> next[document][b] -> ...
 *
 * There are two generations.  The younger grows; when it is full, the older is
 * forgotten and it takes that place.
 */
#include "distill/near.h"

#include "base/mem.h"
#include "base/rng.h"
#include "sys/par.h"

#include <stdlib.h>
#include <string.h>

#define HASHES  SOV_NEAR_HASHES
#define WORDS   5
#define ROWS    6
#define BANDS   21
#define LOOK_AT 256  /* documents of a bucket */
#define ALONE   1024 /* phrases that are not worth waking other threads */
#define NONE    UINT32_MAX

/* What a document takes: its numbers, its links, and its two buckets. */
#define DOC_BYTES (HASHES * 2 + BANDS * 4 + BANDS * 4 * 2)

struct generation {
    uint16_t (*mark)[HASHES]; /* [n] owned */
    uint32_t (*next)[BANDS];  /* [n] owned */
    uint32_t *head;           /* [BANDS][buckets] owned */
    size_t n, cap;
    size_t buckets; /* a power of two */
};

struct sov_near {
    double share;
    size_t most; /* documents of a generation */
    struct generation young, old;
    uint64_t forgotten;
    uint32_t by[HASHES], plus[HASHES]; /* the functions */
    const uint32_t *phrase;            /* of the document looked at */
    size_t n_phrase;
    uint16_t mark[HASHES];
};

int
sov_near_new(sov_near **near, double share, uint64_t memory,
             struct sov_err *err)
{
    sov_near *n = sov_mem_array(1, sizeof(*n));
    uint64_t most = memory / DOC_BYTES / 2;

    *near = NULL;
    if (n == NULL)
        return sov_mem_fail(err);
    n->share = share;
    n->most = most < 64 ? 64 : most > NONE / 2 ? NONE / 2 : (size_t)most;
    for (unsigned i = 0; i < HASHES; i++) {
        uint32_t r[4];

        sov_rng_block(0, 0, i, r); /* the same for everybody */
        n->by[i] = r[0] | 1;
        n->plus[i] = r[1];
    }
    *near = n;
    return 0;
}

static void
free_generation(struct generation *g)
{
    free(g->mark);
    free(g->next);
    free(g->head);
    *g = (struct generation){ 0 };
}

void
sov_near_free(sov_near *n)
{
    if (n == NULL)
        return;
    free_generation(&n->young);
    free_generation(&n->old);
    free(n);
}

uint64_t
sov_near_forgotten(const sov_near *n)
{
    return n->forgotten;
}

/* ---- the numbers of a document ---- */

/* Phrases, in place of the words. */
static size_t
make_phrases(uint32_t *word, size_t n_words)
{
    size_t n = n_words < WORDS ? 0 : n_words - WORDS + 1;

    for (size_t i = 0; i < n; i++) {
        uint64_t h = 0;

        for (size_t k = 0; k < WORDS; k++) {
            h = (h ^ word[i + k]) * UINT64_C(0xff51afd7ed558ccd);
            h ^= h >> 32;
        }
        word[i] = (uint32_t)h;
    }
    return n;
}

static void
make_marks(void *arg, size_t first, size_t last, unsigned worker)
{
    sov_near *n = arg;

    (void)worker;
    for (size_t k = first; k < last; k++) {
        uint32_t by = n->by[k], plus = n->plus[k];
        uint32_t least = UINT32_MAX;

        for (size_t i = 0; i < n->n_phrase; i++) {
            uint32_t x = n->phrase[i] * by + plus;

            least = x < least ? x : least;
        }
        n->mark[k] = (uint16_t)(least * UINT32_C(0x9e3779b1) >> 16);
    }
}

/* ---- looking ---- */

static size_t
bucket_of(const struct generation *g, const uint16_t *mark, unsigned band)
{
    uint64_t h = band;

    for (unsigned i = 0; i < ROWS; i++) {
        h = (h ^ mark[band * ROWS + i]) * UINT64_C(0xff51afd7ed558ccd);
        h ^= h >> 32;
    }
    return band * g->buckets + ((size_t)h & (g->buckets - 1));
}

static unsigned
in_common(const uint16_t *a, const uint16_t *b)
{
    unsigned n = 0;

    for (unsigned i = 0; i < HASHES; i++)
        n += a[i] == b[i];
    return n;
}

/* The most numbers that one of them has in common with the document. */
static unsigned
find(const struct generation *g, const uint16_t *mark)
{
    unsigned best = 0;

    for (unsigned b = 0; b < BANDS && g->n > 0; b++) {
        uint32_t doc = g->head[bucket_of(g, mark, b)];

        for (unsigned k = 0; doc != NONE && k < LOOK_AT; k++) {
            unsigned common = in_common(g->mark[doc], mark);

            best = common > best ? common : best;
            doc = g->next[doc][b];
        }
    }
    return best;
}

/* ---- remembering ---- */

static void
link_doc(struct generation *g, uint32_t doc)
{
    for (unsigned b = 0; b < BANDS; b++) {
        size_t at = bucket_of(g, g->mark[doc], b);

        g->next[doc][b] = g->head[at];
        g->head[at] = doc;
    }
}

/* Twice as many buckets. */
static int
more_buckets(struct generation *g, struct sov_err *err)
{
    size_t buckets = g->buckets > 0 ? 2 * g->buckets : 64;
    uint32_t *head = sov_mem_array(buckets * BANDS, sizeof(*head));

    if (head == NULL)
        return sov_mem_fail(err);
    memset(head, 0xff, buckets * BANDS * sizeof(*head));
    free(g->head);
    g->head = head;
    g->buckets = buckets;
    for (size_t i = 0; i < g->n; i++)
        link_doc(g, (uint32_t)i);
    return 0;
}

static int
grow_docs(struct generation *g, struct sov_err *err)
{
    size_t cap = g->cap;
    int rc = sov_mem_grow((void **)&g->mark, g->n, &cap, sizeof(*g->mark), err);

    if (rc == 0)
        rc = sov_mem_grow((void **)&g->next, g->n, &g->cap, sizeof(*g->next),
                          err);
    return rc;
}

static int
remember(sov_near *n, struct sov_err *err)
{
    struct generation *g = &n->young;
    int rc = 0;

    if (g->n == n->most) {
        n->forgotten += n->old.n;
        free_generation(&n->old);
        n->old = *g;
        *g = (struct generation){ 0 };
    }
    if (g->n == g->buckets)
        rc = more_buckets(g, err);
    if (rc == 0)
        rc = grow_docs(g, err);
    if (rc < 0)
        return rc;
    memcpy(g->mark[g->n], n->mark, sizeof(n->mark));
    link_doc(g, (uint32_t)g->n++);
    return 0;
}

int
sov_near_look(sov_near *n, uint32_t *word, size_t n_words, double *share,
              struct sov_err *err)
{
    unsigned best, other;

    *share = 0;
    n->n_phrase = make_phrases(word, n_words);
    n->phrase = word;
    if (n->n_phrase == 0)
        return 0;
    if (n->n_phrase < ALONE)
        make_marks(n, 0, HASHES, 0);
    else
        sov_par_for(HASHES, 0, make_marks, n);
    best = find(&n->young, n->mark);
    other = find(&n->old, n->mark);
    best = other > best ? other : best;
    *share = (double)best / HASHES;
    return *share >= n->share ? 1 : remember(n, err);
}

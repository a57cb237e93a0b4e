/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bpe_merge.c - the ids of one piece of text
 *
 * R. Sennrich et al., ACL 2016: of all pairs of neighbours that have a rule
 * the one with the lowest rank is joined, of equals the leftmost, until none
 * is left.  Short pieces look through all pairs each time; long ones keep the
 * candidates in a heap and the symbols in a list: n bytes make at most n - 1
 * joins, each brings two candidates, so the work is n log n whatever the text
 * is.  Both do the same.
 */
#include "tok/bpe.h"

#include "base/mem.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

#define SHORT  48 /* bytes */
#define NOBODY UINT32_MAX

/* ---- results */

/*
 * Byte by byte.  A byte without a token is left out, as others do it; no
 * well-formed text has one in most vocabularies.
 */
static int
spell(const sov_tok *tok, const unsigned char *p, size_t n, struct sov_ids *out,
      struct sov_err *err)
{
    int rc = 0;

    for (size_t i = 0; i < n && rc == 0; i++)
        if (tok->byte_id[p[i]] >= 0)
            rc = sov_ids_add(out, tok->byte_id[p[i]], err);
    return rc;
}

/* Add the symbol that stands at p[n]. */
static inline int
emit(const sov_tok *tok, uint32_t sym, const unsigned char *p, size_t n,
     struct sov_ids *out, struct sov_err *err)
{
    if (sym < tok->n)
        return sov_ids_add(out, (int32_t)sym, err);
    return spell(tok, p, n, out, err);
}

/* ---- what is merged first */

/* Of texts spelled as they are, the character at p and its length in *len. */
static uint32_t
character(const struct sov_bpe_work *w, const unsigned char *p, size_t n,
          size_t *len)
{
    uint32_t cp, sym;

    *len = 1;
    if (p[0] < 0x80)
        return w->bpe->byte_sym[p[0]];
    *len = sov_utf8_step(p, n, &cp);
    if (*len > 1 && sov_tok_lookup(w->tok, p, *len, &sym))
        return sym;
    if (*len == 0)
        *len = 1;
    return SOV_SYM_NONE;
}

/* ---- short pieces */

struct spot {
    uint8_t at[SHORT + 1]; /* where each symbol begins, and the last one ends */
    uint32_t sym[SHORT];
    uint32_t rank[SHORT]; /* of this one and the next */
    uint32_t made[SHORT];
};

static inline void
look(const struct sov_bpe_work *w, const unsigned char *p, struct spot *s,
     size_t i)
{
    s->rank[i] = sov_bpe_rank(w->tok, w->bpe, p + s->at[i],
                              (size_t)s->at[i + 1] - s->at[i],
                              (size_t)s->at[i + 2] - s->at[i], &s->made[i]);
}

static size_t
lowest(const struct spot *s, size_t n)
{
    size_t best = 0;

    SOV_STEPS(n);
    for (size_t i = 1; i < n; i++)
        if (s->rank[i] < s->rank[best])
            best = i;
    return best;
}

static size_t
first_symbols(const struct sov_bpe_work *w, const unsigned char *p, size_t n,
              struct spot *s)
{
    size_t k = 0;

    for (size_t i = 0, len = 1; i < n; i += len) {
        s->sym[k] = w->bpe->raw ? character(w, p + i, n - i, &len)
                                : w->bpe->byte_sym[p[i]];
        s->at[k++] = (uint8_t)i;
    }
    s->at[k] = (uint8_t)n;
    return k;
}

static int
merge_short(struct sov_bpe_work *w, const unsigned char *p, size_t n,
            struct sov_ids *out, struct sov_err *err)
{
    struct spot s;
    int rc = 0;

    n = first_symbols(w, p, n, &s);
    for (size_t i = 0; i + 1 < n; i++)
        look(w, p, &s, i);
    while (n > 1) {
        size_t i = lowest(&s, n - 1);
        size_t behind = n - i - 2; /* symbols after the two */

        if (s.rank[i] == SOV_NO_RANK)
            break;
        s.sym[i] = s.made[i];
        memmove(&s.at[i + 1], &s.at[i + 2], behind + 1);
        memmove(&s.sym[i + 1], &s.sym[i + 2], behind * sizeof(s.sym[0]));
        if (behind > 0) {
            memmove(&s.rank[i + 1], &s.rank[i + 2],
                    (behind - 1) * sizeof(s.rank[0]));
            memmove(&s.made[i + 1], &s.made[i + 2],
                    (behind - 1) * sizeof(s.made[0]));
            look(w, p, &s, i);
        }
        n--;
        if (i > 0)
            look(w, p, &s, i - 1);
    }
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = emit(w->tok, s.sym[i], p + s.at[i], (size_t)s.at[i + 1] - s.at[i],
                  out, err);
    return rc;
}

/* ---- long pieces */

struct list {
    const unsigned char *p; /* the piece */
    size_t n;
    uint32_t *sym; /* of each place; places are bytes of the piece */
    uint32_t *prev;
    uint32_t *next;
    uint32_t *rank; /* of this one and the next, as it is now */
};

static int
push(struct sov_bpe_heap *h, uint64_t v, struct sov_err *err)
{
    size_t i = h->n;

    if (h->n == h->cap) {
        int rc =
            sov_mem_grow((void **)&h->p, h->n, &h->cap, sizeof(*h->p), err);
        if (rc < 0)
            return rc;
    }
    h->n++;
    while (i > 0 && v < h->p[(i - 1) / 2]) {
        SOV_STEPS(1);
        h->p[i] = h->p[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    h->p[i] = v;
    return 0;
}

static uint64_t
pop(struct sov_bpe_heap *h)
{
    uint64_t top = h->p[0];
    uint64_t last = h->p[--h->n];
    size_t i = 0;

    for (;;) {
        size_t k = 2 * i + 1;

        SOV_STEPS(1);
        if (k >= h->n)
            break;
        if (k + 1 < h->n && h->p[k + 1] < h->p[k])
            k++;
        if (h->p[k] >= last)
            break;
        h->p[i] = h->p[k];
        i = k;
    }
    h->p[i] = last;
    return top;
}

/* The rank of what place at and the one after it become, and that. */
static uint32_t
rank_at(const struct sov_bpe_work *w, const struct list *l, uint32_t at,
        uint32_t *made)
{
    uint32_t next = l->next[at];
    size_t end;

    if (next == NOBODY)
        return SOV_NO_RANK;
    end = l->next[next] == NOBODY ? l->n : l->next[next];
    return sov_bpe_rank(w->tok, w->bpe, l->p + at, next - at, end - at, made);
}

/* Note what place at and the one after it may become. */
static int
consider(struct sov_bpe_work *w, struct list *l, uint32_t at,
         struct sov_err *err)
{
    uint32_t made;

    if (at == NOBODY)
        return 0;
    l->rank[at] = rank_at(w, l, at, &made);
    if (l->rank[at] == SOV_NO_RANK)
        return 0;
    return push(&w->heap, (uint64_t)l->rank[at] << 32 | at, err);
}

/* A candidate is stale if its place has another rank by now. */
static int
join(struct sov_bpe_work *w, struct list *l, uint64_t candidate,
     struct sov_err *err)
{
    uint32_t at = (uint32_t)candidate;
    uint32_t next;
    int rc;

    if (l->rank[at] != candidate >> 32 || l->rank[at] == SOV_NO_RANK)
        return 0;
    next = l->next[at];
    (void)rank_at(w, l, at, &l->sym[at]);
    l->rank[next] = SOV_NO_RANK;
    l->next[at] = l->next[next];
    if (l->next[at] != NOBODY)
        l->prev[l->next[at]] = at;
    rc = consider(w, l, l->prev[at], err);
    return rc < 0 ? rc : consider(w, l, at, err);
}

static int
make_list(struct sov_bpe_work *w, const unsigned char *p, size_t n,
          struct list *l, struct sov_err *err)
{
    uint32_t last = NOBODY;

    if (n > w->link_cap) {
        free(w->link);
        w->link_cap = 0;
        w->link = sov_mem_array(n, 4 * sizeof(*w->link));
        if (w->link == NULL)
            return sov_mem_fail(err);
        w->link_cap = n;
    }
    *l = (struct list){
        p, n, w->link, w->link + n, w->link + 2 * n, w->link + 3 * n
    };
    for (size_t i = 0, len = 1; i < n; i += len) {
        uint32_t at = (uint32_t)i;

        l->sym[i] = w->bpe->raw ? character(w, p + i, n - i, &len)
                                : w->bpe->byte_sym[p[i]];
        l->prev[i] = last;
        l->next[i] = i + len == n ? NOBODY : at + (uint32_t)len;
        last = at;
    }
    return 0;
}

static int
merge_long(struct sov_bpe_work *w, const unsigned char *p, size_t n,
           struct sov_ids *out, struct sov_err *err)
{
    struct list l = { 0 };
    int rc = make_list(w, p, n, &l, err);

    w->heap.n = 0;
    for (uint32_t at = 0; rc == 0 && at != NOBODY; at = l.next[at])
        rc = consider(w, &l, at, err);
    while (rc == 0 && w->heap.n > 0)
        rc = join(w, &l, pop(&w->heap), err);
    for (uint32_t at = 0; rc == 0 && at != NOBODY; at = l.next[at]) {
        size_t end = l.next[at] == NOBODY ? n : l.next[at];

        rc = emit(w->tok, l.sym[at], p + at, end - at, out, err);
    }
    return rc;
}

int
sov_bpe_merge(struct sov_bpe_work *w, const unsigned char *p, size_t n,
              struct sov_ids *out, struct sov_err *err)
{
    if (n <= SHORT)
        return merge_short(w, p, n, out, err);
    return merge_long(w, p, n, out, err);
}

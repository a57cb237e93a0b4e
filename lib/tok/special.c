/* SPDX-License-Identifier: Apache-2.0 */
/*
 * special.c - finding special tokens in running text
 *
 * The texts of the special tokens stand in one sorted array.  A search walks
 * the input; where a byte begins one of them, the range of candidates is
 * narrowed byte by byte with binary searches, and the longest that fits is
 * taken.  So a text without such beginnings costs one table look-up a byte,
 * and the number of special tokens hardly matters.  What follows a beginning is
 * looked at again from the next byte on, so their length does: it has a limit.
 */
#include "tok/tok.h"

#include "base/limits.h"
#include "base/mem.h"
#include "tok/work.h"

#include <stdlib.h>
#include <string.h>

static const unsigned char *
text_of(const sov_tok *tok, int32_t id, size_t *len)
{
    *len = tok->name[id + 1] - tok->name[id];
    return tok->names + tok->name[id];
}

static int
compare(const void *a, const void *b, void *arg)
{
    const sov_tok *tok = arg;
    int32_t x = *(const int32_t *)a;
    int32_t y = *(const int32_t *)b;
    size_t nx, ny;
    const unsigned char *px = text_of(tok, x, &nx);
    const unsigned char *py = text_of(tok, y, &ny);
    int c = memcmp(px, py, nx < ny ? nx : ny);

    if (c != 0)
        return c;
    if (nx != ny)
        return nx < ny ? -1 : 1;
    return x < y ? -1 : x > y; /* the same text twice: the first one */
}

static bool
wanted(const sov_tok *tok, int32_t id, bool control)
{
    bool is_control =
        sov_tok_is_control(tok, id) || tok->type[id] == SOV_TOK_UNKNOWN;

    if (tok->name[id + 1] == tok->name[id])
        return false;
    if (is_control)
        return control;
    return tok->type[id] == SOV_TOK_USER;
}

int
sov_needles_build(struct sov_needles *set, const sov_tok *tok, bool control,
                  struct sov_err *err)
{
    size_t n = 0;
    size_t i = 0;

    for (size_t id = 0; id < tok->n; id++) {
        if (!wanted(tok, (int32_t)id, control))
            continue;
        if (tok->name[id + 1] - tok->name[id] > SOV_SPECIAL_MAX)
            return sov_fail(err, SOV_EFORMAT,
                            "special token %zu has %u bytes, the limit is "
                            "%d",
                            id, tok->name[id + 1] - tok->name[id],
                            (int)SOV_SPECIAL_MAX);
        n++;
    }
    set->id = sov_mem_array(n, sizeof(*set->id));
    if (set->id == NULL)
        return sov_mem_fail(err);
    for (size_t id = 0; id < tok->n; id++)
        if (wanted(tok, (int32_t)id, control))
            set->id[set->n++] = (int32_t)id;
    qsort_r(set->id, set->n, sizeof(*set->id), compare, (void *)tok);
    for (unsigned b = 0; b < 256; b++) {
        set->begin[b] = (uint32_t)i;
        while (i < set->n && tok->names[tok->name[set->id[i]]] == b)
            i++;
    }
    set->begin[256] = (uint32_t)i;
    return 0;
}

void
sov_needles_free(struct sov_needles *set)
{
    free(set->id);
    set->id = NULL;
    set->n = 0;
}

static bool
has_byte(const struct sov_needles *set, const sov_tok *tok, size_t i, size_t k,
         unsigned b)
{
    size_t len;
    const unsigned char *p = text_of(tok, set->id[i], &len);

    return len > k && p[k] == b;
}

/* First in [lo, hi) whose byte k is not below b; all share k bytes. */
static size_t
bound(const struct sov_needles *set, const sov_tok *tok, size_t lo, size_t hi,
      size_t k, unsigned b)
{
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        size_t len;
        const unsigned char *p = text_of(tok, set->id[mid], &len);

        SOV_STEPS(1);
        if (len <= k || p[k] < b)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

/* The longest special token that text begins with; -1 for none. */
static int32_t
match(const struct sov_needles *set, const sov_tok *tok,
      const unsigned char *text, size_t len, size_t *n)
{
    size_t lo = set->begin[text[0]];
    size_t hi = set->begin[text[0] + 1];
    int32_t best = -1;

    for (size_t k = 1; lo < hi; k++) {
        size_t first_len;

        SOV_STEPS(1);
        /* what ends here sorts before what goes on */
        text_of(tok, set->id[lo], &first_len);
        if (first_len == k) {
            best = set->id[lo];
            *n = k;
        }
        if (k >= len)
            break;
        if (!has_byte(set, tok, lo, k, text[k]))
            lo = bound(set, tok, lo, hi, k, text[k]);
        if (lo < hi && !has_byte(set, tok, hi - 1, k, text[k]))
            hi = bound(set, tok, lo, hi, k, text[k] + 1u);
    }
    return best;
}

int32_t
sov_needles_find(const struct sov_needles *set, const sov_tok *tok,
                 const unsigned char *text, size_t len, size_t at, size_t *pos,
                 size_t *n)
{
    if (set->n == 0)
        return -1;
    for (; at < len; at++) {
        int32_t id;

        SOV_STEPS(1);
        if (set->begin[text[at]] == set->begin[text[at] + 1])
            continue;
        id = match(set, tok, text + at, len - at, n);
        if (id >= 0) {
            *pos = at;
            return id;
        }
    }
    return -1;
}

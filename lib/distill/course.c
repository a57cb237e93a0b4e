/* SPDX-License-Identifier: Apache-2.0 */
/*
 * course.c - which sequences of the stream are learnt from, and when
 *
 * Sequence k of the whole stream begins at k * n_ctx.  With apart, those of
 * document d are first[d] .. first[d + 1] - 1, and it is looked up.  A token
 * that nothing follows is no sequence.
 *
 * Where every hold-th is held out, these are hold - 1, 2 hold - 1, ...
 */
#include "distill/course.h"

#include "base/mem.h"
#include "distill/shuffle.h"

#include <stdlib.h>

struct sov_course {
    struct sov_course_opts o;
    const sov_tokens *tokens;
    uint64_t all, held;
    uint64_t *first; /* owned, [docs + 1]; NULL without apart */
};

/* Sequences of n tokens. */
static uint64_t
sequences_of(uint64_t n, size_t n_ctx)
{
    return n < 2 ? 0 : (n - 2) / n_ctx + 1;
}

static int
number_docs(sov_course *c, struct sov_err *err)
{
    uint64_t docs = sov_tokens_docs(c->tokens);
    uint64_t sum = 0;

    c->first = sov_mem_array((size_t)docs + 1, sizeof(*c->first));
    if (c->first == NULL)
        return sov_mem_fail(err);
    for (uint64_t d = 0; d < docs; d++) {
        c->first[d] = sum;
        sum += sequences_of(sov_tokens_doc(c->tokens, d + 1) -
                                sov_tokens_doc(c->tokens, d),
                            c->o.n_ctx);
    }
    c->first[docs] = c->all = sum;
    return 0;
}

int
sov_course_new(sov_course **course, const sov_tokens *tokens,
               const struct sov_course_opts *opts, struct sov_err *err)
{
    sov_course *c;
    int rc = 0;

    *course = NULL;
    if (opts->n_ctx == 0 || opts->batch == 0 || opts->hold == 1)
        return sov_fail(err, SOV_EARG,
                        "sequences of no tokens, none of them in a step, or "
                        "all held out");
    c = sov_mem_array(1, sizeof(*c));
    if (c == NULL)
        return sov_mem_fail(err);
    c->o = *opts;
    c->tokens = tokens;
    c->all = sequences_of(sov_tokens_count(tokens), opts->n_ctx);
    if (opts->apart)
        rc = number_docs(c, err);
    c->held = opts->hold > 0 ? c->all / opts->hold : 0;
    if (rc == 0 && c->all == 0)
        rc = sov_fail(err, SOV_EFORMAT,
                      "the text has no token that follows another one");
    if (rc == 0 && opts->hold > 0 && c->held == 0)
        rc = sov_fail(err, SOV_EFORMAT,
                      "of %llu sequences none is held out as one of %llu",
                      (unsigned long long)c->all,
                      (unsigned long long)opts->hold);
    if (rc < 0) {
        sov_course_free(c);
        return rc;
    }
    *course = c;
    return 0;
}

void
sov_course_free(sov_course *c)
{
    if (c == NULL)
        return;
    free(c->first);
    free(c);
}

uint64_t
sov_course_all(const sov_course *c)
{
    return c->all;
}

uint64_t
sov_course_count(const sov_course *c)
{
    return c->all - c->held;
}

uint64_t
sov_course_held(const sov_course *c)
{
    return c->held;
}

/* The document of sequence number i. */
static uint64_t
doc_of(const sov_course *c, uint64_t i)
{
    uint64_t low = 0;
    uint64_t high = sov_tokens_docs(c->tokens);

    while (high - low > 1) { /* first[low] <= i < first[high] */
        uint64_t mid = low + (high - low) / 2;

        if (c->first[mid] <= i)
            low = mid;
        else
            high = mid;
    }
    return low;
}

struct sov_sequence
sov_course_number(const sov_course *c, uint64_t i)
{
    struct sov_sequence s = { .number = i };
    uint64_t end = sov_tokens_count(c->tokens);

    if (c->first != NULL) {
        uint64_t d = doc_of(c, i);

        s.at = sov_tokens_doc(c->tokens, d) + (i - c->first[d]) * c->o.n_ctx;
        end = sov_tokens_doc(c->tokens, d + 1);
    } else {
        s.at = i * c->o.n_ctx;
    }
    s.n = end - s.at < c->o.n_ctx ? (size_t)(end - s.at) : c->o.n_ctx;
    return s;
}

struct sov_sequence
sov_course_at(const sov_course *c, uint64_t step, size_t i)
{
    uint64_t n = sov_course_count(c);
    uint64_t place = (step - 1) * c->o.batch + i;
    struct sov_shuffle order = {
        .n = n,
        .seed = c->o.seed,
        .epoch = place / n,
    };
    uint64_t k = sov_shuffle_at(&order, place % n);

    if (c->o.hold > 0) /* step over those that are held out */
        k += k / (c->o.hold - 1);
    return sov_course_number(c, k);
}

struct sov_sequence
sov_course_held_at(const sov_course *c, uint64_t i)
{
    return sov_course_number(c, (i + 1) * c->o.hold - 1);
}

/* Is this the last token of all that belongs together? */
static bool
is_last(const sov_course *c, const struct sov_sequence *s)
{
    uint64_t end = s->at + s->n;

    return c->first != NULL
               ? end == sov_tokens_doc(c->tokens, doc_of(c, s->number) + 1)
               : end == sov_tokens_count(c->tokens);
}

void
sov_course_read(const sov_course *c, const struct sov_sequence *s, int32_t *ids,
                int32_t *next)
{
    sov_tokens_get(c->tokens, s->at, s->n, ids);
    for (size_t i = 0; i + 1 < s->n; i++)
        next[i] = ids[i + 1];
    next[s->n - 1] = -1;
    if (!is_last(c, s))
        sov_tokens_get(c->tokens, s->at + s->n, 1, &next[s->n - 1]);
}

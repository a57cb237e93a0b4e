/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sample.c - one token out of the logits
 *
 * The stages in their order: repetition penalty, top-k, top-p, min-p,
 * temperature.  Where a stage needs the best tokens first, a heap gives them
 * one after the other, so that the vocabulary is never sorted as a whole.
 */
#include "sov/run.h"

#include "base/fmath.h"
#include "base/mem.h"
#include "base/rng.h"
#include "kern/kern.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Logits that are looked at together. */
#define PIECE 1024

struct sov_sampler {
    struct sov_sampler_opts opts;
    uint32_t n_vocab;
    float *logit;    /* [n_vocab] after the penalty */
    float *p;        /* [n_vocab] e^(logit - max): not normalised */
    uint32_t *heap;  /* [n_vocab] ids */
    uint32_t *kept;  /* [n_vocab] ids that passed all stages */
    bool *seen;      /* [n_vocab] has the penalty; false between calls */
};

void
sov_sampler_defaults(struct sov_sampler_opts *opts)
{
    *opts = (struct sov_sampler_opts){
        .temp = 0.8f, .top_k = 0, .top_p = 0.95f, .min_p = 0.05f,
        .repeat_penalty = 1.0f, .repeat_last = 64, .seed = 0,
    };
}

static int
check(const struct sov_sampler_opts *o, struct sov_err *err)
{
    if (!(o->temp >= 0 && o->temp <= 1e6f))
        return sov_fail(err, SOV_EARG, "temperature must be 0 or more");
    if (!(o->top_p > 0 && o->top_p <= 1))
        return sov_fail(err, SOV_EARG, "top-p must be above 0, at most 1");
    if (!(o->min_p >= 0 && o->min_p <= 1))
        return sov_fail(err, SOV_EARG, "min-p must be from 0 to 1");
    if (!(o->repeat_penalty > 0 && o->repeat_penalty <= 1e6f))
        return sov_fail(err, SOV_EARG, "repetition penalty must be above 0");
    return 0;
}

int
sov_sampler_new(sov_sampler **sampler, const struct sov_sampler_opts *opts,
                uint32_t n_vocab, struct sov_err *err)
{
    struct sov_sampler *s;
    int rc;

    *sampler = NULL;
    rc = check(opts, err);
    if (rc < 0)
        return rc;
    s = sov_mem_array(1, sizeof(*s));
    if (s == NULL)
        return sov_mem_fail(err);
    s->opts = *opts;
    s->n_vocab = n_vocab;
    s->logit = sov_mem_array(n_vocab, sizeof(*s->logit));
    s->p = sov_mem_array(n_vocab, sizeof(*s->p));
    s->heap = sov_mem_array(n_vocab, sizeof(*s->heap));
    s->kept = sov_mem_array(n_vocab, sizeof(*s->kept));
    s->seen = sov_mem_array(n_vocab, sizeof(*s->seen));
    if (s->logit == NULL || s->p == NULL || s->heap == NULL ||
        s->kept == NULL || s->seen == NULL) {
        sov_sampler_free(s);
        return sov_mem_fail(err);
    }
    *sampler = s;
    return 0;
}

uint64_t
sov_sampler_memory(uint32_t n_vocab)
{
    const struct sov_sampler *s = NULL;

    return sizeof(*s) +
           n_vocab * (uint64_t)(sizeof(*s->logit) + sizeof(*s->p) +
                                sizeof(*s->heap) + sizeof(*s->kept) +
                                sizeof(*s->seen));
}

int
sov_sampler_set(sov_sampler *s, const struct sov_sampler_opts *opts,
                struct sov_err *err)
{
    int rc = check(opts, err);

    if (rc == 0)
        s->opts = *opts;
    return rc;
}

void
sov_sampler_free(sov_sampler *s)
{
    if (s == NULL)
        return;
    free(s->logit);
    free(s->p);
    free(s->heap);
    free(s->kept);
    free(s->seen);
    free(s);
}

/* What was said lately becomes less likely, each token once. */
static void
penalize(struct sov_sampler *s, const int32_t *history, size_t n)
{
    size_t first = n > s->opts.repeat_last ? n - s->opts.repeat_last : 0;
    float by = s->opts.repeat_penalty;
    size_t i;

    if (by == 1.0f)
        return;
    for (i = first; i < n; i++) {
        uint32_t id = (uint32_t)history[i];

        if (history[i] < 0 || id >= s->n_vocab || s->seen[id])
            continue;
        s->seen[id] = true;
        s->logit[id] = s->logit[id] > 0 ? s->logit[id] / by
                                        : s->logit[id] * by;
    }
    for (i = first; i < n; i++)
        if (history[i] >= 0 && (uint32_t)history[i] < s->n_vocab)
            s->seen[history[i]] = false;
}

/* Copy the logits; what is not a number counts as impossible. */
static void
copy_logits(struct sov_sampler *s, const float *logits)
{
    uint32_t i;

    for (i = 0; i < s->n_vocab; i++)
        s->logit[i] = isnan(logits[i]) ? -INFINITY : logits[i];
}

/* The id of the largest logit, -1 if all are impossible. */
static int32_t
best_of(const float *logits, size_t n)
{
    const struct sov_kern *k = sov_kern();
    float top = -INFINITY;
    size_t at = n; /* of the first piece that has it */
    size_t i, m;

    for (i = 0; i < n; i += m) {
        float most;

        m = n - i < PIECE ? n - i : PIECE;
        most = k->max(logits + i, m);
        if (most > top) {
            top = most;
            at = i;
        }
    }
    if (at == n)
        return -1;
    while (!(logits[at] == top))
        at++;
    return (int32_t)at;
}

/* Does a come before b? */
static bool
better(const struct sov_sampler *s, uint32_t a, uint32_t b)
{
    return s->logit[a] != s->logit[b] ? s->logit[a] > s->logit[b] : a < b;
}

static void
sink(struct sov_sampler *s, size_t n, size_t at)
{
    uint32_t *h = s->heap;
    uint32_t id = h[at];
    size_t child;

    while ((child = 2 * at + 1) < n) {
        if (child + 1 < n && better(s, h[child + 1], h[child]))
            child++;
        if (!better(s, h[child], id))
            break;
        h[at] = h[child];
        at = child;
    }
    h[at] = id;
}

/* A heap of the tokens that are at least as likely as floor says; how many. */
static size_t
make_heap(struct sov_sampler *s, double floor)
{
    size_t n = 0;
    size_t i;

    for (i = 0; i < s->n_vocab; i++) {
        s->heap[n] = (uint32_t)i;
        n += (double)s->p[i] >= floor;
    }
    for (i = n / 2; i-- > 0;)
        sink(s, n, i);
    return n;
}

/* Take the best off a heap of n. */
static uint32_t
pop(struct sov_sampler *s, size_t n)
{
    uint32_t id = s->heap[0];

    s->heap[0] = s->heap[n - 1];
    sink(s, n - 1, 0);
    return id;
}

/* In eight sums, which do not wait for each other. */
static double
sum_all(const struct sov_sampler *s)
{
    double sum[8] = { 0 };
    size_t i;

    for (i = 0; i < s->n_vocab; i++)
        sum[i % 8] += (double)s->p[i];
    return ((sum[0] + sum[1]) + (sum[2] + sum[3])) +
           ((sum[4] + sum[5]) + (sum[6] + sum[7]));
}

/*
 * Top-k, top-p and min-p; ids into kept, the best first (in order of the
 * vocabulary if only min-p is on).  At least the best one stays.
 */
static size_t
cut(struct sov_sampler *s, float p_max)
{
    const struct sov_sampler_opts *o = &s->opts;
    double floor = (double)o->min_p * (double)p_max;
    double total = 0;
    double got = 0;
    size_t n = 0;
    size_t k = s->n_vocab;
    size_t left = 0; /* in the heap */
    size_t i;

    if (o->top_k == 0 && o->top_p >= 1) {
        for (i = 0; i < s->n_vocab; i++)
            if ((double)s->p[i] >= floor)
                s->kept[n++] = (uint32_t)i;
        return n;
    }
    if (o->top_k != 0 && o->top_k < k) {
        make_heap(s, 0);
        k = o->top_k;
        for (i = 0; i < k; i++) {
            s->kept[i] = pop(s, s->n_vocab - i);
            total += (double)s->p[s->kept[i]];
        }
    } else {
        /* others would not be kept; the best one is always among these */
        left = k = make_heap(s, floor);
        total = sum_all(s);
    }
    for (n = 0; n < k; n++) {
        if (left > 0)
            s->kept[n] = pop(s, left--);
        if (n > 0 && (got >= (double)o->top_p * total ||
                      (double)s->p[s->kept[n]] < floor))
            break;
        got += (double)s->p[s->kept[n]];
    }
    return n;
}

/* Temperature, and a draw among the n kept ones. */
static int32_t
draw(struct sov_sampler *s, size_t n, float top, uint64_t position)
{
    double sum = 0;
    double at;
    size_t last = 0;
    size_t i;

    for (i = 0; i < n; i++) {
        float *p = &s->p[s->kept[i]];

        *p = (float)sov_exp(((double)s->logit[s->kept[i]] - (double)top) /
                            (double)s->opts.temp);
        sum += (double)*p;
    }
    at = sov_rng_unit(s->opts.seed, 0, position) * sum;
    for (i = 0; i < n && at >= 0; i++) {
        if (s->p[s->kept[i]] > 0) /* rounding must not lead to the others */
            last = i;
        at -= (double)s->p[s->kept[i]];
    }
    return (int32_t)s->kept[last];
}

int32_t
sov_sample(sov_sampler *s, const float *logits, const int32_t *history,
           size_t n_history, uint64_t position)
{
    int32_t best;
    float top;

    if (s->opts.temp == 0 && s->opts.repeat_penalty == 1.0f)
        return best_of(logits, s->n_vocab);
    copy_logits(s, logits);
    penalize(s, history, n_history);
    best = best_of(s->logit, s->n_vocab);
    if (best < 0 || s->opts.temp == 0 || isinf(s->logit[best]))
        return best;
    top = s->logit[best];
    memcpy(s->p, s->logit, s->n_vocab * sizeof(*s->p));
    sov_kern()->exp(s->p, s->n_vocab, top);
    return draw(s, cut(s, s->p[best]), top, position);
}

/* ---- chances */

/* Put a token among the n best if it belongs there: equal ones stay in the
 * order of the vocabulary.  logprob is the logit still. */
static void
place(struct sov_chance *best, size_t n, int32_t id, float logit)
{
    size_t at = n - 1;

    while (at > 0 && (best[at - 1].id < 0 || logit > best[at - 1].logprob)) {
        best[at] = best[at - 1];
        at--;
    }
    best[at] = (struct sov_chance){ id, logit };
}

static void
find_best(const struct sov_sampler *s, struct sov_chance *best, size_t n)
{
    const struct sov_kern *k = sov_kern();
    float least = -INFINITY; /* only more than this comes in */
    size_t i, j, m;

    for (i = 0; i < n; i++)
        best[i] = (struct sov_chance){ -1, -INFINITY };
    for (i = 0; i < s->n_vocab && n > 0; i += m) {
        m = s->n_vocab - i < PIECE ? s->n_vocab - i : PIECE;
        if (!(k->max(s->logit + i, m) > least))
            continue;
        for (j = i; j < i + m; j++)
            if (s->logit[j] > least) {
                place(best, n, (int32_t)j, s->logit[j]);
                least = best[n - 1].logprob;
            }
    }
}

struct sov_chance
sov_chances(sov_sampler *s, const float *logits, int32_t id,
            struct sov_chance *best, size_t n)
{
    struct sov_chance it = { .id = id };
    double top, rest;
    size_t i;

    copy_logits(s, logits);
    find_best(s, best, n);
    top = (double)sov_kern()->max(s->logit, s->n_vocab);
    memcpy(s->p, s->logit, s->n_vocab * sizeof(*s->p));
    sov_kern()->exp(s->p, s->n_vocab, (float)top);
    rest = top + sov_log(sum_all(s));
    it.logprob = (float)((double)s->logit[id] - rest);
    for (i = 0; i < n && best[i].id >= 0; i++)
        best[i].logprob = (float)((double)best[i].logprob - rest);
    return it;
}

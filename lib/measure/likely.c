/* SPDX-License-Identifier: Apache-2.0 */
/*
 * likely.c - how likely a model thinks the ends of many texts
 *
 * A leg is a text on its way: what was read of it, and how far it is scored.
 * Each round gives every leg what it can take next (what is not scored in one
 * piece, without logits; then as much as there are rows left), reads it all in
 * one call, and scores the rows on all threads, each token for itself; sums are
 * made in the order of the tokens.
 */
#include "measure/likely.h"

#include "base/fmath.h"
#include "base/mem.h"
#include "kern/kern.h"
#include "sys/par.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEQS     256u                  /* texts at once */
#define PASS     512u                  /* tokens of a pass */
#define CTX_LEAST 2048u                /* context, if nobody says otherwise */
#define CTX_MOST  4096u
#define KV_BYTES (UINT64_C(256) << 20) /* for keys and values, about */
#define KV_MOST  32768u                /* ... tokens */
#define ROWS_BYTES (UINT64_C(64) << 20) /* for logits, about */
#define ROWS_MOST  1024u
#define ROWS_LEAST 16u

struct leg {
    struct sov_likely_text *text;
    sov_session *session;
    size_t at;      /* tokens read */
    size_t scored;  /* the next one to be scored */
};

/* A token to be scored. */
struct token {
    const float *row;
    int32_t id;
    struct sov_likely_text *text;
    double logprob;
    bool top;
};

struct sov_likely {
    sov_batch *batch;
    uint32_t n_ctx, n_vocab, n_rows;
    uint64_t tokens;
    struct leg *leg;              /* [SEQS] */
    struct sov_batch_part *part;  /* [SEQS] */
    struct leg **of_part;         /* [SEQS] whose it is */
    struct token *token;          /* [n_rows or SEQS, what is more] */
    size_t n_legs, n_parts, n_tokens;
    float **p; /* of each worker, [n_vocab] */
    unsigned n_workers;
};

/* ---- opening ---- */

/* A context that most tasks fit into, even if the model saw shorter texts when
 * it was trained; unless it cannot read more. */
static void
choose_ctx(const sov_model *model, struct sov_session_opts *so)
{
    struct sov_session_memory mem;
    uint64_t n = 0; /* tokens that the model was trained to read at once */

    (void)sov_meta_arch_u64(sov_model_meta(model), "context_length", &n, NULL);
    so->n_ctx = (uint32_t)(n > CTX_MOST ? CTX_MOST : n);
    if (n >= CTX_LEAST)
        return;
    so->n_ctx = CTX_LEAST;
    so->n_kv = CTX_LEAST;
    if (sov_session_measure(model, so, &mem, NULL) < 0 && n >= 2)
        so->n_ctx = (uint32_t)n;
}

/* Tokens of keys and values, and rows of logits: as many as there is room for,
 * one text at least. */
static int
choose_room(const sov_model *model, struct sov_session_opts *so,
            struct sov_err *err)
{
    struct sov_session_memory one, two;
    uint64_t each, rows;
    int rc;

    so->n_logits = 1;
    so->n_kv = so->n_ctx;
    rc = sov_session_measure(model, so, &one, err);
    so->n_kv = 2 * (uint64_t)so->n_ctx;
    if (rc == 0)
        rc = sov_session_measure(model, so, &two, err);
    if (rc < 0)
        return rc;
    rows = ROWS_BYTES / (one.logits + 1);
    so->n_logits = (uint32_t)(rows > ROWS_MOST    ? ROWS_MOST
                              : rows < ROWS_LEAST ? ROWS_LEAST
                                                  : rows);
    each = (two.kv - one.kv) / so->n_ctx + 1;
    so->n_kv = KV_BYTES / each;
    if (so->n_kv > KV_MOST)
        so->n_kv = KV_MOST;
    if (so->n_kv < so->n_ctx)
        so->n_kv = so->n_ctx;
    if (so->max_memory == 0)
        return 0;
    if (one.total + one.logits * so->n_logits +
            (so->n_kv - so->n_ctx) * each > so->max_memory) {
        so->n_kv = so->n_ctx;
        so->n_logits = ROWS_LEAST;
    }
    return 0;
}

static int
open_batch(struct sov_likely *l, const sov_model *model,
           const struct sov_session_opts *session, struct sov_err *err)
{
    struct sov_session_opts so = { 0 };
    sov_session *first = NULL;
    int rc;

    if (session != NULL)
        so = *session;
    so.n_seq = SEQS;
    so.reuse = false;
    if (so.n_batch == 0)
        so.n_batch = PASS;
    if (so.n_ctx == 0)
        choose_ctx(model, &so);
    rc = choose_room(model, &so, err);
    if (rc == 0)
        rc = sov_batch_open(&l->batch, model, &so, err);
    if (rc == 0)
        rc = sov_session_new(&first, l->batch, NULL, err);
    if (rc < 0)
        return rc;
    l->n_vocab = sov_session_vocab(first);
    l->n_rows = sov_session_rows(first);
    l->n_ctx = sov_session_ctx(first);
    sov_session_close(first);
    return 0;
}

int
sov_likely_open(struct sov_likely **likely, const sov_model *model,
                const struct sov_session_opts *session, struct sov_err *err)
{
    struct sov_likely *l = sov_mem_array(1, sizeof(*l));
    int rc;

    *likely = NULL;
    if (l == NULL)
        return sov_mem_fail(err);
    rc = open_batch(l, model, session, err);
    l->n_workers = sov_threads();
    l->leg = sov_mem_array(SEQS, sizeof(*l->leg));
    l->part = sov_mem_array(SEQS, sizeof(*l->part));
    l->of_part = sov_mem_array(SEQS, sizeof(*l->of_part));
    l->token =
        sov_mem_array(l->n_rows > SEQS ? l->n_rows : SEQS, sizeof(*l->token));
    l->p = sov_mem_array(l->n_workers, sizeof(*l->p));
    if (rc == 0 && (l->leg == NULL || l->part == NULL || l->of_part == NULL ||
                    l->token == NULL || l->p == NULL))
        rc = sov_mem_fail(err);
    for (unsigned i = 0; rc == 0 && i < l->n_workers; i++) {
        l->p[i] = sov_mem_array(l->n_vocab, sizeof(float));
        if (l->p[i] == NULL)
            rc = sov_mem_fail(err);
    }
    if (rc < 0) {
        sov_likely_close(l);
        return rc;
    }
    *likely = l;
    return 0;
}

void
sov_likely_close(struct sov_likely *l)
{
    if (l == NULL)
        return;
    sov_batch_close(l->batch);
    for (unsigned i = 0; l->p != NULL && i < l->n_workers; i++)
        free(l->p[i]);
    free(l->p);
    free(l->leg);
    free(l->part);
    free(l->of_part);
    free(l->token);
    free(l);
}

uint32_t
sov_likely_ctx(const struct sov_likely *l)
{
    return l->n_ctx;
}

uint32_t
sov_likely_vocab(const struct sov_likely *l)
{
    return l->n_vocab;
}

uint64_t
sov_likely_tokens(const struct sov_likely *l)
{
    return l->tokens;
}

/* ---- room ---- */

struct sov_likely_need
sov_likely_need(const struct sov_likely_unit *u)
{
    struct sov_likely_need need = { .units = 1, .sessions = u->n };

    need.blocks = (u->common + SOV_BLOCK - 1) / SOV_BLOCK;
    for (size_t i = 0; i < u->n; i++)
        need.blocks += (u->text[i].n + SOV_BLOCK - 1) / SOV_BLOCK -
                       u->common / SOV_BLOCK;
    return need;
}

bool
sov_likely_fits(const struct sov_likely *l, const struct sov_likely_need *need)
{
    return need->sessions <= SEQS && need->units <= l->n_rows &&
           need->blocks <= sov_batch_blocks(l->batch);
}

/* ---- scoring ---- */

static void
score_tokens(void *arg, size_t first, size_t last, unsigned worker)
{
    struct sov_likely *l = arg;
    const struct sov_kern *k = sov_kern();
    float *p = l->p[worker];
    size_t n = l->n_vocab;

    for (size_t i = first; i < last; i++) {
        struct token *t = &l->token[i];
        float top = k->max(t->row, n);
        double sum = 0;
        size_t best = 0;

        memcpy(p, t->row, n * sizeof(*p));
        k->exp(p, n, top);
        for (size_t v = 0; v < n; v++)
            sum += (double)p[v];
        while (best < n && !(t->row[best] >= top))
            best++;
        t->logprob = (double)t->row[t->id] - (double)top - sov_log(sum);
        t->top = best == (size_t)t->id;
    }
}

/* The next token of a leg, foretold by that row of its session. */
static void
note_token(struct sov_likely *l, struct leg *leg, size_t row)
{
    l->token[l->n_tokens++] = (struct token){
        .row = sov_session_logits(leg->session, row),
        .id = leg->text->ids[leg->scored],
        .text = leg->text,
    };
    leg->scored++;
}

static int
add_up(struct sov_likely *l, struct sov_err *err)
{
    sov_par_for(l->n_tokens, 1, score_tokens, l);
    for (size_t i = 0; i < l->n_tokens; i++) {
        const struct token *t = &l->token[i];

        if (!isfinite(t->logprob))
            return sov_fail(err, SOV_EFORMAT,
                            "the model gives logits that are not numbers");
        t->text->logprob += t->logprob;
        t->text->greedy = t->text->greedy && t->top;
    }
    l->n_tokens = 0;
    return 0;
}

/* What a leg reads next, with that many rows left; false: nothing now. */
static bool
next_part(const struct leg *leg, size_t rows, struct sov_batch_part *part)
{
    size_t first = leg->text->from - 1; /* whose row foretells the first */
    size_t end = leg->text->n - 1;

    part->session = leg->session;
    part->ids = leg->text->ids + leg->at;
    if (leg->at < first) {
        part->n = first - leg->at;
        part->what = SOV_LOGITS_NONE;
        return true;
    }
    part->n = end - leg->at < rows ? end - leg->at : rows;
    part->what = SOV_LOGITS_ALL;
    return part->n > 0;
}

static int
read_parts(struct sov_likely *l, struct sov_err *err)
{
    for (size_t i = 0; i < l->n_parts; i++)
        l->tokens += l->part[i].n;
    return sov_batch_eval(l->batch, l->part, l->n_parts, err);
}

/* One round: 1 if there was something to do. */
static int
read_round(struct sov_likely *l, struct sov_err *err)
{
    size_t rows = l->n_rows;
    int rc;

    l->n_parts = 0;
    for (size_t i = 0; i < l->n_legs; i++) {
        struct sov_batch_part *part = &l->part[l->n_parts];

        if (!next_part(&l->leg[i], rows, part))
            continue;
        l->of_part[l->n_parts++] = &l->leg[i];
        rows -= part->what == SOV_LOGITS_ALL ? part->n : 0;
    }
    if (l->n_parts == 0)
        return 0;
    rc = read_parts(l, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < l->n_parts; i++) {
        l->of_part[i]->at += l->part[i].n;
        for (size_t k = 0; l->part[i].what == SOV_LOGITS_ALL &&
                           k < l->part[i].n; k++)
            note_token(l, l->of_part[i], k);
    }
    rc = add_up(l, err);
    return rc < 0 ? rc : 1;
}

/* ---- units ---- */

/* Does the last row of what is common foretell what is scored? */
static bool
foretells(const struct sov_likely_unit *u)
{
    for (size_t i = 0; i < u->n; i++)
        if (u->text[i].from == u->common)
            return true;
    return false;
}

/* The texts of a unit whose session has read what they have in common. */
static int
begin_texts(struct sov_likely *l, struct sov_likely_unit *u, struct leg *leg,
            struct sov_err *err)
{
    int rc = 0;

    for (size_t k = 0; k < u->n && rc == 0; k++) {
        sov_session *session = leg[0].session;

        leg[k] = (struct leg){ .text = &u->text[k],
                               .session = session,
                               .at = u->common,
                               .scored = u->text[k].from };
        u->text[k].logprob = 0;
        u->text[k].greedy = true;
        if (leg[k].scored == leg[k].at)
            note_token(l, &leg[k], 0);
        if (k > 0)
            rc = sov_session_fork(&leg[k].session, session, err);
    }
    return rc;
}

static int
begin_units(struct sov_likely *l, struct sov_likely_unit *unit, size_t n,
            struct sov_err *err)
{
    int rc = 0;

    l->n_legs = l->n_parts = l->n_tokens = 0;
    for (size_t i = 0; i < n && rc == 0; i++) {
        struct leg *leg = &l->leg[l->n_legs];

        memset(leg, 0, unit[i].n * sizeof(*leg));
        l->n_legs += unit[i].n;
        rc = sov_session_new(&leg->session, l->batch, NULL, err);
        l->part[l->n_parts++] = (struct sov_batch_part){
            .session = leg->session,
            .ids = unit[i].text[0].ids,
            .n = unit[i].common,
            .what = foretells(&unit[i]) ? SOV_LOGITS_LAST : SOV_LOGITS_NONE,
        };
    }
    if (rc == 0)
        rc = read_parts(l, err);
    for (size_t i = 0, at = 0; i < n && rc == 0; at += unit[i++].n)
        rc = begin_texts(l, &unit[i], &l->leg[at], err);
    return rc < 0 ? rc : add_up(l, err);
}

int
sov_likely_read(struct sov_likely *l, struct sov_likely_unit *unit, size_t n,
                struct sov_err *err)
{
    int rc = begin_units(l, unit, n, err);

    if (rc == 0)
        do
            rc = read_round(l, err);
        while (rc > 0);
    for (size_t i = 0; i < l->n_legs; i++)
        sov_session_close(l->leg[i].session);
    l->n_legs = 0;
    return rc;
}

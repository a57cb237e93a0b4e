/* SPDX-License-Identifier: Apache-2.0 */
/*
 * desk.c - many requests, for text or for vectors, answered together
 */
#include "run/desk.h"

#include "base/limits.h"
#include "base/mem.h"

#include <stdlib.h>

#define PASS_DEFAULT 256 /* tokens of a pass */

int
sov_desk_add(sov_desk *d, const struct sov_ask *ask, struct sov_err *err)
{
    struct sov_job *j;
    int rc = sov_job_new(&j, d, ask, err);

    if (rc < 0)
        return rc;
    if (j->len == NULL && j->n_tokens == 0)
        sov_job_finish(d, j, 0, NULL);
    else
        sov_jobs_push(&d->waiting, j);
    return 0;
}

int
sov_desk_step(sov_desk *d, struct sov_err *err)
{
    size_t n_done = d->done.n;
    int rc = sov_desk_admit(d, err);

    if (rc < 0)
        return rc;
    if (d->n_active == 0)
        return d->done.n > n_done;
    rc = sov_desk_pass(d, err);
    if (rc < 0)
        return rc;
    d->counts.passes++;
    rc = sov_desk_take_tokens(d, err);
    return rc < 0 ? rc : 1;
}

bool
sov_desk_take(sov_desk *d, struct sov_reply *answer)
{
    struct sov_job *j = sov_jobs_pop(&d->done);

    if (j == NULL)
        return false;
    *answer = j->answer;
    j->answer = (struct sov_reply){ 0 };
    sov_job_free(j);
    return true;
}

/* ---- all of it */

void
sov_desk_close(sov_desk *d)
{
    size_t i;

    if (d == NULL)
        return;
    for (i = 0; i < d->n_active; i++)
        sov_job_free(d->active[i]);
    sov_jobs_free(&d->waiting);
    sov_jobs_free(&d->done);
    sov_batch_close(d->batch);
    for (i = 0; i < d->n_samplers; i++)
        sov_sampler_free(d->sampler[i]);
    free(d->sampler);
    free(d->active);
    free(d->reader);
    free(d->part);
    free(d);
}

/* What a session of the batch says of all of them. */
static int
ask_batch(struct sov_desk *d, struct sov_err *err)
{
    sov_session *s;
    int rc = sov_session_new(&s, d->batch, NULL, err);

    if (rc < 0)
        return rc;
    d->n_ctx = sov_session_ctx(s);
    d->n_vocab = sov_session_vocab(s);
    d->width = sov_session_width(s);
    d->scores = sov_session_scores(s);
    d->pool = sov_session_pool(s);
    d->generates = sov_session_rows(s) > 0;
    sov_session_close(s);
    return 0;
}

/* A model that makes no text has one text, or a few, at a time. */
static int
open_batch(struct sov_desk *d, const sov_model *model,
           const struct sov_session_opts *opts, struct sov_err *err)
{
    struct sov_session_opts so = *opts;
    int rc;

    so.n_seq = d->n_seq;
    so.n_batch = d->n_batch;
    so.n_logits = d->n_seq;
    so.n_kv = 0;
    so.reuse = true;
    rc = sov_batch_open(&d->batch, model, &so, err);
    if (rc == 0)
        rc = ask_batch(d, err);
    if (rc < 0 || d->generates || d->n_seq == 1)
        return rc;
    sov_batch_close(d->batch);
    d->batch = NULL;
    d->n_seq = so.n_seq = 1;
    rc = sov_batch_open(&d->batch, model, &so, err);
    return rc == 0 ? ask_batch(d, err) : rc;
}

static unsigned
count_samplers(uint32_t n_seq)
{
    return n_seq > 1 ? sov_threads() : 1;
}

uint64_t
sov_desk_memory(uint32_t n_seq, uint64_t n_vocab)
{
    if (n_vocab > SOV_VOCAB_MAX)
        n_vocab = SOV_VOCAB_MAX;
    return count_samplers(n_seq) * sov_sampler_memory((uint32_t)n_vocab);
}

/* One for each thread, or for each text if these are fewer; a model that makes
 * no text has one for looking at options. */
static int
open_samplers(struct sov_desk *d, struct sov_err *err)
{
    const struct sov_sampler_opts greedy = { .top_p = 1, .repeat_penalty = 1 };
    unsigned n = count_samplers(d->n_seq);
    int rc = 0;

    d->sampler = sov_mem_array(n, sizeof(*d->sampler));
    if (d->sampler == NULL)
        return sov_mem_fail(err);
    for (; d->n_samplers < n && rc == 0; d->n_samplers += rc == 0)
        rc = sov_sampler_new(&d->sampler[d->n_samplers], &greedy, d->n_vocab,
                             err);
    return rc;
}

int
sov_desk_open(sov_desk **desk, const sov_model *model, const sov_tok *tok,
              const struct sov_session_opts *opts, struct sov_err *err)
{
    struct sov_desk *d = sov_mem_array(1, sizeof(*d));
    int rc;

    *desk = NULL;
    if (d == NULL)
        return sov_mem_fail(err);
    d->tok = tok;
    d->counts.joules = -1;
    d->n_seq = opts->n_seq != 0 ? opts->n_seq : 1;
    d->n_batch = opts->n_batch != 0 ? opts->n_batch : PASS_DEFAULT;
    rc = open_batch(d, model, opts, err);
    if (rc == 0)
        rc = open_samplers(d, err);
    if (rc == 0) {
        d->active = sov_mem_array(d->n_seq, sizeof(*d->active));
        d->reader = sov_mem_array(d->n_seq, sizeof(*d->reader));
        d->part = sov_mem_array(d->n_seq, sizeof(*d->part));
        if (d->active == NULL || d->reader == NULL || d->part == NULL)
            rc = sov_mem_fail(err);
    }
    if (rc < 0) {
        sov_desk_close(d);
        return rc;
    }
    *desk = d;
    return 0;
}

void
sov_desk_count(const sov_desk *d, struct sov_desk_counts *counts)
{
    *counts = d->counts;
    counts->waiting = d->waiting.n;
    counts->active = d->n_active;
    counts->blocks = sov_batch_blocks(d->batch);
    counts->used = counts->blocks - sov_batch_room(d->batch);
}

void
sov_desk_power(sov_desk *d, sov_power *power)
{
    d->power = power;
    d->counts.joules = power != NULL ? 0 : -1;
}

uint32_t
sov_desk_ctx(const sov_desk *d)
{
    return d->n_ctx;
}

enum sov_pool
sov_desk_pool(const sov_desk *d)
{
    return d->pool;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * desk.h - what a desk and its jobs are, for the files of this folder
 *
 * A job is a request on its way.  It is in one of three places: a list of those
 * that wait, the table of those that are active, a list of answers.  Invariants:
 *
 * 1. ids are the prompt and what was made of it; the session has read a
 *    beginning of them, and everything else that is known of the answer is in
 *    the job.  So a session can be closed at any time, and another one can read
 *    the ids again and go on: its logits are the same bits.
 * 2. Jobs are active in the order in which they came, and those that wait came
 *    later than all of them.
 * 3. The pool has blocks for one whole context at least.  So the first job can
 *    always go on, if all the others give way.
 * 4. Texts whose vectors are wanted are never active: when it is their turn,
 *    they are read at once, and done.
 */
#ifndef SOV_RUN_DESK_H
#define SOV_RUN_DESK_H

#include "base/buf.h"
#include "sov/chat.h"
#include "sov/desk.h"

struct sov_job {
    struct sov_job *next; /* of its list */
    sov_session *session; /* NULL: not active */
    int32_t *ids;         /* [cap] */
    size_t n_ids;
    size_t cap;
    char *tenant;
    double added; /* when it came, in seconds */
    bool seated;  /* it has had a place */

    /* a text that goes on */
    size_t planned; /* tokens of the pass that is put together */
    uint64_t n_tokens;
    struct sov_sampler_opts sampler;
    sov_stream *stream;
    sov_channels *channels; /* or NULL */
    int32_t end;
    struct sov_buf text;
    struct sov_buf thought;
    size_t made_cap;
    size_t top_cap;
    /* the next token, as it was sampled */
    int32_t id;
    struct sov_chance chance;
    struct sov_chance best[SOV_TOP_MAX];

    /* vectors */
    size_t *len; /* [n_texts], of each text in ids; NULL: it is none of those */
    size_t n_texts;
    bool as_is;

    struct sov_reply answer;
};

struct sov_job_list {
    struct sov_job *first;
    struct sov_job *last;
    size_t n;
};

struct sov_desk {
    sov_batch *batch;
    const sov_tok *tok;
    sov_sampler **sampler; /* [n_samplers], one for each thread; the options
                              are those of the job at hand */
    unsigned n_samplers;
    uint32_t n_seq;
    uint32_t n_batch;
    uint32_t n_ctx;
    uint32_t n_vocab;
    uint32_t width;
    uint32_t scores;
    enum sov_pool pool;
    bool generates;
    struct sov_job_list waiting;
    struct sov_job_list done;
    struct sov_job **active; /* [n_seq] */
    size_t n_active;
    struct sov_batch_part *part; /* [n_seq] */
    struct sov_job **reader;     /* [n_seq] of prompts, in a pass */
    sov_power *power;            /* borrowed, or NULL */
    struct sov_desk_counts counts;
};

/* ---- desk_job.c */

void sov_jobs_push(struct sov_job_list *l, struct sov_job *j);
void sov_jobs_push_first(struct sov_job_list *l, struct sov_job *j);
struct sov_job *sov_jobs_pop(struct sov_job_list *l); /* or NULL */
void sov_jobs_free(struct sov_job_list *l);

/* What was asked for, if it can be. */
int sov_job_new(struct sov_job **job, const struct sov_desk *d,
                const struct sov_ask *ask, struct sov_err *err) SOV_MUST_CHECK;
void sov_job_free(struct sov_job *j);

/* A job that is in no list has its answer, or a reason why there is none. */
void sov_job_finish(struct sov_desk *d, struct sov_job *j, int rc,
                    const struct sov_err *err);

/* Do two jobs have one tenant, or none? */
bool sov_job_same_tenant(const struct sov_job *a, const struct sov_job *b);

/* A job has a place, or is about to get its first token; the time counts only
 * once. */
void sov_job_seat(struct sov_job *j);
void sov_job_first(struct sov_job *j);

/* Joules of the meter until now; below 0: not known. */
double sov_desk_energy(const struct sov_desk *d);

/* Part of what was spent between two such readings, for n of all tokens. */
void sov_job_spend(struct sov_job *j, double before, double after, size_t n,
                   size_t all);
void sov_desk_spend(struct sov_desk *d, double before, double after);

/* ---- desk_pass.c: who is active, and what a pass reads */

/* Give places to those that wait; vectors are made on the way. */
int sov_desk_admit(struct sov_desk *d, struct sov_err *err) SOV_MUST_CHECK;

/* Read the next tokens of those that are active. */
int sov_desk_pass(struct sov_desk *d, struct sov_err *err) SOV_MUST_CHECK;

/* Ids that a job has not read. */
size_t sov_job_left(const struct sov_job *j);

/* ---- desk_token.c: what comes of it */

/* A token for each text whose ids have all been read; those that end make
 * room at once. */
int sov_desk_take_tokens(struct sov_desk *d,
                         struct sov_err *err) SOV_MUST_CHECK;

/* ---- desk_vector.c */

/* The first job that waits, and those behind it that can be read with it, are
 * done: 1, or 0 if there is no room for it now, with so many blocks wanted by
 * those that are active. */
int sov_desk_vectors(struct sov_desk *d, uint32_t wanted,
                     struct sov_err *err) SOV_MUST_CHECK;

#endif

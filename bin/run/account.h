/* SPDX-License-Identifier: Apache-2.0 */
/*
 * account.h - what is kept of each request: counters, a log, a proof
 *
 *     sov_account_open    before the first seal: the helper of --metrics, the
 *                         log, its key (the password is asked for), energy
 *     sov_account_model   when the model is open, before the second: its
 *                         digests; the log begins
 *     sov_account_ask     a request has come
 *     sov_account_prove   --proof, of an answer
 *     sov_account_answer  an answer is about to be written
 *     sov_account_close   the run ends; the log with it
 *
 * With --resume, sov_account_unwritten() takes back, between the start and the
 * first request, answers of earlier runs that the log may have and the output
 * has not.
 *
 * An answer leaves only when the log has its line: where that fails, the run
 * ends before.  Without any of the options these do next to nothing.
 */
#ifndef SOV_RUN_ACCOUNT_H
#define SOV_RUN_ACCOUNT_H

#include "cli/adapter.h"
#include "cli/lm.h"
#include "run/metrics.h"
#include "sov/audit.h"
#include "sov/desk.h"
#include "sov/err.h"
#include "sov/power.h"
#include "sov/proof.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sov_report;

/* What a run goes on with that adds to answers. */
struct sov_account_output {
    const char *name; /* as the command line has it */
    uint64_t answers;
    uint64_t bytes;
    const unsigned char *sha256; /* of these */
};

struct sov_account {
    /* what the command line says */
    const char *metrics_path;
    double seconds; /* between two files of metrics */
    bool seconds_given;
    const char *log_path;
    const char *sign_key;
    const char *reviewer;
    bool prove;
    const char *claimed; /* --verify-proof */
    bool meter;

    const struct sov_adapters *adapters;     /* borrowed; of the model */
    const struct sov_account_output *output; /* borrowed; or NULL */
    struct sov_metrics *metrics;
    sov_seckey *key;
    sov_audit *log;
    sov_power *power; /* or NULL: nobody wants to know */
    sov_proof *proof;
    bool began;    /* the log has the start of this run */
    uint64_t line; /* of requests that are no lines of a file */
    uint64_t n_requests;
    uint64_t n_errors;
    uint64_t n_prompt;
    uint64_t n_made;
    double joules; /* of all answers; below 0: not known */
    char last_proof[SOV_PROOF_LEN + 1];
};

/* Before anything is opened: do the options go together? */
int sov_account_check(const struct sov_account *a,
                      struct sov_err *err) SOV_MUST_CHECK;

/* model: as the command line names it, or NULL; inputs: not to be written. */
int sov_account_open(struct sov_account *a, const char *model,
                     const char *const *inputs, size_t n_inputs,
                     struct sov_err *err) SOV_MUST_CHECK;

/* Is anything kept at all, or told?  What digests of the model this needs. */
bool sov_account_wanted(const struct sov_account *a);
unsigned sov_account_hash(const struct sov_account *a);

/* What the model is that answers, and how (so). */
int sov_account_model(struct sov_account *a, const struct sov_lm *lm,
                      const struct sov_session_opts *so, const char *mode,
                      struct sov_err *err) SOV_MUST_CHECK;

/* The answer to a line that another run was about to write is not there. */
int sov_account_unwritten(struct sov_account *a, uint64_t line,
                          struct sov_err *err) SOV_MUST_CHECK;

/* Wait until the log is on the disk. */
int sov_account_sync(struct sov_account *a, struct sov_err *err) SOV_MUST_CHECK;

/* A request. */
struct sov_account_ask {
    uint64_t line;         /* 0: the next, and the only one now */
    struct sov_span bytes; /* as they came */
    const int32_t *ids;    /* or [n_ids] these, if it was ids that came */
    size_t n_ids;
    const char *tenant;   /* or NULL */
    const char *reviewer; /* or NULL: that of the run */
};

int sov_account_ask(struct sov_account *a, const struct sov_account_ask *ask,
                    struct sov_err *err) SOV_MUST_CHECK;

/* An answer. */
struct sov_account_answer {
    uint64_t line;         /* as in the request; 0: the last */
    const char *outcome;   /* name of enum sov_why, "vectors" or "error" */
    struct sov_span bytes; /* as they are written, without the line's end */
    size_t n_prompt;
    size_t n_known;
    size_t n_made;
    struct sov_spent spent;
    const char *proof; /* or NULL */
};

int sov_account_answer(struct sov_account *a,
                       const struct sov_account_answer *answer,
                       struct sov_err *err) SOV_MUST_CHECK;

/* The proof of prompt and answer, in a->last_proof; "" without --proof. */
int sov_account_prove(struct sov_account *a,
                      const struct sov_sampler_opts *sampler,
                      const int32_t *ids, size_t n_prompt, size_t n,
                      struct sov_err *err) SOV_MUST_CHECK;

/* --meter: what a request took, as members of its answer. */
void sov_account_report(struct sov_report *r, size_t n_known,
                        const struct sov_spent *spent);

/* How a desk is, after a pass that took so long. */
void sov_account_desk(struct sov_account *a,
                      const struct sov_desk_counts *counts, double seconds);

/* Computing took so long, and so many joules (below 0: not known). */
void sov_account_busy(struct sov_account *a, double seconds, double joules);

/* Joules until now, to be subtracted; below 0: not known. */
double sov_account_joules(const struct sov_account *a);

/* rc of the run; gives it, or what went wrong at the end. */
int sov_account_close(struct sov_account *a, int rc, struct sov_err *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jsonl_job.h - requests on their way, for the files of --jsonl
 *
 * A slot is a line from when it is read to when its answer is written.  There
 * are a few slots for each request that is answered at once, and no line is
 * read while none is free: whoever writes lines waits then, and memory does
 * not grow.  With --order input, answers wait in their slots for those before.
 */
#ifndef SOV_RUN_JSONL_JOB_H
#define SOV_RUN_JSONL_JOB_H

#include "cli/emit.h"
#include "cli/lines.h"
#include "run/jsonl.h"
#include "sov/ledger.h"
#include "sov/request.h"

struct sov_jsonl_slot {
    size_t next; /* that was read after it, or that is free too */
    uint64_t line;
    sov_request *request; /* owned */
    uint64_t seed;
    struct sov_sampler_opts sampler; /* of a text */
    bool noted;                      /* the account has the request */
    uint64_t digest;                 /* of the line, for the ledger */
    bool done;
    struct sov_reply answer;
};

#define SOV_NO_SLOT SIZE_MAX

struct sov_jsonl_job {
    struct sov_jsonl_mode *m;
    struct sov_lm *lm;
    sov_desk *desk;
    struct sov_lines lines;
    uint64_t line;       /* number of the last one, in all files */
    struct sov_span raw; /* the one that is looked at */
    bool ended;
    struct sov_emit out;
    sov_ledger *ledger;               /* in place of it; or NULL */
    struct sov_ledger_counts had;     /* in it, when it was opened */
    struct sov_account_output output; /* the same for the log */
    char date[16];                    /* of the run that goes on; or empty */
    struct sov_talk talk[2];          /* by whether there are tools */
    struct sov_err no_talk;           /* why there is no template */
    struct sov_jsonl_slot *slot;      /* [n_slots] */
    size_t n_slots;
    size_t n_used;
    size_t n_asked; /* of them, that the desk has */
    size_t free;    /* a list of slots, */
    size_t first;   /* and another: in the order of input, from here */
    size_t last;    /* to here */
};

/* ---- jsonl_slot.c */

int sov_jsonl_open_slots(struct sov_jsonl_job *j,
                         struct sov_err *err) SOV_MUST_CHECK;
void sov_jsonl_free_slots(struct sov_jsonl_job *j);

/* A free one, as the last that was read. */
struct sov_jsonl_slot *sov_jsonl_take_slot(struct sov_jsonl_job *j);

/* Write all answers that may be written now. */
int sov_jsonl_write_done(struct sov_jsonl_job *j,
                         struct sov_err *err) SOV_MUST_CHECK;

/* A line without an answer: 0, and the run goes on, or rc, and it ends. */
int sov_jsonl_refuse(struct sov_jsonl_job *j, struct sov_jsonl_slot *s, int rc,
                     const struct sov_err *err) SOV_MUST_CHECK;

/* Put what the desk has done into the slots, and write it. */
int sov_jsonl_take_answers(struct sov_jsonl_job *j,
                           struct sov_err *err) SOV_MUST_CHECK;

/* ---- jsonl_resume.c: with --resume; else they do nothing */

/* With the model open: what there is, and what the run that goes on had. */
int sov_jsonl_resume_open(struct sov_jsonl_job *j,
                          struct sov_err *err) SOV_MUST_CHECK;
/* When all else is ready. */
int sov_jsonl_resume_begin(struct sov_jsonl_job *j,
                           const struct sov_session_opts *opts,
                           struct sov_err *err) SOV_MUST_CHECK;
/* With the log begun: what it may have of answers that are not there. */
int sov_jsonl_resume_log(struct sov_jsonl_job *j,
                         struct sov_err *err) SOV_MUST_CHECK;
/* Have answers on the disk, if it is time; in any case with now. */
int sov_jsonl_resume_sync(struct sov_jsonl_job *j, bool now,
                          struct sov_err *err) SOV_MUST_CHECK;
/* Is the line that was read last answered: 1, or 0. */
int sov_jsonl_resume_look(struct sov_jsonl_job *j, struct sov_span line,
                          struct sov_err *err) SOV_MUST_CHECK;
/* All lines have been read. */
int sov_jsonl_resume_ended(const struct sov_jsonl_job *j,
                           struct sov_err *err) SOV_MUST_CHECK;

/* ---- jsonl_ask.c */

/* The account gets a request, once. */
int sov_jsonl_note(struct sov_jsonl_job *j, struct sov_jsonl_slot *s,
                   const char *tenant, const char *reviewer,
                   struct sov_err *err) SOV_MUST_CHECK;

/* Put what a request asks for to the desk. */
int sov_jsonl_ask(struct sov_jsonl_job *j, struct sov_jsonl_slot *s,
                  struct sov_err *err) SOV_MUST_CHECK;

#endif

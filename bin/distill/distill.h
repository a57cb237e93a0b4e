/* SPDX-License-Identifier: Apache-2.0 */
/*
 * distill.h - what the files of sov-distill share
 */
#ifndef SOV_DISTILL_TOOL_H
#define SOV_DISTILL_TOOL_H

#include "cli/effort.h"
#include "cli/lineage.h"
#include "cli/opt.h"
#include "cli/target.h"
#include "sov/distill.h"
#include "sov/io.h"
#include "sov/quant.h"

#include <stdbool.h>
#include <stdint.h>

/* What the command line said. */
struct distill_options {
    const char *student;
    const char *arch;
    const char *tokenizer;
    const char *teacher;
    const char *cache;
    const char *cache_out;
    uint64_t draws;
    uint64_t generate, generate_tokens;
    const char *loss;
    double alpha, temp;
    const char *hidden;
    double on_policy;
    const char *optimizer;
    double lr;
    double clip;
    const char *schedule;
    uint64_t warmup;
    bool warmup_given;
    int dtype; /* enum sov_train_dtype */
    uint64_t ctx, batch, accumulate, steps, tokens;
    uint64_t local_steps;
    double outer_lr, outer_momentum;
    bool outer_momentum_given;
    const char *delta_out;
    bool merge;
    uint64_t worker[2]; /* which, of how many */
    bool worker_given;
    const char *mask; /* a secret key */
    struct sov_opt_list silo;
    const char *lora;
    bool keep_mask;
    uint64_t seed;
    int form;  /* enum sov_text_form */
    int twins; /* enum sov_text_twins */
    bool filter;
    const char *rules;
    const char *sieved;
    const char *checkpoint;
    uint64_t every;
    bool best, resume;
    const char *eval;
    const char *log;
    const char *plot;
    const char *type;
    const char *format;
};

extern struct distill_options distill_options;

/* The models that are read. */
enum { DISTILL_STUDENT, DISTILL_TEACHER, DISTILL_TOKENIZER, DISTILL_MODELS };

struct distill {
    const char *const *text; /* operands */
    size_t n_texts;
    struct sov_digest *text_is; /* [n_texts] of plain files, to sign; or NULL */
    struct sov_digest cache_is; /* likewise of --cache */
    sov_model *model[DISTILL_MODELS]; /* or NULL */
    int first;                        /* that the history goes on from */
    const char **input;
    size_t n_inputs;
    sov_distill *run;
    struct sov_distill_facts facts;
    double step_seconds; /* of --dry-run */
    sov_quant *job;      /* of what comes out */
    struct sov_target target;
    struct sov_lineage lineage;
    struct sov_effort effort;
    sov_append *log;
    sov_sink *plot;
    sov_sink *delta;
    struct sov_distill_delta whose;
    sov_seckey *mask_key;
    struct sov_pubkey *silo;
    sov_sink *sieved;
    double seconds;
};

/* The path that an enum above was given as. */
const char *distill_path(int which);

/* check.c: do the options go together; is what is done what a teacher does
 * alone; the type of an adapter, which is of plain numbers. */
int distill_check(const struct distill *q, struct sov_err *err) SOV_MUST_CHECK;
bool distill_alone(void);
enum sov_type distill_lora_type(void);

/* delta.c: --delta-out: its keys; open it; write it. */
int distill_delta_keys(struct distill *q, struct sov_err *err) SOV_MUST_CHECK;
int distill_delta_open(struct distill *q, struct sov_err *err) SOV_MUST_CHECK;
int distill_delta_write(struct distill *q, struct sov_err *err) SOV_MUST_CHECK;
void distill_delta_free(struct distill *q);

/* merge.c: --merge, all of it, once the model is open. */
int distill_merge(struct distill *q, struct sov_err *err) SOV_MUST_CHECK;

/* sov-distill.c: what comes out, in its type; where it goes; write it. */
int distill_make_job(struct distill *q, struct sov_err *err) SOV_MUST_CHECK;
int distill_open_model(struct distill *q, struct sov_err *err) SOV_MUST_CHECK;
int distill_write_model(struct distill *q, struct sov_err *err) SOV_MUST_CHECK;

/* models.c: open what the options name; the files that are read. */
int distill_open_models(struct distill *q, struct sov_err *err) SOV_MUST_CHECK;
int distill_list_inputs(struct distill *q, struct sov_err *err) SOV_MUST_CHECK;
void distill_close_models(struct distill *q);

/* A signal ended it: what was done is kept, and the same command, how, goes on.
 * Exit status 75: try again. */
int distill_stopped(const char *kept, const char *how, struct sov_err *err);

/* foretell.c, generate.c: what a teacher does alone, --cache-out and
 * --generate. */
int distill_foretell(struct distill *q, struct sov_err *err) SOV_MUST_CHECK;
int distill_generate(struct distill *q, struct sov_err *err) SOV_MUST_CHECK;

/* log.c: --log, before the first step, and a line of it. */
int distill_log_open(struct distill *q, struct sov_err *err) SOV_MUST_CHECK;
int distill_log_step(void *arg, const struct sov_distill_step *s,
                     struct sov_err *err) SOV_MUST_CHECK;

/* plot.c: the curve of --plot. */
int distill_plot_open(struct distill *q, struct sov_err *err) SOV_MUST_CHECK;
int distill_plot_write(struct distill *q, struct sov_err *err) SOV_MUST_CHECK;

/* The options of the library that the command line gives. */
void distill_fill(const struct distill *q, struct sov_distill_opts *opt);

/* claim.c: the signed claim about the output, if one was asked for; hash: of
 * the texts, before they are read. */
int distill_hash_texts(struct distill *q, struct sov_err *err) SOV_MUST_CHECK;
int distill_claim(struct distill *q, struct sov_err *err) SOV_MUST_CHECK;

/* report.c: what was, or would be, done. */
int distill_report(const struct distill *q, struct sov_err *err) SOV_MUST_CHECK;

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench.h - what the parts of sov-bench share
 *
 * The model is opened and run by a child process, under seals; it hands the
 * records to its parent as lines of JSON.  The parent, which never reads a
 * model, has the history, the verdict and the outputs.
 */
#ifndef SOV_BIN_BENCH_H
#define SOV_BIN_BENCH_H

#include "bench/out.h"
#include "cli/lm.h"
#include "sov/bench.h"
#include "sov/err.h"
#include "sov/run.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BENCH_LIST_MAX    32
#define BENCH_BATCH_MAX   1024 /* sequences */
#define BENCH_THREADS_MAX 4096
#define BENCH_RUNS_MAX    1000
#define BENCH_SECONDS     30 /* of measuring, where there is no option */

/* "128,512": whole numbers, in the order given, none twice. */
struct bench_list {
    uint32_t v[BENCH_LIST_MAX];
    size_t n;
};

struct bench_options {
    /* the grid */
    struct bench_list prompt;
    struct bench_list gen;
    struct bench_list depth;
    struct bench_list batch;
    struct bench_list threads;
    struct bench_list kv; /* enum sov_kv_form */
    uint64_t runs;        /* samples of a cell; 0: by time */
    double seconds;       /* to measure in; 0: choose */
    bool precise;
    bool start; /* start-up, loading and the first token, too */
    bool cold;  /* ... with nothing of the model in memory */
    bool require_energy;

    /* beside others */
    size_t n_models; /* operands */
    const char *vs;
    const char *vs_tool; /* another build of this program */
    uint64_t turns;      /* descriptor that says when; 0: none */
    const char *history;
    const char *baseline;
    double fail_above; /* a share */
    bool fail_above_given;
    bool cross_host;

    /* claims */
    const char *sign_key;
    const char *claims;

    /* manners */
    double timeout; /* seconds; 0: none */
    int64_t nice;
    bool nice_given;
    int lock; /* enum sov_lock */

    struct bench_outputs out;
};

extern struct bench_options bench_options;

/* What one token, or one pass, of a model costs at least. */
struct bench_cost {
    double body[4];    /* weights that a token is multiplied with, by the roof
                       (enum sov_roof_kind) that their type has */
    double late[4];    /* of those: met by tokens that get logits alone */
    double head[4];    /* likewise, for logits */
    double body_bytes; /* of them; of experts those that one token takes */
    double head_bytes;
    double all_bytes; /* body, with all experts */
    double params;
};

/* A model that is measured. */
struct bench_model {
    struct sov_lm lm;
    struct sov_bench_model facts; /* texts are owned */
    struct bench_cost cost;
};

struct bench_job {
    struct bench_model *model; /* [n_models]: one, or two with --vs */
    size_t n_models;
    struct sov_bench_machine machine;
    struct sov_bench_noise noise; /* of the time while it was measured */
    char run[17];
    char time[24];
};

/* ---- options.c */

int bench_set_list(void *dest, const char *value, struct sov_err *err);
int bench_set_kv(void *dest, const char *value, struct sov_err *err);
int bench_set_percent(void *dest, const char *value, struct sov_err *err);
int bench_check_options(struct sov_err *err) SOV_MUST_CHECK;
const char *bench_kv_name(uint32_t form);

/* The largest value; 0 of none. */
uint32_t bench_most(const struct bench_list *list);

/* Where there is no option, a grid that suits the model. */
void bench_choose_grid(const struct bench_model *m);

/* ---- model.c */

int bench_model_open(struct bench_model *m, const char *path,
                     struct sov_err *err) SOV_MUST_CHECK;
void bench_model_close(struct bench_model *m);

/* Open it to look at what it consists of: neither weights nor digests. */
int bench_model_peek(struct bench_model *m, const char *path,
                     struct sov_err *err) SOV_MUST_CHECK;

/* Tokens of its context, as it says; 0: it does not. */
uint32_t bench_model_ctx(const struct bench_model *m);

/* ---- pass.c */

/* One thing that is timed. */
struct bench_task {
    uint32_t prompt; /* tokens at once, or */
    uint32_t gen;    /* one after the other */
    uint32_t depth;
    uint32_t batch;
};

struct bench_bed;

/* Memory for any task of the grid, with keys and values in this form.  All
 * that is open is wiped and given back by close. */
int bench_bed_open(struct bench_bed **bed, const struct bench_model *m,
                   enum sov_kv_form kv, struct sov_err *err) SOV_MUST_CHECK;
void bench_bed_close(struct bench_bed *bed);

/* Bytes that keys and values of n tokens take. */
double bench_bed_kv_bytes(const struct bench_bed *bed, uint32_t n);

/* Seconds that the task takes. */
int bench_bed_run(struct bench_bed *bed, const struct bench_task *task,
                  double *seconds, struct sov_err *err) SOV_MUST_CHECK;

/* Is it about the machine, and not about a model? */
bool bench_is_limit(const struct sov_bench_record *r);

/* ---- start.c */

struct bench_start;

/*
 * Before the process seals itself, and makes threads: starting, loading, the
 * first token and memory, by processes that do just this.  What can be read
 * only once is not measured.  *start is to be freed in any case.
 */
int bench_start_measure(struct bench_start **start, const char *path,
                        struct sov_err *err) SOV_MUST_CHECK;
void bench_start_free(struct bench_start *s);

/* As records of model m. */
int bench_start_tell(const struct bench_start *s, struct bench_job *job,
                     size_t m, struct sov_bench_set *set,
                     struct sov_err *err) SOV_MUST_CHECK;

/* ---- worker.c */

typedef int (*bench_work_fn)(void *arg, struct sov_bench_set *set,
                             struct sov_err *err);

/* Do the work in a child process, and take over its records, or its error. */
int bench_work(bench_work_fn work, void *arg, struct sov_bench_set *set,
               struct sov_err *err) SOV_MUST_CHECK;

/* May be called by a signal's handler. */
void bench_worker_kill(void);

/* All that comes out of a pipe; who: for messages.  free() the text. */
int bench_read_all(int fd, const char *who, char **text, size_t *len,
                   struct sov_err *err) SOV_MUST_CHECK;

/* The lines of it as records. */
int bench_read_records(const char *text, size_t len, const char *who,
                       struct sov_bench_set *set,
                       struct sov_err *err) SOV_MUST_CHECK;

/* ---- builds.c */

/* --vs-tool: this build beside another one. */
int bench_builds(const struct bench_job *job, const char *model,
                 struct sov_bench_set *set, struct sov_err *err) SOV_MUST_CHECK;

/* ---- claim.c */

struct bench_claims;

/*
 * --sign-key: load the key and look at what is there, before anything is
 * measured.  *claims (NULL without the option) is to be ended in any case.
 */
int bench_claims_begin(struct bench_claims **claims, int argc, char **argv,
                       struct sov_err *err) SOV_MUST_CHECK;
void bench_claims_end(struct bench_claims *c);

/* In a process that will read a model; all of these take NULL for c. */
void bench_claims_forget_key(struct bench_claims *c);

/* Records of model i begin at `from`. */
int bench_claims_measured(struct bench_claims *c, size_t i,
                          const struct sov_bench_set *set, size_t from,
                          struct sov_err *err) SOV_MUST_CHECK;

/* Sign what was measured, and add it to the claims of each model. */
int bench_claims_add(struct bench_claims *c, const struct sov_bench_set *set,
                     const struct sov_bench_verdict *v, size_t n_v,
                     struct sov_err *err) SOV_MUST_CHECK;

/* ---- manners.c */

/* --timeout, --nice, --lock, --require-energy: before anything else. */
int bench_behave(struct sov_err *err) SOV_MUST_CHECK;

/* ---- judge.c */

/* Records of --history (which need not be there yet) or --baseline. */
int bench_read_past(const char *path, struct sov_bench_set *past,
                    struct sov_err *err) SOV_MUST_CHECK;

/* By the rule of the options: sov_bench_judge(), or, without a base,
 * sov_bench_judge_pairs(). */
int bench_judge(const struct sov_bench_set *now,
                const struct sov_bench_set *base, struct sov_bench_verdict **v,
                size_t *n, struct sov_err *err) SOV_MUST_CHECK;

/* Worse is not what was as much slower as the machine itself was, by what it
 * could do at most in the same run: that becomes inconclusive. */
void bench_excuse(struct sov_bench_verdict *v, size_t n,
                  const struct sov_bench_set *now,
                  const struct sov_bench_set *base);

/* 0, SOV_ENO where something became worse and --fail-above was given, or
 * SOV_EUNSUP where the baseline is of other machines. */
int bench_verdict(const struct sov_bench_verdict *v, size_t n,
                  const struct sov_bench_set *base,
                  struct sov_err *err) SOV_MUST_CHECK;

/* ---- set.c */

/* One more record of model m, with what all of them have; NULL and err without
 * memory.  samples are copied. */
struct sov_bench_record *
bench_add(struct bench_job *job, struct sov_bench_set *set, size_t m,
          const char *metric, const struct sov_bench_cell *cell,
          const double *samples, size_t n, struct sov_err *err);

/* Of a record of ratios, what is typical of the pairs. */
void bench_set_ratio(struct sov_bench_record *r,
                     const struct sov_bench_ratio *ratio);

/* ---- speed.c */

int bench_speed(struct bench_job *job, struct sov_bench_set *set,
                struct sov_err *err) SOV_MUST_CHECK;

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * quality.h - how good a model is, what it costs, and which one would fit
 */
#ifndef SOV_BIN_BENCH_QUALITY_H
#define SOV_BIN_BENCH_QUALITY_H

#include "bench/bench.h"

#include "cli/opt.h"

/* What was asked for; NULL or 0: not that. */
struct quality_options {
    const char *perplexity; /* a text */
    const char *kld;        /* a model, or what llama-perplexity kept of one */
    const char *text;
    const char *hellaswag;
    const char *lambada;
    struct sov_opt_list choice;
    uint64_t ctx;
    uint64_t limit; /* tasks of a file */
    uint64_t draw;  /* ... at random */
    bool advise;
    double min_speed; /* tokens a second */
    double price;     /* of an hour */
};

extern struct quality_options quality_options;

/* Is there a text or a task to be judged by? */
bool quality_wanted(void);

/* Was speed asked for, or nothing else? */
bool quality_speed_wanted(void);

/* Where bench_speed() does not do it. */
void quality_seal(void);

int quality_check_options(struct sov_err *err) SOV_MUST_CHECK;

struct quality;

/* Before the seal: open all that is read; then measure, under it. */
int quality_open(struct quality **q, struct bench_job *job,
                 struct sov_err *err) SOV_MUST_CHECK;
int quality_run(struct quality *q, struct sov_bench_set *set,
                struct sov_err *err) SOV_MUST_CHECK;
void quality_close(struct quality *q);

/* One record of each rate: what a million tokens cost at that price. */
int quality_price(struct sov_bench_set *set, double per_hour,
                  struct sov_err *err) SOV_MUST_CHECK;

/* Which type fits here?  Told on standard output; SOV_ENO: none does. */
int quality_advise(struct bench_job *job, struct sov_err *err) SOV_MUST_CHECK;

#endif

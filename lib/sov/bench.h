/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench.h - what was measured, how sure it is, and whether it is worse
 *
 * A benchmark is a list of records, one for each thing that was measured.  A
 * record says which model, on which machine, in which run, under which
 * conditions, and holds every sample: whatever is told of it (a median, an
 * interval, a verdict) can be computed again from the record alone.  Kept as
 * JSON lines, "sov.bench/1", one record a line; sov-bench(1) describes them.
 */
#ifndef SOV_BENCH_H
#define SOV_BENCH_H

#include "sov/base.h"
#include "sov/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SOV_BENCH_SCHEMA "sov.bench/1"

/* ---- records ---- */

/* What was measured on.  Texts are "" (or NULL, in a record that was not read)
 * where a thing is not known, numbers 0. */
struct sov_bench_machine {
    char id[33];    /* hex: digest over what follows up to `memory` */
    char *cpu;      /* "AMD EPYC 9B14" */
    char *isa;      /* the kernels that ran: "avx512" */
    char *kernel;   /* "Linux 6.1.0" */
    char *governor; /* of the frequency: "performance" */
    char *microcode;
    char *sov;       /* version and compiler of this tool; not in the id */
    uint32_t cpus;   /* that may be used: affinity and quota */
    uint64_t memory; /* bytes that may be used */
    int turbo, smt;  /* 1 on, 0 off, -1 not known */
    uint32_t numa;   /* nodes */
    bool container;
};

/* What disturbed a measurement; NaN where not known. */
struct sov_bench_noise {
    double cpu_pressure; /* PSI "some", share of the time, 0 to 1 */
    double memory_pressure;
    double steal;           /* share of the CPUs' time taken by others */
    double throttled;       /* share of periods throttled by a quota */
    double frequency_drift; /* largest change, as a share of the first */
};

struct sov_bench_model {
    char *name;      /* as the user named it, without folders */
    char digest[65]; /* hex SHA-256 of the file, or "" if not computed */
    char *arch;      /* "llama" */
    char *type;      /* "q4_k_m", as general.file_type says */
    uint64_t bytes;  /* of the file */
    uint64_t params;
};

/* Conditions; 0 or NULL where one does not apply. */
struct sov_bench_cell {
    uint32_t prompt; /* tokens read in one go */
    uint32_t gen;    /* tokens made one after the other */
    uint32_t depth;  /* tokens that were in the KV cache before */
    uint32_t batch;  /* sequences side by side */
    uint32_t threads;
    char *kv;   /* type of the KV cache: "q8" */
    char *text; /* name of the data: "wiki.test.raw" */
    char text_digest[65];
};

enum sov_bench_better { SOV_BENCH_HIGHER, SOV_BENCH_LOWER };

/* Of samples, without an assumption on their distribution. */
struct sov_bench_stat {
    size_t n;
    double median;
    double low, high;  /* interval of the median; NaN with too few samples */
    double confidence; /* that it truly has (exact, at least as asked) */
    double mad;        /* median absolute deviation, times 1.4826 */
    size_t outliers;   /* beyond 3.5 modified z-scores */
};

struct sov_bench_record {
    char run[17]; /* hex: the same for all records of one call */
    char *time;   /* "2026-11-21T05:00:00Z" */
    char *metric; /* row of lib/bench/metrics.def: "decode" */
    char *unit;   /* "tok/s" */
    enum sov_bench_better better;
    struct sov_bench_model model;
    struct sov_bench_machine machine;
    struct sov_bench_cell cell;
    struct sov_bench_noise noise;
    double *samples; /* [n]: in the order in which they were taken */
    size_t n;
    size_t warmup;              /* samples that were thrown away before */
    struct sov_bench_stat stat; /* of speed and the like: of the samples; of
                                   quality: value and interval as computed */
    double bandwidth_share;     /* of the machine's in this run; NaN */
    double compute_share;       /* likewise */
    double bytes_per_s;         /* read of weights and KV cache; NaN */
    double flop_per_s;          /* NaN */
    char *note;                 /* what a person should know; or NULL */
};

struct sov_bench_set {
    struct sov_bench_record *record;
    size_t n;
};
/* A record about which nothing is known: NaN and -1 where that says so. */
SOV_API void sov_bench_record_start(struct sov_bench_record *r);

/* Free what is in it, and start it anew. */
SOV_API void sov_bench_record_free(struct sov_bench_record *r);

/* A copy that shares nothing; `to` is one that was started. */
SOV_API int sov_bench_record_copy(struct sov_bench_record *to,
                                  const struct sov_bench_record *from,
                                  struct sov_err *err) SOV_MUST_CHECK;

/* What is measured, by its name in the table, with its unit and direction. */
SOV_API int sov_bench_record_metric(struct sov_bench_record *r,
                                    const char *metric,
                                    struct sov_err *err) SOV_MUST_CHECK;

/* Copy the samples into it and describe them (sov_bench_describe(), 95 %). */
SOV_API int sov_bench_record_samples(struct sov_bench_record *r,
                                     const double *samples, size_t n,
                                     struct sov_err *err) SOV_MUST_CHECK;

/*
 * The record as a line of JSON with its new line; free() it.  Numbers that are
 * not known are null; what is no UTF-8 in a text becomes U+FFFD.
 */
SOV_API int sov_bench_record_write(const struct sov_bench_record *r,
                                   char **line, size_t *len,
                                   struct sov_err *err) SOV_MUST_CHECK;

/*
 * A record out of a line (its new line may be there).  Members that are not
 * known are passed over, those that are missing leave the field as started; a
 * known one of the wrong kind or size is an error.  Another version than
 * sov.bench/1 is SOV_EUNSUP.
 */
SOV_API int sov_bench_record_read(struct sov_bench_record *r, const void *line,
                                  size_t len,
                                  struct sov_err *err) SOV_MUST_CHECK;

/* Was the same thing measured: metric, name of the model, and the cell with its
 * texts?  The machine may be another. */
SOV_API bool sov_bench_record_alike(const struct sov_bench_record *a,
                                    const struct sov_bench_record *b);

/* One more record at the end, started; borrowed until the next one is added.
 * NULL: no memory, and err says so. */
SOV_API struct sov_bench_record *sov_bench_set_add(struct sov_bench_set *set,
                                                   struct sov_err *err);

/* Free the records of it; it is empty then. */
SOV_API void sov_bench_set_free(struct sov_bench_set *set);

/* ---- what can be measured ---- */

struct sov_bench_metric {
    const char *name;
    const char *unit;
    enum sov_bench_better better;
    bool computed; /* from texts and files, the same each time; not timed */
    double floor;  /* a smaller change than that is none (in its unit) */
    const char *help;
};

/* Row i of the table, or NULL behind the last one. */
SOV_API const struct sov_bench_metric *sov_bench_metric_at(size_t i);
/* NULL if there is none of that name. */
SOV_API const struct sov_bench_metric *sov_bench_metric_find(const char *name);

/* ---- statistics ---- */

/*
 * Median, its interval, spread and outliers of n samples.  The interval goes
 * from one sample to another one (order statistics), so that its confidence is
 * exact for every continuous distribution: at least `confidence`, truly
 * stat->confidence.  With too few samples for it (fewer than 6 at 0.95) low,
 * high and confidence are NaN, which is no error.  Samples must be finite.
 */
SOV_API int sov_bench_describe(const double *samples, size_t n,
                               double confidence, struct sov_bench_stat *stat,
                               struct sov_err *err) SOV_MUST_CHECK;

/*
 * How many samples at the beginning were warm-up, or n if the samples are not
 * steady yet: see lib/bench/steady.c for the rule.  Called after each sample,
 * it says when to stop throwing away.
 */
SOV_API size_t sov_bench_steady(const double *samples, size_t n);

/* Of pairs: what ratio a/b is typical. */
struct sov_bench_ratio {
    size_t n;
    double ratio;      /* 1: the same */
    double low, high;  /* NaN with too few pairs */
    double confidence; /* that the interval truly has */
    double p;          /* that the ratio is 1, two-sided */
};

/*
 * Pairs (a[i], b[i]) that were measured one after the other, all above 0.  The
 * estimate is that of Hodges and Lehmann on logarithms, with the interval and p
 * of Wilcoxon's signed ranks, exact up to 200 pairs.
 */
SOV_API int sov_bench_pairs(const double *a, const double *b, size_t n,
                            double confidence, struct sov_bench_ratio *ratio,
                            struct sov_err *err) SOV_MUST_CHECK;

struct sov_bench_u {
    double u;   /* pairs in which a is larger; ties count one half */
    double p;   /* two-sided */
    bool exact; /* else by the normal distribution */
};

/* Mann and Whitney's test whether a and b come from one distribution. */
SOV_API int sov_bench_u_test(const double *a, size_t n_a, const double *b,
                             size_t n_b, struct sov_bench_u *u,
                             struct sov_err *err) SOV_MUST_CHECK;

/* Holm's correction of n p-values that are looked at together; NaN is none of
 * the family and stays.  adjusted may be p. */
SOV_API int sov_bench_holm(const double *p, size_t n, double *adjusted,
                           struct sov_err *err) SOV_MUST_CHECK;

/* ---- verdicts ---- */

enum sov_bench_answer {
    SOV_BENCH_SAME,         /* not worse than the rule allows */
    SOV_BENCH_BETTER,       /* better by more than the rule's threshold */
    SOV_BENCH_WORSE,        /* worse by more than that, beyond doubt */
    SOV_BENCH_INCONCLUSIVE, /* the samples do not tell */
    SOV_BENCH_REFUSED,      /* what must not be compared, or has no base */
};

struct sov_bench_rule {
    double fail_above;  /* share that it may be worse: 0.03 */
    double alpha;       /* error of calling anything worse or better: 0.005 */
    double confidence;  /* of intervals: 0.95 */
    double floor;       /* absolute, in the metric's unit; NaN: the metric's */
    double run_spread;  /* of runs of the same, before any is known: 0.005 */
    bool cross_machine; /* compare different machines all the same */
};

/* What one would ask for. */
SOV_API void sov_bench_rule_start(struct sov_bench_rule *rule);

/* What in the noise makes worse and better inconclusive, as the end of a
 * sentence ("others wanted the CPU"); NULL: nothing. */
SOV_API const char *sov_bench_noise_found(const struct sov_bench_noise *noise);

/*
 * About one cell.  Changes are shares of the old value in the sense of the
 * work: 0.03 is three hundredths more time (of a rate: base / now - 1), bytes
 * or nats; below 0 it became better.
 */
struct sov_bench_verdict {
    const struct sov_bench_record *now;  /* borrowed: the last run of it */
    const struct sov_bench_record *base; /* likewise; or NULL */
    size_t n_now, n_base;                /* runs that were pooled */
    double before, after;                /* typical values */
    double change;
    double low, high; /* at the rule's confidence; of this cell alone */
    double p;         /* of no change beyond the threshold, two-sided */
    double p_holm;    /* ... corrected for the family; alpha is its limit */
    enum sov_bench_answer answer;
    char reason[160]; /* one line: what was found, or why not */
};

/*
 * Judge each cell of now (the runs of it together) by the runs of the same cell
 * in base; see lib/bench/verdict.c for the rule.  *v has *n entries, free() it;
 * it borrows from both sets.
 */
SOV_API int sov_bench_judge(const struct sov_bench_set *now,
                            const struct sov_bench_set *base,
                            const struct sov_bench_rule *rule,
                            struct sov_bench_verdict **v, size_t *n,
                            struct sov_err *err) SOV_MUST_CHECK;

/*
 * Judge each record of the metric "ratio" by its pairs: is the first one slower
 * than the other one by more than the rule's threshold?  Of the verdicts base
 * is NULL; see lib/bench/beside.c for the rule.
 */
SOV_API int sov_bench_judge_pairs(const struct sov_bench_set *now,
                                  const struct sov_bench_rule *rule,
                                  struct sov_bench_verdict **v, size_t *n,
                                  struct sov_err *err) SOV_MUST_CHECK;

/* "same", "better", "worse", "inconclusive", "refused" */
SOV_API const char *sov_bench_answer_name(enum sov_bench_answer answer);

/* ---- a history ---- */

/* Where a series of values changed for good. */
struct sov_bench_change {
    size_t at;            /* index of the first value after it */
    double before, after; /* medians of the stretches beside it */
    double change;        /* after / before - 1 */
    double p;
};

#define SOV_BENCH_CHANGE_SPAN  60     /* values at the end that are looked at */
#define SOV_BENCH_CHANGE_ALPHA 0.0002 /* what one would ask for */

/*
 * Change points among the last SOV_BENCH_CHANGE_SPAN of n values (one for each
 * run, the oldest first), each with p at most alpha and a change of least
 * min_change, a share; see lib/bench/change.c.  The same values give the same
 * answer.  *out has *n_out entries in order; free() it.
 */
SOV_API int sov_bench_changes(const double *value, size_t n, double alpha,
                              double min_change, struct sov_bench_change **out,
                              size_t *n_out,
                              struct sov_err *err) SOV_MUST_CHECK;

/*
 * Add the records to a history, a line each, by one write() each, on the disk
 * before it returns.  Writers take turns; a line that another one left torn is
 * ended first, and none of our own stays torn.
 */
SOV_API int sov_bench_history_add(const char *path,
                                  const struct sov_bench_set *set,
                                  struct sov_err *err) SOV_MUST_CHECK;

/* What to keep of a history; what is NULL, or 0, is not asked for. */
struct sov_bench_filter {
    const char *metric;
    const char *model;                    /* its name */
    const char *machine;                  /* its id */
    const struct sov_bench_record *alike; /* the same cell as this one */
    size_t last; /* at most so many, the newest; 0: SOV_BENCH_KEEP_MAX */
};

#define SOV_BENCH_KEEP_MAX 65536

/* What was passed over. */
struct sov_bench_losses {
    uint64_t lines; /* all of the file */
    uint64_t bad;   /* that are no records */
    uint64_t first; /* number of the first bad one */
    char why[400];  /* ... and what is wrong with it */
    bool torn;      /* the last line has no end, and was left out */
};

typedef int (*sov_bench_record_fn)(void *arg, uint64_t line,
                                   const struct sov_bench_record *r,
                                   struct sov_err *err);

/*
 * Give each record of a history ("-": standard input) to fn, in order, in
 * memory that does not grow with the file.  What fn gives back, if not 0, ends
 * it.  A last line without an end is what a writer left that died: it is left
 * out.  Any other line that is no record is an error that names it, or, where
 * lost is not NULL, is counted there and passed over.
 */
SOV_API int sov_bench_history_each(const char *path, sov_bench_record_fn fn,
                                   void *arg, struct sov_bench_losses *lost,
                                   struct sov_err *err) SOV_MUST_CHECK;

/* The records that the filter (NULL: all) lets through, behind those of set. */
SOV_API int sov_bench_history_read(const char *path,
                                   const struct sov_bench_filter *filter,
                                   struct sov_bench_set *set,
                                   struct sov_bench_losses *lost,
                                   struct sov_err *err) SOV_MUST_CHECK;

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * view.h - what all outputs tell, made ready once
 *
 * A row is one record with its verdict, what came before it, and its words.
 * All texts in here but those of records are our own; those of records are not
 * escaped yet.
 */
#ifndef SOV_BENCH_VIEW_H
#define SOV_BENCH_VIEW_H

#include "bench/out.h"
#include "sov/bench.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define BENCH_TEXT_MAX  256
#define BENCH_MODEL_MAX 64 /* of one call that have a place of their own */

/* How numbers of one row are written: times `by`, with a unit. */
struct bench_scale {
    double by;
    int digits; /* behind the point */
    const char *unit;
};

struct bench_row {
    const struct sov_bench_record *r;
    const struct sov_bench_verdict *v; /* or NULL */
    size_t model;                      /* in view->models */
    char what[BENCH_TEXT_MAX];         /* "decode 128 after 512" */
    struct bench_scale scale;
    /* as it was, the oldest first, and this one as the last */
    double *when; /* seconds since 1970 */
    double *value;
    double *low, *high;
    size_t n;
    struct sov_bench_change *change;
    size_t n_changes;
};

struct bench_view {
    const struct sov_bench_set *now;
    const struct bench_outputs *o;
    const struct sov_bench_verdict *v;
    size_t n_v;
    struct bench_row *rows;
    size_t n;
    const struct sov_bench_model *models[BENCH_MODEL_MAX];
    size_t n_models;
    size_t n_named; /* of these that are models, and not the machine */
    const struct sov_bench_machine *machine; /* of the first record */
    const char *time;                        /* likewise */
    const char *kv;                          /* the same for all, or NULL */
    const char *text;                        /* likewise */
    unsigned threads;                        /* likewise, or 0 */
    size_t answers[SOV_BENCH_REFUSED + 1];   /* how many of each */
    const struct sov_bench_verdict *worst;   /* or NULL */
    char headline[480];  /* one sentence or two, with names from records */
    int status;          /* the exit status that says the same */
    double last_success; /* in the file of --prom as it was; or NaN */
};

int bench_view_make(struct bench_view *view, const struct bench_outputs *o,
                    const struct sov_bench_set *now,
                    const struct sov_bench_set *past,
                    const struct sov_bench_verdict *v, size_t n_v,
                    struct sov_err *err) SOV_MUST_CHECK;
void bench_view_free(struct bench_view *view);

/* A row of the metric for a model, the first one; or NULL. */
const struct bench_row *bench_view_find(const struct bench_view *view,
                                        size_t model, const char *metric);

/* ---- words.c */

/* "" for NULL. */
const char *bench_text(const char *text);

/* Is it about the machine, whatever model it was measured for? */
bool bench_of_machine(const struct sov_bench_record *r);

struct bench_scale bench_scale_of(const char *unit, double typical);
/* One for all values from least to most. */
struct bench_scale bench_scale_for(const char *unit, double least, double most);
/* With the unit; NaN is a dash. */
char *bench_number(char *buf, size_t size, const struct bench_scale *s,
                   double value);
/* Without it. */
char *bench_figure(char *buf, size_t size, const struct bench_scale *s,
                   double value);
/* A share in hundredths; what no share is stays a number that can be told. */
double bench_percent(double share);

/* "1220 to 1240", or "". */
char *bench_interval(char *buf, size_t size, const struct bench_scale *s,
                     const struct sov_bench_stat *stat);

/* "2026-11-21 05:00 UTC" */
char *bench_time_words(char *buf, size_t size, const char *time);

/* "3.25 M", for counts of parameters. */
char *bench_count(char *buf, size_t size, double n);

/* What was measured, with the conditions that rows do not share. */
void bench_row_words(struct bench_row *row, const struct bench_view *view);

/* "5.2 % slower", "as before", "not clear", ... */
char *bench_verdict_words(char *buf, size_t size,
                          const struct sov_bench_verdict *v);
/* One or two sentences about all of it. */
void bench_headline(struct bench_view *view);

/* "llama, q4_k_m, 1.24 G parameters, 802 MB" */
char *bench_model_words(char *buf, size_t size,
                        const struct sov_bench_model *m);
/* "AMD EPYC 9B14, 2 CPUs, avx512, 15.6 GB" */
char *bench_machine_words(char *buf, size_t size,
                          const struct sov_bench_machine *m);
/* What disturbed the run by so much that one should know; or "". */
char *bench_noise_words(char *buf, size_t size,
                        const struct sov_bench_noise *n);

/* "▁▂▃▅▇", or "_.-=#", of the last values, at most max; buf has 4 bytes for
 * each. */
char *bench_spark(char *buf, size_t size, const double *value, size_t n,
                  size_t max, bool unicode);

/* What a model is called beside others: its type, if that tells it apart. */
const char *bench_model_label(const struct bench_view *view, size_t model);

/* ---- charts.c */

enum bench_chart {
    BENCH_CHART_DECODE, /* bars */
    BENCH_CHART_PREFILL,
    BENCH_CHART_QUALITY,
    BENCH_CHART_ROOFLINE,
    BENCH_CHART_HISTORY, /* of one row */
};

#define BENCH_CHART_WIDTH 480

/* How high it is, or 0 if there is nothing to show.  row: of a history. */
int bench_chart_height(const struct bench_view *view, enum bench_chart chart,
                       const struct bench_row *row);
/* Draw it; at and inside as in struct sov_svg_chart. */
int bench_chart_draw(FILE *f, const struct bench_view *view,
                     enum bench_chart chart, const struct bench_row *row,
                     int at, bool inside, struct sov_err *err) SOV_MUST_CHECK;
/* What a history shows, in sentences; there are three runs or more. */
void bench_history_words(char *buf, size_t size, const struct bench_row *row);

/* ---- the forms of output: rows of outputs.def */

/* clang-format off */
#define OUTPUT(name, head) \
    int bench_out_##name(FILE *f, const struct bench_view *view, \
                         struct sov_err *err) SOV_MUST_CHECK;
#include "bench/outputs.def"
/* clang-format on */

/* The table on standard output, and the lines of those that say no more. */
int bench_out_table(FILE *f, const struct bench_view *view,
                    struct sov_err *err) SOV_MUST_CHECK;

/* Metrics of a run that gave no records. */
void bench_prom_failed(FILE *f, int status, double last_success);

#endif

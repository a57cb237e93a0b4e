/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prune.h - a whole model with fewer weights
 *
 * A job is made from an open model and a method.  Making it decides what
 * becomes of every tensor, so sizes are known to the byte before any work is
 * done; what is asked for and cannot be done is refused then.  Running it
 * pulls the tensors through in file order, once, and pushes the files of a
 * model into sinks.
 *
 * There are two kinds of methods.  Those of masks put zeros into rows of
 * matrices: names, types and shapes stay.  Those of shapes take layers,
 * columns, experts or tokens out, so that the model has other shapes.
 *
 * The bytes that come out are a function of the model and the options alone.
 * Threads, instruction set and memory limit do not change them.
 */
#ifndef SOV_PRUNE_H
#define SOV_PRUNE_H

#include "sov/base.h"
#include "sov/calib.h"
#include "sov/err.h"
#include "sov/io.h"
#include "sov/model.h"
#include "sov/stats.h"
#include "sov/tensor.h"
#include "sov/write.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Which weights of a matrix may go.  With of: in each row, of every `of`
 * inputs side by side `keep` stay, beginning with the first input; of r inputs
 * that are left at the end, floor(r * (of - keep) / of) go.  Without (of 0):
 * of a row of k weights floor(k * ratio) go, wherever they are.  In every
 * `rows` rows of a matrix that follow each other the same inputs go.
 */
struct sov_prune_pattern {
    uint32_t rows; /* that share a mask; 1: each has its own */
    uint32_t keep;
    uint32_t of; /* 0: unstructured */
};

/*
 * "unstructured", "2:4" (keep 2 of each 4), "16x32:64" (the same, and 16 rows
 * share a mask), "16x".  SOV_EARG says what is wrong.
 */
SOV_API int sov_prune_pattern_parse(struct sov_prune_pattern *p,
                                    const char *text,
                                    struct sov_err *err) SOV_MUST_CHECK;

/* The same backwards, into so many bytes at least. */
#define SOV_PRUNE_PATTERN_MAX 64
SOV_API void sov_prune_pattern_text(const struct sov_prune_pattern *p,
                                    char *text);

typedef struct sov_prune sov_prune;

/* Which arithmetic makes the bytes: raised as SOV_QUANT_ARITHMETIC is. */
#define SOV_PRUNE_ARITHMETIC 2

/* Names of methods, best known first, and a few words about each; i from 0,
 * NULL at the end. */
SOV_API const char *sov_prune_method_name(size_t i);
SOV_API const char *sov_prune_method_about(size_t i);
/* Is it one of shapes? */
SOV_API bool sov_prune_method_shapes(const char *name);

/* How much of some tensors goes. */
struct sov_prune_rule {
    const char *name; /* a shell pattern, as fnmatch(3): * ? [...] */
    bool patterned;   /* pattern says it; else ratio, anywhere in a row */
    double ratio;     /* 0: the tensor stays as it is */
    struct sov_prune_pattern pattern;
};

/* "blk.0.*=keep", "*ffn_down*=0.3", "*attn_k*=2:4": the name stays where it is
 * and is cut off.  SOV_EARG says what is wrong. */
SOV_API int sov_prune_rule_parse(struct sov_prune_rule *rule, char *text,
                                 struct sov_err *err) SOV_MUST_CHECK;

/* ---- plans that a person can read, change, and hand in again */

struct sov_prune_sheet_row {
    char *name; /* owned; of a matrix that loses weights */
    double ratio;
    struct sov_prune_pattern pattern;
};

struct sov_prune_sheet {
    char *method;                    /* owned */
    struct sov_prune_sheet_row *row; /* owned */
    size_t n;
};

/*
 * JSON, as sov_prune_sheet_write() makes it; what is not as it is written
 * there is SOV_EFORMAT, with the tensor named.
 */
SOV_API int sov_prune_sheet_parse(struct sov_prune_sheet **sheet,
                                  const char *text, size_t len,
                                  struct sov_err *err) SOV_MUST_CHECK;
SOV_API int sov_prune_sheet_write(const struct sov_prune_sheet *sheet,
                                  sov_sink *sink,
                                  struct sov_err *err) SOV_MUST_CHECK;
SOV_API void sov_prune_sheet_free(struct sov_prune_sheet *sheet);

/* ---- a job */

struct sov_prune_opts {
    const char *method;     /* NULL: what the sheet says */
    double ratio;           /* of the weights of a row that go, or of what a
                           method of shapes takes; NAN: not given */
    uint64_t target;        /* of such a method: bytes of the files at most, in
                           place of ratio; 0: not given */
    uint64_t tensor_target; /* in place of that: bytes of the tensors alone;
                           0: not given */
    bool patterned;         /* pattern is given; its n:m is the ratio */
    struct sov_prune_pattern pattern;
    const struct sov_prune_sheet *sheet; /* in place of these, or NULL: what
                                     it does not name stays as it is */
    unsigned pack_bits; /* 4 or 8: no method, but matrices of layers that have
                           at most 32 weights of each 64 become types that hold
                           no others, see lib/quant/sparse.h; with a pattern,
                           or of a model that is in memory (SOV_ACCESS_MAP) */
    bool unpack;        /* no method: such matrices become F16 again */
    const struct sov_prune_rule *rule; /* the first that matches holds */
    size_t n_rules;
    const sov_stats *stats;             /* what enters the matrices, or NULL */
    const struct sov_calib_opts *calib; /* a text to be read by the model, to
                                     see that, in place of stats; or NULL.
                                     What it points to is borrowed */
    struct sov_layout layout;           /* of the output */
    uint64_t max_memory;                /* bytes for buffers; 0: 256 MB */
    bool measure;   /* what pruning costs: sov_prune_loss() */
    int joint_bits; /* 4 or 8: what stays is rounded as packed matrices have
                       it, with error feedback; with calib.  0: it is not */
    bool dsnot;     /* mend masks (dsnot.h); with calib */
    bool owl;       /* less goes from layers with more outliers (owl.h) */
    bool heal;      /* what stays makes up for what goes (obs.h); with calib */
    /* Changes the output's metadata after all else has; or NULL. */
    int (*edit)(void *arg, sov_meta *meta, struct sov_err *err);
    void *edit_arg;
    sov_progress_fn progress; /* or NULL */
    void *progress_arg;
};

/*
 * Decide everything.  Model and statistics are borrowed until
 * sov_prune_free(), and read by sov_prune_run().  SOV_EARG: no such method, a
 * rule that matches nothing, what does not go together; SOV_EUNSUP: tensors of
 * a type that cannot be pruned; SOV_EFORMAT: statistics or a sheet of another
 * model.
 */
SOV_API int sov_prune_new(sov_prune **job, sov_model *model,
                          const struct sov_prune_opts *opts,
                          struct sov_err *err) SOV_MUST_CHECK;
SOV_API void sov_prune_free(sov_prune *job);

/* The layout of the output, frozen.  NULL before sov_prune_calibrate() where a
 * method of shapes reads a text. */
SOV_API const sov_plan *sov_prune_plan(const sov_prune *job);

/* What people should know; i from 0, NULL at the end.  Some are known only
 * after the run. */
SOV_API const char *sov_prune_warning(const sov_prune *job, size_t i);

/* With a target: how many bytes of tensors that lets stay; else 0. */
SOV_API uint64_t sov_prune_tensor_target(const sov_prune *job);

/* What a method of shapes chose, in words: after sov_prune_calibrate(), likewise.
 */
SOV_API const char *sov_prune_choice(const sov_prune *job, size_t i);

/* What becomes of every matrix, as a sheet. */
SOV_API int sov_prune_sheet(const sov_prune *job,
                            struct sov_prune_sheet **sheet,
                            struct sov_err *err) SOV_MUST_CHECK;

/* How the statistics fit the model; all 0 without. */
struct sov_prune_fit {
    uint64_t matrices; /* that lose weights */
    uint64_t used;     /* of these, with an entry */
    uint64_t missing;  /* without */
    uint64_t spare;    /* entries that belong to no tensor */
    uint64_t unseen;   /* experts that saw nothing */
};

SOV_API void sov_prune_fit(const sov_prune *job, struct sov_prune_fit *fit);

/* What reading calib and writing the output will take, from short measurements:
 * before it is begun. */
struct sov_prune_cost {
    double seconds;   /* of calib */
    double write;     /* seconds of all that is behind it */
    uint64_t memory;  /* bytes that the process has at most, with the pages of
                         files, as the system counts them */
    uint64_t scratch; /* bytes of temporary files */
};

/* All zeros where nothing has to be read, and where a method of shapes has read
 * it: as long as sov_prune_plan() is NULL it has not. */
SOV_API int sov_prune_cost(sov_prune *job, struct sov_prune_cost *cost,
                           struct sov_err *err) SOV_MUST_CHECK;

/*
 * Before the run, with calib: read the text.  The model was opened with
 * SOV_ACCESS_MAP.  Without calib this does nothing.
 */
SOV_API int sov_prune_calibrate(sov_prune *job,
                                struct sov_err *err) SOV_MUST_CHECK;

/*
 * Before the run, with sinks that were opened with part, and without calib, of
 * a method of masks: take from them what an earlier run of the same job has
 * left, after looking whether it is whole, and from then on keep a journal.
 * Warnings say why something could not be taken.  SOV_EFORMAT: a pipe brings
 * another model.
 */
SOV_API int sov_prune_resume(sov_prune *job, sov_sink *const *sinks,
                             struct sov_err *err) SOV_MUST_CHECK;

/* Bytes of the output that were taken so. */
SOV_API uint64_t sov_prune_kept(const sov_prune *job);

/*
 * Do it; once.  There is a sink for each file of the plan; they are neither
 * committed nor aborted here.
 */
SOV_API int sov_prune_run(sov_prune *job, sov_sink *const *sinks,
                          struct sov_err *err) SOV_MUST_CHECK;

/* The same, and nothing is written: taker sees the tensors as they are made.
 * In place of sov_prune_run(). */
SOV_API int sov_prune_take(sov_prune *job, const struct sov_taker *taker,
                           struct sov_err *err) SOV_MUST_CHECK;

/* What became of a tensor of the plan. */
struct sov_prune_loss {
    bool pruned;
    double ratio; /* of its weights that were to go */
    struct sov_prune_pattern pattern;
    uint64_t weights;     /* 0: it was not looked at, and no figures */
    uint64_t zeros;       /* of these, afterwards */
    bool measured;        /* the rest is known */
    double error;         /* sum of d^2 / sum of x^2, d what was taken away */
    bool weighed;         /* what enters was known, and so */
    double weighed_error; /* the same times what enters: of the products */
};

/* After the run (before it, ratio and pattern alone): tensor i of the plan.
 * The figures are the same for any threads and memory. */
SOV_API struct sov_prune_loss sov_prune_loss(const sov_prune *job, size_t i);

/* The same of all that were pruned, each as large as it is. */
SOV_API struct sov_prune_loss sov_prune_loss_total(const sov_prune *job);

#endif

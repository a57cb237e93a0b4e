/* SPDX-License-Identifier: Apache-2.0 */
/*
 * quant.h - a whole model with fewer bits per weight
 *
 * A job is made from an open model and a type.  Making it decides the type of
 * every tensor, so sizes are known to the byte before any work is done; what
 * is asked for and cannot be done is refused then.  Running it pulls the
 * tensors through in file order, once, in memory that does not depend on the
 * size of the model, and pushes the files of a model into sinks.
 *
 * The bytes that come out are a function of the model and the options alone.
 * Threads, instruction set and memory limit do not change them.
 */
#ifndef SOV_QUANT_H
#define SOV_QUANT_H

#include "sov/base.h"
#include "sov/calib.h"
#include "sov/err.h"
#include "sov/io.h"
#include "sov/lora.h"
#include "sov/model.h"
#include "sov/stats.h"
#include "sov/tensor.h"
#include "sov/write.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct sov_quant sov_quant;

/*
 * Which arithmetic makes the bytes.  It is raised whenever the same model and
 * options give other bytes than before, so that claims that say another number
 * are not called wrong for it.
 */
#define SOV_QUANT_ARITHMETIC 1

/*
 * What to do with weights that are NaN or infinite, or beyond what the new
 * type can hold (65504 in all types that keep half precision scales).
 */
enum sov_nonfinite {
    SOV_NONFINITE_FAIL,  /* stop and name the first */
    SOV_NONFINITE_ZERO,  /* they become 0 */
    SOV_NONFINITE_CLAMP, /* they become the nearest number, NaN 0 */
};

/* The type of the tensors whose name matches a shell pattern. */
struct sov_quant_rule {
    const char *pattern; /* as fnmatch(3): * ? [...] */
    enum sov_type type;
};

/*
 * "blk.*.ffn_down.weight=q6_k", of which the pattern stays where it is and is
 * cut off.  SOV_EARG: it is not PAT=TYPE; SOV_ENO: there is no such type, and
 * text is as it was.
 */
SOV_API int sov_quant_rule_parse(struct sov_quant_rule *rule, char *text,
                                 struct sov_err *err) SOV_MUST_CHECK;

struct sov_sheet; /* allot.h */

struct sov_quant_opts {
    /* a mix ("q4_k_m"), a type ("q4_k"), or "copy": tensors bit for bit */
    const char *type;
    const struct sov_sheet *sheet; /* in place of type: what each matrix gets,
                                      or NULL */
    uint32_t compat; /* no type that this reader does not know: allot.h */
    const struct sov_quant_rule *rule; /* the first that matches holds */
    size_t n_rules;
    enum sov_nonfinite nonfinite;
    int effort;                  /* of the searches, 1 to 9; 0: the default */
    struct sov_layout layout;    /* of the output */
    uint64_t max_memory;         /* bytes for buffers; 0: 256 MB */
    const sov_stats *stats;      /* importance of the weights, or NULL */
    const struct sov_calib_opts *calib; /* a text to be read by the model, to
                                    see what counts, in place of stats; or
                                    NULL.  What it points to is borrowed */
    const struct sov_lora_use *lora; /* adapters to merge into the weights,
                                    which are then encoded anew, or NULL */
    size_t n_lora;
    bool check_copies;           /* with "copy": look for NaN there too */
    bool plain;                  /* what is no matrix keeps its type */
    bool measure;                /* what rounding costs: sov_quant_error() */
    const struct sov_side *side; /* files to write before the tensors */
    size_t n_sides;
    /* Changes the output's metadata after all else has; or NULL. */
    int (*edit)(void *arg, sov_meta *meta, struct sov_err *err);
    void *edit_arg;
    sov_progress_fn progress; /* or NULL */
    void *progress_arg;
};

/* Names for --type, best known first; i from 0, NULL at the end. */
SOV_API const char *sov_quant_type_name(size_t i);

/* What the number in general.file_type stands for: "q4_k_m"; NULL if it is
 * not known. */
SOV_API const char *sov_quant_file_type(uint64_t file_type);

/*
 * Decide everything.  Model, statistics and adapters are borrowed until
 * sov_quant_free(), and read by sov_quant_run().  SOV_EARG: no such type, a rule
 * that matches nothing, a type that the reader does not know; SOV_EUNSUP: a type that this build cannot read or
 * make; SOV_EFORMAT: statistics, adapters or a sheet of another model.
 */
SOV_API int sov_quant_new(sov_quant **job, sov_model *model,
                          const struct sov_quant_opts *opts,
                          struct sov_err *err) SOV_MUST_CHECK;
SOV_API void sov_quant_free(sov_quant *job);

/* The layout of the output, frozen; its tensor i is the model's tensor i. */
SOV_API const sov_plan *sov_quant_plan(const sov_quant *job);

/*
 * What people should know (a type that did not fit, quantized input); i from
 * 0, NULL at the end.  Some are known only after the run.
 */
SOV_API const char *sov_quant_warning(const sov_quant *job, size_t i);

/* How the statistics fit the model; all 0 without. */
struct sov_quant_fit {
    uint64_t matrices; /* that get other blocks */
    uint64_t used;     /* of these, with an entry */
    uint64_t missing;  /* without, though there should be one */
    uint64_t spare;    /* entries that belong to no tensor */
    uint64_t unseen;   /* experts that saw nothing */
};

SOV_API void sov_quant_fit(const sov_quant *job, struct sov_quant_fit *fit);

/* What calib will take, from short measurements: before it is begun. */
struct sov_quant_cost {
    double seconds;
    uint64_t memory;  /* bytes at most */
    uint64_t scratch; /* bytes of temporary files */
};

SOV_API int sov_quant_cost(sov_quant *job, struct sov_quant_cost *cost,
                           struct sov_err *err) SOV_MUST_CHECK;

/*
 * Before the run, with calib: read the text.  The model was opened with
 * SOV_ACCESS_MAP.  Without calib this does nothing.
 */
SOV_API int sov_quant_calibrate(sov_quant *job,
                                struct sov_err *err) SOV_MUST_CHECK;

/* After that: what was seen, borrowed; else NULL. */
SOV_API const sov_stats *sov_quant_stats(const sov_quant *job);

/*
 * Before the run, with sinks that were opened with part: take from them what an
 * earlier run of the same job has left, after looking whether it is whole, and
 * from then on keep a journal.  Hashers are on the sinks already.  Warnings say
 * why something could not be taken.  SOV_EFORMAT: a pipe brings another model.
 */
SOV_API int sov_quant_resume(sov_quant *job, sov_sink *const *sinks,
                             struct sov_err *err) SOV_MUST_CHECK;

/* Bytes of the output that were taken so. */
SOV_API uint64_t sov_quant_kept(const sov_quant *job);

/*
 * Do it; once.  There is a sink for each file of the plan; they are neither
 * committed nor aborted here.
 */
SOV_API int sov_quant_run(sov_quant *job, sov_sink *const *sinks,
                          struct sov_err *err) SOV_MUST_CHECK;

/* The same, and nothing is written: taker sees the tensors as they are made.
 * In place of sov_quant_run(). */
SOV_API int sov_quant_take(sov_quant *job, const struct sov_taker *taker,
                           struct sov_err *err) SOV_MUST_CHECK;

/*
 * What became of a tensor: the squares of the errors of its weights to the
 * squares of the weights themselves.  Of a model that was quantized before, the
 * weights are what that left of them.
 */
struct sov_quant_error {
    uint64_t weights;     /* that were compared; 0: none, and no figures */
    double error;         /* sum of d^2 / sum of x^2 */
    double weighed_error; /* the same with the importance of each column */
    bool weighed;         /* the importance was known */
    double most;          /* the largest |d| */
};

/*
 * After the run: what tensor i of the plan lost.  The figures are the same for
 * any threads and memory.  Measured are tensors that got another type, or into
 * which an adapter was merged; all of them with measure, else those alone that had been quantized before.
 */
SOV_API struct sov_quant_error sov_quant_error(const sov_quant *job, size_t i);

/* The same of all tensors that were measured, each as large as it is: the
 * mean over their weights. */
SOV_API struct sov_quant_error sov_quant_error_total(const sov_quant *job);

/* After the run: weights that --on-nonfinite had to replace. */
SOV_API uint64_t sov_quant_replaced(const sov_quant *job);

#endif

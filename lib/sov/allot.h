/* SPDX-License-Identifier: Apache-2.0 */
/*
 * allot.h - which type each matrix gets, for least loss in so many bytes
 *
 * For every matrix and type it is measured what error the type makes there, and,
 * where there is a text, what an error there does to the model's answers: the
 * divergence of Kullback and Leibler, matrix by matrix.  For small errors the
 * divergence grows with the square of an error, and what errors in several
 * matrices do adds up; so the loss of a choice of types can be foretold, and
 * the best choice for a size be computed.  What comes out is a sheet: a plan
 * that a person can read, change, and hand in again.
 *
 * All but the speed of types is the same on every machine.
 */
#ifndef SOV_ALLOT_H
#define SOV_ALLOT_H

#include "sov/base.h"
#include "sov/err.h"
#include "sov/io.h"
#include "sov/model.h"
#include "sov/quant.h"
#include "sov/stats.h"
#include "sov/tensor.h"
#include "sov/token.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- which types a reader knows */

/*
 * An age of llama.cpp as a number: 20240227; 0: what is known here.  "2024-02-27"
 * and "2024-02" (its first day) are dates, "b4000" is a release, which counts
 * as of the day of the last one before it that is known here.  SOV_EARG for
 * anything else, and for what is older than GGUF.
 */
SOV_API int sov_compat_parse(uint32_t *date, const char *text,
                             struct sov_err *err) SOV_MUST_CHECK;
/* Since when it reads tensors of this type; UINT32_MAX: it does not. */
SOV_API uint32_t sov_compat_since(enum sov_type type);

/* ---- sheets */

/* What one matrix gets.  Figures that are not known are NaN. */
struct sov_sheet_row {
    char *name; /* owned */
    enum sov_type type;
    uint64_t bytes;
    double loss;  /* what that adds to the divergence, in nats */
    double alpha; /* divergence for each part of the weights' squares lost */
};

struct sov_sheet {
    struct sov_sheet_row *row; /* owned */
    size_t n;
    uint64_t bytes;      /* of the whole output, where it is known, or 0 */
    double bpw;          /* bits per weight of it */
    double kld;          /* foretold */
    double speed;        /* tokens in a second, foretold, on the machine that */
    char machine[64];    /* measured it: its instruction set and threads */
};

/*
 * JSON, as sov_sheet_write() makes it.  Of it only names and types are
 * believed.  What is wrong is SOV_EFORMAT, with the tensor named.
 */
SOV_API int sov_sheet_parse(struct sov_sheet **sheet, const char *text,
                            size_t len, struct sov_err *err) SOV_MUST_CHECK;
SOV_API int sov_sheet_write(const struct sov_sheet *sheet, sov_sink *sink,
                            struct sov_err *err) SOV_MUST_CHECK;
SOV_API void sov_sheet_free(struct sov_sheet *sheet);

/* What a job makes of every matrix. */
SOV_API int sov_quant_sheet(const sov_quant *job, struct sov_sheet **sheet,
                            struct sov_err *err) SOV_MUST_CHECK;

/* ---- choosing */

typedef struct sov_allot sov_allot;

struct sov_allot_opts {
    const struct sov_quant_rule *rule; /* types that are settled */
    size_t n_rules;
    const sov_stats *stats; /* importance of the weights, or NULL */
    int effort;
    uint32_t align; /* of tensors in the output */
    uint32_t compat; /* of the reader: sov_compat_parse() */
    double bpw;     /* about how many bits a weight shall have; 0: not known */
    const sov_tok *tok; /* a text to measure on, encoded with BOS; or NULL */
    const int32_t *ids;
    size_t n_ids;
    bool fed;   /* weights will be rounded by what goes through them, which
                   leaves less of the divergence */
    bool speed; /* measure how fast types are on this machine */
    sov_progress_fn progress; /* of trials; or NULL */
    void *progress_arg;
};

/*
 * Measure.  The model is mapped and borrowed, as all of opts is.  A text that
 * is shorter than a window is SOV_EARG; rules that are of no matrix are none
 * of this one's business.
 */
SOV_API int sov_allot_new(sov_allot **allot, sov_model *model,
                          const struct sov_allot_opts *opts,
                          struct sov_err *err) SOV_MUST_CHECK;
SOV_API void sov_allot_free(sov_allot *allot);

/* Bytes of all matrices, each made up to the alignment: as they are, at least,
 * and with the types that a sheet says. */
SOV_API uint64_t sov_allot_most(const sov_allot *allot);
SOV_API uint64_t sov_allot_least(const sov_allot *allot);
SOV_API uint64_t sov_allot_bytes(const sov_allot *allot,
                                 const struct sov_sheet *sheet);

/*
 * The best sheet of at most so many bytes, and, if speed is not 0, at least so
 * many tokens a second.  SOV_ENO: there is none; *sheet is the smallest, or
 * the fastest that was found.
 */
SOV_API int sov_allot_solve(const sov_allot *allot, uint64_t bytes,
                            double speed, struct sov_sheet **sheet,
                            struct sov_err *err) SOV_MUST_CHECK;

/*
 * The smallest sheet with a divergence of at most kld, which takes a text.
 * SOV_ENO: there is none, or none was found.
 */
SOV_API int sov_allot_within(sov_allot *allot, double kld, double speed,
                             struct sov_sheet **sheet,
                             struct sov_err *err) SOV_MUST_CHECK;

/*
 * With a text: try a sheet as a whole, and take what that shows into account
 * when a divergence is foretold, in this sheet and from now on.
 */
SOV_API int sov_allot_try(sov_allot *allot, struct sov_sheet *sheet,
                          struct sov_err *err) SOV_MUST_CHECK;

#endif

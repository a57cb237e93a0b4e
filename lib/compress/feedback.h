/* SPDX-License-Identifier: Apache-2.0 */
/*
 * feedback.h - rounding that makes up for what it has rounded before
 *
 * A row w of a matrix is multiplied with inputs x whose second moments H =
 * E[x x'] are known.  What rounding it to v costs is (w - v)' H (w - v), not a
 * sum over the weights: an error in one can be made good in others, whose
 * inputs go with its own.  With H = R R', R upper triangular, that is
 *
 *     sum over k of R[k][k]^2 (t[k] - v[k])^2
 *     t[k] = w[k] + sum over j < k of R[j][k] / R[k][k] (w[j] - v[j])
 *
 * so each weight in turn is rounded to what is nearest to t[k], and scales are
 * searched for t with R[k][k]^2 as importance.  (GPTQ and LDLQ are this.)
 * Afterwards single weights, scales and fields are moved as long as the cost
 * falls.
 *
 * A feedback is made once for an input and serves all matrices that read it,
 * in any type.  Rows do not know of each other: what becomes of one is the same
 * whatever stands beside it, for any threads, instruction set and compiler.
 */
#ifndef SOV_COMPRESS_FEEDBACK_H
#define SOV_COMPRESS_FEEDBACK_H

#include "sov/err.h"
#include "sov/tensor.h"

#include <stddef.h>
#include <stdint.h>

struct sov_moments; /* calib/moments.h */

struct sov_feedback_opts {
    double damp; /* added to the diagonal, in parts of its mean; 0: 0.01 */
    double draw; /* how far H is drawn towards its diagonal, 0 to 1; at 1
                    there is no feedback.  Below 0: what does best on held */
    double mix;  /* how much of what earlier rounding did to the inputs is made
                    up for, 0 to 1.  Below 0: what does best on held */
    int effort;  /* 1 to 9; 0: the default */
    /* Some rows to choose by, a hundred say, and the type that they will get;
     * without them, or without held, what is right for most. */
    enum sov_type type;
    const float *rows;   /* [n_rows][k] */
    const size_t *which; /* [n_rows] their numbers; NULL: from 0 on */
    size_t n_rows;
};

struct sov_feedback;

/*
 * The moments, finished, are borrowed; where an expert saw few tokens H is drawn
 * towards that of all of them (wide) instead of its diagonal.  All threads;
 * beside the moments 6 bytes for each number of H, 2 when it is made.
 */
int sov_feedback_new(struct sov_feedback **f, const struct sov_moments *moments,
                     const struct sov_feedback_opts *opts,
                     struct sov_err *err) SOV_MUST_CHECK;
void sov_feedback_free(struct sov_feedback *f);

/* What was chosen. */
double sov_feedback_draw(const struct sov_feedback *f);
double sov_feedback_mix(const struct sov_feedback *f);

/* Sums over rows of what rounding costs, a token: of those held apart, or, where
 * there are none, of those that were learnt from. */
struct sov_feedback_loss {
    uint64_t rows;
    uint64_t kept;     /* rows of the plain encoder, which did better */
    double plain, now; /* of the plain encoder; of what was written */
};

/*
 * n_rows rows [n_rows][k], from number first of their matrix on, into blocks, out[n_rows * bytes of a row], on all
 * threads; 64 rows in flight for each.  The loss is added to *loss unless that
 * is NULL: then nothing is measured, and no row is kept.
 * SOV_EARG: k is no multiple of the type's block, or it has none.
 */
int sov_feedback_encode(const struct sov_feedback *f, enum sov_type type,
                        const float *rows, size_t first, size_t n_rows,
                        void *out, struct sov_feedback_loss *loss,
                        struct sov_err *err) SOV_MUST_CHECK;

#endif

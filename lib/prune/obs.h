/* SPDX-License-Identifier: Apache-2.0 */
/*
 * obs.h - rows that lose weights, and what is left makes up for them
 *
 * A row w is multiplied with inputs x whose second moments H = E[x x'] are
 * known.  What v in its place costs is (w - v)' H (w - v), so that weights that
 * stay can take over what went (Hassibi, Stork: the optimal brain surgeon).
 * There are two ways, and the second begins where the first ends:
 *
 * sov_obs_prune() goes through the columns once (Frantar, Alistarh, "SparseGPT",
 * 2023).  With H = R R', R upper triangular, as compress/feedback.h has it,
 *
 *     t[k] = w[k] + sum over j < k of R[j][k] / R[k][k] (w[j] - v[j])
 *
 * is what a weight should be after those before it, and t[k]^2 R[k][k]^2 what it
 * costs to lose it and have those behind it make up for that.  Of each block of
 * columns the cheapest go, by what they are when the block begins; a weight that
 * stays is t[k], or the step of a grid that is nearest to it.
 *
 * sov_obs_solve() has a mask given and finds the least cost there is with it,
 * by conjugate gradients over the weights that stay.
 *
 * Both aim at what the row did before the inputs changed, and at what the sum
 * that it is added to lacks, where the moments know it (compress/feedback_aim.c):
 * so a half of a layer is put together again, not each matrix alone.
 *
 * Rows do not know of each other, but for those that share a mask: what becomes
 * of one is the same whatever stands beside it, for any threads, instruction set
 * and compiler.
 */
#ifndef SOV_PRUNE_OBS_H
#define SOV_PRUNE_OBS_H

#include "prune/method.h"

/* Columns of a block, if groups of n:m are no larger. */
#define SOV_OBS_BLOCK 128

/* Rows that share a mask must be so many at most, and divide it. */
#define SOV_OBS_SHARED 64

struct sov_feedback; /* compress/feedback.h */

struct sov_obs_rows {
    float *w;            /* [n][k] in and out */
    const float *want;   /* [n][k] what they were, for those methods that look
                            at it again when w is another */
    unsigned char *keep; /* [n][k] 1: it stays; out, or in where it is given */
    size_t n, k;
    size_t first;        /* the number in its matrix of the first of them */
    const size_t *which; /* [n] the numbers, where they do not follow each
                            other; else NULL */
    struct sov_prune_share share;
    bool given;   /* the mask is there, and share does not count */
    size_t block; /* columns of a block, to 256; 0: SOV_OBS_BLOCK */
    int bits;     /* of the grid, 2 to 8; 0: none */
    size_t group; /* columns that share a step of it; divides block */
    /* Steps are whole numbers, to 127 with 4 bits and 15 with 8, times a power
     * of two that 256 columns share, and groups have 64: as packed blocks have
     * it (quant/sparse.h), which so hold exactly what comes out. */
    bool packs;
};

/*
 * The moments, finished, taken apart once for all matrices that read them; they
 * are borrowed.  mix: see compress/feedback.h, below 0 the usual one.
 * sov_feedback_free() it.  Where an expert saw nothing, pass what all of them
 * saw; without tokens SOV_EARG.
 */
int sov_obs_new(struct sov_feedback **f, const struct sov_moments *m,
                double mix, struct sov_err *err) SOV_MUST_CHECK;

/* The bytes that this and the calls below take beside rows and moments. */
uint64_t sov_obs_bytes(size_t k);

/*
 * How much of what others lost is made up for (mix): what does best on tokens
 * held apart, for some rows [n][k] as they were, of one matrix.  feed: as the
 * method has it; NULL: the mask is in r.  heal: then they are solved.  Nothing
 * is changed where inputs are what they were, or no token was held.
 */
int sov_obs_tune(struct sov_feedback *f, const struct sov_obs_rows *r,
                 const float *want,
                 int (*feed)(const struct sov_feedback *f,
                             const struct sov_obs_rows *r, struct sov_err *err),
                 bool heal, struct sov_err *err) SOV_MUST_CHECK;

/* SOV_EUNSUP: so many rows cannot share a mask. */
int sov_obs_prune(const struct sov_feedback *f, const struct sov_obs_rows *r,
                  struct sov_err *err) SOV_MUST_CHECK;

/*
 * r->w [n][k], zeros outside of r->keep: to begin with, and out.  want [n][k] is
 * what the rows were.  No row costs more afterwards.
 */
int sov_obs_solve(const struct sov_feedback *f, const struct sov_obs_rows *r,
                  const float *want, struct sov_err *err) SOV_MUST_CHECK;

/*
 * What r->w costs in place of want, a token, summed over the rows: of tokens
 * held apart, or, where there are none, of those that were learnt from.  Where
 * inputs have changed it is less what no row can change.
 */
int sov_obs_cost(const struct sov_feedback *f, const struct sov_obs_rows *r,
                 const float *want, double *cost,
                 struct sov_err *err) SOV_MUST_CHECK;

#endif

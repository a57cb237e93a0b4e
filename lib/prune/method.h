/* SPDX-License-Identifier: Apache-2.0 */
/*
 * method.h - what a method of pruning is: a row of methods.def
 *
 * A method of masks is given rows of a matrix, decoded, and puts zeros into
 * them.  How many go is settled before and exact (sov_prune_goes()), whatever
 * the method; among equal scores the weight of the lowest index goes first.
 * Rows are independent of each other, but for those that share a mask, which
 * are never parted: what a method does to a row depends neither on how the
 * tensor was cut into batches nor on who works on it.
 *
 * Most methods are a score for each weight, and sov_prune_select() takes the
 * lowest.  Those that also change what stays (SparseGPT) do all of it in
 * `feed` and say so by `changes`: of the others weights that stay keep their
 * bits in the file, also the sign of a zero.
 */
#ifndef SOV_PRUNE_METHOD_H
#define SOV_PRUNE_METHOD_H

#include "calib/moments.h"
#include "sov/err.h"
#include "sov/prune.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How much of a matrix goes, and how it is spread. */
struct sov_prune_share {
    struct sov_prune_pattern pattern;
    double ratio; /* of the weights of a row that go, 0 to 1; with n:m it is
                     1 - n / m */
};

/* Rows of one matrix (of one expert), which are to lose weights. */
struct sov_prune_rows {
    float *w;       /* [n, k] in and out: all are finite */
    size_t n, k;    /* n: whole groups of share.pattern.rows, but at the end */
    uint64_t first; /* the number in its matrix of the first of them */
    struct sov_prune_share share;
    const float *square; /* [k] mean of squares of what enters; or NULL */
    const struct sov_moments *moments; /* of the same, or NULL */
};

enum sov_prune_need {
    SOV_PRUNE_SQUARES = 1, /* square: of an imatrix, or of a text */
    SOV_PRUNE_MOMENTS = 2, /* moments: of a text alone */
    SOV_PRUNE_TEXT = 4,    /* a text itself */
};

struct sov_trim;
struct sov_shape_ask;
struct sov_shape_work;
struct sov_feedback; /* compress/feedback.h */
struct sov_obs_rows; /* obs.h */

struct sov_prune_method {
    const char *name;
    const char *about; /* a few words, for lists */
    unsigned needs;    /* of enum sov_prune_need */
    bool changes;      /* weights that stay get other values, */
    bool solves;       /* and those are the best of their mask: feed does what
                          sov_obs_solve() would do */

    /* Masks.  Bytes of room, on cache lines, for a call with n rows of k. */
    size_t (*room)(size_t n, size_t k);
    /* Prune these rows. */
    int (*rows)(const struct sov_prune_rows *r, void *room,
                struct sov_err *err);

    /* Shapes (shape.h), in place of these: choose what stays. */
    int (*cut)(struct sov_trim *c, const struct sov_shape_ask *ask,
               struct sov_err *err);
    /* What that takes (cost.h): fills in what is not 0. */
    int (*work)(struct sov_trim *c, const struct sov_shape_ask *ask,
                struct sov_shape_work *w, struct sov_err *err);
    /* In place of these, for those that need moments: choose masks and make
     * up for what goes, on all threads. */
    int (*feed)(const struct sov_feedback *f, const struct sov_obs_rows *r,
                struct sov_err *err);
};

#define PRUNE(name) \
    extern const struct sov_prune_method sov_prune_method_##name;
#include "prune/methods.def"
#undef PRUNE

/* A row of the table; SOV_EARG names the rows.  Row i; NULL at the end. */
int sov_prune_method_find(const struct sov_prune_method **m, const char *name,
                          struct sov_err *err) SOV_MUST_CHECK;
const struct sov_prune_method *sov_prune_method_at(size_t i);

/* How many of n weights side by side go: a row, or a group of n:m. */
size_t sov_prune_goes(const struct sov_prune_share *share, size_t n);

/*
 * In r->w put +0 where scores are lowest.  score [r->n, r->k] is not negative
 * and not NaN; rows that share a mask have their scores added up.  score is
 * spoiled.
 */
void sov_prune_select(const struct sov_prune_rows *r, float *score);

/*
 * The core of that: of score[n] (at least 0, not NaN) the `go` lowest, those of
 * the lowest index among equals, as 1 in gone[n]; the others 0.
 */
void sov_prune_lowest(const float *score, size_t n, size_t go,
                      unsigned char *gone);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * comm.h - several processes that train one model
 *
 * Without MPI, or alone, there is one rank, and everything here is free.  All
 * ranks call the same functions in the same order, each from the thread that
 * opened.
 *
 * An error that one rank has alone is told by sov_comm_agree(), which all call
 * wherever one of them may have failed: before the next of these functions,
 * or the others would wait for ever.  A rank that dies, by a signal say, ends
 * all: mpirun sees to that.
 */
#ifndef SOV_DISTILL_COMM_H
#define SOV_DISTILL_COMM_H

#include "sov/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sov_comm {
    int rank, n;
    const struct sov_comm_row *row; /* NULL: alone */
};

/* Joins the ranks that mpirun started; else there is one.  Once in a process.
 * SOV_EUNSUP where several were started, but not by the MPI of this build: they
 * would all do the same. */
int sov_comm_open(struct sov_comm *c, struct sov_err *err) SOV_MUST_CHECK;
/* Waits for all ranks. */
void sov_comm_close(struct sov_comm *c);
/* Ends the processes of all ranks with this status, from one of them: where
 * there is no agreeing any more.  Alone it does nothing. */
void sov_comm_end(const struct sov_comm *c, int status);

/* x[n] = the sum over all ranks, exact */
int sov_comm_sum(const struct sov_comm *c, int64_t *x, size_t n,
                 struct sov_err *err) SOV_MUST_CHECK;
/* Rank r gets only the sum of at[r] .. at[r + 1] - 1; what is elsewhere in x
 * stays what it was. */
int sov_comm_sum_part(const struct sov_comm *c, int64_t *x, const uint64_t *at,
                      struct sov_err *err) SOV_MUST_CHECK;
/* Each number is of one rank, and +0 in all others: to all, as it is. */
int sov_comm_merge(const struct sov_comm *c, double *x, size_t n,
                   struct sov_err *err) SOV_MUST_CHECK;
/* Rank r's at[r] .. at[r + 1] - 1 to all. */
int sov_comm_gather(const struct sov_comm *c, float *x, const uint64_t *at,
                    struct sov_err *err) SOV_MUST_CHECK;
/* n bytes of a rank to all */
int sov_comm_give(const struct sov_comm *c, int rank, void *x, size_t n,
                  struct sov_err *err) SOV_MUST_CHECK;
/* The first error of any rank becomes that of all; 0 if there is none. */
int sov_comm_agree(const struct sov_comm *c, int rc,
                   struct sov_err *err) SOV_MUST_CHECK;

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * comm.h - several processes that train one model
 *
 * Without MPI, or alone, there is one rank, and everything here is free.  All
 * ranks call the same functions in the same order.
 */
#ifndef SOV_DISTILL_COMM_H
#define SOV_DISTILL_COMM_H

#include "sov/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sov_comm {
    int rank, n;
    const struct sov_comm_row *row;
    void *own;
};

/* Joins the ranks that mpirun started; else there is one. */
int sov_comm_open(struct sov_comm *c, struct sov_err *err) SOV_MUST_CHECK;
void sov_comm_close(struct sov_comm *c);

/* x[n] = the sum over all ranks, exact */
int sov_comm_sum(const struct sov_comm *c, int64_t *x, size_t n,
                 struct sov_err *err) SOV_MUST_CHECK;
/* Rank r gets only the sum of at[r] .. at[r + 1] - 1. */
int sov_comm_sum_part(const struct sov_comm *c, int64_t *x, const uint64_t *at,
                      struct sov_err *err) SOV_MUST_CHECK;
/* Rank r's at[r] .. at[r + 1] - 1 to all. */
int sov_comm_gather(const struct sov_comm *c, float *x, const uint64_t *at,
                    struct sov_err *err) SOV_MUST_CHECK;
/* n bytes of a rank to all */
int sov_comm_give(const struct sov_comm *c, int rank, void *x, size_t n,
                  struct sov_err *err) SOV_MUST_CHECK;
/* The first error of any rank becomes that of all. */
int sov_comm_agree(const struct sov_comm *c, int rc,
                   struct sov_err *err) SOV_MUST_CHECK;

#endif

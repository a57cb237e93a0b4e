/* SPDX-License-Identifier: Apache-2.0 */
/*
 * comm_in.h - a way to reach other ranks: a row of comms.def
 *
 * The functions are those of comm.h, and are called with several ranks only.
 */
#ifndef SOV_DISTILL_COMM_IN_H
#define SOV_DISTILL_COMM_IN_H

#include "distill/comm.h"

struct sov_comm_row {
    const char *name;

    /* Sets rank and n. */
    int (*open)(struct sov_comm *c, struct sov_err *err);
    void (*close)(struct sov_comm *c);
    void (*end)(int status);
    int (*sum)(int64_t *x, size_t n, struct sov_err *err);
    int (*sum_part)(const struct sov_comm *c, int64_t *x, const uint64_t *at,
                    struct sov_err *err);
    int (*gather)(const struct sov_comm *c, float *x, const uint64_t *at,
                  struct sov_err *err);
    int (*give)(int rank, void *x, size_t n, struct sov_err *err);
    /* The least of all x. */
    int (*least)(int *x, struct sov_err *err);
};

#define COMM(name) extern const struct sov_comm_row sov_comm_row_##name;
#include "distill/comms.def"
#undef COMM

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * comm.c - several processes that train one model, or one
 */
#include "config.h"

#include "distill/comm.h"
#include "distill/comm_in.h"

#include <stdlib.h>

static const struct sov_comm_row *const rows[] = {
#define COMM(name) &sov_comm_row_##name,
#include "distill/comms.def"
#undef COMM
    NULL,
};

/* What launchers tell their processes: of how many they are one. */
static const char *const sizes[] = {
    "OMPI_COMM_WORLD_SIZE", /* Open MPI */
    "PMI_SIZE",             /* MPICH and its kin, Slurm */
};

/* ... or only that they are one of some. */
static const char *const signs[] = {
    "PMI_FD", "PMIX_RANK", /* PMIx: Slurm, PRRTE */
};

/* Of how many ranks is this one?  0: nobody says so; 1: or more. */
static long
ranks_started(void)
{
    const char *text;
    size_t i;

    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        text = getenv(sizes[i]);
        if (text != NULL && strtol(text, NULL, 10) > 0)
            return strtol(text, NULL, 10);
    }
    for (i = 0; i < sizeof(signs) / sizeof(signs[0]); i++)
        if (getenv(signs[i]) != NULL)
            return 1;
    return 0;
}

int
sov_comm_open(struct sov_comm *c, struct sov_err *err)
{
    struct sov_comm got = { .n = 1 };
    long want = ranks_started();
    int rc;

    if (want > 0 && rows[0] != NULL) {
        got.row = rows[0];
        rc = got.row->open(&got, err);
        if (rc < 0)
            return rc;
    }
    if (want > 1 && got.row == NULL)
        return sov_fail(err, SOV_EUNSUP,
                        "started as one of %ld ranks, and this build has no "
                        "MPI (configure --with-mpi)",
                        want);
    if (want > 1 && got.n != want)
        return sov_fail(err, SOV_EUNSUP,
                        "started as one of %ld ranks by another MPI than that "
                        "of this build, which sees %d",
                        want, got.n);
    *c = got;
    return 0;
}

void
sov_comm_close(struct sov_comm *c)
{
    if (c->row != NULL)
        c->row->close(c);
    *c = (struct sov_comm){ .n = 1 };
}

void
sov_comm_end(const struct sov_comm *c, int status)
{
    if (c->row != NULL)
        c->row->end(status);
}

int
sov_comm_sum(const struct sov_comm *c, int64_t *x, size_t n,
             struct sov_err *err)
{
    return c->n > 1 ? c->row->sum(x, n, err) : 0;
}

int
sov_comm_sum_part(const struct sov_comm *c, int64_t *x, const uint64_t *at,
                  struct sov_err *err)
{
    return c->n > 1 ? c->row->sum_part(c, x, at, err) : 0;
}

int
sov_comm_merge(const struct sov_comm *c, double *x, size_t n,
               struct sov_err *err)
{
    /* all bits of +0 are 0, so that the sum of the bits has those of the one */
    _Static_assert(sizeof(*x) == sizeof(int64_t), "bits of a double");
    return sov_comm_sum(c, (int64_t *)(void *)x, n, err);
}

int
sov_comm_gather(const struct sov_comm *c, float *x, const uint64_t *at,
                struct sov_err *err)
{
    return c->n > 1 ? c->row->gather(c, x, at, err) : 0;
}

int
sov_comm_give(const struct sov_comm *c, int rank, void *x, size_t n,
              struct sov_err *err)
{
    return c->n > 1 ? c->row->give(rank, x, n, err) : 0;
}

/* An error as it travels. */
struct told {
    int rc;
    struct sov_err err;
};

int
sov_comm_agree(const struct sov_comm *c, int rc, struct sov_err *err)
{
    struct told told = { .rc = rc };
    int first = rc < 0 ? c->rank : c->n;
    int failed;

    if (c->n == 1)
        return rc;
    failed = c->row->least(&first, err);
    if (failed < 0)
        return failed;
    if (first == c->n)
        return 0;
    if (first == c->rank && err != NULL)
        told.err = *err;
    failed = c->row->give(first, &told, sizeof(told), err);
    if (failed < 0)
        return failed;
    if (first != c->rank && err != NULL) {
        *err = told.err;
        sov_err_wrap(err, "rank %d", first);
    }
    return told.rc;
}

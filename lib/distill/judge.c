/* SPDX-License-Identifier: Apache-2.0 */
/*
 * judge.c - what the model makes of a text that it does not learn from
 *
 * The text is read once, in sequences that do not overlap, and every token but
 * the first is foretold from what stands before it in its sequence.  Bits for
 * each byte compare models of any vocabulary.
 */
#include "distill/run.h"

#include "base/mem.h"

#include <math.h>

#define TALLY_ONE 4294967296.0 /* 2^32 */
#define LN2       0.69314718055994530942

/* Nats and tokens of the units of this rank. */
static int
read_text(struct sov_distill *d, int64_t sum[2], struct sov_err *err)
{
    uint64_t all = sov_course_all(d->judge.course), at = 0;
    size_t most = d->judge.most;
    int rc = 0;

    for (uint64_t u = 0; at < all && rc == 0; u++, at += most) {
        size_t n = all - at < most ? (size_t)(all - at) : most;
        struct sov_unit unit;
        struct sov_tally tally;

        if (u % (uint64_t)d->comm.n != (uint64_t)d->comm.rank)
            continue;
        sov_units_read(&d->judge, 0, at, n, &unit);
        rc = sov_trainee_unit(d->t, &unit, &d->ce, NULL, &tally, err);
        if (rc == 0 && !isfinite(tally.ce))
            rc = sov_fail(err, SOV_ENO, "its divergence is no number");
        if (rc == 0) {
            sum[0] += llrint(tally.ce * TALLY_ONE);
            sum[1] += (int64_t)tally.n;
        }
    }
    return rc;
}

int
sov_distill_judge(struct sov_distill *d, struct sov_err *err)
{
    int64_t sum[2] = { 0 };
    struct sov_distill_eval *e;
    double nats;
    int rc = read_text(d, sum, err);

    rc = sov_comm_agree(&d->comm, rc, err);
    if (rc == 0)
        rc = sov_comm_sum(&d->comm, sum, 2, err);
    if (rc == 0)
        rc = sov_mem_grow((void **)&d->eval, d->n_evals, &d->cap_evals,
                          sizeof(*d->eval), err);
    if (rc < 0)
        return sov_err_wrap(err, "--eval");
    nats = (double)sum[0] / TALLY_ONE;
    e = &d->eval[d->n_evals++];
    e->step = d->done;
    e->nats = nats / (double)sum[1];
    e->bits = nats / LN2 / (double)d->judge_bytes;
    return 0;
}

const struct sov_distill_eval *
sov_distill_best(const sov_distill *d)
{
    const struct sov_distill_eval *best = NULL;

    for (size_t i = 0; i < d->n_evals; i++)
        if (best == NULL || d->eval[i].bits < best->bits)
            best = &d->eval[i];
    return best;
}

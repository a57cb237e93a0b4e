/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loop.c - the steps of training
 *
 * A step is o.batch * o.accumulate sequences, dealt in units to the ranks:
 *
 *     unit         gradient of the sum over its tokens, in f32
 *     sum          the gradients of units, as whole numbers, of all ranks
 *     grad         sum / tokens, of the part of the arrays that a rank updates
 *     weights      what the optimiser makes of it, given to all
 *
 * The sums being exact, the order of units and who had which cannot be seen.
 */
#include "distill/policy.h"

#include "base/mem.h"
#include "sys/file.h"
#include "train/sum.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define TALLY_ONE 4294967296.0 /* 2^32 */

void
sov_distill_say(const struct sov_distill *d, const char *fmt, ...)
{
    char line[500];
    va_list ap;

    if (d->o.word == NULL || d->comm.rank != 0)
        return;
    va_start(ap, fmt);
    vsnprintf(line, sizeof(line), fmt, ap);
    va_end(ap);
    d->o.word(d->o.arg, line);
}

/* ---- one step ---- */

static uint64_t
step_sequences(const struct sov_distill *d)
{
    return d->o.batch * d->o.accumulate;
}

static void
add_tally(int64_t *to, const struct sov_tally *tally)
{
    to[SOV_TALLY_LOSS] += llrint(tally->loss * TALLY_ONE);
    to[SOV_TALLY_CE] += llrint(tally->ce * TALLY_ONE);
    to[SOV_TALLY_TOKENS] += (int64_t)tally->n;
}

/* The units of this rank, of step number `step` (from 0), into d->sum. */
static int
gather(struct sov_distill *d, uint64_t step, struct sov_err *err)
{
    uint64_t all = step_sequences(d), at = 0;
    uint64_t number = d->o.local_steps > 0
                          ? step * (uint64_t)d->comm.n + (uint64_t)d->comm.rank
                          : step;
    size_t most = d->units.most;
    int rc = 0;

    memset(d->sum, 0, (d->count + SOV_TALLIES) * sizeof(*d->sum));
    for (uint64_t u = 0; at < all && rc == 0; u++, at += most) {
        size_t n = all - at < most ? (size_t)(all - at) : most;
        struct sov_unit unit;
        struct sov_tally tally;

        if (u % (uint64_t)d->near.n != (uint64_t)d->near.rank)
            continue;
        sov_units_read(&d->units, number + 1, at, n, &unit);
        rc = sov_taught_tell(&d->taught, &d->units, &unit, err);
        if (rc == 0)
            rc = sov_trainee_unit(d->t, &unit, &d->loss, d->grad, &tally, err);
        if (rc == 0 && !(isfinite(tally.loss) && isfinite(tally.ce)))
            rc = sov_fail(err, SOV_ENO, "the loss is no number any more");
        if (rc == 0)
            rc = sov_fix_add(d->k, d->sum, d->grad, d->count, err);
        if (rc == 0)
            add_tally(d->sum + d->count, &tally);
    }
    if (d->o.stop != NULL && *d->o.stop != 0)
        d->sum[d->count + SOV_TALLY_STOP] = 1;
    return rc;
}

/* The norm of all gradients, each rank having those of its part. */
static int
find_norm(struct sov_distill *d, const struct sov_optim_step *s, double *norm,
          struct sov_err *err)
{
    int rc;

    memset(d->square, 0, d->n_squares * sizeof(*d->square));
    if (d->to > d->from) /* else there is nothing for this rank */
        sov_optim_squares(s, d->square);
    rc = sov_comm_merge(&d->near, d->square, d->n_squares, err);
    if (rc < 0)
        return rc;
    *norm = sov_optim_norm_of(d->square, d->n_squares);
    return isfinite(*norm) ? 0
                           : sov_fail(err, SOV_ENO,
                                      "the gradient is no "
                                      "number any more");
}

/* The optimiser's step, by the sums of all that it is shared with, which are
 * of n tokens: each rank updates its part. */
static int
update(struct sov_distill *d, double n, struct sov_distill_point *p,
       struct sov_err *err)
{
    const int64_t *tally = d->sum + d->count;
    double all = (double)tally[SOV_TALLY_TOKENS];
    struct sov_optim_step s = {
        .k = d->k,
        .param = d->param,
        .n_param = d->n_param,
        .keep = d->keep,
        .w = d->w,
        .grad = d->grad,
        .from = d->from,
        .to = d->to,
        .state = d->state,
        .step = d->done + 1,
        .rate = p->rate,
    };
    int rc;

    if (n == 0)
        return sov_fail(err, SOV_EFORMAT, "the text has nothing to foretell");
    p->loss = (double)tally[SOV_TALLY_LOSS] / TALLY_ONE / all;
    p->ce = (double)tally[SOV_TALLY_CE] / TALLY_ONE / all;
    sov_fix_get(d->k, d->sum + d->from, 1 / n, d->grad + d->from,
                (size_t)(d->to - d->from));
    rc = find_norm(d, &s, &p->norm, err);
    s.norm = p->norm;
    if (rc == 0 && d->to > d->from && p->norm > 0)
        rc = sov_optim_run(&d->optim, &s, err);
    rc = sov_comm_agree(&d->comm, rc, err);
    return rc == 0 ? sov_comm_gather(&d->near, d->w, d->at, err) : rc;
}

static int
diverged(const struct sov_distill *d, int rc, struct sov_err *err)
{
    if (rc == SOV_ENO && d->done == 0) /* no rate can be blamed */
        sov_err_wrap(err, "step 1: it has diverged before anything was "
                          "learnt; weights may be damaged, or the alpha of "
                          "an adapter is too large");
    else if (rc == SOV_ENO)
        sov_err_wrap(err,
                     "step %" PRIu64 ": it has diverged; a smaller --lr, "
                     "or a longer --warmup, may help",
                     d->done + 1);
    return rc;
}

/* Step number d->done, from 0; *stop: it shall be the last for now. */
static int
one_step(struct sov_distill *d, bool *stop, struct sov_err *err)
{
    struct sov_distill_point *p = &d->point[d->done];
    int64_t *tally = d->sum + d->count;
    int rc = sov_policy_step(d, d->done, err);
    double n = 0;

    if (rc == 0)
        rc = gather(d, d->done, err);
    n = (double)tally[SOV_TALLY_TOKENS];
    rc = sov_comm_agree(&d->comm, rc, err);
    if (rc == 0)
        rc = sov_comm_sum(&d->comm, tally, SOV_TALLIES, err);
    if (d->o.local_steps == 0)
        n = (double)tally[SOV_TALLY_TOKENS];
    if (rc == 0)
        rc = sov_comm_sum_part(&d->near, d->sum, d->at, err);
    if (rc == 0) {
        *stop = tally[SOV_TALLY_STOP] != 0;
        p->rate = sov_schedule_at(&d->schedule, d->done + 1);
        rc = update(d, n, p, err);
    }
    if (rc < 0)
        return diverged(d, rc, err);
    d->done++;
    return sov_distill_meet(d, err);
}

/* ---- what is told ---- */

static int
tell(struct sov_distill *d, double seconds, bool judged, struct sov_err *err)
{
    uint64_t tokens =
        step_sequences(d) * sov_distill_workers(d) * d->shape.n_ctx;
    struct sov_distill_step s = {
        .step = d->done,
        .steps = d->steps,
        .tokens = d->done * tokens,
        .point = d->point[d->done - 1],
        .lr = d->optim.lr * d->point[d->done - 1].rate,
        .seconds = sov_clock() - d->began,
        .tokens_s = (double)tokens / seconds,
        .eval = judged ? &d->eval[d->n_evals - 1] : NULL,
    };
    char what[80];

    if (d->comm.rank != 0)
        return 0;
    snprintf(what, sizeof(what), "loss %.4f  %.0f tokens/s", s.point.loss,
             s.tokens_s);
    if (d->o.progress != NULL)
        d->o.progress(d->o.progress_arg, d->done, d->steps, what);
    return d->o.step != NULL ? d->o.step(d->o.arg, &s, err) : 0;
}

/* ---- all steps ---- */

/* After a step: is the text read that it is judged by, is it kept? */
static int
after(struct sov_distill *d, bool stop, double seconds, struct sov_err *err)
{
    bool end = d->done == d->steps;
    bool due = end || (d->o.every > 0 && d->done % d->o.every == 0);
    bool judge = due && d->judge_tokens != NULL;
    int rc = 0;

    if (due && !end)
        rc = sov_comm_agree(&d->comm, sov_distill_fits(d, err), err);
    if (rc == 0 && judge)
        rc = sov_distill_judge(d, err);
    if (rc == 0)
        rc = sov_comm_agree(&d->comm, tell(d, seconds, judge, err), err);
    if (rc == 0 && (due || stop) && d->o.checkpoint != NULL)
        rc = sov_distill_save(d, err);
    return rc;
}

int
sov_distill_run(sov_distill *d, struct sov_err *err)
{
    bool stop = false;
    int rc = 0;

    d->began = sov_clock();
    if (d->o.progress != NULL && d->comm.rank == 0)
        d->o.progress(d->o.progress_arg, d->done, d->steps, NULL);
    while (d->done < d->steps && rc == 0 && !stop) {
        double start = sov_clock();

        rc = one_step(d, &stop, err);
        if (rc == 0)
            rc = after(d, stop, sov_clock() - start, err);
    }
    if (rc == 0 && stop && d->done < d->steps)
        return 1;
    if (rc == 0 && d->o.best)
        rc = sov_distill_take_best(d, err);
    return rc == 0 ? sov_distill_show(d, err) : rc;
}

int
sov_distill_measure(sov_distill *d, double *seconds, struct sov_err *err)
{
    uint64_t all = step_sequences(d);
    size_t n = all < d->units.most ? (size_t)all : d->units.most;
    struct sov_unit unit;
    struct sov_tally tally;
    double best = INFINITY;
    int rc = 0;

    sov_units_read(&d->units, 1, 0, n, &unit);
    /* the first time has pages to be made, too */
    for (int i = 0; i < 3 && rc == 0 && (i == 0 || best < 2); i++) {
        double start = sov_clock(), spent;

        rc = sov_taught_tell(&d->taught, &d->units, &unit, err);
        if (rc == 0)
            rc = sov_trainee_unit(d->t, &unit, &d->loss, d->grad, &tally, err);
        spent = sov_clock() - start;
        best = spent < best ? spent : best;
    }
    *seconds = best * (double)all / (double)n / d->near.n;
    return rc;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * work.c - floating point operations of a whole run
 *
 * Counted of shapes and tokens, not of time: products of matrices and of
 * attention, there and back; of the student, of the teacher, which reads what
 * the student reads, of the text that is judged by, and of an optimiser that
 * multiplies matrices.  Every sequence counts as if it were full.  What is few
 * operations for each number (norms, losses, AdamW) is left out, and so is what
 * a teacher did whose words come from a cache.
 */
#include "distill/policy.h"

/* How often the text is read that it is judged by. */
static uint64_t
judgements(const struct sov_distill *d)
{
    uint64_t every = d->o.every;

    if (d->judge_tokens == NULL)
        return 0;
    return every > 0 ? d->steps / every + (d->steps % every != 0) : 1;
}

double
sov_distill_work(const struct sov_distill *d, double flops)
{
    double forward = sov_trainee_forward(&d->shape);
    double each = (double)(d->o.batch * d->o.accumulate) *
                  (double)sov_distill_workers(d) * (double)d->shape.n_ctx;
    double token = flops, step, other;

    if (d->o.teacher != NULL)
        token += sov_model_flops(d->o.teacher, d->shape.n_ctx);
    step = each * token + sov_optim_flops(&d->optim, d->param, d->n_param) *
                              (double)sov_distill_workers(d);
    other = (double)sov_policy_tokens(d) * forward;
    if (judgements(d) > 0)
        other += (double)judgements(d) *
                 (double)sov_tokens_count(d->judge_tokens) * forward;
    return (double)d->steps * step + other;
}

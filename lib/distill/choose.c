/* SPDX-License-Identifier: Apache-2.0 */
/*
 * choose.c - what a run of training is, by its options
 */
#include "distill/policy.h"

#include "base/limits.h"
#include "base/mem.h"
#include "train/sum.h"

#include <inttypes.h>

#define CTX_USUAL 512 /* tokens of a sequence, unless the model reads fewer */

/* What is trained, and of which tokens; *own: the context it is made for. */
static int
choose_shape(struct sov_distill *d, const sov_meta *words, size_t *own,
             struct sov_err *err)
{
    const struct sov_distill_opts *o = &d->o;
    int rc;

    if (o->student != NULL)
        rc = sov_shape_of(&d->shape, o->student, err);
    else
        rc = sov_student_vocab(words, &d->shape.n_vocab, err);
    if (rc == 0 && o->student == NULL)
        rc = sov_student_shape(&d->shape, o->arch, err);
    if (rc < 0)
        return o->student == NULL ? sov_err_wrap(err, "--arch") : rc;
    *own = d->shape.n_ctx;
    if (o->ctx > *own)
        return sov_fail(err, SOV_EARG,
                        "--ctx %" PRIu64 ": the student reads %zu tokens",
                        o->ctx, *own);
    if (o->ctx > 0)
        d->shape.n_ctx = (size_t)o->ctx;
    else if (o->student != NULL && *own > CTX_USUAL)
        d->shape.n_ctx = CTX_USUAL;
    if (d->shape.n_ctx < 2)
        return sov_fail(err, SOV_EARG, "--ctx: one token foretells nothing");
    return sov_tok_load(&d->tok, words, err);
}

static int
choose_loss(struct sov_distill *d, struct sov_err *err)
{
    struct sov_distill_opts *o = &d->o;
    int rc;

    bool told = o->teacher != NULL || o->cache != NULL;

    if (o->loss == NULL)
        o->loss = told ? "fkl" : "ce";
    rc = sov_loss_parse(&d->ce, "ce", err);
    if (rc == 0)
        rc = sov_loss_parse(&d->loss, o->loss, err);
    if (rc < 0)
        return sov_err_wrap(err, "--loss");
    if (sov_loss_wants_teacher(&d->loss) && !told)
        return sov_fail(err, SOV_EARG,
                        "--loss %s needs --teacher MODEL, or --cache FILE",
                        o->loss);
    if (!sov_loss_wants_teacher(&d->loss) && told)
        return sov_fail(err, SOV_EARG, "--loss %s asks no teacher", o->loss);
    if (!told)
        return 0;
    d->loss.alpha = o->alpha;
    d->loss.temp = o->temp;
    rc = sov_loss_check(&d->loss, err);
    if (rc == 0 && o->cache != NULL)
        rc = sov_loss_sampled(&d->loss, err);
    return rc < 0 ? sov_err_wrap(err, "--loss") : 0;
}

static int
choose_optimizer(struct sov_distill *d, struct sov_err *err)
{
    struct sov_distill_opts *o = &d->o;
    int rc;

    if (o->optimizer == NULL)
        o->optimizer = "adamw";
    if (o->schedule == NULL)
        o->schedule = "cosine";
    rc = sov_optim_find(&d->optim, o->optimizer, err);
    if (rc < 0)
        return sov_err_wrap(err, "--optimizer");
    if (o->lr > 0)
        d->optim.lr = o->lr;
    d->optim.clip = o->clip;
    d->n_states = sov_optim_arrays(&d->optim);
    d->outer.lr = o->outer_lr > 0 ? o->outer_lr : 0.7;
    d->outer.momentum = o->outer_momentum;
    rc = sov_schedule_parse(&d->schedule, o->schedule, err);
    return rc < 0 ? sov_err_wrap(err, "--schedule") : 0;
}

int
sov_distill_check(const struct sov_distill_opts *o, struct sov_err *err)
{
    if ((o->student != NULL) == (o->arch != NULL))
        return sov_fail(err, SOV_EARG,
                        "one of --student and --arch says what is trained");
    if (o->lora != NULL && o->keep_mask)
        return sov_fail(err, SOV_EARG,
                        "--train-lora and --keep-mask: an adapter has no zeros "
                        "to keep, and would fill those of the student");
    if (o->lora != NULL && o->student == NULL)
        return sov_fail(err, SOV_EARG,
                        "--train-lora: an adapter is for a --student, which "
                        "stays as it is");
    if (o->teacher != NULL && o->cache != NULL)
        return sov_fail(err, SOV_EARG,
                        "--teacher and --cache: one of them tells");
    if (o->keep_mask && o->student == NULL)
        return sov_fail(err, SOV_EARG,
                        "--keep-mask: a new student has no zeros to be kept");
    if (o->batch < 1 || o->accumulate < 1 ||
        o->batch > SOV_SEQUENCES_MAX / o->accumulate)
        return sov_fail(err, SOV_EARG,
                        "a step of %" PRIu64 " x %" PRIu64
                        " sequences is more than %" PRIu64,
                        o->batch, o->accumulate, SOV_SEQUENCES_MAX);
    if (o->resume && o->checkpoint == NULL)
        return sov_fail(err, SOV_EARG,
                        "--resume: from where? --checkpoint DIR is missing");
    if (o->local_steps > 0 && o->delta)
        return sov_fail(err, SOV_EARG,
                        "--local-steps and --delta-out: workers meet either "
                        "over a link or by files");
    if (o->local_steps > 0 && o->every % o->local_steps != 0)
        return sov_fail(err, SOV_EARG,
                        "--every %" PRIu64 ": workers have the same weights "
                        "each %" PRIu64 " steps; take a multiple of it",
                        o->every, o->local_steps);
    if (o->best && (o->checkpoint == NULL || o->eval == NULL))
        return sov_fail(err, SOV_EARG,
                        "--best needs --eval, to choose, and --checkpoint, "
                        "to keep");
    return sov_policy_check(o, err);
}

const sov_meta *
sov_distill_words(const struct sov_distill_opts *o, struct sov_err *err)
{
    if (o->student != NULL)
        return sov_model_meta(o->student);
    if (o->tokenizer != NULL)
        return sov_model_meta(o->tokenizer);
    if (o->teacher != NULL)
        return sov_model_meta(o->teacher);
    sov_fail(err, SOV_EARG,
             "--arch: whose tokens? --tokenizer MODEL is missing");
    return NULL;
}

int
sov_distill_decide(struct sov_distill *d, const sov_meta *words, size_t *own,
                   struct sov_err *err)
{
    int rc = choose_shape(d, words, own, err);

    if (rc == 0 && d->o.lora != NULL) {
        rc = sov_student_lora(&d->lora, d->o.lora, err);
        if (rc < 0)
            sov_err_wrap(err, "--train-lora");
    }
    if (rc == 0)
        rc = choose_loss(d, err);
    return rc == 0 ? choose_optimizer(d, err) : rc;
}

int
sov_distill_count_steps(struct sov_distill *d, struct sov_err *err)
{
    const struct sov_distill_opts *o = &d->o;
    uint64_t sequences = o->batch * o->accumulate;
    uint64_t all = sequences * sov_distill_workers(d);
    uint64_t tokens = all * d->shape.n_ctx;

    if (sequences / d->units.most >= SOV_FIX_TERMS)
        return sov_fail(err, SOV_EARG,
                        "a step of %" PRIu64 " sequences is too much; the "
                        "limit is %zu of this length",
                        sequences, SOV_FIX_TERMS * d->units.most);
    d->steps = o->steps;
    if (d->steps == 0 && o->tokens > 0)
        d->steps = o->tokens / tokens + (o->tokens % tokens != 0);
    if (d->steps == 0)
        d->steps = (sov_course_count(d->course) + all - 1) / all;
    if (d->steps > SOV_STEPS_MAX)
        return sov_fail(err, SOV_EARG,
                        "%" PRIu64 " steps are more than %" PRIu64, d->steps,
                        SOV_STEPS_MAX);
    d->schedule.n = d->steps;
    d->schedule.warmup = o->warmup_given ? o->warmup : (d->steps + 99) / 100;
    if (d->schedule.warmup > d->steps)
        return sov_fail(err, SOV_EARG,
                        "--warmup %" PRIu64 ": there are %" PRIu64 " steps",
                        d->schedule.warmup, d->steps);
    d->point = sov_mem_array((size_t)d->steps, sizeof(*d->point));
    return d->point == NULL ? sov_mem_fail(err) : 0;
}

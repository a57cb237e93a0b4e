/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy.c - texts that the student makes while it learns
 *
 * What a student sees of texts is not what it will see of itself: so a share
 * of its sequences are some that it has made, and the teacher says of each
 * token what it would have expected there (R. Agarwal and others, "On-Policy
 * Distillation of Language Models", 2024).  Making them is slow, so they are
 * kept for a while and read again (J. Ko and others, "DistiLLM", 2024): every
 * PERIOD steps as many as a step has are made, out of how the sequences of that
 * step begin, and of the last KEPT times one is drawn.
 *
 * All that is kept is in d->made, numbers of f32 as those that a checkpoint
 * has, which is one of its arrays: ids are below 2^24.
 *
 *     0            how often some were made
 *     1 ..         tokens of each place, [KEPT * sequences]
 *     behind that  ids, [KEPT * sequences][n_ctx]
 *
 * Whether sequence i of a step is one of these, and which, is a pure function
 * of seed, step and i.
 */
#include "distill/policy.h"

#include "base/mem.h"
#include "base/rng.h"
#include "sov/desk.h"
#include "sov/request.h"

#include <inttypes.h>
#include <stdlib.h>

#define PERIOD 16 /* steps */
#define KEPT   4  /* times */
#define PLACES 16 /* of the desk */
#define STREAM UINT64_C(0x6f6e2d706f6c6963)

static uint64_t
each(const struct sov_distill *d)
{
    return d->o.batch * d->o.accumulate;
}

static float *
ids_at(const struct sov_distill *d, uint64_t place)
{
    return d->made + 1 + KEPT * each(d) + place * d->shape.n_ctx;
}

/* ---- beginning ---- */

int
sov_policy_check(const struct sov_distill_opts *o, struct sov_err *err)
{
    const char *what = o->teacher == NULL ? "a --teacher that is at hand, for "
                                            "texts that nobody knows yet"
                       : o->alpha < 1     ? "--alpha 1: what the student makes "
                                            "is no text to be learnt"
                       : o->lora != NULL  ? "a student that learns as a "
                                            "whole, without --train-lora"
                       : o->local_steps > 0 ? "one student, without "
                                              "--local-steps"
                                            : NULL;

    if (o->on_policy == 0 || what == NULL)
        return 0;
    return sov_fail(err, SOV_EARG, "--on-policy takes %s", what);
}

int
sov_policy_open(struct sov_distill *d, struct sov_err *err)
{
    uint64_t room;

    if (d->o.on_policy == 0)
        return 0;
    room = 1 + KEPT * each(d) * (1 + d->shape.n_ctx);
    if (room > d->count)
        return sov_fail(err, SOV_EARG,
                        "--on-policy keeps %" PRIu64 " sequences of %zu "
                        "tokens, more than a student of %" PRIu64
                        " weights has place for; take a smaller --batch",
                        KEPT * each(d), d->shape.n_ctx, d->count);
    d->made = sov_mem_aligned((size_t)d->count, sizeof(*d->made));
    return d->made == NULL ? sov_mem_fail(err) : 0;
}

uint64_t
sov_policy_tokens(const struct sov_distill *d)
{
    uint64_t times = (d->steps + PERIOD - 1) / PERIOD;

    return d->o.on_policy > 0 ? times * each(d) * d->shape.n_ctx : 0;
}

/* ---- making ---- */

struct making {
    struct sov_distill *d;
    uint64_t step;
    uint64_t turn;       /* how often some were made before */
    int32_t *ids, *next; /* [n_ctx] */
    sov_desk *desk;
};

/* Sequence i of the step, which the student goes on from its first quarter. */
static int
ask(struct making *m, uint64_t i, struct sov_err *err)
{
    const struct sov_distill *d = m->d;
    struct sov_sequence s = sov_course_at(d->course, m->step + 1, (size_t)i);
    struct sov_ask a = { .tag = i, .ids = m->ids, .end = -1 };

    sov_course_read(d->course, &s, m->ids, m->next);
    a.n_ids = (s.n + 3) / 4;
    a.n_tokens = d->shape.n_ctx - a.n_ids;
    sov_sampler_defaults(&a.sampler);
    a.sampler.temp = 1; /* all that it expects, and as it does */
    a.sampler.top_p = 1;
    a.sampler.min_p = 0;
    a.sampler.seed =
        sov_request_seed(d->o.seed ^ STREAM, m->turn * each(d) + i);
    return sov_desk_add(m->desk, &a, err);
}

static int
keep(struct making *m, const struct sov_reply *r, struct sov_err *err)
{
    struct sov_distill *d = m->d;
    uint64_t place = m->turn % KEPT * each(d) + r->tag;
    size_t n = r->n_prompt + r->n_made;
    float *to = ids_at(d, place);

    if (r->rc < 0) {
        if (err != NULL)
            *err = r->err;
        return r->rc;
    }
    n = n < d->shape.n_ctx ? n : d->shape.n_ctx;
    for (size_t i = 0; i < n; i++)
        to[i] = (float)r->ids[i];
    d->made[1 + place] = (float)n;
    return 0;
}

static int
make_all(struct making *m, struct sov_err *err)
{
    struct sov_reply reply;
    int rc = 0;

    for (uint64_t i = 0; i < each(m->d) && rc == 0; i++)
        rc = ask(m, i, err);
    while (rc == 0 && (rc = sov_desk_step(m->desk, err)) > 0) {
        rc = 0;
        while (rc == 0 && sov_desk_take(m->desk, &reply)) {
            rc = keep(m, &reply, err);
            sov_reply_free(&reply);
        }
    }
    while (rc == 0 && sov_desk_take(m->desk, &reply)) {
        rc = keep(m, &reply, err);
        sov_reply_free(&reply);
    }
    return rc;
}

static int
make(struct sov_distill *d, uint64_t step, struct sov_err *err)
{
    const struct sov_session_opts session = {
        .n_ctx = (uint32_t)d->shape.n_ctx,
        .n_seq = PLACES,
    };
    struct making m = { .d = d, .step = step, .turn = (uint64_t)d->made[0] };
    int rc;

    m.ids = sov_mem_array(d->shape.n_ctx, sizeof(*m.ids));
    m.next = sov_mem_array(d->shape.n_ctx, sizeof(*m.next));
    rc = m.ids == NULL || m.next == NULL ? sov_mem_fail(err) : 0;
    if (rc == 0)
        rc = sov_desk_open(&m.desk, d->model, d->tok, &session, err);
    if (rc == 0)
        rc = make_all(&m, err);
    sov_desk_close(m.desk);
    free(m.ids);
    free(m.next);
    d->made[0] += rc == 0;
    return rc < 0 ? sov_err_wrap(err, "--on-policy") : 0;
}

/* One rank makes them for all. */
int
sov_policy_step(struct sov_distill *d, uint64_t step, struct sov_err *err)
{
    int rc = 0;

    if (d->made == NULL || step % PERIOD != 0)
        return 0;
    if (d->comm.rank == 0)
        rc = make(d, step, err);
    rc = sov_comm_agree(&d->comm, rc, err);
    return rc == 0 ? sov_comm_give(&d->comm, 0, d->made,
                                   (size_t)d->count * sizeof(*d->made), err)
                   : rc;
}

/* ---- reading ---- */

size_t
sov_policy_read(void *arg, uint64_t step, uint64_t i, int32_t *ids,
                int32_t *next)
{
    const struct sov_distill *d = arg;
    uint64_t turns = (uint64_t)d->made[0], at = step * each(d) + i, place;
    const float *from;
    size_t n;

    if (turns == 0 || sov_rng_unit(d->o.seed, STREAM, 2 * at) >= d->o.on_policy)
        return 0;
    turns = turns < KEPT ? turns : KEPT;
    place = (uint64_t)(sov_rng_unit(d->o.seed, STREAM, 2 * at + 1) *
                       (double)(turns * each(d)));
    n = (size_t)d->made[1 + place];
    from = ids_at(d, place);
    for (size_t k = 0; k < n; k++)
        ids[k] = (int32_t)from[k];
    for (size_t k = 0; k < n; k++)
        next[k] = k + 1 < n ? ids[k + 1] : -1;
    return n < 2 ? 0 : n;
}

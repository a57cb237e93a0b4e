/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resume.c - a run that was stopped goes on
 *
 * What it is a run of is four digests.  The schedule is none of them: a run
 * may go on with more steps, if the rates of those that were done stay what
 * they were.  Nor are threads, ranks, memory, and how a batch is cut; but of
 * workers that are apart there must be as many.
 */
#include "distill/run.h"

#include "base/mem.h"
#include "sov/hash.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what it is a run of ---- */

static int
final(sov_hasher *h, unsigned char out[SOV_SHA256_LEN], struct sov_err *err)
{
    struct sov_digest digest;
    int rc = sov_hasher_final(h, &digest, err);

    if (rc == 0)
        memcpy(out, digest.sha256, SOV_SHA256_LEN);
    return rc;
}

/* Its weights as they are at the beginning, and the metadata it will have. */
static int
identify_student(struct sov_distill *d, struct sov_err *err)
{
    const sov_meta *meta = sov_model_meta(d->model);
    sov_hasher *h = NULL;
    int rc = sov_hasher_new(&h, SOV_HASH_SHA256, err);

    for (size_t i = 0; i < sov_meta_count(meta) && rc == 0; i++) {
        const struct sov_kv *kv = sov_meta_at(meta, i);

        rc = sov_hasher_update(h, kv->key, strlen(kv->key) + 1, err);
        if (rc == 0)
            rc = sov_hasher_update(h, kv->val.p, kv->val.len, err);
    }
    for (size_t i = 0;
         d->lora.rank > 0 && rc == 0 && i < sov_model_count(d->o.student);
         i++) {
        const struct sov_tensor *t = sov_model_at(d->o.student, i);

        rc = sov_hasher_update(h, t->data, (size_t)t->size, err);
    }
    for (size_t i = 0; i < d->n_param && rc == 0; i++)
        rc = sov_hasher_update(h, d->param[i].name,
                               strlen(d->param[i].name) + 1, err);
    if (rc == 0)
        rc = sov_hasher_update(h, d->w, d->count * sizeof(*d->w), err);
    if (rc == 0)
        rc = final(h, d->id.of[SOV_CKPT_STUDENT], err);
    sov_hasher_free(h);
    return rc;
}

static void
identify_options(struct sov_distill *d)
{
    const struct sov_distill_opts *o = &d->o;
    const struct sov_optim *p = &d->optim;
    char text[2000];
    int n;

    n = snprintf(text, sizeof(text),
                 "loss=%s value=%.17g alpha=%.17g temp=%.17g optimizer=%s "
                 "lr=%.17g beta1=%.17g beta2=%.17g eps=%.17g decay=%.17g "
                 "clip=%.17g dtype=%d ctx=%zu sequences=%" PRIu64
                 " keep=%d seed=%" PRIu64 " lora=%zu,%.17g,%s hidden=%s",
                 o->loss, d->loss.value, d->loss.alpha, d->loss.temp,
                 o->optimizer, p->lr, p->beta1, p->beta2, p->eps, p->decay,
                 p->clip, (int)o->dtype, d->shape.n_ctx,
                 o->batch * o->accumulate, o->keep_mask, o->seed, d->lora.rank,
                 d->lora.alpha, d->lora.targets,
                 o->hidden != NULL ? o->hidden : "");
    if (o->local_steps > 0)
        n +=
            snprintf(text + n, sizeof(text) - (size_t)n,
                     " local=%" PRIu64 ",%.17g,%.17g workers=%d",
                     o->local_steps, d->outer.lr, d->outer.momentum, d->comm.n);
    if (o->on_policy > 0)
        n += snprintf(text + n, sizeof(text) - (size_t)n, " on-policy=%.17g",
                      o->on_policy);
    sov_sha256(text, (size_t)n, d->id.of[SOV_CKPT_OPTIONS]);
}

int
sov_distill_identify(struct sov_distill *d, struct sov_err *err)
{
    int rc = identify_student(d, err);

    if (rc == 0)
        rc = sov_taught_identity(&d->taught, d->id.of[SOV_CKPT_TEACHER], err);
    memcpy(d->id.of[SOV_CKPT_TEXTS], sov_tokens_digest(d->tokens),
           SOV_SHA256_LEN);
    identify_options(d);
    return rc;
}

/* ---- in ---- */

/* Arrays of a checkpoint: see run.h. */
static size_t
arrays_of(const struct sov_distill *d)
{
    size_t each = 1 + d->n_states;

    return d->o.local_steps > 0 ? 2 + (size_t)d->comm.n * each
                                : each + (d->made != NULL);
}

/* Is it of this run? */
static int
check(const struct sov_distill *d, const struct sov_ckpt *c,
      struct sov_err *err)
{
    const char *other = sov_ckpt_differs(&c->id, &d->id);

    if (other != NULL)
        return sov_fail(err, SOV_EFORMAT, "is of another run, with %s", other);
    if (c->count != d->count || c->n_arrays != arrays_of(d))
        return sov_fail(err, SOV_EFORMAT,
                        "has %" PRIu32 " arrays of %" PRIu64
                        " numbers, and this run %zu of %" PRIu64,
                        c->n_arrays, c->count, arrays_of(d), d->count);
    if (c->steps > d->steps)
        return sov_fail(err, SOV_EFORMAT,
                        "is of step %" PRIu64 ", and this run has %" PRIu64,
                        c->steps, d->steps);
    return 0;
}

static int
check_rates(const struct sov_distill *d, uint64_t steps, struct sov_err *err)
{
    for (uint64_t i = 0; i < steps; i++)
        if (d->point[i].rate != sov_schedule_at(&d->schedule, i + 1))
            return sov_fail(err, SOV_EFORMAT,
                            "is of another run, with another --schedule, "
                            "--warmup or number of steps");
    return 0;
}

static int
take(struct sov_distill *d, const struct sov_ckpt *c, struct sov_err *err)
{
    size_t own = 0;
    int rc = check(d, c, err);

    if (rc == 0) {
        sov_ckpt_points(c, d->point);
        rc = check_rates(d, c->steps, err);
    }
    while (rc == 0 && d->cap_evals < c->n_evals)
        rc = sov_mem_grow((void **)&d->eval, d->cap_evals, &d->cap_evals,
                          sizeof(*d->eval), err);
    if (rc < 0)
        return rc;
    sov_ckpt_evals(c, d->eval);
    d->n_evals = c->n_evals;
    if (d->o.local_steps > 0) {
        sov_ckpt_array(c, 0, 0, d->count, d->base);
        sov_ckpt_array(c, 1, 0, d->count, d->momentum);
        own = 2 + (size_t)d->comm.rank * (1 + d->n_states);
    }
    sov_ckpt_array(c, own, 0, d->count, d->w);
    for (size_t i = 0; i < d->n_states; i++)
        sov_ckpt_array(c, own + 1 + i, d->from, d->to, d->state[i]);
    if (d->made != NULL)
        sov_ckpt_array(c, 1 + d->n_states, 0, d->count, d->made);
    d->done = c->steps;
    return 0;
}

static int
take_file(struct sov_distill *d, uint64_t steps, struct sov_err *err)
{
    struct sov_ckpt_file f;
    int rc = sov_ckpt_open(&f, d->o.checkpoint, steps, err);

    if (rc < 0)
        return rc;
    rc = take(d, &f.ckpt, err);
    if (rc == SOV_EFORMAT)
        sov_err_wrap(err, "%s/step-%" PRIu64 ".ckpt", d->o.checkpoint, steps);
    sov_ckpt_close(&f);
    return rc;
}

/* The latest that will do.  Files that will not do are told of. */
static int
find(struct sov_distill *d, const uint64_t *steps, size_t n,
     struct sov_err *err)
{
    int rc = SOV_EFORMAT;

    for (size_t i = 0; i < n && rc == SOV_EFORMAT; i++) {
        rc = take_file(d, steps[i], err);
        if (rc == SOV_EFORMAT && i + 1 < n)
            sov_distill_say(d, "%s; trying the one before it", err->msg);
    }
    if (rc == SOV_EFORMAT)
        sov_err_wrap(err, "no checkpoint will do; --force in place of "
                          "--resume begins anew");
    return rc;
}

static int
look(struct sov_distill *d, struct sov_err *err)
{
    const char *folder = d->o.checkpoint;
    uint64_t *steps = NULL;
    size_t n = 0;
    int rc = d->o.dry_run ? 0 : sov_ckpt_folder(folder, err);

    if (rc == 0)
        rc = sov_ckpt_list(folder, &steps, &n, err);
    if (rc == 0 && n > 0 && d->o.resume) {
        rc = find(d, steps, n, err);
    } else if (rc == 0 && n > 0 && !d->o.force && !d->o.dry_run) {
        rc = sov_fail(err, SOV_EIO,
                      "%s has checkpoints of a run, up to step %" PRIu64
                      "; --resume goes on from there, --force begins anew",
                      folder, steps[0]);
        err->where = SOV_WHERE_OUTPUT;
    }
    free(steps);
    return rc;
}

/* One rank looks, and all take what it has found. */
int
sov_distill_resume(struct sov_distill *d, struct sov_err *err)
{
    uint64_t done = 0;
    int rc = 0;

    if (d->o.checkpoint == NULL)
        return 0;
    if (d->comm.rank == 0)
        rc = look(d, err);
    rc = sov_comm_agree(&d->comm, rc, err);
    done = d->done;
    if (rc == 0)
        rc = sov_comm_give(&d->comm, 0, &done, sizeof(done), err);
    if (rc == 0 && d->comm.rank != 0 && done > 0)
        rc = take_file(d, done, err);
    return rc == 0 || d->comm.n == 1 ? rc : sov_comm_agree(&d->comm, rc, err);
}

/* ---- out ---- */

/* Array i of workers that are apart, in d->grad if it is of another one. */
static int
fetch(struct sov_distill *d, size_t i, const float **x, struct sov_err *err)
{
    size_t each = 1 + d->n_states, k = i < 2 ? 0 : (i - 2) % each;
    int whose = i < 2 ? 0 : (int)((i - 2) / each);

    *x = i == 0   ? d->base
         : i == 1 ? d->momentum
         : k == 0 ? d->w
                  : d->state[k - 1];
    if (i < 2 || whose == 0)
        return 0;
    memcpy(d->grad, *x, (size_t)d->count * sizeof(*d->grad));
    *x = d->grad;
    return sov_comm_give(&d->comm, whose, d->grad,
                         (size_t)d->count * sizeof(*d->grad), err);
}

/* Array i of all ranks, in d->grad if it is in parts. */
static int
collect(struct sov_distill *d, size_t i, const float **x, struct sov_err *err)
{
    if (d->o.local_steps > 0)
        return fetch(d, i, x, err);
    *x = i == 0 ? d->w : i <= d->n_states ? d->state[i - 1] : d->made;
    if (i == 0 || i > d->n_states || d->comm.n == 1)
        return 0;
    memcpy(d->grad + d->from, *x, (d->to - d->from) * sizeof(*d->grad));
    *x = d->grad;
    return sov_comm_gather(&d->comm, d->grad, d->at, err);
}

int
sov_distill_save(struct sov_distill *d, struct sov_err *err)
{
    const struct sov_distill_eval *best = sov_distill_best(d);
    const struct sov_ckpt_head head = {
        .id = &d->id,
        .steps = d->done,
        .point = d->point,
        .eval = d->eval,
        .n_evals = d->n_evals,
        .count = d->count,
        .n_arrays = arrays_of(d),
    };
    struct sov_ckpt_out *out = NULL;
    const float *x;
    int rc = 0, all = 0;

    if (d->comm.rank == 0)
        rc = sov_ckpt_begin(&out, d->o.checkpoint, &head, err);
    for (size_t i = 0; i < head.n_arrays && all == 0; i++) {
        all = collect(d, i, &x, rc == 0 ? err : NULL);
        if (rc == 0 && all == 0 && out != NULL)
            rc = sov_ckpt_put(out, x, err);
    }
    if (rc == 0)
        rc = all;
    if (rc == 0 && out != NULL)
        rc = sov_ckpt_end(out, err);
    if (rc == 0 && out != NULL)
        rc = sov_ckpt_prune(d->o.checkpoint, d->done,
                            best != NULL ? best->step : 0, err);
    sov_ckpt_free(out);
    return sov_comm_agree(&d->comm, rc, err);
}

int
sov_distill_take_best(struct sov_distill *d, struct sov_err *err)
{
    const struct sov_distill_eval *best = sov_distill_best(d);
    struct sov_ckpt_file f;
    int rc;

    if (best == NULL || best->step == d->done)
        return 0;
    rc = sov_ckpt_open(&f, d->o.checkpoint, best->step, err);
    if (rc < 0)
        return rc;
    rc = check(d, &f.ckpt, err);
    if (rc == 0)
        sov_ckpt_array(&f.ckpt, 0, 0, d->count, d->w);
    sov_ckpt_close(&f);
    return rc < 0 ? sov_err_wrap(err, "--best") : 0;
}

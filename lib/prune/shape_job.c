/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shape_job.c - a job of a method of shapes
 *
 * Which shape comes out is known when the method has chosen, and that is when
 * it has read the text: until then the job has no plan.
 */
#include "prune/shape_job.h"

#include "base/mem.h"
#include "fmt/model.h"
#include "fmt/plan.h"
#include "prune/cost.h"

#include <math.h>
#include <stdlib.h>

/* Of keys, and of a tensor in the header, which may be new. */
#define KEYS_BYTES  4096
#define ENTRY_BYTES 160

struct sov_shape_job {
    struct sov_prune *job;      /* borrowed */
    struct sov_prune_opts opts; /* layout, edit, ratio, target */
    struct sov_trim *cut;       /* owned */
};

static int
check(const char *method, const struct sov_prune_opts *o, struct sov_err *err)
{
    if (o->patterned)
        return sov_fail(err, SOV_EARG,
                        "a pattern is of weights that become zero; %s takes "
                        "out what it takes as a whole",
                        method);
    if ((o->target != 0 || o->tensor_target != 0) && !isnan(o->ratio))
        return sov_fail(err, SOV_EARG,
                        "a size says how much goes, and so does a ratio: give "
                        "one");
    if (o->sheet != NULL || o->n_rules > 0)
        return sov_fail(err, SOV_EARG,
                        "%s has one ratio for all: no plan and no ratios of "
                        "tensors",
                        method);
    return 0;
}

/* Bytes of a file beside its tensors, at most: what the whole model has, and
 * biases that may be made. */
static int
beside(struct sov_shape_job *s, uint64_t *bytes, struct sov_err *err)
{
    const struct sov_hparams *hp = &s->cut->hp;
    struct sov_trim *whole;
    sov_plan *plan = NULL;
    int rc = sov_trim_new(&whole, s->job->model, err);

    if (rc < 0)
        return rc;
    rc = sov_trim_plan(whole, &plan, err);
    if (rc == 0 && s->opts.edit != NULL)
        rc = s->opts.edit(s->opts.edit_arg, sov_plan_meta(plan), err);
    if (rc == 0)
        rc = sov_plan_lay(plan, &s->opts.layout, err);
    if (rc == 0)
        *bytes = sov_plan_bytes(plan) - sov_trim_bytes(whole) + KEYS_BYTES +
                 2 * (uint64_t)hp->n_layer *
                     (4 * (uint64_t)hp->n_embd + ENTRY_BYTES);
    sov_plan_free(plan);
    sov_trim_free(whole);
    return rc;
}

/* What is left of the size for tensors. */
static int
set_target(struct sov_shape_job *s, struct sov_err *err)
{
    uint64_t bytes = 0;
    int rc = s->opts.target != 0 ? beside(s, &bytes, err) : 0;

    if (rc == 0 && s->opts.target != 0)
        s->opts.target = s->opts.target > bytes ? s->opts.target - bytes : 1;
    else if (rc == 0)
        s->opts.target = s->opts.tensor_target;
    s->job->tensor_target = s->opts.target;
    return rc;
}

int
sov_shape_job_new(struct sov_shape_job **out, struct sov_prune *job,
                  const struct sov_prune_opts *opts, struct sov_err *err)
{
    struct sov_shape_job *s;
    int rc = check(job->method->name, opts, err);

    *out = NULL;
    if (rc < 0)
        return rc;
    s = sov_mem_array(1, sizeof(*s));
    if (s == NULL)
        return sov_mem_fail(err);
    s->job = job;
    s->opts = *opts;
    rc = sov_trim_new(&s->cut, job->model, err);
    if (rc == 0)
        rc = set_target(s, err);
    if (rc == 0 && opts->calib == NULL)
        rc = sov_shape_job_plan(s, err);
    if (rc < 0) {
        sov_shape_job_free(s);
        return rc;
    }
    *out = s;
    return 0;
}

void
sov_shape_job_free(struct sov_shape_job *s)
{
    if (s == NULL)
        return;
    sov_trim_free(s->cut);
    free(s);
}

static uint64_t
bytes_of(const sov_model *m)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < sov_model_count(m); i++)
        sum += sov_model_at(m, i)->size;
    return sum;
}

static struct sov_shape_ask
asked(const struct sov_shape_job *s)
{
    return (struct sov_shape_ask){
        .ratio = s->opts.ratio,
        .target = s->opts.target,
        .calib = s->job->calib.ids != NULL ? &s->job->calib : NULL,
        .stats = s->opts.stats,
        .job = s->job,
    };
}

/* What cannot be done is said by whoever tries it, not here. */
int
sov_shape_job_cost(struct sov_shape_job *s, struct sov_prune_cost *cost,
                   struct sov_err *err)
{
    const struct sov_shape_ask ask = asked(s);
    struct sov_shape_work w = { 0 };
    struct sov_trim *cut;
    struct sov_err unseen;
    int rc;

    if (s->job->method->work == NULL)
        return 0;
    rc = sov_trim_new(&cut, s->job->model, err);
    if (rc < 0)
        return rc;
    if (s->job->method->work(cut, &ask, &w, &unseen) == 0 &&
        sov_shape_cost(s->job, &w, cost, &unseen) < 0)
        *cost = (struct sov_prune_cost){ 0 };
    sov_trim_free(cut);
    return 0;
}

int
sov_shape_job_plan(struct sov_shape_job *s, struct sov_err *err)
{
    struct sov_prune *job = s->job;
    const struct sov_shape_ask ask = asked(s);
    int rc = job->method->cut(s->cut, &ask, err);

    if (rc == 0 && sov_trim_bytes(s->cut) == bytes_of(job->model) &&
        !(isnan(ask.ratio) && ask.target == 0))
        rc = sov_fail(err, SOV_EARG, "%s: with a share of %g nothing would go",
                      job->method->name, isnan(ask.ratio) ? 0 : ask.ratio);
    if (rc == 0)
        rc = sov_trim_plan(s->cut, &job->plan, err);
    if (rc == 0 && s->opts.edit != NULL)
        rc = s->opts.edit(s->opts.edit_arg, sov_plan_meta(job->plan), err);
    return rc == 0 ? sov_plan_lay(job->plan, &s->opts.layout, err) : rc;
}

/* ---- writing ---- */

struct stream {
    struct sov_prune *job;
    sov_writer *writer;
    uint64_t done;
};

static int
write_some(void *arg, const void *p, size_t len, struct sov_err *err)
{
    struct stream *w = arg;
    int rc = sov_writer_data(w->writer, p, len, err);

    w->done += len;
    if (rc == 0 && w->job->progress != NULL)
        w->job->progress(w->job->progress_arg, w->done,
                         sov_plan_bytes(w->job->plan), NULL);
    return rc;
}

int
sov_shape_job_run(struct sov_shape_job *s, sov_sink *const *sinks,
                  struct sov_err *err)
{
    struct stream w = { .job = s->job };
    const sov_plan *plan = s->job->plan;
    int rc = sov_writer_open(&w.writer, plan, s->job->taker, sinks, 0, err);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < sov_plan_count(plan) && rc == 0; i++) {
        if (!sov_taker_wants(s->job->taker, i))
            continue;
        rc = sov_trim_tensor(s->cut, plan, i, write_some, &w, err);
        if (rc < 0)
            rc = sov_err_wrap(err, "tensor %s", sov_plan_at(plan, i)->name);
        sov_model_unneeded(s->job->model, s->cut->item[i].from);
    }
    if (rc == 0)
        return sov_writer_end(&w.writer, err);
    sov_writer_abort(w.writer);
    return rc;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * job.c - a job of pruning, from what is asked for to what is told
 */
#include "prune/job.h"

#include "prune/cost.h"
#include "prune/pack.h"
#include "prune/shape_job.h"

#include "arch/sane.h"
#include "base/mem.h"
#include "base/text.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MEMORY_DEFAULT (UINT64_C(256) << 20)

void
sov_prune_remark(struct sov_prune *job, const char *fmt, ...)
{
    va_list ap;

    if (job->n_warnings >= SOV_PRUNE_WARNINGS)
        return;
    va_start(ap, fmt);
    sov_text_print(job->warning[job->n_warnings++], sizeof(job->warning[0]),
                   fmt, ap);
    va_end(ap);
}

void
sov_prune_tell(struct sov_prune *job, const char *fmt, ...)
{
    va_list ap;

    if (job->n_choices >= SOV_PRUNE_WARNINGS)
        return;
    va_start(ap, fmt);
    vsnprintf(job->choice[job->n_choices++], sizeof(job->choice[0]), fmt, ap);
    va_end(ap);
}

static void
tell_inputs(struct sov_prune *job)
{
    const struct sov_prune_inputs *in = &job->inputs;

    if (in->fit.missing > 0)
        sov_prune_remark(job,
                         "%" PRIu64 " of %" PRIu64 " matrices are not in the "
                         "statistics (%s): of their weights the smallest go",
                         in->fit.missing, in->fit.matrices, in->first_missing);
    if (in->fit.spare > 0)
        sov_prune_remark(job,
                         "%" PRIu64 " entries of the statistics are of no "
                         "tensor of this model",
                         in->fit.spare);
    if (in->fit.unseen > 0)
        sov_prune_remark(job,
                         "%" PRIu64 " experts saw nothing (number %" PRIu64
                         " of %s): all inputs count the same there",
                         in->fit.unseen, in->which_unseen, in->first_unseen);
}

/* ---- what is asked for ---- */

static int
check_how_much(const struct sov_prune_opts *o, struct sov_err *err)
{
    if (o->sheet != NULL)
        return 0;
    if (o->target != 0 || o->tensor_target != 0)
        return sov_fail(err, SOV_EARG,
                        "zeros take as many bytes as other numbers: a size is "
                        "for methods that take layers, columns or tokens out");
    if (o->patterned && o->pattern.of != 0 && !isnan(o->ratio)) {
        double own = (double)(o->pattern.of - o->pattern.keep) / o->pattern.of;

        if (fabs(own - o->ratio) > 1e-9)
            return sov_fail(err, SOV_EARG,
                            "the pattern takes %g of the weights, and the "
                            "ratio is %g: give one",
                            own, o->ratio);
        return 0;
    }
    if (o->patterned && o->pattern.of != 0)
        return 0;
    if (isnan(o->ratio) && o->n_rules == 0)
        return sov_fail(err, SOV_EARG,
                        "how much shall go? a ratio such as 0.5, or a pattern "
                        "such as 2:4, is missing");
    return 0;
}

static int
check_method(struct sov_prune *job, const struct sov_prune_opts *o,
             struct sov_err *err)
{
    const struct sov_prune_method *m;
    const char *name = o->method;
    int rc;

    if (name == NULL && o->sheet != NULL)
        name = o->sheet->method;
    if (name == NULL)
        return sov_fail(err, SOV_EARG, "no method is named");
    rc = sov_prune_method_find(&m, name, err);
    if (rc == 0 && o->method == NULL && m->cut != NULL)
        rc = sov_fail(err, SOV_EARG, "%s takes no single weights", name);
    if (rc < 0 && o->method == NULL) { /* a file says it, nobody else */
        sov_err_wrap(err, "the plan's method");
        return err != NULL ? (err->rc = SOV_EFORMAT) : SOV_EFORMAT;
    }
    if (rc < 0)
        return rc;
    job->method = m;
    if ((m->needs & (SOV_PRUNE_MOMENTS | SOV_PRUNE_TEXT)) != 0 &&
        o->calib == NULL)
        return sov_fail(err, SOV_EARG,
                        "%s has to see a text: --calib TEXT is missing",
                        m->name);
    if ((m->needs & SOV_PRUNE_SQUARES) != 0 && o->calib == NULL &&
        o->stats == NULL)
        return sov_fail(err, SOV_EARG,
                        "%s has to know what enters the matrices: --stats FILE "
                        "(an importance matrix) or --calib TEXT is missing",
                        m->name);
    return 0;
}

static int
make_plan(struct sov_prune *job, const struct sov_prune_opts *o,
          struct sov_err *err)
{
    int rc = sov_plan_new(&job->plan, sov_model_meta(job->model), err);

    if (rc == 0 && o->edit != NULL)
        rc = o->edit(o->edit_arg, sov_plan_meta(job->plan), err);
    for (size_t i = 0; i < sov_model_count(job->model) && rc == 0; i++) {
        const struct sov_tensor *t = sov_model_at(job->model, i);

        rc = sov_plan_add(job->plan, t->name, t->type, t->ndim, t->dim, err);
    }
    return rc == 0 ? sov_plan_lay(job->plan, &o->layout, err) : rc;
}

static int
check_options(struct sov_prune *job, const struct sov_prune_opts *o,
              struct sov_err *err)
{
    const char *what = o->heal ? "healing" : "mending masks (dsnot)";

    job->heal = o->heal;
    job->dsnot = o->dsnot;
    job->owl = o->owl;
    job->bits = o->joint_bits;
    if (o->joint_bits != 0 && o->joint_bits != 4 && o->joint_bits != 8)
        return sov_fail(err, SOV_EARG,
                        "rounding to %d bits; 4 or 8 can be "
                        "packed",
                        o->joint_bits);
    if (o->joint_bits != 0 && (o->heal || o->calib == NULL))
        return sov_fail(err, SOV_EARG,
                        o->heal ? "what is rounded cannot be healed: rounding "
                                  "makes up for what went already"
                                : "rounding with error feedback has to see a "
                                  "text: --calib TEXT is missing");
    if ((o->heal || o->dsnot || o->owl || o->joint_bits != 0) &&
        job->method->cut != NULL)
        return sov_fail(err, SOV_EARG,
                        "%s takes no single weights: %s is for "
                        "methods that do",
                        job->method->name, o->owl && !o->heal ? "owl" : what);
    if ((o->heal || o->dsnot) && o->calib == NULL)
        return sov_fail(err, SOV_EARG,
                        "%s has to see a text: --calib TEXT is "
                        "missing",
                        what);
    if (o->dsnot && job->method->changes)
        return sov_fail(err, SOV_EARG,
                        "%s makes up for what goes: its masks cannot be mended",
                        job->method->name);
    if (o->owl && o->patterned && o->pattern.of != 0)
        return sov_fail(err, SOV_EARG,
                        "owl takes more from some layers than from others, and "
                        "%u of %u is the same in all",
                        (unsigned)o->pattern.keep, (unsigned)o->pattern.of);
    if (o->owl && o->calib == NULL && o->stats == NULL)
        return sov_fail(err, SOV_EARG,
                        "owl has to know what enters the matrices: --stats "
                        "FILE or --calib TEXT is missing");
    return 0;
}

static int
make_job(struct sov_prune *job, const struct sov_prune_opts *o,
         struct sov_err *err)
{
    int rc;

    job->packs = o->pack_bits != 0 || o->unpack;
    rc = job->packs ? 0 : check_method(job, o, err);
    if (rc == 0)
        rc = check_options(job, o, err);
    if (rc == 0)
        rc = sov_model_sane(job->model, err);
    if (rc == 0 && job->packs)
        return sov_pack_new(job, o, err);
    if (rc == 0 && job->method->cut != NULL)
        return sov_shape_job_new(&job->shape, job, o, err);
    if (rc == 0)
        rc = check_how_much(o, err);
    if (rc == 0)
        rc = sov_prune_decide(job, o, err);
    if (rc == 0)
        rc = sov_prune_inputs_take(&job->inputs, job->model, job->fate,
                                   o->stats, err);
    if (rc == 0 && o->stats != NULL)
        tell_inputs(job);
    return rc == 0 ? make_plan(job, o, err) : rc;
}

int
sov_prune_new(sov_prune **job, sov_model *model,
              const struct sov_prune_opts *opts, struct sov_err *err)
{
    struct sov_prune *j = sov_mem_array(1, sizeof(*j));
    int rc;

    if (j == NULL)
        return sov_mem_fail(err);
    j->model = model;
    j->max_memory = opts->max_memory != 0 ? opts->max_memory : MEMORY_DEFAULT;
    j->measure = opts->measure;
    j->progress = opts->progress;
    j->progress_arg = opts->progress_arg;
    if (opts->calib != NULL)
        j->calib = *opts->calib;
    j->fate = sov_mem_array(sov_model_count(model), sizeof(*j->fate));
    rc = j->fate == NULL ? sov_mem_fail(err) : make_job(j, opts, err);
    if (rc < 0) {
        sov_prune_free(j);
        return rc;
    }
    *job = j;
    return 0;
}

void
sov_prune_free(sov_prune *job)
{
    if (job == NULL)
        return;
    sov_shape_job_free(job->shape);
    sov_prune_inputs_free(&job->inputs);
    sov_resume_free(job->resume);
    sov_prune_sweep_free(job->sweep);
    sov_stats_close(job->own_stats);
    sov_plan_free(job->plan);
    free(job->fate);
    free(job);
}

/* ---- doing it ---- */

/* Is what enters known only while the model is being pruned? */
static bool
has_sweep(const struct sov_prune *job)
{
    return job->calib.ids != NULL && (job->method->feed != NULL || job->heal ||
                                      job->dsnot || job->bits != 0);
}

/* Ratios of layers, and then all matrices, one after the other. */
static int
sweep_model(struct sov_prune *job, struct sov_err *err)
{
    int rc = 0;

    if (job->owl) {
        rc = sov_stats_collect(&job->own_stats, job->model, &job->calib, err);
        if (rc == 0)
            rc = sov_prune_spread(job, job->own_stats, err);
        sov_stats_close(job->own_stats);
        job->own_stats = NULL;
    }
    if (rc == 0 && job->sweep == NULL)
        rc = sov_prune_sweep_new(&job->sweep, job, err);
    if (rc == 0)
        rc = sov_prune_sweep_run(job->sweep, err);
    if (rc == 0)
        job->own_stats = sov_prune_sweep_stats(job->sweep);
    return rc;
}

/* What it takes to read the text, and to prune by it. */
static int
reading_cost(struct sov_prune *job, struct sov_prune_cost *cost,
             struct sov_err *err)
{
    int rc = 0;

    if (job->shape != NULL)
        return sov_shape_job_cost(job->shape, cost, err);
    if (!has_sweep(job))
        return sov_prune_look_cost(job, cost, err);
    if (job->sweep == NULL)
        rc = sov_prune_sweep_new(&job->sweep, job, err);
    return rc == 0 ? sov_prune_sweep_cost(job->sweep, cost, err) : rc;
}

int
sov_prune_cost(sov_prune *job, struct sov_prune_cost *cost, struct sov_err *err)
{
    uint64_t now = sov_memory_resident();
    int rc;

    *cost = (struct sov_prune_cost){ 0 };
    if (job->calib.ids == NULL || (job->shape != NULL && job->plan != NULL))
        return 0;
    rc = reading_cost(job, cost, err);
    if (rc < 0)
        return rc;
    sov_prune_write_cost(job, cost);
    cost->memory += now;
    if (sov_memory_most() > cost->memory) /* before, or to find this out */
        cost->memory = sov_memory_most();
    return 0;
}

/* What a text shows is from now on what enters. */
int
sov_prune_calibrate(sov_prune *job, struct sov_err *err)
{
    int rc;

    if (job->calib.ids == NULL)
        return job->owl ? sov_prune_spread(job, job->inputs.stats, err) : 0;
    if (job->shape != NULL)
        return job->plan == NULL ? sov_shape_job_plan(job->shape, err) : 0;
    if (has_sweep(job))
        rc = sweep_model(job, err);
    else
        rc = sov_stats_collect(&job->own_stats, job->model, &job->calib, err);
    if (rc == 0 && job->owl && !has_sweep(job))
        rc = sov_prune_spread(job, job->own_stats, err);
    if (rc == 0)
        rc = sov_prune_inputs_take(&job->inputs, job->model, job->fate,
                                   job->own_stats, err);
    if (rc == 0)
        tell_inputs(job);
    return rc;
}

int
sov_prune_run(sov_prune *job, sov_sink *const *sinks, struct sov_err *err)
{
    if (job->packs)
        return sov_pack_run(job, sinks, err);
    return job->shape != NULL ? sov_shape_job_run(job->shape, sinks, err)
                              : sov_prune_stream(job, sinks, err);
}

int
sov_prune_take(sov_prune *job, const struct sov_taker *taker,
               struct sov_err *err)
{
    int rc;

    job->taker = taker;
    rc = sov_prune_run(job, NULL, err);
    job->taker = NULL;
    return rc;
}

/* ---- what is told ---- */

const char *
sov_prune_method_name(size_t i)
{
    const struct sov_prune_method *m = sov_prune_method_at(i);

    return m != NULL ? m->name : NULL;
}

const char *
sov_prune_method_about(size_t i)
{
    const struct sov_prune_method *m = sov_prune_method_at(i);

    return m != NULL ? m->about : NULL;
}

bool
sov_prune_method_shapes(const char *name)
{
    const struct sov_prune_method *m;

    for (size_t i = 0; (m = sov_prune_method_at(i)) != NULL; i++)
        if (strcmp(m->name, name) == 0)
            return m->cut != NULL;
    return false;
}

const sov_plan *
sov_prune_plan(const sov_prune *job)
{
    return job->plan;
}

const char *
sov_prune_warning(const sov_prune *job, size_t i)
{
    return i < job->n_warnings ? job->warning[i] : NULL;
}

const char *
sov_prune_choice(const sov_prune *job, size_t i)
{
    return i < job->n_choices ? job->choice[i] : NULL;
}

uint64_t
sov_prune_tensor_target(const sov_prune *job)
{
    return job->tensor_target;
}

void
sov_prune_fit(const sov_prune *job, struct sov_prune_fit *fit)
{
    *fit = job->inputs.fit;
}

struct sov_prune_loss
sov_prune_loss(const sov_prune *job, size_t i)
{
    const struct sov_prune_fate *f = &job->fate[i];

    if (job->shape != NULL) /* tensors are others than the model's */
        return (struct sov_prune_loss){ .pattern = { .rows = 1 } };
    return (struct sov_prune_loss){
        .pruned = f->pruned,
        .ratio = f->share.ratio,
        .pattern = f->share.pattern,
        .weights = f->weights,
        .zeros = f->zeros,
        .measured = f->measured,
        .error = f->lost.error,
        .weighed = f->lost.weighed,
        .weighed_error = f->lost.weighed_error,
    };
}

struct sov_prune_loss
sov_prune_loss_total(const sov_prune *job)
{
    struct sov_prune_loss sum = { .pattern = { .rows = 1 } };
    uint64_t measured = 0, weighed = 0;

    for (size_t i = 0; i < sov_model_count(job->model); i++) {
        const struct sov_prune_fate *f = &job->fate[i];

        sum.pruned = sum.pruned || f->pruned;
        sum.weights += f->weights;
        sum.zeros += f->zeros;
        sum.ratio += f->share.ratio * (double)f->weights;
        if (f->measured) {
            measured += f->weights;
            sum.error += f->lost.error * (double)f->weights;
        }
        if (f->measured && f->lost.weighed) {
            weighed += f->weights;
            sum.weighed_error += f->lost.weighed_error * (double)f->weights;
        }
    }
    sum.measured = measured > 0;
    sum.weighed = weighed > 0;
    sum.ratio = sum.weights > 0 ? sum.ratio / (double)sum.weights : 0;
    sum.error = measured > 0 ? sum.error / (double)measured : 0;
    sum.weighed_error = weighed > 0 ? sum.weighed_error / (double)weighed : 0;
    return sum;
}

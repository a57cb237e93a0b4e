/* SPDX-License-Identifier: Apache-2.0 */
/*
 * job.c - one quantizing of one model, from what is asked for to its end
 */
#include "compress/job_in.h"

#include "arch/sane.h"
#include "base/buf.h"
#include "base/mem.h"
#include "kern/kern.h"
#include "quant/codec.h"

#include <stdlib.h>

#define MEMORY_DEFAULT (UINT64_C(256) << 20)

void (*sov_job_decoder(enum sov_type type))(const void *, float *, size_t)
{
    const struct sov_codec *codec;

    if (type >= 0 && type < SOV_TYPE_GGUF_MAX)
        return sov_kern()->decode[type];
    codec = sov_codec_find(type);
    return codec != NULL ? codec->decode : NULL;
}

bool
sov_job_remade(const struct sov_quant *job, size_t i)
{
    return sov_model_at(job->model, i)->type !=
               sov_plan_at(job->plan, i)->type ||
           sov_merge_has(job->merge, i);
}

void
sov_job_replaced(struct sov_quant *job, size_t tensor, uint64_t n,
                 uint64_t first)
{
    if (n == 0)
        return;
    if (job->bad_tensors++ == 0) {
        job->bad_first = tensor;
        job->bad_at = first;
    }
    job->replaced += n;
}

size_t
sov_job_bytes(enum sov_type type, uint64_t n)
{
    const struct sov_type_info *info = sov_type_info((int)type);

    return (size_t)(n / info->block * info->bytes);
}

size_t
sov_job_step(const struct sov_tensor *t, uint64_t first, size_t target)
{
    uint64_t row = t->dim[0];
    uint64_t left = sov_tensor_count(t) - first;

    if (row > SOV_PIECE)
        return sov_job_least(SOV_PIECE, row - first % row);
    return sov_job_least(left, row < target ? target / row * row : row);
}

int
sov_quant_new(sov_quant **job, sov_model *model,
              const struct sov_quant_opts *opts, struct sov_err *err)
{
    struct sov_quant *j;
    struct sov_mix mix = { .name = "plan" };
    int rc;

    if (opts->sheet == NULL && !sov_mix_find(&mix, opts->type))
        return sov_fail(err, SOV_EARG, "there is no type '%s'", opts->type);
    j = sov_mem_array(1, sizeof(*j));
    if (j == NULL)
        return sov_mem_fail(err);
    j->model = model;
    j->nonfinite = opts->nonfinite;
    j->effort = opts->effort != 0 ? opts->effort : SOV_EFFORT_DEFAULT;
    j->max_memory = opts->max_memory != 0 ? opts->max_memory : MEMORY_DEFAULT;
    j->progress = opts->progress;
    j->progress_arg = opts->progress_arg;
    j->unchecked = mix.copy && !opts->check_copies;
    j->measure = opts->measure;
    if (opts->calib != NULL)
        j->calib = *opts->calib;
    j->lost = sov_mem_array(sov_model_count(model), sizeof(*j->lost));
    rc = j->lost == NULL ? sov_mem_fail(err)
         : mix.copy      ? 0
                         : sov_model_sane(model, err);
    if (rc == 0)
        rc = sov_job_plan(j, &mix, opts, err);
    if (rc < 0) {
        sov_quant_free(j);
        return rc;
    }
    *job = j;
    return 0;
}

void
sov_quant_free(sov_quant *job)
{
    if (job == NULL)
        return;
    sov_importance_free(job->importance);
    sov_merge_free(job->merge);
    sov_resume_free(job->resume);
    sov_calibrated_free(job->calibrated);
    sov_plan_free(job->plan);
    free(job->lost);
    free(job);
}

const char *
sov_quant_type_name(size_t i)
{
    return sov_mix_name(i);
}

const sov_plan *
sov_quant_plan(const sov_quant *job)
{
    return job->plan;
}

const char *
sov_quant_warning(const sov_quant *job, size_t i)
{
    return i < job->n_warnings ? job->warning[i] : NULL;
}

void
sov_quant_fit(const sov_quant *job, struct sov_quant_fit *fit)
{
    const struct sov_importance_facts *f =
        sov_importance_facts(job->importance);

    *fit = (struct sov_quant_fit){
        .matrices = f->wanted,
        .used = f->used,
        .missing = f->missing,
        .spare = f->spare,
        .unseen = f->unseen,
    };
}

uint64_t
sov_quant_replaced(const sov_quant *job)
{
    return job->replaced;
}

struct sov_quant_error
sov_quant_error(const sov_quant *job, size_t i)
{
    return job->lost[i];
}

struct sov_quant_error
sov_quant_error_total(const sov_quant *job)
{
    return sov_job_lost(job, false);
}

/* What was collected is from now on what counts. */
static int
weigh_anew(sov_quant *job, struct sov_err *err)
{
    struct sov_importance *old = job->importance;
    int rc =
        sov_importance_new(&job->importance, job->model, job->plan, job->merge,
                           sov_calibrated_stats(job->calibrated), err);

    if (rc < 0) {
        job->importance = old;
        return rc;
    }
    sov_importance_free(old);
    sov_tell_stats(job);
    return 0;
}

int
sov_quant_cost(sov_quant *job, struct sov_quant_cost *cost, struct sov_err *err)
{
    int rc = 0;

    *cost = (struct sov_quant_cost){ 0 };
    if (job->calib.ids == NULL)
        return 0;
    if (job->calibrated == NULL)
        rc = sov_calibrated_new(&job->calibrated, job, &job->calib, err);
    return rc == 0 ? sov_calibrated_cost(job->calibrated, cost, err) : rc;
}

int
sov_quant_calibrate(sov_quant *job, struct sov_err *err)
{
    int rc = 0;

    if (job->calib.ids == NULL)
        return 0;
    if (job->calibrated == NULL)
        rc = sov_calibrated_new(&job->calibrated, job, &job->calib, err);
    if (rc == 0)
        rc = sov_calibrated_run(job->calibrated, err);
    return rc == 0 ? weigh_anew(job, err) : rc;
}

const sov_stats *
sov_quant_stats(const sov_quant *job)
{
    return job->calibrated != NULL ? sov_calibrated_stats(job->calibrated)
                                   : NULL;
}

/* ---- going on ---- */

/* What the output depends on beside the model, the plan and the version. */
static int
make_binding(const struct sov_quant *job, unsigned char *binding,
             struct sov_err *err)
{
    unsigned char importance[SOV_XXH3_LEN], merge[SOV_XXH3_LEN];
    struct sov_buf b = { 0 };
    int rc = sov_importance_digest(job->importance, importance, err);

    if (rc == 0)
        rc = sov_merge_digest(job->merge, merge, err);
    if (rc < 0)
        return rc;
    sov_buf_add(&b, importance, sizeof(importance));
    sov_buf_add(&b, merge, sizeof(merge));
    sov_buf_u32(&b, SOV_PIECE);
    sov_buf_u32(&b, (uint32_t)job->nonfinite);
    sov_buf_u32(&b, job->unchecked ? 1 : 0);
    sov_buf_u32(&b, (uint32_t)job->effort);
    if (!b.bad)
        sov_sha256(b.p, b.len, binding);
    sov_buf_free(&b);
    return b.bad ? sov_mem_fail(err) : 0;
}

static size_t
piece_step(const struct sov_tensor *t, uint64_t first)
{
    return sov_job_step(t, first, SOV_PIECE);
}

static void
remark(void *arg, const char *line)
{
    sov_job_remark(arg, "%s", line);
}

static void
taken(void *arg, const struct sov_journal_tensor *t)
{
    struct sov_quant *job = arg;

    sov_job_replaced(job, t->tensor, t->replaced, t->bad);
    job->lost[t->tensor] = t->lost;
}

int
sov_quant_resume(sov_quant *job, sov_sink *const *sinks, struct sov_err *err)
{
    struct sov_resume_of of = {
        .model = job->model,
        .plan = job->plan,
        .step = piece_step,
        .remark = remark,
        .taken = taken,
        .arg = job,
        .progress = job->progress,
        .progress_arg = job->progress_arg,
    };
    int rc = make_binding(job, of.binding, err);

    return rc == 0 ? sov_resume_open(&job->resume, &of, sinks, err) : rc;
}

uint64_t
sov_quant_kept(const sov_quant *job)
{
    return job->resume != NULL ? job->resume->bytes : 0;
}

int
sov_quant_take(sov_quant *job, const struct sov_taker *taker,
               struct sov_err *err)
{
    int rc;

    job->taker = taker;
    rc = sov_stream_run(job, NULL, err);
    job->taker = NULL;
    return rc;
}

int
sov_quant_run(sov_quant *job, sov_sink *const *sinks, struct sov_err *err)
{
    int rc = sov_stream_run(job, sinks, err);

    if (rc == 0)
        sov_tell_lost(job);
    if (rc == 0 && job->replaced > 0)
        sov_tell_bad(job);
    return rc;
}

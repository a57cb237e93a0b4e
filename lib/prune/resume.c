/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resume.c - going on with a pruning that was stopped
 *
 * The journal is that of compress/journal.h; where it tells of weights that
 * had to be replaced there are zeros here.
 */
#include "prune/job.h"

#include "base/buf.h"
#include "base/mem.h"
#include "compress/job.h"
#include "sys/hash.h"

#include <stdlib.h>
#include <string.h>

#define PART 4096

/* All that the statistics say of a tensor, a few numbers at a time. */
static void
add_inputs(const struct sov_prune_inputs *in, size_t tensor, float *x,
           struct sov_sum *sum)
{
    uint64_t all;

    if (in->entry[tensor] < 0)
        return;
    all = sov_stats_values(in->stats, (size_t)in->entry[tensor]);
    for (uint64_t at = 0; at < all; at += PART) {
        size_t n = all - at < PART ? (size_t)(all - at) : PART;

        sov_stats_mean(in->stats, (size_t)in->entry[tensor], at, n, x);
        sov_sum_add(sum, x, n * sizeof(*x));
    }
}

static void
put_fate(struct sov_buf *b, const struct sov_prune_fate *f)
{
    uint64_t ratio;

    memcpy(&ratio, &f->share.ratio, sizeof(ratio));
    sov_buf_u32(b, f->pruned ? 1 : 0);
    sov_buf_u64(b, ratio);
    sov_buf_u32(b, f->share.pattern.rows);
    sov_buf_u32(b, f->share.pattern.keep);
    sov_buf_u32(b, f->share.pattern.of);
}

/* What the output depends on beside the model, the plan and the version. */
static int
make_binding(const struct sov_prune *job, unsigned char *binding,
             struct sov_err *err)
{
    unsigned char inputs[SOV_XXH3_LEN];
    struct sov_sum *sum = sov_sum_new();
    float *x = sov_mem_array(PART, sizeof(*x));
    struct sov_buf b = { 0 };
    int rc = sum == NULL || x == NULL ? sov_mem_fail(err) : 0;

    for (size_t i = 0; i < sov_model_count(job->model) && rc == 0; i++) {
        put_fate(&b, &job->fate[i]);
        add_inputs(&job->inputs, i, x, sum);
    }
    if (rc == 0) {
        sov_sum_take(sum, inputs);
        sov_buf_add(&b, inputs, sizeof(inputs));
        sov_buf_str(&b, job->method->name, strlen(job->method->name));
        rc = b.bad ? sov_mem_fail(err) : 0;
    }
    if (rc == 0)
        sov_sha256(b.p, b.len, binding);
    sov_buf_free(&b);
    sov_sum_free(sum);
    free(x);
    return rc;
}

static size_t
step(const struct sov_tensor *t, uint64_t first)
{
    return sov_job_step(t, first, SOV_PIECE);
}

static void
remark(void *arg, const char *line)
{
    sov_prune_remark(arg, "%s", line);
}

static void
taken(void *arg, const struct sov_journal_tensor *t)
{
    struct sov_prune *job = arg;
    struct sov_prune_fate *f = &job->fate[t->tensor];

    if (!f->pruned)
        return;
    f->weights = sov_tensor_count(sov_model_at(job->model, t->tensor));
    f->zeros = t->replaced;
    f->measured = t->lost.weights > 0;
    f->lost = t->lost;
}

int
sov_prune_resume(sov_prune *job, sov_sink *const *sinks, struct sov_err *err)
{
    struct sov_resume_of of = {
        .model = job->model,
        .plan = job->plan,
        .step = step,
        .remark = remark,
        .taken = taken,
        .arg = job,
        .progress = job->progress,
        .progress_arg = job->progress_arg,
    };
    int rc;

    if (job->shape != NULL || job->packs || job->calib.ids != NULL)
        return sov_fail(err, SOV_EARG,
                        "a run that reads a text, packs, or gives the model "
                        "another shape, cannot be gone on with");
    rc = make_binding(job, of.binding, err);
    return rc == 0 ? sov_resume_open(&job->resume, &of, sinks, err) : rc;
}

uint64_t
sov_prune_kept(const sov_prune *job)
{
    return job->resume != NULL ? job->resume->bytes : 0;
}

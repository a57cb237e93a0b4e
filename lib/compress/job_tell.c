/* SPDX-License-Identifier: Apache-2.0 */
/*
 * job_tell.c - what people are told of a job, in one line each
 */
#include "compress/job_in.h"

#include "base/text.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>

void
sov_job_remark(struct sov_quant *job, const char *fmt, ...)
{
    va_list ap;

    if (job->n_warnings >= SOV_JOB_WARNINGS)
        return;
    va_start(ap, fmt);
    sov_text_print(job->warning[job->n_warnings++], sizeof(job->warning[0]),
                   fmt, ap);
    va_end(ap);
}

/* What only this program reads. */
static void
tell_own(struct sov_quant *job)
{
    const struct sov_tensor *first = NULL;
    size_t n = 0;

    for (size_t i = 0; i < sov_plan_count(job->plan); i++) {
        const struct sov_tensor *to = sov_plan_at(job->plan, i);

        if (sov_job_is_block(to->type) &&
            sov_compat_since(to->type) == UINT32_MAX && n++ == 0)
            first = to;
    }
    if (n > 0)
        sov_job_remark(job,
                       "%zu matrices have types of sov's own (%s is %s): "
                       "llama.cpp cannot load the model, sov-run can",
                       n, first->name, sov_job_type_name(first->type));
}

void
sov_tell_choice(struct sov_quant *job, const struct sov_job_notes *notes)
{
    tell_own(job);
    if (notes->n_again > 0)
        sov_job_remark(
            job,
            "%zu tensors were quantized before (%s is %s): twice is worse "
            "than once; take the f16 or bf16 original if there is one",
            notes->n_again, notes->again->name,
            sov_job_type_name(notes->again->type));
    if (notes->n_misfits > 0)
        sov_job_remark(job,
                       "%zu tensors do not divide into blocks (%s has rows of "
                       "%" PRIu64 ": %s instead of %s)",
                       notes->n_misfits, notes->misfit->name,
                       notes->misfit->dim[0], sov_job_type_name(notes->got),
                       sov_job_type_name(notes->wanted));
}

/* Few bits are badly spent where nobody knows what counts. */
void
sov_tell_coarse(struct sov_quant *job, const struct sov_mix *mix)
{
    const struct sov_tensor *first = NULL;
    size_t n = 0;

    for (size_t i = 0; i < sov_plan_count(job->plan); i++) {
        const struct sov_tensor *to = sov_plan_at(job->plan, i);

        if (sov_job_remade(job, i) && sov_mix_is_coarse(mix, to->type) &&
            !sov_importance_optional(to->name) && n++ == 0)
            first = to;
    }
    if (n > 0)
        sov_job_remark(job,
                       "%zu matrices get very few bits (%s is %s), and which "
                       "of their weights matter is not known: --stats would "
                       "make it a much better model",
                       n, first->name, sov_job_type_name(first->type));
}

void
sov_tell_stats(struct sov_quant *job)
{
    const struct sov_importance_facts *f =
        sov_importance_facts(job->importance);

    if (f->wanted == 0)
        sov_job_remark(job, "nothing becomes blocks: the statistics are of "
                            "no use");
    if (f->missing > 0)
        sov_job_remark(job,
                       "%zu of %zu matrices are not in the statistics (%s): "
                       "they are done as without",
                       f->missing, f->wanted, f->first_missing);
    if (f->spare > 0)
        sov_job_remark(job,
                       "%zu entries of the statistics are of no tensor of this "
                       "model",
                       f->spare);
    if (f->unseen > 0)
        sov_job_remark(job,
                       "%" PRIu64 " experts saw nothing (number %" PRIu64
                       " of %s): all inputs count the same there",
                       f->unseen, f->which_unseen, f->first_unseen);
}

/* A tensor is never cut, so a file may be larger than was asked for. */
void
sov_tell_large(struct sov_quant *job, uint64_t max)
{
    const struct sov_plan_file *first = NULL;
    size_t n = 0;

    for (size_t i = 0; i < sov_plan_files(job->plan); i++) {
        const struct sov_plan_file *f = sov_plan_file(job->plan, i);

        if (f->n > 0 && f->bytes > max && n++ == 0)
            first = f;
    }
    if (n > 0)
        sov_job_remark(job,
                       "%zu files are larger than asked for (%s has %" PRIu64
                       " bytes: tensor %s is not cut)",
                       n, first->name, first->bytes,
                       sov_plan_at(job->plan, first->first)->name);
}

static bool
quantized_again(const struct sov_quant *job, size_t i)
{
    enum sov_type from = sov_model_at(job->model, i)->type;
    enum sov_type to = sov_plan_at(job->plan, i)->type;

    return sov_job_is_block(from) && sov_job_is_block(to) &&
           sov_job_remade(job, i);
}

/* Of all tensors that were measured, or of those quantized before. */
struct sov_quant_error
sov_job_lost(const struct sov_quant *job, bool again)
{
    struct sov_quant_error sum = { 0 };
    uint64_t weighed = 0;

    for (size_t i = 0; i < sov_plan_count(job->plan); i++) {
        const struct sov_quant_error *e = &job->lost[i];

        if (again && !quantized_again(job, i))
            continue;
        sum.weights += e->weights;
        sum.error += (double)e->weights * e->error;
        sum.most = e->most > sum.most ? e->most : sum.most;
        if (e->weighed) {
            weighed += e->weights;
            sum.weighed_error += (double)e->weights * e->weighed_error;
        }
    }
    sum.weighed = weighed > 0;
    if (sum.weights > 0)
        sum.error /= (double)sum.weights;
    if (sum.weighed)
        sum.weighed_error /= (double)weighed;
    return sum;
}

/* What quantizing once more did, which nobody sees in the sizes. */
void
sov_tell_lost(struct sov_quant *job)
{
    struct sov_quant_error sum = sov_job_lost(job, true);
    double most = -1;
    size_t worst = 0;

    if (sum.weights == 0)
        return;
    for (size_t i = 0; i < sov_plan_count(job->plan); i++)
        if (quantized_again(job, i) && job->lost[i].error > most)
            most = job->lost[worst = i].error;
    sov_job_remark(
        job,
        "quantizing again added an error of %.3g %% to what had been lost "
        "before (%s: %.3g %%)",
        100 * sqrt(sum.error), sov_plan_at(job->plan, worst)->name,
        100 * sqrt(most));
}

void
sov_tell_bad(struct sov_quant *job)
{
    const struct sov_tensor *t = sov_plan_at(job->plan, job->bad_first);
    uint64_t row = t->dim[0];

    sov_job_remark(
        job,
        "weights replaced for not being finite: %" PRIu64
        " in %zu tensor%s, first weight %" PRIu64 " of row %" PRIu64 " of %s",
        job->replaced, job->bad_tensors, job->bad_tensors == 1 ? "" : "s",
        job->bad_at % row, job->bad_at / row, t->name);
}

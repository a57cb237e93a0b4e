/* SPDX-License-Identifier: Apache-2.0 */
/*
 * job.c - deciding what becomes of every tensor
 */
#include "compress/job.h"
#include "compress/mix.h"
#include "compress/settled.h"

#include "arch/sane.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "kern/kern.h"
#include "quant/codec.h"

#include <fnmatch.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MEMORY_DEFAULT            (UINT64_C(256) << 20)
#define GGUF_QUANTIZATION_VERSION 2

/* While the plan is made: what people will be told in one line each. */
struct notes {
    struct sov_settled settled;
    const struct sov_tensor *misfit; /* the first whose rows do not divide */
    enum sov_type wanted;
    enum sov_type got;
    size_t n_misfits;
    const struct sov_tensor *again; /* the first that was quantized before */
    size_t n_again;
    bool *used; /* per rule: it matched something */
};

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

static size_t
min_size(uint64_t a, uint64_t b)
{
    return (size_t)(a < b ? a : b);
}

size_t
sov_job_step(const struct sov_tensor *t, uint64_t first, size_t target)
{
    uint64_t row = t->dim[0];
    uint64_t left = sov_tensor_count(t) - first;

    if (row > SOV_PIECE)
        return min_size(SOV_PIECE, row - first % row);
    return min_size(left, row < target ? target / row * row : row);
}

static bool
can_encode(enum sov_type type)
{
    return type >= 0 && type < SOV_TYPE_GGUF_MAX &&
           sov_kern()->encode[type] != NULL;
}

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

/* The type that a rule of the user's names; else SOV_TYPE_NONE. */
static enum sov_type
ruled(const struct sov_quant_opts *opts, const char *name, bool *used)
{
    for (size_t i = 0; i < opts->n_rules; i++) {
        if (fnmatch(opts->rule[i].pattern, name, 0) == 0) {
            used[i] = true;
            return opts->rule[i].type;
        }
    }
    return SOV_TYPE_NONE;
}

static const char *
type_name(enum sov_type type)
{
    return sov_type_info((int)type)->name;
}

static bool
is_block(enum sov_type type)
{
    return sov_type_info((int)type)->kind == SOV_KIND_BLOCK;
}

static enum sov_type
choose(const struct sov_tensor *t, const struct sov_mix *mix,
       const struct sov_mix_facts *facts, const struct sov_quant_opts *opts,
       struct notes *notes)
{
    enum sov_type want, got;

    if (!sov_mix_is_matrix(t))
        return mix->copy || opts->plain ? t->type : sov_mix_keep(t);
    want = ruled(opts, t->name, notes->used);
    if (want == SOV_TYPE_NONE && opts->sheet != NULL)
        want = sov_settled_type(&notes->settled, t->name);
    if (want == SOV_TYPE_NONE)
        want = sov_mix_pick(mix, facts, t);
    if (want == t->type)
        return want;
    got = sov_mix_fit(want, t->dim[0]);
    if (got != want && notes->n_misfits++ == 0) {
        notes->misfit = t;
        notes->wanted = want;
        notes->got = got;
    }
    return got;
}

/* Can this build turn the tensor into that type, if it has to? */
static int
check_codecs(const struct sov_tensor *t, enum sov_type to, bool remade,
             struct sov_err *err)
{
    int rc = 0;

    if (remade && sov_job_decoder(t->type) == NULL)
        rc = sov_fail(err, SOV_EUNSUP, "this version cannot read %s",
                      type_name(t->type));
    else if (remade && !can_encode(to))
        rc = sov_fail(err, SOV_EUNSUP, "this version cannot make %s",
                      type_name(to));
    if (rc < 0)
        sov_err_wrap(err, "tensor %s", t->name);
    return rc;
}

/* Does the reader that was asked for know the type? */
static int
check_compat(const struct sov_tensor *t, enum sov_type to, uint32_t compat,
             struct sov_err *err)
{
    uint32_t since = sov_compat_since(to);

    if (compat == 0 || since <= compat)
        return 0;
    if (since == UINT32_MAX)
        return sov_fail(err, SOV_EARG, "tensor %s: llama.cpp does not read %s",
                        t->name, type_name(to));
    return sov_fail(err, SOV_EARG,
                    "tensor %s: llama.cpp reads %s since %04" PRIu32
                    "-%02" PRIu32 "-%02" PRIu32,
                    t->name, type_name(to), since / 10000, since / 100 % 100,
                    since % 100);
}

static int
add_tensors(struct sov_quant *job, const struct sov_mix *mix,
            const struct sov_mix_facts *facts,
            const struct sov_quant_opts *opts, struct notes *notes,
            struct sov_err *err)
{
    int rc = 0;

    for (size_t i = 0; i < sov_model_count(job->model) && rc == 0; i++) {
        const struct sov_tensor *t = sov_model_at(job->model, i);
        enum sov_type to = choose(t, mix, facts, opts, notes);
        bool remade = to != t->type || sov_merge_has(job->merge, i);

        if (remade && is_block(t->type) && is_block(to) &&
            notes->n_again++ == 0)
            notes->again = t;
        rc = check_codecs(t, to, remade, err);
        if (rc == 0)
            rc = check_compat(t, to, opts->compat, err);
        if (rc == 0)
            rc = sov_plan_add(job->plan, t->name, to, t->ndim, t->dim, err);
    }
    for (size_t i = 0; i < opts->n_rules && rc == 0; i++)
        if (!notes->used[i])
            rc = sov_fail(err, SOV_EARG, "no matrix is called like '%s'",
                          opts->rule[i].pattern);
    return rc;
}

/*
 * As llama-quantize records it, but for the name that the file has here: the
 * output is the same wherever it lies.
 */
static int
record_stats(sov_meta *meta, const sov_stats *stats, struct sov_err *err)
{
    const char *text = sov_stats_dataset(stats, 0);
    uint64_t chunks = sov_stats_chunks(stats);
    int rc = 0;

    if (text != NULL)
        rc = sov_meta_set_str(meta, "quantize.imatrix.dataset", text, err);
    if (rc == 0)
        rc = sov_meta_set_u32(meta, "quantize.imatrix.entries_count",
                              (uint32_t)sov_stats_count(stats), err);
    if (rc == 0 && chunks > 0 && chunks <= UINT32_MAX)
        rc = sov_meta_set_u32(meta, "quantize.imatrix.chunks_count",
                              (uint32_t)chunks, err);
    return rc;
}

/* The same of a text that is yet to be read. */
static int
record_text(sov_meta *meta, const sov_model *model,
            const struct sov_calib_opts *calib, struct sov_err *err)
{
    uint32_t n_ctx = 0;
    size_t n_windows = 0;
    int rc = sov_calib_windows(model, calib, &n_ctx, &n_windows, err);

    if (rc == 0 && calib->name != NULL)
        rc = sov_meta_set_str(meta, "quantize.imatrix.dataset", calib->name,
                              err);
    if (rc == 0)
        rc = sov_meta_set_u32(meta, "quantize.imatrix.chunks_count",
                              (uint32_t)n_windows, err);
    return rc;
}

static int
set_meta(sov_meta *meta, const sov_model *model, const struct sov_mix *mix,
         const struct sov_quant_opts *opts, struct sov_err *err)
{
    int rc = 0;

    if (!mix->copy || opts->n_rules > 0)
        rc = sov_meta_set_u32(meta, "general.quantization_version",
                              GGUF_QUANTIZATION_VERSION, err);
    if (rc == 0 && !mix->copy)
        rc = sov_meta_set_u32(meta, "general.file_type", mix->file_type, err);
    if (!mix->copy) /* of an earlier time */
        sov_meta_unset_like(meta, "quantize.imatrix.*");
    if (rc == 0 && opts->stats != NULL && (!mix->copy || opts->n_rules > 0))
        rc = record_stats(meta, opts->stats, err);
    if (rc == 0 && opts->calib != NULL && (!mix->copy || opts->n_rules > 0))
        rc = record_text(meta, model, opts->calib, err);
    if (rc == 0 && opts->edit != NULL)
        rc = opts->edit(opts->edit_arg, meta, err);
    return rc;
}

/* What only this program reads. */
static void
tell_own(struct sov_quant *job)
{
    const struct sov_tensor *first = NULL;
    size_t n = 0;

    for (size_t i = 0; i < sov_plan_count(job->plan); i++) {
        const struct sov_tensor *to = sov_plan_at(job->plan, i);

        if (is_block(to->type) && sov_compat_since(to->type) == UINT32_MAX &&
            n++ == 0)
            first = to;
    }
    if (n > 0)
        sov_job_remark(job,
                       "%zu matrices have types of sov's own (%s is %s): "
                       "llama.cpp cannot load the model, sov-run can",
                       n, first->name, type_name(first->type));
}

static void
tell(struct sov_quant *job, const struct notes *notes)
{
    tell_own(job);
    if (notes->n_again > 0)
        sov_job_remark(
            job,
            "%zu tensors were quantized before (%s is %s): twice is worse "
            "than once; take the f16 or bf16 original if there is one",
            notes->n_again, notes->again->name, type_name(notes->again->type));
    if (notes->n_misfits > 0)
        sov_job_remark(job,
                       "%zu tensors do not divide into blocks (%s has rows of "
                       "%" PRIu64 ": %s instead of %s)",
                       notes->n_misfits, notes->misfit->name,
                       notes->misfit->dim[0], type_name(notes->got),
                       type_name(notes->wanted));
}

/* Few bits are badly spent where nobody knows what counts. */
static void
tell_coarse(struct sov_quant *job, const struct sov_mix *mix)
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
                       n, first->name, type_name(first->type));
}

static void
tell_stats(struct sov_quant *job)
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
static void
tell_large(struct sov_quant *job, uint64_t max)
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

static int
make_plan(struct sov_quant *job, struct sov_mix *mix,
          const struct sov_quant_opts *opts, struct sov_err *err)
{
    struct sov_mix_facts facts = { 0 };
    struct notes notes = { 0 };
    int rc;

    notes.used = sov_mem_array(opts->n_rules, sizeof(*notes.used));
    if (notes.used == NULL)
        return sov_mem_fail(err);
    rc = sov_merge_new(&job->merge, job->model, opts->lora, opts->n_lora, err);
    if (rc == 0)
        rc = sov_settled_take(&notes.settled, opts->sheet, job->model, err);
    if (rc == 0 && opts->sheet != NULL)
        sov_mix_own(mix, sov_settled_base(&notes.settled, job->model));
    if (rc == 0)
        rc = sov_mix_facts(&facts, job->model, err);
    facts.weighed = opts->stats != NULL || opts->calib != NULL;
    if (rc == 0)
        rc = sov_plan_new(&job->plan, sov_model_meta(job->model), err);
    if (rc == 0)
        rc = set_meta(sov_plan_meta(job->plan), job->model, mix, opts, err);
    if (rc == 0)
        rc = add_tensors(job, mix, &facts, opts, &notes, err);
    for (size_t i = 0; i < opts->n_sides && rc == 0; i++)
        rc = sov_plan_side(job->plan, opts->side[i].name, opts->side[i].bytes,
                           opts->side[i].len, err);
    if (rc == 0)
        rc = sov_plan_lay(job->plan, &opts->layout, err);
    if (rc == 0)
        rc = sov_importance_new(&job->importance, job->model, job->plan,
                                job->merge, opts->stats, err);
    if (rc == 0) {
        tell(job, &notes);
        if (opts->stats != NULL)
            tell_stats(job);
        else if (opts->calib == NULL)
            tell_coarse(job, mix);
    }
    if (rc == 0 && opts->layout.max_bytes > 0)
        tell_large(job, opts->layout.max_bytes);
    sov_mix_facts_free(&facts);
    sov_settled_free(&notes.settled);
    free(notes.used);
    return rc;
}

static bool
quantized_again(const struct sov_quant *job, size_t i)
{
    enum sov_type from = sov_model_at(job->model, i)->type;
    enum sov_type to = sov_plan_at(job->plan, i)->type;

    return is_block(from) && is_block(to) && sov_job_remade(job, i);
}

/* Of all tensors that were measured, or of those quantized before. */
static struct sov_quant_error
total_lost(const struct sov_quant *job, bool again)
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
static void
tell_lost(struct sov_quant *job)
{
    struct sov_quant_error sum = total_lost(job, true);
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

static void
tell_bad(struct sov_quant *job)
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
        rc = make_plan(j, &mix, opts, err);
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
    return total_lost(job, false);
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
    tell_stats(job);
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
        tell_lost(job);
    if (rc == 0 && job->replaced > 0)
        tell_bad(job);
    return rc;
}

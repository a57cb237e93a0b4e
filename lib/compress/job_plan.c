/* SPDX-License-Identifier: Apache-2.0 */
/*
 * job_plan.c - deciding what becomes of every tensor
 */
#include "compress/job_in.h"

#include "base/mem.h"
#include "kern/kern.h"

#include <fnmatch.h>
#include <inttypes.h>
#include <stdlib.h>

#define GGUF_QUANTIZATION_VERSION 2

static bool
can_encode(enum sov_type type)
{
    return type >= 0 && type < SOV_TYPE_GGUF_MAX &&
           sov_kern()->encode[type] != NULL;
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

static enum sov_type
choose(const struct sov_tensor *t, const struct sov_mix *mix,
       const struct sov_mix_facts *facts, const struct sov_quant_opts *opts,
       struct sov_job_notes *notes)
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
                      sov_job_type_name(t->type));
    else if (remade && !can_encode(to))
        rc = sov_fail(err, SOV_EUNSUP, "this version cannot make %s",
                      sov_job_type_name(to));
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
                        t->name, sov_job_type_name(to));
    return sov_fail(err, SOV_EARG,
                    "tensor %s: llama.cpp reads %s since %04" PRIu32
                    "-%02" PRIu32 "-%02" PRIu32,
                    t->name, sov_job_type_name(to), since / 10000,
                    since / 100 % 100, since % 100);
}

static int
add_tensors(struct sov_quant *job, const struct sov_mix *mix,
            const struct sov_mix_facts *facts,
            const struct sov_quant_opts *opts, struct sov_job_notes *notes,
            struct sov_err *err)
{
    int rc = 0;

    for (size_t i = 0; i < sov_model_count(job->model) && rc == 0; i++) {
        const struct sov_tensor *t = sov_model_at(job->model, i);
        enum sov_type to = choose(t, mix, facts, opts, notes);
        bool remade = to != t->type || sov_merge_has(job->merge, i);

        if (remade && sov_job_is_block(t->type) && sov_job_is_block(to) &&
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

int
sov_job_plan(struct sov_quant *job, struct sov_mix *mix,
             const struct sov_quant_opts *opts, struct sov_err *err)
{
    struct sov_mix_facts facts = { 0 };
    struct sov_job_notes notes = { 0 };
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
        sov_tell_choice(job, &notes);
        if (opts->stats != NULL)
            sov_tell_stats(job);
        else if (opts->calib == NULL)
            sov_tell_coarse(job, mix);
    }
    if (rc == 0 && opts->layout.max_bytes > 0)
        sov_tell_large(job, opts->layout.max_bytes);
    sov_mix_facts_free(&facts);
    sov_settled_free(&notes.settled);
    free(notes.used);
    return rc;
}

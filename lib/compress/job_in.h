/* SPDX-License-Identifier: Apache-2.0 */
/*
 * job_in.h - what the parts of a job share: its plan, and what is told of it
 */
#ifndef SOV_COMPRESS_JOB_IN_H
#define SOV_COMPRESS_JOB_IN_H

#include "compress/job.h"
#include "compress/mix.h"
#include "compress/settled.h"

static inline const char *
sov_job_type_name(enum sov_type type)
{
    return sov_type_info((int)type)->name;
}

static inline bool
sov_job_is_block(enum sov_type type)
{
    return sov_type_info((int)type)->kind == SOV_KIND_BLOCK;
}

/* While the plan is made: what people will be told in one line each. */
struct sov_job_notes {
    struct sov_settled settled;
    const struct sov_tensor *misfit; /* the first whose rows do not divide */
    enum sov_type wanted;
    enum sov_type got;
    size_t n_misfits;
    const struct sov_tensor *again; /* the first that was quantized before */
    size_t n_again;
    bool *used; /* per rule: it matched something */
};

/*
 * Decide what becomes of every tensor: the job's merge, plan and importance are
 * made, and what is to be told of them is told.  mix gets what a sheet adds.
 */
int sov_job_plan(struct sov_quant *job, struct sov_mix *mix,
                 const struct sov_quant_opts *opts,
                 struct sov_err *err) SOV_MUST_CHECK;

/* Remarks on the choice of types. */
void sov_tell_choice(struct sov_quant *job, const struct sov_job_notes *notes);
void sov_tell_coarse(struct sov_quant *job, const struct sov_mix *mix);
/* ... on statistics, once the job's importance is there, */
void sov_tell_stats(struct sov_quant *job);
/* ... on files beyond max bytes, */
void sov_tell_large(struct sov_quant *job, uint64_t max);
/* ... and, once all is done, on what was lost and replaced. */
void sov_tell_lost(struct sov_quant *job);
void sov_tell_bad(struct sov_quant *job);

/* Error of all tensors that were measured, or of those quantized before. */
struct sov_quant_error sov_job_lost(const struct sov_quant *job, bool again);

#endif

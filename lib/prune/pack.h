/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pack.h - a job that packs pruned matrices, or unpacks them
 */
#ifndef SOV_PRUNE_PACK_H
#define SOV_PRUNE_PACK_H

#include "prune/job.h"

/* Lays out job->plan, whose tensor i is the model's. */
int sov_pack_new(struct sov_prune *job, const struct sov_prune_opts *opts,
                 struct sov_err *err) SOV_MUST_CHECK;

/* Pull every tensor through and write the files. */
int sov_pack_run(struct sov_prune *job, sov_sink *const *sinks,
                 struct sov_err *err) SOV_MUST_CHECK;

#endif

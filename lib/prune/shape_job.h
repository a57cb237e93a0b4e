/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shape_job.h - a job of a method of shapes
 */
#ifndef SOV_PRUNE_SHAPE_JOB_H
#define SOV_PRUNE_SHAPE_JOB_H

#include "prune/job.h"
#include "prune/shape.h"

struct sov_shape_job;

/* What can be refused at once is.  What opts points to is borrowed. */
int sov_shape_job_new(struct sov_shape_job **s, struct sov_prune *job,
                      const struct sov_prune_opts *opts,
                      struct sov_err *err) SOV_MUST_CHECK;
void sov_shape_job_free(struct sov_shape_job *s);

/* Before that: what it takes to choose; all zeros where no text is read. */
int sov_shape_job_cost(struct sov_shape_job *s, struct sov_prune_cost *cost,
                       struct sov_err *err) SOV_MUST_CHECK;

/* Choose what stays, reading the text where there is one: job->plan. */
int sov_shape_job_plan(struct sov_shape_job *s,
                       struct sov_err *err) SOV_MUST_CHECK;

/* Pull what stays through and write the files. */
int sov_shape_job_run(struct sov_shape_job *s, sov_sink *const *sinks,
                      struct sov_err *err) SOV_MUST_CHECK;

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * obs_in.h - what the ways of making up for lost weights share
 */
#ifndef SOV_PRUNE_OBS_IN_H
#define SOV_PRUNE_OBS_IN_H

#include "compress/feedback_rows.h"
#include "prune/obs.h"

/* Arrays of a chunk that solving needs beside those of feedback. */
enum { SOV_OBS_GRADIENT, SOV_OBS_WAY, SOV_OBS_PRODUCT, SOV_OBS_BEFORE };
#define SOV_OBS_ARRAYS 4

struct sov_obs_job {
    struct sov_fb_job fb; /* its rows are those that are wanted */
    const struct sov_obs_rows *r;
    float **room; /* [threads][SOV_OBS_ARRAYS][SOV_FB_ROWS][k], or NULL */
    double *cost; /* [chunks], or NULL */
};

/* One chunk of up to SOV_FB_ROWS rows. */
typedef void (*sov_obs_chunk_fn)(struct sov_obs_job *job,
                                 struct sov_fb_place *p);

/* All of them, on all threads. */
int sov_obs_run(struct sov_obs_job *job, sov_obs_chunk_fn fn, bool solving,
                struct sov_err *err) SOV_MUST_CHECK;

/* Array `which` of the thread whose work this is. */
float *sov_obs_array(const struct sov_obs_job *job,
                     const struct sov_fb_place *p, int which);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * obs_in.h - what the ways of making up for lost weights share
 */
#ifndef SOV_PRUNE_OBS_IN_H
#define SOV_PRUNE_OBS_IN_H

#include "compress/feedback_rows.h"
#include "prune/obs.h"

/* Arrays of a chunk beside those of feedback: what solving needs, and what a
 * search (alps.c) needs besides. */
enum {
    SOV_OBS_GRADIENT,
    SOV_OBS_WAY,
    SOV_OBS_PRODUCT,
    SOV_OBS_BEFORE,
    SOV_OBS_BOTH,
    SOV_OBS_FIRST,
    SOV_OBS_REST,
};
#define SOV_OBS_SOLVING   4
#define SOV_OBS_SEARCHING 7

struct sov_obs_job {
    struct sov_fb_job fb; /* its rows are those that are wanted */
    const struct sov_obs_rows *r;
    float **room; /* [threads][arrays][SOV_FB_ROWS][k], or NULL */
    double *cost; /* [chunks], or NULL */
};

/* One chunk of up to SOV_FB_ROWS rows. */
typedef void (*sov_obs_chunk_fn)(struct sov_obs_job *job,
                                 struct sov_fb_place *p);

/* All of them, on all threads, each with so many arrays. */
int sov_obs_run(struct sov_obs_job *job, sov_obs_chunk_fn fn, size_t arrays,
                struct sov_err *err) SOV_MUST_CHECK;

/* Array `which` of the thread whose work this is. */
float *sov_obs_array(const struct sov_obs_job *job,
                     const struct sov_fb_place *p, int which);

/* SOV_EUNSUP: so many rows cannot share a mask. */
int sov_obs_can_share(const struct sov_obs_rows *r,
                      struct sov_err *err) SOV_MUST_CHECK;

/* The sweep of a chunk, from the job's rows to those of job->r. */
void sov_obs_prune_chunk(struct sov_obs_job *job, struct sov_fb_place *p);

/* The least that a chunk can cost, and what each row costs then. */
void sov_obs_solve_chunk(struct sov_obs_job *job, struct sov_fb_place *p,
                         double cost[SOV_FB_ROWS]);

/* y = H x, both [p->n_rows][k]. */
void sov_obs_multiply(struct sov_fb_place *p, const float *x, float *y);

/* What H has on its diagonal, [k]. */
void sov_obs_diagonal(const struct sov_fb_place *p, float *diagonal);

/* b [p->n_rows][k]: what the rows should make good besides (obs_solve.c). */
void sov_obs_besides(struct sov_fb_place *p, float *b);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sweep_in.h - what the files of a calibrated sweep share
 */
#ifndef SOV_PRUNE_SWEEP_IN_H
#define SOV_PRUNE_SWEEP_IN_H

#include "calib/calib.h"
#include "prune/job.h"
#include "prune/obs.h"
#include "prune/sweep.h"
#include "sys/file.h"

/* How much of what others lost is made up for (see compress/feedback.h) where no
 * token is held apart to choose it by; else this many rows are tried. */
#define SOV_PRUNE_MIX    0.5
#define SOV_PRUNE_SAMPLE 96

/* Rows of each thread that are tried for an estimate, and their columns at most:
 * a batch has room for them. */
#define SOV_PRUNE_PROBE      ((size_t)64)
#define SOV_PRUNE_PROBE_WIDE ((size_t)1024)

/* A batch of rows, and what the threads that work on it have. */
struct sov_prune_batch {
    float *want;          /* [cap] rows as they were */
    float *now;           /* [cap] and as they are */
    unsigned char *keep;  /* [cap] */
    uint64_t cap;         /* weights */
    float *inputs;        /* [3][widest]: mean, variance, mean of squares */
    unsigned char **room; /* [threads][room_bytes] of the method */
    size_t room_bytes;
    struct sov_error *lost; /* [threads] */
    uint64_t *zeros;        /* [threads] */
};

struct sov_prune_sweep {
    struct sov_prune *job;
    struct sov_calib_fit how;
    struct sov_calib *calib; /* owned */
    sov_stats *stats;        /* owned */
    uint64_t *off; /* of each tensor in the map; UINT64_MAX: not there */
    bool *made;
    struct sov_file file; /* what is mapped */
    unsigned char *map;
    uint64_t size;
    struct sov_prune_batch batch;
    uint32_t layer; /* of the last site */
    size_t *which;  /* owned; [rows of the batch] numbers of rows */
};

/* Is this tensor pruned by what goes through it? */
bool sov_prune_sweep_wants(const struct sov_prune_sweep *s, size_t tensor);

/* Are moments taken apart for it? */
bool sov_prune_sweep_feeds(const struct sov_prune *job);

/* Of rows n of a batch: masks, and what makes up for them. */
struct sov_prune_some {
    const struct sov_prune_sweep *s;
    size_t tensor;
    size_t k;
    size_t first; /* in its matrix */
    size_t n;
    const struct sov_moments *m;  /* NULL: nothing entered */
    const struct sov_feedback *f; /* or NULL */
    const float *square;          /* [k] or NULL */
    unsigned char *to;            /* their bytes */
};

/* Choose for f, by rows whose numbers these are. */
int sov_prune_tune(const struct sov_prune_some *some, const size_t *which,
                   struct sov_feedback *f, struct sov_err *err) SOV_MUST_CHECK;

int sov_prune_some(const struct sov_prune_some *some,
                   struct sov_err *err) SOV_MUST_CHECK;

int sov_prune_batch_new(struct sov_prune_batch *b, const struct sov_prune *job,
                        struct sov_err *err) SOV_MUST_CHECK;
void sov_prune_batch_free(struct sov_prune_batch *b);

/* The bytes that it takes. */
uint64_t sov_prune_batch_bytes(const struct sov_prune_batch *b);

#endif

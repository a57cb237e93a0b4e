/* SPDX-License-Identifier: Apache-2.0 */
/*
 * feedback.h - what rounding with error feedback spends its time with
 *
 * Sixteen rows of weights side by side, lane = row: x[k][lane] is column k of
 * row lane.  So no sum crosses lanes, every machine does the same operations in
 * the same order, and each is rounded by itself (nothing is fused).
 */
#ifndef SOV_KERN_FEEDBACK_H
#define SOV_KERN_FEEDBACK_H

#include <stddef.h>

#define SOV_FB_LANES   16
#define SOV_FB_COLUMNS 256 /* at most, of a sub-block */

struct sov_parts;

/* Scales and minima that are tried for a sub-block: [n][lane]. */
struct sov_fb_tries {
    int n;
    const float *scale;
    const float *min;
};

/*
 * Round n columns one after the other, each to the level nearest to its target
 * t, and add what that did (w - y) times g to the targets of those behind it;
 * of all tries keep in each lane the one with the least loss, the sum of
 * weight * (t - y)^2; of equal ones the first.
 */
struct sov_fb_round {
    const struct sov_parts *parts;
    struct sov_fb_tries tries;
    int n;
    const float *w;      /* [n][lane] what should be there */
    const float *t;      /* [n][lane] the same and what came before */
    const float *weight; /* [n] */
    const float *g;      /* row k: column j at g[k * stride + j] */
    size_t stride;

    float *level; /* [n][lane] out: levels */
    float *y;     /* [n][lane] out: their values */
    float *loss;  /* [lane] out */
    float *best;  /* [lane] out: number of the try */
};

/*
 * Move n columns one after the other, each to the level that costs least with
 * all others as they are, where y is and r = H (w - y); then the same again,
 * passes times in all; for each try, from the same y, and keep in each lane the
 * try that saves most.  Where none saves anything nothing changes, and best is
 * -1.
 */
struct sov_fb_descend {
    const struct sov_parts *parts;
    struct sov_fb_tries tries;
    int n;
    int passes;
    const float *r; /* [n][lane] */
    const float *h; /* [n][n], stride */
    size_t stride;
    /* [n] 1 / h[k][k]; for points [n][8], the inverses of the squares of h that
     * belong to groups */
    const float *inverse;

    float *level; /* [n][lane] in and out */
    float *y;     /* [n][lane] in and out */
    float *step;  /* [n][lane] out: y before - y now */
    float *best;  /* [lane] out: number of the try, or -1 */
};

#endif

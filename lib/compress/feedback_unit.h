/* SPDX-License-Identifier: Apache-2.0 */
/*
 * feedback_unit.h - one block of sixteen rows: its scales and its levels
 */
#ifndef SOV_COMPRESS_FEEDBACK_UNIT_H
#define SOV_COMPRESS_FEEDBACK_UNIT_H

#include "compress/feedback_in.h"

/*
 * Columns are counted from the block's first; those of the panel before it are
 * at columns, in all arrays of lanes, and those up to `behind` after its first.
 */
struct sov_fb_unit {
    const struct sov_kern *k;
    const struct sov_parts *parts;
    enum sov_type type;
    size_t block_bytes;
    int effort;
    size_t at;     /* columns of the panel before it */
    size_t behind; /* and from its first one on */

    struct sov_apart *part;  /* [lane] */
    float *level, *y, *step; /* [block][lane] */

    /* the first time */
    const float *w; /* [block][lane] */
    float *t;       /* [behind][lane] targets so far */
    const float *g; /* of the factor, from its first row and column on */
    size_t g_stride;
    const float *weight;   /* [block] */
    float *x, *importance; /* [lane][block] room */
    unsigned char *blocks; /* [lane] room */

    /* again */
    float *r;       /* [behind][lane] H (w - y) */
    const float *h; /* [behind][behind] */
    size_t h_stride;
    const float *inverse;   /* [block] 1 / its diagonal, or as points have it */
    size_t inverse_stride;  /* 1, or 8 */
    float *a, *c, *ha, *hc; /* [block][lane] room */
};

/* From targets to parts; t goes on behind the block, step is w - y. */
void sov_fb_unit_first(const struct sov_fb_unit *u);

/* Levels and values of the parts. */
void sov_fb_unit_values(const struct sov_fb_unit *u);

/* Better parts, with all other blocks as they are; r goes on in all of the
 * panel. */
void sov_fb_unit_again(const struct sov_fb_unit *u);

#endif

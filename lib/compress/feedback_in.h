/* SPDX-License-Identifier: Apache-2.0 */
/*
 * feedback_in.h - what the parts of rounding with feedback share
 *
 * Columns are cut into panels of SOV_FB_COLUMNS.  The factor is kept panel by
 * panel, a panel's rows from its own first column on:
 *
 *     rows   0 .. 255     columns   0 .. n - 1
 *     rows 256 .. 511     columns 256 .. n - 1      and so on
 */
#ifndef SOV_COMPRESS_FEEDBACK_IN_H
#define SOV_COMPRESS_FEEDBACK_IN_H

#include "calib/moments.h"
#include "compress/feedback.h"
#include "kern/feedback.h"
#include "kern/kern.h"
#include "quant/apart.h"

#define PANEL ((size_t)SOV_FB_COLUMNS)
#define LANES ((size_t)SOV_FB_LANES)

/*
 * H as it is fitted to:
 *
 *     (1 - draw) scale h + draw (scale h's diagonal, or wide_scale wide)
 *         + damp on the diagonal
 *
 * The scales divide by the tokens, and by a power of two that brings the mean
 * of the diagonal near 1.
 */
struct sov_fb_second {
    size_t n;
    const float *h;
    double scale;
    const float *wide; /* or NULL */
    double wide_scale;
    double draw;
    double damp;
};

double sov_fb_second_at(const struct sov_fb_second *s, size_t j, size_t k);
/* What of the diagonal does not come from h or wide. */
double sov_fb_second_own(const struct sov_fb_second *s, size_t k);

/* H = R R', R upper triangular. */
struct sov_fb_factor {
    size_t n;
    float *g;      /* owned; R[j][k] / R[k][k] for j < k, in panels */
    float *weight; /* owned; [n] R[k][k]^2 */
};

/* damp grows until H is positive definite.  SOV_EFORMAT: H has no numbers. */
int sov_fb_factor_new(struct sov_fb_factor *f, struct sov_fb_second *s,
                      struct sov_err *err) SOV_MUST_CHECK;
void sov_fb_factor_free(struct sov_fb_factor *f);

/* Where row row is from column col on, which is not before its panel; of the
 * same panel the next row is sov_fb_factor_stride further. */
static inline size_t
sov_fb_factor_stride(size_t n, size_t row)
{
    return n - row / PANEL * PANEL;
}

static inline size_t
sov_fb_factor_at(size_t n, size_t row, size_t col)
{
    size_t p = row / PANEL;
    size_t before = PANEL * p * n - PANEL * PANEL * (p * (p - (p > 0)) / 2);

    return before + (row - p * PANEL) * (n - p * PANEL) + (col - p * PANEL);
}

struct sov_feedback {
    const struct sov_moments *m;
    struct sov_fb_second second;
    struct sov_fb_factor factor;
    float *importance; /* owned; [n] diagonal, for the plain encoder */
    double mix;
    int effort;
};

/* Chunk of rows, at most this many, that one thread rounds. */
#define SOV_FB_ROWS ((size_t)64)

struct sov_fb_work; /* of one thread */

struct sov_fb_job {
    const struct sov_feedback *f;
    const struct sov_kern *k;
    const struct sov_parts *parts;
    enum sov_type type;
    size_t block_bytes, row_bytes;
    const float *rows;
    const size_t *which; /* their numbers, or NULL: */
    size_t first;        /* from this on */
    size_t n_rows;
    unsigned char *out;
    struct sov_feedback_loss *loss; /* [chunks], or NULL */
    struct sov_fb_work *work;       /* [threads] */
};

int sov_fb_work_new(struct sov_fb_job *job, struct sov_err *err) SOV_MUST_CHECK;
void sov_fb_work_free(struct sov_fb_job *job);

/* Rows of one chunk. */
void sov_fb_chunk(struct sov_fb_job *job, size_t chunk, unsigned worker);

#endif

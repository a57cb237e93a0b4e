/* SPDX-License-Identifier: Apache-2.0 */
/*
 * feedback_rows.h - the rows that one thread rounds, and where it is
 */
#ifndef SOV_COMPRESS_FEEDBACK_ROWS_H
#define SOV_COMPRESS_FEEDBACK_ROWS_H

#include "compress/feedback_in.h"

/* What a thread works with. */
struct sov_fb_work {
    float *room;            /* owned; all below that is not */
    float *w;               /* [SOV_FB_ROWS][n] what rows should be */
    float *delta;           /* [SOV_FB_ROWS][n] less what they are */
    float *t;               /* [SOV_FB_ROWS][PANEL] */
    float *h;               /* [PANEL][PANEL] */
    float *inverse;         /* [PANEL][SOV_POINT_GROUP] */
    float *x, *importance;  /* [LANES][PANEL] */
    float *lanes[9];        /* [PANEL][LANES] */
    unsigned char *blocks;  /* owned; [LANES] of a panel */
    unsigned char *plain;   /* owned; [SOV_FB_ROWS] rows of the plain encoder */
    struct sov_apart *part; /* owned; [LANES] */
};

/* Some rows of a chunk, and the panel that is worked on. */
struct sov_fb_place {
    struct sov_fb_job *job;
    struct sov_fb_work *w;
    size_t row0, n_rows; /* of the chunk */
    size_t c0, n;        /* columns of the panel */
    size_t l0, n_lanes;  /* of the rows: those in lanes */
};

static inline size_t
sov_fb_columns(const struct sov_fb_place *p)
{
    return p->job->f->second.n;
}

static inline const float *
sov_fb_row(const struct sov_fb_place *p, size_t i)
{
    return p->job->rows + (p->row0 + i) * sov_fb_columns(p);
}

/* What is lacking where row i is added to, with its inputs; or NULL. */
static inline const float *
sov_fb_lack(const struct sov_fb_place *p, const struct sov_moment_sums *m,
            size_t i)
{
    const struct sov_fb_job *job = p->job;
    size_t row = p->row0 + i;

    row = job->which != NULL ? job->which[row] : job->first + row;
    return m->r != NULL ? m->r + row * sov_fb_columns(p) : NULL;
}

static inline unsigned char *
sov_fb_out(const struct sov_fb_place *p, size_t i)
{
    return p->job->out + (p->row0 + i) * p->job->row_bytes;
}

/* Go to the next panel, from c0 = n = 0 on; false: the end. */
static inline bool
sov_fb_next(struct sov_fb_place *p)
{
    p->c0 += p->n;
    p->n =
        sov_fb_columns(p) - p->c0 < PANEL ? sov_fb_columns(p) - p->c0 : PANEL;
    return p->n > 0;
}

/* t[rows][PANEL] += x[rows][n_k] times n_k rows of m, n numbers of each. */
void sov_fb_times(const struct sov_fb_place *p, const float *x, const float *m,
                  size_t m_stride, size_t n_k);

void sov_fb_clear(const struct sov_fb_place *p);

/* t = H x, of the panel's columns; x [rows][n]. */
void sov_fb_slopes(const struct sov_fb_place *p, const float *x);

/* cross[rows][n] = C w + r, as moments have them, with c. */
void sov_fb_cross(const struct sov_fb_place *p, const struct sov_moment_sums *m,
                  float *cross);

/* w: what rows should be, where their inputs are not what they were. */
void sov_fb_aim(struct sov_fb_place *p);

/* Rows that are too small, as all are that were rounded to what is nearest,
 * are made larger. */
void sov_fb_stretch(struct sov_fb_place *p);

/* What delta costs on some moments; C w + r stands in w where they have c. */
void sov_fb_costs(struct sov_fb_place *p, const struct sov_moment_sums *m,
                  double cost[SOV_FB_ROWS]);

/* What the rows cost now and with the plain encoder; those that lose by this
 * become what that makes of them. */
void sov_fb_measure(struct sov_fb_place *p, struct sov_feedback_loss *loss);

#endif

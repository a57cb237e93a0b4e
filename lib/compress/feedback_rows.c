/* SPDX-License-Identifier: Apache-2.0 */
/*
 * feedback_rows.c - some rows, panel by panel
 *
 * What is worked on at a time is a chunk of up to SOV_FB_ROWS rows.  A sweep
 * goes through its panels; for each, first one product over all rows says what
 * the other panels mean for it (the targets, or H (w - y)), then sixteen rows at
 * a time its blocks are rounded, or taken up again.
 *
 * Between sweeps a row is what stands in its blocks, and delta, w - y.
 */
#include "compress/feedback_rows.h"
#include "compress/feedback_unit.h"

#include "base/mem.h"
#include "sov/base.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Rows of the right matrix in a step of a product: with PANEL columns they
 * stay in the cache while all rows of a chunk meet them. */
#define STEP ((size_t)64)

/* Names of lanes. */
enum { W, T, LEVEL, Y, MOVED, A, C, HA, HC };

/* ---- memory ---- */

static size_t
floats_of(size_t n)
{
    return 2 * SOV_FB_ROWS * n + SOV_FB_ROWS * PANEL + PANEL * PANEL +
           SOV_POINT_GROUP * PANEL + 2 * LANES * PANEL + 9 * LANES * PANEL;
}

static float *
cut(float **room, size_t n)
{
    float *p = *room;

    *room += n;
    return p;
}

static bool
make_work(const struct sov_fb_job *job, struct sov_fb_work *w)
{
    size_t n = job->f->second.n;
    float *room;

    w->room = room = sov_mem_aligned(floats_of(n), sizeof(float));
    w->blocks = sov_mem_array(LANES * PANEL, 8);
    w->plain = sov_mem_array(SOV_FB_ROWS, job->row_bytes);
    w->part = sov_mem_array(LANES, sizeof(*w->part));
    if (room == NULL || w->blocks == NULL || w->plain == NULL ||
        w->part == NULL)
        return false;
    w->t = cut(&room, SOV_FB_ROWS * PANEL);
    w->h = cut(&room, PANEL * PANEL);
    w->inverse = cut(&room, SOV_POINT_GROUP * PANEL);
    w->x = cut(&room, LANES * PANEL);
    w->importance = cut(&room, LANES * PANEL);
    for (int i = 0; i < 9; i++)
        w->lanes[i] = cut(&room, LANES * PANEL);
    w->w = cut(&room, SOV_FB_ROWS * n);
    w->delta = cut(&room, SOV_FB_ROWS * n);
    return true;
}

int
sov_fb_work_new(struct sov_fb_job *job, struct sov_err *err)
{
    unsigned n = sov_threads();
    bool all = true;

    job->work = sov_mem_array(n, sizeof(*job->work));
    for (unsigned i = 0; job->work != NULL && i < n && all; i++)
        all = make_work(job, &job->work[i]);
    if (job->work != NULL && all)
        return 0;
    sov_fb_work_free(job);
    return sov_mem_fail(err);
}

void
sov_fb_work_free(struct sov_fb_job *job)
{
    for (unsigned i = 0; job->work != NULL && i < sov_threads(); i++) {
        sov_mem_free_aligned(job->work[i].room);
        free(job->work[i].blocks);
        free(job->work[i].plain);
        free(job->work[i].part);
    }
    free(job->work);
    job->work = NULL;
}

/* ---- products ---- */

void
sov_fb_times(const struct sov_fb_place *p, const float *x, const float *m,
             size_t m_stride, size_t n_k)
{
    for (size_t i = 0; i < n_k; i += STEP)
        p->job->k->mixes(x + i, sov_fb_columns(p), p->n_rows, m + i * m_stride,
                         m_stride, n_k - i < STEP ? n_k - i : STEP, p->w->t,
                         PANEL, p->n);
}

void
sov_fb_clear(const struct sov_fb_place *p)
{
    for (size_t i = 0; i < p->n_rows; i++)
        memset(p->w->t + i * PANEL, 0, p->n * sizeof(float));
}

/* t = w + delta times the factor, of the columns before the panel. */
static void
find_targets(const struct sov_fb_place *p)
{
    const struct sov_fb_factor *f = &p->job->f->factor;
    size_t n = sov_fb_columns(p);

    for (size_t i = 0; i < p->n_rows; i++)
        memcpy(p->w->t + i * PANEL, p->w->w + i * n + p->c0,
               p->n * sizeof(float));
    for (size_t c = 0; c < p->c0; c += PANEL)
        sov_fb_times(p, p->w->delta + c, f->g + sov_fb_factor_at(n, c, p->c0),
                     sov_fb_factor_stride(n, c), PANEL);
}

static void
scale_all(const struct sov_fb_place *p, float by)
{
    for (size_t i = 0; i < p->n_rows; i++)
        for (size_t k = 0; k < p->n; k++)
            p->w->t[i * PANEL + k] *= by;
}

void
sov_fb_slopes(const struct sov_fb_place *p, const float *x)
{
    const struct sov_fb_second *s = &p->job->f->second;
    float keep = (float)((1.0 - s->draw) * s->scale);
    float wide = (float)(s->draw * s->wide_scale);
    size_t n = sov_fb_columns(p);

    sov_fb_clear(p);
    sov_fb_times(p, x, s->h + p->c0, n, n);
    if (s->wide != NULL) {
        scale_all(p, keep / wide);
        sov_fb_times(p, x, s->wide + p->c0, n, n);
        keep = wide;
    }
    scale_all(p, keep);
    for (size_t k = 0; k < p->n; k++) {
        size_t c = p->c0 + k;
        float rest = (float)sov_fb_second_own(s, c);

        for (size_t i = 0; i < p->n_rows; i++)
            p->w->t[i * PANEL + k] += rest * x[i * n + c];
    }
}

/* The inverse of a square of H, by Gauss and Jordan; it is positive definite,
 * so that no pivot is 0. */
static void
invert(const float *h, float *inverse)
{
    enum { N = SOV_POINT_GROUP };
    double a[N][2 * N] = { { 0 } };

    for (int i = 0; i < N; i++) {
        for (int j = 0; j < N; j++)
            a[i][j] = (double)h[(size_t)i * PANEL + (size_t)j];
        a[i][N + i] = 1;
    }
    for (int k = 0; k < N; k++)
        for (int i = 0; i < N; i++) {
            double f = i == k ? 1 - 1 / a[k][k] : a[i][k] / a[k][k];

            for (int j = 0; j < 2 * N; j++)
                a[i][j] -= f * a[k][j];
        }
    for (int i = 0; i < N * N; i++)
        inverse[i] = (float)a[i / N][N + i % N];
}

/* H of the panel alone. */
static void
take_square(const struct sov_fb_place *p)
{
    const struct sov_fb_second *s = &p->job->f->second;

    for (size_t j = 0; j < p->n; j++)
        for (size_t k = 0; k < p->n; k++)
            p->w->h[j * PANEL + k] =
                (float)sov_fb_second_at(s, p->c0 + j, p->c0 + k);
    if (p->job->parts->kind == LEVELS_POINTS) {
        for (size_t j = 0; j < p->n; j += SOV_POINT_GROUP)
            invert(p->w->h + j * PANEL + j,
                   p->w->inverse + j * SOV_POINT_GROUP);
        return;
    }
    for (size_t j = 0; j < p->n; j++)
        p->w->inverse[j] = 1.0f / p->w->h[j * PANEL + j];
}

/* ---- lanes ---- */

static void
to_lanes(const float *rows, size_t stride, size_t n_rows, size_t n,
         float *lanes)
{
    for (size_t k = 0; k < n; k++)
        for (size_t l = 0; l < LANES; l++)
            lanes[k * LANES + l] = l < n_rows ? rows[l * stride + k] : 0.0f;
}

/* What the rows in lanes are made of, from `at` of the panel on. */
static void
load_parts(const struct sov_fb_place *p, size_t at)
{
    const struct sov_fb_job *job = p->job;
    size_t block = (p->c0 + at) / (size_t)job->parts->block;

    for (size_t l = 0; l < LANES; l++) {
        size_t row = p->l0 + (l < p->n_lanes ? l : 0);

        job->parts->take(sov_fb_out(p, row) + block * job->block_bytes,
                         &p->w->part[l]);
    }
}

static void
store_parts(const struct sov_fb_place *p, size_t at)
{
    const struct sov_fb_job *job = p->job;
    size_t block = (p->c0 + at) / (size_t)job->parts->block;

    for (size_t l = 0; l < p->n_lanes; l++)
        job->parts->put(&p->w->part[l],
                        sov_fb_out(p, p->l0 + l) + block * job->block_bytes);
}

/* delta = w - y of the panel. */
static void
store_delta(const struct sov_fb_place *p)
{
    size_t n = sov_fb_columns(p);
    const float *w = p->w->w + p->l0 * n + p->c0;

    for (size_t l = 0; l < p->n_lanes; l++)
        for (size_t k = 0; k < p->n; k++)
            p->w->delta[(p->l0 + l) * n + p->c0 + k] =
                w[l * n + k] - p->w->lanes[Y][k * LANES + l];
}

static struct sov_fb_unit
unit_of(const struct sov_fb_place *p, size_t at)
{
    const struct sov_fb_job *job = p->job;
    const struct sov_fb_factor *f = &job->f->factor;
    struct sov_fb_work *w = p->w;
    size_t c = p->c0 + at;
    size_t inverse_stride =
        job->parts->kind == LEVELS_POINTS ? SOV_POINT_GROUP : 1;

    return (struct sov_fb_unit){
        .k = job->k,
        .parts = job->parts,
        .type = job->type,
        .block_bytes = job->block_bytes,
        .effort = job->f->effort,
        .at = at,
        .behind = p->n - at,
        .part = w->part,
        .level = w->lanes[LEVEL] + at * LANES,
        .y = w->lanes[Y] + at * LANES,
        .step = w->lanes[MOVED] + at * LANES,
        .w = w->lanes[W] + at * LANES,
        .t = w->lanes[T] + at * LANES,
        .g = f->g + sov_fb_factor_at(f->n, c, c),
        .g_stride = sov_fb_factor_stride(f->n, c),
        .weight = f->weight + c,
        .x = w->x,
        .importance = w->importance,
        .blocks = w->blocks,
        .r = w->lanes[T] + at * LANES,
        .h = w->h + at * PANEL + at,
        .h_stride = PANEL,
        .inverse = w->inverse + at * inverse_stride,
        .inverse_stride = inverse_stride,
        .a = w->lanes[A],
        .c = w->lanes[C],
        .ha = w->lanes[HA],
        .hc = w->lanes[HC],
    };
}

/* Sixteen rows of the panel, for the first time or again. */
static void
round_lanes(const struct sov_fb_place *p, bool again)
{
    const float *w = p->w->w + p->l0 * sov_fb_columns(p) + p->c0;

    to_lanes(w, sov_fb_columns(p), p->n_lanes, p->n, p->w->lanes[W]);
    to_lanes(p->w->t + p->l0 * PANEL, PANEL, p->n_lanes, p->n, p->w->lanes[T]);
    for (size_t at = 0; at < p->n; at += (size_t)p->job->parts->block) {
        struct sov_fb_unit u = unit_of(p, at);

        if (again) {
            load_parts(p, at);
            sov_fb_unit_values(&u);
            sov_fb_unit_again(&u);
        } else {
            sov_fb_unit_first(&u);
        }
        store_parts(p, at);
    }
    store_delta(p);
}

/* ---- sweeps ---- */

static void
sweep(struct sov_fb_place *p, bool again)
{
    p->c0 = p->n = 0;
    while (sov_fb_next(p)) {
        if (again) {
            take_square(p);
            sov_fb_slopes(p, p->w->delta);
        } else {
            find_targets(p);
        }
        for (p->l0 = 0; p->l0 < p->n_rows; p->l0 += LANES) {
            p->n_lanes = p->n_rows - p->l0 < LANES ? p->n_rows - p->l0 : LANES;
            round_lanes(p, again);
        }
    }
}

static int
sweeps_of(int effort)
{
    static const int8_t sweeps[9] = { 0, 1, 1, 2, 2, 3, 4, 6, 9 };

    return sweeps[effort - 1];
}

void
sov_fb_chunk(struct sov_fb_job *job, size_t chunk, unsigned worker)
{
    size_t row0 = chunk * SOV_FB_ROWS;
    size_t left = job->n_rows - row0;
    struct sov_fb_place p = {
        .job = job,
        .w = &job->work[worker],
        .row0 = row0,
        .n_rows = left < SOV_FB_ROWS ? left : SOV_FB_ROWS,
    };

    sov_fb_aim(&p);
    sweep(&p, false);
    for (int i = 0; i < sweeps_of(job->f->effort); i++)
        sweep(&p, true);
    if (job->parts->n_fields > 0)
        sov_fb_stretch(&p);
    if (job->loss != NULL)
        sov_fb_measure(&p, &job->loss[chunk]);
}

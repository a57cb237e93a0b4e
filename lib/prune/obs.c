/* SPDX-License-Identifier: Apache-2.0 */
/*
 * obs.c - rows that lose weights, and what is left makes up for them
 *
 * Here is the one sweep through the columns.  A tile is a block of columns, or
 * the groups of n:m that are in one: first one product over all rows of a chunk
 * says what the columns before mean for it; then, unit by unit (the tile, or a
 * group), its mask is chosen for all rows and its columns are gone through.
 */
#include "prune/obs_in.h"

#include "base/mem.h"
#include "sov/base.h"
#include "sys/par.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* As in the paper. */
#define DAMP 0.01

/* ---- chunks ---- */

struct run {
    struct sov_obs_job *job;
    sov_obs_chunk_fn fn;
};

static void
chunks(void *arg, size_t first, size_t last, unsigned worker)
{
    const struct run *run = arg;
    struct sov_fb_job *fb = &run->job->fb;

    for (size_t i = first; i < last; i++) {
        size_t left = fb->n_rows - i * SOV_FB_ROWS;
        struct sov_fb_place p = {
            .job = fb,
            .w = &fb->work[worker],
            .row0 = i * SOV_FB_ROWS,
            .n_rows = left < SOV_FB_ROWS ? left : SOV_FB_ROWS,
        };

        run->fn(run->job, &p);
    }
}

static void
free_room(struct sov_obs_job *job)
{
    for (unsigned i = 0; job->room != NULL && i < sov_threads(); i++)
        sov_mem_free_aligned(job->room[i]);
    free(job->room);
    job->room = NULL;
}

static int
make_room(struct sov_obs_job *job, size_t arrays, struct sov_err *err)
{
    size_t n = arrays * SOV_FB_ROWS * job->r->k;

    job->room = sov_mem_array(sov_threads(), sizeof(*job->room));
    for (unsigned i = 0; job->room != NULL && i < sov_threads(); i++) {
        job->room[i] = sov_mem_aligned(n, sizeof(float));
        if (job->room[i] == NULL)
            free_room(job);
    }
    return job->room == NULL ? sov_mem_fail(err) : 0;
}

int
sov_obs_run(struct sov_obs_job *job, sov_obs_chunk_fn fn, size_t arrays,
            struct sov_err *err)
{
    struct run run = { job, fn };
    int rc;

    job->fb.k = sov_kern();
    job->fb.first = job->r->first;
    job->fb.which = job->r->which;
    job->fb.n_rows = job->r->n;
    job->fb.row_bytes = 1; /* rows become no blocks */
    rc = sov_fb_work_new(&job->fb, err);
    if (rc == 0 && arrays > 0)
        rc = make_room(job, arrays, err);
    if (rc == 0)
        sov_par_for((job->r->n + SOV_FB_ROWS - 1) / SOV_FB_ROWS, 1, chunks,
                    &run);
    free_room(job);
    sov_fb_work_free(&job->fb);
    return rc;
}

float *
sov_obs_array(const struct sov_obs_job *job, const struct sov_fb_place *p,
              int which)
{
    size_t thread = (size_t)(p->w - job->fb.work);

    return job->room[thread] + (size_t)which * SOV_FB_ROWS * job->r->k;
}

/* ---- masks ---- */

/* A chunk on its way through its columns. */
struct sweep {
    const struct sov_obs_rows *r;
    struct sov_fb_place *p;
    size_t at, n;             /* the unit, from its tile's first column on */
    float power[SOV_FB_ROWS]; /* of each row's tile, where it packs */
    size_t tile;              /* columns of a whole tile, and */
    size_t unit;              /* of a unit */
};

static unsigned char *
keep_of(const struct sweep *s, size_t row)
{
    return s->r->keep + (s->p->row0 + row) * s->r->k + s->p->c0 + s->at;
}

/*
 * u [n]: what columns of the unit would be if nothing more went from them on.  t
 * says that of the first alone: each makes up for those before it, as they are.
 */
static void
look_ahead(const struct sweep *s, size_t row, size_t at, size_t n, float *u)
{
    const struct sov_fb_place *p = s->p;
    const struct sov_fb_factor *f = &p->job->f->factor;
    size_t c = p->c0 + s->at + at;
    const float *w = p->w->w + row * s->r->k + c;

    memcpy(u, p->w->t + row * PANEL + s->at + at, n * sizeof(*u));
    for (size_t j = 0; j < n; j++)
        p->job->k->axpy(w[j] - u[j],
                        f->g + sov_fb_factor_at(f->n, c + j, c + j) + 1,
                        u + j + 1, n - j - 1);
}

/* What losing weights of the unit costs: of rows that share a mask, the sum. */
static void
add_scores(const struct sweep *s, size_t row, size_t n_rows, float *score)
{
    const float *weight = s->p->job->f->factor.weight + s->p->c0 + s->at;
    double sum[PANEL] = { 0 };
    float u[PANEL];

    for (size_t i = row; i < row + n_rows; i++) {
        look_ahead(s, i, 0, s->n, u);
        for (size_t j = 0; j < s->n; j++)
            sum[j] += (double)u[j] * (double)u[j] * (double)weight[j];
    }
    for (size_t j = 0; j < s->n; j++)
        score[j] = (float)sum[j];
}

/* How many of the unit go. */
static size_t
goes(const struct sweep *s)
{
    size_t from = s->p->c0 + s->at;

    if (s->r->share.pattern.of != 0)
        return sov_prune_goes(&s->r->share, s->n);
    return sov_prune_goes(&s->r->share, from + s->n) -
           sov_prune_goes(&s->r->share, from);
}

static void
choose(const struct sweep *s)
{
    size_t most = s->r->share.pattern.rows;
    unsigned char gone[PANEL];
    float score[PANEL];

    for (size_t row = 0; row < s->p->n_rows; row += most) {
        size_t left = s->p->n_rows - row;
        size_t n = left < most ? left : most;

        add_scores(s, row, n, score);
        sov_prune_lowest(score, s->n, goes(s), gone);
        for (size_t i = row; i < row + n; i++)
            for (size_t j = 0; j < s->n; j++)
                keep_of(s, i)[j] = !gone[j];
    }
}

/* ---- the grid ---- */

static int
levels(const struct sov_obs_rows *r)
{
    return (1 << (r->bits - 1)) - 1;
}

/* The largest whole number that a step is. */
static int
steps(const struct sov_obs_rows *r)
{
    return r->bits == 4 ? 127 : 15;
}

/* The power of two of a row's tile: the least that its largest fits. */
static float
power_of(const struct sweep *s, size_t row)
{
    float u[PANEL], most = 0;
    int exponent;

    look_ahead(s, row, 0, s->p->n, u);
    for (size_t j = 0; j < s->p->n; j++)
        most = fmaxf(most, fabsf(u[j]));
    (void)frexpf(most / (float)(levels(s->r) * steps(s->r)), &exponent);
    exponent = exponent > -24 ? exponent : -24;
    return ldexpf(1.0f, exponent < 5 ? exponent : 5);
}

static float
whole_step(const struct sweep *s, size_t row, float step)
{
    float n = rintf(step / s->power[row]);

    return s->power[row] * fminf(fmaxf(n, 1.0f), (float)steps(s->r));
}

/* From 0 to both sides; the largest of the group is one of its steps. */
static float
step_of(const struct sweep *s, size_t row, size_t j)
{
    size_t n = s->n - j < s->r->group ? s->n - j : s->r->group;
    const unsigned char *keep = keep_of(s, row) + j;
    float u[PANEL], most = 0;

    look_ahead(s, row, j, n, u);
    for (size_t i = 0; i < n; i++)
        if (keep[i] && fabsf(u[i]) > most)
            most = fabsf(u[i]);
    most /= (float)levels(s->r);
    return s->r->packs ? whole_step(s, row, most) : most;
}

static float
nearest(const struct sweep *s, float t, float step)
{
    float most = (float)levels(s->r);
    float level = step > 0 ? rintf(t / step) : 0.0f;

    return step * fminf(fmaxf(level, -most), most) + 0.0f; /* not -0 */
}

/* ---- columns ---- */

/* t = w + delta times the factor, of the columns before the tile. */
static void
find_targets(const struct sov_fb_place *p)
{
    const struct sov_fb_factor *f = &p->job->f->factor;
    size_t n = sov_fb_columns(p), end;

    for (size_t i = 0; i < p->n_rows; i++)
        memcpy(p->w->t + i * PANEL, p->w->w + i * n + p->c0,
               p->n * sizeof(float));
    for (size_t row = 0; row < p->c0; row = end) {
        end = row + PANEL < p->c0 ? row + PANEL : p->c0;
        sov_fb_times(p, p->w->delta + row,
                     f->g + sov_fb_factor_at(f->n, row, p->c0),
                     sov_fb_factor_stride(f->n, row), end - row);
    }
}

/* The columns of the unit, of one row. */
static void
go_through(const struct sweep *s, size_t row)
{
    const struct sov_fb_place *p = s->p;
    const struct sov_fb_factor *f = &p->job->f->factor;
    const unsigned char *keep = keep_of(s, row);
    float *t = p->w->t + row * PANEL + s->at;
    size_t c = p->c0 + s->at;
    float *v = s->r->w + (p->row0 + row) * s->r->k + c;
    const float *w = p->w->w + row * s->r->k + c;
    float *delta = p->w->delta + row * s->r->k + c;
    float step = 0;

    for (size_t j = 0; j < s->n; j++) {
        if (s->r->bits > 0 && j % s->r->group == 0)
            step = step_of(s, row, j);
        v[j] = !keep[j] ? 0.0f : s->r->bits > 0 ? nearest(s, t[j], step) : t[j];
        delta[j] = w[j] - v[j];
        /* what makes t of w is in t already: this is the rest */
        p->job->k->axpy(delta[j],
                        f->g + sov_fb_factor_at(f->n, c + j, c + j) + 1,
                        t + j + 1, p->n - s->at - j - 1);
    }
}

void
sov_obs_prune_chunk(struct sov_obs_job *job, struct sov_fb_place *p)
{
    const struct sov_obs_rows *r = job->r;
    size_t of = r->given ? 0 : r->share.pattern.of;
    struct sweep s = { .r = r, .p = p };

    s.tile = r->packs ? PANEL : r->block != 0 ? r->block : SOV_OBS_BLOCK;
    s.tile = of == 0 ? s.tile : of > s.tile ? of : s.tile / of * of;
    s.unit = of != 0 ? of : s.tile;
    sov_fb_aim(p);
    for (p->c0 = 0; p->c0 < r->k; p->c0 += s.tile) {
        p->n = r->k - p->c0 < s.tile ? r->k - p->c0 : s.tile;
        find_targets(p);
        for (s.at = 0; s.at < p->n; s.at += s.unit) {
            s.n = p->n - s.at < s.unit ? p->n - s.at : s.unit;
            if (!r->given)
                choose(&s);
            for (size_t i = 0; i < p->n_rows; i++) {
                if (r->packs && s.at == 0)
                    s.power[i] = power_of(&s, i);
                go_through(&s, i);
            }
        }
    }
}

/* ---- all of it ---- */

int
sov_obs_new(struct sov_feedback **f, const struct sov_moments *m, double mix,
            struct sov_err *err)
{
    const struct sov_feedback_opts o = {
        .damp = DAMP,
        .draw = -1,
        .mix = mix,
    };

    return sov_feedback_new(f, m, &o, err);
}

/* As it would be; a mask that is given stays. */
static int
try_mix(const struct sov_feedback *f, const struct sov_obs_rows *r,
        const float *want,
        int (*feed)(const struct sov_feedback *f, const struct sov_obs_rows *r,
                    struct sov_err *err),
        bool heal, double *cost, struct sov_err *err)
{
    int rc = 0;

    for (size_t i = 0; i < r->n * r->k; i++)
        r->w[i] = feed != NULL || r->keep[i] ? want[i] : 0;
    if (feed != NULL)
        rc = feed(f, r, err);
    if (rc == 0 && heal)
        rc = sov_obs_solve(f, r, want, err);
    return rc == 0 ? sov_obs_cost(f, r, want, cost, err) : rc;
}

int
sov_obs_tune(struct sov_feedback *f, const struct sov_obs_rows *r,
             const float *want,
             int (*feed)(const struct sov_feedback *f,
                         const struct sov_obs_rows *r, struct sov_err *err),
             bool heal, struct sov_err *err)
{
    static const double mixes[] = { 1.0, 0.75, 0.5, 0.25, 0.0 };
    double best = f->mix, least = INFINITY, cost = 0;
    int rc = 0;

    if (f->m->fit.c == NULL || f->m->held.n == 0)
        return 0;
    for (size_t i = 0; i < 5 && rc == 0; i++) {
        f->mix = mixes[i];
        rc = try_mix(f, r, want, feed, heal, &cost, err);
        if (rc < 0 || !(cost < least))
            break;
        least = cost;
        best = mixes[i];
    }
    f->mix = best;
    return rc;
}

uint64_t
sov_obs_bytes(size_t k)
{
    uint64_t chunk = (uint64_t)SOV_FB_ROWS * k * sizeof(float);

    return 6 * (uint64_t)k * k +
           sov_threads() * (2 + SOV_OBS_SEARCHING) * chunk;
}

int
sov_obs_can_share(const struct sov_obs_rows *r, struct sov_err *err)
{
    uint32_t rows = r->share.pattern.rows;

    if (rows == 0 || SOV_OBS_SHARED % rows != 0)
        return sov_fail(err, SOV_EUNSUP,
                        "%u rows that share a mask: with error feedback it is "
                        "1, 2, 4 .. %d",
                        (unsigned)rows, SOV_OBS_SHARED);
    return 0;
}

int
sov_obs_prune(const struct sov_feedback *f, const struct sov_obs_rows *r,
              struct sov_err *err)
{
    struct sov_obs_job job = { .fb = { .f = f, .rows = r->w }, .r = r };
    int rc = r->given ? 0 : sov_obs_can_share(r, err);

    return rc == 0 ? sov_obs_run(&job, sov_obs_prune_chunk, 0, err) : rc;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * alps.c - masks that are looked for until they settle, and rows solved with them
 *
 * Meng, Behdin, Wang, Mazumder, "ALPS: improved optimization for highly sparse
 * one-shot pruning for large language models" (2024).  Of all rows that fit a
 * pattern one is looked for that costs little (obs.h).  A row is there twice: b
 * may have any numbers, d fits the pattern, and a price u is put on what they
 * differ by (ADMM).  With C(b) half of the cost and |x|^2 a sum in which each
 * column counts by its diagonal of H (the paper scales inputs to length 1),
 *
 *     b  to where  C(b) + u'(b - d) + rho / 2 |b - d|^2  is least
 *     d  to the largest of z = b + u / rho, the others 0
 *     u  to u + rho (b - d), which is 0 where d is not, and rho z elsewhere
 *
 * so that one array has both d and u.  Every EVERY rounds rho grows by the steps
 * of the paper, until a mask stays what it is.
 *
 * For b the paper has the eigenvectors of H, which take nine times the cube of
 * the columns.  Here b goes on from where it was by INNER steps of conjugate
 * gradients, and nothing is needed but products with H.
 *
 * The paper's second part, the row that costs least with that mask, is
 * sov_obs_solve().  So is it for what one sweep makes (sparsegpt), and of the
 * two that one is taken, by each row or by the rows that share a mask, that
 * costs less: no row costs more than by sparsegpt with --heal.
 */
#include "prune/obs_in.h"

#include <math.h>
#include <string.h>

/* As in the paper: where rho begins, and when it is looked at. */
#define RHO   0.1f
#define EVERY 3

/* Rounds at the least and at most. */
#define LEAST 30
#define MOST  300

/* Where no mask moves from the beginning rho is a fifth, so many times. */
#define BACK 4

#define INNER 3

/* Rows of a chunk; arrays are [rows][k] unless it is said otherwise. */
struct search {
    const struct sov_obs_rows *r;
    struct sov_fb_place *p;
    const struct sov_kern *kern;
    size_t k;
    size_t group; /* rows that share a mask */

    float *g;    /* H want and what is to be made good besides */
    float *b;    /* rows without a mask */
    float *hb;   /* H b */
    float *both; /* d where a weight stays, else u by the diagonal */

    /* of rows that go on, side by side */
    size_t n;
    size_t row[SOV_FB_ROWS];
    float *rest; /* what is left of the slope */
    float *way, *product;
    float slope[SOV_FB_ROWS]; /* rest times itself, preconditioned */

    float *diagonal, *inverse, *some, *score; /* [k] */
    unsigned char *gone;                      /* [k] */
    unsigned char *last;                      /* masks at the last look */
    struct {
        float rho;
        int back;      /* times it was made less; -1: the mask has moved */
    } of[SOV_FB_ROWS]; /* each group, by its first row */
};

static unsigned char *
keep_of(const struct search *s, size_t row)
{
    return s->r->keep + (s->p->row0 + row) * s->k;
}

/* The first row of a row's group, and how many it has. */
static size_t
first_of(const struct search *s, size_t row)
{
    return row / s->group * s->group;
}

static size_t
rows_of(const struct search *s, size_t first)
{
    size_t left = s->p->n_rows - first;

    return left < s->group ? left : s->group;
}

/* ---- b ---- */

/* The slope at b, with the d, u and rho of now. */
static void
aim(struct search *s, size_t slot)
{
    size_t row = s->row[slot], at = row * s->k;
    const float *g = s->g + at, *b = s->b + at, *hb = s->hb + at;
    const float *both = s->both + at;
    const unsigned char *keep = keep_of(s, row);
    float *rest = s->rest + slot * s->k, *way = s->way + slot * s->k;
    float rho = s->of[first_of(s, row)].rho;

    for (size_t j = 0; j < s->k; j++) {
        float pull = both[j] * (keep[j] ? rho : -1.0f);

        rest[j] = (g[j] - hb[j]) + s->diagonal[j] * (pull - rho * b[j]);
    }
    s->kern->scale(rest, 1.0f, s->inverse, way, s->k);
    s->slope[slot] = s->kern->dot_f32(rest, way, s->k);
}

static void
advance(struct search *s, size_t slot, bool last)
{
    size_t row = s->row[slot], k = s->k;
    const struct sov_kern *kern = s->kern;
    float rho = s->of[first_of(s, row)].rho;
    float *rest = s->rest + slot * k, *way = s->way + slot * k;
    const float *product = s->product + slot * k;
    float curve, alpha, slope;

    kern->scale(way, rho, s->diagonal, s->some, k);
    curve = kern->dot_f32(way, product, k) + kern->dot_f32(way, s->some, k);
    alpha = curve > 0 ? s->slope[slot] / curve : 0.0f;
    kern->axpy(alpha, way, s->b + row * k, k);
    kern->axpy(alpha, product, s->hb + row * k, k);
    if (last)
        return;
    kern->axpy(-alpha, product, rest, k);
    kern->axpy(-alpha, s->some, rest, k);
    kern->scale(rest, 1.0f, s->inverse, s->some, k);
    slope = kern->dot_f32(rest, s->some, k);
    if (s->slope[slot] > 0)
        kern->axpy(slope / s->slope[slot], way, s->some, k);
    memcpy(way, s->some, k * sizeof(*way));
    s->slope[slot] = slope;
}

static void
find_b(struct search *s)
{
    struct sov_fb_place p = *s->p;

    p.n_rows = s->n;
    for (size_t i = 0; i < s->n; i++)
        aim(s, i);
    for (int step = 1; step <= INNER; step++) {
        sov_obs_multiply(&p, s->way, s->product);
        for (size_t i = 0; i < s->n; i++)
            advance(s, i, step == INNER);
    }
}

/* ---- d and u ---- */

/* z, in the place of both. */
static void
sum_up(struct search *s, size_t row)
{
    const unsigned char *keep = keep_of(s, row);
    const float *b = s->b + row * s->k;
    float *both = s->both + row * s->k;
    float by = 1.0f / s->of[first_of(s, row)].rho;

    for (size_t j = 0; j < s->k; j++)
        both[j] = b[j] + both[j] * (keep[j] ? 0.0f : by);
}

/* The mask of a group: of the largest, all rows together, by their diagonal. */
static void
choose(struct search *s, size_t first, size_t n)
{
    size_t k = s->k,
           of = s->r->share.pattern.of != 0 ? s->r->share.pattern.of : s->k;

    memset(s->score, 0, k * sizeof(*s->score));
    for (size_t i = first; i < first + n; i++)
        for (size_t j = 0; j < k; j++) {
            float z = s->both[i * k + j];

            s->score[j] += s->diagonal[j] * (z * z);
        }
    for (size_t j = 0; j < k; j++)
        s->score[j] = s->score[j] >= 0 ? s->score[j] : 0.0f; /* no NaN */
    for (size_t at = 0; at < k; at += of) {
        size_t len = k - at < of ? k - at : of;

        sov_prune_lowest(s->score + at, len, sov_prune_goes(&s->r->share, len),
                         s->gone + at);
    }
    for (size_t i = first; i < first + n; i++)
        for (size_t j = 0; j < k; j++)
            keep_of(s, i)[j] = !s->gone[j];
}

/* d and u of z: by is rho, or 0 as long as there is no price. */
static void
part(struct search *s, size_t row, float by)
{
    const unsigned char *keep = keep_of(s, row);
    float *both = s->both + row * s->k;

    for (size_t j = 0; j < s->k; j++)
        both[j] *= keep[j] ? 1.0f : by;
}

static void
find_d(struct search *s)
{
    size_t n;

    for (size_t i = 0; i < s->n; i += n) {
        size_t first = s->row[i];

        n = rows_of(s, first);
        for (size_t row = first; row < first + n; row++)
            sum_up(s, row);
        choose(s, first, n);
        for (size_t row = first; row < first + n; row++)
            part(s, row, s->of[first].rho);
    }
}

/* ---- rho ---- */

/* The paper's steps; false: the mask has settled. */
static bool
goes_on(struct search *s, size_t first, int round)
{
    const unsigned char *keep = keep_of(s, first);
    unsigned char *last = s->last + first * s->k;
    size_t changed = 0, kept = 0;

    for (size_t j = 0; j < s->k; j++) {
        changed += keep[j] != last[j];
        kept += keep[j];
    }
    memcpy(last, keep, s->k);
    if (changed == 0 && s->of[first].back >= 0 && s->of[first].back < BACK) {
        s->of[first].rho /= 5;
        s->of[first].back++;
        return true;
    }
    if (round >= MOST || (changed == 0 && round >= LEAST))
        return false;
    s->of[first].back = changed > 0 ? -1 : s->of[first].back;
    s->of[first].rho *= changed * 10 >= kept    ? 1.3f
                        : changed * 200 >= kept ? 1.2f
                                                : 1.1f;
    return true;
}

static void
put(const struct search *s, size_t row)
{
    const unsigned char *keep = keep_of(s, row);
    float *w = s->r->w + (s->p->row0 + row) * s->k;

    for (size_t j = 0; j < s->k; j++)
        w[j] = keep[j] ? s->both[row * s->k + j] : 0.0f;
}

static void
look(struct search *s, int round)
{
    size_t left = 0, n;

    for (size_t i = 0; i < s->n; i += n) {
        size_t first = s->row[i];
        bool on = goes_on(s, first, round);

        n = rows_of(s, first);
        for (size_t row = first; row < first + n; row++) {
            if (on)
                s->row[left++] = row;
            else
                put(s, row);
        }
    }
    s->n = left;
}

/* ---- a chunk ---- */

static void
begin(struct search *s)
{
    size_t n = s->p->n_rows, k = s->k;

    sov_obs_diagonal(s->p, s->diagonal);
    for (size_t j = 0; j < k; j++)
        s->inverse[j] = 1.0f / s->diagonal[j];
    memcpy(s->both, sov_fb_row(s->p, 0), n * k * sizeof(float));
    sov_obs_besides(s->p, s->g);
    sov_obs_multiply(s->p, s->both, s->hb);
    s->kern->axpy(1.0f, s->hb, s->g, n * k);
    memcpy(s->b, s->both, n * k * sizeof(float));
    for (size_t i = 0; i < n; i += s->group)
        choose(s, i, rows_of(s, i));
    for (size_t i = 0; i < n; i++) {
        part(s, i, 0.0f);
        memcpy(s->last + i * k, keep_of(s, i), k);
        s->of[i].rho = RHO;
        s->of[i].back = 0;
        s->row[i] = i;
    }
    s->n = n;
}

/* From rows as they were to rows with masks. */
static void
search(struct sov_obs_job *job, struct sov_fb_place *p)
{
    size_t k = job->r->k;
    float *rest = sov_obs_array(job, p, SOV_OBS_REST);
    struct search s = {
        .r = job->r,
        .p = p,
        .kern = p->job->k,
        .k = k,
        .group = job->r->share.pattern.rows,
        .g = p->w->w,
        .b = p->w->delta,
        .hb = sov_obs_array(job, p, SOV_OBS_BEFORE),
        .both = sov_obs_array(job, p, SOV_OBS_BOTH),
        .rest = sov_obs_array(job, p, SOV_OBS_GRADIENT),
        .way = sov_obs_array(job, p, SOV_OBS_WAY),
        .product = sov_obs_array(job, p, SOV_OBS_PRODUCT),
        .diagonal = rest,
        .inverse = rest + k,
        .some = rest + 2 * k,
        .score = rest + 3 * k,
        .gone = (unsigned char *)(rest + 4 * k),
        .last = (unsigned char *)(rest + 5 * k),
    };

    begin(&s);
    for (int round = 1; s.n > 0; round++) {
        find_b(&s);
        find_d(&s);
        if (round % EVERY == 0)
            look(&s, round);
    }
}

/* What the sweep made, and what it cost. */
struct first {
    float *w;            /* [rows][k] */
    unsigned char *keep; /* [rows][k] */
    double cost[SOV_FB_ROWS];
};

/* Where it costs no more, it stays. */
static void
take_better(const struct sov_obs_rows *r, const struct sov_fb_place *p,
            const struct first *f, const double *cost)
{
    size_t group = r->share.pattern.rows, k = r->k, n;

    for (size_t i = 0; i < p->n_rows; i += n) {
        double was = 0, now = 0;

        n = p->n_rows - i < group ? p->n_rows - i : group;
        for (size_t row = i; row < i + n; row++) {
            was += f->cost[row];
            now += cost[row];
        }
        if (now < was)
            continue;
        memcpy(r->w + (p->row0 + i) * k, f->w + i * k, n * k * sizeof(float));
        memcpy(r->keep + (p->row0 + i) * k, f->keep + i * k, n * k);
    }
}

static void
alps_chunk(struct sov_obs_job *job, struct sov_fb_place *p)
{
    struct sov_obs_rows r = *job->r;
    struct sov_obs_job mine = *job;
    struct first first;
    double cost[SOV_FB_ROWS];
    size_t k = r.k, n = p->n_rows * k;

    mine.r = &r;
    r.bits = 0; /* what is rounded is rounded at the end */
    r.packs = false;
    sov_obs_prune_chunk(&mine, p);
    sov_obs_solve_chunk(&mine, p, first.cost);
    first.w = sov_obs_array(job, p, SOV_OBS_FIRST);
    first.keep = (unsigned char *)(sov_obs_array(job, p, SOV_OBS_REST) +
                                   SOV_FB_ROWS / 2 * k);
    memcpy(first.w, r.w + p->row0 * k, n * sizeof(float));
    memcpy(first.keep, r.keep + p->row0 * k, n);
    search(&mine, p);
    sov_obs_solve_chunk(&mine, p, cost);
    take_better(&r, p, &first, cost);
    if (job->r->bits > 0) {
        r = *job->r;
        r.given = true;
        sov_obs_prune_chunk(&mine, p);
    }
}

static int
alps(const struct sov_feedback *f, const struct sov_obs_rows *r,
     struct sov_err *err)
{
    struct sov_obs_job job = { .fb = { .f = f, .rows = r->want }, .r = r };
    int rc = sov_obs_can_share(r, err);

    return rc == 0 ? sov_obs_run(&job, alps_chunk, SOV_OBS_SEARCHING, err) : rc;
}

const struct sov_prune_method sov_prune_method_alps = {
    .name = "alps",
    .about = "what costs least together, looked for until it settles",
    .needs = SOV_PRUNE_MOMENTS,
    .changes = true,
    .solves = true,
    .feed = alps,
};

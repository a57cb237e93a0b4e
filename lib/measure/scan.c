/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scan.c - every tensor decoded once: ranges, moments, what is no number
 *
 * A slab is cut into pieces of fixed size; each gets its own partial result,
 * and these are merged in their order (means and squares as Chan, Golub and
 * LeVeque, 1979), so that no sum depends on the number of threads.
 */
#include "measure/hist.h"
#include "measure/slabs.h"

#include "base/mem.h"
#include "sys/par.h"

#include <math.h>
#include <stdlib.h>

#define LANES 8
#define INF   0x7f800000u
#define HALF  0x477fe000u /* 65504 */

struct part {
    uint64_t finite;
    uint64_t nan, inf, zeros, beyond, bad_blocks;
    /* in the piece, later in the tensor; UINT64_MAX: none */
    uint64_t first_nan, first_inf, first_beyond;
    double min, max, mean, square; /* square: sum of (x - mean)^2 */
};

static const struct part nothing = {
    .first_nan = UINT64_MAX,
    .first_inf = UINT64_MAX,
    .first_beyond = UINT64_MAX,
};

struct worker {
    float *x;              /* a piece */
    struct sov_hist *hist; /* made when first needed */
    bool failed;
};

struct scan {
    const struct sov_scan *what;
    sov_model *model;
    struct sov_pair *pick; /* only a is used */
    size_t n_picks;
    sov_slabs *slabs;
    struct worker *worker;
    unsigned n_workers;
    struct part *part;
    struct sov_slab *slab;
    const struct sov_tensor *t;
    struct part sum; /* of the tensor so far */
    size_t n_front;
    float front[SOV_STATS_FRONT];
    struct sov_hist *hist;
    uint64_t done, total;
};

static uint32_t
bits_of(float x)
{
    uint32_t u;

    memcpy(&u, &x, sizeof(u));
    return u;
}

/* All of them finite: what nearly every piece is. */
static void
look_fast(const float *x, size_t n, struct part *p)
{
    double sum[LANES] = { 0 }, square[LANES] = { 0 };
    float low = x[0], high = x[0];
    uint64_t zeros = 0;
    size_t i;

    for (i = 0; i < n; i++) {
        low = x[i] < low ? x[i] : low;
        high = x[i] > high ? x[i] : high;
        zeros += x[i] == 0;
    }
    for (i = 0; i + LANES <= n; i += LANES)
        for (int k = 0; k < LANES; k++)
            sum[k] += (double)x[i + (size_t)k];
    for (; i < n; i++)
        sum[i % LANES] += (double)x[i];
    for (int k = 0; k < LANES; k++)
        p->mean += sum[k];
    p->mean /= (double)n;
    for (i = 0; i + LANES <= n; i += LANES)
        for (int k = 0; k < LANES; k++) {
            double d = (double)x[i + (size_t)k] - p->mean;

            square[k] += d * d;
        }
    for (; i < n; i++)
        square[i % LANES] +=
            ((double)x[i] - p->mean) * ((double)x[i] - p->mean);
    for (int k = 0; k < LANES; k++)
        p->square += square[k];
    p->min = (double)low;
    p->max = (double)high;
    p->zeros = zeros;
    p->finite = n;
}

/* The finite ones, moved together; the others are counted. */
static size_t
sort_out(float *x, size_t n, size_t block, struct part *p)
{
    size_t kept = 0, last_block = SIZE_MAX;

    for (size_t i = 0; i < n; i++) {
        uint32_t m = bits_of(x[i]) & 0x7fffffff;

        if (m < INF) {
            x[kept++] = x[i];
            continue;
        }
        if (m > INF && p->nan++ == 0)
            p->first_nan = i;
        if (m == INF && p->inf++ == 0)
            p->first_inf = i;
        if (i / block != last_block)
            p->bad_blocks++;
        last_block = i / block;
    }
    return kept;
}

static void
find_beyond(const float *x, size_t n, struct part *p)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t m = bits_of(x[i]) & 0x7fffffff;

        if (m <= HALF || m >= INF)
            continue;
        if (p->beyond++ == 0)
            p->first_beyond = i;
    }
}

static void
count_all(struct scan *s, struct worker *w, const float *x, size_t n)
{
    if (!s->what->hist || w->failed)
        return;
    if (w->hist == NULL &&
        (w->hist = sov_mem_array(1, sizeof(*w->hist))) == NULL) {
        w->failed = true;
        return;
    }
    for (size_t i = 0; i < n; i++)
        w->hist->count[sov_hist_bin(x[i])]++;
}

static void
look(struct scan *s, struct worker *w, size_t n, struct part *p)
{
    int32_t most = 0;
    size_t i;

    *p = nothing;
    for (i = 0; i < n; i++) {
        int32_t m = (int32_t)(bits_of(w->x[i]) & 0x7fffffff);

        most = m > most ? m : most;
    }
    if ((uint32_t)most > HALF)
        find_beyond(w->x, n, p);
    if ((uint32_t)most >= INF)
        n = sort_out(w->x, n, sov_type_info((int)s->t->type)->block, p);
    if (n > 0)
        look_fast(w->x, n, p);
    count_all(s, w, w->x, n);
}

static void
scan_pieces(void *arg, size_t first, size_t last, unsigned worker)
{
    struct scan *s = arg;
    const struct sov_type_info *info = sov_type_info((int)s->t->type);

    for (size_t i = first; i < last; i++) {
        size_t at = i * SOV_SLAB_PIECE;
        size_t n = s->slab->n - at;

        n = n < SOV_SLAB_PIECE ? n : SOV_SLAB_PIECE;
        if (sov_weights_decode(s->t->type,
                               s->slab->a + at / info->block * info->bytes,
                               s->worker[worker].x, n, NULL) == 0)
            look(s, &s->worker[worker], n, &s->part[i]);
    }
}

static void
take_first(uint64_t *first, uint64_t other, uint64_t at)
{
    if (*first == UINT64_MAX && other != UINT64_MAX)
        *first = at + other;
}

static void
merge(struct part *a, const struct part *b, uint64_t at)
{
    double n = (double)(a->finite + b->finite);
    double gap = b->mean - a->mean;

    if (b->finite > 0 && a->finite == 0) {
        a->min = b->min;
        a->max = b->max;
        a->mean = b->mean;
        a->square = b->square;
    } else if (b->finite > 0) {
        a->min = b->min < a->min ? b->min : a->min;
        a->max = b->max > a->max ? b->max : a->max;
        a->square +=
            b->square + gap * gap * (double)a->finite * ((double)b->finite / n);
        a->mean += gap * ((double)b->finite / n);
    }
    a->finite += b->finite;
    a->nan += b->nan;
    a->inf += b->inf;
    a->zeros += b->zeros;
    a->beyond += b->beyond;
    a->bad_blocks += b->bad_blocks;
    take_first(&a->first_nan, b->first_nan, at);
    take_first(&a->first_inf, b->first_inf, at);
    take_first(&a->first_beyond, b->first_beyond, at);
}

static int
gather_hist(struct scan *s, struct sov_err *err)
{
    struct sov_hist *h = s->hist;

    if (!s->what->hist)
        return 0;
    memset(h, 0, sizeof(*h));
    for (unsigned k = 0; k < s->n_workers; k++) {
        struct sov_hist *from = s->worker[k].hist;

        if (s->worker[k].failed)
            return sov_mem_fail(err);
        for (size_t i = 0; from != NULL && i < SOV_HIST_BINS; i++)
            h->count[i] += from->count[i];
        if (from != NULL)
            memset(from, 0, sizeof(*from));
    }
    h->n = s->sum.finite;
    h->min = s->sum.min;
    h->max = s->sum.max;
    h->exact = s->t->type == SOV_TYPE_F16 || s->t->type == SOV_TYPE_BF16;
    return 0;
}

static int
tell(struct scan *s, size_t i, struct sov_err *err)
{
    const struct part *p = &s->sum;
    uint64_t n = s->t->size > 0 ? sov_tensor_count(s->t) : 0;
    struct sov_stats r = {
        .known = sov_weights_known(s->t->type),
        .n = n,
        .nan = p->nan,
        .inf = p->inf,
        .zeros = p->zeros,
        .beyond = p->beyond,
        .bad_blocks = p->bad_blocks,
        .first_nan = p->first_nan < n ? p->first_nan : n,
        .first_inf = p->first_inf < n ? p->first_inf : n,
        .first_beyond = p->first_beyond < n ? p->first_beyond : n,
        .min = NAN,
        .max = NAN,
        .mean = NAN,
        .std = NAN,
        .rms = NAN,
    };
    int rc = gather_hist(s, err);

    if (rc < 0)
        return rc;
    r.first_bad = r.first_nan < r.first_inf ? r.first_nan : r.first_inf;
    r.n_front = s->n_front;
    memcpy(r.front, s->front, sizeof(r.front));
    if (p->finite > 0) {
        r.min = p->min;
        r.max = p->max;
        r.mean = p->mean;
        r.std = sqrt(p->square / (double)p->finite);
        r.rms = sqrt(p->square / (double)p->finite + p->mean * p->mean);
    }
    return s->what->found(s->what->arg, i, &r, s->what->hist ? s->hist : NULL,
                          err);
}

/* The first weights, before anything is sorted out. */
static void
look_at_front(struct scan *s)
{
    size_t block = sov_type_info((int)s->t->type)->block;
    size_t n = block < SOV_STATS_FRONT ? SOV_STATS_FRONT : block;
    float *x = s->worker[0].x;

    n = n < s->slab->n ? n : s->slab->n;
    s->n_front = 0;
    if (n == 0 || sov_weights_decode(s->t->type, s->slab->a, x, n, NULL) < 0)
        return;
    s->n_front = n < SOV_STATS_FRONT ? n : SOV_STATS_FRONT;
    memcpy(s->front, x, s->n_front * sizeof(*x));
}

static int
scan_slab(struct scan *s, struct sov_slab *slab, struct sov_err *err)
{
    size_t i = s->pick[slab->pair].a;
    size_t pieces = (slab->n + SOV_SLAB_PIECE - 1) / SOV_SLAB_PIECE;
    int rc = 0;

    if (slab->rc < 0) {
        if (err != NULL)
            *err = slab->err;
        return slab->rc;
    }
    s->slab = slab;
    s->t = sov_model_at(s->model, i);
    if (slab->first == 0) {
        s->sum = nothing;
        look_at_front(s);
    }
    if (sov_weights_known(s->t->type) && pieces > 0) {
        sov_par_for(pieces, 1, scan_pieces, s);
        for (size_t k = 0; k < pieces; k++)
            merge(&s->sum, &s->part[k], slab->first + k * SOV_SLAB_PIECE);
    }
    s->done += slab->a_len;
    if (s->what->progress != NULL)
        s->what->progress(s->what->arg, s->done, s->total, s->t->name);
    if (slab->last)
        rc = tell(s, i, err);
    return rc;
}

static int
make_workers(struct scan *s, struct sov_err *err)
{
    size_t pieces = sov_slabs_most(s->slabs) / SOV_SLAB_PIECE + 1;

    s->n_workers = sov_threads();
    s->worker = sov_mem_array(s->n_workers, sizeof(*s->worker));
    s->part = sov_mem_array(pieces, sizeof(*s->part));
    if (s->what->hist)
        s->hist = sov_mem_array(1, sizeof(*s->hist));
    if (s->worker == NULL || s->part == NULL ||
        (s->what->hist && s->hist == NULL))
        return sov_mem_fail(err);
    for (unsigned k = 0; k < s->n_workers; k++) {
        s->worker[k].x = sov_mem_array(SOV_SLAB_PIECE, sizeof(float));
        if (s->worker[k].x == NULL)
            return sov_mem_fail(err);
    }
    return 0;
}

static void
clean_up(struct scan *s)
{
    sov_slabs_stop(s->slabs);
    for (unsigned k = 0; s->worker != NULL && k < s->n_workers; k++) {
        free(s->worker[k].x);
        free(s->worker[k].hist);
    }
    free(s->worker);
    free(s->part);
    free(s->hist);
    free(s->pick);
}

static int
choose(struct scan *s, struct sov_err *err)
{
    size_t n = sov_model_count(s->model);

    s->pick = sov_mem_array(n, sizeof(*s->pick));
    if (s->pick == NULL)
        return sov_mem_fail(err);
    for (size_t i = 0; i < n; i++) {
        const struct sov_tensor *t = sov_model_at(s->model, i);

        if (s->what->pick != NULL && !s->what->pick(s->what->arg, t))
            continue;
        s->pick[s->n_picks++].a = i;
        s->total += t->size;
    }
    return 0;
}

int
sov_scan(sov_model *model, const struct sov_scan *what, struct sov_err *err)
{
    struct scan s = { .what = what, .model = model };
    struct sov_slab *slab;
    int rc;

    rc = choose(&s, err);
    if (rc == 0)
        rc = sov_slabs_start(&s.slabs, model, NULL, s.pick, s.n_picks, err);
    if (rc == 0)
        rc = make_workers(&s, err);
    while (rc == 0 && (slab = sov_slabs_next(s.slabs)) != NULL) {
        rc = scan_slab(&s, slab, err);
        sov_slabs_done(s.slabs, slab);
    }
    clean_up(&s);
    return rc;
}

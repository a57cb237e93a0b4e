/* SPDX-License-Identifier: Apache-2.0 */
/*
 * compare.c - the weights of two models side by side
 *
 * Slabs of one type with the same bytes are not decoded.  Where they differ
 * later on in the tensor, what the first part adds to the sum of the squares
 * is found by looking at the tensor again, unless it came from a pipe: then
 * everything is decoded at once.
 */
#include "measure/slabs.h"

#include "base/mem.h"
#include "sys/par.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct part {
    uint64_t differ, first, bad;
    double max, error, square;
};

struct side_by_side {
    const struct sov_compare *what;
    sov_model *a, *b;
    sov_slabs *slabs;
    float **x; /* for each worker two pieces */
    unsigned n_workers;
    struct part *part;
    struct sov_slab *slab;
    const struct sov_tensor *ta, *tb;
    struct part sum;
    bool equal;   /* all bytes so far */
    bool skipped; /* some were not decoded */
    uint64_t done, total;
};

static const unsigned char *
place(const struct sov_tensor *t, const unsigned char *bytes, size_t at)
{
    const struct sov_type_info *info = sov_type_info((int)t->type);

    return bytes + at / info->block * info->bytes;
}

/* Two numbers; the same NaN or infinity on both sides is no difference. */
static void
look_at_one(double a, double b, uint64_t i, struct part *p)
{
    double gap = b - a;

    if (a == b || (isnan(a) && isnan(b))) {
        p->square += isfinite(a) ? a * a : 0;
        return;
    }
    p->differ++;
    if (p->first == UINT64_MAX)
        p->first = i;
    if (!isfinite(a) || !isfinite(b)) {
        p->bad++;
        return;
    }
    p->square += a * a;
    p->error += gap * gap;
    p->max = fabs(gap) > p->max ? fabs(gap) : p->max;
}

static void
compare_pieces(void *arg, size_t first, size_t last, unsigned worker)
{
    struct side_by_side *s = arg;
    float *x = s->x[worker], *y = x + SOV_SLAB_PIECE;

    for (size_t k = first; k < last; k++) {
        size_t at = k * SOV_SLAB_PIECE;
        size_t n = s->slab->n - at;

        n = n < SOV_SLAB_PIECE ? n : SOV_SLAB_PIECE;
        s->part[k] = (struct part){ .first = UINT64_MAX };
        if (sov_weights_decode(s->ta->type, place(s->ta, s->slab->a, at), x, n,
                               NULL) < 0 ||
            sov_weights_decode(s->tb->type, place(s->tb, s->slab->b, at), y, n,
                               NULL) < 0)
            continue;
        for (size_t i = 0; i < n; i++)
            look_at_one((double)x[i], (double)y[i], i, &s->part[k]);
    }
}

static void
merge(struct part *a, const struct part *b, uint64_t at)
{
    a->differ += b->differ;
    a->bad += b->bad;
    a->error += b->error;
    a->square += b->square;
    a->max = b->max > a->max ? b->max : a->max;
    if (a->first == UINT64_MAX && b->first != UINT64_MAX)
        a->first = at + b->first;
}

static int
take_rms(void *arg, size_t i, const struct sov_stats *stats,
         const sov_hist *hist, struct sov_err *err)
{
    struct side_by_side *s = arg;

    (void)i;
    (void)hist;
    (void)err;
    s->sum.square =
        stats->rms * stats->rms * (double)(stats->n - stats->nan - stats->inf);
    return 0;
}

static bool
is_this(void *arg, const struct sov_tensor *t)
{
    const struct side_by_side *s = arg;

    return t == s->ta;
}

/* The squares of all of the tensor, where some of it was not decoded. */
static int
square_again(struct side_by_side *s, struct sov_err *err)
{
    struct sov_scan again = { .pick = is_this, .found = take_rms, .arg = s };

    if (!s->skipped || s->sum.differ == 0)
        return 0;
    return sov_scan(s->a, &again, err);
}

static int
tell(struct side_by_side *s, struct sov_err *err)
{
    struct sov_gap gap = {
        .same = s->equal,
        .known =
            sov_weights_known(s->ta->type) && sov_weights_known(s->tb->type),
        .n = s->ta->size > 0 ? sov_tensor_count(s->ta) : 0,
        .differ = s->sum.differ,
        .bad = s->sum.bad,
        .max = s->sum.max,
    };
    int rc = square_again(s, err);

    if (rc < 0)
        return rc;
    gap.first = s->sum.first < gap.n ? s->sum.first : gap.n;
    gap.nmse = s->sum.square > 0  ? s->sum.error / s->sum.square
               : s->sum.error > 0 ? NAN
                                  : 0;
    gap.rms =
        gap.n > gap.bad ? sqrt(s->sum.error / (double)(gap.n - gap.bad)) : 0;
    return s->what->found(s->what->arg, s->slab->pair, &gap, err);
}

static int
compare_slab(struct side_by_side *s, struct sov_slab *slab, struct sov_err *err)
{
    size_t pieces = (slab->n + SOV_SLAB_PIECE - 1) / SOV_SLAB_PIECE;
    const struct sov_pair *pair = &s->what->pair[slab->pair];
    bool equal;

    if (slab->rc < 0) {
        if (err != NULL)
            *err = slab->err;
        return slab->rc;
    }
    s->slab = slab;
    s->ta = sov_model_at(s->a, pair->a);
    s->tb = sov_model_at(s->b, pair->b);
    equal = s->ta->type == s->tb->type && slab->a_len == slab->b_len &&
            memcmp(slab->a, slab->b, slab->a_len) == 0;
    if (slab->first == 0) {
        s->sum = (struct part){ .first = UINT64_MAX };
        s->equal = s->ta->type == s->tb->type;
        s->skipped = false;
    }
    s->equal = s->equal && equal;
    if (equal && !sov_model_forward(s->a)) {
        s->skipped = s->skipped || slab->n > 0;
    } else if (pieces > 0) {
        sov_par_for(pieces, 1, compare_pieces, s);
        for (size_t k = 0; k < pieces; k++)
            merge(&s->sum, &s->part[k], slab->first + k * SOV_SLAB_PIECE);
    }
    s->done += slab->a_len + slab->b_len;
    if (s->what->progress != NULL)
        s->what->progress(s->what->arg, s->done, s->total, s->ta->name);
    return slab->last ? tell(s, err) : 0;
}

static int
check_pairs(struct side_by_side *s, struct sov_err *err)
{
    for (size_t i = 0; i < s->what->n; i++) {
        const struct sov_tensor *a = sov_model_at(s->a, s->what->pair[i].a);
        const struct sov_tensor *b = sov_model_at(s->b, s->what->pair[i].b);

        if (a == NULL || b == NULL || a->ndim != b->ndim ||
            memcmp(a->dim, b->dim, sizeof(a->dim)) != 0)
            return sov_fail(err, SOV_EARG, "no pair of one shape");
        s->total += a->size + b->size;
    }
    return 0;
}

static int
make_workers(struct side_by_side *s, struct sov_err *err)
{
    size_t pieces = sov_slabs_most(s->slabs) / SOV_SLAB_PIECE + 1;

    s->n_workers = sov_threads();
    s->x = sov_mem_array(s->n_workers, sizeof(*s->x));
    s->part = sov_mem_array(pieces, sizeof(*s->part));
    if (s->x == NULL || s->part == NULL)
        return sov_mem_fail(err);
    for (unsigned k = 0; k < s->n_workers; k++) {
        s->x[k] = sov_mem_array(2 * SOV_SLAB_PIECE, sizeof(float));
        if (s->x[k] == NULL)
            return sov_mem_fail(err);
    }
    return 0;
}

int
sov_compare(sov_model *a, sov_model *b, const struct sov_compare *what,
            struct sov_err *err)
{
    struct side_by_side s = { .what = what, .a = a, .b = b };
    struct sov_slab *slab;
    int rc;

    rc = check_pairs(&s, err);
    if (rc == 0)
        rc = sov_slabs_start(&s.slabs, a, b, what->pair, what->n, err);
    if (rc == 0)
        rc = make_workers(&s, err);
    while (rc == 0 && (slab = sov_slabs_next(s.slabs)) != NULL) {
        rc = compare_slab(&s, slab, err);
        sov_slabs_done(s.slabs, slab);
    }
    sov_slabs_stop(s.slabs);
    for (unsigned k = 0; s.x != NULL && k < s.n_workers; k++)
        free(s.x[k]);
    free(s.x);
    free(s.part);
    return rc;
}

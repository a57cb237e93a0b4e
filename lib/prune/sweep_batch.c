/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sweep_batch.c - some rows of a matrix, of which all is known that enters
 *
 * A mask comes first: from the method, mended if that was asked for.  A method
 * that makes up for what goes does both at once.  Then, with healing, the rows
 * are put together again with that mask, and what they are is rounded to the
 * tensor's type.
 */
#include "prune/sweep_in.h"

#include "base/mem.h"
#include "kern/kern.h"
#include "prune/dsnot.h"
#include "sov/base.h"
#include "sys/par.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Weights of a batch at most, unless rows that share a mask are more, and rows
 * that a thread takes. */
#define BATCH (UINT64_C(4) << 20)
#define ITEM  ((size_t)16)

/* The largest that f16 has. */
#define HALF_MOST 65504.0f

/* ---- memory ---- */

static size_t
rows_of_item(const struct sov_prune *job, size_t tensor)
{
    size_t rows = job->fate[tensor].share.pattern.rows;

    return (ITEM + rows - 1) / rows * rows;
}

/* Whole chunks of feedback and whole groups, and the rows of a sample. */
static uint64_t
least_weights(const struct sov_prune *job, size_t tensor)
{
    uint64_t group = job->fate[tensor].share.pattern.rows;
    uint64_t most =
        SOV_OBS_SHARED > SOV_PRUNE_SAMPLE ? SOV_OBS_SHARED : SOV_PRUNE_SAMPLE;
    uint64_t rows = (most + group - 1) / group * group;

    return rows * sov_model_at(job->model, tensor)->dim[0];
}

static void
measure(struct sov_prune_batch *b, const struct sov_prune *job, size_t *widest)
{
    b->cap = SOV_PRUNE_PROBE * sov_threads() * SOV_PRUNE_PROBE_WIDE;
    for (size_t i = 0; i < sov_model_count(job->model); i++) {
        const struct sov_tensor *t = sov_model_at(job->model, i);
        size_t k = (size_t)t->dim[0], room = 0;
        uint64_t all = (sov_prune_matrix_rows(t) + SOV_OBS_SHARED) * k;
        uint64_t least = least_weights(job, i);

        if (!job->fate[i].pruned)
            continue;
        if (job->method->room != NULL)
            room = job->method->room(rows_of_item(job, i), k);
        all = all < BATCH ? all : BATCH;
        b->cap = all > b->cap ? all : b->cap;
        b->cap = least > b->cap ? least : b->cap;
        b->room_bytes = room > b->room_bytes ? room : b->room_bytes;
        *widest = k > *widest ? k : *widest;
    }
}

int
sov_prune_batch_new(struct sov_prune_batch *b, const struct sov_prune *job,
                    struct sov_err *err)
{
    unsigned threads = sov_threads();
    size_t widest = 1;
    bool all;

    *b = (struct sov_prune_batch){ 0 };
    measure(b, job, &widest);
    b->want = sov_mem_aligned((size_t)b->cap, sizeof(*b->want));
    b->now = sov_mem_aligned((size_t)b->cap, sizeof(*b->now));
    b->keep = sov_mem_array((size_t)b->cap, 1);
    b->inputs = sov_mem_array(widest, 3 * sizeof(*b->inputs));
    b->room = sov_mem_array(threads, sizeof(*b->room));
    b->lost = sov_mem_array(threads, sizeof(*b->lost));
    b->zeros = sov_mem_array(threads, sizeof(*b->zeros));
    all = b->want != NULL && b->now != NULL && b->keep != NULL &&
          b->inputs != NULL && b->room != NULL && b->lost != NULL &&
          b->zeros != NULL;
    for (unsigned i = 0; i < threads && all; i++) {
        b->room[i] = sov_mem_aligned(b->room_bytes + 1, 1);
        all = b->room[i] != NULL;
    }
    if (all)
        return 0;
    sov_prune_batch_free(b);
    return sov_mem_fail(err);
}

void
sov_prune_batch_free(struct sov_prune_batch *b)
{
    for (unsigned i = 0; b->room != NULL && i < sov_threads(); i++)
        sov_mem_free_aligned(b->room[i]);
    free(b->room);
    free(b->lost);
    free(b->zeros);
    free(b->inputs);
    free(b->keep);
    sov_mem_free_aligned(b->now);
    sov_mem_free_aligned(b->want);
    *b = (struct sov_prune_batch){ 0 };
}

uint64_t
sov_prune_batch_bytes(const struct sov_prune_batch *b)
{
    return b->cap * (2 * sizeof(float) + 1) + sov_threads() * b->room_bytes;
}

/* ---- masks ---- */

static void
take_masks(const struct sov_prune_some *some, size_t first, size_t n,
           unsigned worker)
{
    const struct sov_prune_batch *b = &some->s->batch;
    const struct sov_prune *job = some->s->job;
    struct sov_prune_rows r = {
        .w = b->now + first * some->k,
        .n = n,
        .k = some->k,
        .first = some->first + first,
        .share = job->fate[some->tensor].share,
        .square = some->square,
        .moments = some->m,
    };
    unsigned char *keep = b->keep + first * some->k;
    struct sov_err err;

    /* scores of finite numbers: there is nothing that could go wrong */
    if (job->method->rows(&r, b->room[worker], &err) < 0)
        memcpy(r.w, b->want + first * some->k, n * some->k * sizeof(float));
    for (size_t i = 0; i < n * some->k; i++)
        keep[i] = r.w[i] != 0;
}

static void
mend_masks(const struct sov_prune_some *some, size_t first, size_t n)
{
    const struct sov_prune_batch *b = &some->s->batch;
    const struct sov_dsnot_inputs in = {
        .mean = b->inputs,
        .variance = b->inputs + some->k,
        .square = b->inputs + 2 * some->k,
    };
    const float *want = b->want + first * some->k;
    unsigned char *keep = b->keep + first * some->k;
    float *now = b->now + first * some->k;

    sov_dsnot_rows(want, keep, n, some->k,
                   some->s->job->fate[some->tensor].share.pattern.of, &in);
    for (size_t i = 0; i < n * some->k; i++)
        now[i] = keep[i] ? want[i] : 0;
}

static void
masks(void *arg, size_t first, size_t last, unsigned worker)
{
    const struct sov_prune_some *some = arg;
    const struct sov_prune *job = some->s->job;
    size_t each = rows_of_item(job, some->tensor);

    for (size_t i = first; i < last; i++) {
        size_t n = some->n - i * each < each ? some->n - i * each : each;

        take_masks(some, i * each, n, worker);
        if (job->dsnot && some->m != NULL)
            mend_masks(some, i * each, n);
    }
}

/* ---- what comes of it ---- */

static void
put_rows(void *arg, size_t first, size_t last, unsigned worker)
{
    const struct sov_prune_some *some = arg;
    const struct sov_prune_batch *b = &some->s->batch;
    const struct sov_tensor *t =
        sov_model_at(some->s->job->model, some->tensor);
    size_t bytes = (size_t)sov_tensor_row_bytes(t), k = some->k;

    for (size_t i = first; i < last; i++) {
        float *now = b->now + i * k;

        for (size_t j = 0; j < k; j++) {
            if (t->type == SOV_TYPE_F16)
                now[j] = fminf(fmaxf(now[j], -HALF_MOST), HALF_MOST);
            b->zeros[worker] += now[j] == 0;
        }
        sov_kern()->encode[t->type](now, NULL, some->to + i * bytes, k, 1);
        if (some->s->job->measure)
            sov_error_row(&b->lost[worker], b->want + i * k, some->square,
                          t->type, some->to + i * bytes, k);
    }
}

/* Rows as they were, and, unless that is to be done with all else, their
 * masks. */
static struct sov_obs_rows
begin(const struct sov_prune_some *some)
{
    const struct sov_prune_batch *b = &some->s->batch;
    const struct sov_prune *job = some->s->job;
    size_t each = rows_of_item(job, some->tensor);
    struct sov_prune_some now = *some;

    memcpy(b->now, b->want, some->n * some->k * sizeof(float));
    if (job->method->feed == NULL)
        sov_par_for((some->n + each - 1) / each, 1, masks, &now);
    return (struct sov_obs_rows){
        .w = b->now,
        .want = b->want,
        .keep = b->keep,
        .n = some->n,
        .k = some->k,
        .first = some->first,
        .share = job->fate[some->tensor].share,
        .bits = job->bits,
        .group = 64,
        .packs = job->bits != 0,
    };
}

/* Other methods' masks: weights as they were are rounded with these. */
static int
round_masked(const struct sov_prune_some *some, struct sov_obs_rows *r,
             struct sov_err *err)
{
    r->given = true;
    memcpy(r->w, some->s->batch.want, some->n * some->k * sizeof(float));
    return sov_obs_prune(some->f, r, err);
}

/* One that searches long is chosen for by one sweep, which is near enough. */
int
sov_prune_tune(const struct sov_prune_some *some, const size_t *which,
               struct sov_feedback *f, struct sov_err *err)
{
    const struct sov_prune *job = some->s->job;
    bool solves = job->method->solves && job->bits == 0;
    struct sov_obs_rows r = begin(some);

    r.which = which;
    return sov_obs_tune(f, &r, some->s->batch.want,
                        job->method->solves ? sov_obs_prune : job->method->feed,
                        job->heal || solves, err);
}

int
sov_prune_some(const struct sov_prune_some *some, struct sov_err *err)
{
    const struct sov_prune_batch *b = &some->s->batch;
    const struct sov_prune *job = some->s->job;
    struct sov_obs_rows r = begin(some);
    struct sov_prune_some now = *some;
    int rc = 0;

    if (job->method->feed != NULL)
        rc = job->method->feed(some->f, &r, err);
    else if (job->bits != 0 && some->f != NULL)
        rc = round_masked(some, &r, err);
    if (rc == 0 && job->heal && some->f != NULL && !job->method->solves)
        rc = sov_obs_solve(some->f, &r, b->want, err);
    if (rc == 0)
        sov_par_for(some->n, ITEM, put_rows, &now);
    return rc;
}

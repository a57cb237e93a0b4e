/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cost.c - what a run will take, before it is begun
 */
#include "prune/cost.h"

#include "base/mem.h"
#include "calib/calib.h"
#include "calib/onward.h"
#include "kern/kern.h"
#include "prune/eigen.h"
#include "sys/file.h"
#include "sys/par.h"

#include <stdlib.h>

/* Bytes a second that are copied to the output, which a disk may be slower
 * than. */
#define WRITTEN 1e9

/* Bytes that writing takes beside the pages of a tensor; and what is given back
 * to the system at once. */
#define WRITING  (UINT64_C(8) << 20)
#define RETAINED (UINT64_C(64) << 20)

/* The widest matrix whose eigenvectors are tried, and tries of a product. */
#define EIGEN 256
#define TRIES 4
#define ROWS  ((size_t)64)

/* ---- one look at the text ---- */

int
sov_prune_look_cost(struct sov_prune *job, struct sov_prune_cost *cost,
                    struct sov_err *err)
{
    struct sov_calib_rates rates;
    struct sov_calib *calib;
    int rc = sov_calib_new(&calib, job->model, &job->calib, NULL, err);

    if (rc == 0)
        rc = sov_calib_probe(calib, &rates, err);
    if (rc == 0)
        *cost = (struct sov_prune_cost){
            .seconds = (double)sov_calib_tokens(calib) *
                       ((double)sov_calib_products(calib, 0) * rates.layer[0] +
                        (double)sov_calib_tallied(calib) * rates.tally),
            .memory = sov_calib_memory(calib),
            .scratch = sov_calib_scratch(calib),
        };
    sov_calib_free(calib);
    return rc;
}

/* ---- writing ---- */

void
sov_prune_write_cost(struct sov_prune *job, struct sov_prune_cost *cost)
{
    double weights = 0, bytes = 0, pace = 0;
    uint64_t largest = 0;
    struct sov_err unseen;

    for (size_t i = 0; i < sov_model_count(job->model); i++) {
        const struct sov_tensor *t = sov_model_at(job->model, i);

        bytes += (double)t->size;
        largest = t->size > largest ? t->size : largest;
        if (job->fate[i].pruned && job->sweep == NULL)
            weights += (double)sov_tensor_count(t);
    }
    if (job->shape == NULL && weights > 0 &&
        sov_prune_stream_pace(job, &pace, &unseen) < 0)
        pace = 0; /* the run says what is wrong */
    /* what was given back may still be there, if it was not much */
    if (cost->memory < RETAINED)
        cost->memory += WRITING;
    if (cost->memory < WRITING + largest)
        cost->memory = WRITING + largest;
    cost->write += weights * pace + bytes / WRITTEN;
}

/* ---- shapes ---- */

struct product {
    size_t k;
    size_t each;      /* rows at once */
    float *a, *x, *y; /* [k, k], [ROWS, k], [ROWS, k] */
};

static void
multiply(void *arg, size_t first, size_t last, unsigned worker)
{
    const struct product *p = arg;

    (void)worker;
    for (size_t i = first; i < last; i++)
        sov_kern()->dots(p->a, p->k, p->k, p->x + i * p->each * p->k, p->k,
                         p->each, p->k, p->y + i * p->each * p->k, p->k);
}

/* Seconds of a multiplication, `each` rows at a time. */
static double
time_product(struct product *p, size_t each)
{
    double t[TRIES];

    p->each = each;
    for (int i = 0; i < TRIES; i++) {
        t[i] = sov_clock();
        sov_par_for(ROWS / each, 1, multiply, p);
        t[i] = sov_clock() - t[i];
    }
    return sov_calib_usual(t, TRIES) / ((double)ROWS * (double)(p->k * p->k));
}

static int
time_eigen(size_t n, double *seconds, struct sov_err *err)
{
    size_t k = n < EIGEN ? n : EIGEN;
    double *a = sov_mem_array(k * k, sizeof(*a));
    double *value = sov_mem_array(k, sizeof(*value));
    double by = (double)n / (double)k;
    uint32_t s = 1;
    int rc = a == NULL || value == NULL ? sov_mem_fail(err) : 0;

    for (size_t i = 0; i < k && rc == 0; i++)
        for (size_t j = 0; j <= i; j++) {
            s = s * 1664525 + 1013904223;
            a[i * k + j] = (i == j ? 8 : 0) + (double)(int32_t)s * 0x1p-31;
        }
    if (rc == 0) {
        *seconds = sov_clock();
        rc = sov_eigen(a, k, value, err);
        *seconds = (sov_clock() - *seconds) * by * by * by;
    }
    free(a);
    free(value);
    return rc;
}

/* Second moments of the width of the stream. */
static int
time_sums(size_t k, double *seconds, struct sov_err *err)
{
    struct sov_moments m = { 0 };
    float *x = sov_mem_aligned(SOV_MOMENT_TOKENS * k, sizeof(*x));
    float *room =
        sov_mem_aligned((size_t)sov_moments_room(k, false), sizeof(*room));
    double t[TRIES];
    int rc = x == NULL || room == NULL
                 ? sov_mem_fail(err)
                 : sov_moments_new(&m, k, 0, false, false, err);

    for (int i = 0; i < TRIES && rc == 0; i++) {
        t[i] = sov_clock();
        sov_moments_add(&m, false, x, k, x, k, SOV_MOMENT_TOKENS, room);
        t[i] = sov_clock() - t[i];
    }
    if (rc == 0)
        *seconds = sov_calib_usual(t, TRIES) /
                   (SOV_MOMENT_TOKENS * (double)k * (double)k / 2);
    sov_moments_free(&m);
    sov_mem_free_aligned(x);
    sov_mem_free_aligned(room);
    return rc;
}

/* What turning takes beside reading, of a text of so many tokens. */
static int
add_turning(const struct sov_shape_work *w, double tokens,
            struct sov_prune_cost *cost, struct sov_err *err)
{
    size_t k = w->eigen;
    struct product p = { .k = k };
    double sum = 0, eigen = 0;
    int rc = time_sums(k, &sum, err);

    p.a = sov_mem_aligned(k * k, sizeof(float));
    p.x = sov_mem_aligned(ROWS * k, sizeof(float));
    p.y = sov_mem_aligned(ROWS * k, sizeof(float));
    if (rc == 0 && (p.a == NULL || p.x == NULL || p.y == NULL))
        rc = sov_mem_fail(err);
    if (rc == 0)
        rc = time_eigen(k, &eigen, err);
    if (rc == 0) {
        cost->seconds += (tokens * w->sums + w->rows) * sum + eigen +
                         tokens * w->shares * time_product(&p, 1);
        cost->write += w->turns * time_product(&p, 16);
    }
    sov_mem_free_aligned(p.a);
    sov_mem_free_aligned(p.x);
    sov_mem_free_aligned(p.y);
    return rc;
}

int
sov_shape_cost(struct sov_prune *job, const struct sov_shape_work *w,
               struct sov_prune_cost *cost, struct sov_err *err)
{
    struct sov_onward_rates rates;
    struct sov_onward *r;
    double tokens, token;
    int rc = sov_onward_new(&r, job->model, &job->calib, err);

    if (rc == 0)
        rc = sov_onward_probe(r, w->losses > 0, &rates, err);
    if (rc < 0) {
        sov_onward_free(r);
        return rc;
    }
    tokens = (double)sov_onward_tokens(r);
    token = w->passes * (double)sov_onward_products(r) * rates.layer +
            w->looks * ((double)sov_onward_looked(r) * rates.layer +
                        (double)sov_onward_tallied(r) * rates.tally) +
            w->losses * rates.loss;
    *cost = (struct sov_prune_cost){
        .seconds = tokens * token,
        .memory = sov_onward_memory(r, w->marks) + w->memory,
        .scratch = sov_onward_scratch(r, w->marks),
    };
    if (w->eigen > 0)
        rc = add_turning(w, tokens, cost, err);
    sov_onward_free(r);
    return rc;
}

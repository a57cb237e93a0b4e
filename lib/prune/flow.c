/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flow.c - what enters a matrix, and what its columns weigh
 *
 * All sums are of doubles in one order, so that no number depends on threads
 * or instruction set.
 */
#include "prune/cost.h"
#include "prune/shape.h"

#include "base/le.h"
#include "base/mem.h"
#include "calib/stats.h"
#include "kern/kern.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int
sov_flow_open(struct sov_flow *f, struct sov_trim *c,
              const struct sov_shape_ask *ask, const char *method,
              struct sov_err *err)
{
    int rc = 0;

    *f = (struct sov_flow){ NULL, ask->stats };
    if (ask->calib != NULL) {
        rc = sov_stats_collect(&f->made, c->model, ask->calib, err);
        f->stats = f->made;
    } else if (ask->stats == NULL) {
        rc = sov_fail(err, SOV_EARG,
                      "%s has to know what enters the matrices: --calib TEXT "
                      "or --stats FILE is missing",
                      method);
    }
    return rc;
}

void
sov_flow_close(struct sov_flow *f)
{
    sov_stats_close(f->made);
    f->made = NULL;
}

int
sov_flow_of(const struct sov_flow *f, const char *tensor, size_t k,
            double *square, double *mean, bool *has_mean, struct sov_err *err)
{
    int64_t at = sov_stats_find(f->stats, tensor);
    const struct sov_stats_entry *e;
    double n;

    if (at < 0)
        return sov_fail(err, SOV_EFORMAT, "the statistics do not have %.80s",
                        tensor);
    e = &f->stats->entry[at];
    if (e->values != k || e->matrices != 1)
        return sov_fail(err, SOV_EFORMAT,
                        "the statistics have %" PRIu64 " values for %.80s, "
                        "which has %zu columns",
                        e->values, tensor, k);
    n = (double)sov_lef32(e->count);
    *has_mean = e->plain != NULL && n > 0;
    for (size_t i = 0; i < k; i++) {
        square[i] = n > 0 ? (double)sov_lef32(e->sum + 4 * i) / n : 1;
        if (*has_mean)
            mean[i] = (double)sov_lef32(e->plain + 4 * i) / n;
    }
    return 0;
}

/* ---- rows of a matrix ---- */

struct rows {
    const struct sov_tensor *t;
    size_t tensor;
    unsigned char *raw; /* owned; rows as they are */
    float *x;           /* [n, k] owned */
    size_t n;           /* at once */
};

static int
find(const struct sov_trim *c, size_t layer, const char *name, const char *end,
     size_t *tensor, char full[96])
{
    int64_t at;

    snprintf(full, 96, "blk.%zu.%s.%s", layer, name, end);
    at = sov_model_find(c->model, full);
    *tensor = at < 0 ? 0 : (size_t)at;
    return at < 0 ? 1 : 0;
}

static int
begin_rows(struct rows *r, const struct sov_trim *c, size_t tensor,
           struct sov_err *err)
{
    size_t k;

    r->tensor = tensor;
    r->t = sov_model_at(c->model, tensor);
    k = (size_t)r->t->dim[0];
    r->n = k < 1 << 18 ? (1 << 18) / k : 1;
    r->raw = sov_mem_array(r->n, (size_t)sov_tensor_row_bytes(r->t));
    r->x = sov_mem_array(r->n * k, sizeof(*r->x));
    if (r->raw == NULL || r->x == NULL)
        return sov_mem_fail(err);
    if ((unsigned)r->t->type >= SOV_TYPE_GGUF_MAX ||
        sov_kern()->decode[r->t->type] == NULL)
        return sov_fail(err, SOV_EUNSUP, "tensor %s: type %s cannot be read",
                        r->t->name, sov_type_info((int)r->t->type)->name);
    return 0;
}

static void
end_rows(struct rows *r)
{
    free(r->raw);
    free(r->x);
}

/* Rows from first on into r->x; how many in *n. */
static int
read_rows(struct rows *r, const struct sov_trim *c, uint64_t first, size_t *n,
          struct sov_err *err)
{
    size_t bytes = (size_t)sov_tensor_row_bytes(r->t);
    uint64_t left = sov_tensor_rows(r->t) - first;
    int rc;

    *n = left < r->n ? (size_t)left : r->n;
    rc = sov_model_read(c->model, r->tensor, first * bytes, r->raw, *n * bytes,
                        err);
    if (rc == 0)
        sov_kern()->decode[r->t->type](r->raw, r->x, *n * (size_t)r->t->dim[0]);
    return rc;
}

/* Row number `row` of a tensor, x[k]. */
typedef void (*row_fn)(void *arg, uint64_t row, const float *x, size_t k);

static int
each_row(const struct sov_trim *c, size_t tensor, row_fn fn, void *arg,
         struct sov_err *err)
{
    struct rows r = { 0 };
    int rc = begin_rows(&r, c, tensor, err);
    uint64_t all = rc == 0 ? sov_tensor_rows(r.t) : 0;
    size_t n = 0;

    for (uint64_t at = 0; at < all && rc == 0; at += n) {
        size_t k = (size_t)r.t->dim[0];

        rc = read_rows(&r, c, at, &n, err);
        for (size_t i = 0; i < n && rc == 0; i++)
            fn(arg, at + i, r.x + i * k, k);
    }
    end_rows(&r);
    return rc;
}

/* ---- scores ---- */

/* Adds the squares of each column to what is in arg. */
static void
add_squares(void *arg, uint64_t row, const float *x, size_t k)
{
    double *sum = arg;

    (void)row;
    for (size_t j = 0; j < k; j++)
        sum[j] += (double)x[j] * (double)x[j];
}

int
sov_flow_score(const struct sov_flow *f, const struct sov_trim *c, size_t layer,
               const char *name, double *score, struct sov_err *err)
{
    char full[96];
    size_t tensor, k;
    double *square, *mean;
    bool has_mean;
    int rc;

    if (find(c, layer, name, "weight", &tensor, full) != 0)
        return sov_fail(err, SOV_EUNSUP, "there is no tensor %s", full);
    k = (size_t)sov_model_at(c->model, tensor)->dim[0];
    square = sov_mem_array(k, sizeof(*square));
    mean = sov_mem_array(k, sizeof(*mean));
    rc = square == NULL || mean == NULL ? sov_mem_fail(err) : 0;
    if (rc == 0)
        rc = sov_flow_of(f, full, k, square, mean, &has_mean, err);
    for (size_t j = 0; j < k && rc == 0; j++)
        score[j] = 0;
    if (rc == 0)
        rc = each_row(c, tensor, add_squares, score, err);
    for (size_t j = 0; j < k && rc == 0; j++) {
        double spread = square[j] - mean[j] * mean[j];

        score[j] *= spread > 0 ? spread : 0;
        if (!isfinite(score[j]) || !isfinite(spread))
            rc = sov_fail(err, SOV_EFORMAT,
                          "tensor %s: column %zu, or what enters it, is not "
                          "finite",
                          full, j);
    }
    free(square);
    free(mean);
    return rc;
}

/* ---- biases ---- */

/* The bias that the matrix has, or zeros. */
static int
read_bias(const struct sov_trim *c, size_t layer, const char *name, float *b,
          size_t n, char full[96], bool *there, struct sov_err *err)
{
    size_t tensor;
    const struct sov_tensor *t;
    unsigned char *raw;
    int rc;

    *there = find(c, layer, name, "bias", &tensor, full) == 0;
    memset(b, 0, n * sizeof(*b));
    if (!*there)
        return 0;
    t = sov_model_at(c->model, tensor);
    raw = sov_mem_array((size_t)t->size, 1);
    if (raw == NULL)
        return sov_mem_fail(err);
    rc = sov_model_read(c->model, tensor, 0, raw, (size_t)t->size, err);
    if (rc == 0)
        sov_kern()->decode[t->type](raw, b, n);
    free(raw);
    return rc;
}

struct gone {
    const bool *gone;   /* [k] */
    const double *mean; /* [k] */
    float *b;           /* [rows] */
};

static void
add_gone(void *arg, uint64_t row, const float *x, size_t k)
{
    const struct gone *g = arg;
    double sum = (double)g->b[row];

    for (size_t j = 0; j < k; j++)
        if (g->gone[j])
            sum += (double)x[j] * g->mean[j];
    g->b[row] = (float)sum;
}

/* Of those rows that stay. */
static int
make_bias(struct sov_trim *c, const char *full, size_t behind, float *b,
          size_t n, struct sov_err *err)
{
    size_t stay = 0;

    for (size_t i = 0; i < n; i++)
        if (sov_trim_has(&c->embd, i))
            b[stay++] = b[i];
    return sov_trim_make(c, full, behind, b, stay, err);
}

int
sov_flow_bias(const struct sov_flow *f, struct sov_trim *c, size_t layer,
              const char *name, const bool *gone, bool *made,
              struct sov_err *err)
{
    size_t n = c->hp.n_embd, tensor, k;
    char full[96], bias[96];
    bool there = false, has_mean = false;
    double *square, *mean;
    float *b;
    int rc = 0;

    *made = false;
    if (find(c, layer, name, "weight", &tensor, full) != 0)
        return sov_fail(err, SOV_EUNSUP, "there is no tensor %s", full);
    k = (size_t)sov_model_at(c->model, tensor)->dim[0];
    square = sov_mem_array(k, sizeof(*square));
    mean = sov_mem_array(k, sizeof(*mean));
    b = sov_mem_array(n, sizeof(*b));
    if (square == NULL || mean == NULL || b == NULL)
        rc = sov_mem_fail(err);
    if (rc == 0)
        rc = sov_flow_of(f, full, k, square, mean, &has_mean, err);
    if (rc == 0)
        rc = read_bias(c, layer, name, b, n, bias, &there, err);
    if (rc == 0 && has_mean && (there || sov_trim_may_bias(c, name))) {
        rc =
            each_row(c, tensor, add_gone, &(struct gone){ gone, mean, b }, err);
        if (rc == 0)
            rc = make_bias(c, bias, tensor, b, n, err);
        *made = rc == 0;
    }
    free(square);
    free(mean);
    free(b);
    return rc;
}

int
sov_flow_cut(struct sov_trim *c, const struct sov_shape_ask *ask,
             const char *method, sov_shape_set set, sov_flow_fn fn,
             struct sov_err *err)
{
    struct sov_flow f;
    double ratio;
    int rc = sov_shape_ratio(c, ask, set, &ratio, err);

    if (rc < 0)
        return rc;
    rc = sov_flow_open(&f, c, ask, method, err);
    if (rc == 0)
        rc = fn(c, &f, ratio, ask->job, err);
    sov_flow_close(&f);
    return rc;
}

int
sov_flow_work(struct sov_trim *c, const struct sov_shape_ask *ask,
              struct sov_shape_work *w, struct sov_err *err)
{
    (void)c;
    (void)err;
    w->looks = ask->calib != NULL ? 1 : 0;
    return 0;
}

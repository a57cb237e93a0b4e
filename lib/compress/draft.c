/* SPDX-License-Identifier: Apache-2.0 */
/*
 * draft.c - matrices made of other types on trial
 *
 * All threads work on rows, each with a desk of its own.  Errors of rows are
 * tallies of whole numbers, so that their sums do not depend on who made which.
 */
#include "compress/draft.h"

#include "compress/error.h"
#include "compress/importance.h"
#include "compress/job.h"
#include "compress/merge.h"
#include "compress/mix.h"

#include "base/mem.h"
#include "kern/kern.h"
#include "sys/par.h"

#include <math.h>
#include <stdlib.h>

/* Weights that an error is measured on, and rows at least. */
#define SAMPLE_WEIGHTS 32768
#define SAMPLE_ROWS    8

/* What a worker has for itself. */
struct desk {
    float *x;              /* [SOV_PIECE] */
    unsigned char *blocks; /* of as many weights */
    struct sov_importance_view view;
    struct sov_error *error; /* [SOV_TYPE_GGUF_MAX] */
};

struct sov_draft {
    sov_model *model;
    struct sov_merge *merge; /* of nothing */
    sov_plan *plan;
    struct sov_importance *importance;
    int effort;
    struct desk *desk; /* [n_desks] */
    unsigned n_desks;

    /* The work at hand: */
    size_t tensor;
    const enum sov_type *type;
    size_t n_rows; /* of the sample */
    unsigned char *out;
};

static size_t
piece(const struct sov_tensor *t)
{
    return t->dim[0] < SOV_PIECE ? (size_t)t->dim[0] : SOV_PIECE;
}

/* n weights from number first on, as they will be encoded. */
static void
read_weights(const struct sov_draft *d, uint64_t first, size_t n, float *x)
{
    const struct sov_tensor *t = sov_model_at(d->model, d->tensor);
    const unsigned char *data = t->data;

    sov_job_decoder(t->type)(data + sov_job_bytes(t->type, first), x, n);
    for (size_t i = 0; i < n; i++)
        x[i] = isfinite(x[i]) ? x[i] : 0;
}

static const float *
encode(const struct sov_draft *d, struct desk *w, uint64_t first, size_t n,
       enum sov_type type, unsigned char *blocks)
{
    const float *imp = NULL;

    if (sov_type_info((int)type)->kind == SOV_KIND_BLOCK)
        imp = sov_importance_row(d->importance, &w->view, d->tensor, first, n);
    sov_kern()->encode[type](w->x, imp, blocks, n, d->effort);
    return imp;
}

/* ---- errors ---- */

/* Item i is one of the rows as one of the types: rows of a type follow each
 * other. */
static void
measure_rows(void *arg, size_t first, size_t last, unsigned worker)
{
    struct sov_draft *d = arg;
    struct desk *w = &d->desk[worker];
    const struct sov_tensor *t = sov_model_at(d->model, d->tensor);
    uint64_t rows = sov_tensor_rows(t);
    size_t n = piece(t);

    for (size_t i = first; i < last; i++) {
        uint64_t row = (2 * (i % d->n_rows) + 1) * rows / (2 * d->n_rows);
        size_t k = i / d->n_rows;
        const float *imp;

        read_weights(d, row * t->dim[0], n, w->x);
        imp = encode(d, w, row * t->dim[0], n, d->type[k], w->blocks);
        if (imp == NULL) /* plain numbers: columns count all the same */
            imp = sov_importance_row(d->importance, &w->view, d->tensor,
                                     row * t->dim[0], n);
        sov_error_row(&w->error[k], w->x, imp, d->type[k], w->blocks, n);
    }
}

void
sov_draft_errors(struct sov_draft *d, size_t i, const enum sov_type *type,
                 size_t n, double *error)
{
    const struct sov_tensor *t = sov_model_at(d->model, i);
    uint64_t rows = sov_tensor_rows(t), want = SAMPLE_WEIGHTS / piece(t);

    want = want < SAMPLE_ROWS ? SAMPLE_ROWS : want;
    d->n_rows = (size_t)(rows < want ? rows : want);
    d->tensor = i;
    d->type = type;
    for (unsigned k = 0; k < d->n_desks; k++)
        for (size_t l = 0; l < n; l++)
            d->desk[k].error[l] = (struct sov_error){ 0 };
    sov_par_for(n * d->n_rows, 1, measure_rows, d);
    for (size_t l = 0; l < n; l++) {
        struct sov_error sum = { 0 };
        struct sov_quant_error f;

        for (unsigned k = 0; k < d->n_desks; k++)
            sov_error_merge(&sum, &d->desk[k].error[l]);
        f = sov_error_figures(&sum);
        error[l] = f.weighed ? f.weighed_error : f.error;
        if (!isfinite(error[l]))
            error[l] = 1; /* nothing is left of it */
    }
}

/* ---- whole tensors ---- */

static void
make_rows(void *arg, size_t first, size_t last, unsigned worker)
{
    struct sov_draft *d = arg;
    struct desk *w = &d->desk[worker];
    const struct sov_tensor *t = sov_model_at(d->model, d->tensor);

    for (size_t i = first; i < last; i++) {
        uint64_t at = (uint64_t)i * t->dim[0], end = at + t->dim[0];
        size_t n;

        for (; at < end; at += n) {
            n = end - at < SOV_PIECE ? (size_t)(end - at) : SOV_PIECE;
            read_weights(d, at, n, w->x);
            encode(d, w, at, n, *d->type, d->out + sov_job_bytes(*d->type, at));
        }
    }
}

uint64_t
sov_draft_bytes(const struct sov_draft *d, size_t i, enum sov_type type)
{
    return sov_job_bytes(type, sov_tensor_count(sov_model_at(d->model, i)));
}

void
sov_draft_make(struct sov_draft *d, size_t i, enum sov_type type,
               unsigned char *blocks)
{
    d->tensor = i;
    d->type = &type;
    d->out = blocks;
    sov_par_for((size_t)sov_tensor_rows(sov_model_at(d->model, i)), 1,
                make_rows, d);
}

/* ---- what it is made of ---- */

/* Importance is for what becomes blocks: here all matrices do. */
static int
make_importance(struct sov_draft *d, const sov_stats *stats,
                struct sov_err *err)
{
    int rc = sov_plan_new(&d->plan, NULL, err);

    for (size_t i = 0; i < sov_model_count(d->model) && rc == 0; i++) {
        const struct sov_tensor *t = sov_model_at(d->model, i);
        enum sov_type to = t->type;

        if (sov_mix_is_matrix(t) && t->dim[0] % 32 == 0)
            to = t->type == SOV_TYPE_Q8_0 ? SOV_TYPE_Q4_0 : SOV_TYPE_Q8_0;
        rc = sov_plan_add(d->plan, t->name, to, t->ndim, t->dim, err);
    }
    if (rc == 0)
        rc = sov_merge_new(&d->merge, d->model, NULL, 0, err);
    if (rc == 0)
        rc = sov_importance_new(&d->importance, d->model, d->plan, d->merge,
                                stats, err);
    return rc;
}

static int
make_desks(struct sov_draft *d, struct sov_err *err)
{
    int rc = 0;

    d->n_desks = sov_threads();
    d->desk = sov_mem_array(d->n_desks, sizeof(*d->desk));
    if (d->desk == NULL)
        return sov_mem_fail(err);
    for (unsigned i = 0; i < d->n_desks && rc == 0; i++) {
        struct desk *w = &d->desk[i];

        w->x = sov_mem_aligned(SOV_PIECE, sizeof(*w->x));
        w->blocks = sov_mem_aligned(SOV_PIECE, sizeof(float));
        w->error = sov_mem_array(SOV_TYPE_GGUF_MAX, sizeof(*w->error));
        rc = w->x == NULL || w->blocks == NULL || w->error == NULL
                 ? sov_mem_fail(err)
                 : sov_importance_view_new(&w->view, SOV_PIECE, err);
    }
    return rc;
}

int
sov_draft_new(struct sov_draft **draft, sov_model *model,
              const sov_stats *stats, int effort, struct sov_err *err)
{
    struct sov_draft *d = sov_mem_array(1, sizeof(*d));
    int rc;

    *draft = NULL;
    if (d == NULL)
        return sov_mem_fail(err);
    d->model = model;
    d->effort = effort;
    rc = make_importance(d, stats, err);
    if (rc == 0)
        rc = make_desks(d, err);
    if (rc < 0) {
        sov_draft_free(d);
        return rc;
    }
    *draft = d;
    return 0;
}

void
sov_draft_free(struct sov_draft *d)
{
    if (d == NULL)
        return;
    for (unsigned i = 0; i < d->n_desks && d->desk != NULL; i++) {
        sov_mem_free_aligned(d->desk[i].x);
        sov_mem_free_aligned(d->desk[i].blocks);
        sov_importance_view_free(&d->desk[i].view);
        free(d->desk[i].error);
    }
    free(d->desk);
    sov_importance_free(d->importance);
    sov_merge_free(d->merge);
    sov_plan_free(d->plan);
    free(d);
}

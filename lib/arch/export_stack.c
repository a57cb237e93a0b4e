/* SPDX-License-Identifier: Apache-2.0 */
/*
 * export_stack.c - tensors of a folder that are parts of those of the model, or
 * made of several; the way back of import_stack.c
 */
#include "arch/export.h"

#include "base/limits.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int
sov_export_made(struct sov_export *x, const char *name, enum sov_type type,
                uint32_t ndim, const uint64_t *dim, const struct sov_recipe *r,
                struct sov_err *err)
{
    size_t pieces = r->n * sizeof(*r->piece); /* one block with the recipe */
    struct sov_recipe *copy = sov_mem_array(1, sizeof(*copy) + pieces);
    struct sov_view *v = NULL;
    int rc = copy == NULL ? sov_mem_fail(err)
                          : sov_export_add(x, r->piece[0].from, name, &v, err);

    if (rc < 0) {
        free(copy);
        return rc;
    }
    *copy = *r;
    copy->piece = memcpy(copy + 1, r->piece, pieces);
    v->recipe = copy;
    v->type = type;
    v->ndim = ndim;
    memcpy(v->dim, dim, ndim * sizeof(*dim));
    return 0;
}

int
sov_export_stack(struct sov_export *x, size_t i, const char *name,
                 struct sov_err *err)
{
    const struct sov_tensor t = *sov_model_at(x->model, i);
    const char *star = strchr(name, '*');
    int rc = sov_export_plain(x, &t, err);

    if (rc == 0 && (t.ndim != 3 || t.size == 0 || t.dim[2] > SOV_EXPERTS_MAX))
        rc = sov_fail(err, SOV_EUNSUP,
                      "tensor %.80s is not the matrices of some experts",
                      t.name);
    if (rc == 0)
        rc = sov_export_note(x, i, err);
    for (uint64_t k = 0; k < t.dim[2] && rc == 0; k++) {
        struct sov_piece piece = { i, SOV_NO_TENSOR, k * t.dim[1] };
        struct sov_recipe r = { .make = SOV_MAKE_ROWS,
                                .piece = &piece,
                                .n = 1,
                                .rows = t.dim[1],
                                .cols = t.dim[0],
                                .step = 1 };
        char full[192];

        snprintf(full, sizeof(full), "%.*s%llu%s", (int)(star - name), name,
                 (unsigned long long)k, star + 1);
        rc = sov_export_made(x, full, t.type, 2, t.dim, &r, err);
    }
    return rc;
}

/* ---- does it come back? */

/* The recipe of a folder's tensor, if it has one. */
static const struct sov_recipe *
recipe_of(const struct sov_export *x, size_t at)
{
    return at < x->n_views ? x->view[at].recipe : NULL;
}

/* Piece k of what is imported is the k-th part of tensor i. */
static bool
is_part(const struct sov_export *x, size_t i, const struct sov_recipe *got,
        size_t k)
{
    const struct sov_recipe *was = recipe_of(x, got->piece[k].from);

    return was != NULL && was->make == SOV_MAKE_ROWS && was->n == 1 &&
           was->step == 1 && was->rows == got->rows && was->cols == got->cols &&
           was->piece[0].from == i && was->piece[0].first == k * got->rows &&
           got->piece[k].first == 0;
}

/* Every so many rows of tensor `at` there are those of tensor i here. */
static bool
is_woven(const struct sov_export *x, size_t i, const struct sov_recipe *got,
         size_t at, enum sov_make make)
{
    const struct sov_recipe *was = recipe_of(x, at);
    uint64_t first = got->piece[0].first;

    return was != NULL && was->make == make && was->step == 1 &&
           was->n == got->step && was->woven && was->rows == got->rows &&
           first < was->n && was->piece[first].from == i &&
           was->piece[first].first == 0;
}

bool
sov_export_undone(const struct sov_export *x, size_t i,
                  const struct sov_recipe *got)
{
    const struct sov_piece *p = &got->piece[0];
    bool same = true;

    if (got->make == SOV_MAKE_MXFP4)
        return is_woven(x, i, got, p->from, SOV_MAKE_CODES) &&
               is_woven(x, i, got, p->side, SOV_MAKE_SCALES);
    if (p->side != SOV_NO_TENSOR ||
        (got->make != SOV_MAKE_ROWS && got->make != SOV_MAKE_SCALED))
        return false;
    if (got->n == 1 && recipe_of(x, p->from) == NULL) /* but for its type */
        return p->from < x->n_views && x->of[p->from] == i && got->step == 1;
    if (got->n == 1 && got->make == SOV_MAKE_SCALED)
        return is_woven(x, i, got, p->from, SOV_MAKE_ROWS);
    for (size_t k = 0; k < got->n && same; k++)
        same = is_part(x, i, got, k);
    return same && got->step == 1;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * import_stack.c - tensors of the result that are made of several
 */
#include "arch/import.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "[3, 2]", as its publisher has it. */
static const char *
shape_text(char buf[96], uint32_t ndim, const uint64_t *dim)
{
    size_t len = 1;

    strcpy(buf, "[");
    for (uint32_t i = ndim; i > 0; i--)
        len +=
            (size_t)snprintf(buf + len, 96 - len, "%llu%s",
                             (unsigned long long)dim[i - 1], i > 1 ? ", " : "");
    snprintf(buf + len, 96 - len, "]");
    return buf;
}

int
sov_import_find(struct sov_import *im, const char *name, uint32_t ndim,
                const uint64_t *dim, size_t *at, struct sov_err *err)
{
    int64_t found = sov_import_at(im, name);
    const struct sov_tensor *t;
    char is[96], be[96];

    if (found < 0)
        return sov_fail(err, SOV_EFORMAT, "tensor %s is missing", name);
    t = sov_model_at(im->model, (size_t)found);
    if (t->ndim != ndim || memcmp(t->dim, dim, ndim * sizeof(*dim)) != 0)
        return sov_fail(
            err, SOV_EFORMAT, "tensor %s is %s, not %s as config.json has it",
            name, shape_text(is, t->ndim, t->dim), shape_text(be, ndim, dim));
    im->used[found] = true;
    *at = (size_t)found;
    return 0;
}

int
sov_import_made(struct sov_import *im, const char *to, enum sov_type type,
                uint32_t ndim, const uint64_t *dim,
                const struct sov_order *order, const struct sov_recipe *recipe,
                struct sov_err *err)
{
    struct sov_view view = { .type = type,
                             .ndim = ndim,
                             .dim = { 1, 1, 1, 1 } };
    struct sov_recipe *copy = sov_mem_array(1, sizeof(*copy));
    struct sov_piece *piece = sov_mem_array(recipe->n, sizeof(*piece));
    char *name = sov_mem_dup(to, strlen(to));
    int rc = sov_import_keep(im, copy, err);
    int rc_piece = sov_import_keep(im, piece, err);
    int rc_name = sov_import_keep(im, name, err);

    if (rc < 0 || rc_piece < 0 || rc_name < 0)
        return SOV_EMEM;
    memcpy(piece, recipe->piece, recipe->n * sizeof(*piece));
    *copy = *recipe;
    copy->piece = piece;
    memcpy(view.dim, dim, ndim * sizeof(*dim));
    if (order != NULL)
        view.order = *order;
    view.name = name;
    view.recipe = copy;
    return sov_import_add(im, &view, err);
}

int
sov_import_find_plain(struct sov_import *im, const char *name, uint32_t ndim,
                      const uint64_t *dim, size_t *at, struct sov_err *err)
{
    const struct sov_tensor *t;
    size_t found = 0;
    int rc = sov_import_find(im, name, ndim, dim, &found, err);

    if (rc < 0)
        return rc;
    t = sov_model_at(im->model, found);
    if (!sov_import_plain(t->type))
        return sov_fail(err, SOV_EUNSUP,
                        "tensor %s has the type %s; only f32, f16 and bf16 "
                        "can be imported",
                        t->name, sov_type_info((int)t->type)->name);
    *at = found;
    return 0;
}

int
sov_import_fused(struct sov_import *im, const char *to, const char *from,
                 uint64_t n, uint64_t rows, uint64_t cols, unsigned of,
                 unsigned which, struct sov_err *err)
{
    const uint64_t was[] = { cols, of * rows, n }, dim[] = { cols, rows, n };
    struct sov_piece *piece = sov_mem_array((size_t)n, sizeof(*piece));
    struct sov_recipe r = { .make = SOV_MAKE_ROWS,
                            .piece = piece,
                            .n = (size_t)n,
                            .rows = rows,
                            .cols = cols,
                            .step = 1 };
    size_t at = 0;
    int rc = piece == NULL ? sov_mem_fail(err)
                           : sov_import_find_plain(im, from, 3, was, &at, err);

    for (uint64_t i = 0; i < n && rc == 0; i++)
        piece[i] = (struct sov_piece){ .from = at,
                                       .side = SOV_NO_TENSOR,
                                       .first = (i * of + which) * rows };
    if (rc == 0)
        rc = sov_import_made(im, to, sov_model_at(im->model, at)->type, 3, dim,
                             NULL, &r, err);
    free(piece);
    return rc;
}

int
sov_import_stack(struct sov_import *im, const char *to, const char *from,
                 uint64_t n, uint64_t rows, uint64_t cols, struct sov_err *err)
{
    const uint64_t dim[] = { cols, rows };
    const char *star = strchr(from, '*');
    size_t *at = sov_mem_array((size_t)n, sizeof(*at));
    int rc = at == NULL ? sov_mem_fail(err) : 0;

    for (uint64_t i = 0; i < n && rc == 0; i++) {
        char name[192];

        snprintf(name, sizeof(name), "%.*s%llu%s", (int)(star - from), from,
                 (unsigned long long)i, star + 1);
        rc = sov_import_find(im, name, 2, dim, &at[i], err);
    }
    if (rc == 0)
        rc = sov_import_matrices(im, to, at, (size_t)n, 3, rows, cols, NULL,
                                 err);
    free(at);
    return rc;
}

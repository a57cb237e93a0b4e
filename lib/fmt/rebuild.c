/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rebuild.c - putting an import's view in place of what was loaded
 *
 * The new tensors keep pointing at the bytes of the old ones in their files;
 * only regrouped rows of a mapped model, and tensors that the import made, are
 * in memory.
 */
#include "fmt/format.h"

#include "base/mem.h"
#include "tensor/type.h"

#include <stdlib.h>
#include <string.h>

static int
broken(const struct sov_view *view, const char *what, struct sov_err *err)
{
    return sov_fail(err, SOV_EARG, "view %s: %s", view->name, what);
}

/* A tensor that the import made. */
static int
fresh_entry(struct sov_entry *e, const struct sov_view *view,
            struct sov_err *err)
{
    int rc;

    e->t.type = view->type;
    e->t.ndim = view->ndim;
    memcpy(e->t.dim, view->dim, sizeof(e->t.dim));
    rc = sov_tensor_measure(&e->t, err);
    if (rc < 0)
        return sov_err_wrap(err, "tensor %s", view->name);
    e->own = (unsigned char *)sov_mem_dup(view->bytes, (size_t)e->t.size);
    return e->own == NULL ? sov_mem_fail(err) : 0;
}

static int
check_heads(const struct sov_entry *e, const struct sov_view *view,
            struct sov_err *err)
{
    uint64_t rows = e->t.ndim < 2 ? e->t.dim[0] : e->t.dim[1];

    if (e->t.ndim > 2 ||
        (e->t.ndim < 2 && sov_type_info(e->t.type)->block > 1))
        return broken(view, "heads of no matrix", err);
    if (rows % view->heads != 0 || rows / view->heads % 2 != 0)
        return sov_fail(err, SOV_EFORMAT,
                        "tensor %s: %llu rows are not %u heads of an even "
                        "width",
                        view->name, (unsigned long long)rows,
                        (unsigned)view->heads);
    return 0;
}

/* Bytes that are in memory, in the order of rows that is wanted. */
static int
copy_own(struct sov_entry *e, const unsigned char *own, struct sov_err *err)
{
    uint64_t n = e->t.ndim < 2 ? e->t.dim[0] : e->t.dim[1];
    size_t unit = n > 0 ? (size_t)(e->t.size / n) : 0;

    e->own = (unsigned char *)sov_mem_dup(own, (size_t)e->t.size);
    if (e->own == NULL)
        return sov_mem_fail(err);
    for (uint64_t i = 0; e->heads > 0 && i < n; i++)
        memcpy(e->own + i * unit,
               own + sov_source_row(i, n / e->heads, e->back) * unit, unit);
    return 0;
}

/* An old tensor under another name, in another shape or order of rows. */
static int
viewed_entry(sov_model *m, struct sov_entry *e, const struct sov_view *view,
             struct sov_err *err)
{
    const struct sov_entry *old;
    uint64_t size;
    int rc = 0;

    if (view->from >= m->n)
        return broken(view, "of no tensor", err);
    old = &m->entry[view->from];
    *e = *old;
    e->own = NULL;
    e->t.name = NULL;
    e->t.data = NULL;
    size = old->t.size;
    if (old->heads > 0 && (view->heads != old->heads || !view->back))
        return broken(view, "regrouped twice", err);
    if (old->heads > 0) { /* there and back again */
        e->heads = 0;
        return sov_entry_map(m, e, err);
    }
    if (view->heads > 0 && m->part[e->part]->pipe &&
        !m->part[e->part]->file.regular)
        return broken(view, "a pipe cannot be regrouped", err);
    if (view->ndim > 0) {
        e->t.ndim = view->ndim;
        memcpy(e->t.dim, view->dim, sizeof(e->t.dim));
        rc = sov_tensor_measure(&e->t, err);
        if (rc == 0 && e->t.size != size)
            rc = broken(view, "another size", err);
    }
    if (rc == 0 && view->heads > 0)
        rc = check_heads(e, view, err);
    e->heads = view->heads;
    e->back = view->back;
    if (rc == 0 && old->own != NULL)
        rc = copy_own(e, old->own, err);
    return rc < 0 ? rc : sov_entry_map(m, e, err);
}

static int
build(sov_model *m, const struct sov_view *view, size_t n,
      struct sov_entry *entry, struct sov_map *names, struct sov_err *err)
{
    int rc = 0;

    for (size_t i = 0; i < n && rc == 0; i++) {
        if (view[i].bytes != NULL)
            rc = fresh_entry(&entry[i], &view[i], err);
        else
            rc = viewed_entry(m, &entry[i], &view[i], err);
        if (rc < 0)
            return rc;
        entry[i].t.name = sov_mem_dup(view[i].name, strlen(view[i].name));
        if (entry[i].t.name == NULL)
            return sov_mem_fail(err);
        if (entry[i].own != NULL && m->access == SOV_ACCESS_MAP)
            entry[i].t.data = entry[i].own;
        rc = sov_map_add(names, entry[i].t.name, strlen(view[i].name), i, err);
        if (rc > 0)
            rc = sov_fail(err, SOV_EFORMAT, "there are two tensors \"%s\"",
                          view[i].name);
    }
    return rc;
}

/* Of the tensors in the last file, the one whose bytes come last. */
static size_t
find_last(const struct sov_entry *entry, size_t n)
{
    size_t last = 0;

    for (size_t i = 0; i < n; i++)
        if (entry[i].own == NULL && entry[i].t.size > 0 &&
            (entry[last].own != NULL || entry[i].part > entry[last].part ||
             (entry[i].part == entry[last].part &&
              entry[i].off > entry[last].off)))
            last = i;
    return last;
}

int
sov_model_rebuild(sov_model *m, sov_meta *meta, const struct sov_view *view,
                  size_t n, struct sov_err *err)
{
    struct sov_entry *entry = sov_mem_array(n, sizeof(*entry));
    struct sov_map names = { 0 };
    int rc;

    sov_meta_free(m->meta);
    m->meta = meta;
    if (entry == NULL)
        return sov_mem_fail(err);
    rc = build(m, view, n, entry, &names, err);
    if (rc < 0) {
        for (size_t i = 0; i < n; i++)
            sov_entry_free(&entry[i]);
        free(entry);
        sov_map_free(&names);
        return rc;
    }
    for (size_t i = 0; i < m->n; i++)
        sov_entry_free(&m->entry[i]);
    free(m->entry);
    sov_map_free(&m->names);
    m->entry = entry;
    m->n = n;
    m->cap = n;
    m->names = names;
    m->last = find_last(entry, n);
    return 0;
}

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
fetch_own(void *arg, uint64_t off, void *buf, size_t len, struct sov_err *err)
{
    (void)err;
    memcpy(buf, (unsigned char *)arg + off, len);
    return 0;
}

/* Bytes that are in memory, in the order of rows that is wanted. */
static int
copy_own(struct sov_entry *e, unsigned char *own, struct sov_err *err)
{
    uint64_t unit = sov_order_unit(&e->t);
    int rc;

    if (!sov_order_moves(&e->order) || e->t.size == 0) {
        e->own = (unsigned char *)sov_mem_dup(own, (size_t)e->t.size);
        return e->own == NULL ? sov_mem_fail(err) : 0;
    }
    e->own = sov_mem_array((size_t)e->t.size, 1);
    if (e->own == NULL)
        return sov_mem_fail(err);
    rc = sov_order_read(&e->order, &e->t, 0, e->t.size / unit, e->own,
                        fetch_own, own, err);
    e->order = (struct sov_order){ 0 }; /* the bytes are as they are shown */
    return rc;
}

/* An old tensor under another name, in another shape or order of rows. */
static int
viewed_entry(sov_model *m, struct sov_entry *e, const struct sov_view *view,
             struct sov_err *err)
{
    bool moves = sov_order_moves(&view->order), moved;
    const struct sov_entry *old;
    int rc = 0;

    if (view->from >= m->n)
        return broken(view, "of no tensor", err);
    old = &m->entry[view->from];
    moved = sov_order_moves(&old->order);
    *e = *old;
    e->own = NULL;
    e->t.name = NULL;
    e->t.data = NULL;
    e->order = view->order;
    if (moved && !sov_order_undoes(&old->order, &view->order))
        return broken(view, "regrouped twice", err);
    if (moves && !moved && old->own == NULL && m->part[e->part]->pipe &&
        !m->part[e->part]->file.regular)
        return broken(view, "a pipe cannot be regrouped", err);
    if (view->ndim > 0) {
        e->t.ndim = view->ndim;
        memcpy(e->t.dim, view->dim, sizeof(e->t.dim));
        rc = sov_tensor_measure(&e->t, err);
        if (rc == 0 && e->t.size != old->t.size)
            rc = broken(view, "another size", err);
    }
    if (rc == 0 && moves)
        rc = sov_order_shape(&view->order, &e->t, err);
    if (rc < 0)
        return rc;
    if (moved) /* there and back again */
        e->order = (struct sov_order){ 0 };
    else if (old->own != NULL)
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

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rebuild.c - putting an import's view in place of what was loaded
 *
 * The new tensors keep pointing at the bytes of the old ones in their files, or
 * are made of them as they are read, for which the old ones are kept; only of a
 * mapped model what is regrouped or made so, and tensors that the import brings
 * along, are in memory.
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

static int
measure(struct sov_entry *e, const struct sov_view *view, struct sov_err *err)
{
    int rc;

    e->t.type = view->type;
    e->t.ndim = view->ndim;
    memcpy(e->t.dim, view->dim, sizeof(e->t.dim));
    rc = sov_tensor_measure(&e->t, err);
    return rc < 0 ? sov_err_wrap(err, "tensor %s", view->name) : 0;
}

/* A tensor that the import brings along. */
static int
fresh_entry(struct sov_entry *e, const struct sov_view *view,
            struct sov_err *err)
{
    int rc = measure(e, view, err);

    if (rc < 0)
        return rc;
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

/* The model's own copy of a recipe. */
static int
add_made(sov_model *m, const struct sov_recipe *recipe, struct sov_made **out,
         struct sov_err *err)
{
    struct sov_made *made;
    struct sov_piece *piece;
    int rc = sov_mem_grow((void **)&m->made, m->n_made, &m->cap_made,
                          sizeof(*m->made), err);

    if (rc < 0)
        return rc;
    made = sov_mem_array(1, sizeof(*made));
    piece = sov_mem_array(recipe->n, sizeof(*piece));
    if (made == NULL || piece == NULL) {
        free(made);
        free(piece);
        return sov_mem_fail(err);
    }
    memcpy(piece, recipe->piece, recipe->n * sizeof(*piece));
    made->recipe = *recipe;
    made->recipe.piece = piece;
    made->recipe.tall += recipe->tall == 0;
    made->recipe.wide += recipe->wide == 0;
    made->base = m->entry;
    m->made[m->n_made++] = made;
    *out = made;
    return 0;
}

/* Rows behind each other of a tensor in a file are a tensor there. */
static bool
is_slice(const struct sov_recipe *r, const struct sov_entry *from)
{
    return r->make == SOV_MAKE_ROWS && r->n == 1 && r->step == 1 &&
           from->own == NULL && from->made == NULL &&
           !sov_order_moves(&from->order);
}

/* A tensor that is made of old ones. */
static int
made_entry(sov_model *m, struct sov_entry *e, const struct sov_view *view,
           struct sov_err *err)
{
    struct sov_made *made = NULL;
    const struct sov_entry *from;
    int rc = measure(e, view, err);

    e->t.name = view->name; /* for messages */
    if (rc == 0)
        rc = add_made(m, view->recipe, &made, err);
    if (rc == 0)
        rc = sov_made_check(made, m->n, &e->t, err);
    for (size_t i = 0; i < view->recipe->n && rc == 0; i++) {
        from = &m->entry[view->recipe->piece[i].from];
        if (m->part[from->part]->big || !m->part[from->part]->file.regular)
            rc = broken(view, "of a pipe, or of big-endian numbers", err);
    }
    if (rc == 0 && view->order.columns)
        rc = broken(view, "made and turned", err);
    if (rc == 0 && sov_order_moves(&view->order))
        rc = sov_order_shape(&view->order, &e->t, err);
    e->t.name = NULL;
    if (rc < 0)
        return rc;
    from = &m->entry[view->recipe->piece[0].from];
    e->part = from->part;
    e->order = view->order;
    e->made = made;
    if (is_slice(view->recipe, from)) {
        uint64_t rows = view->recipe->rows;

        e->made = NULL;
        e->off =
            from->off + e->t.size / rows * view->recipe->piece[0].first;
    }
    return sov_entry_map(m, e, err);
}

static int
build(sov_model *m, const struct sov_view *view, size_t n,
      struct sov_entry *entry, struct sov_map *names, struct sov_err *err)
{
    int rc = 0;

    for (size_t i = 0; i < n && rc == 0; i++) {
        if (view[i].bytes != NULL)
            rc = fresh_entry(&entry[i], &view[i], err);
        else if (view[i].recipe != NULL)
            rc = made_entry(m, &entry[i], &view[i], err);
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

/* The old tensors, unless something is made of them, are done with. */
static int
put_away(sov_model *m, struct sov_err *err)
{
    int rc = 0;

    if (m->n_made > 0) {
        rc = sov_mem_grow((void **)&m->kept, m->n_kept, &m->cap_kept,
                          sizeof(*m->kept), err);
        if (rc == 0)
            m->kept[m->n_kept++] = (struct sov_kept){ m->entry, m->n };
        return rc;
    }
    for (size_t i = 0; i < m->n; i++)
        sov_entry_free(&m->entry[i]);
    free(m->entry);
    return 0;
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
    if (rc == 0)
        rc = put_away(m, err);
    if (rc < 0) {
        for (size_t i = 0; i < n; i++)
            sov_entry_free(&entry[i]);
        free(entry);
        sov_map_free(&names);
        return rc;
    }
    sov_map_free(&m->names);
    m->entry = entry;
    m->n = n;
    m->cap = n;
    m->names = names;
    m->last = find_last(entry, n);
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trim_plan.c - which tensors a cut leaves, their shapes, and their bytes
 *
 * Tensors stand in the order of the model, so that they can be pulled through
 * a pipe.  Rows that follow each other in the model are read at once; columns
 * are taken out of them one by one, or block by block.
 */
#include "prune/trim.h"
#include "prune/turn.h"

#include "base/le.h"
#include "base/mem.h"
#include "kern/kern.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Bytes of rows that are read at once, if a row is not more. */
#define READ_BYTES ((size_t)1 << 20)

/* ---- shapes ---- */

struct shape {
    char name[256];
    enum sov_type type;
    uint64_t dim[SOV_NDIM_MAX];
    struct sov_trim_item item;
    enum sov_trim_axis axis[3];
};

static const struct sov_trim_own *
own_of(const struct sov_trim *c, const char *name)
{
    for (size_t i = 0; i < c->n_own; i++)
        if (strcmp(c->own[i].name, name) == 0)
            return &c->own[i];
    return NULL;
}

/* Is any side of anything but layers shorter? */
static bool
cuts_sides(const struct sov_trim *c)
{
    bool less = sov_trim_less(&c->embd) || sov_trim_less(&c->vocab);

    for (size_t i = 0; i < c->hp.n_layer && !less; i++)
        less = sov_trim_less(&c->of[i].ffn) || sov_trim_less(&c->of[i].kv) ||
               sov_trim_less(&c->of[i].expert);
    return less;
}

/* The name with the layer's new number. */
static void
rename_layer(const struct sov_trim *c, const char *name, size_t layer,
             char to[256])
{
    size_t at = 0;

    if (layer == SIZE_MAX) {
        snprintf(to, 256, "%s", name);
        return;
    }
    for (size_t i = 0; i < layer; i++)
        at += sov_trim_has(&c->layer, i);
    snprintf(to, 256, "blk.%zu%s", at, strchr(name + 4, '.'));
}

/* Columns of blocks leave in whole blocks. */
static int
check_columns(const struct sov_trim *c, const struct sov_tensor *t,
              const struct shape *s, struct sov_err *err)
{
    const struct sov_type_info *info = sov_type_info((int)t->type);
    uint64_t *id, n = s->dim[0], first = 0;
    bool whole = true;
    int rc;

    if (n == t->dim[0] || info->block == 1)
        return 0;
    rc = sov_trim_numbers(c, s->axis[0], s->item.layer, t->dim[0], &id, err);
    if (rc < 0)
        return rc;
    for (uint64_t i = 0; i < n && whole; i++) {
        first = i % info->block == 0 ? id[i] : first;
        whole = n % info->block == 0 && first % info->block == 0 &&
                id[i] == first + i % info->block;
    }
    free(id);
    return whole ? 0
                 : sov_fail(err, SOV_EUNSUP,
                            "tensor %s is %s: its columns can leave in whole "
                            "blocks of %" PRIu32 " alone; cut the model before "
                            "it is quantized",
                            t->name, info->name, info->block);
}

/* What tensor i becomes; 1: it is left out. */
static int
shape_of(const struct sov_trim *c, size_t i, struct shape *s,
         struct sov_err *err)
{
    const struct sov_tensor *t = sov_model_at(c->model, i);
    const struct sov_trim_own *own = own_of(c, t->name);
    bool known = sov_trim_axes(t->name, s->axis, &s->item.layer);
    size_t layer = s->item.layer;

    if (strlen(t->name) > 200)
        return sov_fail(err, SOV_EUNSUP, "tensor %.80s: the name is too long",
                        t->name);
    if (layer != SIZE_MAX && layer < c->hp.n_layer &&
        !sov_trim_has(&c->layer, layer))
        return 1;
    if (!known && cuts_sides(c))
        return sov_fail(err, SOV_EUNSUP,
                        "tensor %s: it is not known what its sides are",
                        t->name);
    s->type = t->type;
    memcpy(s->dim, t->dim, sizeof(s->dim));
    for (int k = 0; k < 3 && known; k++)
        s->dim[k] = sov_trim_count(c, s->axis[k], layer, t->dim[k]);
    s->item.from = i;
    s->item.own = own != NULL ? own->x : NULL;
    s->item.gain = known && c->gain != 1 && t->ndim == 1 &&
                   s->axis[0] == SOV_AXIS_EMBD &&
                   strstr(t->name, "norm") != NULL;
    if (s->item.own != NULL || s->item.gain)
        s->type = SOV_TYPE_F32;
    rename_layer(c, t->name, layer, s->name);
    if (own != NULL && own->n != s->dim[0])
        return sov_fail(err, SOV_EARG, "tensor %s: %zu numbers for %" PRIu64,
                        t->name, own->n, s->dim[0]);
    return known && own == NULL ? check_columns(c, t, s, err) : 0;
}

/* A vector that the model does not have, behind one of its tensors. */
static int
add_own(struct sov_trim *c, sov_plan *plan, size_t behind, size_t *n,
        struct sov_err *err)
{
    int rc = 0;

    for (size_t i = 0; i < c->n_own && rc == 0; i++) {
        const struct sov_trim_own *own = &c->own[i];
        uint64_t dim = own->n;
        enum sov_trim_axis axis[3];
        char name[256];
        size_t layer;

        if (own->behind != behind || sov_model_find(c->model, own->name) >= 0)
            continue;
        sov_trim_axes(own->name, axis, &layer);
        rename_layer(c, own->name, layer, name);
        c->item[(*n)++] = (struct sov_trim_item){ .from = behind,
                                                  .layer = layer,
                                                  .own = own->x };
        rc = sov_plan_add(plan, name, SOV_TYPE_F32, 1, &dim, err);
    }
    return rc;
}

static int
add_tensors(struct sov_trim *c, sov_plan *plan, struct sov_err *err)
{
    size_t count = sov_model_count(c->model), n = 0;
    int rc = 0;

    free(c->item); /* of a plan that was refused */
    c->item = sov_mem_array(count + c->n_own, sizeof(*c->item));
    if (c->item == NULL)
        return sov_mem_fail(err);
    for (size_t i = 0; i < count && rc == 0; i++) {
        const struct sov_tensor *t = sov_model_at(c->model, i);
        struct shape s = { .type = t->type };

        rc = shape_of(c, i, &s, err);
        if (rc == 0) {
            c->item[n++] = s.item;
            rc = sov_plan_add(plan, s.name, s.type, t->ndim, s.dim, err);
        }
        if (rc == 0)
            rc = add_own(c, plan, i, &n, err);
        rc = rc == 1 ? 0 : rc;
    }
    return rc;
}

int
sov_trim_plan(struct sov_trim *c, sov_plan **out, struct sov_err *err)
{
    sov_plan *plan;
    int rc = sov_plan_new(&plan, sov_model_meta(c->model), err);

    *out = NULL;
    if (rc < 0)
        return rc;
    rc = sov_trim_meta(c, sov_plan_meta(plan), err);
    if (rc == 0 && sov_trim_less(&c->vocab))
        rc = sov_trim_vocab(c, sov_plan_meta(plan), err);
    if (rc == 0)
        rc = add_tensors(c, plan, err);
    if (rc < 0) {
        sov_plan_free(plan);
        return rc;
    }
    *out = plan;
    return 0;
}

uint64_t
sov_trim_bytes(const struct sov_trim *c)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < sov_model_count(c->model); i++) {
        const struct sov_tensor *t = sov_model_at(c->model, i);
        struct shape s = { .type = t->type };
        struct sov_err err;
        int rc = shape_of(c, i, &s, &err);
        const struct sov_type_info *info = sov_type_info((int)s.type);

        if (rc == 0)
            sum += (s.dim[0] + info->block - 1) / info->block * info->bytes *
                   s.dim[1] * s.dim[2] * s.dim[3];
    }
    return sum;
}

/* ---- bytes ---- */

/* A tensor on its way. */
struct way {
    const struct sov_trim *c;
    const struct sov_tensor *t;
    const struct sov_trim_item *item;
    uint64_t *id[3]; /* owned; NULL: all */
    uint64_t n[3];
    unsigned char *in, *out; /* owned */
    size_t cap;              /* bytes of either */
    sov_trim_write_fn write;
    void *arg;
};

/* Row number k of those that stay. */
static uint64_t
row_at(const struct way *w, uint64_t k)
{
    uint64_t row = k % w->n[1], mat = k / w->n[1];

    row = w->id[1] != NULL ? w->id[1][row] : row;
    mat = w->id[2] != NULL ? w->id[2][mat] : mat;
    return mat * w->t->dim[1] + row;
}

/* Of rows in w->in those columns that stay, into w->out; their bytes. */
static size_t
take_columns(const struct way *w, size_t rows, size_t row_bytes)
{
    const struct sov_type_info *info = sov_type_info((int)w->t->type);
    uint64_t n = w->n[0] / info->block;
    unsigned char *to = w->out;

    for (size_t r = 0; r < rows; r++)
        for (uint64_t i = 0; i < n; i++, to += info->bytes)
            memcpy(to,
                   w->in + r * row_bytes +
                       w->id[0][i * info->block] / info->block * info->bytes,
                   info->bytes);
    return (size_t)(to - w->out);
}

static int
write_rows(const struct way *w, struct sov_err *err)
{
    size_t row_bytes = (size_t)sov_tensor_row_bytes(w->t);
    uint64_t all = w->n[1] * w->n[2], run;
    int rc = 0;

    for (uint64_t k = 0; k < all && rc == 0; k += run) {
        uint64_t from = row_at(w, k);
        size_t len;

        for (run = 1; k + run < all && (run + 1) * row_bytes <= w->cap &&
                      row_at(w, k + run) == from + run;
             run++)
            ;
        len = (size_t)run * row_bytes;
        rc = sov_model_read(w->c->model, w->item->from, from * row_bytes, w->in,
                            len, err);
        if (rc == 0 && w->id[0] != NULL)
            rc = w->write(w->arg, w->out,
                          take_columns(w, (size_t)run, row_bytes), err);
        else if (rc == 0)
            rc = w->write(w->arg, w->in, len, err);
    }
    return rc;
}

/* A norm, times the gain. */
static int
write_gain(const struct way *w, struct sov_err *err)
{
    const struct sov_tensor *t = w->t;
    float *x = sov_mem_array((size_t)t->dim[0], sizeof(*x));
    unsigned char *to = w->out;
    int rc = x == NULL ? sov_mem_fail(err) : 0;

    if (rc == 0)
        rc = sov_model_read(w->c->model, w->item->from, 0, w->in,
                            (size_t)t->size, err);
    if (rc == 0)
        sov_kern()->decode[t->type](w->in, x, (size_t)t->dim[0]);
    for (uint64_t i = 0; i < w->n[0] && rc == 0; i++, to += 4)
        sov_putf32(to, (float)(w->c->gain *
                               (double)x[w->id[0] != NULL ? w->id[0][i] : i]));
    if (rc == 0)
        rc = w->write(w->arg, w->out, (size_t)w->n[0] * 4, err);
    free(x);
    return rc;
}

static int
write_own(const float *x, size_t n, sov_trim_write_fn write, void *arg,
          struct sov_err *err)
{
    unsigned char *le = sov_mem_array(n, 4);
    int rc;

    if (le == NULL)
        return sov_mem_fail(err);
    for (size_t i = 0; i < n; i++)
        sov_putf32(le + 4 * i, x[i]);
    rc = write(arg, le, 4 * n, err);
    free(le);
    return rc;
}

static int
begin_way(struct way *w, struct sov_err *err)
{
    size_t row = (size_t)sov_tensor_row_bytes(w->t);
    enum sov_trim_axis axis[3];
    size_t layer;
    bool known = sov_trim_axes(w->t->name, axis, &layer);
    int rc = 0;

    w->cap = row > READ_BYTES ? row : READ_BYTES;
    for (int k = 0; k < 3 && rc == 0; k++) {
        w->n[k] = w->t->dim[k] * (k == 2 ? w->t->dim[3] : 1);
        if (!known)
            continue;
        w->n[k] = sov_trim_count(w->c, axis[k], layer, w->n[k]);
        rc = sov_trim_numbers(w->c, axis[k], layer, w->t->dim[k], &w->id[k],
                              err);
    }
    if (w->item->gain && w->cap < 4 * (size_t)w->t->dim[0])
        w->cap = 4 * (size_t)w->t->dim[0];
    w->in = sov_mem_array(w->cap, 1);
    w->out = sov_mem_array(w->cap, 1);
    if (rc == 0 && (w->in == NULL || w->out == NULL))
        rc = sov_mem_fail(err);
    return rc;
}

int
sov_trim_tensor(const struct sov_trim *c, const sov_plan *plan, size_t i,
                sov_trim_write_fn write, void *arg, struct sov_err *err)
{
    struct way w = {
        .c = c,
        .item = &c->item[i],
        .t = sov_model_at(c->model, c->item[i].from),
        .write = write,
        .arg = arg,
    };
    int rc;

    if (w.item->own != NULL)
        return write_own(w.item->own, (size_t)sov_plan_at(plan, i)->dim[0],
                         write, arg, err);
    if (w.t->size == 0)
        return 0;
    if (c->turn != NULL && c->turn->role[w.item->from].kind != SOV_TURN_NOT)
        return sov_turn_tensor(c->turn, c->model, w.item->from, write, arg,
                               err);
    rc = begin_way(&w, err);
    if (rc == 0)
        rc = w.item->gain ? write_gain(&w, err) : write_rows(&w, err);
    for (int k = 0; k < 3; k++)
        free(w.id[k]);
    free(w.in);
    free(w.out);
    return rc;
}

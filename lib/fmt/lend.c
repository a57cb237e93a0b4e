/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lend.c - a model with other weights in some places, to be tried
 *
 * It shows the tensors of another model, mapped, which it borrows, but for
 * those that somebody has put in their place.  Only their data can be had:
 * there is no file to be read.
 */
#include "fmt/format.h"

#include "base/mem.h"
#include "tensor/type.h"

#include <stdlib.h>
#include <string.h>

static int
copy_meta(sov_meta *to, const sov_meta *from, struct sov_err *err)
{
    int rc = 0;

    for (size_t i = 0; i < sov_meta_count(from) && rc == 0; i++)
        rc = sov_meta_set(to, sov_meta_at(from, i), err);
    return rc;
}

static int
show_entries(sov_model *to, const sov_model *from, struct sov_err *err)
{
    int rc = 0;

    to->entry = sov_mem_array(from->n, sizeof(*to->entry));
    if (to->entry == NULL)
        return sov_mem_fail(err);
    to->cap = from->n;
    for (size_t i = 0; i < from->n && rc == 0; i++) {
        struct sov_tensor *t = &to->entry[i].t;

        *t = from->entry[i].t;
        t->name = sov_mem_dup(t->name, strlen(t->name));
        if (t->name == NULL)
            return sov_mem_fail(err);
        to->n++;
        rc = sov_map_add(&to->names, t->name, strlen(t->name), i, err);
    }
    return rc;
}

int
sov_model_lend(sov_model **lent, const sov_model *model, struct sov_err *err)
{
    sov_model *m = sov_mem_array(1, sizeof(*m));
    int rc;

    *lent = NULL;
    if (m == NULL)
        return sov_mem_fail(err);
    m->format = model->format;
    m->access = SOV_ACCESS_MAP;
    rc = sov_meta_new(&m->meta, err);
    if (rc == 0)
        rc = copy_meta(m->meta, model->meta, err);
    if (rc == 0)
        rc = show_entries(m, model, err);
    if (rc < 0) {
        sov_model_close(m);
        return rc;
    }
    *lent = m;
    return 0;
}

void
sov_model_put(sov_model *lent, const sov_model *model, size_t i,
              enum sov_type type, const void *data)
{
    const struct sov_type_info *info;
    struct sov_tensor *t = &lent->entry[i].t;
    const char *name = t->name;

    *t = model->entry[i].t;
    t->name = name;
    if (data == NULL)
        return;
    info = sov_type_info((int)type);
    t->type = type;
    t->data = data;
    t->size = sov_tensor_count(t) / info->block * info->bytes;
}

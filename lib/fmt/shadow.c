/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shadow.c - a model directory that is not on any disk
 */
#include "fmt/format.h"

#include "base/mem.h"
#include "tensor/type.h"

#include <string.h>

static int
copy_entry(struct sov_entry *to, const struct sov_entry *from,
           enum sov_type type, struct sov_err *err)
{
    to->t = from->t;
    to->t.data = NULL;
    to->t.name = sov_mem_dup(from->t.name, strlen(from->t.name));
    if (to->t.name == NULL)
        return sov_mem_fail(err);
    if (from->own == NULL || from->t.ndim > 1) {
        if (type != SOV_TYPE_NONE)
            to->t.type = type;
        return sov_tensor_measure(&to->t, err);
    }
    to->own = (unsigned char *)sov_mem_dup(from->own, (size_t)from->t.size);
    return to->own == NULL ? sov_mem_fail(err) : 0;
}

static int
copy_entries(sov_model *to, const sov_model *from, enum sov_type type,
             struct sov_err *err)
{
    int rc = 0;

    to->entry = sov_mem_array(from->n, sizeof(*to->entry));
    if (to->entry == NULL)
        return sov_mem_fail(err);
    to->cap = from->n;
    for (size_t i = 0; i < from->n && rc == 0; i++) {
        rc = copy_entry(&to->entry[i], &from->entry[i], type, err);
        to->n++;
        if (rc == 0)
            rc = sov_map_add(&to->names, to->entry[i].t.name,
                             strlen(to->entry[i].t.name), i, err);
    }
    return rc;
}

int
sov_model_shadow(sov_model **shadow, const sov_model *model, json_t *config,
                 const struct sov_side *side, size_t n, enum sov_type type,
                 struct sov_err *err)
{
    sov_model *m = sov_mem_array(1, sizeof(*m));
    int rc;

    *shadow = NULL;
    if (m == NULL)
        return sov_mem_fail(err);
    m->format = "huggingface";
    m->access = SOV_ACCESS_STREAM;
    m->side = side;
    m->n_sides = n;
    m->config = json_incref(config);
    rc = sov_meta_new(&m->meta, err);
    if (rc == 0)
        rc = copy_entries(m, model, type, err);
    if (rc < 0) {
        sov_model_close(m);
        return rc;
    }
    *shadow = m;
    return 0;
}

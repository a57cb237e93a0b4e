/* SPDX-License-Identifier: Apache-2.0 */
/*
 * held.c - a model that is in memory and in no file
 *
 * Its tensors are bytes of somebody else's, which may change between two looks
 * at them: weights that are being trained, say.
 */
#include "fmt/format.h"

#include "base/mem.h"
#include "tensor/type.h"

#include <string.h>

static int
add_entry(sov_model *m, const struct sov_tensor *t, struct sov_err *err)
{
    const struct sov_span name = { (const unsigned char *)t->name,
                                   strlen(t->name) };
    struct sov_tensor measured = *t;
    int rc = sov_tensor_measure(&measured, err);

    if (rc == 0)
        rc = sov_model_add_tensor(m, &measured, name, 0, 0, err);
    if (rc == 0)
        m->entry[m->n - 1].t.data = t->data;
    return rc;
}

int
sov_model_held(sov_model **model, sov_meta *meta, const struct sov_tensor *t,
               size_t n, struct sov_err *err)
{
    sov_model *m = sov_mem_array(1, sizeof(*m));
    int rc = 0;

    *model = NULL;
    if (m == NULL) {
        sov_meta_free(meta);
        return sov_mem_fail(err);
    }
    m->format = "gguf";
    m->access = SOV_ACCESS_MAP;
    m->meta = meta;
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = add_entry(m, &t[i], err);
    if (rc < 0) {
        sov_model_close(m);
        return rc;
    }
    *model = m;
    return 0;
}

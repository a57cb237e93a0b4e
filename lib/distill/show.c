/* SPDX-License-Identifier: Apache-2.0 */
/*
 * show.c - what comes out of a run of training, as a model
 */
#include "distill/run.h"

#include "base/mem.h"
#include "fmt/model.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* An adapter has other types than it learns in, if it shall. */
static int
make_shown(struct sov_distill *d, struct sov_tensor *t, struct sov_err *err)
{
    const struct sov_type_info *info = sov_type_info((int)d->o.lora_type);

    if (d->lora.rank == 0 || d->o.lora_type == SOV_TYPE_F32)
        return 0;
    d->shown = sov_mem_array((size_t)d->count, info->bytes);
    if (d->shown == NULL)
        return sov_mem_fail(err);
    for (size_t i = 0; i < d->n_param && !d->param[i].beside; i++) {
        t[i].type = d->o.lora_type;
        t[i].data = (unsigned char *)d->shown + d->param[i].at * info->bytes;
    }
    return 0;
}

/* The metadata of an adapter are the trainee's business. */
static int
adapter_meta(const struct sov_distill *d, sov_meta **meta, struct sov_err *err)
{
    sov_plan *plan;
    int rc = sov_trainee_plan(&plan, d->t, SOV_TYPE_F32, NULL, NULL, err);

    if (rc == 0)
        rc = sov_student_keep(meta, sov_plan_meta_of(plan), err);
    if (rc == 0)
        sov_meta_unset(*meta, "general.file_type");
    sov_plan_free(plan);
    return rc;
}

/* Tensors of the student that do not learn (factors of rotary positions)
 * stay as they are. */
static size_t
add_others(const struct sov_distill *d, struct sov_tensor *t, size_t n)
{
    const sov_model *from = d->lora.rank == 0 ? d->o.student : NULL;

    for (size_t i = 0; from != NULL && i < sov_model_count(from); i++) {
        const struct sov_tensor *other = sov_model_at(from, i);
        bool learns = false;

        for (size_t k = 0; k < d->n_param && !learns; k++)
            learns = strcmp(d->param[k].name, other->name) == 0;
        if (!learns)
            t[n++] = *other;
    }
    return n;
}

/* The model that comes out shows the weights where they are. */
int
sov_distill_show_student(struct sov_distill *d, const sov_meta *words,
                         size_t own, struct sov_err *err)
{
    struct sov_shape shape = d->shape;
    size_t others = d->o.student != NULL ? sov_model_count(d->o.student) : 0;
    struct sov_tensor *t = sov_mem_array(d->n_param + others, sizeof(*t));
    sov_meta *meta = NULL;
    size_t n = 0;
    int rc;

    if (t == NULL)
        return sov_mem_fail(err);
    for (; n < d->n_param && !d->param[n].beside; n++) {
        const struct sov_weight *p = &d->param[n];

        t[n] = (struct sov_tensor){
            .name = p->name,
            .type = SOV_TYPE_F32,
            .ndim = p->n_out == 1 && !p->matrix ? 1 : 2,
            .dim = { p->n_in, p->n_out },
            .data = d->w + p->at,
        };
    }
    n = add_others(d, t, n);
    shape.n_ctx = own;
    rc = make_shown(d, t, err);
    if (rc == 0)
        rc = d->lora.rank > 0 ? adapter_meta(d, &meta, err)
             : d->o.student != NULL
                 ? sov_student_keep(&meta, words, err)
                 : sov_student_meta(&meta, &shape, words, d->count, err);
    if (rc == 0) /* which owns meta */
        rc = sov_model_held(&d->model, meta, t, n, err);
    free(t);
    return rc;
}

int
sov_distill_fits(const struct sov_distill *d, struct sov_err *err)
{
    for (size_t i = 0; i < d->n_param && d->o.most > 0; i++) {
        const struct sov_weight *p = &d->param[i];
        uint64_t end = p->at + p->n_in * p->n_out;

        for (uint64_t k = p->at; k < end; k++)
            if (!(fabs((double)d->w[k]) <= d->o.most) && !p->beside)
                return sov_fail(err, SOV_ENO,
                                "%s has a weight of %g, and f16 has none "
                                "above %g: write it with -t bf16 or f32",
                                p->name, (double)d->w[k], d->o.most);
    }
    return 0;
}

int
sov_distill_show(struct sov_distill *d, struct sov_err *err)
{
    double most = d->o.lora_type == SOV_TYPE_F16 ? 65504 : FLT_MAX;

    if (d->shown == NULL)
        return 0;
    for (uint64_t i = 0; i < d->count; i++)
        if (!(fabs((double)d->w[i]) <= most))
            return sov_fail(
                err, SOV_ENO, "the adapter has learnt %g, which %s cannot hold",
                (double)d->w[i], sov_type_info((int)d->o.lora_type)->name);
    d->k->encode[d->o.lora_type](d->w, NULL, d->shown, (size_t)d->count, 0);
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trainee_write.c - a trainee as a GGUF file: a model, or an adapter
 *
 * Matrices get the type that is asked for, gains and biases stay f32.  What a
 * model has beside its parameters (factors of rotary positions) is copied.
 */
#include "train/trainee_in.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* ---- metadata */

static int
set_adapter(sov_meta *meta, const sov_trainee *t, struct sov_err *err)
{
    int rc = sov_meta_set_str(meta, "general.architecture", t->shape.arch, err);

    if (rc == 0)
        rc = sov_meta_set_str(meta, "general.type", "adapter", err);
    if (rc == 0)
        rc = sov_meta_set_str(meta, "adapter.type", "lora", err);
    if (rc == 0)
        rc = sov_meta_set_f32(meta, "adapter.lora.alpha", (float)t->opts.alpha,
                              err);
    return rc;
}

/* general.file_type of these types, as others number them. */
static int
set_type(sov_meta *meta, enum sov_type type, struct sov_err *err)
{
    uint32_t v = type == SOV_TYPE_F32 ? 0 : type == SOV_TYPE_F16 ? 1 : 32;

    sov_meta_unset(meta, "general.quantization_version");
    sov_meta_unset_like(meta, "quantize.imatrix.*");
    return sov_meta_set_u32(meta, "general.file_type", v, err);
}

/* ---- the plan */

/* A tensor of the model that is no parameter. */
static bool
is_carried(const struct sov_tensor *tensor)
{
    return strcmp(tensor->name, "rope_freqs.weight") == 0;
}

static int
add_tensors(sov_plan *plan, const sov_trainee *t, enum sov_type type,
            const sov_model *like, struct sov_err *err)
{
    size_t n = like != NULL && t->opts.rank == 0 ? sov_model_count(like) : 0;
    int rc = 0;

    for (size_t i = 0; i < t->n_kept && rc == 0; i++) {
        const struct sov_weight *w = &t->list[i];
        uint64_t dim[2] = { w->n_in, w->n_out };

        rc = sov_plan_add(plan, w->name, w->matrix ? type : SOV_TYPE_F32,
                          w->matrix ? 2 : 1, dim, err);
    }
    for (size_t i = 0; i < n && rc == 0; i++) {
        const struct sov_tensor *tensor = sov_model_at(like, i);

        if (is_carried(tensor))
            rc = sov_plan_add(plan, tensor->name, tensor->type, tensor->ndim,
                              tensor->dim, err);
    }
    return rc;
}

int
sov_trainee_plan(sov_plan **plan, const sov_trainee *t, enum sov_type type,
                 const sov_meta *meta, const sov_model *like,
                 struct sov_err *err)
{
    bool adapter = t->opts.rank > 0;
    sov_plan *p = NULL;
    int rc;

    *plan = NULL;
    if (type != SOV_TYPE_F32 && type != SOV_TYPE_F16 && type != SOV_TYPE_BF16)
        return sov_fail(err, SOV_EARG,
                        "weights are written as f32, f16 or "
                        "bf16");
    rc = sov_plan_new(&p, adapter ? NULL : meta, err);
    if (rc == 0 && adapter)
        rc = set_adapter(sov_plan_meta(p), t, err);
    if (rc == 0)
        rc = set_type(sov_plan_meta(p), type, err);
    if (rc == 0)
        rc = add_tensors(p, t, type, like, err);
    if (rc < 0) {
        sov_plan_free(p);
        return rc;
    }
    *plan = p;
    return 0;
}

/* ---- the tensors */

#define STEP 4096 /* numbers at a time */

/* The largest number of a type. */
static float
most_of(enum sov_type type)
{
    return type == SOV_TYPE_F16 ? 65504.0f : 0x1.fep127f;
}

static int
put_numbers(sov_writer *w, const struct sov_tensor *tensor, const sov_real *x,
            struct sov_err *err)
{
    const struct sov_type_info *info = sov_type_info((int)tensor->type);
    uint64_t n = sov_tensor_count(tensor);
    unsigned char bytes[STEP * sizeof(float)];
    float some[STEP];
    int rc = 0;

    for (uint64_t at = 0, part; at < n && rc == 0; at += part) {
        part = n - at < STEP ? n - at : STEP;
        for (uint64_t i = 0; i < part; i++) {
            some[i] = (float)x[at + i];
            if (!(fabsf(some[i]) <= most_of(tensor->type)))
                return sov_fail(err, SOV_ENO,
                                "tensor %s has learnt %g, which %s cannot hold",
                                tensor->name, (double)some[i], info->name);
        }
        sov_kern()->encode[tensor->type](some, NULL, bytes, (size_t)part, 0);
        rc = sov_writer_data(w, bytes, (size_t)part * info->bytes, err);
    }
    return rc;
}

static int
put_carried(sov_writer *w, const sov_model *like,
            const struct sov_tensor *tensor, struct sov_err *err)
{
    int64_t at = like != NULL ? sov_model_find(like, tensor->name) : -1;
    const void *data = at < 0 ? NULL : sov_model_at(like, (size_t)at)->data;

    if (data == NULL || sov_model_at(like, (size_t)at)->size != tensor->size)
        return sov_fail(err, SOV_EARG, "tensor %s is of no model",
                        tensor->name);
    return sov_writer_data(w, data, (size_t)tensor->size, err);
}

int
sov_trainee_put(const sov_trainee *t, const sov_plan *plan,
                const sov_model *like, const sov_real *weights, sov_writer *w,
                struct sov_err *err)
{
    const sov_real *x = weights != NULL ? weights : t->w;
    int rc = 0;

    for (size_t i = 0; i < sov_plan_count(plan) && rc == 0; i++) {
        const struct sov_tensor *tensor = sov_plan_at(plan, i);

        rc = i < t->n_kept ? put_numbers(w, tensor, x + t->list[i].at, err)
                           : put_carried(w, like, tensor, err);
    }
    return rc;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan.c - what will be written: metadata, tensors, files (layout.c cuts them)
 */
#include "fmt/plan.h"

#include "base/limits.h"
#include "base/mem.h"
#include "fmt/format.h"
#include "tensor/type.h"

#include <stdlib.h>
#include <string.h>

int
sov_plan_new(sov_plan **plan, const sov_meta *meta, struct sov_err *err)
{
    sov_plan *p = sov_mem_array(1, sizeof(*p));
    int rc;

    *plan = NULL;
    if (p == NULL)
        return sov_mem_fail(err);
    rc = sov_meta_new(&p->meta, err);
    for (size_t i = 0; rc == 0 && meta != NULL && i < sov_meta_count(meta); i++)
        rc = sov_meta_set(p->meta, sov_meta_at(meta, i), err);
    if (rc < 0) {
        sov_plan_free(p);
        return rc;
    }
    *plan = p;
    return 0;
}

void
sov_plan_free(sov_plan *plan)
{
    if (plan == NULL)
        return;
    for (size_t i = 0; i < plan->n; i++)
        free((char *)plan->tensor[i].name);
    free(plan->tensor);
    sov_map_free(&plan->names);
    for (size_t i = 0; i < plan->n_files; i++) {
        free(plan->file[i].name);
        sov_buf_free(&plan->file[i].head);
    }
    free(plan->file);
    free(plan->off);
    sov_meta_free(plan->meta);
    free(plan);
}

sov_meta *
sov_plan_meta(sov_plan *plan)
{
    return plan->meta;
}

const sov_meta *
sov_plan_meta_of(const sov_plan *plan)
{
    return plan->meta;
}

int
sov_plan_add(sov_plan *plan, const char *name, enum sov_type type,
             uint32_t ndim, const uint64_t *dim, struct sov_err *err)
{
    struct sov_span text = { (const unsigned char *)name, strlen(name) };
    struct sov_tensor t = { .type = type, .ndim = ndim };
    char *copy;
    int rc;

    if (plan->frozen)
        return sov_fail(err, SOV_EARG, "the plan is frozen");
    if (plan->n >= SOV_TENSORS_MAX)
        return sov_fail(err, SOV_EARG, "more than %d tensors",
                        (int)SOV_TENSORS_MAX);
    if (text.len == 0 || text.len > SOV_NAME_MAX || !sov_name_ok(text))
        return sov_fail(err, SOV_EARG, "\"%.60s\" cannot name a tensor", name);
    for (uint32_t i = 0; i < ndim && i < SOV_NDIM_MAX; i++)
        t.dim[i] = dim[i];
    rc = sov_tensor_measure(&t, err);
    if (rc == 0)
        rc = sov_mem_grow((void **)&plan->tensor, plan->n, &plan->cap,
                          sizeof(*plan->tensor), err);
    if (rc < 0)
        return sov_err_wrap(err, "tensor %.80s", name);
    copy = sov_mem_dup(name, text.len);
    if (copy == NULL)
        return sov_mem_fail(err);
    rc = sov_map_add(&plan->names, copy, text.len, plan->n, err);
    if (rc != 0) {
        free(copy);
        return rc < 0 ? rc
                      : sov_fail(err, SOV_EARG, "there are two tensors %.80s",
                                 name);
    }
    t.name = copy;
    plan->tensor[plan->n++] = t;
    return 0;
}

int
sov_plan_add_file(sov_plan *plan, const char *name, struct sov_file_plan **file,
                  struct sov_err *err)
{
    struct sov_file_plan *f;
    int rc;

    rc = sov_mem_grow((void **)&plan->file, plan->n_files, &plan->cap_files,
                      sizeof(*plan->file), err);
    if (rc < 0)
        return rc;
    f = &plan->file[plan->n_files];
    memset(f, 0, sizeof(*f));
    f->name = sov_mem_dup(name, strlen(name));
    if (f->name == NULL)
        return sov_mem_fail(err);
    f->pub.name = f->name;
    plan->n_files++;
    *file = f;
    return 0;
}

int
sov_plan_side(sov_plan *plan, const char *name, const void *bytes, size_t len,
              struct sov_err *err)
{
    struct sov_file_plan *f = NULL;
    int rc;

    if (plan->frozen)
        return sov_fail(err, SOV_EARG, "the plan is frozen");
    rc = sov_plan_add_file(plan, name, &f, err);
    if (rc < 0)
        return rc;
    sov_buf_add(&f->head, bytes, len);
    f->pub.bytes = len;
    return f->head.bad ? sov_mem_fail(err) : 0;
}

int
sov_plan_freeze(sov_plan *plan, uint32_t align, struct sov_err *err)
{
    struct sov_layout layout = { .align = align };

    if (align == 0)
        return sov_fail(err, SOV_EARG, "alignment 0");
    return sov_plan_lay(plan, &layout, err);
}

size_t
sov_plan_count(const sov_plan *plan)
{
    return plan->n;
}

const struct sov_tensor *
sov_plan_at(const sov_plan *plan, size_t i)
{
    return i < plan->n ? &plan->tensor[i] : NULL;
}

uint64_t
sov_plan_bytes(const sov_plan *plan)
{
    return plan->bytes;
}

size_t
sov_plan_files(const sov_plan *plan)
{
    return plan->n_files;
}

const struct sov_plan_file *
sov_plan_file(const sov_plan *plan, size_t i)
{
    return i < plan->n_files ? &plan->file[i].pub : NULL;
}

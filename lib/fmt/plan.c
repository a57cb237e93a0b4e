/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan.c - the layout of an output file, known before its first byte
 */
#include "fmt/plan.h"

#include "base/limits.h"
#include "base/mem.h"
#include "base/num.h"
#include "fmt/format.h"
#include "fmt/gguf.h"
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
    for (size_t i = 0; rc == 0 && meta != NULL && i < sov_meta_count(meta);
         i++)
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
    sov_buf_free(&plan->header);
    sov_meta_free(plan->meta);
    free(plan);
}

sov_meta *
sov_plan_meta(sov_plan *plan)
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
    if (ndim == 0) { /* a single number: GGUF knows no rank 0 */
        t.ndim = 1;
        t.dim[0] = 1;
    }
    for (uint32_t i = 0; i < ndim && i < SOV_NDIM_MAX; i++)
        t.dim[i] = dim[i];
    rc = sov_tensor_measure(&t, err);
    if (rc == 0 && (int)type >= SOV_TYPE_GGUF_MAX)
        rc = sov_fail(err, SOV_EUNSUP, "a GGUF file cannot hold %s",
                      sov_type_info(type)->name);
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
        return rc < 0 ? rc : sov_fail(err, SOV_EARG,
                                      "there are two tensors %.80s", name);
    }
    t.name = copy;
    plan->tensor[plan->n++] = t;
    return 0;
}

int
sov_plan_freeze(sov_plan *plan, uint32_t align, struct sov_err *err)
{
    uint64_t padded;
    int rc = 0;

    if (plan->frozen)
        return sov_fail(err, SOV_EARG, "the plan is frozen");
    if (align < 8 || align > SOV_ALIGN_MAX || (align & (align - 1)) != 0)
        return sov_fail(err, SOV_EARG,
                        "alignment %u: not a power of two from 8 to %u",
                        (unsigned)align, (unsigned)SOV_ALIGN_MAX);
    plan->align = align;
    if (align == SOV_GGUF_ALIGN)
        sov_meta_unset(plan->meta, SOV_KEY_ALIGN);
    else
        rc = sov_meta_set_u32(plan->meta, SOV_KEY_ALIGN, align, err);
    if (rc == 0)
        rc = sov_gguf_header(plan, err);
    if (rc < 0)
        return rc;
    plan->bytes = plan->header.len;
    for (size_t i = 0; i < plan->n; i++)
        if (!sov_pad(plan->tensor[i].size, align, &padded) ||
            !sov_add(plan->bytes, padded, &plan->bytes))
            return sov_fail(err, SOV_EARG, "the file would be too large");
    plan->frozen = true;
    return 0;
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

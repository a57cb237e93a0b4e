/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gguf_write.c - the header of a GGUF file, alone or of a part of a split
 *
 * What other readers demand is kept by construction: version 3, offsets that
 * add up without a gap in the order of the directory, every tensor padded, the
 * last one too.  The bytes depend on the plan alone.
 *
 * The first part of a split has all keys, and every part says which it is:
 *
 *   split.no              u16   from 0
 *   split.count           u16
 *   split.tensors.count   i32   of all parts together
 */
#include "fmt/plan.h"

#include "base/mem.h"
#include "base/num.h"
#include "fmt/gguf.h"
#include "sov/tensor.h"

#include <string.h>

static void
put_key(struct sov_buf *b, const struct sov_kv *kv)
{
    sov_buf_str(b, kv->key, strlen(kv->key));
    sov_buf_u32(b, (uint32_t)kv->type);
    if (kv->type == SOV_V_STR) {
        sov_buf_str(b, kv->val.p, kv->val.len);
        return;
    }
    if (kv->type == SOV_V_ARR) {
        sov_buf_u32(b, (uint32_t)kv->elem);
        sov_buf_u64(b, kv->n);
    }
    sov_buf_add(b, kv->val.p, kv->val.len);
}

static void
put_head(struct sov_buf *b, const char *key, enum sov_vtype type)
{
    sov_buf_str(b, key, strlen(key));
    sov_buf_u32(b, (uint32_t)type);
}

/* Keys of a part; the number of them goes before. */
static void
put_keys(const sov_plan *plan, struct sov_buf *b, size_t no, size_t count)
{
    bool aligned = no > 0 && plan->align != SOV_GGUF_ALIGN;
    uint64_t n = no == 0 ? sov_meta_count(plan->meta) : aligned;

    sov_buf_u64(b, n + (count > 0 ? 3 : 0));
    for (size_t i = 0; no == 0 && i < sov_meta_count(plan->meta); i++)
        put_key(b, sov_meta_at(plan->meta, i));
    if (aligned) {
        put_head(b, SOV_KEY_ALIGN, SOV_V_U32);
        sov_buf_u32(b, (uint32_t)plan->align);
    }
    if (count == 0)
        return;
    put_head(b, SOV_KEY_SPLIT_NO, SOV_V_U16);
    sov_buf_u16(b, (uint16_t)no);
    put_head(b, SOV_KEY_SPLIT_COUNT, SOV_V_U16);
    sov_buf_u16(b, (uint16_t)count);
    put_head(b, SOV_KEY_SPLIT_TENSORS, SOV_V_I32);
    sov_buf_u32(b, (uint32_t)plan->n);
}

static int
gguf_header(const sov_plan *plan, struct sov_buf *b, size_t first, size_t n,
            size_t no, size_t count, struct sov_err *err)
{
    uint64_t off = 0, padded;

    sov_buf_add(b, SOV_GGUF_MAGIC, 4);
    sov_buf_u32(b, SOV_GGUF_VERSION);
    sov_buf_u64(b, n);
    put_keys(plan, b, no, count);
    for (size_t i = first; i < first + n; i++) {
        const struct sov_tensor *t = &plan->tensor[i];

        sov_buf_str(b, t->name, strlen(t->name));
        sov_buf_u32(b, t->ndim);
        for (uint32_t k = 0; k < t->ndim; k++)
            sov_buf_u64(b, t->dim[k]);
        sov_buf_u32(b, (uint32_t)t->type);
        sov_buf_u64(b, off);
        if (!sov_pad(t->size, plan->align, &padded) ||
            !sov_add(off, padded, &off))
            return sov_fail(err, SOV_EARG, "the file would be too large");
    }
    if (n > 0 && sov_pad(b->len, plan->align, &padded))
        sov_buf_zero(b, (size_t)(padded - b->len));
    return b->bad ? sov_mem_fail(err) : 0;
}

static uint64_t
gguf_entry(const struct sov_tensor *t)
{
    return 8 + strlen(t->name) + 4 + 8 * (uint64_t)t->ndim + 4 + 8;
}

/* The key is left as it is where it says what holds. */
static int
set_alignment(sov_plan *plan, struct sov_err *err)
{
    const struct sov_kv *kv = sov_meta_find(plan->meta, SOV_KEY_ALIGN);

    if (kv != NULL && kv->type == SOV_V_U32 &&
        sov_kv_int(kv, 0) == (int64_t)plan->align)
        return 0;
    if (plan->align != SOV_GGUF_ALIGN)
        return sov_meta_set_u32(plan->meta, SOV_KEY_ALIGN,
                                (uint32_t)plan->align, err);
    sov_meta_unset(plan->meta, SOV_KEY_ALIGN);
    return 0;
}

static int
gguf_begin(sov_plan *plan, struct sov_err *err)
{
    for (size_t i = 0; i < plan->n; i++) {
        struct sov_tensor *t = &plan->tensor[i];

        if ((int)t->type >= SOV_TYPE_GGUF_MAX)
            return sov_fail(err, SOV_EUNSUP,
                            "tensor %.80s: a GGUF file cannot hold %s", t->name,
                            sov_type_info((int)t->type)->name);
        if (t->ndim == 0) { /* a single number: GGUF knows no rank 0 */
            t->ndim = 1;
            t->dim[0] = 1;
        }
    }
    sov_meta_unset(plan->meta, SOV_KEY_SPLIT_NO);
    sov_meta_unset(plan->meta, SOV_KEY_SPLIT_COUNT);
    sov_meta_unset(plan->meta, SOV_KEY_SPLIT_TENSORS);
    return set_alignment(plan, err);
}

const struct sov_form sov_form_gguf = {
    .name = "gguf",
    .suffix = ".gguf",
    .lone_split = true,
    .padded = true,
    .begin = gguf_begin,
    .header = gguf_header,
    .entry = gguf_entry,
};

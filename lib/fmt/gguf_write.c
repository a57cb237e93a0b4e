/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gguf_write.c - a GGUF file, from its first byte to its last
 *
 * What other readers demand is kept by construction: version 3, offsets that
 * add up without a gap in the order of the directory, every tensor padded, the
 * last one too.  The bytes depend on the plan and the data alone.
 */
#include "fmt/plan.h"

#include "base/mem.h"
#include "base/num.h"
#include "fmt/gguf.h"

#include <stdlib.h>
#include <string.h>

struct sov_writer {
    const sov_plan *plan; /* borrowed */
    sov_sink *sink;       /* borrowed */
    size_t i;             /* the tensor being written ... */
    uint64_t done;        /* ... and how many bytes of it are */
};

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

int
sov_gguf_header(sov_plan *plan, struct sov_err *err)
{
    struct sov_buf *b = &plan->header;
    uint64_t off = 0, padded;

    b->len = 0;
    sov_buf_add(b, SOV_GGUF_MAGIC, 4);
    sov_buf_u32(b, SOV_GGUF_VERSION);
    sov_buf_u64(b, plan->n);
    sov_buf_u64(b, sov_meta_count(plan->meta));
    for (size_t i = 0; i < sov_meta_count(plan->meta); i++)
        put_key(b, sov_meta_at(plan->meta, i));
    for (size_t i = 0; i < plan->n; i++) {
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
    if (plan->n > 0 && sov_pad(b->len, plan->align, &padded))
        sov_buf_zero(b, (size_t)(padded - b->len));
    return b->bad ? sov_mem_fail(err) : 0;
}

/* Pad the tensor that is complete, and go past those that have no bytes. */
static int
finish_tensors(sov_writer *w, struct sov_err *err)
{
    static const unsigned char zero[4096];
    uint64_t size, padded, left, n;
    int rc = 0;

    while (w->i < w->plan->n && w->done == w->plan->tensor[w->i].size) {
        size = w->done;
        if (!sov_pad(size, w->plan->align, &padded))
            return sov_fail(err, SOV_EARG, "the file would be too large");
        for (left = padded - size; left > 0 && rc == 0; left -= n) {
            n = left < sizeof(zero) ? left : sizeof(zero);
            rc = sov_sink_write(w->sink, zero, (size_t)n, err);
        }
        if (rc < 0)
            return rc;
        w->i++;
        w->done = 0;
    }
    return 0;
}

int
sov_writer_begin(sov_writer **writer, const sov_plan *plan, sov_sink *sink,
                 struct sov_err *err)
{
    sov_writer *w;
    int rc;

    *writer = NULL;
    if (!plan->frozen)
        return sov_fail(err, SOV_EARG, "the plan is not frozen");
    w = sov_mem_array(1, sizeof(*w));
    if (w == NULL)
        return sov_mem_fail(err);
    w->plan = plan;
    w->sink = sink;
    rc = sov_sink_write(sink, plan->header.p, plan->header.len, err);
    if (rc == 0)
        rc = finish_tensors(w, err);
    if (rc < 0) {
        free(w);
        return rc;
    }
    *writer = w;
    return 0;
}

int
sov_writer_data(sov_writer *w, const void *buf, size_t len,
                struct sov_err *err)
{
    int rc;

    if (len == 0)
        return 0;
    if (w->i >= w->plan->n ||
        len > w->plan->tensor[w->i].size - w->done)
        return sov_fail(err, SOV_EARG, "data beyond the end of a tensor");
    rc = sov_sink_write(w->sink, buf, len, err);
    if (rc < 0)
        return rc;
    w->done += len;
    return finish_tensors(w, err);
}

int
sov_writer_end(sov_writer **writer, struct sov_err *err)
{
    sov_writer *w = *writer;
    int rc = 0;

    *writer = NULL;
    if (w->i < w->plan->n)
        rc = sov_fail(err, SOV_EARG, "tensor %.80s is not complete",
                      w->plan->tensor[w->i].name);
    free(w);
    return rc;
}

void
sov_writer_abort(sov_writer *w)
{
    free(w);
}

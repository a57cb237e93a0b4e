/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slab.c - the weights of a slab into the type that the plan says
 */
#include "compress/slab.h"

#include "base/le.h"
#include "kern/kern.h"

#include <float.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

typedef void (*encode_fn)(const float *x, const float *imp, void *blocks,
                          size_t n, int effort);

/*
 * Magnitudes from which on a type has no finite value left, as bits of a
 * float: what rounds to infinity there.  Blocks scale with half floats.
 */
static uint32_t
limit_bits(enum sov_type to, bool copied)
{
    if (copied || to == SOV_TYPE_F32)
        return 0x7f800000; /* infinity */
    if (to == SOV_TYPE_BF16)
        return 0x7f7f8000; /* half way from the largest to 2^128 */
    return 0x477ff000;     /* 65520, half way from 65504 to 2^16 */
}

static float
largest(enum sov_type to)
{
    if (to == SOV_TYPE_F32)
        return FLT_MAX;
    return to == SOV_TYPE_BF16 ? 0x1.fep127f : 65504.0f;
}

static uint32_t
magnitude(float x)
{
    uint32_t u;

    memcpy(&u, &x, sizeof(u));
    return u & 0x7fffffff;
}

/* Index of the first weight at or beyond the limit, or n. */
static size_t
find_bad(const float *x, size_t n, uint32_t limit)
{
    int32_t most = 0;
    size_t i;

    for (i = 0; i < n; i++) {
        int32_t m = (int32_t)magnitude(x[i]);

        most = m > most ? m : most;
    }
    if ((uint32_t)most < limit)
        return n;
    for (i = 0; magnitude(x[i]) < limit; i++)
        ;
    return i;
}

/*
 * Are all weights below the limit, as is seen without decoding them?  The 15
 * bits behind the sign of a half or a bfloat16 grow with its magnitude.
 */
static bool
seen_good(enum sov_type from, const unsigned char *p, size_t n, uint32_t limit)
{
    int16_t most = 0;
    int32_t top;

    if (from == SOV_TYPE_F16)
        top = 0x7c00; /* what is finite there is below any limit */
    else if (from == SOV_TYPE_BF16)
        top = (int32_t)((limit + 0xffff) >> 16);
    else
        return false;
    for (size_t i = 0; i < n; i++) {
        int16_t m = (int16_t)(sov_le16(p + 2 * i) & 0x7fff);

        most = m > most ? m : most;
    }
    return most < top;
}

static void
replace_bad(struct sov_slab *b, uint64_t at, float *x, size_t n, uint32_t limit,
            float most, enum sov_nonfinite how)
{
    for (size_t i = find_bad(x, n, limit); i < n; i++) {
        if (magnitude(x[i]) < limit)
            continue;
        if (how == SOV_NONFINITE_ZERO || magnitude(x[i]) > 0x7f800000)
            x[i] = 0;
        else
            x[i] = x[i] < 0 ? -most : most;
        if (b->replaced++ == 0)
            b->bad = at + i;
    }
}

/* Weight `bad` of n, which begin at weight `at` of the tensor: say where it
 * is, what it is, and how many such are in its row. */
static int
refuse(struct sov_slab *b, const struct sov_tensor *t, uint64_t at,
       const float *x, size_t n, size_t bad, enum sov_type to, uint32_t limit)
{
    uint64_t row = t->dim[0];
    uint32_t m = magnitude(x[bad]);
    size_t end = sov_job_least(n, bad + row - (at + bad) % row), more = 0;
    char what[64], count[64] = "";

    for (size_t i = bad + 1; i < end; i++)
        more += magnitude(x[i]) >= limit;
    if (m >= 0x7f800000)
        snprintf(what, sizeof(what), "is %s",
                 m > 0x7f800000 ? "not a number" : "infinite");
    else
        snprintf(what, sizeof(what), "is %g, too large for %s", (double)x[bad],
                 sov_type_info((int)to)->name);
    if (more > 0)
        snprintf(count, sizeof(count), ", and %zu more in that row", more);
    return sov_fail(&b->err, SOV_EFORMAT,
                    "tensor %s: weight %" PRIu64 " of row %" PRIu64 " %s%s",
                    t->name, (at + bad) % row, (at + bad) / row, what, count);
}

bool
sov_slab_measured(const struct sov_quant *job, size_t tensor)
{
    enum sov_type from = sov_model_at(job->model, tensor)->type;

    return sov_job_remade(job, tensor) &&
           (job->measure || sov_type_info((int)from)->kind == SOV_KIND_BLOCK);
}

/*
 * n floats of a slab's tensor from weight `first` into blocks, row by row where
 * a row is more than its weights.
 */
static void
encode_rows(const struct sov_quant *job, struct sov_slab_scratch *own,
            struct sov_slab *b, uint64_t first, size_t n, unsigned char *out)
{
    const struct sov_tensor *t = sov_plan_at(job->plan, b->tensor);
    size_t row = sov_job_least(t->dim[0], n);
    encode_fn encode = sov_kern()->encode[t->type];
    bool plain = sov_type_info((int)t->type)->kind == SOV_KIND_FLOAT;
    bool lost = sov_slab_measured(job, b->tensor);
    const unsigned char *made =
        sov_calibrated_blocks(job->calibrated, b->tensor);

    if (made != NULL)
        memcpy(out, made + sov_job_bytes(t->type, first),
               sov_job_bytes(t->type, n));
    else if (plain)
        encode(own->x, NULL, out, n, job->effort);
    for (size_t at = 0; at < n && (lost || !plain); at += row) {
        unsigned char *to = out + sov_job_bytes(t->type, at);
        const float *imp = NULL;

        if (!plain)
            imp = sov_importance_row(job->importance, &own->view, b->tensor,
                                     first + at, row);
        if (!plain && made == NULL)
            encode(own->x + at, imp, to, row, job->effort);
        if (lost)
            sov_error_row(b->lost, own->x + at, imp, t->type, to, row);
    }
}

/*
 * One chunk of a slab.  Weights of a type that stays are looked at and left to
 * the bit, unless some have to be replaced or an adapter adds to them.
 */
static int
work_chunk(const struct sov_quant *job, struct sov_slab *b,
           struct sov_slab_scratch *own, size_t at, size_t n)
{
    const struct sov_tensor *from = sov_model_at(job->model, b->tensor);
    const struct sov_tensor *to = sov_plan_at(job->plan, b->tensor);
    float *x = own->x;
    bool merged = sov_merge_has(job->merge, b->tensor);
    bool copied = from->type == to->type && !merged;
    uint32_t limit = limit_bits(to->type, copied);
    const unsigned char *in = b->in + sov_job_bytes(from->type, at);
    bool good = !merged && seen_good(from->type, in, n, limit);
    size_t bad;

    if (good && copied)
        return 0;
    sov_job_decoder(from->type)(in, x, n);
    if (merged)
        sov_merge_add(job->merge, &own->merge, b->tensor, b->first + at, n, x);
    bad = good ? n : find_bad(x, n, limit);
    if (bad == n && copied)
        return 0;
    if (bad < n && job->nonfinite == SOV_NONFINITE_FAIL)
        return refuse(b, from, b->first + at, x, n, bad, to->type, limit);
    if (sov_kern()->encode[to->type] == NULL)
        return sov_fail(&b->err, SOV_EUNSUP,
                        "tensor %s: weights to replace, and no encoder for "
                        "%s",
                        from->name, sov_type_info((int)to->type)->name);
    if (bad < n)
        replace_bad(b, b->first + at, x, n, limit, largest(to->type),
                    job->nonfinite);
    encode_rows(job, own, b, b->first + at, n,
                (from->type == to->type ? b->in : b->out) +
                    sov_job_bytes(to->type, at));
    return 0;
}

void
sov_slab_work(const struct sov_quant *job, struct sov_slab *b,
              struct sov_slab_scratch *own)
{
    const struct sov_tensor *from = sov_model_at(job->model, b->tensor);
    const struct sov_tensor *to = sov_plan_at(job->plan, b->tensor);
    size_t row = sov_job_least(from->dim[0], SOV_PIECE);
    size_t step = row < SOV_SLAB_CHUNK ? SOV_SLAB_CHUNK / row * row : row;

    b->result = from->type == to->type ? b->in : b->out;
    b->out_len = sov_job_bytes(to->type, b->n);
    if (sov_job_decoder(from->type) == NULL ||
        (job->unchecked && !sov_job_remade(job, b->tensor)))
        return;
    for (size_t at = 0; at < b->n && b->rc == 0; at += step)
        b->rc = work_chunk(job, b, own, at, sov_job_least(step, b->n - at));
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream.c - every tensor through the codecs, read, work and write at once
 *
 *              +---------- free <-----------------------+
 *              v                                        |
 *   reader: fill a slab --> order ---------------> writer (the caller's
 *              |                                   thread): waits for the
 *              +----------> work --> workers --    slab's own "done", then
 *                                    done ------>  writes it
 *
 * A slab is some whole rows of one tensor, or one piece of a row that is longer
 * than SOV_PIECE.  What always holds:
 *
 *  1. A slab is in one place only: free, with the reader, with one worker, or
 *     with the writer.  There are n_slabs, and every queue has room for all,
 *     so only "free", "work" and "done" make anybody wait.
 *  2. The writer takes slabs in the order of the reader, so the output does not
 *     depend on who worked on what, and the first error in the file's order is
 *     the one that is told.
 *  3. An error travels in its slab.  The writer alone stops the others.
 *  4. Where a slab ends does not change what is in it: rows are encoded one by
 *     one, and the pieces of long rows are fixed.
 */
#include "compress/error.h"
#include "compress/job.h"

#include "base/mem.h"
#include "fmt/plan.h"
#include "kern/kern.h"
#include "sys/par.h"

#include <float.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Weights in a slab, if rows are short enough: half a megabyte of F16. */
#define SLAB_WEIGHTS 262144
/* Weights decoded at a time: 64 KB of floats, which stay in the L2 cache. */
#define CHUNK_WEIGHTS 16384
/* What the queues and the model's own reader may take beside the slabs. */
#define MEMORY_ASIDE (UINT64_C(4) << 20)

typedef void (*encode_fn)(const float *x, const float *imp, void *blocks,
                          size_t n, int effort);

struct slab {
    size_t tensor;
    uint64_t first; /* weight of the tensor that it starts with */
    size_t n;       /* weights */
    unsigned char *in;
    unsigned char *out;
    size_t in_len;
    size_t out_len;
    const unsigned char *result; /* in or out */
    uint64_t replaced;
    bool last;                          /* of its tensor */
    unsigned char source[SOV_XXH3_LEN]; /* then, with resume: digest of it */
    uint64_t bad;           /* with some replaced: the first of them */
    struct sov_error *lost; /* owned; what its rows lost */
    int rc;
    struct sov_err err;
    struct sov_queue *done; /* holds the slab when the work is done */
};

struct stream {
    struct sov_quant *job;
    struct slab *slab;
    size_t n_slabs;
    size_t in_cap;
    size_t out_cap;
    unsigned n_workers;
    size_t slab_weights;
    size_t first;          /* tensors before it are there already */
    uint64_t replaced;     /* of the writer: in the tensor so far */
    struct sov_error lost; /* of the writer: what the tensor lost so far */
    struct sov_queue *free;
    struct sov_queue *work;
    struct sov_queue *order;
    struct sov_task *reader;
    struct sov_task **worker;
    atomic_bool stop;
};

static size_t
min_size(uint64_t a, uint64_t b)
{
    return (size_t)(a < b ? a : b);
}

/* ---- memory ---- */

/* Bytes of the largest slab, in and out, with slabs of that many weights. */
static void
measure(struct stream *s, size_t target)
{
    s->slab_weights = target;
    s->in_cap = s->out_cap = 64;
    for (size_t i = 0; i < sov_plan_count(s->job->plan); i++) {
        const struct sov_tensor *from = sov_model_at(s->job->model, i);
        const struct sov_tensor *to = sov_plan_at(s->job->plan, i);
        size_t n, in, out;

        if (from->size == 0)
            continue;
        n = sov_job_step(from, 0, target);
        in = sov_job_bytes(from->type, n);
        out = sov_job_bytes(to->type, n);
        s->in_cap = in > s->in_cap ? in : s->in_cap;
        s->out_cap = out > s->out_cap ? out : s->out_cap;
    }
}

static uint64_t
memory_needed(const struct stream *s)
{
    return MEMORY_ASIDE + (uint64_t)s->n_slabs * (s->in_cap + s->out_cap) +
           (uint64_t)s->n_workers * 2 * SOV_PIECE * sizeof(float);
}

/* Fewer weights in a slab, then fewer threads, until the limit is kept. */
static int
fit_memory(struct stream *s, struct sov_err *err)
{
    uint64_t limit = s->job->max_memory;

    for (s->n_workers = sov_threads();; s->n_workers /= 2) {
        s->n_slabs = 2 * (size_t)s->n_workers + 4;
        for (size_t n = SLAB_WEIGHTS; n >= CHUNK_WEIGHTS; n /= 4) {
            measure(s, n);
            if (memory_needed(s) <= limit)
                return 0;
        }
        if (s->n_workers == 1)
            return sov_fail(err, SOV_EMEM,
                            "needs %" PRIu64 " bytes of memory, the limit is "
                            "%" PRIu64,
                            memory_needed(s), limit);
    }
}

static int
make_slabs(struct stream *s, struct sov_err *err)
{
    s->slab = sov_mem_array(s->n_slabs, sizeof(*s->slab));
    s->worker = sov_mem_array(s->n_workers, sizeof(*s->worker));
    s->free = sov_queue_new(s->n_slabs);
    s->work = sov_queue_new(s->n_slabs);
    s->order = sov_queue_new(s->n_slabs);
    if (s->slab == NULL || s->worker == NULL || s->free == NULL ||
        s->work == NULL || s->order == NULL)
        return sov_mem_fail(err);
    for (size_t i = 0; i < s->n_slabs; i++) {
        struct slab *b = &s->slab[i];

        b->in = sov_mem_aligned(s->in_cap, 1);
        b->out = sov_mem_aligned(s->out_cap, 1);
        b->lost = sov_mem_array(1, sizeof(*b->lost));
        b->done = sov_queue_new(1);
        if (b->lost == NULL || b->in == NULL || b->out == NULL ||
            b->done == NULL)
            return sov_mem_fail(err);
        sov_queue_put(s->free, b);
    }
    return 0;
}

static void
free_slabs(struct stream *s)
{
    for (size_t i = 0; s->slab != NULL && i < s->n_slabs; i++) {
        sov_mem_free_aligned(s->slab[i].in);
        sov_mem_free_aligned(s->slab[i].out);
        free(s->slab[i].lost);
        sov_queue_free(s->slab[i].done);
    }
    sov_queue_free(s->free);
    sov_queue_free(s->work);
    sov_queue_free(s->order);
    free(s->worker);
    free(s->slab);
}

/* ---- reading ---- */

static void
sum_source(struct sov_resume *r, struct slab *b)
{
    sov_sum_add(r->source, b->in, b->in_len);
    if (b->last)
        sov_sum_take(r->source, b->source);
}

/* The slab at weight first of tensor i; false when the reader shall end. */
static bool
read_slab(struct stream *s, size_t i, uint64_t first, size_t n)
{
    const struct sov_tensor *t = sov_model_at(s->job->model, i);
    struct slab *b = sov_queue_get(s->free);
    int rc;

    if (b == NULL || atomic_load(&s->stop))
        return false;
    b->tensor = i;
    b->first = first;
    b->n = n;
    b->in_len = sov_job_bytes(t->type, n);
    b->replaced = 0;
    *b->lost = (struct sov_error){ 0 };
    rc = sov_model_read(s->job->model, i, sov_job_bytes(t->type, first), b->in,
                        b->in_len, &b->err);
    b->rc = rc;
    b->last = first + n == sov_tensor_count(t);
    if (s->job->resume != NULL)
        sum_source(s->job->resume, b);
    /* from here on the slab is somebody else's */
    return sov_queue_put(s->order, b) != 0 && sov_queue_put(s->work, b) != 0 &&
           rc == 0;
}

static int
reader_main(void *arg)
{
    struct stream *s = arg;
    bool going = true;

    for (size_t i = s->first; i < sov_plan_count(s->job->plan) && going; i++) {
        const struct sov_tensor *t = sov_model_at(s->job->model, i);
        uint64_t total = t->size == 0 ? 0 : sov_tensor_count(t);
        size_t n;

        for (uint64_t at = 0; at < total && going; at += n) {
            n = sov_job_step(t, at, s->slab_weights);
            going = read_slab(s, i, at, n);
        }
    }
    sov_queue_close(s->order);
    sov_queue_close(s->work);
    return 0;
}

/* ---- working ---- */

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

static void
replace_bad(struct slab *b, uint64_t at, float *x, size_t n, uint32_t limit,
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
refuse(struct slab *b, const struct sov_tensor *t, uint64_t at, const float *x,
       size_t n, size_t bad, enum sov_type to)
{
    uint64_t row = t->dim[0];
    uint32_t limit = limit_bits(to, t->type == to), m = magnitude(x[bad]);
    size_t end = min_size(n, bad + row - (at + bad) % row), more = 0;
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

/* What a worker has for itself. */
struct scratch {
    float *x; /* [SOV_PIECE] */
    struct sov_importance_view view;
};

/* Does anybody ask what a tensor of the plan loses? */
static bool
measured(const struct sov_quant *job, size_t tensor)
{
    enum sov_type from = sov_model_at(job->model, tensor)->type;

    return from != sov_plan_at(job->plan, tensor)->type &&
           (job->measure || sov_type_info((int)from)->kind == SOV_KIND_BLOCK);
}

/*
 * n floats of a slab's tensor from weight `first` into blocks, row by row where
 * a row is more than its weights.
 */
static void
encode_rows(const struct sov_quant *job, struct scratch *own, struct slab *b,
            uint64_t first, size_t n, unsigned char *out)
{
    const struct sov_tensor *t = sov_plan_at(job->plan, b->tensor);
    size_t row = min_size(t->dim[0], n);
    encode_fn encode = sov_kern()->encode[t->type];
    bool plain = sov_type_info((int)t->type)->kind == SOV_KIND_FLOAT;
    bool lost = measured(job, b->tensor);

    if (plain)
        encode(own->x, NULL, out, n, job->effort);
    for (size_t at = 0; at < n && (lost || !plain); at += row) {
        const float *imp = NULL;

        if (!plain) {
            imp = sov_importance_row(job->importance, &own->view, b->tensor,
                                     first + at, row);
            encode(own->x + at, imp, out + sov_job_bytes(t->type, at), row,
                   job->effort);
        }
        if (lost)
            sov_error_row(b->lost, own->x + at, imp, t->type,
                          out + sov_job_bytes(t->type, at), row);
    }
}

/*
 * One chunk of a slab.  Weights of a type that stays are looked at and left to
 * the bit, unless some have to be replaced.
 */
static int
work_chunk(struct stream *s, struct slab *b, struct scratch *own, size_t at,
           size_t n)
{
    const struct sov_tensor *from = sov_model_at(s->job->model, b->tensor);
    const struct sov_tensor *to = sov_plan_at(s->job->plan, b->tensor);
    float *x = own->x;
    bool copied = from->type == to->type;
    uint32_t limit = limit_bits(to->type, copied);
    size_t bad;

    sov_job_decoder(from->type)(b->in + sov_job_bytes(from->type, at), x, n);
    bad = find_bad(x, n, limit);
    if (bad == n && copied)
        return 0;
    if (bad < n && s->job->nonfinite == SOV_NONFINITE_FAIL)
        return refuse(b, from, b->first + at, x, n, bad, to->type);
    if (sov_kern()->encode[to->type] == NULL)
        return sov_fail(&b->err, SOV_EUNSUP,
                        "tensor %s: weights to replace, and no encoder for "
                        "%s",
                        from->name, sov_type_info((int)to->type)->name);
    if (bad < n)
        replace_bad(b, b->first + at, x, n, limit, largest(to->type),
                    s->job->nonfinite);
    encode_rows(s->job, own, b, b->first + at, n,
                (copied ? b->in : b->out) + sov_job_bytes(to->type, at));
    return 0;
}

static void
work_slab(struct stream *s, struct slab *b, struct scratch *own)
{
    const struct sov_tensor *from = sov_model_at(s->job->model, b->tensor);
    const struct sov_tensor *to = sov_plan_at(s->job->plan, b->tensor);
    size_t row = min_size(from->dim[0], SOV_PIECE);
    size_t step = row < CHUNK_WEIGHTS ? CHUNK_WEIGHTS / row * row : row;

    b->result = from->type == to->type ? b->in : b->out;
    b->out_len = sov_job_bytes(to->type, b->n);
    if (sov_job_decoder(from->type) == NULL ||
        (s->job->unchecked && from->type == to->type))
        return;
    for (size_t at = 0; at < b->n && b->rc == 0; at += step)
        b->rc = work_chunk(s, b, own, at, min_size(step, b->n - at));
}

static int
worker_main(void *arg)
{
    struct stream *s = arg;
    struct scratch own = { .x = sov_mem_aligned(SOV_PIECE, sizeof(float)) };
    int made = sov_importance_view_new(&own.view, SOV_PIECE, NULL);
    struct slab *b;

    while ((b = sov_queue_get(s->work)) != NULL) {
        if (b->rc == 0 && (own.x == NULL || made < 0))
            b->rc = sov_mem_fail(&b->err);
        if (b->rc == 0 && !atomic_load(&s->stop))
            work_slab(s, b, &own);
        sov_queue_put(b->done, b);
    }
    sov_importance_view_free(&own.view);
    sov_mem_free_aligned(own.x);
    return 0;
}

/* ---- writing ---- */

/* With resume: what the journal says of a tensor. */
static int
note_slab(struct stream *s, const struct slab *b, struct sov_err *err)
{
    struct sov_resume *r = s->job->resume;
    int rc = 0;

    if (r == NULL)
        return 0;
    sov_sum_add(r->result, b->result, b->out_len);
    s->replaced += b->replaced;
    if (b->last) {
        rc = sov_resume_note(r, b->tensor, b->source, s->replaced, err);
        s->replaced = 0;
    }
    return rc;
}

/* What is told of a slab, in the order of the file. */
static void
add_up(struct stream *s, const struct slab *b)
{
    struct sov_quant *job = s->job;

    if (b->replaced > 0 && job->bad_last == 0) {
        job->bad_first = b->tensor;
        job->bad_at = b->bad;
    }
    if (b->replaced > 0 && job->bad_last != b->tensor + 1) {
        job->bad_last = b->tensor + 1;
        job->bad_tensors++;
    }
    job->replaced += b->replaced;
    if (!measured(job, b->tensor))
        return;
    sov_error_merge(&s->lost, b->lost);
    if (b->last) {
        job->lost[b->tensor] = sov_error_figures(&s->lost);
        s->lost = (struct sov_error){ 0 };
    }
}

static int
write_slabs(struct stream *s, sov_writer *w, struct sov_err *err)
{
    uint64_t total = sov_plan_bytes(s->job->plan);
    uint64_t done = sov_quant_kept(s->job);
    struct slab *b;
    int rc;

    while ((b = sov_queue_get(s->order)) != NULL) {
        sov_queue_get(b->done);
        if (b->rc < 0) {
            if (err != NULL)
                *err = b->err;
            return b->rc;
        }
        rc = sov_writer_data(w, b->result, b->out_len, err);
        if (rc == 0)
            rc = note_slab(s, b, err);
        if (rc < 0)
            return rc;
        add_up(s, b);
        done += b->out_len;
        if (s->job->progress != NULL)
            s->job->progress(s->job->progress_arg, done, total,
                             sov_plan_at(s->job->plan, b->tensor)->name);
        sov_queue_put(s->free, b);
    }
    return 0;
}

static int
start(struct stream *s, struct sov_err *err)
{
    int rc = sov_task_start(&s->reader, reader_main, s, err);

    for (unsigned i = 0; i < s->n_workers && rc == 0; i++)
        rc = sov_task_start(&s->worker[i], worker_main, s, err);
    return rc;
}

/* In any case, and whoever waits for whom. */
static void
finish(struct stream *s)
{
    atomic_store(&s->stop, true);
    sov_queue_close(s->free);
    if (s->reader != NULL)
        sov_task_join(s->reader);
    sov_queue_close(s->work);
    for (unsigned i = 0; i < s->n_workers; i++)
        if (s->worker[i] != NULL)
            sov_task_join(s->worker[i]);
}

int
sov_stream_run(struct sov_quant *job, sov_sink *const *sinks,
               struct sov_err *err)
{
    struct stream s = { .job = job };
    sov_writer *w = NULL;
    int rc;

    atomic_init(&s.stop, false);
    s.first = job->resume != NULL ? job->resume->first : 0;
    rc = fit_memory(&s, err);
    if (rc == 0)
        rc = make_slabs(&s, err);
    if (rc == 0)
        rc = sov_writer_resume(&w, job->plan, sinks, s.first, err);
    if (rc == 0) {
        rc = start(&s, err);
        if (rc == 0)
            rc = write_slabs(&s, w, err);
        finish(&s);
    }
    if (rc == 0)
        rc = sov_writer_end(&w, err);
    else
        sov_writer_abort(w);
    free_slabs(&s);
    return rc;
}

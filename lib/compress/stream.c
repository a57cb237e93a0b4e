/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream.c - every tensor through the codecs, read, work and write at once
 *
 * All threads do the same.  Each takes a free slab, reads what comes next of
 * the model into it, works on it, and hands it in; what is read stays in the
 * cache of the core that works on it.
 *
 *     free ---> read ---> work ---> handed in ---> written ---> free
 *               one at              as they        one at
 *               a time              come           a time, in order
 *
 * A slab is some whole rows of one tensor, or one piece of a row that is longer
 * than SOV_PIECE.  What always holds:
 *
 *  1. A slab is in one place only: free, with one thread, or handed in.  There
 *     are n_slabs; slab number k of the model, once read, is handed in at
 *     place k % n_slabs, which is empty then, since that place was of slab
 *     k - n_slabs, and that was written before a slab was free for this one.
 *  2. The cursor is where the model was read up to; it is handed from thread
 *     to thread, and who has it reads.  Whoever finds that nobody writes does
 *     it, as long as the next slab in order is there; the others go on.  So
 *     a thread waits only when it wants to read and another does, or when all
 *     slabs are taken; and the slab that is next is then with a thread that
 *     has what it needs.
 *  3. Slabs are written in the order in which they were read, so the output
 *     does not depend on who worked on what, and the first error in the
 *     model's order is the one that is told.
 *  4. An error travels in its slab; who would write it stops all others.
 *  5. Where a slab ends does not change what is in it: rows are encoded one by
 *     one, and the pieces of long rows are fixed.
 */
#include "compress/slab.h"

#include "base/mem.h"
#include "fmt/model.h"
#include "fmt/plan.h"
#include "sys/par.h"
#include "sys/queue.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* Weights in a slab, if rows are short enough: 256 KB of F16, so that a slab
 * stays in the L2 cache from when it is read until it is written. */
#define SLAB_WEIGHTS 131072
/* What the queues and the model's own reader may take beside the slabs. */
#define MEMORY_ASIDE (UINT64_C(4) << 20)

/* Where the model was read up to; who has it may read. */
struct cursor {
    size_t tensor;
    uint64_t at;     /* weight of it */
    uint64_t number; /* of the slab that comes next */
};

struct stream {
    struct sov_quant *job;
    struct sov_slab *slab;
    size_t n_slabs;
    size_t in_cap;
    size_t out_cap;
    unsigned n_workers;
    size_t slab_weights;
    struct sov_queue *free;   /* slabs */
    struct sov_queue *cursor; /* the cursor, unless somebody has it */
    struct cursor begin;
    _Atomic(struct sov_slab *) *in; /* handed in, and not written yet */
    struct sov_task **worker;
    atomic_bool stop;

    /* Of who writes: */
    atomic_bool writing;
    _Atomic(uint64_t) next; /* number of the slab to be written */
    sov_writer *writer;
    uint64_t done;         /* bytes of the output */
    uint64_t replaced;     /* in the tensor so far ... */
    uint64_t bad;          /* ... the first of them */
    struct sov_error lost; /* ... and what it lost */
    int rc;
    struct sov_err err;
};

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
           (uint64_t)s->n_workers * 2 * SOV_PIECE * sizeof(float) +
           s->n_workers * sov_merge_view_bytes(s->job->merge, SOV_PIECE);
}

/* Fewer weights in a slab, then fewer threads, until the limit is kept. */
static int
fit_memory(struct stream *s, struct sov_err *err)
{
    uint64_t limit = s->job->max_memory;

    for (s->n_workers = sov_threads();; s->n_workers /= 2) {
        s->n_slabs = 2 * (size_t)s->n_workers + 2;
        for (size_t n = SLAB_WEIGHTS; n >= SOV_SLAB_CHUNK; n /= 4) {
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
    s->in = sov_mem_array(s->n_slabs, sizeof(*s->in));
    s->worker = sov_mem_array(s->n_workers, sizeof(*s->worker));
    s->free = sov_queue_new(s->n_slabs);
    s->cursor = sov_queue_new(1);
    if (s->slab == NULL || s->in == NULL || s->worker == NULL ||
        s->free == NULL || s->cursor == NULL)
        return sov_mem_fail(err);
    for (size_t i = 0; i < s->n_slabs; i++) {
        struct sov_slab *b = &s->slab[i];

        atomic_init(&s->in[i], NULL);
        b->in = sov_mem_aligned(s->in_cap, 1);
        b->out = sov_mem_aligned(s->out_cap, 1);
        b->lost = sov_mem_array(1, sizeof(*b->lost));
        if (b->in == NULL || b->out == NULL || b->lost == NULL)
            return sov_mem_fail(err);
        sov_queue_put(s->free, b);
    }
    sov_queue_put(s->cursor, &s->begin);
    return 0;
}

static void
free_slabs(struct stream *s)
{
    for (size_t i = 0; s->slab != NULL && i < s->n_slabs; i++) {
        sov_mem_free_aligned(s->slab[i].in);
        sov_mem_free_aligned(s->slab[i].out);
        free(s->slab[i].lost);
    }
    sov_queue_free(s->free);
    sov_queue_free(s->cursor);
    free(s->worker);
    free(s->in);
    free(s->slab);
}

/* ---- reading ---- */

/* Go on to the next tensor that has bytes; false: there is none. */
static bool
find_tensor(const struct stream *s, struct cursor *c)
{
    const struct sov_tensor *t;

    for (; c->tensor < sov_plan_count(s->job->plan); c->tensor++, c->at = 0) {
        t = sov_model_at(s->job->model, c->tensor);
        if (t->size > 0 && c->at < sov_tensor_count(t) &&
            sov_taker_wants(s->job->taker, c->tensor))
            return true;
    }
    return false;
}

static void
sum_source(struct sov_resume *r, struct sov_slab *b)
{
    sov_sum_add(r->source, b->in, b->in_len);
    if (b->last)
        sov_sum_take(r->source, b->source);
}

static void
fill_slab(struct stream *s, struct cursor *c, struct sov_slab *b)
{
    const struct sov_tensor *t = sov_model_at(s->job->model, c->tensor);

    b->number = c->number++;
    b->tensor = c->tensor;
    b->first = c->at;
    b->n = sov_job_step(t, c->at, s->slab_weights);
    b->in_len = sov_job_bytes(t->type, b->n);
    b->replaced = 0;
    *b->lost = (struct sov_error){ 0 };
    b->rc = sov_model_read(s->job->model, b->tensor,
                           sov_job_bytes(t->type, b->first), b->in, b->in_len,
                           &b->err);
    c->at += b->n;
    b->last = c->at == sov_tensor_count(t);
    if (b->rc == 0 && s->job->resume != NULL)
        sum_source(s->job->resume, b);
}

/* The next slab of the model; NULL: there is none. */
static struct sov_slab *
read_slab(struct stream *s)
{
    struct sov_slab *b = sov_queue_get(s->free);
    struct cursor *c = b != NULL ? sov_queue_get(s->cursor) : NULL;
    bool more = c != NULL && !atomic_load(&s->stop) && find_tensor(s, c);

    if (more)
        fill_slab(s, c, b);
    if (c != NULL && (!more || b->rc < 0))
        sov_queue_close(s->cursor); /* the others see that it is over */
    else if (c != NULL)
        sov_queue_put(s->cursor, c);
    if (b != NULL && !more)
        sov_queue_put(s->free, b); /* somebody may wait for it */
    return more ? b : NULL;
}

/* ---- writing ---- */

/* What is told of a slab, in the order of the file. */
static void
add_up(struct stream *s, const struct sov_slab *b)
{
    struct sov_quant *job = s->job;

    if (b->first == 0)
        s->replaced = 0;
    if (s->replaced == 0)
        s->bad = b->bad;
    s->replaced += b->replaced;
    if (sov_slab_measured(job, b->tensor))
        sov_error_merge(&s->lost, b->lost);
    if (!b->last)
        return;
    sov_job_replaced(job, b->tensor, s->replaced, s->bad);
    if (sov_slab_measured(job, b->tensor))
        job->lost[b->tensor] = sov_error_figures(&s->lost);
    s->lost = (struct sov_error){ 0 };
}

/* With resume: what the journal says of a tensor. */
static int
note_slab(struct stream *s, const struct sov_slab *b, struct sov_err *err)
{
    struct sov_resume *r = s->job->resume;
    struct sov_journal_tensor t;

    if (r == NULL)
        return 0;
    sov_sum_add(r->result, b->result, b->out_len);
    if (!b->last)
        return 0;
    t = (struct sov_journal_tensor){
        .tensor = (uint32_t)b->tensor,
        .replaced = s->replaced,
        .bad = s->bad,
        .lost = s->job->lost[b->tensor],
    };
    memcpy(t.source, b->source, sizeof(t.source));
    return sov_resume_note(r, &t, err);
}

static int
write_slab(struct stream *s, const struct sov_slab *b, struct sov_err *err)
{
    int rc = b->rc;

    if (rc < 0 && err != NULL)
        *err = b->err;
    if (rc == 0)
        rc = sov_writer_data(s->writer, b->result, b->out_len, err);
    if (rc == 0) {
        add_up(s, b);
        rc = note_slab(s, b, err);
    }
    if (rc < 0)
        return rc;
    if (b->last)
        sov_model_unneeded(s->job->model, b->tensor);
    s->done += b->out_len;
    if (s->job->progress != NULL)
        s->job->progress(s->job->progress_arg, s->done,
                         sov_plan_bytes(s->job->plan),
                         sov_plan_at(s->job->plan, b->tensor)->name);
    return 0;
}

/* Nothing is read, worked on or written any more. */
static void
stop_all(struct stream *s)
{
    atomic_store(&s->stop, true);
    sov_queue_close(s->free);
    sov_queue_close(s->cursor);
}

/* Write what comes next, as far as it is there; false: that failed. */
static bool
write_ready(struct stream *s)
{
    uint64_t next = atomic_load(&s->next);
    struct sov_slab *b;

    while ((b = atomic_exchange(&s->in[next % s->n_slabs], NULL)) != NULL) {
        s->rc = write_slab(s, b, &s->err);
        if (s->rc < 0) {
            stop_all(s);
            return false;
        }
        sov_queue_put(s->free, b);
        atomic_store(&s->next, ++next);
    }
    return true;
}

/*
 * The slab is there.  Who writes looks once more after he has let go of it,
 * for what was handed in meanwhile by one who saw him at it.
 */
static void
hand_in(struct stream *s, struct sov_slab *b)
{
    atomic_store(&s->in[b->number % s->n_slabs], b);
    while (atomic_load(&s->in[atomic_load(&s->next) % s->n_slabs]) != NULL &&
           !atomic_exchange(&s->writing, true)) {
        if (!write_ready(s))
            return; /* and nobody shall */
        atomic_store(&s->writing, false);
    }
}

/* ---- the threads ---- */

static int
worker_main(void *arg)
{
    struct stream *s = arg;
    struct sov_slab_scratch own = { .x = sov_mem_aligned(SOV_PIECE,
                                                         sizeof(float)) };
    int made = sov_importance_view_new(&own.view, SOV_PIECE, NULL);
    struct sov_slab *b;

    if (made == 0)
        made = sov_merge_view_new(&own.merge, s->job->merge, SOV_PIECE, NULL);
    while ((b = read_slab(s)) != NULL) {
        if (b->rc == 0 && (own.x == NULL || made < 0))
            b->rc = sov_mem_fail(&b->err);
        if (b->rc == 0)
            sov_slab_work(s->job, b, &own);
        hand_in(s, b);
    }
    sov_merge_view_free(&own.merge);
    sov_importance_view_free(&own.view);
    sov_mem_free_aligned(own.x);
    return 0;
}

/* This thread, and others as far as there are any to be had. */
static int
run_all(struct stream *s, struct sov_err *err)
{
    unsigned n = 0;

    while (n + 1 < s->n_workers &&
           sov_task_start(&s->worker[n], worker_main, s, NULL) == 0)
        n++;
    worker_main(s);
    while (n > 0)
        sov_task_join(s->worker[--n]);
    if (s->rc < 0 && err != NULL)
        *err = s->err;
    return s->rc;
}

int
sov_stream_run(struct sov_quant *job, sov_sink *const *sinks,
               struct sov_err *err)
{
    struct stream s = { .job = job, .done = sov_quant_kept(job) };
    int rc;

    atomic_init(&s.stop, false);
    atomic_init(&s.writing, false);
    atomic_init(&s.next, 0);
    s.begin.tensor = job->resume != NULL ? job->resume->first : 0;
    rc = fit_memory(&s, err);
    if (rc == 0)
        rc = make_slabs(&s, err);
    if (rc == 0)
        rc = sov_writer_open(&s.writer, job->plan, job->taker, sinks,
                             s.begin.tensor, err);
    if (rc == 0)
        rc = run_all(&s, err);
    if (rc == 0)
        rc = sov_writer_end(&s.writer, err);
    else
        sov_writer_abort(s.writer);
    free_slabs(&s);
    return rc;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream.c - every tensor through the method, in the order of the file
 *
 * What stays is copied in pieces.  Of a matrix that loses weights some rows are
 * read at a time, a batch; all threads prune items of it, which are whole
 * groups of rows that share a mask, and put the rows back where they were; then
 * the batch is written, by a thread beside the team, while the next one is read
 * and pruned.  So memory does not follow the model's size, and the model may be
 * a pipe.
 *
 * Nothing depends on how rows are cut into batches and items: a method looks at
 * a group of rows alone, zeros are counted, and errors are summed as whole
 * numbers (compress/error.h).  Of several things that are wrong in a batch the
 * first is told.
 */
#include "prune/job.h"

#include "base/mem.h"
#include "fmt/model.h"
#include "fmt/plan.h"
#include "kern/kern.h"
#include "quant/codec.h"
#include "sys/file.h"
#include "sys/hash.h"
#include "sys/par.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Bytes that are read at a time, and weights of an item, unless the rows of one
 * group are more. */
#define BATCH_BYTES  (UINT64_C(4) << 20)
#define ITEM_WEIGHTS 16384

#define LINE 64 /* bytes of a cache line */

/* What a worker has for itself. */
struct worker {
    float *w;   /* [rows of an item, k] */
    float *was; /* the same before, if that is measured */
    void *room; /* of the method */
    uint64_t zeros;
    struct sov_error *lost;
    size_t item; /* the first with something wrong; SIZE_MAX: none */
    struct sov_err err;
};

/* A batch on its way out. */
struct parcel {
    sov_writer *writer;
    const unsigned char *bytes;
    size_t len;
    struct sov_task *task; /* NULL: nothing is on its way */
    struct sov_err err;
};

struct stream {
    struct sov_prune *job;
    sov_writer *writer;
    struct parcel parcel;
    unsigned char *both;  /* owned; [2 * cap]: one is filled, one written */
    unsigned char *batch; /* that is filled; [cap] */
    size_t cap;
    struct worker *worker; /* owned; n_workers */
    unsigned n_workers;
    unsigned char *rooms; /* owned; what they have, `each` bytes apart */
    size_t each;
    float *square; /* owned; of the widest matrix */
    uint64_t done;

    /* The tensor that is at work, and the rows of it: */
    size_t tensor;
    size_t k;
    size_t item_rows;
    const float *known; /* square, or NULL */
    uint64_t matrix;
    uint64_t first;
    size_t n;
};

static size_t
min_size(uint64_t a, uint64_t b)
{
    return (size_t)(a < b ? a : b);
}

static size_t
lines(size_t bytes)
{
    return (bytes + LINE - 1) / LINE * LINE;
}

/* ---- memory ---- */

static size_t
rows_of_item(const struct sov_prune_share *share, size_t k)
{
    size_t group = share->pattern.rows;
    size_t groups = ITEM_WEIGHTS / k / group;

    return groups > 0 ? groups * group : group;
}

/* Rows of a batch: whole items. */
static size_t
rows_of_batch(size_t item_rows, size_t row_bytes)
{
    size_t items = (size_t)(BATCH_BYTES / row_bytes) / item_rows;

    return items > 0 ? items * item_rows : item_rows;
}

/* Bytes that a worker has for items of this tensor. */
static size_t
room_bytes(const struct sov_prune *job, size_t rows, size_t k)
{
    size_t floats = lines(rows * k * sizeof(float));

    return (job->measure ? 2 : 1) * floats + lines(job->method->room(rows, k));
}

/* Or has it been pruned before, by what went through it? */
static bool
is_pruned_here(const struct sov_prune *job, size_t tensor)
{
    return job->fate[tensor].pruned &&
           sov_prune_sweep_bytes(job->sweep, tensor) == NULL;
}

/* Of the largest of them all. */
static void
measure(struct stream *s, size_t *widest)
{
    const struct sov_prune *job = s->job;

    s->cap = (size_t)BATCH_BYTES;
    for (size_t i = 0; i < sov_model_count(job->model); i++) {
        const struct sov_tensor *t = sov_model_at(job->model, i);
        size_t k = (size_t)t->dim[0], bytes = 0, room = 0, rows;

        if (!is_pruned_here(job, i))
            continue;
        rows = rows_of_item(&job->fate[i].share, k);
        rows = min_size(rows, sov_prune_matrix_rows(t));
        bytes = rows_of_batch(rows, (size_t)sov_tensor_row_bytes(t)) *
                (size_t)sov_tensor_row_bytes(t);
        room = room_bytes(job, rows, k);
        s->cap = bytes > s->cap ? bytes : s->cap;
        s->each = room > s->each ? room : s->each;
        *widest = k > *widest ? k : *widest;
    }
}

static int
fit_memory(struct stream *s, struct sov_err *err)
{
    uint64_t limit = s->job->max_memory, need;
    size_t widest = 1;

    measure(s, &widest);
    s->n_workers = sov_threads();
    need = 2 * s->cap + widest * sizeof(float);
    if (need + (uint64_t)s->n_workers * s->each > limit)
        s->n_workers = 1;
    if (need + (uint64_t)s->n_workers * s->each > limit)
        return sov_fail(err, SOV_EMEM,
                        "needs %" PRIu64 " bytes of memory, the limit is "
                        "%" PRIu64,
                        need + s->each, limit);
    s->cap = lines(s->cap);
    s->both = sov_mem_aligned(2 * s->cap, 1);
    s->batch = s->both;
    s->rooms = sov_mem_aligned(s->n_workers * s->each + 1, 1);
    s->square = sov_mem_array(widest, sizeof(*s->square));
    s->worker = sov_mem_array(s->n_workers, sizeof(*s->worker));
    if (s->both == NULL || s->rooms == NULL || s->square == NULL ||
        s->worker == NULL)
        return sov_mem_fail(err);
    for (unsigned i = 0; i < s->n_workers; i++) {
        s->worker[i].lost = sov_mem_array(1, sizeof(struct sov_error));
        if (s->worker[i].lost == NULL)
            return sov_mem_fail(err);
    }
    return 0;
}

static void
free_all(struct stream *s)
{
    for (unsigned i = 0; s->worker != NULL && i < s->n_workers; i++)
        free(s->worker[i].lost);
    free(s->worker);
    free(s->square);
    sov_mem_free_aligned(s->rooms);
    sov_mem_free_aligned(s->both);
}

/* Cut a worker's room for items of so many rows. */
static void
furnish(struct stream *s, size_t rows, size_t k)
{
    size_t floats = lines(rows * k * sizeof(float));

    for (unsigned i = 0; i < s->n_workers; i++) {
        struct worker *own = &s->worker[i];
        unsigned char *at = s->rooms + i * s->each;

        own->w = (void *)at;
        at += floats;
        own->was = s->job->measure ? (void *)at : NULL;
        at += s->job->measure ? floats : 0;
        own->room = at;
        own->item = SIZE_MAX;
        own->zeros = 0;
        *own->lost = (struct sov_error){ 0 };
    }
}

/* ---- an item ---- */

/* The first weight that is no finite number, or n. */
static size_t
find_bad(const float *w, size_t n)
{
    uint32_t most = 0, u;
    size_t i;

    for (i = 0; i < n; i++) {
        memcpy(&u, &w[i], sizeof(u));
        u &= 0x7fffffff;
        most = u > most ? u : most;
    }
    if (most < 0x7f800000)
        return n;
    for (i = 0; isfinite(w[i]); i++)
        ;
    return i;
}

static uint64_t
count_zeros(const float *w, size_t n)
{
    uint64_t zeros = 0;

    for (size_t i = 0; i < n; i++)
        zeros += w[i] == 0;
    return zeros;
}

static int
prune_rows(struct stream *s, struct worker *own, size_t first, size_t n)
{
    const struct sov_tensor *t = sov_model_at(s->job->model, s->tensor);
    size_t row_bytes = (size_t)sov_tensor_row_bytes(t);
    unsigned char *bytes = s->batch + first * row_bytes;
    struct sov_prune_rows r = {
        .w = own->w,
        .n = n,
        .k = s->k,
        .first = s->first + first,
        .share = s->job->fate[s->tensor].share,
        .square = s->known,
    };
    size_t bad;
    int rc;

    sov_kern()->decode[t->type](bytes, own->w, n * s->k);
    bad = find_bad(own->w, n * s->k);
    if (bad < n * s->k)
        return sov_fail(
            &own->err, SOV_EFORMAT,
            "tensor %s: weight %zu of row %" PRIu64 " is not a finite number",
            t->name, bad % s->k,
            s->matrix * sov_prune_matrix_rows(t) + r.first + bad / s->k);
    if (own->was != NULL)
        memcpy(own->was, own->w, n * s->k * sizeof(float));
    rc = s->job->method->rows(&r, own->room, &own->err);
    if (rc < 0)
        return sov_err_wrap(&own->err, "tensor %s", t->name);
    sov_kern()->encode[t->type](own->w, NULL, bytes, n * s->k, 1);
    own->zeros += count_zeros(own->w, n * s->k);
    for (size_t i = 0; own->was != NULL && i < n; i++)
        sov_error_row(own->lost, own->was + i * s->k, s->known, t->type,
                      bytes + i * row_bytes, s->k);
    return 0;
}

static void
prune_items(void *arg, size_t first, size_t last, unsigned worker)
{
    struct stream *s = arg;
    struct worker *own = &s->worker[worker];

    for (size_t i = first; i < last && i < own->item; i++) {
        size_t at = i * s->item_rows;

        if (prune_rows(s, own, at, min_size(s->item_rows, s->n - at)) < 0)
            own->item = i;
    }
}

/* ---- a tensor ---- */

static int
read_batch(struct stream *s, uint64_t off, size_t len, struct sov_err *err)
{
    int rc = sov_model_read(s->job->model, s->tensor, off, s->batch, len, err);

    if (rc == 0 && s->job->resume != NULL)
        sov_sum_add(s->job->resume->source, s->batch, len);
    return rc;
}

static int
deliver(void *arg)
{
    struct parcel *p = arg;

    return sov_writer_data(p->writer, p->bytes, p->len, &p->err);
}

/* Wait until the last batch is written. */
static int
settle(struct stream *s, struct sov_err *err)
{
    struct parcel *p = &s->parcel;
    int rc = p->task != NULL ? sov_task_join(p->task) : 0;

    p->task = NULL;
    if (rc < 0 && err != NULL)
        *err = p->err;
    return rc;
}

/* Hand the batch over, and go on with the other one. */
static int
write_batch(struct stream *s, size_t len, struct sov_err *err)
{
    struct sov_prune *job = s->job;
    int rc = settle(s, err);

    if (rc < 0)
        return rc;
    if (job->resume != NULL)
        sov_sum_add(job->resume->result, s->batch, len);
    s->parcel.writer = s->writer;
    s->parcel.bytes = s->batch;
    s->parcel.len = len;
    if (sov_task_start(&s->parcel.task, deliver, &s->parcel, NULL) < 0) {
        s->parcel.task = NULL;
        rc = sov_writer_data(s->writer, s->batch, len, err);
    }
    s->batch = s->batch == s->both ? s->both + s->cap : s->both;
    s->done += len;
    if (rc == 0 && job->progress != NULL)
        job->progress(job->progress_arg, s->done, sov_plan_bytes(job->plan),
                      sov_model_at(job->model, s->tensor)->name);
    return rc;
}

static int
copy_tensor(struct stream *s, struct sov_err *err)
{
    const struct sov_tensor *t = sov_model_at(s->job->model, s->tensor);
    size_t row = (size_t)sov_tensor_row_bytes(t);
    size_t most = s->cap / row * row;
    int rc = 0;

    most = most > 0 ? most : s->cap / 4096 * 4096;
    for (uint64_t at = 0; at < t->size && rc == 0; at += most) {
        size_t len = min_size(most, t->size - at);

        rc = read_batch(s, at, len, err);
        if (rc == 0)
            rc = write_batch(s, len, err);
    }
    return rc;
}

/* Rows that were pruned before. */
static int
take_tensor(struct stream *s, const unsigned char *bytes, struct sov_err *err)
{
    const struct sov_tensor *t = sov_model_at(s->job->model, s->tensor);
    int rc = 0;

    for (uint64_t at = 0; at < t->size && rc == 0; at += s->cap) {
        size_t len = min_size(s->cap, t->size - at);

        memcpy(s->batch, bytes + at, len);
        rc = write_batch(s, len, err);
    }
    sov_file_unneeded(bytes, t->size);
    return rc;
}

/* All items of a batch; the first thing that is wrong with one is told. */
static int
prune_batch(struct stream *s, struct sov_err *err)
{
    size_t items = (s->n + s->item_rows - 1) / s->item_rows;
    const struct worker *first = &s->worker[0];

    if (s->n_workers > 1)
        sov_par_for(items, 1, prune_items, s);
    else
        prune_items(s, 0, items, 0);
    for (unsigned i = 1; i < s->n_workers; i++)
        if (s->worker[i].item < first->item)
            first = &s->worker[i];
    if (first->item == SIZE_MAX)
        return 0;
    if (err != NULL)
        *err = first->err;
    return first->err.rc;
}

static int
prune_matrix(struct stream *s, struct sov_err *err)
{
    const struct sov_tensor *t = sov_model_at(s->job->model, s->tensor);
    size_t row = (size_t)sov_tensor_row_bytes(t);
    uint64_t rows = sov_prune_matrix_rows(t);
    size_t most = rows_of_batch(s->item_rows, row);
    int rc = 0;

    s->known = sov_prune_inputs_square(&s->job->inputs, s->tensor, s->matrix,
                                       s->k, s->square)
                   ? s->square
                   : NULL;
    for (s->first = 0; s->first < rows && rc == 0; s->first += s->n) {
        s->n = min_size(most, rows - s->first);
        rc =
            read_batch(s, (s->matrix * rows + s->first) * row, s->n * row, err);
        if (rc == 0)
            rc = prune_batch(s, err);
        if (rc == 0)
            rc = write_batch(s, s->n * row, err);
    }
    return rc;
}

static void
take_figures(struct stream *s)
{
    struct sov_prune_fate *f = &s->job->fate[s->tensor];
    struct sov_error sum = { 0 };

    f->weights = sov_tensor_count(sov_model_at(s->job->model, s->tensor));
    f->zeros = 0;
    for (unsigned i = 0; i < s->n_workers; i++) {
        f->zeros += s->worker[i].zeros;
        sov_error_merge(&sum, s->worker[i].lost);
    }
    f->measured = s->job->measure;
    if (f->measured)
        f->lost = sov_error_figures(&sum);
}

static int
prune_tensor(struct stream *s, struct sov_err *err)
{
    const struct sov_tensor *t = sov_model_at(s->job->model, s->tensor);
    int rc = 0;

    s->k = (size_t)t->dim[0];
    s->item_rows = min_size(rows_of_item(&s->job->fate[s->tensor].share, s->k),
                            sov_prune_matrix_rows(t));
    furnish(s, s->item_rows, s->k);
    for (s->matrix = 0; s->matrix < t->dim[2] * t->dim[3] && rc == 0;
         s->matrix++)
        rc = prune_matrix(s, err);
    if (rc == 0)
        take_figures(s);
    return rc;
}

/* With resume: all of the tensor is written; what the journal says of it. */
static int
note_tensor(struct stream *s, struct sov_err *err)
{
    const struct sov_prune_fate *f = &s->job->fate[s->tensor];
    struct sov_resume *r = s->job->resume;
    struct sov_journal_tensor t = {
        .tensor = (uint32_t)s->tensor,
        .replaced = f->zeros,
        .lost = f->lost,
    };
    int rc;

    if (r == NULL || sov_model_at(s->job->model, s->tensor)->size == 0)
        return 0;
    rc = settle(s, err);
    if (rc < 0)
        return rc;
    sov_sum_take(r->source, t.source);
    return sov_resume_note(r, &t, err);
}

static int
stream_all(struct stream *s, struct sov_err *err)
{
    int rc = 0;

    for (; s->tensor < sov_model_count(s->job->model) && rc == 0; s->tensor++) {
        const unsigned char *bytes =
            sov_prune_sweep_bytes(s->job->sweep, s->tensor);

        if (!sov_taker_wants(s->job->taker, s->tensor))
            continue;
        if (bytes != NULL)
            rc = take_tensor(s, bytes, err);
        else
            rc = s->job->fate[s->tensor].pruned ? prune_tensor(s, err)
                                                : copy_tensor(s, err);
        if (rc == 0)
            rc = note_tensor(s, err);
        sov_model_unneeded(s->job->model, s->tensor);
    }
    return rc;
}

/* ---- what it will take ---- */

#define TRY_WEIGHTS (UINT64_C(1) << 20)
#define TRIES       3 /* the best counts: threads wake up in the first */

/* Rows of the tensor, all that is done to them, with whatever enters. */
static int
time_rows(struct stream *s, double *seconds, struct sov_err *err)
{
    const struct sov_tensor *t = sov_model_at(s->job->model, s->tensor);
    size_t row = (size_t)sov_tensor_row_bytes(t);
    uint64_t rows = sov_prune_matrix_rows(t);
    double best = INFINITY;
    int rc = 0;

    s->k = (size_t)t->dim[0];
    s->item_rows =
        min_size(rows_of_item(&s->job->fate[s->tensor].share, s->k), rows);
    furnish(s, s->item_rows, s->k);
    s->n = min_size(rows_of_batch(s->item_rows, row), rows);
    s->n = min_size(s->n, TRY_WEIGHTS / s->k + 1);
    for (size_t i = 0; i < s->k; i++)
        s->square[i] = 1;
    s->known = s->square;
    for (int i = 0; i < TRIES && rc == 0; i++) {
        double start = sov_clock(), took;

        rc = sov_model_read(s->job->model, s->tensor, 0, s->batch, s->n * row,
                            err);
        if (rc == 0)
            rc = prune_batch(s, err);
        took = sov_clock() - start;
        best = took < best ? took : best;
    }
    *seconds = best / (double)(s->n * s->k);
    return rc;
}

int
sov_prune_stream_pace(struct sov_prune *job, double *seconds,
                      struct sov_err *err)
{
    struct stream s = { .job = job };
    size_t n = sov_model_count(job->model), widest = n;
    int rc;

    *seconds = 0;
    for (size_t i = 0; i < n; i++)
        if (is_pruned_here(job, i) &&
            (widest == n || sov_model_at(job->model, i)->dim[0] >
                                sov_model_at(job->model, widest)->dim[0]))
            widest = i;
    if (widest == n)
        return 0;
    s.tensor = widest;
    rc = fit_memory(&s, err);
    if (rc == 0)
        rc = time_rows(&s, seconds, err);
    free_all(&s);
    return rc;
}

int
sov_prune_stream(struct sov_prune *job, sov_sink *const *sinks,
                 struct sov_err *err)
{
    struct stream s = {
        .job = job,
        .tensor = job->resume != NULL ? job->resume->first : 0,
        .done = sov_prune_kept(job),
    };
    int rc = fit_memory(&s, err);

    if (rc == 0)
        rc = sov_writer_open(&s.writer, job->plan, job->taker, sinks, s.tensor,
                             err);
    if (rc == 0)
        rc = stream_all(&s, err);
    if (rc == 0)
        rc = settle(&s, err);
    else
        (void)settle(&s, NULL);
    if (rc == 0)
        rc = sov_writer_end(&s.writer, err);
    else
        sov_writer_abort(s.writer);
    free_all(&s);
    return rc;
}

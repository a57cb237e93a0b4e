/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sweep.c - matrices that lose weights by what goes through them
 *
 * The model reads a text, layer by layer (calib/calib.h), in two streams.
 * Whenever the inputs of some matrices are known, in the model as it is and in
 * what became of it so far, these are pruned, and the second stream of the text
 * goes on through what is left.  So a mask is chosen by what will enter, and
 * healing aims at what the model as it is makes of a text.  Rows are kept in a
 * nameless file until the tensors are streamed to the output.
 */
#include "prune/sweep_in.h"

#include "base/mem.h"
#include "compress/feedback.h"
#include "fmt/model.h"
#include "kern/kern.h"
#include "prune/dsnot.h"
#include "prune/limits.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- which tensors ---- */

static bool
is_read(const char *name)
{
    return strncmp(name, "blk.", 4) == 0 || strcmp(name, "output.weight") == 0;
}

bool
sov_prune_sweep_wants(const struct sov_prune_sweep *s, size_t tensor)
{
    return tensor < sov_model_count(s->job->model) &&
           s->off[tensor] != UINT64_MAX;
}

bool
sov_prune_sweep_feeds(const struct sov_prune *job)
{
    return job->method->feed != NULL || job->heal || job->bits != 0;
}

static bool
wanted(const void *arg, size_t tensor)
{
    return sov_prune_sweep_wants(arg, tensor);
}

static int
lay_out(struct sov_prune_sweep *s, struct sov_err *err)
{
    const sov_model *model = s->job->model;
    size_t n = sov_model_count(model);

    s->off = sov_mem_array(n, sizeof(*s->off));
    s->made = sov_mem_array(n, sizeof(*s->made));
    if (s->off == NULL || s->made == NULL)
        return sov_mem_fail(err);
    for (size_t i = 0; i < n; i++) {
        const struct sov_tensor *t = sov_model_at(model, i);

        s->off[i] = UINT64_MAX;
        if (!s->job->fate[i].pruned || !is_read(t->name))
            continue;
        s->off[i] = s->size;
        s->size += (t->size + 4095) / 4096 * 4096;
    }
    return 0;
}

/* ---- rows ---- */

static unsigned char *
bytes_of(const struct sov_prune_sweep *s, size_t tensor, size_t row)
{
    const struct sov_tensor *t = sov_model_at(s->job->model, tensor);

    return s->map + s->off[tensor] + row * (size_t)sov_tensor_row_bytes(t);
}

/* Rows from `first` on of a tensor, all its matrices numbered through. */
static int
read_rows(const struct sov_prune_sweep *s, size_t tensor, size_t first,
          size_t n, float *w, struct sov_err *err)
{
    const struct sov_tensor *t = sov_model_at(s->job->model, tensor);
    const unsigned char *data = t->data;
    size_t k = (size_t)t->dim[0];

    data += first * (size_t)sov_tensor_row_bytes(t);
    sov_kern()->decode[t->type](data, w, n * k);
    for (size_t i = 0; i < n * k; i++)
        if (!isfinite(w[i]))
            return sov_fail(err, SOV_EFORMAT,
                            "weight %zu of row %zu is not a finite number",
                            i % k, first + i / k);
    return 0;
}

/* Rows of a batch: whole groups, and whole chunks of feedback. */
static size_t
rows_at_once(const struct sov_prune_sweep *s, size_t tensor)
{
    size_t k = (size_t)sov_model_at(s->job->model, tensor)->dim[0];
    size_t whole = s->job->fate[tensor].share.pattern.rows;

    whole = whole > SOV_OBS_SHARED
                ? whole
                : (SOV_OBS_SHARED + whole - 1) / whole * whole;
    return (size_t)(s->batch.cap / k) / whole * whole;
}

static int
prune_matrix(struct sov_prune_sweep *s, struct sov_prune_some *some,
             size_t before, size_t rows, struct sov_err *err)
{
    size_t most = rows_at_once(s, some->tensor);
    int rc = 0;

    most = most > 0 ? most : rows;
    for (some->first = 0; some->first < rows && rc == 0; some->first += most) {
        some->n = rows - some->first < most ? rows - some->first : most;
        some->to = bytes_of(s, some->tensor, before + some->first);
        rc = read_rows(s, some->tensor, before + some->first, some->n,
                       s->batch.want, err);
        if (rc == 0)
            rc = sov_prune_some(some, err);
    }
    return rc;
}

/* ---- a site ---- */

static void
clear_figures(struct sov_prune_sweep *s)
{
    for (unsigned i = 0; i < sov_threads(); i++) {
        s->batch.lost[i] = (struct sov_error){ 0 };
        s->batch.zeros[i] = 0;
    }
}

/* Of one matrix; a stack of them is summed up, each as large as it is. */
static void
take_figures(struct sov_prune_sweep *s, size_t tensor, size_t n_matrices)
{
    const struct sov_tensor *t = sov_model_at(s->job->model, tensor);
    struct sov_prune_fate *fate = &s->job->fate[tensor];
    struct sov_error sum = { 0 };
    struct sov_quant_error lost;

    fate->weights = sov_tensor_count(t);
    for (unsigned i = 0; i < sov_threads(); i++) {
        fate->zeros += s->batch.zeros[i];
        sov_error_merge(&sum, &s->batch.lost[i]);
    }
    fate->measured = s->job->measure;
    if (!fate->measured)
        return;
    lost = sov_error_figures(&sum);
    fate->lost.weights += lost.weights;
    fate->lost.error += lost.error / (double)n_matrices;
    fate->lost.weighed_error += lost.weighed_error / (double)n_matrices;
    fate->lost.weighed = lost.weighed;
    fate->lost.most = fmax(fate->lost.most, lost.most);
}

static int
prune_tensor(struct sov_prune_sweep *s, const struct sov_calib_site *site,
             struct sov_prune_some *some, struct sov_err *err)
{
    const struct sov_tensor *t = sov_model_at(s->job->model, some->tensor);
    size_t rows = (size_t)sov_prune_matrix_rows(t);
    int rc;

    some->k = (size_t)t->dim[0];
    clear_figures(s);
    rc = prune_matrix(s, some, site->expert * rows, rows, err);
    if (rc < 0)
        return sov_err_wrap(err, "tensor %s", t->name);
    take_figures(s, some->tensor, site->n_experts);
    if (site->expert + 1 == site->n_experts) {
        sov_calib_put(s->calib, some->tensor, t->type,
                      bytes_of(s, some->tensor, 0));
        s->made[some->tensor] = true;
    }
    return 0;
}

/* Rows of layers that are done may leave the memory. */
static void
let_go(struct sov_prune_sweep *s, const struct sov_calib_site *site)
{
    if (site->layer == s->layer)
        return;
    sov_file_unneeded(s->map, s->size);
    s->layer = site->layer;
}

/* An expert that nobody sent anything to learns from all of them. */
static int
begin_site(struct sov_prune_sweep *s, const struct sov_moments *m,
           struct sov_prune_some *some, struct sov_feedback **f,
           struct sov_err *err)
{
    float *in = s->batch.inputs;

    if (m->fit.n == 0 && m->wide != NULL)
        m = m->wide;
    *some = (struct sov_prune_some){ .s = s };
    *f = NULL;
    if (m->fit.n == 0)
        return s->job->method->feed == NULL
                   ? 0
                   : sov_fail(err, SOV_EARG, "a matrix was sent nothing");
    some->m = m;
    sov_dsnot_inputs(m, in, in + m->k, in + 2 * m->k);
    some->square = in + 2 * m->k;
    if (!sov_prune_sweep_feeds(s->job))
        return 0;
    return sov_obs_new(f, m, SOV_PRUNE_MIX, err);
}

/* Some groups of rows that share a mask, evenly. */
static int
sample(struct sov_prune_sweep *s, const struct sov_calib_site *site,
       struct sov_prune_some *some, struct sov_err *err)
{
    const struct sov_tensor *t = sov_model_at(s->job->model, some->tensor);
    size_t group = s->job->fate[some->tensor].share.pattern.rows;
    size_t rows = (size_t)sov_prune_matrix_rows(t), groups, all;
    int rc = 0;

    some->k = (size_t)t->dim[0];
    some->n = 0;
    all = rows / group;
    groups = (SOV_PRUNE_SAMPLE + group - 1) / group;
    groups = groups < all ? groups : all;
    for (size_t g = 0; g < groups && rc == 0; g++) {
        size_t row = g * all / groups * group;

        for (size_t i = 0; i < group; i++)
            s->which[some->n + i] = row + i;
        rc = read_rows(s, some->tensor, site->expert * rows + row, group,
                       s->batch.want + some->n * some->k, err);
        some->n += group;
    }
    return rc;
}

/* How much is made up for, by rows of the first matrix. */
static int
tune(struct sov_prune_sweep *s, const struct sov_calib_site *site,
     struct sov_prune_some *some, struct sov_feedback *f, struct sov_err *err)
{
    int rc = 0;

    if (f == NULL || some->m->held.n == 0 || some->m->fit.c == NULL)
        return 0;
    for (size_t i = 0; i < site->n_tensors; i++) {
        some->tensor = site->tensor[i];
        if (!sov_prune_sweep_wants(s, some->tensor))
            continue;
        rc = sample(s, site, some, err);
        return rc == 0 ? sov_prune_tune(some, s->which, f, err) : rc;
    }
    return 0;
}

static int
fit(void *arg, const struct sov_calib_site *site, const struct sov_moments *m,
    struct sov_err *err)
{
    struct sov_prune_sweep *s = arg;
    struct sov_feedback *f;
    struct sov_prune_some some;
    int rc;

    let_go(s, site);
    rc = begin_site(s, m, &some, &f, err);
    some.f = f;
    if (rc == 0)
        rc = tune(s, site, &some, f, err);
    for (size_t i = 0; i < site->n_tensors && rc == 0; i++) {
        some.tensor = site->tensor[i];
        if (sov_prune_sweep_wants(s, some.tensor))
            rc = prune_tensor(s, site, &some, err);
    }
    sov_feedback_free(f);
    return rc;
}

/* ---- all of it ---- */

static uint64_t
own_memory(const struct sov_prune_sweep *s)
{
    uint64_t k = 0;

    for (size_t i = 0; i < sov_model_count(s->job->model); i++)
        if (s->off[i] != UINT64_MAX) {
            uint64_t n = sov_model_at(s->job->model, i)->dim[0];

            k = n > k ? n : k;
        }
    return sov_prune_batch_bytes(&s->batch) +
           (sov_prune_sweep_feeds(s->job) ? sov_obs_bytes((size_t)k) : 0);
}

static uint64_t
types_of(const struct sov_prune_sweep *s)
{
    uint64_t types = 0;

    for (size_t i = 0; i < sov_model_count(s->job->model); i++)
        if (s->off[i] != UINT64_MAX)
            types |= UINT64_C(1) << sov_model_at(s->job->model, i)->type;
    return types;
}

/* What such a method is asked to do has to be what it can. */
static int
check(const struct sov_prune_sweep *s, struct sov_err *err)
{
    const struct sov_prune *job = s->job;

    for (size_t i = 0; i < sov_model_count(job->model); i++) {
        uint32_t rows = job->fate[i].share.pattern.rows;

        if (!job->fate[i].pruned)
            continue;
        if (job->method->feed != NULL && s->off[i] == UINT64_MAX)
            return sov_fail(err, SOV_EARG,
                            "tensor %.80s: what enters it is not known, and "
                            "%s has to know",
                            sov_model_at(job->model, i)->name,
                            job->method->name);
        if (job->method->feed != NULL && SOV_OBS_SHARED % rows != 0)
            return sov_fail(err, SOV_EUNSUP,
                            "%" PRIu32 " rows that share a mask: with %s 1, 2, "
                            "4 .. %d can",
                            rows, job->method->name, SOV_OBS_SHARED);
        if (job->dsnot && rows > 1)
            return sov_fail(err, SOV_EUNSUP,
                            "masks that rows share cannot be mended row by "
                            "row");
    }
    return 0;
}

static int
make(struct sov_prune_sweep *s, struct sov_err *err)
{
    void *map = NULL;
    int rc = lay_out(s, err);

    if (rc == 0)
        rc = check(s, err);
    if (rc == 0)
        rc = sov_prune_batch_new(&s->batch, s->job, err);
    if (rc == 0 && s->size > 0)
        rc = sov_file_nameless(&s->file.fd, err);
    if (rc == 0 && s->size > 0)
        rc = sov_file_map_scratch(s->file.fd, s->size, &map, err);
    s->map = map;
    s->which =
        sov_mem_array(SOV_PRUNE_SAMPLE + SOV_PRUNE_ROWS_MAX, sizeof(*s->which));
    if (rc == 0 && s->which == NULL)
        rc = sov_mem_fail(err);
    if (rc < 0)
        return rc;
    s->how = (struct sov_calib_fit){
        .pairs = true,
        .types = types_of(s),
        .memory = own_memory(s),
        .wanted = wanted,
        .fit = fit,
        .arg = s,
    };
    return sov_calib_new(&s->calib, s->job->model, &s->job->calib, &s->how,
                         err);
}

int
sov_prune_sweep_new(struct sov_prune_sweep **sweep, struct sov_prune *job,
                    struct sov_err *err)
{
    struct sov_prune_sweep *s = sov_mem_array(1, sizeof(*s));
    int rc;

    *sweep = NULL;
    if (s == NULL)
        return sov_mem_fail(err);
    s->job = job;
    s->file.fd = -1;
    rc = make(s, err);
    if (rc < 0) {
        sov_prune_sweep_free(s);
        return rc;
    }
    *sweep = s;
    return 0;
}

int
sov_prune_sweep_run(struct sov_prune_sweep *s, struct sov_err *err)
{
    int rc = sov_calib_run(s->calib, err);

    if (rc == 0)
        s->stats = sov_calib_stats(s->calib);
    sov_calib_free(s->calib);
    s->calib = NULL;
    sov_prune_batch_free(&s->batch);
    return rc;
}

void
sov_prune_sweep_free(struct sov_prune_sweep *s)
{
    if (s == NULL)
        return;
    sov_calib_free(s->calib);
    sov_prune_batch_free(&s->batch);
    sov_file_unmap(s->map, s->size);
    sov_file_close(&s->file);
    sov_stats_close(s->stats);
    free(s->off);
    free(s->made);
    free(s->which);
    free(s);
}

sov_stats *
sov_prune_sweep_stats(struct sov_prune_sweep *s)
{
    sov_stats *stats = s->stats;

    s->stats = NULL;
    return stats;
}

const unsigned char *
sov_prune_sweep_bytes(const struct sov_prune_sweep *s, size_t tensor)
{
    return s != NULL && s->made[tensor] ? bytes_of(s, tensor, 0) : NULL;
}

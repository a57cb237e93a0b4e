/* SPDX-License-Identifier: Apache-2.0 */
/*
 * calibrated.c - matrices that are rounded by what goes through them
 *
 * The model reads a text, layer by layer (calib/calib.h).  Whenever the inputs of
 * some matrices are known, in the model as it is and in what became of it so
 * far, these are rounded, and the second stream of the text goes on through the
 * blocks.  Blocks are kept in a nameless file, in the plan's order, until the
 * tensors are streamed to the output.
 *
 * Rounding with feedback is for types whose blocks can be taken apart; others,
 * and what has no moments, get what they would get without, with the same
 * statistics as importance.
 */
#include "compress/calibrated_in.h"

#include "base/mem.h"
#include "fmt/model.h"
#include "kern/kern.h"
#include "quant/codec.h"
#include "sys/par.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Floats of rows that are rounded together, if a sample is not more. */
#define ROWS_FLOATS (UINT64_C(8) << 20)

/*
 * Embeddings that are the head, too: an error costs what it does to what the
 * head says, and, as one in what a text begins with, its square; which counts as
 * so much of the mean of what the other costs.  Of 0.1, 0.03 and 0.01 this did
 * best on a small model.
 */
#define TIED 0.01

/* ---- which tensors ---- */

static size_t
matrix_rows(const struct sov_tensor *t)
{
    return (size_t)(sov_tensor_rows(t) / (t->dim[2] * t->dim[3]));
}

/* Does the tensor become blocks, and can its numbers be read? */
static bool
becomes_blocks(const struct sov_quant *job, size_t i)
{
    const struct sov_tensor *from = sov_model_at(job->model, i);
    const struct sov_tensor *to = sov_plan_at(job->plan, i);

    return sov_job_remade(job, i) && from->size > 0 &&
           from->dim[0] <= SOV_PIECE && sov_job_decoder(from->type) != NULL &&
           sov_type_info((int)to->type)->kind == SOV_KIND_BLOCK;
}

static bool
has_feedback(enum sov_type type)
{
    const struct sov_codec *codec = sov_codec_find(type);

    return codec != NULL && codec->parts != NULL;
}

bool
sov_calibrated_wants(const struct sov_calibrated *c, size_t tensor)
{
    return tensor < sov_plan_count(c->job->plan) &&
           c->off[tensor] != UINT64_MAX &&
           strcmp(sov_plan_at(c->job->plan, tensor)->name,
                  "token_embd.weight") != 0;
}

static bool
wanted(const void *arg, size_t tensor)
{
    return sov_calibrated_wants(arg, tensor);
}

/* Where each of them will be; matrices of layers, and what the text begins
 * with or ends in. */
static bool
is_read(const char *name)
{
    return strncmp(name, "blk.", 4) == 0 ||
           strcmp(name, "token_embd.weight") == 0 ||
           strcmp(name, "output.weight") == 0;
}

static int
lay_out(struct sov_calibrated *c, struct sov_err *err)
{
    size_t n = sov_plan_count(c->job->plan);

    c->off = sov_mem_array(n, sizeof(*c->off));
    c->made = sov_mem_array(n, sizeof(*c->made));
    if (c->off == NULL || c->made == NULL)
        return sov_mem_fail(err);
    for (size_t i = 0; i < n; i++) {
        const struct sov_tensor *to = sov_plan_at(c->job->plan, i);

        c->off[i] = UINT64_MAX;
        if (!is_read(to->name) || !becomes_blocks(c->job, i))
            continue;
        c->off[i] = c->size;
        c->size += (to->size + 4095) / 4096 * 4096;
    }
    return 0;
}

static uint64_t
types_of(const struct sov_calibrated *c)
{
    uint64_t types = 0;

    for (size_t i = 0; i < sov_plan_count(c->job->plan); i++)
        if (c->off[i] != UINT64_MAX)
            types |= sov_type_bit(sov_plan_at(c->job->plan, i)->type);
    return types;
}

/* ---- rows ---- */

static int
check_rows(const struct sov_tensor *t, const float *x, size_t n,
           struct sov_err *err)
{
    for (size_t i = 0; i < n; i++)
        if (!(fabsf(x[i]) < 65520.0f))
            return sov_fail(err, SOV_EFORMAT,
                            "tensor %s: weight %" PRIu64 " of a row is %g: "
                            "without --calib it could be replaced",
                            t->name, (uint64_t)(i % t->dim[0]), (double)x[i]);
    return 0;
}

/* Rows from `first` on of a tensor, all its matrices numbered through. */
static int
decode_rows(const struct sov_calibrated *c, size_t tensor, size_t first,
            size_t n, float *x, struct sov_err *err)
{
    const struct sov_tensor *t = sov_model_at(c->job->model, tensor);
    size_t bytes = (size_t)sov_tensor_row_bytes(t);
    const unsigned char *data = t->data;

    sov_job_decoder(t->type)(data + first * bytes, x, n * (size_t)t->dim[0]);
    return check_rows(t, x, n * (size_t)t->dim[0], err);
}

static unsigned char *
blocks_of(const struct sov_calibrated *c, size_t tensor, size_t row)
{
    const struct sov_tensor *to = sov_plan_at(c->job->plan, tensor);

    return c->map + c->off[tensor] + row * (size_t)sov_tensor_row_bytes(to);
}

/* Rows that are done at once. */
static size_t
rows_at_once(const struct sov_calibrated *c, size_t columns)
{
    return c->rows_floats > columns ? (size_t)(c->rows_floats / columns) : 1;
}

/* ---- without feedback ---- */

struct plain {
    const struct sov_calibrated *c;
    size_t tensor;
    size_t first; /* row */
    const float *importance;
};

static void
encode_plain(void *arg, size_t first, size_t last, unsigned worker)
{
    const struct plain *p = arg;
    const struct sov_tensor *to = sov_plan_at(p->c->job->plan, p->tensor);
    size_t n = (size_t)to->dim[0];

    (void)worker;
    for (size_t i = first; i < last; i++)
        sov_kern()->encode[to->type](p->c->rows + i * n, p->importance,
                                     blocks_of(p->c, p->tensor, p->first + i),
                                     n, p->c->job->effort);
}

static int
make_plain(struct sov_calibrated *c, size_t tensor, size_t first, size_t n,
           const float *importance, struct sov_err *err)
{
    size_t columns = (size_t)sov_plan_at(c->job->plan, tensor)->dim[0];
    size_t most = rows_at_once(c, columns);
    int rc = 0;

    for (size_t at = 0; at < n && rc == 0; at += most) {
        struct plain p = { c, tensor, first + at, importance };
        size_t now = n - at < most ? n - at : most;

        rc = decode_rows(c, tensor, first + at, now, c->rows, err);
        if (rc == 0)
            sov_par_for(now, 0, encode_plain, &p);
    }
    return rc;
}

/* As the statistics have it: see sov_importance_row(). */
static int
plain_importance(const struct sov_moments *m, float **importance,
                 struct sov_err *err)
{
    float *w = sov_mem_array(m->k, sizeof(*w));

    *importance = w;
    if (w == NULL)
        return sov_mem_fail(err);
    for (size_t i = 0; i < m->k; i++)
        w[i] = m->n > 0 ? (float)m->square[i] / (float)m->n : 1.0f;
    sov_importance_temper(w, m->k);
    return 0;
}

/* ---- with feedback ---- */

/* Some rows of a matrix, evenly. */
static int
sample_rows(struct sov_calibrated *c, size_t tensor, size_t expert, size_t most,
            struct sov_feedback_opts *o, struct sov_err *err)
{
    const struct sov_tensor *t = sov_model_at(c->job->model, tensor);
    size_t rows = matrix_rows(t);
    size_t n = rows < most ? rows : most;
    int rc = 0;

    o->rows = c->rows;
    o->which = c->which;
    for (size_t k = 0; k < n && rc == 0; k++) {
        c->which[o->n_rows] = k * rows / n;
        rc = decode_rows(c, tensor, expert * rows + k * rows / n, 1,
                         c->rows + o->n_rows++ * (size_t)t->dim[0], err);
    }
    return rc;
}

/* Of all matrices of a site. */
static int
sample(struct sov_calibrated *c, const struct sov_calib_site *site,
       struct sov_feedback_opts *o, struct sov_err *err)
{
    size_t each = SOV_CALIBRATED_SAMPLE / site->n_tensors;
    int rc = 0;

    for (size_t i = 0; i < site->n_tensors && rc == 0; i++) {
        size_t tensor = site->tensor[i];

        if (!sov_calibrated_wants(c, tensor))
            continue;
        o->type = sov_plan_at(c->job->plan, tensor)->type;
        rc = sample_rows(c, tensor, site->expert, each, o, err);
    }
    return rc;
}

static int
make_fed(struct sov_calibrated *c, const struct sov_feedback *f, size_t tensor,
         size_t first, size_t n, struct sov_err *err)
{
    const struct sov_tensor *to = sov_plan_at(c->job->plan, tensor);
    size_t most = rows_at_once(c, (size_t)to->dim[0]);
    int rc = 0;

    for (size_t at = 0; at < n && rc == 0; at += most) {
        size_t now = n - at < most ? n - at : most;

        rc = decode_rows(c, tensor, first + at, now, c->rows, err);
        if (rc == 0)
            rc = sov_feedback_encode(f, to->type, c->rows, at, now,
                                     blocks_of(c, tensor, first + at),
                                     &c->loss[tensor], err);
    }
    return rc;
}

static bool
any_fed(const struct sov_calibrated *c, const struct sov_calib_site *site)
{
    for (size_t i = 0; i < site->n_tensors; i++)
        if (sov_calibrated_wants(c, site->tensor[i]) &&
            has_feedback(sov_plan_at(c->job->plan, site->tensor[i])->type))
            return true;
    return false;
}

static int
new_feedback(struct sov_calibrated *c, const struct sov_calib_site *site,
             const struct sov_moments *m, struct sov_feedback **f,
             struct sov_err *err)
{
    struct sov_feedback_opts o = {
        .draw = -1,
        .mix = -1,
        .effort = c->job->effort,
    };
    int rc;

    *f = NULL;
    if (m->fit.n == 0 && m->wide != NULL) /* nobody sent this expert any */
        m = m->wide;
    if (m->fit.n == 0 || !any_fed(c, site))
        return 0;
    rc = sample(c, site, &o, err);
    return rc == 0 ? sov_feedback_new(f, m, &o, err) : rc;
}

/* ---- a site ---- */

static int
make_tensor(struct sov_calibrated *c, const struct sov_calib_site *site,
            size_t tensor, const struct sov_feedback *f,
            const float *importance, struct sov_err *err)
{
    const struct sov_tensor *to = sov_plan_at(c->job->plan, tensor);
    size_t rows = matrix_rows(to);
    size_t first = site->expert * rows;
    bool fed = f != NULL && has_feedback(to->type);
    int rc = fed ? make_fed(c, f, tensor, first, rows, err)
                 : make_plain(c, tensor, first, rows, importance, err);

    if (rc < 0)
        return sov_err_wrap(err, "tensor %s", to->name);
    if (site->expert + 1 == site->n_experts) {
        sov_calib_put(c->calib, tensor, to->type, blocks_of(c, tensor, 0));
        c->made[tensor] = true;
    }
    return 0;
}

/* Blocks of layers that are done may leave the memory. */
static void
let_go(struct sov_calibrated *c, const struct sov_calib_site *site)
{
    if (site->layer == c->layer)
        return;
    sov_file_unneeded(c->map, c->size);
    c->layer = site->layer;
}

static int
fit(void *arg, const struct sov_calib_site *site, const struct sov_moments *m,
    struct sov_err *err)
{
    struct sov_calibrated *c = arg;
    struct sov_feedback *f = NULL;
    float *importance = NULL;
    int rc = plain_importance(m, &importance, err);

    let_go(c, site);
    if (rc == 0)
        rc = new_feedback(c, site, m, &f, err);
    for (size_t i = 0; i < site->n_tensors && rc == 0; i++)
        if (sov_calibrated_wants(c, site->tensor[i]))
            rc = make_tensor(c, site, site->tensor[i], f, importance, err);
    sov_feedback_free(f);
    free(importance);
    return rc;
}

/* ---- all of it ---- */

/* See TIED; 1: they are not. */
static int
make_tied(struct sov_calibrated *c, size_t tensor, struct sov_err *err)
{
    const struct sov_tensor *to = sov_plan_at(c->job->plan, tensor);
    struct sov_feedback_opts o = {
        .damp = TIED,
        .draw = -1,
        .effort = c->job->effort,
        .type = to->type,
    };
    struct sov_feedback *f = NULL;
    struct sov_moments m;
    int rc = sov_calib_tied(c->calib, &m, err);

    if (rc != 0)
        return rc;
    rc = sample_rows(c, tensor, 0, SOV_CALIBRATED_SAMPLE, &o, err);
    if (rc == 0)
        rc = sov_feedback_new(&f, &m, &o, err);
    if (rc == 0)
        rc = make_fed(c, f, tensor, 0, (size_t)sov_tensor_rows(to), err);
    sov_feedback_free(f);
    sov_moments_free(&m);
    return rc;
}

/* What the second stream begins with: rows are looked up, not multiplied,
 * unless they are the head as well. */
static int
make_embeddings(struct sov_calibrated *c, struct sov_err *err)
{
    int64_t i = sov_model_find(c->job->model, "token_embd.weight");
    const struct sov_tensor *to;
    int rc;

    if (i < 0 || c->off[i] == UINT64_MAX)
        return 0;
    to = sov_plan_at(c->job->plan, (size_t)i);
    rc = has_feedback(to->type) ? make_tied(c, (size_t)i, err) : 1;
    if (rc == 1)
        rc =
            make_plain(c, (size_t)i, 0, (size_t)sov_tensor_rows(to), NULL, err);
    if (rc < 0)
        return sov_err_wrap(err, "tensor %s", to->name);
    sov_calib_put(c->calib, (size_t)i, to->type, blocks_of(c, (size_t)i, 0));
    c->made[i] = true;
    sov_model_unneeded(c->job->model, (size_t)i);
    sov_file_unneeded(c->map, c->size);
    return 0;
}

/* Bytes that rounding takes at its largest: rows, and what feedback needs. */
static uint64_t
own_memory(const struct sov_calibrated *c)
{
    uint64_t k = 0;

    for (size_t i = 0; i < sov_plan_count(c->job->plan); i++)
        if (sov_calibrated_wants(c, i)) {
            uint64_t n = sov_plan_at(c->job->plan, i)->dim[0];

            k = n > k ? n : k;
        }
    return c->rows_floats * sizeof(float) + 6 * k * k;
}

/* Are embeddings rounded by what enters the head, if they are that? */
static bool
rounds_tied(const struct sov_calibrated *c)
{
    int64_t i = sov_model_find(c->job->model, "token_embd.weight");

    return i >= 0 && c->off[i] != UINT64_MAX &&
           has_feedback(sov_plan_at(c->job->plan, (size_t)i)->type);
}

/* Ready to run. */
static int
begin(struct sov_calibrated *c, const struct sov_calib_opts *opts,
      struct sov_err *err)
{
    c->how = (struct sov_calib_fit){
        .pairs = true,
        .tied = rounds_tied(c),
        .types = types_of(c),
        .memory = own_memory(c),
        .wanted = wanted,
        .fit = fit,
        .arg = c,
    };
    return sov_calib_new(&c->calib, c->job->model, opts, &c->how, err);
}

static int
make(struct sov_calibrated *c, const struct sov_calib_opts *opts,
     struct sov_err *err)
{
    size_t n = sov_plan_count(c->job->plan);
    void *map = NULL;
    int rc = lay_out(c, err);

    c->loss = sov_mem_array(n, sizeof(*c->loss));
    c->rows_floats = ROWS_FLOATS;
    for (size_t i = 0; i < n && rc == 0; i++) {
        uint64_t some =
            sov_plan_at(c->job->plan, i)->dim[0] * SOV_CALIBRATED_SAMPLE;

        if (c->off[i] != UINT64_MAX && some > c->rows_floats)
            c->rows_floats = some;
    }
    c->rows = sov_mem_aligned((size_t)c->rows_floats, sizeof(*c->rows));
    if (rc == 0 && (c->loss == NULL || c->rows == NULL))
        rc = sov_mem_fail(err);
    if (rc == 0)
        rc = sov_file_nameless(&c->file.fd, err);
    if (rc == 0)
        rc = sov_file_map_scratch(c->file.fd, c->size, &map, err);
    c->map = map;
    if (rc == 0)
        rc = begin(c, opts, err);
    return rc;
}

int
sov_calibrated_new(struct sov_calibrated **calibrated, struct sov_quant *job,
                   const struct sov_calib_opts *opts, struct sov_err *err)
{
    struct sov_calibrated *c = sov_mem_array(1, sizeof(*c));
    int rc;

    *calibrated = NULL;
    if (c == NULL)
        return sov_mem_fail(err);
    c->job = job;
    c->file.fd = -1;
    rc = make(c, opts, err);
    if (rc < 0) {
        sov_calibrated_free(c);
        return rc;
    }
    *calibrated = c;
    return 0;
}

int
sov_calibrated_run(struct sov_calibrated *c, struct sov_err *err)
{
    int rc = make_embeddings(c, err);

    if (rc == 0)
        rc = sov_calib_run(c->calib, err);
    if (rc == 0)
        c->stats = sov_calib_stats(c->calib);
    sov_calib_free(c->calib);
    c->calib = NULL;
    sov_mem_free_aligned(c->rows);
    c->rows = NULL;
    return rc;
}

void
sov_calibrated_free(struct sov_calibrated *c)
{
    if (c == NULL)
        return;
    sov_calib_free(c->calib);
    sov_mem_free_aligned(c->rows);
    sov_file_unmap(c->map, c->size);
    sov_file_close(&c->file);
    sov_stats_close(c->stats);
    free(c->loss);
    free(c->off);
    free(c->made);
    free(c);
}

const sov_stats *
sov_calibrated_stats(const struct sov_calibrated *c)
{
    return c->stats;
}

const unsigned char *
sov_calibrated_blocks(const struct sov_calibrated *c, size_t tensor)
{
    return c != NULL && c->made[tensor] ? blocks_of(c, tensor, 0) : NULL;
}

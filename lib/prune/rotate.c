/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rotate.c - the stream keeps the directions in which most goes through it
 *
 * What a channel of the stream is has no meaning of its own: turned as a whole
 * the model says the same (turn.h).  The text shows in which directions the
 * stream has its length, before the first layer, behind each layer and at the
 * end, each token counting the same; the rows of the head count as three of
 * these places.  The eigenvectors of the largest eigenvalues stay, seen from
 * axes that rounding does least to (turn_axes.c).
 *
 * A norm then divides by the length of what stayed, which is less: where the
 * share p of the squares stays of n channels and m are left, its weights are
 * sqrt(p n / m), so that what it gives stays as large as it was.
 *
 * Where the head is the embeddings' tensor, the weights of the last norm cannot
 * go into it: of the matrix that they become when turned, the diagonal is what
 * remains.  The axes are such that this is all there is of it.
 */
#include "prune/cost.h"
#include "prune/job.h"
#include "prune/shape.h"
#include "prune/turn.h"

#include "base/mem.h"
#include "calib/moments.h"
#include "calib/onward.h"
#include "kern/kern.h"
#include "prune/eigen.h"
#include "sys/par.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Places that the head counts as. */
#define HEAD 3.0

/* Rows of the head, and tokens, that are taken at a time. */
#define ROWS ((size_t)512)

struct rotate {
    struct sov_trim *c;
    struct sov_calib_opts calib; /* with the memory that is left for it */
    uint64_t own;                /* bytes that are taken */
    struct sov_turn *t;
    size_t n, d, n_layer;
    bool tied;
    double *share;   /* owned; [n_layer + 1] that stays, before each layer and
                        at the end */
    uint64_t *count; /* owned; [n_layer + 1] tokens */

    struct sov_moments m;
    float *room; /* owned */
    float *x;    /* owned; [ROWS, n] */
    const float *from;
    double *part; /* owned; [ROWS] */
};

/* ---- what can be turned ---- */

/* All norms of the stream are plain, and a matrix follows each. */
static int
check_arch(const struct sov_trim *c, struct sov_err *err)
{
    const struct sov_arch *a = c->arch;
    const char *why = NULL;

    if (a->norm != SOV_NORM_RMS)
        why = "its norms take a mean out";
    else if (a->attn_post != NULL || a->ffn_post != NULL ||
             a->attn_end != NULL || a->ffn_end != NULL)
        why = "what its layers add to the stream is normed";
    else if (a->attn_norm == NULL || a->ffn_norm == NULL || a->parallel ||
             a->attn_norm_2 != NULL || a->bare_first)
        why = "its layers read the stream in another way";
    else if (a->places || a->kinds || a->embd_norm || a->encoder || a->dense ||
             sov_model_find(c->model, "cls.weight") >= 0 ||
             sov_model_find(c->model, "cls.output.weight") >= 0)
        why = "more than tokens begins the stream, or more than a head ends it";
    if (why != NULL)
        return sov_fail(err, SOV_EUNSUP,
                        "architecture %s cannot be turned: %s (hidden leaves "
                        "channels out)",
                        a->name, why);
    return 0;
}

/* The weights of a norm. */
static int
read_gain(const struct rotate *r, size_t layer, const char *name, float *gain,
          struct sov_err *err)
{
    char full[160];
    int64_t at;
    const struct sov_tensor *t;

    if (layer < r->n_layer)
        snprintf(full, sizeof(full), "blk.%zu.%s.weight", layer, name);
    else
        snprintf(full, sizeof(full), "%s.weight", name);
    at = sov_model_find(r->c->model, full);
    t = at >= 0 ? sov_model_at(r->c->model, (size_t)at) : NULL;
    if (t == NULL || t->size == 0 || t->dim[0] != r->n)
        return sov_fail(err, SOV_EFORMAT,
                        "layer %zu: no weights of the norm "
                        "%s",
                        layer, name);
    sov_kern()->decode[t->type](t->data, gain, r->n);
    return 0;
}

static int
read_gains(struct rotate *r, struct sov_err *err)
{
    int rc = 0;

    for (size_t i = 0; i < r->n_layer && rc == 0; i++) {
        float *gain = r->t->gain + 2 * i * r->n;

        rc = read_gain(r, i, r->c->arch->attn_norm, gain, err);
        if (rc == 0)
            rc = read_gain(r, i, r->c->arch->ffn_norm, gain + r->n, err);
    }
    if (rc == 0)
        rc = read_gain(r, r->n_layer, "output_norm",
                       r->t->gain + 2 * r->n_layer * r->n, err);
    return rc;
}

/* What becomes of a tensor with channels of the stream. */
static int
role_of(struct rotate *r, size_t i, struct sov_err *err)
{
    const struct sov_tensor *t = sov_model_at(r->c->model, i);
    struct sov_turn_role *role = &r->t->role[i];
    enum sov_trim_axis axis[3];
    const char *name;
    size_t layer;
    bool attn;

    if (!sov_trim_axes(t->name, axis, &layer) ||
        (axis[0] != SOV_AXIS_EMBD && axis[1] != SOV_AXIS_EMBD))
        return 0;
    if (strstr(t->name, "norm") != NULL)
        return 0;
    if (sov_type_info((int)t->type)->block != 1)
        return sov_fail(err, SOV_EUNSUP,
                        "tensor %s is %s: turn the model before it is "
                        "quantized",
                        t->name, sov_type_info((int)t->type)->name);
    role->by = 1;
    role->kind = axis[0] == SOV_AXIS_EMBD ? SOV_TURN_COLUMNS : SOV_TURN_ROWS;
    if (strcmp(t->name, "token_embd.weight") == 0) {
        /* where they are taken times the root of the width, that is less */
        if (r->c->arch->embd_root)
            role->by = sqrt((double)r->n / (double)r->d);
        return 0;
    }
    if (strcmp(t->name, "output.weight") == 0)
        role->gain = r->t->gain + 2 * r->n_layer * r->n;
    if (layer >= r->n_layer || t->ndim < 2 || role->kind != SOV_TURN_COLUMNS)
        return 0;
    name = strchr(t->name + 4, '.') + 1;
    attn = strncmp(name, "attn_", 5) == 0;
    if (strstr(name, ".bias") == NULL)
        role->gain = r->t->gain + (2 * layer + (attn ? 0 : 1)) * r->n;
    return 0;
}

/* ---- where the stream goes ---- */

/* Rows of length 1. */
static void
unit_rows(void *arg, size_t first, size_t last, unsigned worker)
{
    const struct rotate *r = arg;

    (void)worker;
    for (size_t t = first; t < last; t++) {
        const float *x = r->from + t * r->n;
        double sum = 0, by;

        for (size_t i = 0; i < r->n; i++)
            sum += (double)x[i] * (double)x[i];
        by = sum > 0 ? 1 / sqrt(sum) : 0;
        for (size_t i = 0; i < r->n; i++)
            r->x[t * r->n + i] = (float)(by * (double)x[i]);
    }
}

static void
add_stream(struct rotate *r, const float *x, size_t n)
{
    for (size_t at = 0; at < n; at += ROWS) {
        size_t now = n - at < ROWS ? n - at : ROWS;

        r->from = x + at * r->n;
        sov_par_for(now, 16, unit_rows, r);
        sov_moments_add(&r->m, false, r->x, r->n, r->x, r->n, now, r->room);
    }
}

static int
see(void *arg, const struct sov_onward_seen *seen, struct sov_err *err)
{
    struct rotate *r = arg;

    (void)err;
    if (seen->layer == 0)
        add_stream(r, seen->before, seen->n);
    add_stream(r, seen->after, seen->n);
    return 0;
}

/* Rows of the head, each number times what the last norm has for it. */
static void
add_head(struct rotate *r)
{
    int64_t at = sov_model_find(r->c->model, "output.weight");
    const float *gain = r->t->gain + 2 * r->n_layer * r->n;
    const struct sov_tensor *t;
    size_t row, rows;

    if (at < 0)
        at = sov_model_find(r->c->model, "token_embd.weight");
    t = sov_model_at(r->c->model, (size_t)at);
    row = (size_t)sov_tensor_row_bytes(t);
    rows = (size_t)sov_tensor_rows(t);
    for (size_t k = 0; k < rows; k += ROWS) {
        size_t now = rows - k < ROWS ? rows - k : ROWS;

        sov_kern()->decode[t->type]((const unsigned char *)t->data + k * row,
                                    r->x, now * r->n);
        for (size_t i = 0; i < now * r->n; i++)
            r->x[i] *= gain[i % r->n];
        sov_moments_add(&r->m, false, r->x, r->n, r->x, r->n, now, r->room);
    }
}

static double
trace(const struct sov_moments *m)
{
    double sum = 0;

    for (size_t i = 0; i < m->k; i++)
        sum += (double)m->fit.h[i * m->k + i];
    return sum;
}

/* Take in what r->m has, as so much. */
static int
take(struct rotate *r, double *c, double weight, struct sov_err *err)
{
    double by;

    sov_moments_finish(&r->m);
    if (!sov_moments_finite(&r->m))
        return sov_fail(err, SOV_EFORMAT,
                        "numbers that are not finite go through the model");
    by = trace(&r->m);
    by = by > 0 ? weight / by : 0;
    for (size_t i = 0; i < r->n * r->n; i++)
        c[i] += by * (double)r->m.fit.h[i];
    sov_moments_free(&r->m);
    return sov_moments_new(&r->m, r->n, 0, false, false, err);
}

static int
read_text(struct rotate *r, sov_onward_look look, struct sov_err *err)
{
    struct sov_onward *onward;
    int rc = sov_onward_new(&onward, r->c->model, &r->calib, err);

    if (rc == SOV_EMEM)
        return sov_err_wrap(err, "beside %" PRIu64 " MB for directions",
                            (r->own >> 20) + 1);
    if (rc < 0)
        return rc;
    rc = sov_onward_begin(onward, err);
    for (size_t i = 0; i < r->n_layer && rc == 0; i++)
        rc = sov_onward_layer(onward, i, look, r, err);
    sov_onward_free(onward);
    return rc;
}

static int
find_directions(struct rotate *r, struct sov_err *err)
{
    double *c = sov_mem_array(r->n, r->n * sizeof(*c));
    double *value = sov_mem_array(r->n, sizeof(*value));
    int rc = c == NULL || value == NULL ? sov_mem_fail(err) : 0;

    if (rc == 0)
        rc = sov_moments_new(&r->m, r->n, 0, false, false, err);
    if (rc == 0)
        rc = read_text(r, see, err);
    if (rc == 0)
        rc = take(r, c, (double)r->n_layer + 1, err);
    if (rc == 0) {
        add_head(r);
        rc = take(r, c, HEAD, err);
    }
    if (rc == 0)
        rc = sov_eigen(c, r->n, value, err);
    for (size_t i = 0; i < r->d * r->n && rc == 0; i++)
        r->t->q[i] = (float)c[i];
    free(c);
    free(value);
    if (rc == 0)
        rc = sov_turn_axes(
            r->t, r->tied ? r->t->gain + 2 * r->n_layer * r->n : NULL, err);
    return rc;
}

/* ---- how much of it stays ---- */

static void
shares(void *arg, size_t first, size_t last, unsigned worker)
{
    const struct rotate *r = arg;
    const struct sov_kern *kern = sov_kern();

    (void)worker;
    for (size_t t = first; t < last; t++) {
        const float *x = r->from + t * r->n;
        double all = 0, stay = 0;

        for (size_t i = 0; i < r->n; i++)
            all += (double)x[i] * (double)x[i];
        for (size_t i = 0; i < r->d; i++) {
            float y;

            kern->dots(r->t->q + i * r->n, r->n, 1, x, r->n, 1, r->n, &y, 1);
            stay += (double)y * (double)y;
        }
        r->part[t] = all > 0 ? stay / all : 1;
    }
}

static void
add_shares(struct rotate *r, size_t place, const float *x, size_t n)
{
    for (size_t at = 0; at < n; at += ROWS) {
        size_t now = n - at < ROWS ? n - at : ROWS;

        r->from = x + at * r->n;
        sov_par_for(now, 4, shares, r);
        for (size_t t = 0; t < now; t++)
            r->share[place] += r->part[t];
        r->count[place] += now;
    }
}

static int
see_shares(void *arg, const struct sov_onward_seen *seen, struct sov_err *err)
{
    struct rotate *r = arg;

    (void)err;
    if (seen->layer == 0)
        add_shares(r, 0, seen->before, seen->n);
    add_shares(r, seen->layer + 1, seen->after, seen->n);
    return 0;
}

/* What a norm's weights become, where this share stays. */
static double
weight_of(const struct rotate *r, double share)
{
    return sqrt(share * (double)r->n / (double)r->d);
}

static int
make_norm(struct rotate *r, const char *name, const float *x,
          struct sov_err *err)
{
    int64_t at = sov_model_find(r->c->model, name);

    return sov_trim_make(r->c, name, at < 0 ? 0 : (size_t)at, x, r->d, err);
}

static int
make_plain(struct rotate *r, size_t layer, const char *norm, double share,
           struct sov_err *err)
{
    float *x = r->x;
    char name[160];

    snprintf(name, sizeof(name), "blk.%zu.%s.weight", layer, norm);
    for (size_t i = 0; i < r->d; i++)
        x[i] = (float)weight_of(r, share);
    return make_norm(r, name, x, err);
}

/* The last one, which a tied head leaves its own weights. */
static int
make_last(struct rotate *r, struct sov_err *err)
{
    const float *gain = r->t->gain + 2 * r->n_layer * r->n;
    double by = weight_of(r, r->share[r->n_layer]);

    if (r->tied && r->c->arch->embd_root)
        by *= sqrt((double)r->d / (double)r->n);
    for (size_t i = 0; i < r->d; i++) {
        const float *q = r->t->q + i * r->n;
        double own = r->tied ? 0 : 1;

        for (size_t k = 0; k < r->n && r->tied; k++)
            own += (double)q[k] * (double)gain[k] * (double)q[k];
        r->x[i] = (float)(own * by);
    }
    return make_norm(r, "output_norm.weight", r->x, err);
}

static int
make_norms(struct rotate *r, struct sov_err *err)
{
    int rc = read_text(r, see_shares, err);

    for (size_t i = 0; i <= r->n_layer && rc == 0; i++)
        r->share[i] = r->count[i] > 0 ? r->share[i] / (double)r->count[i] : 1;
    for (size_t i = 0; i < r->n_layer && rc == 0; i++) {
        rc = make_plain(r, i, r->c->arch->attn_norm, r->share[i], err);
        if (rc == 0)
            rc = make_plain(r, i, r->c->arch->ffn_norm,
                            (r->share[i] + r->share[i + 1]) / 2, err);
    }
    return rc == 0 ? make_last(r, err) : rc;
}

/* ---- the cut ---- */

static int
set(struct sov_trim *c, double ratio, struct sov_err *err)
{
    return sov_shape_first(&c->embd, sov_shape_width(ratio, c->hp.n_embd), err);
}

/* All that is here while the text is read is taken from what a calibration may
 * have; what eigenvectors and axes need is free by then. */
static int
count_memory(struct rotate *r, struct sov_err *err)
{
    uint64_t n = r->n, own, most;
    uint64_t sums = n * (n * sizeof(double) + sizeof(double));
    uint64_t axes = r->tied ? sov_turn_axes_bytes(r->n, r->d) : 0;
    uint64_t limit =
        r->calib.max_memory != 0 ? r->calib.max_memory : SOV_CALIB_MEMORY;

    own = sums + n * sizeof(float) * (r->d + 2 * r->n_layer + 1 + ROWS) +
          sov_moments_room(r->n, false) * sizeof(float) +
          sov_moments_bytes(r->n, 0, false, false);
    most = sums + sov_eigen_bytes(n) > axes ? own + sov_eigen_bytes(n)
                                            : own - sums + axes;
    if (most > limit)
        return sov_fail(err, SOV_EMEM,
                        "turning a stream of %zu channels needs %" PRIu64
                        " MB of memory, the limit is %" PRIu64 " MB",
                        r->n, (most >> 20) + 1, limit >> 20);
    r->calib.max_memory = limit - own;
    r->own = own;
    return 0;
}

static int
make_room(struct rotate *r, struct sov_err *err)
{
    struct sov_turn *t = sov_mem_array(1, sizeof(*t));

    r->c->turn = t;
    r->t = t;
    if (t == NULL)
        return sov_mem_fail(err);
    t->n = r->n;
    t->d = r->d;
    t->q = sov_mem_array(r->d, r->n * sizeof(*t->q));
    t->gain = sov_mem_array(2 * r->n_layer + 1, r->n * sizeof(*t->gain));
    t->role = sov_mem_array(sov_model_count(r->c->model), sizeof(*t->role));
    r->x = sov_mem_aligned(ROWS * r->n, sizeof(*r->x));
    r->room = sov_mem_aligned((size_t)sov_moments_room(r->n, false),
                              sizeof(*r->room));
    r->part = sov_mem_array(ROWS, sizeof(*r->part));
    r->share = sov_mem_array(r->n_layer + 1, sizeof(*r->share));
    r->count = sov_mem_array(r->n_layer + 1, sizeof(*r->count));
    if (t->q == NULL || t->gain == NULL || t->role == NULL || r->x == NULL ||
        r->room == NULL || r->part == NULL || r->share == NULL ||
        r->count == NULL)
        return sov_mem_fail(err);
    return 0;
}

static int
rotate(struct rotate *r, struct sov_err *err)
{
    int rc = count_memory(r, err);

    if (rc == 0)
        rc = make_room(r, err);
    if (rc == 0)
        rc = read_gains(r, err);
    for (size_t i = 0; i < sov_model_count(r->c->model) && rc == 0; i++)
        rc = role_of(r, i, err);
    if (rc == 0)
        rc = find_directions(r, err);
    return rc == 0 ? make_norms(r, err) : rc;
}

static double
least(const struct rotate *r)
{
    double share = 1;

    for (size_t i = 0; i <= r->n_layer; i++)
        share = fmin(share, r->share[i]);
    return share;
}

static int
cut(struct sov_trim *c, const struct sov_shape_ask *ask, struct sov_err *err)
{
    struct rotate r = { .c = c };
    double ratio;
    int rc = sov_shape_text(ask, "rotate", err);

    if (rc == 0)
        rc = check_arch(c, err);
    if (rc == 0)
        rc = sov_shape_ratio(c, ask, set, &ratio, err);
    if (rc < 0)
        return rc;
    r.calib = *ask->calib;
    r.n = c->hp.n_embd;
    r.n_layer = c->hp.n_layer;
    r.tied = sov_model_find(c->model, "output.weight") < 0;
    r.d = sov_shape_width(ratio, r.n);
    rc = rotate(&r, err);
    if (rc == 0 && ask->job != NULL)
        sov_prune_tell(ask->job,
                       "the stream keeps %zu of %zu directions, %.1f %% of "
                       "its squares where it keeps least",
                       r.d, r.n, 100 * least(&r));
    sov_moments_free(&r.m);
    sov_mem_free_aligned(r.room);
    sov_mem_free_aligned(r.x);
    free(r.part);
    free(r.share);
    free(r.count);
    return rc;
}

/* ---- what it takes ---- */

/* Numbers of all tensors that are turned. */
static double
turned(const struct sov_trim *c)
{
    double sum = 0;

    for (size_t i = 0; i < sov_model_count(c->model); i++) {
        const struct sov_tensor *t = sov_model_at(c->model, i);
        enum sov_trim_axis axis[3];
        size_t layer;

        if (sov_trim_axes(t->name, axis, &layer) &&
            (axis[0] == SOV_AXIS_EMBD || axis[1] == SOV_AXIS_EMBD))
            sum += (double)sov_tensor_count(t);
    }
    return sum;
}

static int
work(struct sov_trim *c, const struct sov_shape_ask *ask,
     struct sov_shape_work *w, struct sov_err *err)
{
    struct rotate r = { .c = c, .n = c->hp.n_embd, .n_layer = c->hp.n_layer };
    double ratio, square = (double)r.n * (double)r.n;
    int rc = sov_shape_ratio(c, ask, set, &ratio, err);

    if (rc < 0)
        return rc;
    r.calib = *ask->calib;
    r.d = sov_shape_width(ratio, r.n);
    rc = count_memory(&r, err);
    w->passes = 2;
    w->sums = (double)(r.n_layer + 1) * square / 2;
    w->shares = (double)(r.n_layer + 1) * (double)(r.n * r.d);
    w->rows = (double)c->vocab.of * square / 2;
    w->turns = turned(c) * (double)r.d;
    w->eigen = r.n;
    w->memory = r.own;
    return rc;
}

const struct sov_prune_method sov_prune_method_rotate = {
    .name = "rotate",
    .about = "directions of the stream, by rotation",
    .needs = SOV_PRUNE_TEXT,
    .cut = cut,
    .work = work,
};

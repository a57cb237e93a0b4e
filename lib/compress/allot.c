/* SPDX-License-Identifier: Apache-2.0 */
/*
 * allot.c - which type each matrix gets
 *
 * What is foretold of a choice of types is the sum over the matrices of
 *
 *     loss = f(error of the type + error of the activations)
 *
 * where f, which begins as alpha times the error, comes from trials (alpha.c),
 * and errors are parts of the squares of the weights.  Activations that meet blocks are rounded to eight bits,
 * which costs as much as an error of ACT_ERROR in the weights would; plain
 * numbers meet them as they are.
 */
#include "compress/allot.h"

#include "compress/job.h"
#include "compress/mix.h"

#include "base/mem.h"
#include "kern/kern.h"
#include "quant/codec.h"

#include <fnmatch.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TRIES     10 /* to meet a divergence */
#define ACT_ERROR 7e-5 /* (3.7 / 127)^2 / 12: of the largest of 256 to 127 */

/* ---- what there is to choose from ---- */

/* Bits a weight below which one needs to know what is important. */
#define FINE_BITS 2.6

/* Not on offer without. */
static bool
too_coarse(const struct sov_allot *a, enum sov_type type)
{
    const struct sov_mix none = { .name = "" };
    const struct sov_type_info *info = sov_type_info((int)type);

    /* the mixes know nothing of types that they never choose */
    return a->opts.stats == NULL &&
           (sov_mix_is_coarse(&none, type) ||
            (info->kind == SOV_KIND_BLOCK &&
             8.0 * info->bytes < FINE_BITS * info->block));
}

/* Does the reader know it? */
static bool
known(const struct sov_allot *a, enum sov_type type)
{
    uint32_t since = sov_compat_since(type);

    return a->opts.compat == 0 ? since != UINT32_MAX : since <= a->opts.compat;
}

static bool
can_make(const struct sov_allot *a, const struct sov_tensor *t,
         enum sov_type type)
{
    const struct sov_type_info *info = sov_type_info((int)type);

    return info != NULL && sov_kern()->encode[type] != NULL &&
           t->dim[0] % info->block == 0 && known(a, type);
}

static bool
on_offer(const struct sov_allot *a, const struct sov_tensor *t,
         enum sov_type type)
{
    const struct sov_type_info *info = sov_type_info((int)type);
    uint64_t n = sov_tensor_count(t);

    if (info == NULL)
        return false;
    if (type == t->type)
        return known(a, type);
    if (!can_make(a, t, type) || too_coarse(a, type))
        return false;
    if (info->kind == SOV_KIND_BLOCK)
        return sov_job_bytes(type, n) < t->size;
    return type == SOV_TYPE_F16 || type == SOV_TYPE_BF16
               ? sov_job_bytes(type, n) < t->size || t->type >= SOV_TYPE_GGUF_MAX
               : false;
}

static enum sov_type
pinned(const struct sov_allot *a, const char *name)
{
    for (size_t i = 0; i < a->opts.n_rules; i++)
        if (fnmatch(a->opts.rule[i].pattern, name, 0) == 0)
            return a->opts.rule[i].type;
    return SOV_TYPE_NONE;
}

static uint64_t
padded(const struct sov_allot *a, uint64_t bytes)
{
    uint64_t align = a->opts.align != 0 ? a->opts.align : 32;

    return (bytes + align - 1) / align * align;
}

static int
list_types(struct sov_allot *a, struct sov_allot_matrix *m,
           const struct sov_tensor *t, struct sov_err *err)
{
    enum sov_type pin = pinned(a, t->name);

    m->type = sov_mem_array(SOV_ALLOT_TYPES, sizeof(*m->type));
    m->error = sov_mem_array(SOV_ALLOT_TYPES, sizeof(*m->error));
    m->option = sov_mem_array(SOV_ALLOT_TYPES, sizeof(*m->option));
    if (m->type == NULL || m->error == NULL || m->option == NULL)
        return sov_mem_fail(err);
    if (pin != SOV_TYPE_NONE && pin != t->type)
        pin = sov_mix_fit(pin, t->dim[0]);
    for (int i = 0; i < SOV_ALLOT_TYPES; i++)
        if (pin == SOV_TYPE_NONE ? on_offer(a, t, (enum sov_type)i)
                                 : i == (int)pin)
            m->type[m->n++] = (enum sov_type)i;
    if (m->n == 0)
        return sov_fail(err, SOV_EUNSUP,
                        "tensor %s: no type that the reader knows has blocks "
                        "that divide its rows of %" PRIu64,
                        t->name, t->dim[0]);
    for (size_t o = 0; o < m->n; o++)
        m->option[o].bytes =
            padded(a, sov_job_bytes(m->type[o], sov_tensor_count(t)));
    return 0;
}

static int
list_matrices(struct sov_allot *a, struct sov_err *err)
{
    size_t all = sov_model_count(a->model);
    int rc = 0;

    a->matrix = sov_mem_array(all, sizeof(*a->matrix));
    if (a->matrix == NULL)
        return sov_mem_fail(err);
    for (size_t i = 0; i < all && rc == 0; i++) {
        const struct sov_tensor *t = sov_model_at(a->model, i);

        if (!sov_mix_is_matrix(t))
            continue;
        if (sov_job_decoder(t->type) == NULL || t->data == NULL)
            return sov_fail(err, SOV_EUNSUP, "tensor %s: cannot be read",
                            t->name);
        a->matrix[a->n].tensor = i;
        rc = list_types(a, &a->matrix[a->n++], t, err);
    }
    if (rc == 0 && a->n == 0)
        return sov_fail(err, SOV_EFORMAT, "there is no matrix in the model");
    return rc;
}

/* ---- what it costs ---- */

static void
progress(const struct sov_allot *a, size_t done, size_t total,
         const char *what)
{
    if (a->opts.progress != NULL)
        a->opts.progress(a->opts.progress_arg, done, total, what);
}

static void
measure_errors(struct sov_allot *a)
{
    for (size_t i = 0; i < a->n; i++) {
        struct sov_allot_matrix *m = &a->matrix[i];
        const struct sov_tensor *t = sov_model_at(a->model, m->tensor);
        enum sov_type made[SOV_ALLOT_TYPES];
        double error[SOV_ALLOT_TYPES];
        size_t n = 0;

        progress(a, i, a->n, t->name);
        for (size_t o = 0; o < m->n; o++)
            if (m->type[o] != t->type)
                made[n++] = m->type[o];
        sov_draft_errors(a->draft, m->tensor, made, n, error);
        for (size_t o = 0, k = 0; o < m->n; o++)
            m->error[o] = m->type[o] == t->type ? 0 : error[k++];
    }
}

double
sov_allot_error(const struct sov_allot *a, const struct sov_allot_matrix *m,
                enum sov_type type, double error)
{
    enum sov_type from = sov_model_at(a->model, m->tensor)->type;
    bool block = sov_type_info((int)type)->kind == SOV_KIND_BLOCK;

    return type != from && block ? error + ACT_ERROR : error;
}

static void
price_options(struct sov_allot *a)
{
    for (size_t i = 0; i < a->n; i++) {
        struct sov_allot_matrix *m = &a->matrix[i];

        for (size_t o = 0; o < m->n; o++)
            m->option[o].loss = sov_allot_loss(
                m, sov_allot_error(a, m, m->type[o], m->error[o]));
    }
}

static int
measure(struct sov_allot *a, struct sov_err *err)
{
    int rc = list_matrices(a, err);

    if (rc == 0)
        rc = sov_draft_new(&a->draft, a->model, a->opts.stats,
                           a->opts.effort != 0 ? a->opts.effort
                                               : SOV_EFFORT_DEFAULT,
                           err);
    if (rc < 0)
        return rc;
    measure_errors(a);
    rc = sov_allot_weigh(a, err);
    if (rc == 0)
        price_options(a);
    if (rc == 0 && a->opts.speed)
        rc = sov_allot_pace(a, err);
    return rc;
}

int
sov_allot_new(sov_allot **allot, sov_model *model,
              const struct sov_allot_opts *opts, struct sov_err *err)
{
    struct sov_allot *a = sov_mem_array(1, sizeof(*a));
    int rc;

    *allot = NULL;
    if (a == NULL)
        return sov_mem_fail(err);
    a->model = model;
    a->opts = *opts;
    a->factor = 1;
    rc = measure(a, err);
    if (rc < 0) {
        sov_allot_free(a);
        return rc;
    }
    *allot = a;
    return 0;
}

void
sov_allot_free(sov_allot *a)
{
    if (a == NULL)
        return;
    for (size_t i = 0; i < a->n; i++) {
        free(a->matrix[i].type);
        free(a->matrix[i].error);
        free(a->matrix[i].option);
    }
    free(a->matrix);
    sov_draft_free(a->draft);
    sov_trial_free(a->trial);
    sov_trial_free(a->check);
    free(a);
}

/* ---- sizes ---- */

uint64_t
sov_allot_least(const sov_allot *a)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < a->n; i++) {
        uint64_t least = UINT64_MAX;

        for (size_t o = 0; o < a->matrix[i].n; o++)
            if (a->matrix[i].option[o].bytes < least)
                least = a->matrix[i].option[o].bytes;
        sum += least;
    }
    return sum;
}

uint64_t
sov_allot_most(const sov_allot *a)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < a->n; i++) {
        uint64_t most = 0;

        for (size_t o = 0; o < a->matrix[i].n; o++)
            if (a->matrix[i].option[o].bytes > most)
                most = a->matrix[i].option[o].bytes;
        sum += most;
    }
    return sum;
}

uint64_t
sov_allot_bytes(const sov_allot *a, const struct sov_sheet *sheet)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < sheet->n; i++)
        sum += padded(a, sheet->row[i].bytes);
    return sum;
}

size_t
sov_allot_option(const struct sov_allot_matrix *m, enum sov_type type)
{
    size_t o = 0;

    while (o < m->n && m->type[o] != type)
        o++;
    return o;
}

/* ---- choosing ---- */

/* The sheet that says what was picked. */
static int
make_sheet(const struct sov_allot *a, const size_t *pick,
           struct sov_sheet **sheet, struct sov_err *err)
{
    struct sov_sheet *s = sov_mem_array(1, sizeof(*s));
    double cost = a->aside, loss = 0;

    if (s == NULL)
        return sov_mem_fail(err);
    s->row = sov_mem_array(a->n, sizeof(*s->row));
    for (size_t i = 0; i < a->n && s->row != NULL; i++) {
        const struct sov_allot_matrix *m = &a->matrix[i];
        const struct sov_tensor *t = sov_model_at(a->model, m->tensor);
        const struct sov_knap_option *o = &m->option[pick[i]];
        struct sov_sheet_row *row = &s->row[s->n];

        row->name = sov_mem_dup(t->name, strlen(t->name));
        if (row->name == NULL)
            break;
        s->n++;
        row->type = m->type[pick[i]];
        row->bytes = sov_job_bytes(row->type, sov_tensor_count(t));
        row->loss = a->trial != NULL ? o->loss * a->factor : NAN;
        row->alpha = a->trial != NULL ? m->alpha * a->factor : NAN;
        cost += o->cost;
        loss += o->loss;
    }
    if (s->n < a->n) {
        sov_sheet_free(s);
        return sov_mem_fail(err);
    }
    s->kld = a->trial != NULL ? loss * a->factor : NAN;
    s->speed = a->opts.speed && cost > 0 ? 1e9 / cost : NAN;
    if (a->opts.speed)
        sov_allot_machine(s->machine, sizeof(s->machine));
    *sheet = s;
    return 0;
}

static double
cost_within(const struct sov_allot *a, double speed)
{
    return speed > 0 ? 1e9 / speed - a->aside : INFINITY;
}

static int
solve(const struct sov_allot *a, uint64_t bytes, double speed, size_t *pick,
      struct sov_err *err)
{
    struct sov_knap_item *item = sov_mem_array(a->n, sizeof(*item));
    int rc;

    if (item == NULL)
        return sov_mem_fail(err);
    for (size_t i = 0; i < a->n; i++)
        item[i] = (struct sov_knap_item){ a->matrix[i].option,
                                          a->matrix[i].n };
    rc = sov_knap_solve(item, a->n, bytes, cost_within(a, speed), pick, err);
    free(item);
    return rc;
}

int
sov_allot_solve(const sov_allot *a, uint64_t bytes, double speed,
                struct sov_sheet **sheet, struct sov_err *err)
{
    size_t *pick = sov_mem_array(a->n, sizeof(*pick));
    int answer = pick == NULL ? sov_mem_fail(err)
                              : solve(a, bytes, speed, pick, err);
    int rc = answer < 0 ? answer : make_sheet(a, pick, sheet, err);

    free(pick);
    if (rc < 0)
        return rc;
    if (answer == SOV_KNAP_LARGE)
        return sov_fail(err, SOV_ENO,
                        "%" PRIu64 " bytes of matrices are too few: the least "
                        "is %" PRIu64,
                        bytes, sov_allot_least(a));
    if (answer == SOV_KNAP_SLOW)
        return sov_fail(err, SOV_ENO,
                        "%g tokens a second are too many: in that size the "
                        "most is about %.3g",
                        speed, (*sheet)->speed);
    return 0;
}

/* ---- by divergence ---- */

/* The fewest bytes of which the foretold divergence is small enough. */
static int
shrink(const struct sov_allot *a, double kld, double speed,
       struct sov_sheet **sheet, struct sov_err *err)
{
    uint64_t low = sov_allot_least(a), high = sov_allot_most(a);
    struct sov_sheet *s = NULL;
    int rc = sov_allot_solve(a, high, speed, &s, err);

    if (rc < 0 || s->kld > kld) {
        *sheet = s;
        return rc < 0 ? rc
                      : sov_fail(err, SOV_ENO,
                                 "a divergence of %g is too little: the least "
                                 "is about %.3g",
                                 kld, s->kld);
    }
    while (high - low > high / 4096) {
        uint64_t mid = low + (high - low) / 2;
        struct sov_sheet *other = NULL;

        rc = sov_allot_solve(a, mid, speed, &other, err);
        if (rc < 0 && rc != SOV_ENO) {
            sov_sheet_free(s);
            return rc;
        }
        if (rc == 0 && other->kld <= kld) {
            sov_sheet_free(s);
            s = other;
            high = mid;
        } else {
            sov_sheet_free(other);
            low = mid;
        }
    }
    *sheet = s;
    return 0;
}

/* Is s within the limit, and smaller than what was found before?  Then it is
 * kept in its place; else it goes. */
static void
keep_smaller(const struct sov_allot *a, struct sov_sheet **best,
             struct sov_sheet *s, double kld)
{
    if (s->kld <= kld && (*best == NULL || sov_allot_bytes(a, s) <
                                               sov_allot_bytes(a, *best))) {
        sov_sheet_free(*best);
        *best = s;
    } else {
        sov_sheet_free(s);
    }
}

int
sov_allot_within(sov_allot *a, double kld, double speed,
                 struct sov_sheet **sheet, struct sov_err *err)
{
    double aim = kld, nearest = INFINITY;
    int rc = 0;

    *sheet = NULL;
    if (a->trial == NULL)
        return sov_fail(err, SOV_EARG,
                        "without a text nobody knows the divergence");
    for (int i = 0; i < TRIES && (i < 2 || *sheet == NULL); i++) {
        struct sov_sheet *s = NULL;

        rc = shrink(a, aim, speed, &s, err);
        if (rc == 0)
            rc = sov_allot_try(a, s, err);
        if (rc < 0) {
            sov_sheet_free(s);
            break;
        }
        nearest = s->kld < nearest ? s->kld : nearest;
        aim *= s->kld > kld ? 0.96 : 1;
        keep_smaller(a, sheet, s, kld);
    }
    if (*sheet != NULL)
        return 0;
    return rc < 0 ? rc
                  : sov_fail(err, SOV_ENO,
                             "no types were found with a divergence of %g; "
                             "%.3g was the nearest",
                             kld, nearest);
}

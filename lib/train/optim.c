/* SPDX-License-Identifier: Apache-2.0 */
/*
 * optim.c - a step of an optimiser: clipping, and AdamW in blocks
 *
 * Work goes in blocks, which begin with their tensor, so that where a part
 * ends and which thread does what cannot be seen in a sum.
 */
#include "train/optim.h"
#include "base/fmath.h"
#include "base/mem.h"
#include "sys/par.h"
#include "train/optim_in.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LANES 16 /* in which squares are added */

static const struct sov_optim_row *const rows[] = {
#define OPTIM(name) &sov_optim_row_##name,
#include "train/optims.def"
#undef OPTIM
};

#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

/* Some numbers of a tensor. */
struct block {
    size_t param;
    uint64_t at, n;
};

/* For blocks in increasing order: the tensor that the last one was of, and
 * the number of its first block. */
struct place {
    size_t param;
    uint64_t first;
};

static uint64_t
blocks_of(const struct sov_weight *p)
{
    uint64_t n = sov_weight_count(p);

    return n / SOV_OPTIM_BLOCK + (n % SOV_OPTIM_BLOCK != 0);
}

static struct block
block_at(const struct sov_weight *param, struct place *place, uint64_t i)
{
    struct block b;
    uint64_t of;

    for (; i - place->first >= (of = blocks_of(&param[place->param]));
         place->param++)
        place->first += of;
    b.param = place->param;
    of = (i - place->first) * SOV_OPTIM_BLOCK;
    b.at = param[b.param].at + of;
    b.n = sov_weight_count(&param[b.param]) - of;
    b.n = b.n < SOV_OPTIM_BLOCK ? b.n : SOV_OPTIM_BLOCK;
    return b;
}

/* What of it lies in [from, to). */
static struct block
within(struct block b, uint64_t from, uint64_t to)
{
    uint64_t end = b.at + b.n;

    b.at = b.at > from ? b.at : from;
    end = end < to ? end : to;
    b.n = end > b.at ? end - b.at : 0;
    return b;
}

static uint64_t
end_of(const struct sov_weight *param, size_t n_param)
{
    const struct sov_weight *p;

    if (n_param == 0)
        return 0;
    p = &param[n_param - 1];
    return p->at + sov_weight_count(p);
}

static uint64_t
part_end(const struct sov_optim_step *s)
{
    return s->to > 0 ? s->to : end_of(s->param, s->n_param);
}

void
sov_optim_mask(const uint8_t *keep, float *x, uint64_t at, uint64_t n)
{
    uint64_t i;

    for (i = 0; i < n; i++)
        if ((keep[(at + i) / 8] >> (at + i) % 8 & 1) == 0)
            x[i] = 0;
}

double
sov_optim_square(const float *x, size_t n)
{
    double lane[LANES] = { 0 };
    double sum = 0;
    size_t i, l;

    for (i = 0; i + LANES <= n; i += LANES)
        for (l = 0; l < LANES; l++)
            lane[l] += (double)x[i + l] * (double)x[i + l];
    for (l = 0; i + l < n; l++)
        lane[l] += (double)x[i + l] * (double)x[i + l];
    for (l = 0; l < LANES; l++)
        sum += lane[l];
    return sum;
}

static double
square_of(const struct sov_optim_step *s, struct place *place, uint64_t i)
{
    struct block b = block_at(s->param, place, i);

    b = within(b, s->from, part_end(s));
    if (b.n == 0 || sov_optim_frozen(s, b.param))
        return 0;
    if (s->keep != NULL)
        sov_optim_mask(s->keep, s->grad + b.at, b.at, b.n);
    return sov_optim_square(s->grad + b.at, b.n);
}

struct squares {
    const struct sov_optim_step *s;
    double *to;
};

static void
find_squares(void *arg, size_t first, size_t last, unsigned worker)
{
    struct squares *q = arg;
    struct place place = { 0 };
    size_t i;

    (void)worker;
    for (i = first; i < last; i++)
        q->to[i] = square_of(q->s, &place, i);
}

static void
adamw_numbers(const struct sov_optim_now *now, const struct sov_weight *p,
              struct sov_adamw *a)
{
    const struct sov_optim *o = now->o;
    double t = (double)now->s->step;
    double left1 = o->beta1 > 0 ? sov_pow(o->beta1, t) : 0;
    double left2 = o->beta2 > 0 ? sov_pow(o->beta2, t) : 0;

    a->by = (float)now->by;
    a->a1 = (float)(1 - o->beta1);
    a->a2 = (float)(1 - o->beta2);
    a->rate = (float)(now->rate / (1 - left1));
    a->norm = (float)(1 / (1 - left2));
    a->eps = (float)o->eps;
    a->decay = p->matrix ? (float)(now->rate * o->decay) : 0;
}

static void
adamw_block(const struct sov_optim_now *now, struct block b)
{
    const struct sov_optim_step *s = now->s;
    const struct sov_weight *p = &s->param[b.param];
    uint64_t in = b.at - now->from;
    struct sov_adamw a;

    adamw_numbers(now, p, &a);
    s->k->adamw(&a, s->grad + b.at, s->state[0] + in, s->state[1] + in,
                s->w + b.at, b.n);
    if (s->keep != NULL)
        sov_optim_mask(s->keep, s->w + b.at, b.at, b.n);
}

static void
adamw(void *arg, size_t first, size_t last, unsigned worker)
{
    const struct sov_optim_now *now = arg;
    const struct sov_optim_step *s = now->s;
    struct place place = { 0 };
    size_t i;

    (void)worker;
    for (i = first; i < last; i++) {
        struct block b = block_at(s->param, &place, i);

        b = within(b, now->from, now->to);
        if (b.n == 0 || sov_optim_frozen(s, b.param))
            continue;
        if (now->o->row->whole == NULL ||
            !now->o->row->whole(&s->param[b.param]))
            adamw_block(now, b);
    }
}

int
sov_optim_find(struct sov_optim *o, const char *name, struct sov_err *err)
{
    char names[200] = "";
    size_t i;

    for (i = 0; i < N_ROWS; i++) {
        const struct sov_optim_row *r = rows[i];

        if (strcmp(r->name, name) == 0) {
            *o = (struct sov_optim){ .row = r,
                                     .lr = r->lr,
                                     .beta1 = r->beta1,
                                     .beta2 = r->beta2,
                                     .eps = r->eps,
                                     .decay = r->decay,
                                     .clip = r->clip };
            return 0;
        }
        if (i > 0)
            strcat(names, ", ");
        strcat(names, r->name);
    }
    return sov_fail(err, SOV_EARG, "no optimiser %s; there are %s", name,
                    names);
}

const char *
sov_optim_name(const struct sov_optim *o)
{
    return o->row->name;
}

const char *
sov_optim_at(size_t i)
{
    return i < N_ROWS ? rows[i]->name : NULL;
}

double
sov_optim_flops(const struct sov_optim *o, const struct sov_weight *param,
                size_t n_param)
{
    double sum = 0;

    for (size_t i = 0; i < n_param && o->row->products != NULL; i++)
        if (o->row->whole(&param[i]))
            sum += o->row->products(&param[i]) *
                   (double)sov_weight_count(&param[i]);
    return sum;
}

size_t
sov_optim_arrays(const struct sov_optim *o)
{
    return o->row->arrays;
}

size_t
sov_optim_blocks(const struct sov_weight *param, size_t n_param)
{
    uint64_t n = 0;
    size_t i;

    for (i = 0; i < n_param; i++)
        n += blocks_of(&param[i]);
    return n;
}

void
sov_optim_squares(const struct sov_optim_step *s, double *squares)
{
    struct squares q = { s, squares };

    sov_par_for(sov_optim_blocks(s->param, s->n_param), 0, find_squares, &q);
}

double
sov_optim_norm_of(const double *squares, size_t n)
{
    double sum = 0;
    size_t i;

    for (i = 0; i < n; i++)
        sum += squares[i];
    return sqrt(sum);
}

double
sov_optim_norm(const struct sov_optim_step *s)
{
    size_t n = sov_optim_blocks(s->param, s->n_param);
    double *squares = sov_mem_array(n, sizeof(*squares));
    struct place place = { 0 };
    double norm = 0;
    size_t i;

    if (squares == NULL) { /* the same, slower */
        for (i = 0; i < n; i++)
            norm += square_of(s, &place, i);
        return sqrt(norm);
    }
    sov_optim_squares(s, squares);
    norm = sov_optim_norm_of(squares, n);
    free(squares);
    return norm;
}

int
sov_optim_run(const struct sov_optim *o, const struct sov_optim_step *s,
              struct sov_err *err)
{
    const struct sov_optim_row *row = o->row;
    struct sov_optim_now now = { .o = o, .s = s, .from = s->from, .by = 1 };
    double norm = s->norm;
    void *room = NULL;
    int rc;

    assert(s->step > 0);
    now.to = part_end(s);
    now.rate = o->lr * s->rate;
    if (norm == 0)
        norm = sov_optim_norm(s);
    if (!isfinite(norm))
        return sov_fail(err, SOV_ENO,
                        "training has diverged: the gradient is not finite");
    if (o->clip > 0 && norm > o->clip)
        now.by = o->clip / norm;
    if (row->open != NULL) {
        rc = row->open(&now, &room, err);
        if (rc < 0)
            return rc;
    }
    sov_par_for(sov_optim_blocks(s->param, s->n_param), 0, adamw, &now);
    if (row->matrices != NULL)
        row->matrices(&now, room);
    if (row->close != NULL)
        row->close(room);
    return 0;
}

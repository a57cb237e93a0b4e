/* SPDX-License-Identifier: Apache-2.0 */
/*
 * experts.c - a feed-forward of many, of which each token takes a few
 *
 * The router's scores choose them and weigh what they say:
 *
 *     part = sum over the chosen of weight * down(fn(gate) * up)
 *
 * Columns are sorted by expert, into slots, so that an expert's matrices meet
 * all their columns at once; a column's sum is in the order of its choice,
 * best first, whatever else is in the batch.
 */
#include "arch/arch.h"

#include "base/limits.h"

#include <string.h>

/* No sum of weights that others are divided by is smaller. */
#define LEAST 6.103515625e-5f

int
sov_experts_place(struct sov_pass *pass, const struct sov_net *net,
                  struct sov_arena *a)
{
    const struct sov_hparams *hp = &net->hp;
    struct sov_experts *ex = &pass->ex;
    uint64_t pieces = (net->in_max + 255) / 256;
    uint64_t n = pass->n_batch;
    uint64_t slots = n * hp->n_used;

    if (slots > UINT32_MAX)
        return SOV_EMEM;
    ex->score = sov_arena_take(a, n * hp->n_expert, sizeof(float));
    ex->pick = sov_arena_take(a, slots, sizeof(*ex->pick));
    ex->weight = sov_arena_take(a, slots, sizeof(*ex->weight));
    ex->slot = sov_arena_take(a, slots, sizeof(*ex->slot));
    ex->column = sov_arena_take(a, slots, sizeof(*ex->column));
    ex->first = sov_arena_take(a, hp->n_expert + UINT64_C(1),
                               sizeof(*ex->first));
    ex->busy = sov_arena_take(a, hp->n_expert, sizeof(*ex->busy));
    ex->x = sov_arena_take(a, slots * hp->n_embd, sizeof(float));
    ex->ff = sov_arena_take(a, slots * 2 * net->ff_max, sizeof(float));
    ex->a32 = sov_arena_take(a, slots * pieces, sizeof(*ex->a32));
    ex->a256 = sov_arena_take(a, slots * pieces, sizeof(*ex->a256));
    ex->half = sov_arena_take(a, slots * pieces, 256 * sizeof(float));
    ex->bf16 = sov_arena_take(a, slots * sov_input_bf16(net->in_max),
                              sizeof(*ex->bf16));
    return a->overflow ? SOV_EMEM : 0;
}

static const struct sov_layer *
layer_of(const struct sov_walk *w)
{
    return &w->net->layer[w->layer];
}

/* The input is that of the norm before. */
bool
sov_experts_score(struct sov_walk *w, struct sov_phase *phase)
{
    w->mul[0] = (struct sov_mul){ &layer_of(w)->router, w->pass->ex.score,
                                  w->net->hp.n_expert };
    w->n_mul = 1;
    sov_walk_product(w, phase);
    return true;
}

/* x[n] becomes e^x, divided by the sum of it. */
static void
softmax(const struct sov_kern *k, float *x, size_t n)
{
    k->exp(x, n, k->max(x, n));
    sov_times(1.0f / k->sum(x, n), x, n);
}

/* The n_used best of n scores, the best first; of equal ones the first. */
static void
pick_best(const float *score, size_t n, uint32_t *pick, size_t n_used)
{
    bool taken[SOV_EXPERTS_MAX] = { false };
    size_t i, j;

    for (i = 0; i < n_used; i++) {
        size_t best = n;

        for (j = 0; j < n; j++)
            if (!taken[j] && (best == n || score[j] > score[best]))
                best = j;
        taken[best] = true;
        pick[i] = (uint32_t)best;
    }
}

static void
pick_columns(void *arg, size_t first, size_t last, unsigned worker)
{
    const struct sov_walk *w = arg;
    const struct sov_hparams *hp = &w->net->hp;
    const struct sov_kern *k = w->pass->nn.k;
    bool chosen = w->net->arch->softmax_chosen;
    size_t n_used = hp->n_used;
    size_t c, i;

    (void)worker;
    for (c = first; c < last; c++) {
        float *score = w->pass->ex.score + c * hp->n_expert;
        uint32_t *pick = w->pass->ex.pick + c * n_used;
        float *weight = w->pass->ex.weight + c * n_used;
        float sum;

        if (!chosen)
            softmax(k, score, hp->n_expert);
        pick_best(score, hp->n_expert, pick, n_used);
        for (i = 0; i < n_used; i++)
            weight[i] = score[pick[i]];
        if (chosen) {
            softmax(k, weight, n_used);
        } else {
            sum = k->sum(weight, n_used);
            sov_times(1.0f / (sum > LEAST ? sum : LEAST), weight, n_used);
        }
        if (hp->expert_scale > 0)
            sov_times(hp->expert_scale, weight, n_used);
    }
}

bool
sov_experts_pick(struct sov_walk *w, struct sov_phase *phase)
{
    const struct sov_hparams *hp = &w->net->hp;

    sov_walk_loop(w, phase, pick_columns, w->n,
                  (uint64_t)hp->n_expert * (hp->n_used + 8));
    return true;
}

/* Give every pick its slot. */
static void
sort(struct sov_walk *w)
{
    const struct sov_hparams *hp = &w->net->hp;
    struct sov_experts *ex = &w->pass->ex;
    size_t n = w->n * hp->n_used;
    uint32_t at = 0;
    size_t i;

    memset(ex->first, 0, (hp->n_expert + (size_t)1) * sizeof(*ex->first));
    for (i = 0; i < n; i++)
        ex->first[ex->pick[i]]++;
    w->n_busy = 0;
    for (i = 0; i < hp->n_expert; i++) {
        if (ex->first[i] > 0)
            ex->busy[w->n_busy++] = (uint32_t)i;
        at += ex->first[i];
        ex->first[i] = at; /* its end, until its slots are given */
    }
    ex->first[hp->n_expert] = at;
    for (i = n; i-- > 0;) {
        uint32_t slot = --ex->first[ex->pick[i]];

        ex->slot[i] = slot;
        ex->column[slot] = (uint32_t)(i / hp->n_used);
    }
}

/* Copy the input of each slot's column, in the forms that experts take. */
static void
gather_slots(void *arg, size_t first, size_t last, unsigned worker)
{
    const struct sov_walk *w = arg;
    const struct sov_pass *pass = w->pass;
    const struct sov_experts *ex = &pass->ex;
    size_t n = w->net->hp.n_embd;
    size_t pieces = (n + 255) / 256;
    size_t s;

    (void)worker;
    for (s = first; s < last; s++) {
        size_t c = ex->column[s];

        if (w->in_parts || w->in.forms & 1u << SOV_ACT_F32)
            memcpy(ex->x + s * n, w->in.x + c * w->in.stride,
                   n * sizeof(float));
        if (w->in.forms & 1u << SOV_ACT_HALF)
            memcpy(ex->half + s * n, pass->half + c * n, n * sizeof(float));
        if (w->in.forms & 1u << SOV_ACT_BF16)
            memcpy(ex->bf16 + s * sov_input_bf16(n),
                   pass->bf16 + c * sov_input_bf16(n),
                   sov_input_bf16(n) * sizeof(*ex->bf16));
        if (w->in.forms & 1u << SOV_ACT_A32)
            memcpy(ex->a32 + s * pieces, pass->a32 + c * pieces,
                   pieces * sizeof(*ex->a32));
        if (w->in.forms & 1u << SOV_ACT_A256)
            memcpy(ex->a256 + s * pieces, pass->a256 + c * pieces,
                   pieces * sizeof(*ex->a256));
    }
}

bool
sov_experts_gather(struct sov_walk *w, struct sov_phase *phase)
{
    const struct sov_layer *l = layer_of(w);

    sort(w);
    w->in.forms = sov_mat_forms(&w->pass->nn, l->up, l->n_up);
    sov_walk_loop(w, phase, gather_slots, w->n * w->net->hp.n_used,
                  2 * (uint64_t)w->net->hp.n_embd);
    return true;
}

/* The same matrices of every busy expert, times its slots. */
static void
multiply(void *arg, size_t first, size_t last, unsigned worker)
{
    const struct sov_walk *w = arg;
    const struct sov_experts *ex = &w->pass->ex;
    size_t each = sov_mat_units(w->mul, w->n_mul);
    size_t pieces = (w->in.n + 255) / 256;
    size_t u, end, i;

    for (u = first; u < last; u = end) {
        size_t number = u / each;
        size_t expert = ex->busy[number];
        size_t slot = ex->first[expert];
        struct sov_input in = w->in;
        struct sov_mat mat[SOV_MULS_MAX * (1 + SOV_LORAS_MAX)];
        struct sov_mul mul[SOV_MULS_MAX * (1 + SOV_LORAS_MAX)];

        for (i = 0; i < w->n_mul; i++) {
            mat[i] = sov_bind_of_stack(w->mul[i].w, expert);
            mul[i] = w->mul[i];
            mul[i].w = &mat[i];
            mul[i].y += slot * mul[i].y_stride;
        }
        in.n_cols = ex->first[expert + 1] - slot;
        in.x += slot * in.stride;
        in.a32 += slot * pieces;
        in.a256 += slot * pieces;
        in.half += slot * in.n;
        in.bf16 += slot * sov_input_bf16(in.n);
        end = (number + 1) * each < last ? (number + 1) * each : last;
        sov_mat_run(&w->pass->nn, mul, &in, u - number * each,
                    end - number * each, worker);
    }
}

static void
multiply_all(struct sov_walk *w, struct sov_phase *phase)
{
    uint64_t rows = 0;
    size_t units, i;

    sov_low_products(w, true);
    units = sov_mat_units(w->mul, w->n_mul);
    for (i = 0; i < w->n_mul; i++)
        rows += w->mul[i].w->n_out;
    sov_walk_loop(w, phase, multiply, w->n_busy * units,
                  rows * w->in.n * w->in.n_cols / (units * w->n_busy));
}

/* The slots are the columns of the product: n numbers each from x. */
static void
slots_input(struct sov_walk *w, const float *x, size_t stride,
            const struct sov_mat *mat, size_t n_mat)
{
    const struct sov_experts *ex = &w->pass->ex;

    w->in = (struct sov_input){
        .x = x, .stride = stride, .n = mat->n_in,
        .n_cols = w->n * w->net->hp.n_used,
        .forms = sov_mat_forms(&w->pass->nn, mat, n_mat),
        .a32 = ex->a32, .a256 = ex->a256, .half = ex->half,
        .bf16 = ex->bf16,
    };
}

bool
sov_experts_up(struct sov_walk *w, struct sov_phase *phase)
{
    const struct sov_layer *l = layer_of(w);
    size_t stride = 2 * w->net->ff_max;

    slots_input(w, w->pass->ex.x, w->net->hp.n_embd, l->up, l->n_up);
    w->mul[0] = (struct sov_mul){ &l->up[0], w->pass->ex.ff, stride };
    w->mul[1] = (struct sov_mul){ &l->up[1], w->pass->ex.ff + l->up[0].n_out,
                                  stride };
    w->n_mul = 2;
    multiply_all(w, phase);
    return true;
}

static void
act_slots(void *arg, size_t first, size_t last, unsigned worker)
{
    const struct sov_walk *w = arg;
    size_t n = w->in.n;
    size_t s;

    (void)worker;
    for (s = first; s < last; s++) {
        float *gate = w->pass->ex.ff + s * 2 * w->net->ff_max;

        sov_fn_apply(w->pass->nn.k, w->net->arch->fn, gate, gate + n, n);
        sov_input_column(&w->pass->nn, &w->in, s);
    }
}

bool
sov_experts_act(struct sov_walk *w, struct sov_phase *phase)
{
    slots_input(w, w->pass->ex.ff, 2 * w->net->ff_max, &layer_of(w)->down, 1);
    sov_walk_loop(w, phase, act_slots, w->in.n_cols, 16 * (uint64_t)w->in.n);
    return true;
}

/* What went in is no longer needed: what comes out takes its place. */
bool
sov_experts_down(struct sov_walk *w, struct sov_phase *phase)
{
    w->mul[0] = (struct sov_mul){ &layer_of(w)->down, w->pass->ex.x,
                                  w->net->hp.n_embd };
    w->n_mul = 1;
    multiply_all(w, phase);
    return true;
}

void
sov_experts_sum(const struct sov_walk *w, size_t c)
{
    const struct sov_experts *ex = &w->pass->ex;
    size_t n_used = w->net->hp.n_used;
    size_t n = w->net->hp.n_embd;
    float *part = w->pass->part + c * w->net->part_stride;
    size_t i;

    memset(part, 0, n * sizeof(*part));
    for (i = c * n_used; i < (c + 1) * n_used; i++)
        w->pass->nn.k->axpy(ex->weight[i], ex->x + ex->slot[i] * n, part, n);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * low.c - adapters in a pass over a network
 *
 * For each product of the walk whose matrices have adapters there are two more
 * loops behind it:
 *
 *     the product   y = W x, and with it t = A x of each adapter
 *     forms         t in the forms that the B take, if they take any
 *     sum           y += scale * B t, rows in pieces, adapters in their order
 *
 * The t lie in the memory of the pass: one place for each thin matrix that a
 * product can have, with room for all its columns.
 */
#include "arch/low.h"

#include "arch/arch.h"

#include <string.h>

/* ---- binding */

static struct sov_mat
thin(const struct sov_tensor *t, uint64_t n_in, uint64_t n_out)
{
    return (struct sov_mat){
        .data = t->data,
        .type = t->type,
        .n_in = (size_t)n_in,
        .n_out = (size_t)n_out,
        .row_bytes = (size_t)sov_tensor_row_bytes(t),
    };
}

static void
bind_pair(struct sov_bind *b, struct sov_low *low,
          const struct sov_lora_use *use, const struct sov_lora_pair *p)
{
    if (p->by_row) {
        low->in = thin(p->a, p->rank, p->n_out);
        low->out = thin(p->b, p->rank, p->n_in);
    } else {
        low->in = thin(p->a, p->n_in, p->rank);
        low->out = thin(p->b, p->rank, p->n_out);
    }
    low->scale = sov_lora_scale(use, p);
    b->types |= sov_type_bit(low->in.type);
    b->low_types |= sov_type_bit(low->out.type);
    if (p->rank > b->low_rank)
        b->low_rank = (size_t)p->rank;
}

void
sov_low_bind(struct sov_bind *b, const struct sov_tensor *t, struct sov_mat *m)
{
    struct sov_low *low;
    size_t n = 0, before = 0, i;

    for (i = 0; i < b->n_lora; i++)
        n += sov_lora_find(b->lora[i].lora, t->name) >= 0;
    if (n == 0)
        return;
    low = sov_bind_own(b, n, sizeof(*low));
    if (low == NULL)
        return;
    m->low = low;
    m->n_low = n;
    for (i = 0; i < b->n_lora; before += b->lora[i++].lora->n) {
        int64_t at = sov_lora_find(b->lora[i].lora, t->name);

        if (at < 0)
            continue;
        bind_pair(b, low++, &b->lora[i], &b->lora[i].lora->pair[at]);
        b->taken[before + (size_t)at] = true;
    }
}

/* The rows of a matrix as columns of numbers. */
static struct sov_mat
turned(struct sov_bind *b, const struct sov_mat *m)
{
    float *row = sov_bind_own(b, m->n_in, sizeof(*row));
    float *all = sov_bind_own(b, m->n_in, m->n_out * sizeof(*all));
    size_t i, j;

    for (i = 0; i < m->n_out && b->rc == 0; i++) {
        sov_kern()->decode[m->type](m->data + i * m->row_bytes, row, m->n_in);
        for (j = 0; j < m->n_in; j++)
            all[j * m->n_out + i] = row[j];
    }
    b->types |= sov_type_bit(SOV_TYPE_F32);
    b->low_bytes += m->n_in * m->n_out * sizeof(*all);
    return (struct sov_mat){
        .data = (const unsigned char *)all,
        .type = SOV_TYPE_F32,
        .n_in = m->n_out,
        .n_out = m->n_in,
        .row_bytes = m->n_out * sizeof(*all),
    };
}

void
sov_low_bind_tied(struct sov_bind *b, const struct sov_mat *embd,
                  struct sov_mat *head)
{
    struct sov_low *low;
    size_t i;

    if (embd->n_low == 0 || b->rc < 0)
        return;
    low = sov_bind_own(b, embd->n_low, sizeof(*low));
    for (i = 0; i < embd->n_low && b->rc == 0; i++) {
        low[i].in = turned(b, &embd->low[i].out);
        low[i].out = embd->low[i].in;
        low[i].scale = embd->low[i].scale;
        b->low_types |= sov_type_bit(low[i].out.type);
    }
    head->low = low;
}

static void
refuse(struct sov_bind *b, const char *name)
{
    b->rc = sov_fail(b->err, SOV_EUNSUP,
                     "tensor %s is none that an adapter can change", name);
}

void
sov_low_none(struct sov_bind *b, const struct sov_mat *m, const char *name)
{
    if (b->rc == 0 && m->n_low > 0)
        refuse(b, name);
}

void
sov_low_check(struct sov_bind *b)
{
    size_t before = 0;

    for (size_t i = 0; i < b->n_lora; before += b->lora[i++].lora->n)
        for (size_t k = 0; k < b->lora[i].lora->n && b->rc == 0; k++)
            if (!b->taken[before + k])
                refuse(b, b->lora[i].lora->pair[k].name);
}

/* ---- memory */

int
sov_low_place(struct sov_pass *pass, const struct sov_net *net,
              struct sov_arena *a)
{
    struct sov_low_room *room = &pass->low;
    unsigned forms = 0;
    uint64_t n, pieces = (net->low_rank + 255) / 256;

    if (net->n_lows == 0)
        return 0;
    for (unsigned i = 0; i < SOV_TYPE_GGUF_MAX; i++) {
        struct sov_mat m = { .type = (enum sov_type)i };

        if (sov_type_info((int)i) != NULL &&
            (net->low_types & sov_type_bit(m.type)) != 0)
            forms |= sov_mat_forms(&pass->nn, &m, 1);
    }
    n = pass->n_batch;
    if (net->hp.n_used > 0 &&
        __builtin_mul_overflow(n, (uint64_t)net->hp.n_used, &n))
        return SOV_EMEM;
    room->cols = (size_t)n;
    n *= net->n_lows;
    room->x = sov_arena_take(a, n, net->low_rank * sizeof(float));
    if (forms & 1u << SOV_ACT_A32)
        room->a32 = sov_arena_take(a, n, pieces * sizeof(*room->a32));
    if (forms & 1u << SOV_ACT_A256)
        room->a256 = sov_arena_take(a, n, pieces * sizeof(*room->a256));
    if (forms & 1u << SOV_ACT_HALF)
        room->half = sov_arena_take(a, n, net->low_rank * sizeof(float));
    if (forms & 1u << SOV_ACT_BF16)
        room->bf16 = sov_arena_take(
            a, n, sov_input_bf16(net->low_rank) * sizeof(*room->bf16));
    return a->overflow ? SOV_EMEM : 0;
}

/* What goes into `out` of n_cols columns, in place number `at`. */
static struct sov_input
place(const struct sov_walk *w, size_t at, const struct sov_mat *out,
      size_t n_cols)
{
    const struct sov_low_room *room = &w->pass->low;
    size_t rank = w->net->low_rank;
    size_t pieces = (rank + 255) / 256;
    size_t first = at * room->cols;
    struct sov_input in = {
        .x = room->x + first * rank,
        .stride = out->n_in,
        .n = out->n_in,
        .n_cols = n_cols,
        .forms = sov_mat_forms(&w->pass->nn, out, 1),
    };

    if (in.forms & 1u << SOV_ACT_A32)
        in.a32 = room->a32 + first * pieces;
    if (in.forms & 1u << SOV_ACT_A256)
        in.a256 = room->a256 + first * pieces;
    if (in.forms & 1u << SOV_ACT_HALF)
        in.half = room->half + first * rank;
    if (in.forms & 1u << SOV_ACT_BF16)
        in.bf16 = room->bf16 + first * sov_input_bf16(rank);
    return in;
}

/* ---- steps */

void
sov_low_products(struct sov_walk *w, bool by_expert)
{
    size_t n = w->n_mul;
    size_t i, k;

    w->n_low = 0;
    w->low_by_expert = by_expert;
    for (i = 0; i < n; i++) {
        const struct sov_mat *m = w->mul[i].w;

        for (k = 0; k < m->n_low; k++) {
            struct sov_walk_low *l = &w->low[w->n_low];

            l->low = &m->low[k];
            l->y = w->mul[i].y;
            l->y_stride = w->mul[i].y_stride;
            l->in = place(w, w->n_low++, &l->low->out, w->in.n_cols);
            w->mul[w->n_mul++] = (struct sov_mul){
                &l->low->in,
                w->pass->low.x + (l->in.x - w->pass->low.x),
                l->in.stride,
            };
        }
    }
}

static void
form_columns(void *arg, size_t first, size_t last, unsigned worker)
{
    const struct sov_walk *w = arg;
    size_t c, i;

    (void)worker;
    for (c = first; c < last; c++)
        for (i = 0; i < w->n_low; i++)
            sov_input_column(&w->pass->nn, &w->low[i].in, c);
}

bool
sov_low_forms(struct sov_walk *w, struct sov_phase *phase)
{
    uint64_t numbers = 0;
    size_t i;

    for (i = 0; i < w->n_low; i++)
        if (w->low[i].in.forms & ~(1u << SOV_ACT_F32))
            numbers += w->low[i].in.n;
    if (numbers == 0)
        return false;
    sov_walk_loop(w, phase, form_columns, w->in.n_cols, 8 * numbers);
    return true;
}

/* Those of one matrix, which stand together, from number i on. */
static size_t
end_of_matrix(const struct sov_walk *w, size_t i)
{
    size_t end = i + 1;

    while (end < w->n_low && w->low[end].y == w->low[i].y)
        end++;
    return end;
}

/* Unit u of what adapters add to one matrix, or to that of an expert. */
static void
add_unit(const struct sov_walk *w, size_t i, size_t expert, size_t u,
         unsigned worker)
{
    const struct sov_experts *ex = &w->pass->ex;
    size_t end = end_of_matrix(w, i);

    for (; i < end; i++) {
        const struct sov_walk_low *l = &w->low[i];
        struct sov_mat out = l->low->out;
        struct sov_input in = l->in;
        float *y = l->y;

        if (w->low_by_expert) {
            size_t slot = ex->first[expert];

            out = sov_bind_of_stack(&out, expert);
            in = sov_input_part(&in, slot, ex->first[expert + 1] - slot);
            y += slot * l->y_stride;
        }
        sov_low_add(&w->pass->nn, &out, l->low->scale, &in, y, l->y_stride, u,
                    worker);
    }
}

/* Units of all matrices; of one expert. */
static size_t
units(const struct sov_walk *w)
{
    size_t n = 0;
    size_t i;

    for (i = 0; i < w->n_low; i = end_of_matrix(w, i))
        n += sov_low_units(w->low[i].low);
    return n;
}

static void
add_units(void *arg, size_t first, size_t last, unsigned worker)
{
    const struct sov_walk *w = arg;
    size_t each = units(w);
    size_t u;

    for (u = first; u < last; u++) {
        size_t expert = w->low_by_expert ? w->pass->ex.busy[u / each] : 0;
        size_t left = u % each;
        size_t i = 0;

        while (left >= sov_low_units(w->low[i].low)) {
            left -= sov_low_units(w->low[i].low);
            i = end_of_matrix(w, i);
        }
        add_unit(w, i, expert, left, worker);
    }
}

bool
sov_low_sum(struct sov_walk *w, struct sov_phase *phase)
{
    size_t n = units(w);
    uint64_t work = 0;
    size_t i;

    if (n == 0)
        return false;
    for (i = 0; i < w->n_low; i++)
        work += (uint64_t)w->low[i].low->out.n_out * w->low[i].in.n;
    work = work * w->in.n_cols / n;
    if (w->low_by_expert) {
        work /= w->n_busy;
        n *= w->n_busy;
    }
    sov_walk_loop(w, phase, add_units, n, work);
    return true;
}

void
sov_low_embed(const struct sov_walk *w, size_t c, int32_t id, float *x,
              float *tmp, unsigned worker)
{
    const struct sov_net *net = w->net;
    size_t i, k;

    for (k = 0; k < net->embd.n_low; k++) {
        const struct sov_low *low = &net->embd.low[k];
        /* Another thread may be at another adapter: each has its own place. */
        struct sov_input in = place(w, k, &low->out, w->n);
        const struct sov_mul mul = { &low->out, tmp, low->out.n_out };
        struct sov_input one;

        w->pass->nn.k->decode[low->in.type](
            low->in.data + (size_t)id * low->in.row_bytes,
            w->pass->low.x + (in.x - w->pass->low.x) + c * in.stride, in.n);
        sov_input_column(&w->pass->nn, &in, c);
        one = sov_input_part(&in, c, 1);
        sov_mat_run(&w->pass->nn, &mul, &one, 0, sov_mat_units(&mul, 1),
                    worker);
        for (i = 0; i < net->hp.n_embd; i++)
            x[i] += low->scale * tmp[i];
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seats.c - which column of a pass is which token of which timeline
 */
#include "arch/arch.h"

#include <string.h>

void
sov_walk_seat(struct sov_walk *w, int32_t id, const uint32_t *block,
              const uint32_t *local, size_t begin, size_t i, size_t n)
{
    struct sov_pass *pass = w->pass;
    bool both = w->net->arch->window_both;
    size_t window = w->net->hp.window;
    size_t before = both ? window / 2 + 1 : window; /* with the token */
    size_t end = w->net->arch->encoder ? n : i + 1;
    size_t last = both && i + window / 2 + 1 < end ? i + window / 2 + 1 : end;
    size_t c = w->n++;

    pass->column[c] = (struct sov_column){
        .id = id, .place = (uint32_t)i, .slot = (uint32_t)(begin + i),
        .block = block, .local = local,
    };
    pass->begin[c] = (uint32_t)begin;
    pass->end[c] = (uint32_t)(begin + end);
    pass->first[c] = (uint32_t)(begin + (i + 1 > before ? i + 1 - before : 0));
    pass->last[c] = (uint32_t)(begin + last);
}

void
sov_walk_add(struct sov_walk *w, const struct sov_stretch *s)
{
    struct sov_pass *pass = w->pass;
    size_t i;

    pass->seq[w->n_seq++] = (struct sov_attn_seq){
        .block = s->block, .pos = s->pos, .column = w->n, .n_cols = s->n,
    };
    for (i = 0; i < s->n; i++) {
        if (i >= s->n - s->n_out)
            pass->wanted[w->n_out++] = (uint32_t)w->n;
        sov_walk_seat(w, s->ids[i], s->block, s->local, 0, s->pos + i,
                      s->pos + s->n);
    }
}

/* Blocks that two timelines begin with. */
static size_t
in_common(const struct sov_attn_seq *a, const struct sov_attn_seq *b)
{
    size_t n_a = sov_blocks_of(a->pos + a->n_cols);
    size_t n_b = sov_blocks_of(b->pos + b->n_cols);
    size_t n = n_a < n_b ? n_a : n_b;
    size_t i;

    for (i = 0; i < n && a->block[i] == b->block[i]; i++)
        ;
    return i;
}

/* Does the first of them come before the other?  Where one is a part of the
 * other, the shorter does. */
static bool
is_before(const struct sov_attn_seq *a, const struct sov_attn_seq *b)
{
    size_t same = in_common(a, b);
    size_t n_a = sov_blocks_of(a->pos + a->n_cols);
    size_t n_b = sov_blocks_of(b->pos + b->n_cols);

    if (same == n_a || same == n_b)
        return n_a < n_b;
    return a->block[same] < b->block[same];
}

/* Timelines that share their first blocks come together: they are few, and
 * often are in order. */
static void
sort_timelines(struct sov_walk *w)
{
    struct sov_attn_seq *seq = w->pass->seq;
    size_t i, j;

    for (i = 1; i < w->n_seq; i++) {
        struct sov_attn_seq one = seq[i];

        for (j = i; j > 0 && is_before(&one, &seq[j - 1]); j--)
            seq[j] = seq[j - 1];
        seq[j] = one;
    }
    for (i = 1; i < w->n_seq; i++)
        seq[i].shared = in_common(&seq[i - 1], &seq[i]);
}

/* The same timelines in the same order, by the tables of their windows. */
static void
set_near(struct sov_walk *w)
{
    struct sov_attn_seq *near = w->pass->near;
    size_t i;

    for (i = 0; i < w->n_seq; i++) {
        near[i] = w->pass->seq[i];
        near[i].block = w->pass->column[near[i].column].local;
        near[i].shared = 0;
        if (i > 0 && near[i].block != NULL)
            near[i].shared = in_common(&near[i - 1], &near[i]);
    }
}

void
sov_walk_sort(struct sov_walk *w)
{
    sort_timelines(w);
    set_near(w);
}

/* How many of the columns that are wanted come before c. */
static size_t
wanted_before(const struct sov_walk *w, size_t c)
{
    size_t low = 0, high = w->n_out;

    while (low < high) {
        size_t mid = (low + high) / 2;

        if (w->pass->wanted[mid] < c)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* Of each timeline the columns that are wanted, and only timelines of which
 * some are. */
static void
narrow_timelines(struct sov_walk *w)
{
    struct sov_attn_seq *seq = w->pass->seq;
    size_t i, n = 0;

    for (i = 0; i < w->n_seq; i++) {
        struct sov_attn_seq one = seq[i];
        size_t end = one.pos + one.n_cols;
        size_t first = wanted_before(w, one.column);

        one.n_cols = wanted_before(w, one.column + one.n_cols) - first;
        one.column = first;
        one.pos = end - one.n_cols;
        if (one.n_cols > 0)
            seq[n++] = one;
    }
    w->n_seq = n;
}

/* What column `from` has, column `to` has then. */
static void
move_column(const struct sov_walk *w, size_t to, size_t from)
{
    const struct sov_pass *pass = w->pass;
    size_t n = w->net->hp.n_embd;
    size_t stride = w->net->qkv_max;

    memmove(pass->x + to * n, pass->x + from * n, n * sizeof(*pass->x));
    memmove(pass->qkv + to * stride, pass->qkv + from * stride,
            w->net->q_max * sizeof(*pass->qkv));
    pass->column[to] = pass->column[from];
    pass->begin[to] = pass->begin[from];
    pass->end[to] = pass->end[from];
    pass->first[to] = pass->first[from];
    pass->last[to] = pass->last[from];
}

void
sov_walk_narrow(struct sov_walk *w)
{
    size_t i;

    if (w->n_out == w->n)
        return;
    narrow_timelines(w);
    for (i = 0; i < w->n_out; i++) {
        move_column(w, i, w->pass->wanted[i]);
        w->pass->wanted[i] = (uint32_t)i;
    }
    w->n = w->n_out;
    sov_walk_sort(w);
}

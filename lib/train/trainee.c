/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trainee.c - a model that learns: its parameters, and the memory of a unit
 *
 * All memory is one piece, whose size follows from the shape and from how many
 * tokens a unit has.  It is cut twice: once to be counted, once in earnest.
 */
#include "train/trainee_in.h"

#include "base/mem.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Shape, options and the list of parameters. */
static int
describe(sov_trainee *t, const struct sov_shape *shape,
         const struct sov_trainee_opts *opts, struct sov_err *err)
{
    int rc;

    memset(t, 0, sizeof(*t));
    t->shape = *shape;
    t->opts = *opts;
    rc = sov_shape_check(&t->shape, err);
    if (rc == 0)
        rc = sov_pairs_check(opts, err);
    if (rc < 0)
        return rc;
    t->pairs = sov_shape_pairs(&t->shape);
    if (opts->rank > 0) {
        rc = sov_pairs_list(t, err);
    } else {
        t->count = sov_shape_places(&t->shape, NULL).count;
        rc = sov_shape_weights(&t->shape, &t->list, &t->n_list, err);
    }
    return rc == 0 ? sov_guides_list(t, err) : rc;
}

/* ---- memory */

static sov_real *
reals(struct sov_arena *a, uint64_t n, uint64_t each)
{
    uint64_t all;

    if (__builtin_mul_overflow(n, each, &all)) {
        a->overflow = true;
        return NULL;
    }
    return sov_arena_take(a, all, sizeof(sov_real));
}

/* All of it but x. */
static void
place_kept(const sov_trainee *t, struct sov_kept *k, struct sov_arena *a)
{
    const struct sov_shape *s = &t->shape;
    size_t n = sov_shape_unit(s), width = sov_shape_qkv(s);

    k->r1 = reals(a, n, 1);
    k->r2 = reals(a, n, 1);
    k->qkv = k->raw = reals(a, n, width);
    if (s->qk_norm) {
        k->raw = reals(a, n, width);
        k->r_heads = reals(a, n, s->n_head + s->n_head_kv);
    }
    k->o = reals(a, n, s->n_head * s->k_len);
    k->lse = reals(a, n, s->n_head);
    k->mid = reals(a, n, s->n_embd);
    k->g = reals(a, n, s->n_ff);
    k->u = reals(a, n, s->n_ff);
    k->a = reals(a, n, s->n_ff);
}

static void
place_layers(sov_trainee *t, struct sov_arena *a)
{
    const struct sov_shape *s = &t->shape;
    size_t n = sov_shape_unit(s);
    struct sov_kept shared = { 0 };

    t->layer = sov_arena_take(a, s->n_layer, sizeof(*t->layer));
    if (t->opts.recompute)
        place_kept(t, &shared, a);
    for (size_t i = 0; i < s->n_layer && !a->overflow; i++) {
        struct sov_kept kept = shared;

        if (!t->opts.recompute)
            place_kept(t, &kept, a);
        kept.x = reals(a, n, s->n_embd);
        if (t->layer != NULL)
            t->layer[i].kept = kept;
    }
}

static size_t
larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Numbers of a frozen matrix, or of what is decoded of it at a time. */
static uint64_t
largest_matrix(const struct sov_shape *s)
{
    size_t head = s->n_vocab < SOV_HEAD_ROWS ? s->n_vocab : SOV_HEAD_ROWS;

    return (uint64_t)s->n_embd *
           larger(larger(head, s->n_ff),
                  larger(sov_shape_qkv(s), s->n_head * s->k_len));
}

static uint64_t
frozen_gains(const struct sov_shape *s)
{
    uint64_t layer = 2 * s->n_embd;

    if (s->qkv_bias)
        layer += sov_shape_qkv(s);
    if (s->qk_norm)
        layer += 2 * s->k_len;
    layer += ((size_t)s->out_bias + (size_t)s->down_bias) * s->n_embd;
    return s->n_layer * layer + s->n_embd;
}

static void
place_adapter(sov_trainee *t, struct sov_arena *a)
{
    const struct sov_shape *s = &t->shape;

    t->base = reals(a, frozen_gains(s), 1);
    t->decoded = reals(a, largest_matrix(s), 1);
    t->low = reals(a, 4 * sov_shape_unit(s), t->opts.rank);
    t->spare =
        reals(a, larger(larger(s->n_embd, s->k_len), sov_shape_qkv(s)), 1);
    t->scaled = reals(a, t->count, 1);
}

static void
place(sov_trainee *t, struct sov_arena *a)
{
    const struct sov_shape *s = &t->shape;
    size_t n = sov_shape_unit(s);

    t->w = reals(a, t->count, 1);
    t->turn = reals(a, s->n_ctx, s->n_rot);
    t->place = sov_arena_take(a, n, sizeof(*t->place));
    place_layers(t, a);
    t->last = reals(a, n, s->n_embd);
    t->r_last = reals(a, n, 1);
    t->norm = reals(a, n, s->n_embd);
    t->part = reals(a, n, s->n_embd);
    t->dx = reals(a, n, s->n_embd);
    t->d_o = reals(a, n, s->n_head * s->k_len);
    t->d_qkv = reals(a, n, sov_shape_qkv(s));
    /* one line more, so that rows do not share places of the caches */
    t->z_stride = (s->n_vocab + 31) / 16 * 16;
    t->z = reals(a, SOV_SLAB, t->z_stride);
    if (t->opts.taught)
        t->teacher = reals(a, SOV_SLAB, t->z_stride);
    t->loss = sov_arena_take(a, SOV_SLAB, sizeof(*t->loss));
    t->ce = sov_arena_take(a, SOV_SLAB, sizeof(*t->ce));
    if (t->opts.n_match > 0) {
        t->seen = reals(a, SOV_SLAB, t->opts.match_width);
        t->shown = reals(a, SOV_SLAB, t->opts.match_width);
    }
    if (t->opts.rank > 0)
        place_adapter(t, a);
}

static void
fill_turns(const sov_trainee *t)
{
    const struct sov_shape *s = &t->shape;

    for (size_t i = 0; i < s->n_ctx; i++) {
        float turn[2 * SOV_PAIRS_MAX];

        sov_rope_turn(s->freq, s->n_rot, s->turn_size, (uint32_t)i, turn);
        for (size_t k = 0; k < s->n_rot; k++)
            t->turn[i * s->n_rot + k] = (sov_real)turn[k];
    }
}

/* ---- a trainee */

static uint64_t
count_bytes(sov_trainee *t)
{
    struct sov_arena counting = { 0 };
    uint64_t list = t->n_list * sizeof(*t->list) + sizeof(*t);

    place(t, &counting);
    if (counting.overflow || counting.used > SIZE_MAX - list)
        return 0;
    t->bytes = counting.used;
    return counting.used + list;
}

static int
allocate(sov_trainee *t, struct sov_err *err)
{
    struct sov_arena a = { 0 };

    if (count_bytes(t) == 0)
        return sov_mem_fail(err);
    t->memory = sov_mem_aligned((size_t)t->bytes, 1);
    if (t->memory == NULL)
        return sov_fail(err, SOV_EMEM,
                        "out of memory: %" PRIu64 " bytes to train with",
                        t->bytes);
    a.base = t->memory;
    place(t, &a);
    fill_turns(t);
    sov_guides_init(t);
    return 0;
}

int
sov_trainee_new(sov_trainee **out, const struct sov_shape *shape,
                const struct sov_trainee_opts *opts, struct sov_err *err)
{
    sov_trainee *t = sov_mem_array(1, sizeof(*t));
    int rc;

    *out = NULL;
    if (t == NULL)
        return sov_mem_fail(err);
    rc = describe(t, shape, opts, err);
    if (rc == 0)
        rc = allocate(t, err);
    if (rc == 0)
        rc = sov_trainee_bind(t, err);
    if (rc == 0)
        rc = sov_prim_open(&t->prim, opts->mul, err);
    if (rc < 0) {
        sov_trainee_free(t);
        return rc;
    }
    *out = t;
    return 0;
}

void
sov_trainee_free(sov_trainee *t)
{
    if (t == NULL)
        return;
    sov_prim_close(&t->prim);
    sov_mem_free_aligned(t->memory);
    free(t->list);
    free(t);
}

const struct sov_shape *
sov_trainee_shape(const sov_trainee *t)
{
    return &t->shape;
}

const struct sov_trainee_opts *
sov_trainee_opts(const sov_trainee *t)
{
    return &t->opts;
}

size_t
sov_trainee_tensors(const sov_trainee *t, const struct sov_weight **p)
{
    *p = t->list;
    return t->n_list;
}

uint64_t
sov_trainee_count(const sov_trainee *t)
{
    return t->count;
}

sov_real *
sov_trainee_weights(sov_trainee *t)
{
    return t->w;
}

uint64_t
sov_trainee_bytes(const struct sov_shape *shape,
                  const struct sov_trainee_opts *opts)
{
    sov_trainee t;
    uint64_t bytes = 0;

    if (describe(&t, shape, opts, NULL) == 0)
        bytes = count_bytes(&t);
    free(t.list);
    return bytes;
}

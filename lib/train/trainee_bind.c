/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trainee_bind.c - which weights a layer computes with: its own, or those of a
 * frozen model and the pairs of an adapter
 */
#include "train/trainee_in.h"

#include "base/limits.h"
#include "base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what an adapter changes */

static const struct target {
    const char *name;
    const char *tensor;
} targets[] = {
    { "q", "attn_q.weight" },      { "k", "attn_k.weight" },
    { "v", "attn_v.weight" },      { "o", "attn_output.weight" },
    { "gate", "ffn_gate.weight" }, { "up", "ffn_up.weight" },
    { "down", "ffn_down.weight" },
};

#define N_TARGETS (sizeof(targets) / sizeof(targets[0]))

enum { TO_Q, TO_K, TO_V, TO_OUT, TO_GATE, TO_UP, TO_DOWN };

struct size {
    size_t n_in, n_out;
};

static struct size
size_of(const struct sov_shape *s, size_t target)
{
    size_t q = s->n_head * s->k_len, kv = s->n_head_kv * s->k_len;
    const struct size all[N_TARGETS] = {
        [TO_Q] = { s->n_embd, q },          [TO_K] = { s->n_embd, kv },
        [TO_V] = { s->n_embd, kv },         [TO_OUT] = { q, s->n_embd },
        [TO_GATE] = { s->n_embd, s->n_ff }, [TO_UP] = { s->n_embd, s->n_ff },
        [TO_DOWN] = { s->n_ff, s->n_embd },
    };

    return all[target];
}

/* Is this one in the list of targets? */
static bool
is_target(const struct sov_trainee_opts *opts, size_t target)
{
    const char *name = targets[target].name;
    const char *at = opts->targets;

    if (opts->rank == 0 || at == NULL)
        return opts->rank > 0;
    while (*at != '\0') {
        size_t n = strcspn(at, ",");

        if (n == strlen(name) && memcmp(at, name, n) == 0)
            return true;
        at += n + (at[n] == ',');
    }
    return false;
}

static int
check_targets(const struct sov_trainee_opts *opts, struct sov_err *err)
{
    const char *at = opts->targets != NULL ? opts->targets : "q";
    size_t n;

    do {
        bool known = false;

        n = strcspn(at, ",");
        for (size_t i = 0; i < N_TARGETS; i++)
            known |= n == strlen(targets[i].name) &&
                     memcmp(at, targets[i].name, n) == 0;
        if (!known)
            return sov_fail(err, SOV_EARG,
                            "'%.*s' is none of q, k, v, o, gate, up, down",
                            (int)(n < 64 ? n : 64), at);
        at += n + 1;
    } while (at[-1] == ',');
    return 0;
}

int
sov_pairs_check(const struct sov_trainee_opts *opts, struct sov_err *err)
{
    if (opts->rank == 0)
        return 0;
    if (opts->rank > SOV_LORA_RANK_MAX)
        return sov_fail(err, SOV_EARG, "a rank of %zu, the limit is %" PRIu64,
                        opts->rank, SOV_LORA_RANK_MAX);
    if (!(opts->alpha > 0 && opts->alpha <= 1e6))
        return sov_fail(err, SOV_EARG, "an alpha of %g", opts->alpha);
    return check_targets(opts, err);
}

static uint64_t
line(uint64_t at)
{
    return (at + 15) / 16 * 16;
}

/* One of a pair, behind what there is. */
static void
add_thin(sov_trainee *t, size_t layer, const char *tensor, const char *suffix,
         uint64_t n_in, uint64_t n_out)
{
    struct sov_weight *w = &t->list[t->n_list++];

    snprintf(w->name, sizeof(w->name), "blk.%zu.%s%s", layer, tensor, suffix);
    w->n_in = n_in;
    w->n_out = n_out;
    w->at = t->count;
    w->matrix = true;
    t->count = line(t->count + n_in * n_out);
}

int
sov_pairs_list(sov_trainee *t, struct sov_err *err)
{
    const struct sov_shape *s = &t->shape;

    t->list = sov_mem_array(2 * N_TARGETS * s->n_layer, sizeof(*t->list));
    if (t->list == NULL)
        return sov_mem_fail(err);
    for (size_t i = 0; i < s->n_layer; i++)
        for (size_t k = 0; k < N_TARGETS; k++) {
            struct size size = size_of(s, k);

            if (!is_target(&t->opts, k))
                continue;
            add_thin(t, i, targets[k].tensor, ".lora_a", size.n_in,
                     t->opts.rank);
            add_thin(t, i, targets[k].tensor, ".lora_b", t->opts.rank,
                     size.n_out);
        }
    return 0;
}

/* ---- weights of the layers */

/* Those of the model that learns. */
static void
link_own(sov_trainee *t)
{
    const struct sov_shape *s = &t->shape;
    struct sov_shape_at at = sov_shape_places(s, NULL);
    size_t q = s->n_head * s->k_len;

#define GAINS(p) (struct sov_gains){ t->w + (p), (p) }
#define LINEAR(in, out, p)                                       \
    (struct sov_linear)                                          \
    {                                                            \
        .n_in = (in), .n_out = (out), .w = t->w + (p), .at = (p) \
    }
    t->embd = LINEAR(s->n_embd, s->n_vocab, at.embd);
    t->head = LINEAR(s->n_embd, s->n_vocab, s->tied ? at.embd : at.head);
    t->out_norm = GAINS(at.out_norm);
    for (size_t i = 0; i < s->n_layer; i++) {
        struct sov_learner *l = &t->layer[i];
        uint64_t d = i * at.layer_step;

        l->attn_norm = GAINS(at.layer0.attn_norm + d);
        l->ffn_norm = GAINS(at.layer0.ffn_norm + d);
        if (s->qkv_bias)
            l->bias = GAINS(at.layer0.bias + d);
        if (s->qk_norm) {
            l->q_norm = GAINS(at.layer0.q_norm + d);
            l->k_norm = GAINS(at.layer0.k_norm + d);
        }
        l->qkv = LINEAR(s->n_embd, sov_shape_qkv(s), at.layer0.q + d);
        l->out = LINEAR(q, s->n_embd, at.layer0.out + d);
        if (s->out_bias)
            l->out_bias = GAINS(at.layer0.out_bias + d);
        l->gate = LINEAR(s->n_embd, s->n_ff, at.layer0.gate + d);
        l->up = LINEAR(s->n_embd, s->n_ff, at.layer0.up + d);
        l->down = LINEAR(s->n_ff, s->n_embd, at.layer0.down + d);
        if (s->down_bias)
            l->down_bias = GAINS(at.layer0.down_bias + d);
    }
#undef GAINS
#undef LINEAR
}

/* Going through the frozen model in order. */
struct binder {
    sov_trainee *t;
    const struct sov_weight *list; /* of the model's tensors */
    size_t next;                   /* of them */
    sov_real *gains;               /* room for those that come */
    size_t pair;                   /* of t->list */
};

static const struct sov_tensor *
next_tensor(struct binder *b)
{
    const sov_model *model = b->t->opts.base;
    int64_t at = sov_model_find(model, b->list[b->next++].name);

    return at < 0 ? NULL : sov_model_at(model, (size_t)at);
}

/* n tensors as one vector. */
static struct sov_gains
bind_gains(struct binder *b, size_t n)
{
    struct sov_gains g = { b->gains, SOV_NO_PLACE };

    while (n-- > 0) {
        const struct sov_tensor *tensor = next_tensor(b);

        sov_trainee_decode(tensor, NULL, 0, 1, b->gains);
        b->gains += tensor->dim[0];
    }
    return g;
}

/* n matrices as one, from this target on. */
static struct sov_linear
bind_linear(struct binder *b, size_t target, size_t n)
{
    const sov_trainee *t = b->t;
    struct sov_linear l = { .n_in = size_of(&t->shape, target).n_in,
                            .at = SOV_NO_PLACE };

    for (size_t i = 0; i < n; i++) {
        size_t n_out = size_of(&t->shape, target + i).n_out;

        l.tensor[l.n_tensors++] = next_tensor(b);
        if (is_target(&t->opts, target + i)) {
            const struct sov_weight *w = &t->list[b->pair];

            l.pair[l.n_pairs++] = (struct sov_pair){
                .a = w[0].at,
                .b = w[1].at,
                .row = l.n_out,
                .n_out = n_out,
                .scaled = t->scaled + w[0].at,
            };
            b->pair += 2;
        }
        l.n_out += n_out;
    }
    return l;
}

static struct sov_linear
bind_tokens(struct binder *b)
{
    const struct sov_shape *s = &b->t->shape;

    return (struct sov_linear){ .n_in = s->n_embd,
                                .n_out = s->n_vocab,
                                .at = SOV_NO_PLACE,
                                .tensor = { next_tensor(b) },
                                .n_tensors = 1 };
}

/* In the order of sov_shape_places(). */
static void
bind_all(struct binder *b)
{
    sov_trainee *t = b->t;
    const struct sov_shape *s = &t->shape;

    t->embd = bind_tokens(b);
    for (size_t i = 0; i < s->n_layer; i++) {
        struct sov_learner *l = &t->layer[i];

        l->attn_norm = bind_gains(b, 1);
        l->qkv = bind_linear(b, TO_Q, 3);
        if (s->qkv_bias)
            l->bias = bind_gains(b, 3);
        l->out = bind_linear(b, TO_OUT, 1);
        if (s->out_bias)
            l->out_bias = bind_gains(b, 1);
        if (s->qk_norm) {
            l->q_norm = bind_gains(b, 1);
            l->k_norm = bind_gains(b, 1);
        }
        l->ffn_norm = bind_gains(b, 1);
        l->gate = bind_linear(b, TO_GATE, 1);
        l->up = bind_linear(b, TO_UP, 1);
        l->down = bind_linear(b, TO_DOWN, 1);
        if (s->down_bias)
            l->down_bias = bind_gains(b, 1);
    }
    t->out_norm = bind_gains(b, 1);
    t->head = s->tied ? t->embd : bind_tokens(b);
}

static int
link_base(sov_trainee *t, struct sov_err *err)
{
    struct sov_weight *list = NULL;
    struct binder b = { .t = t, .gains = t->base };
    size_t n = 0;
    int rc;

    if (t->opts.base == NULL)
        return sov_fail(err, SOV_EARG, "an adapter of no model");
    rc = sov_shape_weights(&t->shape, &list, &n, err);
    if (rc < 0)
        return rc;
    b.list = list;
    for (size_t i = 0; i < n && rc == 0; i++) {
        int64_t at = sov_model_find(t->opts.base, list[i].name);
        const struct sov_tensor *tensor;

        if (at < 0) {
            rc = sov_fail(err, SOV_EFORMAT, "tensor %s is missing",
                          list[i].name);
            break;
        }
        tensor = sov_model_at(t->opts.base, (size_t)at);
        rc = sov_weight_check(&list[i], tensor, err);
        if (rc == 0)
            rc = sov_trainee_decodes(tensor, err);
    }
    if (rc == 0)
        bind_all(&b);
    free(list);
    return rc;
}

int
sov_trainee_bind(sov_trainee *t, struct sov_err *err)
{
    if (t->opts.rank > 0)
        return link_base(t, err);
    link_own(t);
    return 0;
}

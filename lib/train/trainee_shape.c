/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trainee_shape.c - what can be trained, and where its numbers lie
 *
 * q, k and v of a layer lie one behind the other, and so do their biases: a
 * product makes all three.  Everything else begins on a cache line.
 */
#include "train/trainee_in.h"

#include "arch/arch.h"
#include "base/limits.h"
#include "base/mem.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE 16 /* numbers of a cache line */

/* Architectures whose layer is what layer.c computes. */
static const struct family {
    const struct sov_arch *arch;
    bool must_bias; /* of q, k, v; others may have them */
} families[] = {
    { &sov_arch_llama, false },
    { &sov_arch_mistral3, false },
    { &sov_arch_qwen2, true },
    { &sov_arch_qwen3, false },
};

static const struct family *
family_of(const char *name, size_t len)
{
    for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
        if (strlen(families[i].arch->name) == len &&
            memcmp(families[i].arch->name, name, len) == 0)
            return &families[i];
    return NULL;
}

static int
no_family(const char *name, size_t len, struct sov_err *err)
{
    return sov_fail(err, SOV_EUNSUP,
                    "the architecture '%.*s' cannot be trained; llama, "
                    "mistral3, qwen2 and qwen3 can",
                    (int)(len < 64 ? len : 64), name);
}

/* ---- tensors */

struct lister {
    struct sov_weight *list; /* or NULL */
    size_t n;
    uint64_t at;
    int64_t layer; /* or -1 */
};

enum what { VECTOR, MATRIX, EMBEDDING };

/* The next tensor, right behind the one before it; its place. */
static uint64_t
follow(struct lister *l, const char *name, uint64_t n_in, uint64_t n_out,
       enum what what)
{
    uint64_t at = l->at;
    struct sov_weight *w;

    if (l->list != NULL) {
        w = &l->list[l->n];
        *w = (struct sov_weight){ .n_in = n_in,
                                  .n_out = n_out,
                                  .at = at,
                                  .matrix = what != VECTOR,
                                  .embedding = what == EMBEDDING };
        if (l->layer < 0)
            snprintf(w->name, sizeof(w->name), "%s", name);
        else
            snprintf(w->name, sizeof(w->name), "blk.%" PRId64 ".%s", l->layer,
                     name);
    }
    l->n++;
    l->at += n_in * n_out;
    return at;
}

static uint64_t
line(uint64_t at)
{
    return (at + LINE - 1) / LINE * LINE;
}

static uint64_t
add(struct lister *l, const char *name, uint64_t n_in, uint64_t n_out,
    enum what what)
{
    l->at = line(l->at);
    return follow(l, name, n_in, n_out, what);
}

static struct sov_layer_at
add_layer(struct lister *l, const struct sov_shape *s)
{
    uint64_t e = s->n_embd, q = s->n_head * s->k_len;
    uint64_t kv = s->n_head_kv * s->k_len;
    struct sov_layer_at at;

    memset(&at, 0xff, sizeof(at));
    at.attn_norm = add(l, "attn_norm.weight", e, 1, VECTOR);
    at.q = add(l, "attn_q.weight", e, q, MATRIX);
    at.k = follow(l, "attn_k.weight", e, kv, MATRIX);
    at.v = follow(l, "attn_v.weight", e, kv, MATRIX);
    if (s->qkv_bias) {
        at.bias = add(l, "attn_q.bias", q, 1, VECTOR);
        follow(l, "attn_k.bias", kv, 1, VECTOR);
        follow(l, "attn_v.bias", kv, 1, VECTOR);
    }
    at.out = add(l, "attn_output.weight", q, e, MATRIX);
    if (s->out_bias)
        at.out_bias = add(l, "attn_output.bias", e, 1, VECTOR);
    if (s->qk_norm) {
        at.q_norm = add(l, "attn_q_norm.weight", s->k_len, 1, VECTOR);
        at.k_norm = add(l, "attn_k_norm.weight", s->k_len, 1, VECTOR);
    }
    at.ffn_norm = add(l, "ffn_norm.weight", e, 1, VECTOR);
    at.gate = add(l, "ffn_gate.weight", e, s->n_ff, MATRIX);
    at.up = add(l, "ffn_up.weight", e, s->n_ff, MATRIX);
    at.down = add(l, "ffn_down.weight", s->n_ff, e, MATRIX);
    if (s->down_bias)
        at.down_bias = add(l, "ffn_down.bias", e, 1, VECTOR);
    return at;
}

struct sov_shape_at
sov_shape_places(const struct sov_shape *s, struct sov_weight *list)
{
    struct lister l = { .list = list, .layer = -1 };
    struct sov_shape_at at = { .head = SOV_NO_PLACE };

    at.embd = add(&l, "token_embd.weight", s->n_embd, s->n_vocab, EMBEDDING);
    for (size_t i = 0; i < s->n_layer; i++) {
        struct sov_layer_at layer;
        uint64_t from = l.at = line(l.at);

        l.layer = (int64_t)i;
        layer = add_layer(&l, s);
        if (i == 0) {
            at.layer0 = layer;
            at.layer_step = line(l.at) - from;
        }
    }
    l.layer = -1;
    at.out_norm = add(&l, "output_norm.weight", s->n_embd, 1, VECTOR);
    if (!s->tied)
        at.head = add(&l, "output.weight", s->n_embd, s->n_vocab, EMBEDDING);
    at.count = line(l.at);
    at.n = l.n;
    return at;
}

int
sov_shape_weights(const struct sov_shape *shape, struct sov_weight **list,
                  size_t *n, struct sov_err *err)
{
    struct sov_shape_at at = sov_shape_places(shape, NULL);
    struct sov_weight *w = sov_mem_array(at.n, sizeof(*w));

    if (w == NULL)
        return sov_mem_fail(err);
    sov_shape_places(shape, w);
    *list = w;
    *n = at.n;
    return 0;
}

/* ---- is it one? */

/* The sizes, so that no product of them overflows. */
static int
check_sizes(const struct sov_shape *s, struct sov_err *err)
{
    const struct {
        const char *what;
        uint64_t n, max;
    } sizes[] = {
        { "layers", s->n_layer, SOV_LAYERS_MAX },
        { "width", s->n_embd, SOV_WIDTH_MAX },
        { "heads", s->n_head, SOV_HEADS_MAX },
        { "key heads", s->n_head_kv, SOV_HEADS_MAX },
        { "feed-forward", s->n_ff, SOV_WIDTH_MAX },
        { "vocabulary", s->n_vocab, SOV_VOCAB_MAX },
        { "context", s->n_ctx, SOV_CTX_MAX },
        { "head length", s->k_len, SOV_WIDTH_MAX },
    };

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        if (sizes[i].n < 1 || sizes[i].n > sizes[i].max)
            return sov_fail(err, SOV_EARG,
                            "a %s of %" PRIu64 ", not 1 to %" PRIu64,
                            sizes[i].what, sizes[i].n, sizes[i].max);
    if (s->n_head % s->n_head_kv != 0)
        return sov_fail(err, SOV_EARG, "%zu heads for %zu key heads", s->n_head,
                        s->n_head_kv);
    if (s->n_head > SOV_WIDTH_MAX / s->k_len)
        return sov_fail(err, SOV_EARG, "%zu heads of %zu", s->n_head, s->k_len);
    if (s->n_rot > s->k_len || s->n_rot % 2 != 0 ||
        s->n_rot > 2 * SOV_PAIRS_MAX)
        return sov_fail(err, SOV_EARG,
                        "%zu numbers of a head of %zu cannot be turned",
                        s->n_rot, s->k_len);
    if (!(s->eps > 0 && s->eps < 1))
        return sov_fail(err, SOV_EARG, "an epsilon of %g", s->eps);
    return 0;
}

static void
fill_in(struct sov_shape *s, const struct family *f)
{
    s->arch = f->arch->name;
    s->qk_norm = f->arch->qk_norm == SOV_QK_HEADS;
    s->qkv_bias |= f->must_bias;
    if (s->k_len == 0 && s->n_head > 0)
        s->k_len = s->n_embd / s->n_head;
    if (s->n_head_kv == 0)
        s->n_head_kv = s->n_head;
    if (s->n_rot == 0)
        s->n_rot = s->k_len;
    if (s->rope_base == 0)
        s->rope_base = 10000;
    if (s->eps == 0)
        s->eps = 1e-5;
}

int
sov_shape_check(struct sov_shape *s, struct sov_err *err)
{
    const struct family *f = family_of(s->arch, strlen(s->arch));
    int rc;

    if (f == NULL)
        return no_family(s->arch, strlen(s->arch), err);
    fill_in(s, f);
    rc = check_sizes(s, err);
    if (rc == 0 && !s->turned) {
        rc = sov_rope_freqs(s->freq, s->n_rot, s->rope_base, 1, NULL, err);
        s->turn_size = 1;
        s->turned = rc == 0;
    }
    return rc;
}

/* ---- of a model */

/* All layers are alike, and none of what layer.c does not know. */
static int
check_numbers(const struct sov_hparams *hp, const char *arch,
              struct sov_err *err)
{
    const char *what = NULL;

    for (uint32_t i = 0; i < hp->n_layer; i++)
        if (hp->n_head[i] != hp->n_head[0] || hp->n_kv[i] != hp->n_kv[0] ||
            hp->n_ff[i] != hp->n_ff[0] || hp->local[i] != hp->local[0])
            what = "layers that differ";
    if (hp->n_expert > 0)
        what = "experts";
    if (hp->v_len != hp->k_len)
        what = "values of another length than keys";
    if (hp->attn_cap != 0 || hp->logit_cap != 0)
        what = "limits of scores or logits";
    if (hp->attn_scale != 1.0f / sqrtf((float)hp->k_len))
        what = "an attention.scale of its own";
    if (hp->embd_scale != 1 || hp->residual_scale != 1 || hp->logit_scale != 1)
        what = "scales of embeddings, layers or logits";
    if (hp->temp_scale != 0)
        what = "an attention.temperature_scale";
    if (hp->fn != SOV_FN_SILU)
        what = "another activation than SiLU";
    if (hp->n_rot > 2 * SOV_PAIRS_MAX)
        what = "so long heads";
    if (what != NULL)
        return sov_fail(err, SOV_EUNSUP, "a %s with %s cannot be trained", arch,
                        what);
    return 0;
}

static const struct sov_tensor *
tensor_of(const sov_model *model, const char *name)
{
    int64_t i = sov_model_find(model, name);

    return i < 0 ? NULL : sov_model_at(model, (size_t)i);
}

static const char freqs[] = "rope_freqs.weight";

static int
read_turns(struct sov_shape *s, const struct sov_hparams *hp,
           const sov_model *model, struct sov_err *err)
{
    const struct sov_tensor *t = tensor_of(model, freqs);
    struct sov_rope_yarn yarn = { 1 / hp->rope_scale, hp->n_ctx_orig,
                                  hp->yarn_fast, hp->yarn_slow };
    float factor[SOV_PAIRS_MAX];
    int rc;

    if (t != NULL) {
        rc = sov_trainee_decodes(t, err);
        if (rc < 0)
            return rc;
        if (sov_tensor_count(t) != s->n_rot / 2)
            return sov_fail(err, SOV_EFORMAT,
                            "tensor %s has %" PRIu64 " numbers for %zu pairs",
                            freqs, sov_tensor_count(t), s->n_rot / 2);
        sov_kern()->decode[t->type](t->data, factor, s->n_rot / 2);
    }
    rc = sov_rope_freqs(s->freq, s->n_rot, hp->rope_base, hp->rope_scale,
                        t != NULL ? factor : NULL, err);
    if (rc == 0 && hp->rope_yarn)
        rc = sov_rope_yarn(s->freq, s->n_rot, hp->rope_base, &yarn, err);
    s->turn_size = hp->rope_size;
    s->turned = true;
    return rc;
}

static int
find_weight(const void *key, const void *item)
{
    return strcmp(key, ((const struct sov_weight *)item)->name);
}

static int
by_name(const void *a, const void *b)
{
    return strcmp(((const struct sov_weight *)a)->name,
                  ((const struct sov_weight *)b)->name);
}

int
sov_weight_check(const struct sov_weight *w, const struct sov_tensor *t,
                 struct sov_err *err)
{
    if (t->dim[0] != w->n_in || sov_tensor_rows(t) != w->n_out)
        return sov_fail(err, SOV_EFORMAT,
                        "tensor %s is %" PRIu64 " x %" PRIu64 ", not %" PRIu64
                        " x %" PRIu64,
                        t->name, t->dim[0], sov_tensor_rows(t), w->n_in,
                        w->n_out);
    return 0;
}

/* Every tensor of the model is one of ours, and none is missing. */
static int
check_tensors(const struct sov_shape *s, const sov_model *model,
              struct sov_err *err)
{
    struct sov_weight *list = NULL;
    size_t n = 0, found = 0;
    int rc = sov_shape_weights(s, &list, &n, err);

    if (rc < 0)
        return rc;
    qsort(list, n, sizeof(*list), by_name);
    for (size_t i = 0; i < sov_model_count(model) && rc == 0; i++) {
        const struct sov_tensor *t = sov_model_at(model, i);
        const struct sov_weight *w =
            bsearch(t->name, list, n, sizeof(*list), find_weight);

        if (w != NULL)
            rc = sov_weight_check(w, t, err);
        else if (strcmp(t->name, freqs) != 0)
            rc = sov_fail(err, SOV_EUNSUP,
                          "tensor %s is of no kind that can be trained",
                          t->name);
        found += w != NULL;
    }
    for (size_t i = 0; i < n && rc == 0 && found < n; i++)
        if (sov_model_find(model, list[i].name) < 0)
            rc = sov_fail(err, SOV_EFORMAT, "tensor %s is missing",
                          list[i].name);
    free(list);
    return rc;
}

static int
take_numbers(struct sov_shape *s, const struct sov_hparams *hp,
             const sov_model *model, struct sov_err *err)
{
    const struct sov_tensor *embd = tensor_of(model, "token_embd.weight");

    if (embd == NULL)
        return sov_fail(err, SOV_EFORMAT,
                        "tensor token_embd.weight is missing");
    s->n_layer = hp->n_layer;
    s->n_embd = hp->n_embd;
    s->n_head = hp->n_head[0];
    s->n_head_kv = hp->n_kv[0];
    s->n_ff = hp->n_ff[0];
    s->n_vocab = sov_tensor_rows(embd);
    s->k_len = hp->k_len;
    s->n_rot = hp->n_rot;
    s->n_ctx = hp->n_ctx;
    s->window = hp->local[0] ? hp->window : 0;
    s->rope_base = hp->rope_base;
    s->eps = (double)hp->norm_eps;
    s->qkv_bias = sov_model_find(model, "blk.0.attn_q.bias") >= 0;
    s->out_bias = sov_model_find(model, "blk.0.attn_output.bias") >= 0;
    s->down_bias = sov_model_find(model, "blk.0.ffn_down.bias") >= 0;
    s->tied = sov_model_find(model, "output.weight") < 0;
    return read_turns(s, hp, model, err);
}

int
sov_shape_of(struct sov_shape *shape, const sov_model *model,
             struct sov_err *err)
{
    struct sov_span name = { (const unsigned char *)"", 0 };
    struct sov_hparams hp;
    struct sov_shape s = { 0 };
    const struct family *f;
    int rc =
        sov_meta_str(sov_model_meta(model), "general.architecture", &name, err);

    if (rc < 0)
        return rc;
    f = family_of((const char *)name.p, name.len);
    if (f == NULL)
        return no_family((const char *)name.p, name.len, err);
    s.arch = f->arch->name;
    rc = sov_hparams_read(&hp, sov_model_meta(model), f->arch, err);
    if (rc < 0)
        return rc;
    rc = check_numbers(&hp, s.arch, err);
    if (rc == 0)
        rc = take_numbers(&s, &hp, model, err);
    if (rc == 0)
        rc = sov_shape_check(&s, err);
    if (rc == 0)
        rc = check_tensors(&s, model, err);
    sov_hparams_done(&hp);
    if (rc == 0)
        *shape = s;
    return rc;
}

/* ---- what follows from it */

size_t
sov_shape_qkv(const struct sov_shape *s)
{
    return (s->n_head + 2 * s->n_head_kv) * s->k_len;
}

enum sov_rope_pairs
sov_shape_pairs(const struct sov_shape *s)
{
    return family_of(s->arch, strlen(s->arch))->arch->rope;
}

size_t
sov_shape_unit(const struct sov_shape *s)
{
    return s->n_ctx < SOV_UNIT_TOKENS ? SOV_UNIT_TOKENS / s->n_ctx * s->n_ctx
                                      : s->n_ctx;
}

/* Weights of all layers, each of which a token is multiplied with. */
static double
body_of(const struct sov_shape *s)
{
    double e = (double)s->n_embd, q = (double)(s->n_head * s->k_len);

    return (double)s->n_layer *
           (e * (double)sov_shape_qkv(s) + q * e + 3 * e * (double)s->n_ff);
}

/* Products with keys and with values, for a token in the middle. */
static double
attention_of(const struct sov_shape *s)
{
    double seen = ((double)s->n_ctx + 1) / 2;

    return (double)s->n_layer * 2 * (double)(s->n_head * s->k_len) * seen;
}

double
sov_trainee_forward(const struct sov_shape *s)
{
    double head = (double)s->n_embd * (double)s->n_vocab;

    return 2 * (body_of(s) + attention_of(s) + head);
}

double
sov_trainee_flops(const struct sov_shape *s,
                  const struct sov_trainee_opts *opts, uint64_t count)
{
    double forward = sov_trainee_forward(s);
    double inputs = forward; /* gradients of what goes in; of attention both
                                factors are such */
    double weights = forward - 2 * attention_of(s);
    double all = forward + inputs + 2 * attention_of(s);

    all += opts->rank > 0 ? 6 * (double)count : weights;
    return all + (opts->recompute ? 2 * (body_of(s) + attention_of(s)) : 0);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trim.c - a model without some of its layers, channels, heads or tokens
 */
#include "prune/trim.h"
#include "prune/turn.h"

#include "base/limits.h"
#include "base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- lists ---- */

bool
sov_trim_less(const struct sov_trim_list *l)
{
    return l->n < l->of;
}

bool
sov_trim_has(const struct sov_trim_list *l, size_t i)
{
    size_t from = 0, to = l->n;

    if (l->id == NULL)
        return i < l->of;
    while (from < to) {
        size_t at = from + (to - from) / 2;

        if (l->id[at] == i)
            return true;
        if (l->id[at] < i)
            from = at + 1;
        else
            to = at;
    }
    return false;
}

int
sov_trim_keep(struct sov_trim_list *l, const uint32_t *id, size_t n,
              struct sov_err *err)
{
    uint32_t *copy;

    if (n == 0)
        return sov_fail(err, SOV_EARG, "nothing would stay");
    for (size_t i = 0; i < n; i++)
        if (id[i] >= l->of || (i > 0 && id[i] <= id[i - 1]))
            return sov_fail(err, SOV_EARG,
                            "number %" PRIu32 " is out of order, or not below "
                            "%zu",
                            id[i], l->of);
    copy = sov_mem_array(n, sizeof(*copy));
    if (copy == NULL)
        return sov_mem_fail(err);
    memcpy(copy, id, n * sizeof(*copy));
    free(l->id);
    l->id = copy;
    l->n = n;
    return 0;
}

struct scored {
    double score;
    uint32_t id;
};

static int
better_first(const void *a, const void *b)
{
    const struct scored *x = a, *y = b;

    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

static int
by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

int
sov_trim_best(struct sov_trim_list *l, const double *score, size_t n,
              struct sov_err *err)
{
    struct scored *s = sov_mem_array(l->of, sizeof(*s));
    uint32_t *id = sov_mem_array(l->of, sizeof(*id));
    int rc = s == NULL || id == NULL ? sov_mem_fail(err) : 0;

    for (size_t i = 0; i < l->of && rc == 0; i++)
        s[i] = (struct scored){ score[i], (uint32_t)i };
    if (rc == 0) {
        qsort(s, l->of, sizeof(*s), better_first);
        for (size_t i = 0; i < n && i < l->of; i++)
            id[i] = s[i].id;
        qsort(id, n, sizeof(*id), by_number);
        rc = sov_trim_keep(l, id, n, err);
    }
    free(id);
    free(s);
    return rc;
}

/* ---- what tensors are ---- */

struct axes {
    const char *name;
    bool in_layer;
    bool both; /* weight and bias */
    enum sov_trim_axis axis[3];
};

#define AXES(name, a, b, c) \
    { name, false, false, { SOV_AXIS_##a, SOV_AXIS_##b, SOV_AXIS_##c } },
#define LAYER(name, a, b, c) \
    { name, true, false, { SOV_AXIS_##a, SOV_AXIS_##b, SOV_AXIS_##c } },
#define VEC(name, a) \
    { name, false, true, { SOV_AXIS_##a, SOV_AXIS_ALL, SOV_AXIS_ALL } },
#define LAYER_VEC(name, a) \
    { name, true, true, { SOV_AXIS_##a, SOV_AXIS_ALL, SOV_AXIS_ALL } },
static const struct axes table[] = {
#include "prune/axes.def"
};
#undef AXES
#undef LAYER
#undef VEC
#undef LAYER_VEC

/* The name behind "blk.N.", and N; SIZE_MAX: it is of no layer. */
static const char *
in_layer(const char *name, size_t *layer)
{
    unsigned long long n;
    char *end;

    *layer = SIZE_MAX;
    if (strncmp(name, "blk.", 4) != 0 || name[4] < '0' || name[4] > '9')
        return name;
    n = strtoull(name + 4, &end, 10);
    if (*end != '.' || n >= SOV_LAYERS_MAX)
        return name;
    *layer = (size_t)n;
    return end + 1;
}

static bool
is_called(const struct axes *a, const char *name)
{
    size_t len = strlen(a->name);

    if (strncmp(name, a->name, len) != 0)
        return false;
    name += len;
    return strcmp(name, ".weight") == 0 ||
           (a->both && strcmp(name, ".bias") == 0) ||
           (*name == '\0' && strchr(a->name, '.') != NULL);
}

bool
sov_trim_axes(const char *name, enum sov_trim_axis axis[3], size_t *layer)
{
    const char *part = in_layer(name, layer);

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (table[i].in_layer == (*layer != SIZE_MAX) &&
            is_called(&table[i], part)) {
            memcpy(axis, table[i].axis, sizeof(table[i].axis));
            return true;
        }
    return false;
}

/* The list that an axis follows, NULL: none; each of it is `*each` numbers. */
static const struct sov_trim_list *
list_of(const struct sov_trim *c, enum sov_trim_axis axis, size_t layer,
        uint64_t *each)
{
    const struct sov_hparams *hp = &c->hp;
    bool whole = c->arch->qk_norm == SOV_QK_WHOLE;
    const struct sov_trim_layer *l;
    uint64_t group;

    *each = 1;
    if (axis == SOV_AXIS_EMBD)
        return &c->embd;
    if (axis == SOV_AXIS_VOCAB)
        return &c->vocab;
    if (axis == SOV_AXIS_ALL || layer >= hp->n_layer)
        return NULL;
    l = &c->of[layer];
    if (axis == SOV_AXIS_EXPERT)
        return &l->expert;
    if (axis == SOV_AXIS_FFN || axis == SOV_AXIS_UP)
        return &l->ffn;
    if ((axis == SOV_AXIS_QN || axis == SOV_AXIS_KN) && !whole)
        return NULL;
    group = hp->n_head[layer] / hp->n_kv[layer];
    *each = axis == SOV_AXIS_Q || axis == SOV_AXIS_QN   ? group * hp->k_len
            : axis == SOV_AXIS_O                        ? group * hp->v_len
            : axis == SOV_AXIS_K || axis == SOV_AXIS_KN ? hp->k_len
            : axis == SOV_AXIS_V                        ? hp->v_len
            : axis == SOV_AXIS_HEADS
                ? group
                : group * hp->k_len + hp->k_len + hp->v_len;
    return &l->kv;
}

size_t
sov_trim_count(const struct sov_trim *c, enum sov_trim_axis axis, size_t layer,
               uint64_t of)
{
    const struct sov_trim_list *l;
    uint64_t each;

    l = list_of(c, axis, layer, &each);
    if (axis == SOV_AXIS_UP && c->arch->gate_in_up)
        each = 2;
    return (size_t)(l != NULL ? l->n * each : of);
}

/* Each thing of a list as `each` numbers, the first behind `base`. */
static uint64_t *
spread(const struct sov_trim_list *l, uint64_t base, uint64_t each,
       uint64_t *to)
{
    for (size_t i = 0; i < l->n; i++)
        for (uint64_t j = 0; j < each; j++)
            *to++ = base + (l->id != NULL ? l->id[i] : i) * each + j;
    return to;
}

int
sov_trim_numbers(const struct sov_trim *c, enum sov_trim_axis axis,
                 size_t layer, uint64_t of, uint64_t **id, struct sov_err *err)
{
    const struct sov_hparams *hp = &c->hp;
    const struct sov_trim_list *l;
    uint64_t each, *to;

    *id = NULL;
    l = list_of(c, axis, layer, &each);
    if (l == NULL || !sov_trim_less(l))
        return 0;
    to = sov_mem_array(sov_trim_count(c, axis, layer, of), sizeof(*to));
    if (to == NULL)
        return sov_mem_fail(err);
    *id = to;
    if (axis == SOV_AXIS_QKV) {
        uint64_t n = hp->n_kv[layer];
        uint64_t group = hp->n_head[layer] / n;

        to = spread(l, 0, group * hp->k_len, to);
        to = spread(l, n * group * hp->k_len, hp->k_len, to);
        spread(l, n * (group + 1) * hp->k_len, hp->v_len, to);
        return 0;
    }
    to = spread(l, 0, each, to);
    if (axis == SOV_AXIS_UP && c->arch->gate_in_up)
        spread(l, l->of, each, to);
    return 0;
}

/* ---- a cut ---- */

static struct sov_trim_list
all_of(size_t n)
{
    return (struct sov_trim_list){ NULL, n, n };
}

static int
count_tokens(struct sov_trim *c, struct sov_err *err)
{
    const struct sov_kv *merges =
        sov_meta_find(sov_model_meta(c->model), "tokenizer.ggml.merges");
    int64_t i = sov_model_find(c->model, "token_embd.weight");
    uint64_t n = i < 0 ? 0 : sov_model_at(c->model, (size_t)i)->dim[1];

    if (n < 1 || n > SOV_VOCAB_MAX)
        return sov_fail(err, SOV_EFORMAT, "a vocabulary of %" PRIu64 " tokens",
                        n);
    c->vocab = all_of((size_t)n);
    if (merges != NULL && merges->type == SOV_V_ARR)
        c->merge = all_of((size_t)merges->n);
    return 0;
}

/* The sides of all tensors are what the metadata say. */
static int
check_tensor(const struct sov_trim *c, const struct sov_tensor *t,
             struct sov_err *err)
{
    enum sov_trim_axis axis[3];
    size_t layer;

    if (!sov_trim_axes(t->name, axis, &layer))
        return 0;
    for (int k = 0; k < 3; k++) {
        uint64_t n = sov_trim_count(c, axis[k], layer, t->dim[k]);

        if (t->dim[k] != n || (layer != SIZE_MAX && layer >= c->hp.n_layer))
            return sov_fail(err, SOV_EFORMAT,
                            "tensor %s: %" PRIu64 " where the metadata say "
                            "%" PRIu64,
                            t->name, t->dim[k], n);
    }
    return 0;
}

static int
make(struct sov_trim *c, struct sov_err *err)
{
    int rc = sov_arch_find(&c->arch, sov_model_meta(c->model), err);

    if (rc == 0)
        rc = sov_hparams_read(&c->hp, sov_model_meta(c->model), c->arch, err);
    if (rc == 0)
        rc = count_tokens(c, err);
    if (rc < 0)
        return rc;
    c->layer = all_of(c->hp.n_layer);
    c->embd = all_of(c->hp.n_embd);
    c->of = sov_mem_array(c->hp.n_layer, sizeof(*c->of));
    if (c->of == NULL)
        return sov_mem_fail(err);
    for (size_t i = 0; i < c->hp.n_layer; i++)
        c->of[i] = (struct sov_trim_layer){
            .ffn = all_of(c->hp.n_ff[i]),
            .kv = all_of(c->hp.n_kv[i]),
            .expert = all_of(c->hp.n_expert),
        };
    for (size_t i = 0; i < sov_model_count(c->model) && rc == 0; i++)
        rc = check_tensor(c, sov_model_at(c->model, i), err);
    return rc;
}

int
sov_trim_new(struct sov_trim **cut, sov_model *model, struct sov_err *err)
{
    struct sov_trim *c = sov_mem_array(1, sizeof(*c));
    int rc;

    *cut = NULL;
    if (c == NULL)
        return sov_mem_fail(err);
    c->model = model;
    c->gain = 1;
    rc = make(c, err);
    if (rc < 0) {
        sov_trim_free(c);
        return rc;
    }
    *cut = c;
    return 0;
}

void
sov_trim_free(struct sov_trim *c)
{
    if (c == NULL)
        return;
    for (size_t i = 0; c->of != NULL && i < c->hp.n_layer; i++) {
        free(c->of[i].ffn.id);
        free(c->of[i].kv.id);
        free(c->of[i].expert.id);
    }
    for (size_t i = 0; i < c->n_own; i++) {
        free(c->own[i].name);
        free(c->own[i].x);
    }
    free(c->own);
    free(c->of);
    free(c->layer.id);
    free(c->embd.id);
    free(c->vocab.id);
    free(c->merge.id);
    free(c->item);
    sov_turn_free(c->turn);
    sov_hparams_done(&c->hp);
    free(c);
}

int
sov_trim_make(struct sov_trim *c, const char *name, size_t behind,
              const float *x, size_t n, struct sov_err *err)
{
    struct sov_trim_own *own;

    if (sov_mem_grow((void **)&c->own, c->n_own, &c->cap_own, sizeof(*own),
                     err) < 0)
        return SOV_EMEM;
    own = &c->own[c->n_own];
    *own = (struct sov_trim_own){
        .name = sov_mem_dup(name, strlen(name)),
        .behind = behind,
        .x = sov_mem_array(n, sizeof(*x)),
        .n = n,
    };
    c->n_own++;
    if (own->name == NULL || own->x == NULL)
        return sov_mem_fail(err);
    memcpy(own->x, x, n * sizeof(*x));
    return 0;
}

size_t
sov_trim_step(const struct sov_trim *c)
{
    const struct sov_kv *kv = sov_meta_arch_find(
        sov_model_meta(c->model), "attention.sliding_window_pattern");
    bool some = false, others = false;

    for (size_t i = 0; i < c->hp.n_layer; i++) {
        some |= c->hp.local[i];
        others |= !c->hp.local[i];
    }
    if (!some || !others || (kv != NULL && kv->type == SOV_V_ARR))
        return 1;
    if (kv != NULL && sov_kv_int(kv, 0) > 0)
        return (size_t)sov_kv_int(kv, 0);
    return c->arch->window_pattern > 0 ? c->arch->window_pattern : 1;
}

bool
sov_trim_may_bias(const struct sov_trim *c, const char *name)
{
    /* these read the biases of all matrices, if they are there */
    static const char *const archs[] = { "llama", "mistral3", "granite" };
    bool known =
        strcmp(name, "ffn_down") == 0 || strcmp(name, "attn_output") == 0;

    for (size_t i = 0; i < sizeof(archs) / sizeof(archs[0]) && known; i++)
        if (strcmp(c->arch->name, archs[i]) == 0)
            return true;
    return false;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * export_family.c - the tables of import_family.h, read the other way
 *
 * What comes of it is judged by an import (export.c), so that nothing here has
 * to be sure that a model is one of the family.
 */
#include "arch/import_family.h"

#include "base/limits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- numbers */

static int
read_counts(const struct sov_export *x, const struct sov_family *family,
            struct sov_shape *s, struct sov_err *err)
{
    const struct {
        const char *key;
        uint64_t *v;
        uint64_t max;
    } counts[] = {
        { "context_length", &s->ctx, SOV_CTX_MAX },
        { "embedding_length", &s->width, SOV_WIDTH_MAX },
        { "block_count", &s->layers, SOV_LAYERS_MAX },
        { "feed_forward_length", &s->ffn, SOV_WIDTH_MAX },
        { "attention.head_count", &s->heads, SOV_HEADS_MAX },
        { "expert_count", &s->experts, SOV_EXPERTS_MAX },
        { "expert_used_count", &s->experts_used, SOV_EXPERTS_MAX },
    };
    size_t n = sizeof(counts) / sizeof(*counts) - (family->experts ? 0 : 2);
    int rc = 0;

    for (size_t i = 0; i < n && rc == 0; i++) {
        rc = sov_export_count(x, s->arch, counts[i].key, true, counts[i].v,
                              err);
        if (rc == 0 && (*counts[i].v < 1 || *counts[i].v > counts[i].max))
            rc = sov_fail(err, SOV_EFORMAT, "the key %s.%s is %llu", s->arch,
                          counts[i].key, (unsigned long long)*counts[i].v);
    }
    return rc;
}

static int
read_heads(const struct sov_export *x, struct sov_shape *s, struct sov_err *err)
{
    int rc;

    s->kv_heads = s->heads;
    s->head_dim = s->width / s->heads;
    rc = sov_export_count(x, s->arch, "attention.head_count_kv", false,
                          &s->kv_heads, err);
    if (rc == 0)
        rc = sov_export_count(x, s->arch, "attention.key_length", false,
                              &s->head_dim, err);
    s->rotary = s->head_dim;
    if (rc == 0)
        rc = sov_export_count(x, s->arch, "rope.dimension_count", false,
                              &s->rotary, err);
    if (rc == 0 &&
        (s->kv_heads < 1 || s->kv_heads > s->heads || s->head_dim < 2 ||
         s->head_dim > SOV_WIDTH_MAX / s->heads || s->rotary < 2))
        rc = sov_fail(err, SOV_EFORMAT, "the numbers of heads make no sense");
    return rc;
}

static uint64_t
rows_of(const struct sov_export *x, const char *name)
{
    int64_t at = sov_model_find(x->model, name);

    return at < 0 ? 0 : sov_model_at(x->model, (size_t)at)->dim[1];
}

static int
read_shape(const struct sov_export *x, const struct sov_family *family,
           struct sov_shape *s, struct sov_err *err)
{
    int rc;

    *s = (struct sov_shape){ .arch = family->arch, .rope_base = 10000 };
    rc = read_counts(x, family, s, err);
    s->expert_ffn = s->ffn;
    if (rc == 0 && family->expert_ffn != NULL)
        rc = sov_export_count(x, s->arch, "expert_feed_forward_length", true,
                              &s->expert_ffn, err);
    if (rc == 0)
        rc = read_heads(x, s, err);
    if (rc == 0)
        rc = sov_export_real(x, s->arch, family->eps_key, true, &s->eps, err);
    if (rc == 0)
        rc = sov_export_real(x, s->arch, "rope.freq_base", false, &s->rope_base,
                             err);
    s->vocab = rows_of(x, "token_embd.weight");
    s->kinds = rows_of(x, "token_types.weight");
    s->tied = sov_model_find(x->model, SOV_HEAD) < 0;
    if (rc == 0 && s->vocab == 0)
        rc = sov_fail(err, SOV_EUNSUP, "there is no token_embd.weight");
    return rc;
}

/* ---- config.json */

/* What this family calls a member. */
static const char *
name_of(const struct sov_family *family, const char *ours)
{
    for (const struct sov_alias *a = family->alias;
         a != NULL && a->theirs != NULL; a++)
        if (!a->old && strcmp(a->ours, ours) == 0)
            return a->theirs;
    return ours;
}

static int
put_counts(struct sov_export *x, const struct sov_family *family,
           const struct sov_shape *s, struct sov_err *err)
{
    bool groups = !family->no_groups && !family->own_groups;
    const struct {
        const char *name;
        uint64_t v;
        bool there;
    } counts[] = {
        { "hidden_size", s->width, true },
        { "intermediate_size", s->ffn, true },
        { "num_hidden_layers", s->layers, true },
        { "num_attention_heads", s->heads, true },
        { "num_key_value_heads", s->kv_heads, groups },
        { "head_dim", s->head_dim, groups },
        { "vocab_size", s->vocab, true },
        { "max_position_embeddings", s->ctx, true },
        { "type_vocab_size", s->kinds, family->encoder },
        { "num_local_experts", s->experts, family->experts },
        { "num_experts_per_tok", s->experts_used, family->experts },
        { family->expert_ffn, s->expert_ffn, family->expert_ffn != NULL },
    };
    int rc = 0;

    for (size_t i = 0; i < sizeof(counts) / sizeof(*counts) && rc == 0; i++)
        if (counts[i].there)
            rc = sov_export_set(x, name_of(family, counts[i].name),
                                json_integer((json_int_t)counts[i].v), err);
    return rc;
}

/* The first of values that a member may have; "": it should not be there. */
static json_t *
first_value(const char *values)
{
    size_t len = strcspn(values, "|");

    if (len == 4 && strncmp(values, "true", len) == 0)
        return json_true();
    if (len == 5 && strncmp(values, "false", len) == 0)
        return json_false();
    if (values[0] >= '0' && values[0] <= '9')
        return json_integer(strtol(values, NULL, 10));
    return json_stringn(values, len);
}

static int
put_only(struct sov_export *x, const struct sov_family *family,
         struct sov_err *err)
{
    int rc = 0;

    for (const struct sov_only *o = family->only;
         o != NULL && o->name != NULL && rc == 0; o++)
        if (o->values[0] != '\0')
            rc = sov_export_set(x, o->name, first_value(o->values), err);
    return rc;
}

/* A key that an import would make all the same must be there. */
static int
put_members(struct sov_export *x, const struct sov_family *family,
            struct sov_err *err)
{
    int rc = 0;

    for (const struct sov_member *m = family->member;
         m != NULL && m->name != NULL && rc == 0; m++) {
        uint64_t whole = 0;
        double v = 0;

        if (m->kind == 'u')
            rc = sov_export_count(x, family->arch, m->key, m->preset > 0,
                                  &whole, err);
        else
            rc = sov_export_real(x, family->arch, m->key, m->preset > 0, &v,
                                 err);
        if (rc == 0 && whole > 0)
            rc = sov_export_set(x, m->name, json_integer((json_int_t)whole),
                                err);
        else if (rc == 0 && (v > 0 || v < 0))
            rc = sov_export_set(x, m->name, sov_export_float(v), err);
    }
    return rc;
}

static const char *
dtype(enum sov_type type)
{
    if (type == SOV_TYPE_F16)
        return "float16";
    return type == SOV_TYPE_BF16 ? "bfloat16" : "float32";
}

static int
put_names(struct sov_export *x, const struct sov_family *family,
          struct sov_err *err)
{
    const char *act =
        family->act_name != NULL ? family->act_name : "hidden_act";
    int rc = sov_export_set(x, "architectures", json_pack("[s]", family->class),
                            err);

    if (rc == 0)
        rc = sov_export_set(x, "model_type", json_string(family->type), err);
    if (rc == 0)
        rc = sov_export_set(x, act, json_string(family->act[0]), err);
    if (rc == 0)
        rc = sov_export_set(x, "torch_dtype", json_string(dtype(x->type)), err);
    if (rc == 0 && !family->encoder)
        rc = sov_export_set(x, "use_cache", json_true(), err);
    return rc;
}

/* The part of a head that turns: a number that gives it when it is cut. */
static json_t *
part_of(uint64_t rotary, uint64_t head_dim)
{
    char text[40];
    double part;

    snprintf(text, sizeof(text), "%.9g", (double)rotary / (double)head_dim);
    part = strtod(text, NULL);
    if ((uint64_t)((double)head_dim * part) < rotary)
        part = ((double)rotary + 0.001) / (double)head_dim;
    return json_real(part);
}

static int
put_turns(struct sov_export *x, const struct sov_family *family,
          const struct sov_shape *s, struct sov_err *err)
{
    int rc = sov_export_set(x, name_of(family, "rope_theta"),
                            sov_export_float(s->rope_base), err);

    if (rc == 0 && s->rotary < s->head_dim)
        rc = sov_export_set(x, "partial_rotary_factor",
                            part_of(s->rotary, s->head_dim), err);
    return rc < 0 || family->encoder ? rc : sov_export_rope(x, s, err);
}

/* How states become one embedding stands in a folder within the folder. */
static int
check_pooling(const struct sov_export *x, const struct sov_shape *s,
              struct sov_err *err)
{
    uint64_t pool = 0;
    int rc = sov_export_count(x, s->arch, "pooling_type", false, &pool, err);

    if (rc == 0 && pool > 1) /* the mean is what is meant without a word */
        rc = sov_fail(err, SOV_EUNSUP,
                      "the key %s.pooling_type is %llu, which would have to "
                      "stand in 1_Pooling/config.json; folders in folders are "
                      "not written",
                      s->arch, (unsigned long long)pool);
    return rc;
}

static int
put_config(struct sov_export *x, const struct sov_family *family,
           const struct sov_shape *s, struct sov_err *err)
{
    int rc = put_names(x, family, err);

    if (rc == 0)
        rc = put_counts(x, family, s, err);
    if (rc == 0)
        rc = sov_export_set(x, family->eps, sov_export_float(s->eps), err);
    if (rc == 0 && !family->encoder)
        rc = sov_export_set(x, "tie_word_embeddings", json_boolean(s->tied),
                            err);
    if (rc == 0)
        rc = put_only(x, family, err);
    if (rc == 0)
        rc = put_members(x, family, err);
    if (rc == 0 && !family->no_turns)
        rc = put_turns(x, family, s, err);
    return rc < 0 || family->back == NULL ? rc : family->back(x, s, err);
}

/* ---- tensors */

/* "blk.3.attn_q.weight": 3, and where the rest is; NULL: none. */
static const char *
layer_of(const char *name, unsigned *layer)
{
    unsigned long v;
    char *end;

    if (strncmp(name, "blk.", 4) != 0 || name[4] < '0' || name[4] > '9')
        return NULL;
    v = strtoul(name + 4, &end, 10);
    if (*end != '.' || v >= SOV_LAYERS_MAX)
        return NULL;
    *layer = (unsigned)v;
    return end + 1;
}

static const struct sov_part *
find_part(const struct sov_part *part, size_t n, const char *to)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(part[i].to, to) == 0)
            return &part[i];
    return NULL;
}

static int
put_tensor(struct sov_export *x, const struct sov_family *family,
           const struct sov_shape *s, size_t i, struct sov_err *err)
{
    const char *to = sov_model_at(x->model, i)->name;
    const char *layers =
        family->layers != NULL ? family->layers : "model.layers.";
    const struct sov_part *p;
    struct sov_order order;
    unsigned layer = 0;
    const char *rest = layer_of(to, &layer);
    char name[160];
    size_t n;

    if (rest != NULL && family->layer_back != NULL) {
        int rc = family->layer_back(x, i, layer, rest, err);

        if (rc != 1)
            return rc;
    }
    if (rest != NULL) {
        p = find_part(family->part, family->n_parts, rest);
    } else {
        p = sov_family_ends(family, &n);
        p = find_part(p, n, to);
    }
    if (p == NULL)
        return sov_fail(err, SOV_EUNSUP,
                        "tensor %.80s has no place in a Hugging Face folder",
                        to);
    if (rest != NULL)
        snprintf(name, sizeof(name), "%s%u.%s", layers, layer, p->from);
    else
        snprintf(name, sizeof(name), "%s", p->from);
    if (strchr(name, '*') != NULL)
        return sov_export_stack(x, i, name, err);
    order = sov_family_order(s, p->order);
    return sov_export_tensor(
        x, i, family->bare ? name + strlen(family->base) : name, &order,
        family->plus_one && p->rows == 0 && sov_family_norm(p->to) ? 1 : 0,
        err);
}

/* Factors of rotary pairs stand in config.json. */
static bool
is_factor(const char *name)
{
    return strncmp(name, "rope_f", 6) == 0;
}

static int
put_tensors(struct sov_export *x, const struct sov_family *family,
            const struct sov_shape *s, struct sov_err *err)
{
    int rc = 0;

    for (size_t i = 0; i < x->n && rc == 0; i++)
        if (!is_factor(sov_model_at(x->model, i)->name))
            rc = put_tensor(x, family, s, i, err);
    return rc;
}

static int
leave_factors(struct sov_export *x, struct sov_err *err)
{
    int rc = 0;

    for (size_t i = 0; i < x->n && rc == 0; i++)
        if (is_factor(sov_model_at(x->model, i)->name))
            rc = sov_export_leave(x, i, err);
    return rc;
}

int
sov_export_family(struct sov_export *x, const struct sov_family *family,
                  struct sov_err *err)
{
    struct sov_shape s;
    int rc = read_shape(x, family, &s, err);

    if (rc == 0)
        rc = check_pooling(x, &s, err);
    if (rc == 0)
        rc = leave_factors(x, err);
    if (rc == 0)
        rc = put_config(x, family, &s, err);
    if (rc == 0)
        rc = sov_export_vocab(x, err);
    return rc < 0 ? rc : put_tensors(x, family, &s, err);
}

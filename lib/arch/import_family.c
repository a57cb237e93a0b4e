/* SPDX-License-Identifier: Apache-2.0 */
/*
 * import_family.c - published models that differ in names and a few habits
 */
#include "arch/import_family.h"

#include "base/limits.h"
#include "base/mem.h"

#include <stdio.h>
#include <string.h>

#define MOSTLY_MXFP4 38 /* of general.file_type */

const struct sov_part sov_decoder_ends[3] = {
    { "token_embd.weight", "model.embed_tokens.weight", 'v', 'w', 0, true },
    { "output_norm.weight", "model.norm.weight", 0, 'w', 0, true },
    SOV_ENDS_HEAD,
};

const struct sov_part *
sov_family_ends(const struct sov_family *family, size_t *n)
{
    *n = family->ends != NULL ? family->n_ends : 3;
    return family->ends != NULL ? family->ends : sov_decoder_ends;
}

uint64_t
sov_family_size(const struct sov_shape *s, char c)
{
    uint64_t q = s->heads * s->head_dim;
    uint64_t k = s->kv_heads * s->head_dim;

    switch (c) {
    case 'w':
        return s->width;
    case 'q':
        return q;
    case 'k':
        return k;
    case 'Q':
        return q + 2 * k;
    case 'h':
        return s->head_dim;
    case 'f':
        return s->ffn;
    case 'F':
        return 2 * s->ffn;
    case 'v':
        return s->vocab;
    case 'p':
        return s->ctx;
    case 't':
        return s->kinds;
    case 'H':
        return s->heads;
    case 'x':
        return s->experts;
    case 'e':
        return s->expert_ffn;
    default:
        return 0;
    }
}

struct sov_order
sov_family_order(const struct sov_shape *s, char c)
{
    struct sov_order o = { 0 };

    if (c == 'q' || c == 'k')
        o.heads = (uint32_t)(c == 'q' ? s->heads : s->kv_heads);
    if (c == 'g' && s->kv_heads > 1) { /* one group is in order */
        o.heads = (uint32_t)s->heads;
        o.groups = (uint32_t)s->kv_heads;
    }
    o.columns = c == 't';
    return o;
}

bool
sov_family_norm(const char *to)
{
    return strstr(to, "norm") != NULL && strstr(to, ".weight") != NULL;
}

bool
sov_family_fused(const struct sov_import *im)
{
    return sov_import_at(im, "model.layers.0.mlp.experts.gate_up_proj") >= 0;
}

/* ---- config.json */

/* With the names that most have. */
static int
rename_members(struct sov_import *im, const struct sov_alias *alias,
               struct sov_err *err)
{
    json_t *copy;

    if (alias == NULL)
        return 0;
    copy = json_copy((json_t *)(uintptr_t)im->config);
    if (copy == NULL)
        return sov_mem_fail(err);
    for (; alias->theirs != NULL; alias++) {
        json_t *v = json_object_get(copy, alias->theirs);

        if (v != NULL && !json_is_null(v) &&
            sov_config_get(copy, alias->ours) == NULL &&
            json_object_set(copy, alias->ours, v) < 0) {
            json_decref(copy);
            return sov_mem_fail(err);
        }
    }
    json_decref(im->own_config);
    im->own_config = copy;
    im->config = copy;
    return 0;
}

/* A plain value as text; false: it is none. */
static bool
value_text(const json_t *v, char *buf, size_t size)
{
    if (json_is_boolean(v))
        snprintf(buf, size, "%s", json_is_true(v) ? "true" : "false");
    else if (json_is_string(v))
        snprintf(buf, size, "%s", json_string_value(v));
    else if (json_is_number(v))
        snprintf(buf, size, "%g", json_number_value(v));
    else
        return false;
    return true;
}

static bool
is_one_of(const char *text, const char *values)
{
    size_t len = strlen(text);

    for (const char *p = values; p != NULL; p = strchr(p, '|')) {
        p += *p == '|';
        if (strncmp(p, text, len) == 0 && (p[len] == '|' || p[len] == '\0'))
            return true;
    }
    return false;
}

static int
check_only(const struct sov_import *im, const struct sov_only *only,
           struct sov_err *err)
{
    for (; only != NULL && only->name != NULL; only++) {
        const json_t *v = sov_config_get(im->config, only->name);
        char text[64] = "";

        if (v == NULL || (value_text(v, text, sizeof(text)) &&
                          is_one_of(text, only->values)))
            continue;
        return sov_fail(err, SOV_EUNSUP,
                        "config.json: %s %s is not supported, only %s",
                        only->name, text, only->values);
    }
    return 0;
}

/* Layers are all of one kind, unless the family knows of others. */
static int
check_layer_types(const struct sov_import *im, const struct sov_family *family,
                  struct sov_err *err)
{
    const json_t *types = sov_config_get(im->config, "layer_types");

    for (size_t i = 0; i < json_array_size(types); i++) {
        const char *type = json_string_value(json_array_get(types, i));

        if (type != NULL && strcmp(type, "full_attention") == 0)
            continue;
        if (!family->layer_types)
            return sov_fail(err, SOV_EUNSUP,
                            "config.json: layer_types has %.40s, only "
                            "full_attention is supported here",
                            type != NULL ? type : "no name");
    }
    return 0;
}

static int
put_members(const struct sov_import *im, const struct sov_shape *s,
            const struct sov_member *m, struct sov_err *err)
{
    int rc = 0;

    for (; m != NULL && m->name != NULL && rc == 0; m++) {
        uint64_t whole = (uint64_t)m->preset;
        double v = m->preset;

        if (m->kind == 'u') {
            rc = sov_config_u64(im->config, m->name, 0, UINT32_MAX, false,
                                &whole, err);
            if (rc == 0 && whole > 0)
                rc = sov_shape_put(im, s, m->key, whole, err);
            continue;
        }
        rc = sov_config_positive(im->config, m->name, false, &v, err);
        if (rc == 0 && v > 0)
            rc = sov_shape_put_real(im, s, m->key, v, err);
    }
    return rc;
}

/* What an encoder says of itself. */
static int
put_encoder(struct sov_import *im, const struct sov_shape *s,
            struct sov_err *err)
{
    char key[96];
    int rc;

    snprintf(key, sizeof(key), "%s.attention.causal", s->arch);
    rc = sov_meta_set_bool(im->meta, key, false, err);
    return rc < 0
               ? rc
               : sov_meta_set_u32(im->meta, "tokenizer.ggml.token_type_count",
                                  (uint32_t)s->kinds, err);
}

static int
put_keys(struct sov_import *im, const struct sov_family *family,
         struct sov_shape *s, struct sov_err *err)
{
    int rc = sov_shape_keys(im, s, family, err);

    if (rc == 0)
        rc = put_members(im, s, family->member, err);
    if (rc == 0 && family->encoder)
        rc = put_encoder(im, s, err);
    if (rc == 0 && family->more != NULL)
        rc = family->more(im, s, err);
    if (rc == 0)
        rc = sov_rope_put(im, s, err);
    return rc < 0 ? rc : sov_import_pooling(im, s->arch, err);
}

/* ---- tensors */

/* A matrix without its first rows. */
static int
put_rest(struct sov_import *im, const char *to, const char *from,
         uint64_t skip, uint64_t rows, uint64_t cols, struct sov_err *err)
{
    const uint64_t was[] = { cols, skip + rows }, dim[] = { cols, rows };
    struct sov_piece piece = { .side = SOV_NO_TENSOR, .first = skip };
    struct sov_recipe r = { .make = SOV_MAKE_ROWS, .piece = &piece, .n = 1,
                            .rows = rows,          .cols = cols,    .step = 1 };
    int rc = sov_import_find_plain(im, from, 2, was, &piece.from, err);

    if (rc < 0)
        return rc;
    return sov_import_made(im, to, sov_model_at(im->model, piece.from)->type, 2,
                           dim, NULL, &r, err);
}

/* One tensor; of norms that are kept less 1, that is added. */
static int
put_one(struct sov_import *im, const struct sov_family *family,
        const struct sov_shape *s, const char *to, const char *from,
        const struct sov_part *p, struct sov_err *err)
{
    const struct sov_order order = sov_family_order(s, p->order);
    uint64_t rows = sov_family_size(s, p->rows);
    uint64_t cols = sov_family_size(s, p->cols);
    int rc;

    if (strchr(from, '*') != NULL)
        return sov_import_stack(im, to, from, s->experts, rows, cols, err);
    if (p->order == '1' || p->order == '2')
        return sov_import_fused(im, to, from, s->experts, rows, cols, 2,
                                p->order == '2', err);
    if (p->order == 'a')
        return sov_import_fused(im, to, from, s->experts, rows, cols, 1, 0,
                                err);
    if (p->order == 'o' && s->skip > 0)
        return put_rest(im, to, from, s->skip, rows, cols, err);
    im->plus = family->plus_one && p->rows == 0 && sov_family_norm(to) ? 1 : 0;
    im->f32 = p->order == 'r';
    rc = sov_import_tensor(im, to, from, rows, cols, &order, p->must, err);
    im->plus = 0;
    im->f32 = false;
    return rc;
}

static int
put_layer(struct sov_import *im, const struct sov_family *family,
          const struct sov_shape *s, unsigned layer, struct sov_err *err)
{
    const char *layers =
        family->layers != NULL ? family->layers : "model.layers.";
    int rc = 0;

    for (size_t i = 0; i < family->n_parts && rc == 0; i++) {
        const struct sov_part *p = &family->part[i];
        char to[64], from[128];

        snprintf(to, sizeof(to), "blk.%u.%s", layer, p->to);
        snprintf(from, sizeof(from), "%s%u.%s", layers, layer, p->from);
        rc = put_one(im, family, s, to, from, p, err);
    }
    if (rc == 0 && family->layer != NULL)
        rc = family->layer(im, s, layer, err);
    return rc;
}

/* A head of its own, unless it is the embedding again. */
static int
put_head(struct sov_import *im, const struct sov_family *family,
         const struct sov_shape *s, const struct sov_part *p,
         struct sov_err *err)
{
    struct sov_part own = *p;
    int64_t head = sov_import_at(im, p->from);

    if (s->tied) {
        if (head >= 0)
            im->used[head] = true;
        return 0;
    }
    own.must = s->says_tied; /* that it is not, that is */
    return put_one(im, family, s, p->to, p->from, &own, err);
}

static int
put_tensors(struct sov_import *im, const struct sov_family *family,
            const struct sov_shape *s, struct sov_err *err)
{
    size_t n;
    const struct sov_part *ends = sov_family_ends(family, &n);
    int rc = 0;

    for (size_t i = 0; i < n && rc == 0; i++)
        rc = strcmp(ends[i].to, SOV_HEAD) == 0
                 ? put_head(im, family, s, &ends[i], err)
                 : put_one(im, family, s, ends[i].to, ends[i].from, &ends[i],
                           err);
    for (uint64_t i = 0; i < s->layers && rc == 0; i++)
        rc = put_layer(im, family, s, (unsigned)i, err);
    return rc;
}

static bool
dropped(const char *name, const char *const *drop)
{
    size_t n = strlen(name);

    for (; drop != NULL && *drop != NULL; drop++) {
        size_t k = strlen(*drop);

        if (**drop == '*') {
            if (n >= k - 1 && strcmp(name + n - (k - 1), *drop + 1) == 0)
                return true;
        } else if (strncmp(name, *drop, k) == 0) {
            return true;
        }
    }
    return false;
}

/* Tensors that are no part of what GGUF has of such a model. */
static void
leave_out(struct sov_import *im, const struct sov_family *family)
{
    size_t base = strlen(im->base);

    for (size_t i = 0; i < sov_model_count(im->model); i++) {
        const char *name = sov_model_at(im->model, i)->name;

        if (dropped(name, family->drop) ||
            (strncmp(name, im->base, base) == 0 &&
             dropped(name + base, family->drop)))
            im->used[i] = true;
    }
}

/* general.file_type, by the tensor of all tokens.  A model without tensors is
 * refused for that later. */
static int
put_file_type(const struct sov_import *im, const struct sov_family *family,
              struct sov_err *err)
{
    size_t n;
    int64_t at = sov_import_at(im, sov_family_ends(family, &n)->from);
    const struct sov_tensor *t =
        sov_model_at(im->model, at < 0 ? 0 : (size_t)at);
    uint32_t v = 0;

    if (im->packed.mxfp4)
        v = MOSTLY_MXFP4;
    else if (t != NULL && t->type != SOV_TYPE_F32 && !im->packed.scaled)
        v = t->type == SOV_TYPE_F16 ? 1 : 32;
    return sov_meta_set_u32(im->meta, "general.file_type", v, err);
}

int
sov_import_family(struct sov_import *im, const struct sov_family *family,
                  struct sov_err *err)
{
    struct sov_shape s;
    int rc;

    im->base = family->base != NULL ? family->base : "model.";
    rc = rename_members(im, family->alias, err);
    if (rc == 0)
        rc = check_only(im, family->only, err);
    if (rc == 0)
        rc = check_layer_types(im, family, err);
    if (rc == 0)
        rc = sov_shape_read(&s, im->config, family, err);
    if (rc == 0 && family->shape != NULL)
        rc = family->shape(im, &s, err);
    if (rc == 0)
        rc = put_keys(im, family, &s, err);
    if (rc == 0)
        rc = put_file_type(im, family, err);
    if (rc == 0)
        rc = put_tensors(im, family, &s, err);
    if (rc == 0)
        leave_out(im, family);
    return rc < 0 ? rc : sov_import_vocab(im, s.vocab, err);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * export.c - from a model to the folder in which it would be published
 *
 * What is made is not trusted: a shadow of the folder, in memory, goes through
 * the import, and what comes out must be what went in, key for key and tensor
 * for tensor.  Keys that have no place in a folder are carried in config.json
 * (carried.c), which the second import must find.
 */
#include "arch/export.h"

#include "arch/import_family.h"
#include "base/le.h"
#include "base/map.h"
#include "base/mem.h"
#include "tensor/half.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REAL_DIGITS 9 /* enough for any float */

static const struct sov_family *const rows[] = {
#define EXPORT(family) &sov_family_##family,
#include "arch/exports.def"
#undef EXPORT
};

/* ---- metadata and files */

static int
missing(int rc, const char *key, bool must, struct sov_err *err)
{
    if (rc != 1)
        return rc;
    return must ? sov_fail(err, SOV_EUNSUP, "the key %s is missing", key) : 0;
}

int
sov_export_u64(const struct sov_export *x, const char *key, bool must,
               uint64_t *v, struct sov_err *err)
{
    return missing(sov_meta_u64(x->meta, key, v, err), key, must, err);
}

int
sov_export_f64(const struct sov_export *x, const char *key, bool must,
               double *v, struct sov_err *err)
{
    return missing(sov_meta_f64(x->meta, key, v, err), key, must, err);
}

int
sov_export_count(const struct sov_export *x, const char *arch, const char *key,
                 bool must, uint64_t *v, struct sov_err *err)
{
    char full[128];

    snprintf(full, sizeof(full), "%s.%s", arch, key);
    return sov_export_u64(x, full, must, v, err);
}

int
sov_export_real(const struct sov_export *x, const char *arch, const char *key,
                bool must, double *v, struct sov_err *err)
{
    char full[128];

    snprintf(full, sizeof(full), "%s.%s", arch, key);
    return sov_export_f64(x, full, must, v, err);
}

json_t *
sov_export_float(double v)
{
    char text[40];

    for (int digits = 1; digits < REAL_DIGITS; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, v);
        if (strtof(text, NULL) == (float)v)
            return json_real(strtod(text, NULL));
    }
    snprintf(text, sizeof(text), "%.*g", REAL_DIGITS, v);
    return json_real(strtod(text, NULL));
}

int
sov_export_set(struct sov_export *x, const char *name, json_t *value,
               struct sov_err *err)
{
    return json_object_set_new(x->config, name, value) < 0 ? sov_mem_fail(err)
                                                           : 0;
}

int
sov_export_side(struct sov_export *x, const char *name, void *bytes, size_t len,
                struct sov_err *err)
{
    size_t i;

    if (bytes == NULL)
        return sov_mem_fail(err);
    for (i = 0; i < x->n_sides && strcmp(x->side[i].name, name) != 0; i++)
        ;
    if (i == SOV_EXPORT_SIDES) {
        free(bytes);
        return sov_fail(err, SOV_EARG, "too many files");
    }
    if (i == x->n_sides)
        x->n_sides++;
    free(x->bytes[i]);
    x->bytes[i] = bytes;
    x->side[i] = (struct sov_side){ name, bytes, len };
    return 0;
}

static int
put_json(struct sov_export *x, const char *name, const json_t *json,
         struct sov_err *err)
{
    size_t flags = JSON_INDENT(2) | JSON_SORT_KEYS | JSON_ENSURE_ASCII;
    char *text =
        json == NULL
            ? NULL
            : json_dumps(json, flags | JSON_REAL_PRECISION(REAL_DIGITS));
    size_t len = text != NULL ? strlen(text) : 0;
    char *line = text != NULL ? realloc(text, len + 2) : NULL;

    if (line == NULL) {
        free(text);
        return sov_mem_fail(err);
    }
    line[len] = '\n';
    line[len + 1] = '\0';
    return sov_export_side(x, name, line, len + 1, err);
}

int
sov_export_json(struct sov_export *x, const char *name, json_t *json,
                struct sov_err *err)
{
    int rc = put_json(x, name, json, err);

    json_decref(json);
    return rc;
}

/* ---- tensors */

static float
element(const unsigned char *p, enum sov_type type, uint64_t i)
{
    if (type == SOV_TYPE_F32)
        return sov_lef32(p + 4 * i);
    return type == SOV_TYPE_F16 ? sov_f16_to_f32(sov_le16(p + 2 * i))
                                : sov_bf16_to_f32(sov_le16(p + 2 * i));
}

static void
put_element(unsigned char *p, enum sov_type type, uint64_t i, float v)
{
    if (type == SOV_TYPE_F32)
        sov_putf32(p + 4 * i, v);
    else
        sov_put16(p + 2 * i, type == SOV_TYPE_F16 ? sov_f32_to_f16(v)
                                                  : sov_f32_to_bf16(v));
}

/* The type in which a vector loses nothing: that of the matrices, or its own. */
static enum sov_type
vector_type(const struct sov_export *x, const float *f, uint64_t n)
{
    unsigned char narrow[4];

    if (x->type != SOV_TYPE_F16 && x->type != SOV_TYPE_BF16)
        return SOV_TYPE_F32;
    for (uint64_t i = 0; i < n; i++) {
        put_element(narrow, x->type, 0, f[i]);
        if (sov_f32_bits(element(narrow, x->type, 0)) != sov_f32_bits(f[i]))
            return SOV_TYPE_F32;
    }
    return x->type;
}

/* The bytes of tensor i, which is small, to be compared. */
static int
keep_plain(struct sov_export *x, size_t i, const struct sov_tensor *t,
           struct sov_err *err)
{
    x->was[i] = sov_mem_dup(t->name, strlen(t->name));
    x->plain[i] = sov_mem_array((size_t)t->size, 1);
    x->size[i] = t->size;
    if (x->was[i] == NULL || x->plain[i] == NULL)
        return sov_mem_fail(err);
    if (t->type != SOV_TYPE_F32 || t->ndim > 1)
        return sov_fail(err, SOV_EUNSUP,
                        "tensor %s: a vector of %s would come back as f32",
                        t->name, sov_type_info((int)t->type)->name);
    return sov_model_read(x->model, i, 0, x->plain[i], (size_t)t->size, err);
}

static int
export_vector(struct sov_export *x, size_t i, struct sov_view *v,
              const struct sov_order *order, float less, struct sov_err *err)
{
    struct sov_tensor t = *sov_model_at(x->model, i);
    uint64_t n = t.dim[0];
    unsigned char *out = sov_mem_array((size_t)t.size, 1);
    float *f = sov_mem_array((size_t)n, sizeof(*f));
    int rc = out == NULL || f == NULL ? sov_mem_fail(err) : 0;

    v->bytes = out;
    if (rc == 0)
        rc = keep_plain(x, i, &t, err);
    if (rc == 0 && sov_order_moves(order))
        rc = sov_order_shape(order, &t, err);
    for (uint64_t k = 0; k < n && rc == 0; k++) {
        uint64_t from = sov_order_moves(order) ? sov_order_row(order, k, n) : k;

        f[k] = sov_lef32((unsigned char *)x->plain[i] + 4 * from);
        if (less > 0)
            f[k] -= less;
    }
    if (rc == 0) {
        v->type = vector_type(x, f, n);
        v->ndim = 1;
        v->dim[0] = n;
        v->dim[1] = v->dim[2] = v->dim[3] = 1;
        for (uint64_t k = 0; k < n; k++)
            put_element(out, v->type, k, f[k]);
    }
    free(f);
    return rc;
}

int
sov_export_leave(struct sov_export *x, size_t i, struct sov_err *err)
{
    return keep_plain(x, i, sov_model_at(x->model, i), err);
}

int
sov_export_add(struct sov_export *x, size_t i, const char *name,
               struct sov_view **v, struct sov_err *err)
{
    int rc = 0;

    if (x->n_views == x->cap_views)
        rc = sov_mem_grow((void **)&x->view, x->n_views, &x->cap_views,
                          sizeof(*x->view), err);
    if (rc == 0 && x->n_views == x->cap_of)
        rc = sov_mem_grow((void **)&x->of, x->n_views, &x->cap_of,
                          sizeof(*x->of), err);
    if (rc < 0)
        return rc;
    *v = &x->view[x->n_views];
    memset(*v, 0, sizeof(**v));
    (*v)->name = sov_mem_dup(name, strlen(name));
    if ((*v)->name == NULL)
        return sov_mem_fail(err);
    (*v)->from = i;
    x->of[x->n_views++] = i;
    return 0;
}

int
sov_export_note(struct sov_export *x, size_t i, struct sov_err *err)
{
    const char *name = sov_model_at(x->model, i)->name;

    x->was[i] = sov_mem_dup(name, strlen(name));
    return x->was[i] == NULL ? sov_mem_fail(err) : 0;
}

int
sov_export_plain(const struct sov_export *x, const struct sov_tensor *t,
                 struct sov_err *err)
{
    if (x->become == SOV_TYPE_NONE &&
        sov_type_info((int)t->type)->kind == SOV_KIND_BLOCK)
        return sov_fail(err, SOV_EUNSUP,
                        "tensor %s is %s, and a Hugging Face folder holds "
                        "plain numbers; give it f16 or bf16",
                        t->name, sov_type_info((int)t->type)->name);
    return 0;
}

int
sov_export_tensor(struct sov_export *x, size_t i, const char *name,
                  const struct sov_order *order, float less,
                  struct sov_err *err)
{
    const struct sov_tensor *t = sov_model_at(x->model, i);
    struct sov_view *v;
    int rc = sov_export_add(x, i, name, &v, err);

    if (rc < 0)
        return rc;
    v->order = *order;
    v->order.back = !order->back && sov_order_moves(order);
    if (t->ndim == 1)
        return export_vector(x, i, v, &v->order, less, err);
    rc = sov_export_note(x, i, err);
    return rc < 0 ? rc : sov_export_plain(x, t, err);
}

/* ---- does it come back? */

static int
lost(const char *name, struct sov_err *err)
{
    return sov_fail(err, SOV_EUNSUP,
                    "tensor %.80s would not come back from a folder", name);
}

static bool
same_matrix(const struct sov_export *x, uint64_t i, const struct sov_view *got)
{
    const struct sov_order *there = &got->order, *back;

    if (got->from >= x->n_views || x->of[got->from] != i || x->plain[i] != NULL)
        return false;
    back = &x->view[got->from].order;
    return there->heads == back->heads && there->groups == back->groups &&
           there->columns == back->columns && !there->back;
}

static int
compare_tensor(const struct sov_export *x, const struct sov_map *map,
               const struct sov_view *got, struct sov_err *err)
{
    const unsigned char *plain;
    uint64_t i;

    if (!sov_map_get(map, got->name, strlen(got->name), &i))
        return sov_fail(err, SOV_EUNSUP,
                        "tensor %.80s is not there, but would come back "
                        "from a folder",
                        got->name);
    if (got->recipe != NULL)
        return sov_export_undone(x, (size_t)i, got->recipe)
                   ? 0
                   : lost(got->name, err);
    if (got->bytes == NULL)
        return same_matrix(x, i, got) ? 0 : lost(got->name, err);
    plain = x->plain[i];
    return plain != NULL && x->size[i] == got->dim[0] * 4 &&
                   memcmp(plain, got->bytes, (size_t)x->size[i]) == 0
               ? 0
               : lost(got->name, err);
}

static int
compare_tensors(const struct sov_export *x, const struct sov_import *im,
                struct sov_err *err)
{
    struct sov_map map = { 0 };
    int rc = 0;

    for (size_t i = 0; i < x->n && rc == 0; i++)
        rc = sov_map_add(&map, x->was[i], strlen(x->was[i]), i, err);
    for (size_t i = 0; i < im->n && rc == 0; i++)
        rc = compare_tensor(x, &map, &im->view[i], err);
    sov_map_free(&map);
    if (rc == 0 && im->n != x->n)
        rc = sov_fail(err, SOV_EUNSUP,
                      "%zu tensors, of which %zu would come back from a folder",
                      x->n, im->n);
    return rc;
}

static bool
same(const struct sov_kv *a, const struct sov_kv *b)
{
    return a->type == b->type && a->elem == b->elem && a->n == b->n &&
           a->val.len == b->val.len &&
           (a->val.len == 0 || memcmp(a->val.p, b->val.p, a->val.len) == 0);
}

/* Every key must be there; one more than there was does no harm. */
static int
compare_keys(const struct sov_export *x, const sov_meta *made,
             struct sov_err *err)
{
    for (size_t i = 0; i < sov_meta_count(x->meta); i++) {
        const struct sov_kv *kv = sov_meta_at(x->meta, i);
        const struct sov_kv *got = sov_meta_find(made, kv->key);

        if (got == NULL || !same(kv, got))
            return sov_fail(err, SOV_EUNSUP,
                            "the key %.80s would not come back from a folder",
                            kv->key);
    }
    return 0;
}

/* Import the shadow; first: and let config.json carry what is missing. */
static int
try_import(struct sov_export *x, bool first, struct sov_err *err)
{
    struct sov_import im = { 0 };
    sov_model *shadow;
    int rc = sov_model_shadow(&shadow, x->model, x->config, x->side, x->n_sides,
                              x->become, err);

    if (rc < 0)
        return rc;
    im.model = shadow;
    rc = sov_import_view(&im, err);
    if (rc < 0 && rc != SOV_EMEM)
        rc = sov_fail(err, SOV_EUNSUP, "the folder would not be a model: %s",
                      err != NULL ? err->msg : "");
    if (rc == 0)
        rc = compare_tensors(x, &im, err);
    if (rc == 0 && first)
        rc = sov_carried_write(x->config, x->meta, im.meta, err);
    else if (rc == 0)
        rc = compare_keys(x, im.meta, err);
    sov_import_free(&im);
    sov_model_close(shadow);
    return rc;
}

/* ---- the whole */

static int
find_family(const struct sov_export *x, const struct sov_family **family,
            struct sov_err *err)
{
    struct sov_span arch = { 0 };
    size_t n = sizeof(rows) / sizeof(*rows);

    if (sov_meta_str(x->meta, "general.architecture", &arch, err) != 0)
        return sov_fail(err, SOV_EUNSUP,
                        "nothing says which architecture this is");
    for (size_t i = 0; i < n; i++) {
        *family = rows[i];
        if (strlen(rows[i]->arch) == arch.len &&
            memcmp(rows[i]->arch, arch.p, arch.len) == 0 &&
            (rows[i]->gives == NULL || rows[i]->gives(x)))
            return 0;
    }
    return sov_fail(err, SOV_EUNSUP, "the architecture %.*s is not supported",
                    arch.len < 60 ? (int)arch.len : 60, (const char *)arch.p);
}

static int
rebuild(struct sov_export *x, struct sov_err *err)
{
    sov_meta *copy;
    int rc = sov_meta_new(&copy, err);

    for (size_t i = 0; i < sov_meta_count(x->meta) && rc == 0; i++)
        rc = sov_meta_set(copy, sov_meta_at(x->meta, i), err);
    if (rc < 0) {
        sov_meta_free(copy);
        return rc;
    }
    return sov_model_rebuild(x->model, copy, x->view, x->n_views, err);
}

static int
run(struct sov_export *x, struct sov_err *err)
{
    int64_t embd = sov_model_find(x->model, "token_embd.weight");
    const struct sov_family *family = NULL;
    int rc = find_family(x, &family, err);

    if (rc < 0)
        return rc;
    if (x->type == SOV_TYPE_NONE && embd >= 0)
        x->type = sov_model_at(x->model, (size_t)embd)->type;
    x->n = sov_model_count(x->model);
    x->config = json_object();
    x->was = sov_mem_array(x->n, sizeof(*x->was));
    x->plain = sov_mem_array(x->n, sizeof(*x->plain));
    x->size = sov_mem_array(x->n, sizeof(*x->size));
    if (x->config == NULL || x->was == NULL || x->plain == NULL ||
        x->size == NULL)
        return sov_mem_fail(err);
    rc = sov_export_family(x, family, err);
    if (rc == 0)
        rc = rebuild(x, err);
    if (rc == 0)
        rc = try_import(x, true, err);
    if (rc == 0)
        rc = try_import(x, false, err);
    return rc < 0 ? rc : put_json(x, "config.json", x->config, err);
}

int
sov_export_new(sov_export **out, sov_model *model, const sov_meta *meta,
               enum sov_type type, struct sov_err *err)
{
    struct sov_export *x = sov_mem_array(1, sizeof(*x));
    int rc;

    *out = NULL;
    if (x == NULL)
        return sov_mem_fail(err);
    x->model = model;
    x->meta = meta;
    x->type = type;
    x->become = type;
    rc = run(x, err);
    x->model = NULL;
    x->meta = NULL;
    if (rc < 0) {
        sov_export_free(x);
        return rc;
    }
    *out = x;
    return 0;
}

void
sov_export_free(sov_export *x)
{
    if (x == NULL)
        return;
    for (size_t i = 0; i < x->n_views; i++) {
        free((char *)(uintptr_t)x->view[i].name);
        free((void *)(uintptr_t)x->view[i].bytes);
        free((void *)(uintptr_t)x->view[i].recipe);
    }
    for (size_t i = 0; i < x->n; i++) {
        if (x->was != NULL)
            free(x->was[i]);
        if (x->plain != NULL)
            free(x->plain[i]);
    }
    for (size_t i = 0; i < x->n_sides; i++)
        free(x->bytes[i]);
    free(x->view);
    free(x->was);
    free(x->plain);
    free(x->size);
    free(x->of);
    json_decref(x->config);
    free(x);
}

const struct sov_side *
sov_export_sides(const sov_export *x, size_t *n)
{
    *n = x->n_sides;
    return x->side;
}

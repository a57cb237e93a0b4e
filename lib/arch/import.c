/* SPDX-License-Identifier: Apache-2.0 */
/*
 * import.c - from a model directory to the view that a GGUF file would give
 *
 * Nothing in config.json is believed: every number is checked for its kind and
 * range before it is used, and every tensor for its shape.  A tensor without a
 * place in the result is refused, because a program that reads the result
 * would run another model than the one that was published.
 */
#include "arch/import_family.h"

#include "base/json.h"
#include "base/le.h"
#include "base/limits.h"
#include "base/mem.h"
#include "tensor/half.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* class is what config.json calls the architecture. */
struct row {
    const char *class;
    const struct sov_family *family;
    bool wrapped; /* in text_config */
};

static const struct row rows[] = {
#define IMPORT(class, family)      { class, &sov_family_##family, false },
#define IMPORT_TEXT(class, family) { class, &sov_family_##family, true },
#include "arch/imports.def"
#undef IMPORT
#undef IMPORT_TEXT
};

#define N_ROWS (sizeof(rows) / sizeof(*rows))

int
sov_import_keep(struct sov_import *im, void *p, struct sov_err *err)
{
    int rc = 0;

    if (p == NULL)
        return sov_mem_fail(err);
    if (im->n_own == im->own_cap)
        rc = sov_mem_grow((void **)&im->own, im->n_own, &im->own_cap,
                          sizeof(*im->own), err);
    if (rc < 0)
        free(p);
    else
        im->own[im->n_own++] = p;
    return rc;
}

int
sov_import_json(struct sov_import *im, const char *name, json_t **json,
                struct sov_err *err)
{
    char *text;
    size_t len;
    int rc =
        sov_model_side_file(im->model, name, SOV_JSON_MAX, &text, &len, err);

    *json = NULL;
    if (rc != 0)
        return rc;
    rc = sov_json_parse(text, len, json, err);
    free(text);
    return rc < 0 ? sov_err_wrap(err, "%s", name) : 0;
}

/* ---- config.json */

const json_t *
sov_config_get(const json_t *obj, const char *name)
{
    const json_t *v = json_object_get(obj, name);

    return v == NULL || json_is_null(v) ? NULL : v;
}

static int
missing(const char *name, struct sov_err *err)
{
    return sov_fail(err, SOV_EFORMAT, "config.json: %s is missing", name);
}

int
sov_config_u64(const json_t *obj, const char *name, uint64_t min, uint64_t max,
               bool must, uint64_t *v, struct sov_err *err)
{
    const json_t *j = sov_config_get(obj, name);
    json_int_t i;

    if (j == NULL)
        return must ? missing(name, err) : 0;
    if (!json_is_integer(j))
        return sov_fail(err, SOV_EFORMAT,
                        "config.json: %s is not a whole number", name);
    i = json_integer_value(j);
    if (i < 0 || (uint64_t)i < min || (uint64_t)i > max)
        return sov_fail(err, SOV_EFORMAT,
                        "config.json: %s is %lld, not within %llu and %llu",
                        name, (long long)i, (unsigned long long)min,
                        (unsigned long long)max);
    *v = (uint64_t)i;
    return 0;
}

int
sov_config_positive(const json_t *obj, const char *name, bool must, double *v,
                    struct sov_err *err)
{
    const json_t *j = sov_config_get(obj, name);
    double d;

    if (j == NULL)
        return must ? missing(name, err) : 0;
    if (!json_is_number(j))
        return sov_fail(err, SOV_EFORMAT, "config.json: %s is not a number",
                        name);
    d = json_number_value(j);
    if (!(d > 0) || !isfinite((float)d) || (float)d == 0.0f)
        return sov_fail(err, SOV_EFORMAT,
                        "config.json: %s is %g, not a positive number", name,
                        d);
    *v = d;
    return 0;
}

int
sov_config_bool(const json_t *obj, const char *name, bool *v,
                struct sov_err *err)
{
    const json_t *j = sov_config_get(obj, name);

    if (j == NULL)
        return 0;
    if (!json_is_boolean(j))
        return sov_fail(err, SOV_EFORMAT,
                        "config.json: %s is neither true nor false", name);
    *v = json_is_true(j);
    return 0;
}

int
sov_config_str(const json_t *obj, const char *name, const char **v,
               struct sov_err *err)
{
    const json_t *j = sov_config_get(obj, name);

    *v = NULL;
    if (j == NULL)
        return 0;
    if (!json_is_string(j))
        return sov_fail(err, SOV_EFORMAT, "config.json: %s is not a string",
                        name);
    *v = json_string_value(j);
    return 0;
}

/* ---- tensors */

int
sov_import_add(struct sov_import *im, const struct sov_view *view,
               struct sov_err *err)
{
    int rc = 0;

    if (im->n == im->cap)
        rc = sov_mem_grow((void **)&im->view, im->n, &im->cap,
                          sizeof(*im->view), err);
    if (rc == 0)
        im->view[im->n++] = *view;
    return rc;
}

int
sov_import_vector(struct sov_import *im, const char *to, const float *v,
                  uint64_t n, struct sov_err *err)
{
    struct sov_view view = { .type = SOV_TYPE_F32,
                             .ndim = 1,
                             .dim = { n, 1, 1, 1 } };
    unsigned char *bytes = sov_mem_array((size_t)n, 4);
    char *name = sov_mem_dup(to, strlen(to));
    int rc = sov_import_keep(im, bytes, err);

    if (rc < 0) {
        free(name);
        return rc;
    }
    rc = sov_import_keep(im, name, err);
    if (rc < 0)
        return rc;
    for (uint64_t i = 0; i < n; i++)
        sov_putf32(bytes + 4 * i, v[i]);
    view.name = name;
    view.bytes = bytes;
    return sov_import_add(im, &view, err);
}

static float
element(const unsigned char *p, enum sov_type type, uint64_t i)
{
    switch (type) {
    case SOV_TYPE_F32:
        return sov_lef32(p + 4 * i);
    case SOV_TYPE_F16:
        return sov_f16_to_f32(sov_le16(p + 2 * i));
    default:
        return sov_bf16_to_f32(sov_le16(p + 2 * i));
    }
}

int64_t
sov_import_at(const struct sov_import *im, const char *from)
{
    size_t base = im->base != NULL ? strlen(im->base) : 0;
    bool has_base = base > 0 && strncmp(from, im->base, base) == 0;
    int64_t at = sov_model_find(im->model, from);
    char name[256];

    if (at < 0 && has_base)
        at = sov_model_find(im->model, from + base);
    if (at >= 0 || !im->wrapped)
        return at;
    snprintf(name, sizeof(name), "language_model.%s", from);
    at = sov_model_find(im->model, name);
    if (at >= 0 || !has_base)
        return at;
    snprintf(name, sizeof(name), "%slanguage_model.%s", im->base, from + base);
    return sov_model_find(im->model, name);
}

/* The elements of a vector in this order. */
static int
copy_vector(struct sov_import *im, const char *to, size_t from,
            const struct sov_order *order, struct sov_err *err)
{
    const struct sov_tensor *t = sov_model_at(im->model, from);
    uint64_t n = t->dim[0];
    unsigned char *raw = sov_mem_array((size_t)t->size, 1);
    float *v = sov_mem_array((size_t)n, sizeof(*v));
    int rc = 0;

    if (raw == NULL || v == NULL)
        rc = sov_mem_fail(err);
    if (rc == 0)
        rc = sov_model_read(im->model, from, 0, raw, (size_t)t->size, err);
    for (uint64_t i = 0; i < n && rc == 0; i++) {
        uint64_t src = sov_order_moves(order) ? sov_order_row(order, i, n) : i;

        v[i] = element(raw, t->type, src);
        if (im->plus > 0)
            v[i] += im->plus;
    }
    if (rc == 0)
        rc = sov_import_vector(im, to, v, n, err);
    free(raw);
    free(v);
    return rc;
}

static int
check_shape(const struct sov_tensor *t, uint64_t n_rows, uint64_t cols,
            struct sov_err *err)
{
    if (n_rows == 0 && t->type != SOV_TYPE_F32 && t->type != SOV_TYPE_F16 &&
        t->type != SOV_TYPE_BF16) {
        const struct sov_type_info *info = sov_type_info(t->type);

        return sov_fail(err, SOV_EUNSUP,
                        "tensor %s has the type %s; only f32, f16 and bf16 "
                        "can be imported",
                        t->name, info != NULL ? info->name : "?");
    }
    if (t->ndim == (n_rows > 0 ? 2 : 1) && t->dim[0] == cols &&
        (n_rows == 0 || t->dim[1] == n_rows))
        return 0;
    if (n_rows == 0)
        return sov_fail(err, SOV_EFORMAT,
                        "tensor %s is not a vector of %llu, as config.json "
                        "has it",
                        t->name, (unsigned long long)cols);
    return sov_fail(err, SOV_EFORMAT,
                    "tensor %s is not a matrix [%llu, %llu], as config.json "
                    "has it",
                    t->name, (unsigned long long)n_rows,
                    (unsigned long long)cols);
}

int
sov_import_tensor(struct sov_import *im, const char *to, const char *from,
                  uint64_t n_rows, uint64_t cols, const struct sov_order *order,
                  bool must, struct sov_err *err)
{
    struct sov_view view = { .order = *order };
    int64_t at = sov_import_at(im, from);
    char *name;
    int rc;

    if (at < 0)
        return must ? sov_fail(err, SOV_EFORMAT, "tensor %s is missing", from)
                    : 0;
    rc = check_shape(sov_model_at(im->model, (size_t)at),
                     order->columns ? cols : n_rows,
                     order->columns ? n_rows : cols, err);
    if (rc < 0)
        return rc;
    im->used[at] = true;
    if (n_rows == 0)
        return copy_vector(im, to, (size_t)at, order, err);
    view.from = (size_t)at;
    if (!sov_import_as_is(im, view.from))
        return sov_import_matrices(im, to, &view.from, 1, 2, n_rows, cols,
                                   order, err);
    name = sov_mem_dup(to, strlen(to));
    rc = sov_import_keep(im, name, err);
    if (rc < 0)
        return rc;
    view.name = name;
    return sov_import_add(im, &view, err);
}

static bool
ends_with(const char *s, const char *end)
{
    size_t n = strlen(s);
    size_t k = strlen(end);

    return n >= k && strcmp(s + n - k, end) == 0;
}

/* Tables that old files carry and that follow from config.json. */
static bool
derived(const char *name)
{
    return ends_with(name, ".rotary_emb.inv_freq") ||
           ends_with(name, ".attention.masked_bias") ||
           ends_with(name, ".attention.bias");
}

/* What a model has that sees pictures, beside its text. */
static bool
of_pictures(const char *name)
{
    static const char *const parts[] = { "vision_tower.", "vision_model.",
                                         "multi_modal_projector." };

    if (strncmp(name, "model.", 6) == 0)
        name += 6;
    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
        if (strncmp(name, parts[i], strlen(parts[i])) == 0)
            return true;
    return false;
}

static int
check_used(const struct sov_import *im, struct sov_err *err)
{
    bool pictures = false;

    for (size_t i = 0; i < sov_model_count(im->model); i++) {
        const char *name = sov_model_at(im->model, i)->name;

        if (im->used[i] || derived(name) || sov_packed_spare(&im->packed, name))
            continue;
        if (im->wrapped && of_pictures(name))
            pictures = true;
        else
            return sov_fail(err, SOV_EUNSUP,
                            "tensor %s has no place in this architecture",
                            name);
    }
    if (pictures)
        sov_model_warn(im->model,
                       "the text alone: what sees pictures is left out");
    return 0;
}

/* ---- the whole */

/* What the text of a wrapped model is, with what stands outside for both. */
static int
unwrap(struct sov_import *im, struct sov_err *err)
{
    const json_t *text = sov_config_get(im->config, "text_config");
    json_t *own;

    im->wrapped = true;
    if (!json_is_object(text))
        return sov_fail(err, SOV_EFORMAT,
                        "config.json: text_config is not an object");
    own = json_copy((json_t *)(uintptr_t)text);
    if (own == NULL ||
        json_object_update_missing(own, (json_t *)(uintptr_t)im->config) < 0) {
        json_decref(own);
        return sov_mem_fail(err);
    }
    im->own_config = own;
    im->config = own;
    return 0;
}

static int
find_family(struct sov_import *im, const struct sov_family **family,
            struct sov_err *err)
{
    const json_t *list = sov_config_get(im->config, "architectures");
    const char *class = json_string_value(json_array_get(list, 0));
    int rc = sov_packed_read(&im->packed, im->config, err);

    if (rc < 0)
        return rc;
    if (class == NULL)
        return sov_fail(err, SOV_EFORMAT,
                        "config.json: architectures is not a list of names");
    for (size_t i = 0; i < N_ROWS; i++) {
        const struct row *row = &rows[i];

        if (strcmp(row->class, class) != 0 ||
            (row->family->takes != NULL && !row->family->takes(im)))
            continue;
        *family = row->family;
        if (!row->wrapped)
            return 0;
        rc = unwrap(im, err);
        return rc < 0 ? rc : sov_packed_read(&im->packed, im->config, err);
    }
    return sov_fail(err, SOV_EUNSUP,
                    "config.json: the architecture %.60s is not supported",
                    class);
}

/* The name of its folder, as long as that says something. */
static int
put_name(struct sov_import *im, struct sov_err *err)
{
    char *name = sov_model_title(im->model);
    int rc = 0;

    if (name == NULL)
        return 0;
    if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0)
        rc = sov_meta_set_str(im->meta, "general.name", name, err);
    free(name);
    return rc;
}

int
sov_import_view(struct sov_import *im, struct sov_err *err)
{
    const struct sov_family *family = NULL;
    int rc;

    im->config = sov_model_config(im->model);
    rc = find_family(im, &family, err);
    if (rc == 0)
        rc = sov_meta_new(&im->meta, err);
    if (rc == 0) {
        im->used = sov_mem_array(sov_model_count(im->model), sizeof(*im->used));
        if (im->used == NULL)
            rc = sov_mem_fail(err);
    }
    if (rc == 0)
        rc = sov_meta_set_str(im->meta, "general.architecture", "", err);
    if (rc == 0)
        rc = put_name(im, err);
    if (rc == 0)
        rc = sov_import_family(im, family, err);
    if (rc == 0)
        rc = check_used(im, err);
    return rc < 0 ? rc : sov_carried_read(im, err);
}

void
sov_import_free(struct sov_import *im)
{
    sov_meta_free(im->meta);
    json_decref(im->own_config);
    for (size_t i = 0; i < im->n_own; i++)
        free(im->own[i]);
    free(im->own);
    free(im->used);
    free(im->view);
}

int
sov_import(sov_model *model, struct sov_err *err)
{
    struct sov_import im = { .model = model };
    int rc = sov_import_view(&im, err);

    if (rc == 0) {
        sov_meta *meta = im.meta;

        im.meta = NULL; /* the model's from here on */
        rc = sov_model_rebuild(model, meta, im.view, im.n, err);
    }
    sov_import_free(&im);
    return rc;
}

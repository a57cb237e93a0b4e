/* SPDX-License-Identifier: Apache-2.0 */
/*
 * import_packed.c - matrices that are published in 8 bits, or one by one
 *
 * quantization_config of config.json says how the weights were made smaller:
 *
 *     fp8                  NAME.weight f8_e4m3 | NAME.weight_scale_inv, one for
 *                          each weight_block_size, or NAME.weight_scale
 *     fbgemm_fp8           NAME.weight_scale, one for each row
 *     compressed-tensors   NAME.weight f8_e4m3 or i8 | NAME.weight_scale by
 *                          strategy: tensor, channel, group or block
 *     modelopt             NAME.weight_scale, one for all
 *     mxfp4                the experts of gpt-oss, see import_gpt_oss.c
 *
 * Scales are f32, f16, bf16 or, of late, f8_e8m0.  A weight is its number times
 * its scale, as f32.  What a program may do with
 * activations (input_scale and the like) is none of our business.
 */
#include "arch/import.h"

#include "base/limits.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- quantization_config */

static int
not_so(const char *what, struct sov_err *err)
{
    return sov_fail(err, SOV_EUNSUP,
                    "config.json: the model is quantized already "
                    "(quantization_config: %.60s); import the original",
                    what);
}

/* [rows, columns], which need not be there. */
static int
read_block(const json_t *obj, const char *name, struct sov_packed *p,
           struct sov_err *err)
{
    const json_t *list = sov_config_get(obj, name);
    json_int_t v[2];

    if (list == NULL)
        return 0;
    for (size_t i = 0; i < 2; i++) {
        const json_t *j = json_array_get(list, i);

        v[i] = json_integer_value(j);
        if (json_array_size(list) != 2 || !json_is_integer(j) || v[i] < 1 ||
            v[i] > (json_int_t)SOV_WIDTH_MAX)
            return sov_fail(err, SOV_EFORMAT,
                            "config.json: %s is not two sizes", name);
    }
    p->tall = (uint64_t)v[0];
    p->wide = (uint64_t)v[1];
    return 0;
}

static int
read_fp8(const json_t *q, struct sov_packed *p, struct sov_err *err)
{
    p->scaled = true;
    return read_block(q, "weight_block_size", p, err);
}

static int
read_rows(const json_t *q, struct sov_packed *p, struct sov_err *err)
{
    (void)q;
    (void)err;
    p->scaled = true;
    return 0;
}

static int
read_mxfp4(const json_t *q, struct sov_packed *p, struct sov_err *err)
{
    (void)q;
    (void)err;
    p->mxfp4 = true;
    return 0;
}

/* What one group of layers has; they must have the same. */
static int
read_group(const json_t *group, struct sov_packed *p, struct sov_err *err)
{
    const json_t *w = sov_config_get(group, "weights");
    const char *strategy = NULL;
    uint64_t bits = 0;
    bool even = true;
    int rc = sov_config_u64(w, "num_bits", 1, 64, true, &bits, err);

    if (rc == 0)
        rc = sov_config_bool(w, "symmetric", &even, err);
    if (rc == 0)
        rc = sov_config_str(w, "strategy", &strategy, err);
    if (rc < 0)
        return rc;
    if (bits != 8 || !even)
        return not_so(bits != 8 ? "not of 8 bits" : "not symmetric", err);
    if (strategy != NULL && strcmp(strategy, "group") == 0) {
        p->tall = 1;
        return sov_config_u64(w, "group_size", 1, SOV_WIDTH_MAX, true, &p->wide,
                              err);
    }
    return strategy != NULL && strcmp(strategy, "block") == 0
               ? read_block(w, "block_structure", p, err)
               : 0;
}

static int
read_compressed(const json_t *q, struct sov_packed *p, struct sov_err *err)
{
    json_t *groups = (json_t *)sov_config_get(q, "config_groups"), *group;
    const char *format = NULL, *name;
    bool first = true;
    int rc = sov_config_str(q, "format", &format, err);

    if (rc < 0)
        return rc;
    if (format == NULL || (strcmp(format, "float-quantized") != 0 &&
                           strcmp(format, "int-quantized") != 0 &&
                           strcmp(format, "naive-quantized") != 0))
        return not_so(format != NULL ? format : "without a format", err);
    json_object_foreach(groups, name, group)
    {
        struct sov_packed one = { .scaled = true };

        rc = read_group(group, &one, err);
        if (rc == 0 && !first && (one.tall != p->tall || one.wide != p->wide))
            rc = not_so("groups of several kinds", err);
        if (rc < 0)
            return rc;
        *p = one;
        first = false;
    }
    return first ? not_so("without groups", err) : 0;
}

int
sov_packed_read(struct sov_packed *p, const json_t *config, struct sov_err *err)
{
    static const struct {
        const char *method;
        int (*read)(const json_t *q, struct sov_packed *p, struct sov_err *err);
    } methods[] = {
        { "fp8", read_fp8 },       { "fbgemm_fp8", read_rows },
        { "modelopt", read_rows }, { "compressed-tensors", read_compressed },
        { "mxfp4", read_mxfp4 },
    };
    const json_t *q = sov_config_get(config, "quantization_config");
    const char *method = NULL;
    int rc = q == NULL ? 0 : sov_config_str(q, "quant_method", &method, err);

    if (q == NULL || rc < 0)
        return rc;
    for (size_t i = 0; i < sizeof(methods) / sizeof(*methods); i++)
        if (method != NULL && strcmp(method, methods[i].method) == 0)
            return methods[i].read(q, p, err);
    return not_so(method != NULL ? method : "without a method", err);
}

bool
sov_packed_spare(const struct sov_packed *p, const char *name)
{
    static const char *const ends[] = { ".input_scale", ".input_scale_ub",
                                        ".activation_scale", ".k_scale",
                                        ".v_scale" };
    size_t len = strlen(name);

    for (size_t i = 0; i < sizeof(ends) / sizeof(*ends) && p->scaled; i++) {
        size_t n = strlen(ends[i]);

        if (len > n && strcmp(name + len - n, ends[i]) == 0)
            return true;
    }
    return false;
}

/* ---- scales */

static bool
is_packed(enum sov_type type)
{
    return type == SOV_TYPE_F8_E4M3 || type == SOV_TYPE_F8_E5M2 ||
           type == SOV_TYPE_I8;
}

bool
sov_import_plain(enum sov_type type)
{
    return type == SOV_TYPE_F32 || type == SOV_TYPE_F16 ||
           type == SOV_TYPE_BF16;
}

static int64_t
find_side(const struct sov_import *im, const char *name)
{
    static const char *const ends[] = { "_scale_inv", "_scale" };
    int64_t at = -1;

    for (size_t i = 0; i < 2 && at < 0; i++) {
        char *full;

        if (asprintf(&full, "%s%s", name, ends[i]) < 0)
            return -1;
        at = sov_model_find(im->model, full);
        free(full);
    }
    return at;
}

/* How many weights of [rows, cols] have a scale of these in common? */
static int
fit_scales(const struct sov_import *im, const struct sov_tensor *s,
           uint64_t rows, uint64_t cols, uint64_t *tall, uint64_t *wide,
           struct sov_err *err)
{
    uint64_t n = sov_tensor_count(s);

    *tall = rows;
    *wide = cols;
    if (im->packed.tall > 0) {
        *tall = im->packed.tall;
        *wide = im->packed.wide;
    } else if (n != 1) {
        *tall = 1; /* a row has one */
    }
    if (!sov_import_plain(s->type) && s->type != SOV_TYPE_F8_E8M0)
        return sov_fail(err, SOV_EUNSUP,
                        "tensor %.80s has the type %s; scales are f32, f16, "
                        "bf16 or f8_e8m0",
                        s->name, sov_type_info((int)s->type)->name);
    if (n == ((rows - 1) / *tall + 1) * ((cols - 1) / *wide + 1) &&
        (s->ndim < 2 || (s->ndim == 2 && s->dim[0] == (cols - 1) / *wide + 1)))
        return 0;
    return sov_fail(err, SOV_EFORMAT,
                    "tensor %.80s has not a scale for each %llu x %llu of "
                    "%llu x %llu weights",
                    s->name, (unsigned long long)*tall,
                    (unsigned long long)*wide, (unsigned long long)rows,
                    (unsigned long long)cols);
}

/* ---- matrices */

static int
find_scales(struct sov_import *im, struct sov_piece *piece, uint64_t rows,
            uint64_t cols, struct sov_recipe *r, struct sov_err *err)
{
    const struct sov_tensor *t = sov_model_at(im->model, piece->from);
    int64_t side = find_side(im, t->name);
    uint64_t tall, wide;
    int rc;

    if (!im->packed.scaled)
        return sov_fail(err, SOV_EUNSUP,
                        "tensor %.80s is %s, and config.json has no "
                        "quantization_config that says how",
                        t->name, sov_type_info((int)t->type)->name);
    if (side < 0)
        return sov_fail(err, SOV_EFORMAT,
                        "tensor %.80s is %s and has no scales (neither "
                        "_scale_inv nor _scale)",
                        t->name, sov_type_info((int)t->type)->name);
    rc = fit_scales(im, sov_model_at(im->model, (size_t)side), rows, cols,
                    &tall, &wide, err);
    if (rc < 0)
        return rc;
    if (r->make == SOV_MAKE_SCALED && (r->tall != tall || r->wide != wide))
        return sov_fail(err, SOV_EFORMAT,
                        "tensor %.80s has scales of another kind than those "
                        "before it",
                        t->name);
    im->used[side] = true;
    piece->side = (size_t)side;
    r->make = SOV_MAKE_SCALED;
    r->tall = tall;
    r->wide = wide;
    return 0;
}

/* All of one type, with scales where they need some. */
static int
fill_pieces(struct sov_import *im, struct sov_piece *piece, const size_t *at,
            size_t n, uint64_t rows, uint64_t cols, struct sov_recipe *r,
            struct sov_err *err)
{
    const struct sov_tensor *first = sov_model_at(im->model, at[0]);
    int rc = 0;

    for (size_t i = 0; i < n && rc == 0; i++) {
        const struct sov_tensor *t = sov_model_at(im->model, at[i]);

        piece[i] = (struct sov_piece){ .from = at[i], .side = SOV_NO_TENSOR };
        if (t->type != first->type)
            rc = sov_fail(err, SOV_EFORMAT,
                          "tensor %.80s is %s, but %.80s is %s", t->name,
                          sov_type_info((int)t->type)->name, first->name,
                          sov_type_info((int)first->type)->name);
        else if (is_packed(t->type))
            rc = find_scales(im, &piece[i], rows, cols, r, err);
        else if (!sov_import_plain(t->type))
            rc = sov_fail(err, SOV_EUNSUP,
                          "tensor %.80s has the type %s; only f32, f16 and "
                          "bf16 can be imported",
                          t->name, sov_type_info((int)t->type)->name);
    }
    return rc;
}

bool
sov_import_as_is(const struct sov_import *im, size_t at)
{
    enum sov_type type = sov_model_at(im->model, at)->type;

    return type == SOV_TYPE_F32 || (!im->f32 && sov_import_plain(type));
}

int
sov_import_matrices(struct sov_import *im, const char *to, const size_t *at,
                    size_t n, uint32_t ndim, uint64_t rows, uint64_t cols,
                    const struct sov_order *order, struct sov_err *err)
{
    const uint64_t dim[] = { cols, rows, n };
    struct sov_piece *piece = sov_mem_array(n, sizeof(*piece));
    struct sov_recipe r = { .make = SOV_MAKE_ROWS,
                            .piece = piece,
                            .n = n,
                            .rows = rows,
                            .cols = cols,
                            .step = 1 };
    enum sov_type type = sov_model_at(im->model, at[0])->type;
    int rc = piece == NULL ? sov_mem_fail(err)
                           : fill_pieces(im, piece, at, n, rows, cols, &r, err);

    if (rc == 0 && order != NULL && order->columns)
        rc = sov_fail(err, SOV_EUNSUP,
                      "tensor %.80s is %s, which is not supported for a "
                      "matrix that is turned",
                      sov_model_at(im->model, at[0])->name,
                      sov_type_info((int)type)->name);
    if (im->f32)
        r.make = SOV_MAKE_SCALED; /* maybe without scales */
    if (r.make == SOV_MAKE_SCALED)
        type = SOV_TYPE_F32;
    if (rc == 0)
        rc = sov_import_made(im, to, type, ndim, dim, order, &r, err);
    free(piece);
    return rc;
}

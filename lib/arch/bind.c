/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bind.c - tensors of a model as the matrices and vectors of a network
 */
#include "arch/bind.h"

#include "arch/low.h"
#include "base/limits.h"
#include "base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct sov_vec {
    struct sov_vec *next;
    _Alignas(16) unsigned char bytes[];
};

#define NAME_MAX_HERE 96
#define END_MAX       (NAME_MAX_HERE / 2) /* behind the layer */

static const char *
full_name(char buf[NAME_MAX_HERE], int64_t layer, const char *name)
{
    if (layer < 0)
        snprintf(buf, NAME_MAX_HERE, "%s", name);
    else
        snprintf(buf, NAME_MAX_HERE, "blk.%" PRId64 ".%s", layer, name);
    return buf;
}

static const struct sov_tensor *
find(const struct sov_bind *b, int64_t layer, const char *name)
{
    char full[NAME_MAX_HERE];
    int64_t i = sov_model_find(b->model, full_name(full, layer, name));

    return i < 0 ? NULL : sov_model_at(b->model, (size_t)i);
}

bool
sov_bind_has(const struct sov_bind *b, int64_t layer, const char *name)
{
    return find(b, layer, name) != NULL;
}

/* Can the numbers of this tensor be computed with? */
static int
check_type(struct sov_bind *b, const struct sov_tensor *t)
{
    if ((unsigned)t->type >= SOV_TYPE_GGUF_MAX ||
        sov_kern()->decode[t->type] == NULL)
        return sov_fail(b->err, SOV_EUNSUP, "tensor %s: type %s cannot be run",
                        t->name, sov_type_info(t->type)->name);
    if (t->data == NULL)
        return sov_fail(b->err, SOV_EARG,
                        "tensor %s is not in memory: the model was opened as "
                        "a stream",
                        t->name);
    return 0;
}

static int
wrong_shape(struct sov_bind *b, const struct sov_tensor *t, size_t n_in,
            size_t n_out)
{
    return sov_fail(b->err, SOV_EFORMAT,
                    "tensor %s is %" PRIu64 " x %" PRIu64
                    ", the metadata say %zu x %zu",
                    t->name, t->dim[0], sov_tensor_rows(t), n_in, n_out);
}

static const struct sov_tensor *
must_find(struct sov_bind *b, int64_t layer, const char *name)
{
    const struct sov_tensor *t = find(b, layer, name);
    char full[NAME_MAX_HERE];

    if (t == NULL)
        b->rc = sov_fail(b->err, SOV_EFORMAT, "tensor %s is missing",
                         full_name(full, layer, name));
    return t;
}

void *
sov_bind_own(struct sov_bind *b, size_t n, size_t size)
{
    struct sov_vec *vec = NULL;
    size_t bytes;

    if (!__builtin_mul_overflow(n, size, &bytes) &&
        bytes <= SIZE_MAX - sizeof(*vec))
        vec = sov_mem_array(1, sizeof(*vec) + bytes);
    if (vec == NULL) {
        b->rc = sov_mem_fail(b->err);
        return NULL;
    }
    vec->next = b->own;
    b->own = vec;
    return vec->bytes;
}

/* The first n numbers of a tensor. */
static const float *
numbers(struct sov_bind *b, const struct sov_tensor *t, size_t n)
{
    float *v;

    b->rc = check_type(b, t);
    if (b->rc < 0)
        return NULL;
    if (t->type == SOV_TYPE_F32 && (uintptr_t)t->data % sizeof(float) == 0)
        return (const float *)(const void *)t->data;
    v = sov_bind_own(b, n, sizeof(*v));
    if (v != NULL)
        sov_kern()->decode[t->type](t->data, v, n);
    return v;
}

/* rows vectors of n, one after the other. */
static const float *
vectors(struct sov_bind *b, int64_t layer, const char *name, size_t n,
        size_t rows, bool must)
{
    const struct sov_tensor *t;

    if (b->rc < 0)
        return NULL;
    t = must ? must_find(b, layer, name) : find(b, layer, name);
    if (t == NULL)
        return NULL;
    if (t->dim[0] != n || sov_tensor_rows(t) != rows) {
        b->rc = wrong_shape(b, t, n, rows);
        return NULL;
    }
    return numbers(b, t, n * rows); /* as many as the tensor has */
}

const float *
sov_bind_vec(struct sov_bind *b, int64_t layer, const char *name, size_t n,
             bool must)
{
    return vectors(b, layer, name, n, 1, must);
}

struct sov_norm
sov_bind_norm(struct sov_bind *b, int64_t layer, const char *name, size_t n,
              bool bias)
{
    struct sov_norm norm = { NULL, NULL };
    char full[END_MAX];

    snprintf(full, sizeof(full), "%s.weight", name);
    norm.w = sov_bind_vec(b, layer, full, n, true);
    snprintf(full, sizeof(full), "%s.bias", name);
    if (bias)
        norm.b = sov_bind_vec(b, layer, full, n, true);
    return norm;
}

bool
sov_bind_has_norm(const struct sov_bind *b, int64_t layer, const char *name)
{
    char full[END_MAX];

    snprintf(full, sizeof(full), "%s.weight", name);
    return sov_bind_has(b, layer, full);
}

const float *
sov_bind_row(struct sov_bind *b, const char *name, size_t n)
{
    const struct sov_tensor *t;
    char weight[END_MAX];

    if (b->rc < 0)
        return NULL;
    snprintf(weight, sizeof(weight), "%s.weight", name);
    t = must_find(b, -1, weight);
    if (t == NULL)
        return NULL;
    if (t->dim[0] != n || sov_tensor_rows(t) < 1) {
        b->rc = wrong_shape(b, t, n, 1);
        return NULL;
    }
    return numbers(b, t, n);
}

static struct sov_mat
matrix(struct sov_bind *b, const struct sov_tensor *t, size_t n_in,
       size_t n_out)
{
    struct sov_mat m = { 0 };

    b->rc = check_type(b, t);
    if (b->rc < 0)
        return m;
    m.data = t->data;
    m.type = t->type;
    b->types |= sov_type_bit(t->type);
    m.n_in = n_in;
    m.n_out = n_out;
    m.row_bytes = (size_t)sov_tensor_row_bytes(t);
    sov_low_bind(b, t, &m);
    return m;
}

/* NAME.weight, and what the bias beside it would be called; NULL: there is
 * none, or something was wrong before. */
static const struct sov_tensor *
find_weight(struct sov_bind *b, int64_t layer, const char *name,
            char bias[END_MAX])
{
    char weight[END_MAX];

    if (b->rc < 0)
        return NULL;
    snprintf(weight, sizeof(weight), "%s.weight", name);
    snprintf(bias, END_MAX, "%s.bias", name);
    return must_find(b, layer, weight);
}

struct sov_mat
sov_bind_mat(struct sov_bind *b, int64_t layer, const char *name, size_t n_in,
             size_t n_out)
{
    struct sov_mat m = { 0 };
    char bias[END_MAX];
    const struct sov_tensor *t = find_weight(b, layer, name, bias);

    if (t == NULL)
        return m;
    if (n_out == 0 && t->ndim == 2 && t->dim[1] > 0)
        n_out = (size_t)t->dim[1];
    if (t->ndim > 2 || t->dim[0] != n_in || t->dim[1] != n_out) {
        b->rc = wrong_shape(b, t, n_in, n_out);
        return m;
    }
    m = matrix(b, t, n_in, n_out);
    m.bias = sov_bind_vec(b, layer, bias, n_out, false);
    return m;
}

struct sov_mat
sov_bind_stack(struct sov_bind *b, int64_t layer, const char *name, size_t n_in,
               size_t n_out, size_t n)
{
    struct sov_mat m = { 0 };
    char bias[END_MAX];
    const struct sov_tensor *t = find_weight(b, layer, name, bias);

    if (t == NULL)
        return m;
    if (t->ndim > 3 || t->dim[0] != n_in || t->dim[1] != n_out ||
        t->dim[2] != n) {
        b->rc =
            sov_fail(b->err, SOV_EFORMAT,
                     "tensor %s is %" PRIu64 " x %" PRIu64 " x %" PRIu64
                     ", the metadata say %zu x %zu x %zu",
                     t->name, t->dim[0], t->dim[1], t->dim[2], n_in, n_out, n);
        return m;
    }
    m = matrix(b, t, n_in, n_out);
    m.bias = vectors(b, layer, bias, n_out, n, false);
    return m;
}

struct sov_mat
sov_bind_of_stack(const struct sov_mat *first, size_t i)
{
    struct sov_mat m = *first;

    m.data += i * m.n_out * m.row_bytes;
    if (m.bias != NULL)
        m.bias += i * m.n_out;
    return m;
}

void
sov_bind_free(struct sov_vec *own)
{
    while (own != NULL) {
        struct sov_vec *next = own->next;

        free(own);
        own = next;
    }
}

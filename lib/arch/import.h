/* SPDX-License-Identifier: Apache-2.0 */
/*
 * import.h - a published model directory as the GGUF file would have it
 *
 * Each architecture that can be imported is one file and one row of
 * imports.def.  A row reads config.json through the helpers here, writes the
 * keys, and names for each tensor of the result the tensor it comes from.
 */
#ifndef SOV_ARCH_IMPORT_H
#define SOV_ARCH_IMPORT_H

#include "fmt/model.h"
#include "sov/meta.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How matrices were made smaller before they were published. */
struct sov_packed {
    bool scaled;   /* numbers of 8 bits, scales beside them ... */
    uint64_t tall; /* ... for so many rows and columns each; 0: for each row, */
    uint64_t wide; /* or for all */
    bool mxfp4;    /* experts are codes of 4 bits */
};

struct sov_import {
    sov_model *model;
    const json_t *config; /* an object */
    json_t *own_config;   /* owned: the same, if it had to be made */
    const char *base;     /* names may lack it: "model.", or NULL */
    bool wrapped;         /* the text of a model that sees pictures, too */
    sov_meta *meta;       /* being written */
    struct sov_view *view;
    size_t n;
    size_t cap;
    struct sov_packed packed;
    float plus; /* is added to vectors that become f32 */
    bool f32;   /* matrices become f32, too */
    bool *used; /* tensors of the directory that have a place */
    void **own; /* what the views borrow until they are copied */
    size_t n_own;
    size_t own_cap;
};

/*
 * Put the imported model in place of the directory's tensors.  What cannot be
 * imported is SOV_EUNSUP and named.
 */
int sov_import(sov_model *model, struct sov_err *err) SOV_MUST_CHECK;

/* The same in steps: what im.model would become, in im; free im in any case. */
int sov_import_view(struct sov_import *im, struct sov_err *err) SOV_MUST_CHECK;
void sov_import_free(struct sov_import *im);

/* Keep p until the import ends, or free it now and fail; NULL: no memory. */
int sov_import_keep(struct sov_import *im, void *p,
                    struct sov_err *err) SOV_MUST_CHECK;

/* A side file of the directory as JSON, NULL if this fails; 1: there is no such
 * file. */
int sov_import_json(struct sov_import *im, const char *name, json_t **json,
                    struct sov_err *err) SOV_MUST_CHECK;

/* ---- config.json, or an object in it */

/* A member; NULL if it is missing or null. */
const json_t *sov_config_get(const json_t *obj, const char *name);

/*
 * A whole number in [min, max].  A missing one is left as *v is, or is an
 * error if must.
 */
int sov_config_u64(const json_t *obj, const char *name, uint64_t min,
                   uint64_t max, bool must, uint64_t *v,
                   struct sov_err *err) SOV_MUST_CHECK;

/* A finite number above 0, as a float can hold it. */
int sov_config_positive(const json_t *obj, const char *name, bool must,
                        double *v, struct sov_err *err) SOV_MUST_CHECK;

int sov_config_bool(const json_t *obj, const char *name, bool *v,
                    struct sov_err *err) SOV_MUST_CHECK;

/* A string, NULL if it is missing. */
int sov_config_str(const json_t *obj, const char *name, const char **v,
                   struct sov_err *err) SOV_MUST_CHECK;

/* ---- tensors */

/*
 * The tensor that is called so, or so without im->base, or as a part of what
 * wraps it; -1: none.
 */
int64_t sov_import_at(const struct sov_import *im, const char *from);

/*
 * Tensor `to` is tensor `from` of the directory and will be [rows, cols] (rows
 * 0: a vector of cols), its rows in this order.  A matrix keeps its type; a
 * vector becomes f32, as all programs that read GGUF want it.  A missing tensor
 * is an error if must.
 */
int sov_import_tensor(struct sov_import *im, const char *to, const char *from,
                      uint64_t rows, uint64_t cols,
                      const struct sov_order *order, bool must,
                      struct sov_err *err) SOV_MUST_CHECK;

/* A new vector of n floats, copied. */
int sov_import_vector(struct sov_import *im, const char *to, const float *v,
                      uint64_t n, struct sov_err *err) SOV_MUST_CHECK;

/* Add what the result shall have; the view is copied, what it points at not. */
int sov_import_add(struct sov_import *im, const struct sov_view *view,
                   struct sov_err *err) SOV_MUST_CHECK;

/* ---- import_stack.c: tensors that are made of several */

/*
 * Tensor `to` [n, rows, cols] is the matrices that are called `from` with their
 * number in place of the *.
 */
int sov_import_stack(struct sov_import *im, const char *to, const char *from,
                     uint64_t n, uint64_t rows, uint64_t cols,
                     struct sov_err *err) SOV_MUST_CHECK;

/*
 * The same where they are published as one tensor [n, of * rows, cols], in
 * which each has `of` matrices below each other: this is number `which`.
 */
int sov_import_fused(struct sov_import *im, const char *to, const char *from,
                     uint64_t n, uint64_t rows, uint64_t cols, unsigned of,
                     unsigned which, struct sov_err *err) SOV_MUST_CHECK;

/* Where the tensor is that must have this shape, dim[0] being the last of its
 * publisher's; it has a place. */
int sov_import_find(struct sov_import *im, const char *name, uint32_t ndim,
                    const uint64_t *dim, size_t *at,
                    struct sov_err *err) SOV_MUST_CHECK;

/* ... and be of f32, f16 or bf16. */
int sov_import_find_plain(struct sov_import *im, const char *name,
                          uint32_t ndim, const uint64_t *dim, size_t *at,
                          struct sov_err *err) SOV_MUST_CHECK;

/* A tensor that is made as it is read, its rows then in this order (or NULL);
 * all is copied. */
int sov_import_made(struct sov_import *im, const char *to, enum sov_type type,
                    uint32_t ndim, const uint64_t *dim,
                    const struct sov_order *order,
                    const struct sov_recipe *recipe,
                    struct sov_err *err) SOV_MUST_CHECK;

/* ---- import_packed.c: what quantization_config says, tensors of it that are
 * of no use here, and matrices [rows, cols] behind each other */

int sov_packed_read(struct sov_packed *p, const json_t *config,
                    struct sov_err *err) SOV_MUST_CHECK;
bool sov_packed_spare(const struct sov_packed *p, const char *name);

/* f32, f16 or bf16; and, is tensor `at` of the directory taken as it is? */
bool sov_import_plain(enum sov_type type);
bool sov_import_as_is(const struct sov_import *im, size_t at);
int sov_import_matrices(struct sov_import *im, const char *to, const size_t *at,
                        size_t n, uint32_t ndim, uint64_t rows, uint64_t cols,
                        const struct sov_order *order,
                        struct sov_err *err) SOV_MUST_CHECK;

/* import_vocab.c: tokenizer.model and what stands beside it, as keys; n_vocab
 * is what config.json says, 0 for nothing. */
int sov_import_vocab(struct sov_import *im, uint64_t n_vocab,
                     struct sov_err *err) SOV_MUST_CHECK;

/* carried.c: keys that config.json carries for GGUF, see there. */
int sov_carried_read(struct sov_import *im, struct sov_err *err) SOV_MUST_CHECK;
int sov_carried_write(json_t *config, const sov_meta *meta,
                      const sov_meta *made, struct sov_err *err) SOV_MUST_CHECK;

/* import_pool.c: how the states of tokens become one, by the folder that says
 * so, as ARCH.pooling_type. */
int sov_import_pooling(struct sov_import *im, const char *arch,
                       struct sov_err *err) SOV_MUST_CHECK;

#endif

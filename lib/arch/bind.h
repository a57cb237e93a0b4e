/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bind.h - tensors of a model as the matrices and vectors of a network
 *
 * A tensor is found by its name, and its shape must be what the
 * hyper-parameters say; matrices stay where they are mapped, vectors (norm
 * weights, biases) become f32 of our own, where they are not f32 in the map.
 */
#ifndef SOV_ARCH_BIND_H
#define SOV_ARCH_BIND_H

#include "nn/mat.h"
#include "sov/lora.h"
#include "sov/model.h"

struct sov_vec; /* memory that is owned */

/* The weights of a norm; w NULL: there is none. */
struct sov_norm {
    const float *w;
    const float *b; /* of a layer norm alone */
};

struct sov_bind {
    const sov_model *model;
    struct sov_err *err;
    struct sov_vec *own; /* all vectors so far */
    int rc;              /* sticky: after a failure the rest gives NULL */
    uint64_t types;      /* sov_type_bit() of all matrices so far */
    /* adapters, and what was found of them so far: see low.h */
    const struct sov_lora_use *lora;
    size_t n_lora;
    bool *taken;         /* of each matrix of each of them: it has its place */
    uint64_t low_types;  /* sov_type_bit() of the matrices B */
    size_t low_rank;     /* the largest */
    uint64_t low_bytes;  /* of copies of them */
};

/* Is there a tensor blk.LAYER.NAME? */
bool sov_bind_has(const struct sov_bind *b, int64_t layer, const char *name);

/*
 * The matrix blk.LAYER.NAME.weight (layer -1: NAME.weight) of n_out rows of
 * n_in, and NAME.bias if there is one.  n_out 0: any number of rows.
 */
struct sov_mat sov_bind_mat(struct sov_bind *b, int64_t layer,
                            const char *name, size_t n_in, size_t n_out);

/*
 * The matrices blk.LAYER.NAME.weight of n experts, one after the other, and
 * their biases if there are any: the first of them.
 */
struct sov_mat sov_bind_stack(struct sov_bind *b, int64_t layer,
                              const char *name, size_t n_in, size_t n_out,
                              size_t n);

/* Number i of such a stack. */
struct sov_mat sov_bind_of_stack(const struct sov_mat *first, size_t i);

/* The vector blk.LAYER.NAME of n; NULL if it is missing and not must. */
const float *sov_bind_vec(struct sov_bind *b, int64_t layer, const char *name,
                          size_t n, bool must);

/* NAME.weight and, with bias, NAME.bias, which both must be there. */
struct sov_norm sov_bind_norm(struct sov_bind *b, int64_t layer,
                              const char *name, size_t n, bool bias);

bool sov_bind_has_norm(const struct sov_bind *b, int64_t layer,
                       const char *name);

/* Row 0 of the matrix NAME.weight of rows of n. */
const float *sov_bind_row(struct sov_bind *b, const char *name, size_t n);

/* Zeroed memory for n of size bytes, which lives as long as the network. */
void *sov_bind_own(struct sov_bind *b, size_t n, size_t size);

void sov_bind_free(struct sov_vec *own);

#endif

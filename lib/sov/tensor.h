/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tensor.h - element types and the view of one tensor
 *
 * Dimensions are in GGUF order everywhere: dim[0] is the row length (the input
 * side of a matrix), dim[1] the number of rows, dim[2] the number of matrices.
 * A PyTorch weight [out, in] is dim = { in, out }, the bytes unchanged.
 */
#ifndef SOV_TENSOR_H
#define SOV_TENSOR_H

#include "sov/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Numeric value = type id in a GGUF file; from 256 on: safetensors only. */
enum sov_type {
#define TYPE(sym, id, name, block, bytes, kind) SOV_TYPE_##sym = (id),
#include "sov/types.def"
#undef TYPE
    SOV_TYPE_NONE = -1,
};

#define SOV_TYPE_GGUF_MAX 256 /* GGUF ids are below this: size of tables */

enum sov_kind {
    SOV_KIND_FLOAT, /* plain floating point numbers */
    SOV_KIND_BLOCK, /* blocks of quantized weights */
    SOV_KIND_ACT,   /* blocks for activations, never in a model file */
    SOV_KIND_INT,   /* integers and truth values: carried, not computed with */
};

struct sov_type_info {
    enum sov_type type;
    const char *name;   /* lower case: "q4_k" */
    uint32_t block;     /* weights in a block */
    uint32_t bytes;     /* bytes of a block */
    enum sov_kind kind;
};

/* A bit for each type, in sets of them; those from 63 on share the last. */
static inline uint64_t
sov_type_bit(enum sov_type type)
{
    return UINT64_C(1) << (type < 63 ? (int)type : 63);
}

/* NULL if there is no such type. */
SOV_API const struct sov_type_info *sov_type_info(int type);
SOV_API const struct sov_type_info *sov_type_by_name(const char *name);

#define SOV_NDIM_MAX 4

struct sov_tensor {
    const char *name;            /* NUL-terminated, owned by the model */
    enum sov_type type;
    uint32_t ndim;               /* 0 to SOV_NDIM_MAX; 0 is a single number */
    uint64_t dim[SOV_NDIM_MAX];  /* 1 beyond ndim */
    uint64_t size;               /* bytes */
    const void *data;            /* all of it in memory, or NULL: see model.h */
};

/* dim[0] x ... ; bytes of one row; number of rows (dim[1] x ...). */
SOV_API uint64_t sov_tensor_count(const struct sov_tensor *t);
SOV_API uint64_t sov_tensor_row_bytes(const struct sov_tensor *t);
SOV_API uint64_t sov_tensor_rows(const struct sov_tensor *t);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * write.h - writing a GGUF file without ever seeking
 *
 * Every offset of a GGUF file follows from the types and shapes of its
 * tensors.  So a plan is made first; then the writer puts out the header, takes
 * the tensors' bytes in the order of the plan, and pads between them.  A pipe
 * will do as output.
 */
#ifndef SOV_WRITE_H
#define SOV_WRITE_H

#include "sov/err.h"
#include "sov/io.h"
#include "sov/meta.h"
#include "sov/tensor.h"

#include <stddef.h>
#include <stdint.h>

typedef struct sov_plan sov_plan;
typedef struct sov_writer sov_writer;

/* A plan starts with a copy of meta (or none for NULL). */
SOV_API int sov_plan_new(sov_plan **plan, const sov_meta *meta,
                         struct sov_err *err) SOV_MUST_CHECK;
SOV_API void sov_plan_free(sov_plan *plan);

/* The output's metadata, to be changed until the plan is frozen. */
SOV_API sov_meta *sov_plan_meta(sov_plan *plan);

/* Append a tensor; the name is copied. */
SOV_API int sov_plan_add(sov_plan *plan, const char *name, enum sov_type type,
                         uint32_t ndim, const uint64_t *dim,
                         struct sov_err *err) SOV_MUST_CHECK;

/*
 * Compute header and offsets.  align is a power of two of at least 8; 32, and
 * general.alignment is left out, unless it differs.
 */
SOV_API int sov_plan_freeze(sov_plan *plan, uint32_t align,
                            struct sov_err *err) SOV_MUST_CHECK;

SOV_API size_t sov_plan_count(const sov_plan *plan);
SOV_API const struct sov_tensor *sov_plan_at(const sov_plan *plan, size_t i);
SOV_API uint64_t sov_plan_bytes(const sov_plan *plan); /* of the whole file */

/* Write the header.  plan and sink are borrowed until sov_writer_end. */
SOV_API int sov_writer_begin(sov_writer **w, const sov_plan *plan,
                             sov_sink *sink, struct sov_err *err)
    SOV_MUST_CHECK;

/*
 * The next len bytes of tensor data, in plan order, padding not included; a
 * call may end one tensor but not run over its end.
 */
SOV_API int sov_writer_data(sov_writer *w, const void *buf, size_t len,
                            struct sov_err *err) SOV_MUST_CHECK;

/* Fails with SOV_EARG if tensors are missing.  Frees w in any case. */
SOV_API int sov_writer_end(sov_writer **w, struct sov_err *err) SOV_MUST_CHECK;
SOV_API void sov_writer_abort(sov_writer *w);

#endif

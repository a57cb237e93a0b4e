/* SPDX-License-Identifier: Apache-2.0 */
/*
 * write.h - writing the files of a model without ever seeking
 *
 * Every offset of a GGUF or safetensors file follows from the types and shapes
 * of its tensors.  So a plan is made first; then the writer puts out the header
 * of each file, takes the tensors' bytes in the order of the plan, and pads
 * between them.  A pipe will do as output.
 *
 * A plan has one file or several: a model that is cut into parts, its index,
 * and files that go beside them.  They are written one after another.
 */
#ifndef SOV_WRITE_H
#define SOV_WRITE_H

#include "sov/err.h"
#include "sov/io.h"
#include "sov/meta.h"
#include "sov/tensor.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct sov_plan sov_plan;
typedef struct sov_writer sov_writer;

/* A file that goes beside a model. */
struct sov_side {
    const char *name;
    const void *bytes;
    size_t len;
};

/* A plan starts with a copy of meta (or none for NULL). */
SOV_API int sov_plan_new(sov_plan **plan, const sov_meta *meta,
                         struct sov_err *err) SOV_MUST_CHECK;
SOV_API void sov_plan_free(sov_plan *plan);

/* The output's metadata, to be changed until the plan is frozen. */
SOV_API sov_meta *sov_plan_meta(sov_plan *plan);
/* The same, to be looked at. */
SOV_API const sov_meta *sov_plan_meta_of(const sov_plan *plan);

/* Append a tensor; the name is copied. */
SOV_API int sov_plan_add(sov_plan *plan, const char *name, enum sov_type type,
                         uint32_t ndim, const uint64_t *dim,
                         struct sov_err *err) SOV_MUST_CHECK;

/* Add a file of its own that is written before the tensors; all is copied. */
SOV_API int sov_plan_side(sov_plan *plan, const char *name, const void *bytes,
                          size_t len, struct sov_err *err) SOV_MUST_CHECK;

/* What the files shall look like; zeros mean one GGUF file. */
struct sov_layout {
    const char *form;     /* "gguf" (or NULL), "safetensors" */
    const char *name;     /* of the file, such as "small.gguf", or NULL */
    uint32_t align;       /* GGUF: a power of two of at least 8; 0: 32 */
    uint64_t max_bytes;   /* begin a new file before this size; 0: never */
    uint64_t max_tensors; /* ... and behind so many tensors */
};

/*
 * Compute headers and offsets.  A type or name that the form cannot hold is
 * SOV_EUNSUP.  In GGUF general.alignment is left out unless it differs from
 * 32, or was there and agrees; a limit on size or tensors makes it a split, as
 * llama-gguf-split does, also of one file.  Safetensors have as metadata the
 * keys "safetensors.KEY" that are strings.
 *
 * A tensor is never cut: a file with one tensor may be above max_bytes.
 */
SOV_API int sov_plan_lay(sov_plan *plan, const struct sov_layout *layout,
                         struct sov_err *err) SOV_MUST_CHECK;

/* The same for one GGUF file. */
SOV_API int sov_plan_freeze(sov_plan *plan, uint32_t align,
                            struct sov_err *err) SOV_MUST_CHECK;

SOV_API size_t sov_plan_count(const sov_plan *plan);
SOV_API const struct sov_tensor *sov_plan_at(const sov_plan *plan, size_t i);
SOV_API uint64_t sov_plan_bytes(const sov_plan *plan); /* of all files */

/* One file of a frozen plan. */
struct sov_plan_file {
    const char *name; /* without a folder: NAME-00001-of-00002.gguf */
    uint64_t bytes;
    size_t first; /* its tensors: n from this one on */
    size_t n;
};

/*
 * The files, in the order in which they are written.  The first is the one
 * that the others are found by, unless there are files beside the model.
 */
SOV_API size_t sov_plan_files(const sov_plan *plan);
SOV_API const struct sov_plan_file *sov_plan_file(const sov_plan *plan,
                                                  size_t i);

/* Where tensor i begins: in which file, and at which byte of it. */
SOV_API void sov_plan_place(const sov_plan *plan, size_t i, size_t *file,
                            uint64_t *off);

/*
 * Begin the first file.  There is a sink for each file; plan and sinks are
 * borrowed until sov_writer_end.
 */
SOV_API int sov_writer_begin(sov_writer **w, const sov_plan *plan,
                             sov_sink *const *sinks,
                             struct sov_err *err) SOV_MUST_CHECK;

/*
 * The next len bytes of tensor data, in plan order, padding not included; a
 * call may end one tensor but not run over its end.
 */
SOV_API int sov_writer_data(sov_writer *w, const void *buf, size_t len,
                            struct sov_err *err) SOV_MUST_CHECK;

/*
 * In place of sinks: somebody who looks at tensors as they are made, in the
 * order of the plan.  Of a tensor that is not wanted nothing is made, unless
 * others hang on it.
 */
struct sov_taker {
    bool (*wants)(void *arg, size_t tensor); /* NULL: all of them */
    /* Bytes [off, off + len) of a tensor of the plan; each comes once. */
    int (*take)(void *arg, size_t tensor, uint64_t off, const void *buf,
                size_t len, struct sov_err *err);
    void *arg;
};

/* Fails with SOV_EARG if tensors are missing.  Frees w in any case. */
SOV_API int sov_writer_end(sov_writer **w, struct sov_err *err) SOV_MUST_CHECK;
SOV_API void sov_writer_abort(sov_writer *w);

#endif

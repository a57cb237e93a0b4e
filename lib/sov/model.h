/* SPDX-License-Identifier: Apache-2.0 */
/*
 * model.h - one view of a model, whatever form it came in
 *
 * A GGUF file (one, or split), a safetensors file (one, or sharded with its
 * index), a Hugging Face directory, or standard input that carries a GGUF or
 * safetensors file.  A directory is imported: its metadata, tokenizer, tensor
 * names and layouts appear as the GGUF file would have them.  Each of them also
 * inside a tar or zip archive, plain or compressed by gzip, xz or zstd, and
 * one file compressed so; an archive has one model.
 *
 * A model is read-only after it is opened, and owns all it shows.
 */
#ifndef SOV_MODEL_H
#define SOV_MODEL_H

#include "sov/base.h"
#include "sov/err.h"
#include "sov/hash.h"
#include "sov/meta.h"
#include "sov/tensor.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct sov_model sov_model;

enum sov_access {
    /*
     * Tensors are pulled with sov_model_read(), from a pipe in file order, in
     * constant memory.  data is NULL.
     */
    SOV_ACCESS_STREAM,
    /*
     * All tensors are mapped and data points at them; a pipe is spooled to a
     * nameless temporary file first.  A model whose bytes are not in the file
     * as a tensor shows them (permuted rows, big-endian, experts one by one) is
     * copied to memory.
     */
    SOV_ACCESS_MAP,
};

/* path "-" is standard input. */
SOV_API int sov_model_open(sov_model **model, const char *path,
                           enum sov_access access, struct sov_err *err)
    SOV_MUST_CHECK;
SOV_API void sov_model_close(sov_model *model);

/* How the bytes of plain files are held to what is known of them. */
enum sov_hold {
    SOV_HOLD_FILE,   /* they are hashed; who can write can change them later,
                        which is told at the end */
    SOV_HOLD_AUTO,   /* VERITY digests are those that the kernel enforces, where
                        it does, and nothing is hashed then */
    SOV_HOLD_VERITY, /* the same, and SOV_EUNSUP where it does not */
    SOV_HOLD_COPY,   /* a copy is hashed and used */
    SOV_HOLD_LAZY,   /* each group is checked when it is first touched */
};

/*
 * Asked for digests, the model hashes each of its files once: a pipe, and what
 * is read from an archive in one pass, as the bytes go by; a plain file in
 * sov_model_finish().  begin is called before the first byte of a file is
 * hashed, maybe before the model is open: then sov_model_file_name() and
 * sov_model_side() work already, and sov_hasher_expect() on h.
 */
struct sov_model_opts {
    enum sov_access access;
    bool plain;    /* as sov_model_open_plain() */
    unsigned hash; /* enum sov_hash_bit, or'ed */
    int (*begin)(void *arg, sov_model *model, size_t file, sov_hasher *h,
                 struct sov_err *err); /* or NULL */
    void *arg;
    sov_progress_fn progress; /* of hashing plain files, or NULL */
    void *progress_arg;
    enum sov_hold hold;
    /*
     * SOV_HOLD_LAZY, of a model of one plain file: its digest (VERITY, and the
     * size), which becomes that of the model, and the groups that make it
     * (index.h), borrowed.  broken is told the place of the first group that is
     * not right, perhaps in a signal handler, and must not return.
     */
    const struct sov_digest *known;
    const unsigned char *groups;
    size_t n_groups;
    void (*broken)(void *arg, uint64_t off);
    void *broken_arg;
};

SOV_API int sov_model_open_with(sov_model **model, const char *path,
                                const struct sov_model_opts *opts,
                                struct sov_err *err) SOV_MUST_CHECK;

/*
 * The same without the import: of a Hugging Face directory the tensors as its
 * files have them, under their own names, and no metadata.  For looking at
 * what sov_model_open() cannot handle (SOV_EUNSUP).
 */
SOV_API int sov_model_open_plain(sov_model **model, const char *path,
                                 enum sov_access access,
                                 struct sov_err *err) SOV_MUST_CHECK;

/* "gguf", "safetensors", "huggingface" */
SOV_API const char *sov_model_format(const sov_model *model);
SOV_API const sov_meta *sov_model_meta(const sov_model *model);

/* Bytes of all files together, as far as known (0 for a pipe). */
SOV_API uint64_t sov_model_bytes(const sov_model *model);

/* Files that it was read from, for refusing them as output. */
SOV_API size_t sov_model_files(const sov_model *model,
                               const char *const **paths);

/* Tensors, in file order. */
SOV_API size_t sov_model_count(const sov_model *model);
SOV_API const struct sov_tensor *sov_model_at(const sov_model *model,
                                              size_t i);
/* Is any of it a pipe that was not spooled, to be read once and forward? */
SOV_API bool sov_model_forward(const sov_model *model);

/* Index of a tensor, or -1. */
SOV_API int64_t sov_model_find(const sov_model *model, const char *name);

/*
 * Where the bytes of tensor i lie: the file (one of sov_model_files(), or the
 * pipe's name), *off and the tensor's size.  They are bytes as in the file:
 * of a big-endian or imported model, in another order than shown.  False for a
 * tensor that an import made up, or makes of others.
 */
SOV_API bool sov_model_place(const sov_model *model, size_t i,
                             const char **path, uint64_t *off);

/*
 * Warnings of the reader (gaps, trailing bytes, unknown keys), for -v and for
 * people; i from 0, NULL at the end.
 */
SOV_API const char *sov_model_warning(const sov_model *model, size_t i);

/* Can tensors be read in any order?  Not those of a pipe. */
SOV_API bool sov_model_seeks(const sov_model *model);

/*
 * Bytes [off, off + len) of tensor i into buf, little-endian, rows in the
 * order the tensor shows.  off and len are whole blocks of whole rows where the
 * tensor was imported with another row order.  On a pipe, calls go forward
 * only (i and off never smaller than before), and what lies between is
 * skipped.
 */
SOV_API int sov_model_read(sov_model *model, size_t i, uint64_t off, void *buf,
                           size_t len, struct sov_err *err) SOV_MUST_CHECK;

/* ---- its files, and what goes beside them ---- */

/*
 * Read pipes and archives to their ends, and finish all digests.  A file that
 * was changed since it was opened is SOV_EIO, also at a second call.
 * Afterwards a pipe has no bytes left; other models can be read as before.
 */
SOV_API int sov_model_finish(sov_model *model, struct sov_err *err)
    SOV_MUST_CHECK;

/*
 * The files that were read, in that order (of an archive, every member): the
 * name within the model's folder or archive, "-" for standard input.  NULL at
 * the end.
 */
SOV_API const char *sov_model_file_name(const sov_model *model, size_t file);

/* Its digest, borrowed; NULL if it is not known (yet). */
SOV_API const struct sov_digest *sov_model_digest(const sov_model *model,
                                                  size_t file);

/*
 * Its hasher, borrowed, or NULL: of a pipe, ranges can still be set before the
 * first tensor is read; with SOV_HASH_GROUPS it stays for its groups.
 */
SOV_API sov_hasher *sov_model_hasher(const sov_model *model, size_t file);

/* What goes with a model and is no part of it. */
enum sov_side_kind {
    SOV_SIDE_CLAIMS, /* MODEL.claims.jsonl; claims.jsonl of a folder; also
                        sov/ancestors.jsonl and sov/leaf.jsonl of an archive */
    SOV_SIDE_INDEX,  /* MODEL.sovidx; claims.sovidx of a folder */
};

/*
 * The text of such a file, i from 0, borrowed; 1: there is no further one.
 * Members of an archive that come after the model are there after
 * sov_model_finish().
 */
SOV_API int sov_model_side(sov_model *model, enum sov_side_kind what, size_t i,
                           const char **name, const char **text, size_t *len,
                           struct sov_err *err) SOV_MUST_CHECK;

#endif

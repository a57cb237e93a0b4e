/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stats.h - what went through a model's matrices when it read some text
 *
 * The files are those of llama.cpp's llama-imatrix: a GGUF file, or the older
 * binary form.  An entry belongs to one tensor, by name, and has a value for
 * each column of it (for each input), the mean of the squares that were seen
 * there: what an error in that column's weights costs.  A tensor that is a
 * stack of experts has an entry as long as all their columns together.
 */
#ifndef SOV_STATS_H
#define SOV_STATS_H

#include "sov/base.h"
#include "sov/err.h"
#include "sov/hash.h"

#include <stddef.h>
#include <stdint.h>

typedef struct sov_stats sov_stats;

/*
 * path "-" is standard input; a pipe goes to a temporary file.  All of it is
 * checked: numbers that are NaN, infinite or negative are refused.
 */
SOV_API int sov_stats_open(sov_stats **stats, const char *path,
                           struct sov_err *err) SOV_MUST_CHECK;
SOV_API void sov_stats_close(sov_stats *stats);

/* Entries, in order of the file; the name of entry i's tensor. */
SOV_API size_t sov_stats_count(const sov_stats *stats);
SOV_API const char *sov_stats_name(const sov_stats *stats, size_t i);
/* The entry of a tensor, or -1. */
SOV_API int64_t sov_stats_find(const sov_stats *stats, const char *name);

/* Values of entry i: columns of a matrix, times matrices. */
SOV_API uint64_t sov_stats_values(const sov_stats *stats, size_t i);

/*
 * Values [first, first + n) of entry i into mean[n].  They are 1 in a matrix
 * (an expert) that saw nothing.
 */
SOV_API void sov_stats_mean(const sov_stats *stats, size_t i, uint64_t first,
                            size_t n, float *mean);

/* How many matrices of entry i saw nothing; *which is the first of them. */
SOV_API uint64_t sov_stats_unseen(const sov_stats *stats, size_t i,
                                  uint64_t *which);

/* The texts that were read, as the file names them; NULL at the end. */
SOV_API const char *sov_stats_dataset(const sov_stats *stats, size_t i);
/* How much of them: chunks, and tokens in a chunk; 0: not told. */
SOV_API uint64_t sov_stats_chunks(const sov_stats *stats);
SOV_API uint64_t sov_stats_chunk_size(const sov_stats *stats);

/* Its format: "gguf" (also of what was collected here, see sov/calib.h), or
 * "imatrix" for the older form. */
SOV_API const char *sov_stats_format(const sov_stats *stats);

/*
 * What is told of a file that must not change while it is used.  SOV_EIO if it
 * did; then nothing that was made with it counts.
 */
SOV_API int sov_stats_finish(sov_stats *stats,
                             struct sov_err *err) SOV_MUST_CHECK;
/* The SHA-256 of the file that was read; NULL: there was none. */
SOV_API const struct sov_digest *sov_stats_digest(const sov_stats *stats);

#endif

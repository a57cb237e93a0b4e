/* SPDX-License-Identifier: Apache-2.0 */
/*
 * calib.h - what goes through a model's matrices when it reads a text
 *
 * The text is read in windows of tokens that do not overlap, each from its own
 * beginning, as llama-imatrix does it; a rest that does not fill a window is
 * left out.  All windows go through one layer before any goes through the next,
 * so that no more than one layer's weights are needed at a time.  What comes
 * out is the same bits for any threads, memory and instruction set.
 */
#ifndef SOV_CALIB_H
#define SOV_CALIB_H

#include "sov/base.h"
#include "sov/err.h"
#include "sov/io.h"
#include "sov/model.h"
#include "sov/stats.h"
#include "sov/write.h"

#include <stddef.h>
#include <stdint.h>

/* Tokens of a window, unless the model's context is smaller. */
#define SOV_CALIB_CTX 512

/* Tokens that are read, unless somebody wants another number. */
#define SOV_CALIB_TOKENS 32768

/* Bytes of memory to get along with, likewise. */
#define SOV_CALIB_MEMORY (UINT64_C(2) << 30)

/* Which arithmetic makes the figures: raised as SOV_QUANT_ARITHMETIC is. */
#define SOV_CALIB_ARITHMETIC 1

struct sov_calib_opts {
    const int32_t *ids; /* of the text, with BOS in front where a model wants
                             it; borrowed */
    size_t n_ids;
    int32_t bos;         /* what each window begins with in place of its first
                             token; -1: nothing */
    const char *name;    /* of the text, for the statistics */
    uint32_t n_ctx;      /* tokens of a window; 0: see above */
    uint64_t max_tokens; /* 0: see above */
    uint64_t max_memory; /* 0: see above */
    sov_progress_fn progress; /* in tokens times layers; or NULL */
    void *progress_arg;
};

/*
 * Fill in ids, n_ids and bos with what the model reads of text[len].  *ids is
 * the same, to be freed.
 */
SOV_API int sov_calib_text(struct sov_calib_opts *opts, int32_t **ids,
                           const sov_model *model, const char *text, size_t len,
                           struct sov_err *err) SOV_MUST_CHECK;

/* How much of the text would be read; SOV_EARG: there is not one window. */
SOV_API int sov_calib_windows(const sov_model *model,
                              const struct sov_calib_opts *opts,
                              uint32_t *n_ctx, size_t *n_windows,
                              struct sov_err *err) SOV_MUST_CHECK;

/*
 * Read it.  The model was opened with SOV_ACCESS_MAP and has layers that
 * sov_session_open() could run; an encoder is SOV_EUNSUP.
 */
SOV_API int sov_stats_collect(sov_stats **stats, sov_model *model,
                              const struct sov_calib_opts *opts,
                              struct sov_err *err) SOV_MUST_CHECK;

/*
 * The GGUF file of statistics that were collected, one that llama-quantize
 * takes, too: for each matrix NAME.in_sum2 and NAME.counts, and NAME.in_sum, the
 * plain sums, which it leaves alone.  Free the plan; the sink is its one file.
 */
SOV_API int sov_stats_plan(sov_plan **plan, const sov_stats *stats,
                           const struct sov_layout *layout,
                           struct sov_err *err) SOV_MUST_CHECK;
SOV_API int sov_stats_write(const sov_stats *stats, const sov_plan *plan,
                            sov_sink *const *sink,
                            struct sov_err *err) SOV_MUST_CHECK;
/* The SHA-256 of that file, as one GGUF file. */
SOV_API int sov_stats_sha256(const sov_stats *stats,
                             unsigned char sha256[SOV_SHA256_LEN],
                             struct sov_err *err) SOV_MUST_CHECK;
/* The same for somebody who sees all tensors of the plan, and no file. */
SOV_API int sov_stats_give(const sov_stats *stats, const sov_plan *plan,
                           const struct sov_taker *taker,
                           struct sov_err *err) SOV_MUST_CHECK;

#endif

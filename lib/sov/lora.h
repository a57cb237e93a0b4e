/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lora.h - adapters: small matrices that change those of a model
 *
 * An adapter is a GGUF file whose general.type is "adapter" and whose
 * adapter.type is "lora".  For a matrix W of a model it has two thin ones, and
 * with it the model computes
 *
 *     y = W x + scale * alpha / rank * B (A x)
 *
 *     NAME.lora_a  A: rank rows, as long as those of W
 *     NAME.lora_b  B: as many rows as W has, each of rank numbers
 *
 * where NAME is that of the tensor W, and for each of the matrices of a stack
 * of experts there is an A and a B.  Of token_embd.weight A has a row of rank
 * numbers for each token, and B one for each number of an embedding.  alpha is
 * adapter.lora.alpha; without it, or if it is 0, alpha / rank is 1.
 *
 * sov_session_opts takes adapters for a run, sov_quant_opts to have them merged
 * into the weights.
 */
#ifndef SOV_LORA_H
#define SOV_LORA_H

#include "sov/err.h"
#include "sov/model.h"

#include <stddef.h>
#include <stdint.h>

typedef struct sov_lora sov_lora;

/* Adapters that a model may have at a time. */
#define SOV_LORAS_MAX 16

/* One of them, and how much of it. */
struct sov_lora_use {
    const sov_lora *lora;
    float scale;
};

/*
 * The adapter that a file holds, which is opened with SOV_ACCESS_MAP, borrowed
 * and must outlive it.  What is no adapter, or one that contradicts itself, is
 * SOV_EFORMAT; kinds that are not for us to run (one that begins to count in
 * the middle of a text, say) are SOV_EUNSUP.
 */
SOV_API int sov_lora_new(sov_lora **lora, const sov_model *file,
                         struct sov_err *err) SOV_MUST_CHECK;
SOV_API void sov_lora_free(sov_lora *lora);

/* Does it belong to this model, by architecture, names and shapes?  If not,
 * SOV_EFORMAT says why. */
SOV_API int sov_lora_check(const sov_lora *lora, const sov_model *model,
                           struct sov_err *err) SOV_MUST_CHECK;

/* The tensors that it changes; NULL behind the last one. */
SOV_API size_t sov_lora_count(const sov_lora *lora);
SOV_API const char *sov_lora_name(const sov_lora *lora, size_t i);

/* Tensors of the file that change nothing: weights of norms, which others
 * leave out as well.  NULL behind the last one. */
SOV_API const char *sov_lora_unused(const sov_lora *lora, size_t i);

/* Bytes of all its matrices. */
SOV_API uint64_t sov_lora_bytes(const sov_lora *lora);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proof.h - one digest of what was asked, and of what the answer was
 *
 * Answers are the same bits everywhere.  So whoever has the model, the ids of
 * the prompt and the settings can make the answer again, on another machine,
 * and see whether it is the one that was given.  A proof says all of that in
 * one line: "sov-proof-v1:" and the SHA-256, in hex, of this text (UTF-8, every
 * line ends with a line feed):
 *
 *     urn:sov:proof:v1
 *     model HEX64 SIZE NAME
 *     adapter HEX64 SIZE SCALE
 *     activations f32|rounded kv f32|f16|bf16|q8
 *     sampler temp T top_k N top_p P min_p P repeat_penalty X repeat_last N
 *             seed N                                     (all on one line)
 *     prompt N ID ID ...
 *     answer N ID ID ...
 *
 * model    for each file that the model was read from, in order of the bytes of
 *          the names; HEX64 is its fs-verity digest (hash.h), and NAME its name
 *          within the model's folder or archive.  A model that is one file has
 *          "-" for its name: it may be called anything.
 * adapter  for each of them, in the order in which they were added
 * activations   f32 where all was computed in f32 (--precise)
 * sampler  with T 0 the best token is taken, whatever P and the seed are, and
 *          they are written as top_k 0, top_p 1, min_p 0, seed 0; with X 1
 *          there is no penalty, and repeat_last is written as 0
 * N, ID    in decimal; one space between any two words of a line.  The answer
 *          is without the token that ended it.
 * T, P, X, SCALE   as printf("%.9g") writes the float
 */
#ifndef SOV_PROOF_H
#define SOV_PROOF_H

#include "sov/err.h"
#include "sov/hash.h"
#include "sov/lora.h"
#include "sov/run.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SOV_PROOF_LEN (13 + 64) /* characters of one */

/* What all answers of a run have in common. */
typedef struct sov_proof sov_proof;

struct sov_proof_file {
    const char *name;                /* not looked at if it is the only one */
    const struct sov_digest *digest; /* with SOV_HASH_VERITY */
};

struct sov_proof_opts {
    const struct sov_proof_file *file; /* of the model, in any order */
    size_t n_files;
    const struct sov_proof_file *adapter; /* names are not looked at */
    const float *scale;                   /* [n_adapters] */
    size_t n_adapters;
    bool precise;
    enum sov_kv_form kv; /* SOV_KV_AUTO: what it means with precise or not */
};

/* SOV_EARG: there is no file, one has no digest, or a name a line feed. */
SOV_API int sov_proof_new(sov_proof **proof, const struct sov_proof_opts *opts,
                          struct sov_err *err) SOV_MUST_CHECK;
SOV_API void sov_proof_free(sov_proof *proof);

/* Of the prompt ids[0, n_prompt) and the answer ids[n_prompt, n). */
SOV_API int sov_proof_answer(const sov_proof *proof,
                             const struct sov_sampler_opts *sampler,
                             const int32_t *ids, size_t n_prompt, size_t n,
                             char out[SOV_PROOF_LEN + 1],
                             struct sov_err *err) SOV_MUST_CHECK;

/* Is it written as a proof of this version is? */
SOV_API bool sov_proof_is(const char *text);

#endif

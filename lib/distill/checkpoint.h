/* SPDX-License-Identifier: Apache-2.0 */
/*
 * checkpoint.h - a run of training, to go on from
 *
 * FOLDER/step-N.ckpt, little-endian:
 *
 *      0  "SOVCKPT1"
 *      8  u32 arrays       the weights, then those of the optimiser
 *     12  u32 evaluations
 *     16  u64 count        numbers of each array
 *     24  u64 steps        that were done
 *     32  u8[32] x 4       what it is a run of: enum sov_ckpt_what
 *    160  f64 x 4 x steps  loss, cross-entropy, norm, rate of each
 *         u64, f64, f64    step, nats, bits: of each evaluation
 *         f32 x count      of each array
 *         u8[16]           XXH3-128 of all before
 *
 * It appears whole or not at all, and is believed only if its length and its
 * sum are right: what is read from it was written by us, or by somebody who
 * could as well have written the model.
 */
#ifndef SOV_DISTILL_CHECKPOINT_H
#define SOV_DISTILL_CHECKPOINT_H

#include "sov/base.h"
#include "sov/distill.h"
#include "sov/err.h"
#include "sov/hash.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The digests of what a run depends on. */
enum sov_ckpt_what {
    SOV_CKPT_TEXTS,
    SOV_CKPT_STUDENT,
    SOV_CKPT_TEACHER,
    SOV_CKPT_OPTIONS,
    SOV_CKPT_WHATS,
};

struct sov_ckpt_id {
    unsigned char of[SOV_CKPT_WHATS][SOV_SHA256_LEN];
};

/* NULL, or which of them differs: "other texts". */
const char *sov_ckpt_differs(const struct sov_ckpt_id *a,
                             const struct sov_ckpt_id *b);

/* One that was read: it borrows from the bytes. */
struct sov_ckpt {
    struct sov_ckpt_id id;
    uint32_t n_arrays;
    uint32_t n_evals;
    uint64_t count;
    uint64_t steps;
    struct sov_span points;
    struct sov_span evals;
    struct sov_span arrays;
};

/* SOV_EFORMAT says what is wrong. */
int sov_ckpt_parse(struct sov_ckpt *c, const void *bytes, size_t len,
                   struct sov_err *err) SOV_MUST_CHECK;

/* What is in it: points of all steps, evaluations, numbers from .. to - 1 of
 * array i. */
void sov_ckpt_points(const struct sov_ckpt *c, struct sov_distill_point *p);
void sov_ckpt_evals(const struct sov_ckpt *c, struct sov_distill_eval *e);
void sov_ckpt_array(const struct sov_ckpt *c, size_t i, uint64_t from,
                    uint64_t to, float *x);

/* What is written; behind it the arrays, one after the other. */
struct sov_ckpt_head {
    const struct sov_ckpt_id *id;
    uint64_t steps;
    const struct sov_distill_point *point; /* [steps] */
    const struct sov_distill_eval *eval;
    size_t n_evals;
    uint64_t count;
    size_t n_arrays;
};

/* One on its way: whole, and on the disk, after _end.  _free gives up what did
 * not get there. */
struct sov_ckpt_out;
int sov_ckpt_begin(struct sov_ckpt_out **out, const char *folder,
                   const struct sov_ckpt_head *head,
                   struct sov_err *err) SOV_MUST_CHECK;
int sov_ckpt_put(struct sov_ckpt_out *out, const float *x,
                 struct sov_err *err) SOV_MUST_CHECK;
int sov_ckpt_end(struct sov_ckpt_out *out, struct sov_err *err) SOV_MUST_CHECK;
void sov_ckpt_free(struct sov_ckpt_out *out);

/* FOLDER/step-N.ckpt, fresh. */
char *sov_ckpt_path(const char *folder, uint64_t steps);

/* Steps of the checkpoints in a folder, the latest first; none if there is no
 * folder.  free() them. */
int sov_ckpt_list(const char *folder, uint64_t **steps, size_t *n,
                  struct sov_err *err) SOV_MUST_CHECK;

/* Make the folder, if it is not there. */
int sov_ckpt_folder(const char *folder, struct sov_err *err) SOV_MUST_CHECK;

/* Remove all but the last two up to this step and that of step best (0: none);
 * those of later steps were of no use, or are to be made again. */
int sov_ckpt_prune(const char *folder, uint64_t steps, uint64_t best,
                   struct sov_err *err) SOV_MUST_CHECK;

/* A file that is mapped, and parsed. */
struct sov_ckpt_file {
    struct sov_ckpt ckpt;
    const void *map;
    uint64_t size;
};

int sov_ckpt_open(struct sov_ckpt_file *f, const char *folder, uint64_t steps,
                  struct sov_err *err) SOV_MUST_CHECK;
void sov_ckpt_close(struct sov_ckpt_file *f);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * teacher.h - what a model says of the tokens of a unit
 *
 * Any model that gives logits, of any type, reads the sequences of a unit, each
 * from its beginning, and gives its logits some tokens at a time: those of a
 * whole unit are never in memory.  What it says is the same bits for any number
 * of threads and any cut of the unit into calls, as sessions have it.
 *
 * A teacher does not change while it is asked by one thread at a time; it
 * borrows its model.
 */
#ifndef SOV_DISTILL_TEACHER_H
#define SOV_DISTILL_TEACHER_H

#include "sov/model.h"
#include "sov/run.h"
#include "train/trainee.h"

typedef struct sov_teacher sov_teacher;

struct sov_teacher_opts {
    size_t n_ctx;            /* tokens of the longest sequence */
    size_t n_vocab;          /* the student's, and */
    const sov_meta *student; /* its tokenizer: another one is SOV_EUNSUP */
    bool precise;            /* as that of struct sov_session_opts */
    enum sov_kv_form kv;     /* likewise */
    const struct sov_lora_use *lora; /* likewise */
    size_t n_lora;
};

/* The model is opened with SOV_ACCESS_MAP. */
int sov_teacher_open(sov_teacher **teacher, const sov_model *model,
                     const struct sov_teacher_opts *opts,
                     struct sov_err *err) SOV_MUST_CHECK;
void sov_teacher_close(sov_teacher *t);

/* Bytes that it takes besides the model. */
int sov_teacher_measure(const sov_model *model,
                        const struct sov_teacher_opts *opts, uint64_t *bytes,
                        struct sov_err *err) SOV_MUST_CHECK;

/* Tokens that both have; the student's, to which rows are filled up. */
size_t sov_teacher_common(const sov_teacher *t);
size_t sov_teacher_vocab(const sov_teacher *t);

/* What the next calls are about; borrowed until the next unit.  SOV_EARG: a
 * sequence is too long. */
int sov_teacher_unit(sov_teacher *t, size_t n_seq, const size_t *first,
                     const int32_t *ids, struct sov_err *err) SOV_MUST_CHECK;

/*
 * Logits of tokens first .. first + n - 1 of the unit (SOV_SLAB at most) to
 * z [n][stride], -inf for those of the student's tokens that the teacher does
 * not have: what struct sov_unit calls teach.  In any order, but fastest in
 * that of the unit.  SOV_EFORMAT: some are no numbers.
 */
int sov_teacher_logits(void *teacher, size_t first, size_t n, sov_real *z,
                       size_t stride, struct sov_err *err) SOV_MUST_CHECK;

/* Both at once: the unit's teach and arg are set.  The unit stays where it is
 * while it is worked on. */
int sov_teacher_for(sov_teacher *t, struct sov_unit *unit,
                    struct sov_err *err) SOV_MUST_CHECK;

/* SHA-256 of what it computes with (sov_identity_model, and of adapters, if
 * there are some, behind it once more). */
int sov_teacher_identity(const sov_teacher *t,
                         unsigned char out[SOV_SHA256_LEN],
                         struct sov_err *err) SOV_MUST_CHECK;

#endif

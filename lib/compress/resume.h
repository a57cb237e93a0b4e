/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resume.h - going on where an earlier run ended
 *
 * Tensors that the parts of the outputs have already are not made again.  That
 * they have them is not believed of the journal: their bytes are read, and so
 * are those they were made from, unless the files these are in are the same as
 * far as the system tells.  So the bytes that come out in the end are those of
 * a run that never stopped, over the input as it is now.
 */
#ifndef SOV_COMPRESS_RESUME_H
#define SOV_COMPRESS_RESUME_H

#include "compress/journal.h"
#include "sov/io.h"
#include "sov/model.h"
#include "sov/write.h"
#include "sys/hash.h"

/* A job that can go on: its tensor i is tensor i of the model. */
struct sov_resume_of {
    sov_model *model; /* borrowed, as the plan is */
    const sov_plan *plan;
    /* SHA-256 of all else that the output depends on */
    unsigned char binding[SOV_BINDING_LEN];
    /* Weights of a tensor from number `first` on that are read at a time. */
    size_t (*step)(const struct sov_tensor *t, uint64_t first);
    /* A line for people. */
    void (*remark)(void *arg, const char *line);
    /* This tensor is taken as it is. */
    void (*taken)(void *arg, const struct sov_journal_tensor *t);
    void *arg;
    sov_progress_fn progress; /* or NULL */
    void *progress_arg;
};

struct sov_resume {
    struct sov_resume_of of;
    sov_sink *const *sink; /* borrowed; the first has the journal */
    size_t n_sinks;
    size_t first;           /* the tensor to go on with */
    uint64_t bytes;         /* of all files that are there */
    struct sov_sum *source; /* of the reader: the tensor that it reads */
    struct sov_sum *result; /* of the writer */
    uint64_t unsynced;      /* bytes since the disk was waited for */
    double synced;          /* and when that was */
};

/* Take what can be taken; to be freed also after a failure. */
int sov_resume_open(struct sov_resume **r, const struct sov_resume_of *of,
                    sov_sink *const *sinks, struct sov_err *err) SOV_MUST_CHECK;
void sov_resume_free(struct sov_resume *r);

/* A tensor is written, all of it; the digest of that is put in here. */
int sov_resume_note(struct sov_resume *r, struct sov_journal_tensor *t,
                    struct sov_err *err) SOV_MUST_CHECK;

#endif

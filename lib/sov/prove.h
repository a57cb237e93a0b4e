/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prove.h - making once more what a claim says was made, and comparing
 *
 * A claim says what a model was made from, by digests, and how, by all
 * parameters that bytes depend on.  Here the same is done again, by those
 * parameters and files alone; nothing of the model that is judged goes into
 * it.  Tensors are compared as they come, and none of them is written.
 *
 *   sov_prove_new     what does the claim say, and can it be done here?
 *   sov_prove_give    files that may be what it names: found by their digests
 *   sov_prove_ready   all is there; what is to come is known
 *   sov_prove_choose  all tensors, or some at random
 *   sov_prove_run     make them and compare
 *
 * What cannot be done is SOV_EUNSUP, and says why: training, which is the same
 * on one class of machines alone; files that are missing; parameters that this
 * version does not know.  A no (SOV_ENO) is said of what was made and differs,
 * and only where the claim's arithmetic is that of this version.
 */
#ifndef SOV_PROVE_H
#define SOV_PROVE_H

#include "sov/base.h"
#include "sov/claim.h"
#include "sov/err.h"
#include "sov/key.h"
#include "sov/model.h"
#include "sov/tensor.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct sov_prove sov_prove;

struct sov_prove_opts {
    /* Of a claim that the caller believes; borrowed. */
    const struct sov_statement *claim;
    /* What is judged, mapped; borrowed. */
    sov_model *made;
    uint64_t max_memory;      /* as the tools have it; 0: as they do without */
    sov_progress_fn progress; /* or NULL */
    void *progress_arg;
};

/* Read the claim.  SOV_EUNSUP: it cannot be re-computed, see above;
 * SOV_EFORMAT: what it says makes no sense. */
SOV_API int sov_prove_new(sov_prove **p, const struct sov_prove_opts *opts,
                          struct sov_err *err) SOV_MUST_CHECK;
SOV_API void sov_prove_free(sov_prove *p);

/*
 * A model, text or any other file at path.  1: the claim names nothing that
 * has its bytes.  What it names is opened, and read later.  Of a source whose
 * size is that of the parent it may be found out as late as in _run, beside the
 * work, that it is another one: SOV_EUNSUP names it.
 */
SOV_API int sov_prove_give(sov_prove *p, const char *path, struct sov_err *err);

/* What has to be there and is not; NULL at the end. */
SOV_API const struct sov_resource *sov_prove_missing(const sov_prove *p,
                                                     size_t i);

/* What was found where; path is NULL for what is not there. */
struct sov_prove_input {
    const struct sov_resource *what; /* of the claim */
    const char *path;                /* or NULL */
};

/* All that the claim names, besides the program; false at the end. */
SOV_API bool sov_prove_input(const sov_prove *p, size_t i,
                             struct sov_prove_input *input);

/* Decide what is to come of it, reading a text where that decides.
 * SOV_EUNSUP names what is missing. */
SOV_API int sov_prove_ready(sov_prove *p, struct sov_err *err) SOV_MUST_CHECK;

/*
 * Which tensors: embeddings and the head, and n of the others, by chance; 0:
 * all.  Where a text is read all are made anyway, and compared.
 */
SOV_API int sov_prove_choose(sov_prove *p, uint64_t n, uint64_t seed,
                             struct sov_err *err) SOV_MUST_CHECK;

/* 0: all that was chosen is the same; SOV_ENO: something is not. */
SOV_API int sov_prove_run(sov_prove *p, struct sov_err *err) SOV_MUST_CHECK;

/* ---- what came of it ---- */

enum sov_prove_kind {
    SOV_PROVE_WEIGHTS, /* weights of a tensor */
    SOV_PROVE_BYTES,   /* bytes of a tensor, which say the same numbers */
    SOV_PROVE_TYPE,    /* its type */
    SOV_PROVE_SHAPE,   /* its shape */
    SOV_PROVE_LACKS,   /* it is not there */
    SOV_PROVE_SPARE,   /* it is there, and should not be */
    SOV_PROVE_META,    /* a key of the metadata */
    SOV_PROVE_STATS,   /* the statistics of the text */
};

struct sov_prove_diff {
    enum sov_prove_kind kind;
    const char *name; /* of the tensor, or the key */
    uint64_t row, column; /* WEIGHTS: the first, numbered from 0; */
    uint64_t weights;     /* ... how many; */
    double is, should;    /* ... and what the first is and should be */
    uint64_t offset;      /* of the first byte that differs */
};

/* In the order of the plan; NULL at the end. */
SOV_API const struct sov_prove_diff *sov_prove_diff(const sov_prove *p,
                                                    size_t i);

/* The difference as a line; gives text. */
SOV_API char *sov_prove_diff_text(const struct sov_prove_diff *d, char *text,
                                  size_t size);

struct sov_prove_facts {
    const char *deed; /* "quantize" */
    uint64_t tensors; /* that come of it */
    uint64_t chosen;  /* ... that were compared */
    uint64_t always;  /* ... of these, not by chance */
    uint64_t bytes;   /* ... of all of them */
    uint64_t differ;  /* ... with a difference */
    /* How probable it was that a change of one in a hundred of the tensors,
     * chosen by somebody who does not know the chance, is seen. */
    double chance;
    bool all;
    uint64_t seed;
    bool text;          /* a text was read once more */
    bool stats_checked; /* what it showed was as the claim says */
    bool meta_checked;  /* the metadata were compared, but for */
    size_t meta_skipped; /* ... so many keys, whose files are missing */
    bool other_arithmetic; /* than that of the claim */
    const char *version;   /* of the program, as the claim says; or NULL */
};

SOV_API void sov_prove_facts(const sov_prove *p, struct sov_prove_facts *f);

/* ---- a receipt ---- */

struct sov_prove_receipt {
    const char *claim;                  /* its id */
    const struct sov_resource *subject; /* the files that were judged */
    size_t n_subjects;
    bool altered; /* they are not those of the claim, wherever they differ: no
                     receipt says yes of them */
    int64_t when; /* seconds since 1970 */
};

/*
 * After the run: an in-toto statement with a verification summary (SLSA's
 * verification_summary/v1), in its one canonical form; free() it.  What was
 * done is in its member sov_recompute, see sov-claims(5).
 */
SOV_API int sov_prove_receipt(const sov_prove *p,
                              const struct sov_prove_receipt *about,
                              char **text, size_t *len,
                              struct sov_err *err) SOV_MUST_CHECK;

#endif

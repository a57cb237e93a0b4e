/* SPDX-License-Identifier: Apache-2.0 */
/*
 * allot.h - what is known of each matrix when types are chosen
 */
#ifndef SOV_COMPRESS_ALLOT_H
#define SOV_COMPRESS_ALLOT_H

#include "compress/draft.h"
#include "compress/knap.h"
#include "compress/trial.h"
#include "sov/allot.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Types that one matrix may get. */
#define SOV_ALLOT_TYPES SOV_TYPE_GGUF_MAX

struct sov_allot_matrix {
    size_t tensor;
    size_t group; /* of matrices that are tried together */
    size_t n;     /* options */
    enum sov_type *type; /* [n] owned, as the following */
    double *error;
    struct sov_knap_option *option;
    double alpha;
    double power; /* what coarse errors add grows with this power of them ... */
    double knee;  /* ... from this one on; see alpha.c */
};

struct sov_allot {
    sov_model *model;
    struct sov_allot_opts opts;
    struct sov_allot_matrix *matrix;
    size_t n;
    size_t n_groups;
    struct sov_draft *draft;
    struct sov_trial *trial; /* or NULL */
    struct sov_trial *check; /* on other windows of the text; or NULL */
    double factor;           /* of what is foretold: see sov_allot_try() */
    double aside;            /* ns of a token beside the matrices */
};

/* alpha.c: what errors in the matrices do to the answers. */
int sov_allot_weigh(struct sov_allot *a, struct sov_err *err) SOV_MUST_CHECK;

/* pace.c: nanoseconds that weights of each type take for a token, and the rest
 * of a pass; into the options' costs. */
int sov_allot_pace(struct sov_allot *a, struct sov_err *err) SOV_MUST_CHECK;
/* What there is to tell of the machine. */
void sov_allot_machine(char *text, size_t size);

/* An error of a type, and what its activations add to that. */
double sov_allot_error(const struct sov_allot *a,
                       const struct sov_allot_matrix *m, enum sov_type type,
                       double error);

/* What such an error adds to the divergence. */
double sov_allot_loss(const struct sov_allot_matrix *m, double error);

/* The option of a matrix that has this type; n: it has none. */
size_t sov_allot_option(const struct sov_allot_matrix *m, enum sov_type type);

#endif

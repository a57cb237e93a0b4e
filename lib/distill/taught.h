/* SPDX-License-Identifier: Apache-2.0 */
/*
 * taught.h - what a unit is told of its tokens: by a teacher, or by what one
 * said before
 */
#ifndef SOV_DISTILL_TAUGHT_H
#define SOV_DISTILL_TAUGHT_H

#include "distill/cache.h"
#include "distill/insight.h"
#include "distill/teacher.h"
#include "distill/unit.h"
#include "sov/distill.h"

/* Start with { 0 }: nothing is told. */
struct sov_taught {
    sov_teacher *teacher;
    sov_few_cache *cache;
    sov_insight *insight;
    struct sov_match match[SOV_MATCHES_MAX];
    size_t n_match;
    const char *path; /* of the cache, borrowed */
    size_t draws;
    struct sov_few *few; /* [tokens of a unit] */
    int32_t *id;         /* [tokens of a unit][draws] */
    uint32_t *count;     /* likewise */
};

/* What a run says of itself. */
struct sov_taught_opts {
    const sov_model *teacher; /* or NULL */
    const char *cache;        /* or NULL */
    const char *hidden;       /* or NULL */
    double temp;
    const sov_meta *student;
    const struct sov_shape *shape;
    const sov_tokens *tokens;
};

int sov_taught_open(struct sov_taught *t, const struct sov_taught_opts *opts,
                    struct sov_err *err) SOV_MUST_CHECK;
void sov_taught_close(struct sov_taught *t);

/* What a trainee has to know of it. */
void sov_taught_matches(const struct sov_taught *t,
                        struct sov_trainee_opts *opts);

/* Bytes that it takes, but for the teacher's weights, which are mapped. */
int sov_taught_measure(const struct sov_taught_opts *opts, uint64_t *bytes,
                       struct sov_err *err) SOV_MUST_CHECK;

/* A digest of who tells. */
int sov_taught_identity(const struct sov_taught *t,
                        unsigned char out[SOV_SHA256_LEN],
                        struct sov_err *err) SOV_MUST_CHECK;

/* Tell what the units were read for; it holds while the unit does. */
int sov_taught_tell(struct sov_taught *t, const struct sov_units *u,
                    struct sov_unit *unit, struct sov_err *err) SOV_MUST_CHECK;

#endif

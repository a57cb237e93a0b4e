/* SPDX-License-Identifier: Apache-2.0 */
/*
 * course.h - which sequences of the stream are learnt from, and when
 *
 * The stream is cut into sequences of n_ctx tokens, the last one shorter: every
 * token but the first of all is what comes next once.  So what is scored in
 * one sequence is scored in no other.  They may begin and end within documents,
 * and hold several; or, with apart, each holds tokens of one alone, and then
 * the first token of no document is what comes next.
 *
 * Some may be held out.  The others are learnt from in an order of chance,
 * another one in each epoch.  All of this is a pure function of what is in
 * struct sov_course_opts: there is no state to keep, and nothing depends on
 * who asks for which of them.
 */
#ifndef SOV_DISTILL_COURSE_H
#define SOV_DISTILL_COURSE_H

#include "distill/tokens.h"

struct sov_course_opts {
    size_t n_ctx;
    bool apart;
    uint64_t hold; /* every so many-th is held out (2 or more); 0: none */
    size_t batch;  /* sequences of a step */
    uint64_t seed;
};

struct sov_sequence {
    uint64_t number; /* of the sequence in the stream, */
    uint64_t at;     /* and of its first token */
    size_t n;        /* tokens, n_ctx at most */
};

typedef struct sov_course sov_course;

/* The stream is borrowed.  SOV_EFORMAT: there is nothing to learn in it. */
int sov_course_new(sov_course **course, const sov_tokens *tokens,
                   const struct sov_course_opts *opts,
                   struct sov_err *err) SOV_MUST_CHECK;
void sov_course_free(sov_course *c);

uint64_t sov_course_all(const sov_course *c);   /* sequences, of which */
uint64_t sov_course_count(const sov_course *c); /* these are an epoch, */
uint64_t sov_course_held(const sov_course *c);  /* and these held out */

/* Sequence i (below batch) of a step, from 1 on. */
struct sov_sequence sov_course_at(const sov_course *c, uint64_t step, size_t i);
/* Sequence i of those that are held out, in the order of the stream. */
struct sov_sequence sov_course_held_at(const sov_course *c, uint64_t i);
/* Sequence number i of all. */
struct sov_sequence sov_course_number(const sov_course *c, uint64_t i);

/* Its tokens, and what comes next; -1: nothing is scored.  [n] each. */
void sov_course_read(const sov_course *c, const struct sov_sequence *s,
                     int32_t *ids, int32_t *next);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cache_make.h - the whole way from a teacher and a text to a cache
 *
 *     sov_few_plan(&about, teacher, ...), then about.seed and .n_draws
 *     sov_few_make(&opts, &about), and the sink is committed
 *
 * and for who learns from it, maybe without the teacher at hand
 *
 *     sov_few_plan(&want, NULL or teacher, ...), then want.n_vocab, the
 *     student's
 *     sov_few_open(), sov_few_match(cache, &want), sov_few_read() of the
 *     places of each sequence
 */
#ifndef SOV_DISTILL_CACHE_MAKE_H
#define SOV_DISTILL_CACHE_MAKE_H

#include "distill/cache.h"
#include "distill/course.h"
#include "distill/teacher.h"
#include "sov/base.h"

/*
 * What a cache of this stream is about; seed and n_draws are left 0.  Without
 * a teacher so are it and n_vocab.
 */
int sov_few_plan(struct sov_few_about *about, const sov_teacher *teacher,
                 const sov_meta *student, const sov_tokens *tokens,
                 const struct sov_course_opts *course, double temp,
                 struct sov_err *err) SOV_MUST_CHECK;

struct sov_few_make_opts {
    sov_teacher *teacher;
    const sov_course *course; /* all of its sequences, in their order */
    sov_sink *sink;           /* the caller's to commit */
    bool (*stop)(void *arg);  /* asked between units; or NULL */
    void *stop_arg;
    sov_progress_fn progress; /* in tokens; or NULL */
    void *progress_arg;
};

/* SOV_ENO: stop() said so. */
int sov_few_make(const struct sov_few_make_opts *opts,
                 const struct sov_few_about *about,
                 struct sov_err *err) SOV_MUST_CHECK;

#endif

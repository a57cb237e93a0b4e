/* SPDX-License-Identifier: Apache-2.0 */
/*
 * make.h - texts that a teacher makes, to learn from
 *
 * Sample i goes on from prompt i (of n, in turn), and is a pure function of
 * teacher, prompt, settings, seed and i: so a run that ended goes on with the
 * next one, and many at once give what each gives alone.  Each is a line
 *
 *     {"text":"...","prompt":"...","index":0,"seed":...,"temperature":0.8,
 *      "stop":"end","tokens":120,"teacher":"sha256:..."}
 *
 * of which "text" has the prompt in front: that is the document.
 */
#ifndef SOV_DISTILL_MAKE_H
#define SOV_DISTILL_MAKE_H

#include "distill/tokens.h"
#include "sov/run.h"

struct sov_make_opts {
    const sov_model *teacher; /* opened with SOV_ACCESS_MAP */
    const sov_tok *tok;
    const char *digest;        /* of the teacher, for the lines; or NULL */
    const sov_tokens *prompts; /* a document each; NULL: nothing but bos */
    size_t prompt_tokens;      /* of each at most; 0: half of the context */
    uint64_t first, n;         /* samples first .. n - 1 */
    uint64_t n_tokens;         /* made for each at most; 0: to the context */
    uint64_t seed;
    struct sov_sampler_opts sampler; /* its seed is not looked at */
    struct sov_session_opts session; /* n_seq of 0: 16 */
    /* Each line, with its end, in the order of samples. */
    int (*put)(void *arg, uint64_t i, const char *line, size_t len,
               struct sov_err *err);
    void *put_arg;
    bool (*stop)(void *arg); /* asked between passes; or NULL */
    void *stop_arg;
    sov_progress_fn progress; /* samples; or NULL */
    void *progress_arg;
};

struct sov_make_counts {
    uint64_t samples, tokens; /* that were made in this run */
    double seconds;
};

/* SOV_ENO: stop() said so; what was put stays right.  counts may be NULL. */
int sov_make(const struct sov_make_opts *opts, struct sov_make_counts *counts,
             struct sov_err *err) SOV_MUST_CHECK;

/* How many whole lines a run left in text[len], which begins at the start of
 * its output or behind a line; *whole are their bytes. */
uint64_t sov_make_lines(const char *text, size_t len, size_t *whole);

#endif

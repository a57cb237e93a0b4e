/* SPDX-License-Identifier: Apache-2.0 */
/*
 * task.h - questions with choices, and how many of them a model gets right
 *
 * A task is a text in some versions, its choices, of which one is right.  Of
 * each only the end is scored: what a model gives those tokens after the rest.
 */
#ifndef SOV_TASK_H
#define SOV_TASK_H

#include "sov/base.h"
#include "sov/err.h"
#include "sov/measure.h"
#include "sov/model.h"
#include "sov/run.h"
#include "sov/token.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SOV_TASK_CHOICES 64 /* of a task at most */

/* ---- reading them */

enum sov_task_form {
    /*
     * Six lines for each task: the context, the number of the right ending
     * from 0, four endings.  What is scored begins with the first token in
     * which the four differ, as llama-perplexity has it.
     */
    SOV_TASK_HELLASWAG,
    /* JSON lines with "text": its last word is scored, behind a space. */
    SOV_TASK_LAMBADA,
    /* JSON lines, one task each, in any form of lib/measure/choices.def. */
    SOV_TASK_CHOICE,
};

struct sov_task_choice {
    struct sov_span lead; /* is read, and not scored */
    struct sov_span text; /* comes behind it, and is scored */
    size_t letters;       /* characters of the choice, as it is written */
};

struct sov_task {
    const struct sov_task_choice *choice; /* [n] */
    size_t n;
    size_t answer;   /* the right one */
    uint64_t number; /* of the task in its file, from 1 */
    uint64_t line;   /* that it begins on */
};

typedef struct sov_tasks sov_tasks;

/* path "-" is standard input; what gzip, bzip2, xz or zstd made of a file will
 * do as well. */
SOV_API int sov_tasks_open(sov_tasks **tasks, const char *path,
                           enum sov_task_form form,
                           struct sov_err *err) SOV_MUST_CHECK;
SOV_API void sov_tasks_close(sov_tasks *tasks);

/*
 * Before the first one: of all tasks n, in an order of chance; all where n is 0
 * or there are no more.  They are those that llama-perplexity takes with
 * --hellaswag-tasks n, where the seed is 1.
 */
SOV_API int sov_tasks_draw(sov_tasks *tasks, uint64_t n, uint32_t seed,
                           struct sov_err *err) SOV_MUST_CHECK;

/* The next one, borrowed until the call after it: 1; at the end 0. */
SOV_API int sov_tasks_next(sov_tasks *tasks, struct sov_task *task,
                           struct sov_err *err) SOV_MUST_CHECK;

/* How many there are, if that is known already (after a draw); else 0. */
SOV_API uint64_t sov_tasks_count(const sov_tasks *tasks);

/* What form the tasks have: "hellaswag", "arc"; NULL before the first one. */
SOV_API const char *sov_tasks_kind(const sov_tasks *tasks);

/* SHA-256 of the text, decompressed; reads what is left of it. */
SOV_API int sov_tasks_digest(sov_tasks *tasks, unsigned char sha256[32],
                             struct sov_err *err) SOV_MUST_CHECK;

/* Names of the forms of SOV_TASK_CHOICE; i from 0, NULL at the end. */
SOV_API const char *sov_tasks_form_name(size_t i);

/* ---- scoring them */

/* What came of one task. */
struct sov_task_result {
    uint64_t number;
    uint64_t line;
    size_t n;
    size_t answer;
    size_t best;           /* with the largest logarithm of its probability */
    size_t best_norm;      /* ... for each character, or token */
    const double *logprob; /* [n] borrowed */
    bool greedy;           /* all tokens of the answer were the likeliest */
};

struct sov_score_opts {
    const sov_model *model; /* opened with SOV_ACCESS_MAP */
    const sov_tok *tok;
    const struct sov_session_opts *session; /* or NULL; of it n_ctx, n_batch,
                                    precise, kv, lora, max_memory, other hold */
    sov_tasks *tasks;
    uint64_t limit; /* tasks to be scored at most; 0: all */
    void (*each)(void *arg, const struct sov_task_result *r); /* or NULL */
    void *each_arg;
    sov_progress_fn progress; /* tasks; or NULL */
    void *progress_arg;
};

/* Of shares of tasks the interval is Wilson's, for 95 in 100. */
struct sov_scores {
    uint64_t tasks;
    uint64_t cut;    /* ... whose beginning did not fit into the context */
    uint64_t tokens; /* that were read */
    struct sov_figure right;      /* share where the best is the answer */
    struct sov_figure right_norm; /* likewise, with best_norm */
    struct sov_figure greedy;     /* share where the answer was greedy */
    struct sov_figure ppl; /* of the answers, each taken as one word */
};

/*
 * What the choices have in common is read once, and many tasks go through the
 * model together; the figures do not depend on it.  No task is SOV_EFORMAT, as
 * is a choice that is longer than the context.
 */
SOV_API int sov_score(const struct sov_score_opts *opts,
                      struct sov_scores *scores,
                      struct sov_err *err) SOV_MUST_CHECK;

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run.h - a run of training, as the files that make it up see it
 *
 * What always holds between two steps: the weights are those after `done`
 * steps, on every rank; the optimiser's arrays likewise, of which each rank has
 * a part; point[0 .. done) says what the steps did.  All of it, and nothing
 * else, is in a checkpoint.
 *
 * With o.local_steps a rank is a worker: it has weights, and all of the
 * optimiser's arrays, of its own (near is it alone), and base is what all had
 * when they met last.  Then a checkpoint has base, momentum, and of each worker
 * weights and arrays.
 */
#ifndef SOV_DISTILL_RUN_H
#define SOV_DISTILL_RUN_H

#include "distill/checkpoint.h"
#include "distill/comm.h"
#include "distill/course.h"
#include "distill/limits.h"
#include "distill/local.h"
#include "distill/student.h"
#include "distill/taught.h"
#include "distill/texts.h"
#include "distill/unit.h"
#include "sov/distill.h"
#include "sov/token.h"
#include "train/loss.h"
#include "train/optim.h"
#include "train/trainee.h"

/* Behind the sums of the gradients: what else all ranks add up. */
enum {
    SOV_TALLY_LOSS, /* in units of 2^-32 */
    SOV_TALLY_CE,
    SOV_TALLY_TOKENS,
    SOV_TALLY_STOP, /* somebody was told to */
    SOV_TALLIES,
};

struct sov_distill {
    struct sov_distill_opts o;
    struct sov_comm comm;
    bool joined;
    struct sov_comm near; /* whom a step is shared with: all, or none */
    uint64_t *at;         /* [near.n + 1] what each rank updates: */
    uint64_t from, to;    /* this one */
    const struct sov_kern *k;

    struct sov_shape shape; /* n_ctx is that of the sequences */
    struct sov_loss loss, ce;
    struct sov_optim optim;
    struct sov_schedule schedule;
    bool recompute;
    struct sov_student_lora lora; /* rank 0: the model itself learns */

    sov_trainee *t;
    const struct sov_weight *param;
    size_t n_param;
    uint64_t count;
    float *w; /* the trainee's */
    float *grad;
    int64_t *sum;                 /* [count + SOV_TALLIES] */
    float *state[SOV_STATES_MAX]; /* [to - from] */
    double *square;               /* of the norm, in its pieces */
    size_t n_squares;
    size_t n_states;
    uint8_t *keep; /* of --keep-mask, or NULL */
    struct sov_local outer;
    float *made;            /* of --on-policy, [count]: policy.c; or NULL */
    float *base, *momentum; /* of workers that are apart, or NULL; base also
                               where it is to be told what has moved */

    sov_tok *tok;
    sov_tokens *tokens;
    sov_course *course;
    struct sov_units units;
    struct sov_taught taught;
    uint64_t taught_bytes;
    struct sov_texts_told told;
    sov_tokens *judge_tokens; /* of eval, or NULL */
    sov_course *judge_course;
    struct sov_units judge;
    uint64_t judge_bytes; /* that the tokens which are scored stand for */

    uint64_t steps, done;
    struct sov_ckpt_id id;
    struct sov_distill_point *point; /* [steps] */
    struct sov_distill_eval *eval;
    size_t n_evals, cap_evals;

    sov_model *model; /* what comes out: it shows w, or */
    void *shown;      /* an adapter, in its type; or NULL */
    double began;     /* when */
};

/* choose.c: do options go together; the metadata that the tokenizer comes from;
 * shape (own: the context it is made for), loss and optimiser; and, once the
 * texts are read, the steps. */
int sov_distill_check(const struct sov_distill_opts *o,
                      struct sov_err *err) SOV_MUST_CHECK;
const sov_meta *sov_distill_words(const struct sov_distill_opts *o,
                                  struct sov_err *err);
int sov_distill_decide(struct sov_distill *d, const sov_meta *words,
                       size_t *own, struct sov_err *err) SOV_MUST_CHECK;
int sov_distill_count_steps(struct sov_distill *d,
                            struct sov_err *err) SOV_MUST_CHECK;

/* show.c: d->model, which shows the weights where they are; and what comes
 * out, in its type, at the end. */
int sov_distill_show_student(struct sov_distill *d, const sov_meta *words,
                             size_t own, struct sov_err *err) SOV_MUST_CHECK;
/* ... of weights that it can hold (o.most). */
int sov_distill_fits(const struct sov_distill *d,
                     struct sov_err *err) SOV_MUST_CHECK;
int sov_distill_show(struct sov_distill *d, struct sov_err *err) SOV_MUST_CHECK;

/* distill.c: the weights as they begin, without what a step needs. */
int sov_distill_begin_weights(struct sov_distill *d,
                              struct sov_err *err) SOV_MUST_CHECK;

/* ... and the documents of the texts, sieved; told may be NULL. */
int sov_distill_texts(const struct sov_distill_opts *o, const sov_tok *tok,
                      sov_tokens **tokens, struct sov_texts_told *told,
                      struct sov_err *err) SOV_MUST_CHECK;

/* loop.c */
void sov_distill_say(const struct sov_distill *d, const char *fmt, ...)
    SOV_PRINTF(2, 3);

/* apart.c: how many workers there are, each with steps of its own; what they
 * need; after a step, do they meet? */
uint64_t sov_distill_workers(const struct sov_distill *d);
int sov_distill_part(struct sov_distill *d, struct sov_err *err) SOV_MUST_CHECK;
int sov_distill_meet(struct sov_distill *d, struct sov_err *err) SOV_MUST_CHECK;

/* work.c: of all steps, those of a token being so many. */
double sov_distill_work(const struct sov_distill *d, double flops);

/* judge.c: what the model makes of the text of --eval, now. */
int sov_distill_judge(struct sov_distill *d,
                      struct sov_err *err) SOV_MUST_CHECK;

/* resume.c: what this is a run of; go on from a checkpoint; write one; end
 * with the best one. */
int sov_distill_identify(struct sov_distill *d,
                         struct sov_err *err) SOV_MUST_CHECK;
int sov_distill_resume(struct sov_distill *d,
                       struct sov_err *err) SOV_MUST_CHECK;
int sov_distill_save(struct sov_distill *d, struct sov_err *err) SOV_MUST_CHECK;
int sov_distill_take_best(struct sov_distill *d,
                          struct sov_err *err) SOV_MUST_CHECK;

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * distill.h - training a model: from texts, from a teacher
 *
 *     sov_distill_new       all is read, checked and sized
 *     sov_distill_facts     what that is
 *     sov_distill_measure   how long it will take
 *     sov_distill_run       the steps
 *     sov_distill_model     what came out, as a model for sov_quant_new()
 *
 * What comes out is a function of texts, models, options and seed.  Threads,
 * memory, how a batch is cut, the number of processes, and how often the run
 * was stopped and went on cannot be seen in it.
 */
#ifndef SOV_DISTILL_H
#define SOV_DISTILL_H

#include "sov/base.h"
#include "sov/err.h"
#include "sov/hash.h"
#include "sov/io.h"
#include "sov/key.h"
#include "sov/model.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct sov_distill sov_distill;

/* What products are computed with. */
enum sov_train_dtype {
    SOV_TRAIN_F32,
    SOV_TRAIN_BF16, /* inputs are rounded, sums and weights are f32 */
};

/* What a step did. */
struct sov_distill_point {
    double loss; /* mean over its tokens, in nats: what is trained on, */
    double ce;   /* and of the token that came next */
    double norm; /* of the gradient, before it is clipped */
    double rate; /* share of the learning rate */
};

/* What the model made of the text it is judged by. */
struct sov_distill_eval {
    uint64_t step; /* after so many steps */
    double nats;   /* for each token */
    double bits;   /* for each byte: what models can be compared by */
};

/* The same on its way, for logs. */
struct sov_distill_step {
    uint64_t step, steps; /* this one, from 1, of so many */
    uint64_t tokens;      /* that were read, up to here */
    struct sov_distill_point point;
    double lr;                           /* learning rate */
    double seconds;                      /* since the run began, or went on */
    double tokens_s;                     /* of this step */
    const struct sov_distill_eval *eval; /* if there was one, or NULL */
};

/* What a document is, in the files of texts. */
enum sov_text_form {
    SOV_TEXTS_AUTO,  /* each file; of .jsonl, each line's "text" */
    SOV_TEXTS_WHOLE, /* each file */
    SOV_TEXTS_JSONL, /* the "text" of each line */
    SOV_TEXTS_LINES, /* each line */
    SOV_TEXTS_BLANK, /* what stands between blank lines */
};

enum sov_text_twins {
    SOV_TWINS_KEEP,
    SOV_TWINS_EXACT, /* documents that are equal are read once */
    SOV_TWINS_NEAR,  /* ... or nearly so */
};

struct sov_distill_opts {
    const char *const *text; /* files, folders, archives; "-": standard input */
    size_t n_texts;
    enum sov_text_form form;
    enum sov_text_twins twins;
    bool filter;       /* leave out what is no good text */
    const char *rules; /* by limits of one's own, or NULL */
    const char *eval;  /* a text to be judged by, or NULL */

    /* One of them says what is trained. */
    sov_model *student;         /* mapped, borrowed; its weights go on, */
    const char *arch;           /* or a new one begins: "llama,width=..." */
    const sov_model *tokenizer; /* of that; or NULL: the teacher's */
    sov_model *teacher;         /* mapped, borrowed; or NULL */
    const char *cache;          /* or what one said: of sov_distill_foretell */

    const char *loss; /* NULL: "ce", or "fkl" with a teacher */
    double alpha;     /* of it, beside cross-entropy; 0 to 1 */
    double temp;
    /* "mse:1:3=7,5=11": layers that shall see what those of the teacher see
     * (kind, weight, student=teacher, from 0); or NULL */
    const char *hidden;
    const char *optimizer; /* NULL: "adamw" */
    double lr;             /* 0: that of the optimiser */
    double clip;           /* of the gradient's norm; 0: not at all */
    const char *schedule;  /* NULL: "cosine" */
    uint64_t warmup;       /* steps in which the rate grows */
    bool warmup_given;     /* else a hundredth of all */
    enum sov_train_dtype dtype;

    uint64_t ctx;        /* tokens of a sequence; 0: what the model reads */
    uint64_t batch;      /* sequences, */
    uint64_t accumulate; /* so many times, are a step */
    uint64_t steps;      /* 0: by */
    uint64_t tokens;     /* ... that are read; 0: the text once */
    /* "r=8,alpha=16": an adapter for the student learns, and the student stays
     * as it is; or NULL.  It is written in this type: F32, F16 or BF16. */
    const char *lora;
    enum sov_type lora_type;
    /* Not 0: each process does so many steps of its own, then all meet, by an
     * outer step with this rate (0: 0.7) and momentum. */
    uint64_t local_steps;
    double outer_lr, outer_momentum;
    double on_policy; /* share of sequences that the student makes */
    bool delta;     /* sov_distill_delta() will be asked for */
    double most;    /* a larger weight cannot be written; 0: any can */
    bool keep_mask; /* what is zero in the student's matrices stays so */
    uint64_t seed;
    uint64_t draws; /* of a token, for a cache; 0: 50 */

    const char *checkpoint; /* a folder, or NULL */
    bool resume;            /* go on from what is there, if anything is */
    bool force;             /* what is there may be lost */
    bool dry_run;           /* nothing will be written there */
    bool best;      /* the end is the checkpoint with the best evaluation */
    uint64_t every; /* steps between two evaluations and checkpoints; 0: only
                       at the end */
    uint64_t max_memory; /* 0: no limit */

    /* Not 0: end after this step, and keep it.  Or NULL. */
    const volatile sig_atomic_t *stop;
    int (*step)(void *arg, const struct sov_distill_step *s,
                struct sov_err *err);          /* or NULL */
    void (*word)(void *arg, const char *line); /* warnings; or NULL */
    void *arg;
    sov_progress_fn progress; /* steps; or NULL */
    void *progress_arg;
};

/*
 * Decide everything, and read texts and weights.  Strings and models are
 * borrowed until sov_distill_free().
 */
SOV_API int sov_distill_new(sov_distill **d,
                            const struct sov_distill_opts *opts,
                            struct sov_err *err) SOV_MUST_CHECK;
SOV_API void sov_distill_free(sov_distill *d);

/* A part of the memory. */
struct sov_distill_part {
    const char *name; /* "weights" */
    uint64_t bytes;
};

#define SOV_DISTILL_PARTS 12

struct sov_distill_facts {
    int process, processes; /* which of how many this is: the first, 0,
                               alone tells of steps and keeps checkpoints */
    const char *arch;
    uint64_t layers, width, heads, kv_heads, ff, vocab;
    bool tied;
    uint64_t parameters; /* that learn */
    uint64_t rank;       /* of an adapter, or 0 */
    const char *loss, *optimizer, *schedule;
    double lr;
    uint64_t ctx;
    uint64_t sequences;   /* of a step */
    uint64_t step_tokens; /* at most */
    uint64_t steps;
    uint64_t warmup;
    uint64_t done;        /* of them, by the checkpoint that is gone on from */
    uint64_t text_tokens; /* that there are */
    uint64_t text_bytes;
    uint64_t eval_tokens;
    double passes;  /* over the text */
    double flops;   /* of a token */
    double work;    /* floating point operations of all steps, those that were
                       done before among them; see lib/distill/work.c */
    bool recompute; /* layers once more on the way back, for memory */
    size_t n_parts;
    struct sov_distill_part part[SOV_DISTILL_PARTS];
    uint64_t memory; /* of all parts */
};

SOV_API void sov_distill_facts(const sov_distill *d,
                               struct sov_distill_facts *f);

/*
 * SHA-256 of all documents that are learnt from, each with its length before
 * it as eight bytes (little-endian); likewise of the text to be judged by, or
 * NULL.
 */
SOV_API const unsigned char *sov_distill_texts_digest(const sov_distill *d);
SOV_API const unsigned char *sov_distill_eval_digest(const sov_distill *d);

/* What was dropped of the texts and why: for people, or as JSON. */
SOV_API const char *sov_distill_sieved(const sov_distill *d, bool json);

/* Seconds of a step, by doing a piece of one; the weights stay as they are. */
SOV_API int sov_distill_measure(sov_distill *d, double *seconds,
                                struct sov_err *err) SOV_MUST_CHECK;

/* Between new and run: has any of the processes failed?  Then all have. */
SOV_API int sov_distill_agree(sov_distill *d, int rc,
                              struct sov_err *err) SOV_MUST_CHECK;

/*
 * Keep what opts->teacher says of opts->text, to be opts->cache of many runs:
 * samples of what it expects behind each token.  text, form, twins, filter,
 * rules, teacher, temp, ctx, seed, draws, stop and progress (tokens) count.
 * A sink with a part goes on behind what an earlier run left in it.  0; 1: it
 * was stopped.
 */
SOV_API int sov_distill_foretell(const struct sov_distill_opts *opts,
                                 sov_sink *sink, uint64_t *tokens,
                                 struct sov_err *err) SOV_MUST_CHECK;

/* Texts first .. n - 1 of those that a teacher makes. */
struct sov_distill_making {
    uint64_t first, n;
    uint64_t n_tokens; /* of each at most; 0: as many as it can */
    /* Each line of JSON, with its end, in their order. */
    int (*put)(void *arg, uint64_t i, const char *line, size_t len,
               struct sov_err *err);
    void *arg;
    uint64_t tokens; /* out: that were made */
};

/*
 * Let opts->teacher make texts, each going on from one of opts->text in turn
 * (n_texts 0: from nothing); lines of JSON, in which "text" is the document.
 * Each is a function of the teacher, its prompt, the options and its number;
 * temp, ctx, seed, form, stop and progress (texts) count.  0; 1: it was stopped.
 */
SOV_API int sov_distill_generate(const struct sov_distill_opts *opts,
                                 struct sov_distill_making *m,
                                 struct sov_err *err) SOV_MUST_CHECK;

/*
 * Do the steps; once.  0, or 1 if it was stopped.  With a checkpoint folder
 * what was done is kept there then, and from time to time.
 */
SOV_API int sov_distill_run(sov_distill *d, struct sov_err *err) SOV_MUST_CHECK;

/* Whose work it is: one of several machines that share no link. */
struct sov_distill_delta {
    uint64_t worker, workers; /* from 1, of so many; 0: not said */
    /* Or masked, so that only the sum over all of these tells anything: by
     * this one's secret key, and the public ones of all, in one order.  There
     * is one for each base: a second one would tell what differs. */
    const sov_seckey *key;
    const struct sov_pubkey *silo;
    size_t n_silos;
};

/* Is that well said? */
SOV_API int sov_distill_delta_check(const struct sov_distill_delta *o,
                                    struct sov_err *err) SOV_MUST_CHECK;

/* What all steps have moved (opts->delta), for sov_distill_merge(). */
SOV_API int sov_distill_delta(sov_distill *d, const struct sov_distill_delta *o,
                              sov_sink *sink,
                              struct sov_err *err) SOV_MUST_CHECK;

/* Which arithmetic makes the bytes of that: raised as SOV_QUANT_ARITHMETIC is. */
#define SOV_MERGE_ARITHMETIC 1

/*
 * The model that all began with, moved by the mean of what these files say,
 * times opts->outer_lr (0: 1); each counts by the tokens that it has learnt, or
 * alike, if they are masked.  student (or arch, tokenizer and seed), lora and
 * outer_lr count; of *d there are sov_distill_model() and _free().  SOV_ENO:
 * they do not belong together, or one is missing.
 */
SOV_API int sov_distill_merge(sov_distill **d,
                              const struct sov_distill_opts *opts,
                              const char *const *path, size_t n,
                              struct sov_err *err) SOV_MUST_CHECK;

/* Points of all steps that were done, also before the run went on; likewise
 * evaluations, and which of them was best (NULL: there was none). */
SOV_API const struct sov_distill_point *sov_distill_points(const sov_distill *d,
                                                           size_t *n);
SOV_API const struct sov_distill_eval *sov_distill_evals(const sov_distill *d,
                                                         size_t *n);
SOV_API const struct sov_distill_eval *sov_distill_best(const sov_distill *d);

/*
 * What it is: tensors of f32, which are the weights as they are now; or an
 * adapter, in its type, with its numbers once the run is over.  Borrowed, as
 * long as d is there.
 */
SOV_API sov_model *sov_distill_model(sov_distill *d);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trainee.h - a dense decoder that learns: llama, mistral, qwen2, qwen3
 *
 * All parameters lie in one array, f32, in the order of the tensors of a GGUF
 * file; gradients, moments and sums are arrays of the same layout, so that
 * optimisers, checkpoints and exchange between machines know no model.  What
 * is between two tensors is 0 in all of them.
 *
 * A step is one or more units: a unit is a few whole sequences, about
 * SOV_UNIT_TOKENS tokens, whose size follows from the context alone.  Its
 * gradient is that of the sum (not the mean) over its tokens.  Since the
 * gradients of units are added exactly (sum.h), the result of a step does not
 * depend on how its units are dealt out to machines, or on their order.
 *
 * With a rank, the model itself is frozen and stays as it is in its file (so
 * it may be quantized: a matrix is decoded when its turn comes); the
 * parameters are the thin matrices of an adapter (sov/lora.h).
 */
#ifndef SOV_TRAIN_TRAINEE_H
#define SOV_TRAIN_TRAINEE_H

#include "nn/rope.h"
#include "sov/err.h"
#include "sov/model.h"
#include "sov/write.h"
#include "train/loss.h"
#include "train/match.h"
#include "train/prim.h"

#define SOV_UNIT_TOKENS 2048
#define SOV_PAIRS_MAX   512 /* of a head, that are turned */

/* What is 0 or NULL in a shape of one's own is filled in by sov_shape_check. */
struct sov_shape {
    const char *arch; /* one that can be trained */
    size_t n_layer, n_embd, n_head, n_head_kv, n_ff, n_vocab;
    size_t k_len;  /* numbers of a head, keys and values alike */
    size_t n_ctx;  /* that it is trained for */
    size_t window; /* keys that a token sees; 0: all before it */
    double rope_base;
    size_t n_rot;     /* numbers of a head that are turned */
    bool turned;      /* freq and turn_size are set */
    double turn_size; /* see sov_rope_turn */
    double freq[SOV_PAIRS_MAX];
    double eps;
    bool qkv_bias;            /* qwen2 */
    bool out_bias, down_bias; /* of what attention and feed-forward add, as
                                 pruning leaves them */
    bool qk_norm;             /* qwen3: each head of queries and keys */
    bool tied;                /* the head is the embedding */
};

/* A tensor of it. */
struct sov_weight {
    char name[64];        /* as GGUF has it */
    uint64_t n_in, n_out; /* of a matrix; n_out = 1: a vector */
    uint64_t at;          /* where it begins in the arrays */
    bool matrix;          /* is decayed, and may be orthogonalised */
    bool embedding;       /* token_embd, or output: AdamW even with Muon */
    bool beside;          /* not of the model: see struct sov_trainee_opts */
};

typedef struct sov_trainee sov_trainee;

struct sov_trainee_opts {
    enum sov_mul_kind mul;
    bool recompute; /* keep only what layers begin with, and compute
                               the rest once more on the way back */
    bool taught;    /* units will have a teacher (teach) */
    /* An adapter of this rank for base, which is open with SOV_ACCESS_MAP and
     * borrowed; 0: the model itself learns */
    size_t rank;
    double alpha;        /* what it adds is taken times alpha / rank */
    const char *targets; /* "q,v" of q k v o gate up down; NULL: all */
    const sov_model *base;
    /* Layers that shall see what a teacher's, of this width, see; borrowed.
     * Where the widths differ a matrix for each is learnt, too: they are behind
     * the model's tensors, and in no file that _plan makes.  A unit that is
     * only judged need not show anything. */
    const struct sov_match *match;
    size_t n_match, match_width;
};

/* Fills in what follows from the rest; SOV_EARG: it cannot be. */
int sov_shape_check(struct sov_shape *shape,
                    struct sov_err *err) SOV_MUST_CHECK;

/* The shape of a model of any type; SOV_EUNSUP says what is not trained.  Its
 * context may then be made shorter. */
int sov_shape_of(struct sov_shape *shape, const sov_model *model,
                 struct sov_err *err) SOV_MUST_CHECK;

/* Its tensors, to be free()d. */
int sov_shape_weights(const struct sov_shape *shape, struct sov_weight **list,
                      size_t *n, struct sov_err *err) SOV_MUST_CHECK;

/* Tokens of a unit at most, and sequences of n_ctx that are so many. */
size_t sov_shape_unit(const struct sov_shape *shape);

/* Parameters begin at 0: fill them by sov_trainee_init or _read. */
int sov_trainee_new(sov_trainee **t, const struct sov_shape *shape,
                    const struct sov_trainee_opts *opts,
                    struct sov_err *err) SOV_MUST_CHECK;
void sov_trainee_free(sov_trainee *t);

const struct sov_shape *sov_trainee_shape(const sov_trainee *t);
const struct sov_trainee_opts *sov_trainee_opts(const sov_trainee *t);
size_t sov_trainee_tensors(const sov_trainee *t, const struct sov_weight **p);
uint64_t sov_trainee_count(const sov_trainee *t); /* of all numbers */
sov_real *sov_trainee_weights(sov_trainee *t);

/* Bytes that a trainee of this shape takes, but for those of prim.h; 0: too
 * many to be counted. */
uint64_t sov_trainee_bytes(const struct sov_shape *shape,
                           const struct sov_trainee_opts *opts);

/*
 * Floating point operations of products for a token of a whole sequence (a
 * multiply-add is two): forward alone, and forward and back.  Those of an
 * adapter, which has so many numbers, are 2 and 4 for each; where layers are
 * computed twice, both times count.
 */
double sov_trainee_forward(const struct sov_shape *shape);
double sov_trainee_flops(const struct sov_shape *shape,
                         const struct sov_trainee_opts *opts, uint64_t count);

/* Random: normal, 0.02, and what goes into the stream 0.02 / sqrt(2 n_layer);
 * gains 1, biases 0.  Of an adapter A is 1 / sqrt(3 n_in) and B is 0.  A pure
 * function of seed. */
void sov_trainee_init(sov_trainee *t, uint64_t seed);

/* The weights of a model of this shape, decoded; of a trainee with a rank,
 * those of an adapter. */
int sov_trainee_read(sov_trainee *t, const sov_model *model,
                     struct sov_err *err) SOV_MUST_CHECK;

/*
 * A GGUF file of it, matrices in type (F32, F16 or BF16), not frozen yet: with
 * these metadata and what like, a model of its shape (or NULL), has beside its
 * parameters, such as factors of rotary positions.  With a rank it is an
 * adapter, which needs neither.  _put writes the tensors of the plan from
 * weights, an array of the trainee's layout, or, for NULL, its own; SOV_ENO: a
 * number that the type cannot hold.
 */
int sov_trainee_plan(sov_plan **plan, const sov_trainee *t, enum sov_type type,
                     const sov_meta *meta, const sov_model *like,
                     struct sov_err *err) SOV_MUST_CHECK;
int sov_trainee_put(const sov_trainee *t, const sov_plan *plan,
                    const sov_model *like, const sov_real *weights,
                    sov_writer *w, struct sov_err *err) SOV_MUST_CHECK;

struct sov_unit {
    size_t n_seq;
    const size_t *first; /* [n_seq + 1] tokens of each */
    const int32_t *ids;
    const int32_t *next;       /* what came next; -1: not scored */
    const struct sov_few *few; /* of each token, or NULL */
    /* A teacher's logits of tokens first .. first + n - 1 to z [n][stride],
     * or NULL */
    int (*teach)(void *arg, size_t first, size_t n, sov_real *z, size_t stride,
                 struct sov_err *err);
    void *arg;
    /* With matches: what leaves the teacher's layer of match i for tokens first
     * .. first + n - 1, to h [n][match_width] */
    int (*show)(void *arg, size_t i, size_t first, size_t n, sov_real *h,
                struct sov_err *err);
    void *show_arg;
};

struct sov_tally {
    double loss, ce; /* summed over the tokens that are scored */
    uint64_t n;
};

/* grad [count] is set to the gradient of the unit; with grad NULL only the
 * tally is made. */
int sov_trainee_unit(sov_trainee *t, const struct sov_unit *unit,
                     const struct sov_loss *loss, sov_real *grad,
                     struct sov_tally *tally,
                     struct sov_err *err) SOV_MUST_CHECK;

#endif

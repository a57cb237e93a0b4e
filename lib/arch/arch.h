/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch.h - a network: weights bound to an architecture, and one pass over it
 *
 * A net is read-only and borrows its model.  A pass is the memory that a run
 * of up to n_batch tokens needs; keys and values live beside it, since they
 * outlive the run.
 */
#ifndef SOV_ARCH_ARCH_H
#define SOV_ARCH_ARCH_H

#include "arch/bind.h"
#include "arch/hparams.h"
#include "nn/attn.h"
#include "nn/mat.h"
#include "nn/rope.h"
#include "sys/ahead.h"
#include "sys/par.h"

struct sov_layer {
    const float *attn_norm;
    struct sov_mat qkv[3];  /* q, k, v; or the three as one, rows q | k | v */
    size_t n_qkv;
    struct sov_mat attn_out;
    const float *ffn_norm;
    struct sov_mat gate_up[2];
    struct sov_mat down;
};

struct sov_net {
    const struct sov_arch *arch;
    struct sov_hparams hp;
    size_t n_vocab;
    struct sov_mat embd;     /* a row for each token */
    const float *out_norm;
    struct sov_mat head;     /* embd itself where a model ties them */
    struct sov_layer *layer; /* [n_layer] */
    double *freq;            /* [n_rot / 2] */
    struct sov_vec *own;
    /* the largest over all layers */
    size_t q_max;            /* numbers of q */
    size_t qkv_max;          /* of q, k and v */
    size_t o_max;            /* of the heads' values */
    size_t ff_max;
    size_t in_max;           /* of any matrix's input */
};

/* One row for each architecture. */
struct sov_arch {
    const char *name; /* general.architecture, and the prefix of the keys */
    enum sov_rope_pairs rope;
    /* bind what is not common to all, after hp was read */
    int (*load)(struct sov_net *net, struct sov_bind *b);
};

#define ARCH(sym) extern const struct sov_arch sov_arch_##sym;
#include "arch/archs.def"
#undef ARCH

/* SOV_EUNSUP for an architecture that has no row. */
int sov_net_open(struct sov_net **net, const sov_model *model,
                 struct sov_err *err) SOV_MUST_CHECK;
void sov_net_close(struct sov_net *net);

/*
 * The bytes of all weights in the order in which a pass goes over them:
 * SOV_NET_PARTS for each layer, some of them empty, then the end.  With part
 * NULL they are only counted.
 */
#define SOV_NET_PARTS 7
size_t sov_net_parts(const struct sov_net *net, struct sov_span *part);

struct sov_pass {
    struct sov_nn nn;
    struct sov_ahead *ahead; /* reads those parts, or NULL */
    struct sov_cache *kv;    /* [n_layer] */
    size_t n_batch;
    float *x;             /* [n_batch, n_embd] the stream of the layers */
    float *part;          /* [n_batch, n_embd] what is added to it next */
    float *norm;          /* [n_batch, n_embd] */
    float *qkv;           /* [n_batch, qkv_max] */
    float *heads;         /* [n_batch, o_max] */
    float *ff;            /* [n_batch, 2 ff_max] gate | up */
    float *turn;          /* [n_batch, n_rot] */
    struct sov_a32 *a32;  /* [n_batch, in_max / 256] */
    struct sov_a256 *a256;
    float *half;          /* [n_batch, in_max] */
};

/*
 * Cut the memory of a pass from an arena (or count it).  n_batch, nn.k,
 * nn.precise and the sizes of kv are set; nn.room is set here.
 * Gives 0, or SOV_EMEM if it cannot be counted.
 */
int sov_pass_place(struct sov_pass *pass, const struct sov_net *net,
                   struct sov_arena *a) SOV_MUST_CHECK;

/*
 * Tokens ids[n], n <= n_batch, at positions pos on; keys and values are kept.
 * Logits of the last n_logits of them go to logits [n_logits, n_vocab].
 */
void sov_net_run(const struct sov_net *net, struct sov_pass *pass,
                 const int32_t *ids, size_t n, size_t pos, float *logits,
                 size_t n_logits);

/*
 * A run on its way.  It is one region of the team: a loop over columns
 * (tokens) or over rows of weights follows the other, and between them one
 * thread has the walk for itself and says what the next loop is.
 */
struct sov_walk {
    const struct sov_net *net;
    struct sov_pass *pass;
    const int32_t *ids;
    size_t n;          /* columns */
    size_t pos;        /* of the first */
    float *logits;
    size_t n_logits;
    bool begun;
    size_t layer;
    size_t step;       /* in the layer */
    /* for the present loop */
    const float *weight; /* of a norm */
    bool add;            /* what the last step left to the stream first */
    struct sov_input in;
    struct sov_mul mul[3];
    size_t n_mul;
    struct sov_attn attn;
};

/* The input of the next product: n numbers a column from x, in the forms that
 * these matrices take. */
void sov_walk_input(struct sov_walk *w, const float *x, size_t stride,
                    size_t n, const struct sov_mat *mat, size_t n_mat);

/* The next loop: fn over n columns, the product mul of the input, attention. */
void sov_walk_columns(struct sov_walk *w, struct sov_phase *phase,
                      sov_par_fn fn, size_t n);
void sov_walk_product(struct sov_walk *w, struct sov_phase *phase);
void sov_walk_attn(struct sov_walk *w, struct sov_phase *phase);

/*
 * dense.c: the layers that most architectures have.  next describes loop
 * w->step of layer w->layer; false: there is none, the layer is done but for
 * part, which is still to be added to the stream.
 */
int sov_dense_load(struct sov_net *net, struct sov_bind *b) SOV_MUST_CHECK;
bool sov_dense_next(struct sov_walk *w, struct sov_phase *phase);

#endif

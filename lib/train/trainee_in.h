/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trainee_in.h - what the files of a trainee share
 *
 * With n tokens of a unit, E = n_embd, Q = n_head k_len, S = Q and two of the
 * key heads' (a row q | k | v), F = n_ff, a layer keeps for its way back
 *
 *     x -> norm -> qkv -> (norm of heads) -> turned -> attention o -> mid
 *     mid -> norm -> g, u -> a = silu(g) u -> x of the next layer
 *
 * What is not kept (the norms' results, products on their way into the stream)
 * goes through buffers that all layers share.
 */
#ifndef SOV_TRAIN_TRAINEE_IN_H
#define SOV_TRAIN_TRAINEE_IN_H

#include "nn/nn.h"
#include "train/trainee.h"

#define SOV_NO_PLACE UINT64_MAX

/* Rows of a frozen head that are decoded at a time. */
#define SOV_HEAD_ROWS 4096

/* Where the weights of a layer begin. */
struct sov_layer_at {
    uint64_t attn_norm, q, k, v, bias, out, out_bias, q_norm, k_norm;
    uint64_t ffn_norm, gate, up, down, down_bias;
};

struct sov_shape_at {
    uint64_t embd, out_norm, head;
    struct sov_layer_at layer0;
    uint64_t layer_step; /* from a layer to the next */
    uint64_t count;
    size_t n; /* tensors */
};

/* Places of all tensors; and, with list, themselves. */
struct sov_shape_at sov_shape_places(const struct sov_shape *shape,
                                     struct sov_weight *list);

/* Gains or biases; at is where their gradient goes. */
struct sov_gains {
    const sov_real *w;
    uint64_t at;
};

/* The pair of an adapter that belongs to n_out rows from row on. */
struct sov_pair {
    uint64_t a, b; /* [rank, n_in], [n_out, rank] */
    size_t row, n_out;
    sov_real *scaled; /* A times alpha / rank */
};

/* y[n_out] = W x, of one tensor or some that lie together. */
struct sov_linear {
    size_t n_in, n_out;
    const sov_real *w; /* NULL: is decoded from the tensors */
    uint64_t at;       /* of its gradient, or SOV_NO_PLACE */
    const struct sov_tensor *tensor[3];
    size_t n_tensors;
    struct sov_pair pair[3];
    size_t n_pairs;
};

/* What a layer keeps. */
struct sov_kept {
    sov_real *x;       /* [n, E] what it begins with */
    sov_real *r1, *r2; /* [n] of norms */
    sov_real *qkv;     /* [n, S], q and k normed and turned */
    sov_real *raw;     /* [n, S] before the norm of heads; or qkv */
    sov_real *r_heads; /* [heads][n] of that norm */
    sov_real *o;       /* [n, Q] */
    sov_real *lse;     /* [n, n_head] */
    sov_real *mid;     /* [n, E] */
    sov_real *g, *u;   /* [n, F] */
    sov_real *a;
};

struct sov_learner {
    struct sov_gains attn_norm, bias, out_bias, q_norm, k_norm;
    struct sov_gains ffn_norm, down_bias;
    struct sov_linear qkv, out, gate, up, down;
    struct sov_kept kept;
};

struct sov_trainee {
    struct sov_shape shape;
    struct sov_trainee_opts opts;
    struct sov_prim prim;
    enum sov_rope_pairs pairs;
    struct sov_weight *list; /* [n_list] parameters, owned */
    size_t n_list;
    size_t n_kept; /* of them, the model's */
    uint64_t count;
    void *memory; /* all that follows is cut from it */
    uint64_t bytes;

    sov_real *w;               /* [count] */
    sov_real *base;            /* gains and biases that are frozen, or NULL */
    struct sov_learner *layer; /* [n_layer] */
    struct sov_gains out_norm;
    struct sov_linear embd, head; /* embd is not multiplied */
    sov_real *turn;               /* [n_ctx, n_rot] */
    uint32_t *place;              /* [n] */
    sov_real *last;               /* [n, E] behind the last layer */
    sov_real *r_last;             /* [n] */
    sov_real *norm;               /* [n, E] */
    sov_real *part;               /* [n, E] */
    sov_real *dx;                 /* [n, E] */
    sov_real *d_o;                /* [n, Q] */
    sov_real *d_qkv;              /* [n, S] */
    sov_real *z, *teacher;        /* [SOV_SLAB, z_stride] */
    size_t z_stride;
    double *loss, *ce;      /* [SOV_SLAB] */
    sov_real *seen, *shown; /* [SOV_SLAB, match_width] */
    sov_real *decoded;      /* a matrix, or rows of the head */
    sov_real *scaled;       /* [count] A of adapters times alpha / rank */
    sov_real *low;          /* [4][n, rank] */
    sov_real *spare;        /* gradients of what is frozen */
};

/* Numbers of q, k and v of a token; how queries and keys are turned. */
size_t sov_shape_qkv(const struct sov_shape *s);
enum sov_rope_pairs sov_shape_pairs(const struct sov_shape *s);

/* Where the gradient of what begins at at goes. */
static inline sov_real *
sov_grad_at(const sov_trainee *t, sov_real *grad, uint64_t at)
{
    return at == SOV_NO_PLACE ? t->spare : grad + at;
}

/* weights.c: rows first .. first + n - 1, where they are or decoded. */
const sov_real *sov_linear_rows(const sov_trainee *t,
                                const struct sov_linear *l, size_t first,
                                size_t n);
/* Rows of a tensor, decoded: of all id[n]; with id NULL those from first on. */
void sov_trainee_decode(const struct sov_tensor *tensor, const int32_t *id,
                        uint64_t first, uint64_t n, sov_real *y);
/* Can it be decoded, and is it in memory? */
int sov_trainee_decodes(const struct sov_tensor *tensor,
                        struct sov_err *err) SOV_MUST_CHECK;
/* It has this shape? */
int sov_weight_check(const struct sov_weight *w, const struct sov_tensor *t,
                     struct sov_err *err) SOV_MUST_CHECK;

/* bind.c: options of an adapter; its parameters; and, when memory is there, the
 * weights of all layers. */
int sov_pairs_check(const struct sov_trainee_opts *opts,
                    struct sov_err *err) SOV_MUST_CHECK;
int sov_pairs_list(sov_trainee *t, struct sov_err *err) SOV_MUST_CHECK;
int sov_trainee_bind(sov_trainee *t, struct sov_err *err) SOV_MUST_CHECK;

/* linear.c: y = W x, and the way back.  Gradients of weights are set first,
 * and so dx may be x; dx NULL: it is not asked for. */
void sov_linear_run(const sov_trainee *t, const struct sov_linear *l, size_t n,
                    const sov_real *x, sov_real *y, size_t y_stride);
void sov_linear_back(const sov_trainee *t, const struct sov_linear *l, size_t n,
                     const sov_real *dy, size_t dy_stride, const sov_real *x,
                     sov_real *dx, bool add, sov_real *grad);
/* Scale what adapters have, and turn gradients of that into theirs. */
void sov_pairs_scale(const sov_trainee *t);
void sov_pairs_back(const sov_trainee *t, sov_real *grad);

/* match.c: matrices for what a teacher shows, behind all other parameters;
 * random ones; and the comparison of what leaves a layer, whose gradient is
 * added to dx (grad NULL: only the tally is made). */
int sov_guides_list(sov_trainee *t, struct sov_err *err) SOV_MUST_CHECK;
void sov_guides_init(sov_trainee *t);
int sov_guides_run(sov_trainee *t, const struct sov_unit *unit, size_t layer,
                   sov_real *grad, struct sov_tally *tally,
                   struct sov_err *err) SOV_MUST_CHECK;

/* layer.c: from kept->x to y, which is the next layer's; and back, dx in
 * place.  again: all that the way back needs but y. */
int sov_learner_run(sov_trainee *t, struct sov_learner *l,
                    const struct sov_unit *unit, sov_real *y,
                    struct sov_err *err) SOV_MUST_CHECK;
int sov_learner_again(sov_trainee *t, struct sov_learner *l,
                      const struct sov_unit *unit,
                      struct sov_err *err) SOV_MUST_CHECK;
int sov_learner_back(sov_trainee *t, struct sov_learner *l,
                     const struct sov_unit *unit, bool to_x, sov_real *grad,
                     struct sov_err *err) SOV_MUST_CHECK;

#endif

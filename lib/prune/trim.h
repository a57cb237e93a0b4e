/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trim.h - a model without some of its layers, channels, heads or tokens
 *
 * What stays is told by lists of numbers: layers, channels of the stream and of
 * each feed-forward, key heads with all the query heads that read them,
 * experts, tokens.  A cut becomes a plan, whose metadata say the new shape to
 * any loader, and streams its tensors, of which it takes rows and columns.
 *
 * What stays keeps its bytes.  Rows can be taken of any type; columns of plain
 * numbers, or of whole blocks.  Only what a cut was told to make anew (biases,
 * norms) has other numbers.
 *
 * A plan is refused (SOV_EUNSUP) where no file of this architecture could say
 * what is left: layers of different widths where there is one key for all,
 * layers that would get another window by their new place, a scale that follows
 * from a width.  To find out, the metadata are read once more, as any loader
 * would, and compared with what each layer was.
 */
#ifndef SOV_PRUNE_TRIM_H
#define SOV_PRUNE_TRIM_H

#include "arch/arch.h"
#include "sov/model.h"
#include "sov/write.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What stays of `of` things. */
struct sov_trim_list {
    uint32_t *id; /* [n] owned, ascending; NULL: all of them */
    size_t n;
    size_t of;
};

/* Of one layer. */
struct sov_trim_layer {
    struct sov_trim_list ffn;    /* channels; with experts, of each of them */
    struct sov_trim_list kv;     /* key heads */
    struct sov_trim_list expert; /* of 0: there are none */
};

/* Where the numbers of a tensor of the plan come from. */
struct sov_trim_item {
    size_t from;      /* tensor of the model */
    size_t layer;     /* of the model; SIZE_MAX: of none */
    const float *own; /* in its place: numbers of our own, or NULL */
    bool gain;        /* times that of the norms */
};

/* A vector that is made anew. */
struct sov_trim_own {
    char *name;    /* owned: as in the model */
    size_t behind; /* the tensor of the model that it follows */
    float *x;      /* owned */
    size_t n;      /* as in the plan */
};

struct sov_turn; /* turn.h */

struct sov_trim {
    sov_model *model; /* borrowed */
    const struct sov_arch *arch;
    struct sov_hparams hp; /* as it is; owned */
    struct sov_trim_list layer;
    struct sov_trim_list embd;
    struct sov_trim_list vocab;
    struct sov_trim_list merge; /* rules of the tokenizer; of 0: none */
    struct sov_trim_layer *of;  /* [hp.n_layer], owned */
    /* With fewer channels of the stream a norm divides by another mean: its
     * weights are taken times this. */
    double gain;
    double eps;
    struct sov_turn *turn;    /* owned: what of the stream stays are directions,
                              not channels; NULL: channels */
    struct sov_trim_own *own; /* owned */
    size_t n_own;
    size_t cap_own;
    struct sov_trim_item *item; /* owned: of each tensor of the plan */
};

/*
 * Nothing is cut yet.  The model is borrowed; a stream will do.  SOV_EUNSUP: an
 * architecture that is not known.
 */
int sov_trim_new(struct sov_trim **cut, sov_model *model,
                 struct sov_err *err) SOV_MUST_CHECK;
void sov_trim_free(struct sov_trim *c);

/* These n of them stay, ascending; SOV_EARG: they are not such a list. */
int sov_trim_keep(struct sov_trim_list *l, const uint32_t *id, size_t n,
                  struct sov_err *err) SOV_MUST_CHECK;

/* The n with the largest scores [l->of] stay, of equal ones the first. */
int sov_trim_best(struct sov_trim_list *l, const double *score, size_t n,
                  struct sov_err *err) SOV_MUST_CHECK;

/* Does number i stay? */
bool sov_trim_has(const struct sov_trim_list *l, size_t i);
/* Is anything left out? */
bool sov_trim_less(const struct sov_trim_list *l);

/*
 * A vector of n numbers, copied, which takes the place of the model's tensor
 * of that name, or follows tensor `behind` where there is none.
 */
int sov_trim_make(struct sov_trim *c, const char *name, size_t behind,
                  const float *x, size_t n, struct sov_err *err) SOV_MUST_CHECK;

/*
 * Layers that see a window, and those that do not, take turns by their number
 * in some architectures: so many layers side by side have to leave together.
 */
size_t sov_trim_step(const struct sov_trim *c);

/* Do stock loaders of the architecture take this bias of a matrix where the
 * model has none?  name as in "ffn_down". */
bool sov_trim_may_bias(const struct sov_trim *c, const char *name);

/*
 * The output: metadata and tensors, to be laid out.  Free the plan; after one
 * that was refused another may be asked for.
 */
int sov_trim_plan(struct sov_trim *c, sov_plan **plan,
                  struct sov_err *err) SOV_MUST_CHECK;

/* Bytes of all tensors of it, without making one. */
uint64_t sov_trim_bytes(const struct sov_trim *c);

/* Called with the bytes that were written so far. */
typedef int (*sov_trim_write_fn)(void *arg, const void *p, size_t len,
                                 struct sov_err *err);

/* Tensor i of the plan, in pieces; tensors go forward only on a pipe. */
int sov_trim_tensor(const struct sov_trim *c, const sov_plan *plan, size_t i,
                    sov_trim_write_fn write, void *arg,
                    struct sov_err *err) SOV_MUST_CHECK;

/* ---- what the files of it share ---- */

/* Directions of a tensor. */
enum sov_trim_axis {
    SOV_AXIS_ALL, /* never cut */
    SOV_AXIS_EMBD,
    SOV_AXIS_VOCAB,
    SOV_AXIS_Q,     /* numbers of all queries */
    SOV_AXIS_K,     /* ... keys */
    SOV_AXIS_V,     /* ... values */
    SOV_AXIS_O,     /* values of all query heads */
    SOV_AXIS_QKV,   /* queries, keys and values in one */
    SOV_AXIS_HEADS, /* one for each query head */
    SOV_AXIS_QN,    /* a norm of queries: of a head, or of all */
    SOV_AXIS_KN,
    SOV_AXIS_FFN,
    SOV_AXIS_UP, /* channels, or gate and up in one */
    SOV_AXIS_EXPERT,
};

/* Axes of a tensor of a model, and its layer; false: its name is not known. */
bool sov_trim_axes(const char *name, enum sov_trim_axis axis[3], size_t *layer);

/* How many stay of an axis. */
size_t sov_trim_count(const struct sov_trim *c, enum sov_trim_axis axis,
                      size_t layer, uint64_t of);

/* Their numbers [sov_trim_count()]: NULL, if all of them stay.  Fresh. */
int sov_trim_numbers(const struct sov_trim *c, enum sov_trim_axis axis,
                     size_t layer, uint64_t of, uint64_t **id,
                     struct sov_err *err) SOV_MUST_CHECK;

/* trim_meta.c: the metadata of the output, and whether they hold. */
int sov_trim_meta(const struct sov_trim *c, sov_meta *meta,
                  struct sov_err *err) SOV_MUST_CHECK;

/* trim_vocab.c: those of the tokenizer. */
int sov_trim_vocab(const struct sov_trim *c, sov_meta *meta,
                   struct sov_err *err) SOV_MUST_CHECK;

#endif

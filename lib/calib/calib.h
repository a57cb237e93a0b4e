/* SPDX-License-Identifier: Apache-2.0 */
/*
 * calib.h - a model reads a text, and somebody looks at what enters its matrices
 *
 * Windows of the text go through the model layer by layer, in two streams if it
 * is asked for: one through the matrices as they are, and one through those that
 * have been put in their place so far.  At each place where some matrices share
 * an input all windows are gone through once more, up to there; so who puts
 * others in place of some sees what that does to the inputs of all that follow.
 *
 *     for each layer      for each place (q k v, out, gate and up, down)
 *                             all windows up to there; fit() of the moments
 *                         all windows through the layer
 */
#ifndef SOV_CALIB_CALIB_H
#define SOV_CALIB_CALIB_H

#include "arch/arch.h"
#include "calib/moments.h"
#include "sov/calib.h"

struct sov_calib;

/* Matrices that share an input. */
struct sov_calib_site {
    uint32_t layer;
    enum sov_enters enters; /* SOV_ENTERS_NONE: the head, behind all layers */
    size_t expert;          /* this one of so many; 0 of 1 without experts */
    size_t n_experts;
    size_t tensor[SOV_MULS_MAX]; /* of the model: a stack is one tensor */
    size_t n_tensors;
    size_t out; /* rows whose lack is in its moments, see moments.h */
};

/* What is done with them. */
struct sov_calib_fit {
    bool pairs;      /* two streams; else that of the model as it is */
    bool tied;       /* sov_calib_tied() comes before the run */
    uint64_t types;  /* sov_type_bit() of all that will be put in */
    uint64_t memory; /* bytes that wanted() and fit() take themselves */
    /* Does anybody want the moments of what enters this tensor? */
    bool (*wanted)(const void *arg, size_t tensor);
    /* Called in the order of the model, for sites with such a tensor; m is
     * good until it returns. */
    int (*fit)(void *arg, const struct sov_calib_site *site,
               const struct sov_moments *m, struct sov_err *err);
    void *arg;
};

/* fit may be NULL: then statistics alone are made. */
int sov_calib_new(struct sov_calib **calib, sov_model *model,
                  const struct sov_calib_opts *opts,
                  const struct sov_calib_fit *fit,
                  struct sov_err *err) SOV_MUST_CHECK;
void sov_calib_free(struct sov_calib *c);

/*
 * In the second stream the tensor is, from now on, these blocks of this type;
 * they must stay where they are.  Before the run only token_embd.weight may be
 * put in, which the stream begins with.
 */
void sov_calib_put(struct sov_calib *c, size_t tensor, enum sov_type type,
                   const void *blocks);

/* Every site with a wanted tensor, with the columns of its input. */
typedef int (*sov_calib_site_fn)(void *arg, const struct sov_calib_site *site,
                                 size_t k, struct sov_err *err);
int sov_calib_each_site(const struct sov_calib *c, sov_calib_site_fn fn,
                        void *arg, struct sov_err *err) SOV_MUST_CHECK;

/* Tokens that are read, and what a stream of the run multiplies for each; 0 of
 * one that there is not. */
uint64_t sov_calib_tokens(const struct sov_calib *c);
uint64_t sov_calib_products(const struct sov_calib *c, size_t stream);

/* Multiplications of a token for the moments of a site of k columns, of all its
 * experts; and columns whose sums a token is added to for the statistics. */
uint64_t sov_calib_sums(const struct sov_calib *c,
                        const struct sov_calib_site *site, size_t k);
uint64_t sov_calib_tallied(const struct sov_calib *c);

/* Are some windows held apart? */
bool sov_calib_holds(const struct sov_calib *c);

/* Seconds of a multiplication of each stream, as the first layer is now; of one
 * for the moments; and of a column that statistics are made of. */
struct sov_calib_rates {
    double layer[2];
    double moments;
    double tally;
};

/*
 * What something takes that was tried n times, n even: the middle one of all
 * but the first, in which pages come in and threads wake up.  Others may be at
 * work in some.  t is put in order.
 */
double sov_calib_usual(double *t, size_t n);

/*
 * Moments to try on what is done with them: of inputs that go with each other,
 * SOV_MOMENT_TOKENS of k columns, which are left in x; held: some of them are
 * kept apart.  To be freed.
 */
int sov_calib_some_moments(struct sov_moments *m, size_t k, bool held, float *x,
                           struct sov_err *err) SOV_MUST_CHECK;

/* a k^(power + 1) + b k^power through what two widths, at[0] < at[1], took;
 * neither a nor b is below 0. */
double sov_calib_through(const size_t at[2], const double t[2], size_t k,
                         int power);

/* Before the run, which begins anew. */
int sov_calib_probe(struct sov_calib *c, struct sov_calib_rates *rates,
                    struct sov_err *err) SOV_MUST_CHECK;

int sov_calib_run(struct sov_calib *c, struct sov_err *err) SOV_MUST_CHECK;

/*
 * Where the head is the embeddings' tensor: what enters it in the model as it
 * is, to be freed.  Takes a run of the first stream alone, before the other
 * begins.  1: the head is another matrix, or there is none.
 */
int sov_calib_tied(struct sov_calib *c, struct sov_moments *m,
                   struct sov_err *err) SOV_MUST_CHECK;

/* After the run: what was seen in the first stream, to be closed by whoever
 * takes it. */
sov_stats *sov_calib_stats(struct sov_calib *c);

/* Bytes that it takes at most, with what fit takes. */
uint64_t sov_calib_memory(const struct sov_calib *c);

/* Bytes of its temporary files. */
uint64_t sov_calib_scratch(const struct sov_calib *c);

#endif

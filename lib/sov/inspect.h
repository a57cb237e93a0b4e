/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inspect.h - what the weights of a model are like, and how two differ
 *
 * Every tensor is decoded and looked at in one pass in file order, by all
 * threads, in memory that does not depend on the size of the model, so that a
 * pipe will do.  Results do not depend on the number of threads.
 */
#ifndef SOV_INSPECT_H
#define SOV_INSPECT_H

#include "sov/base.h"
#include "sov/err.h"
#include "sov/model.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The largest half float: what goes beyond fits into few types. */
#define SOV_HALF_MAX 65504.0

/* Can the weights of this type be decoded?  Integers count as numbers. */
SOV_API bool sov_weights_known(enum sov_type type);

/* n weights out of whole blocks; SOV_EUNSUP for a type that is not known. */
SOV_API int sov_weights_decode(enum sov_type type, const void *blocks,
                               float *y, size_t n,
                               struct sov_err *err) SOV_MUST_CHECK;

#define SOV_STATS_FRONT 8

/* The weights of one tensor. */
struct sov_stats {
    bool known;            /* else none of the rest is */
    uint64_t n;
    uint64_t nan;
    uint64_t inf;
    uint64_t zeros;        /* -0 too */
    uint64_t beyond;       /* finite, but beyond SOV_HALF_MAX */
    uint64_t bad_blocks;   /* with a NaN or an infinity in them */
    uint64_t first_bad;    /* the first NaN or infinity; n: none */
    uint64_t first_nan;    /* n: none */
    uint64_t first_inf;    /* n: none */
    uint64_t first_beyond; /* n: none */
    double min, max;       /* of the finite ones, as is all below; NaN: none */
    double mean;
    double std;            /* of the population: divided by n */
    double rms;
    size_t n_front;        /* the first weights of all, as they are */
    float front[SOV_STATS_FRONT];
};

/*
 * How often which numbers are there: 2^19 bins, by sign, exponent and the
 * first ten bits of the fraction.
 */
typedef struct sov_hist sov_hist;

/*
 * The number that a part q (0 to 1) of the finite ones does not exceed: exact
 * for types of up to ten bits of fraction (f16, bf16), else to one part in
 * 2048.  NaN if there are none.
 */
SOV_API double sov_hist_quantile(const sov_hist *h, double q);

#define SOV_BARS_MAX 64

/*
 * Bar i counts what is from low + i * width to low + (i + 1) * width; what
 * lies on an edge counts where it is farther from 0.
 */
struct sov_bars {
    double low;
    double width;
    size_t n;
    uint64_t below; /* less than low */
    uint64_t above;
    uint64_t count[SOV_BARS_MAX];
};

/* At most most bars (up to SOV_BARS_MAX) from around low to around high. */
SOV_API void sov_hist_bars(const sov_hist *h, double low, double high,
                           size_t most, struct sov_bars *bars);

struct sov_scan {
    bool hist;                /* make histograms */
    bool (*pick)(void *arg, const struct sov_tensor *t); /* NULL: all */
    /* Tensor i is done; hist is NULL or borrowed until it returns.  Anything
     * but 0 ends the scan and is its result. */
    int (*found)(void *arg, size_t i, const struct sov_stats *stats,
                 const sov_hist *hist, struct sov_err *err);
    sov_progress_fn progress; /* or NULL */
    void *arg;
};

SOV_API int sov_scan(sov_model *model, const struct sov_scan *scan,
                     struct sov_err *err) SOV_MUST_CHECK;

/* Tensor a of one model and tensor b of another, of the same shape. */
struct sov_pair {
    size_t a;
    size_t b;
};

struct sov_gap {
    bool same;        /* one type, and the same bytes */
    bool known;       /* both can be decoded; else none of the rest is */
    uint64_t n;
    uint64_t differ;  /* weights that are not the same number */
    uint64_t first;   /* the first that differs; n: none */
    uint64_t bad;     /* where one is NaN or infinite: not in what follows */
    double max;       /* the largest difference */
    double nmse;      /* sum (b - a)^2 / sum a^2; NaN: a is all 0 */
    double rms;       /* of the differences */
};

/*
 * found as in a scan, with the pair's index.  Pairs are read in their order;
 * a model that is a pipe must be met in file order.
 */
struct sov_compare {
    const struct sov_pair *pair;
    size_t n;
    int (*found)(void *arg, size_t i, const struct sov_gap *gap,
                 struct sov_err *err);
    sov_progress_fn progress; /* or NULL */
    void *arg;
};

SOV_API int sov_compare(sov_model *a, sov_model *b,
                        const struct sov_compare *compare,
                        struct sov_err *err) SOV_MUST_CHECK;

#endif

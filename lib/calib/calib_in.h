/* SPDX-License-Identifier: Apache-2.0 */
/*
 * calib_in.h - what the files of a calibration share
 */
#ifndef SOV_CALIB_CALIB_IN_H
#define SOV_CALIB_CALIB_IN_H

#include "calib/calib.h"
#include "calib/hidden.h"
#include "calib/intake.h"

/* Every so many windows one is kept apart: see moments.h. */
#define SOV_CALIB_HELD 8

#define SOV_CALIB_STREAMS 2

/* What is asked at a place of the present layer. */
struct sov_calib_look {
    size_t k;   /* columns of its input */
    size_t out; /* see struct sov_moments */
    size_t n_experts;
    bool wanted;
    struct sov_moments *m; /* [n] of experts from first on, or NULL */
    size_t first;
    size_t n;
    struct sov_moments wide;
    bool want_wide; /* this time */
    bool counted;   /* the tally has all windows */
    struct sov_intake tally;
};

struct sov_calib {
    sov_model *model;                /* borrowed */
    const struct sov_calib_fit *fit; /* borrowed, or NULL */
    struct sov_net *net;             /* as it is, owned */
    struct sov_net other;    /* as it is so far; borrows from net, but for */
    struct sov_layer *layer; /* its layers, owned */
    struct sov_pass pass;
    unsigned char *work; /* owned: what the pass and so on are cut from */
    uint64_t work_bytes;
    uint64_t memory;
    uint64_t scratch;
    uint64_t limit;
    float *seen;             /* [n_ctx, in_max] input of the first stream */
    float *stood;            /* [n_ctx, n_embd] what its product is added to */
    float *room;             /* for moments */
    uint32_t *block;         /* of keys and values: 0, 1, 2 ... */
    struct sov_place *place; /* where these are */
    int32_t *ids;            /* [n_windows, n_ctx] owned */
    uint32_t n_ctx;
    size_t n_windows;
    size_t n_streams;
    struct sov_hidden hidden[SOV_CALIB_STREAMS];
    struct sov_calib_look look[SOV_N_ENTERS]; /* NONE: the head */
    struct sov_intake router;
    sov_stats *stats; /* owned */
    sov_progress_fn progress;
    void *progress_arg;
    uint64_t done, all; /* multiplications of a token */
};

/* How far a stream goes in a sweep: what is looked at, as a set of 1 << enum
 * sov_enters, and whether it goes to the end of the layer.  With neither it
 * stays where it is. */
struct sov_calib_leg {
    unsigned look;
    bool to_end;
};

static inline const struct sov_net *
sov_calib_net(const struct sov_calib *c, size_t stream)
{
    return stream == 0 ? c->net : &c->other;
}

static inline bool
sov_calib_is_tied(const struct sov_calib *c)
{
    return c->net->head.data != NULL && c->net->head.data == c->net->embd.data;
}

static inline bool
sov_calib_is_held(const struct sov_calib *c, size_t window)
{
    return c->n_windows >= SOV_CALIB_HELD &&
           window % SOV_CALIB_HELD == SOV_CALIB_HELD - 1;
}

/* A place, and what is asked there. */
struct sov_calib_look sov_calib_asked(const struct sov_calib *c, size_t layer,
                                      enum sov_enters e,
                                      struct sov_calib_site *site);

/* Experts whose moments are there at once: as many as fit. */
size_t sov_calib_at_once(const struct sov_calib *c,
                         const struct sov_calib_look *look);

/* What has been gone through is not needed in memory any more. */
void sov_calib_let_go(const struct sov_calib *c, size_t layer);
void sov_calib_let_go_embeddings(const struct sov_calib *c);

/* Embeddings of all windows, in all streams. */
int sov_calib_embed(struct sov_calib *c, struct sov_err *err) SOV_MUST_CHECK;

/*
 * All windows of each stream through a layer, as far as its leg says.  A stream
 * that has been at the end has what comes out there: it is what the next layer
 * begins with, and this layer is behind it.
 */
int sov_calib_sweep(struct sov_calib *c, size_t layer,
                    const struct sov_calib_leg leg[SOV_CALIB_STREAMS],
                    struct sov_err *err) SOV_MUST_CHECK;

/* The embeddings of one window of one stream through one layer. */
int sov_calib_one(struct sov_calib *c, size_t layer, size_t stream,
                  size_t window, struct sov_err *err) SOV_MUST_CHECK;

/* All windows up to what the head sees. */
int sov_calib_sweep_head(struct sov_calib *c,
                         struct sov_err *err) SOV_MUST_CHECK;

/* Multiplications of a token up to there; NONE: through all of the layer. */
uint64_t sov_calib_work(const struct sov_calib *c, size_t layer,
                        enum sov_enters up_to);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store.h - blocks of keys and values that timelines take, share and give back
 *
 * A block is 64 positions in the caches of all layers that see everything, or
 * of all that see a window: there is a store for each of the two.  It is in one
 * of three states:
 *
 *     held    by some timelines (refs > 0); it may be in the index as well
 *     kept    by nobody, but in the index: a timeline that begins with the same
 *             tokens finds it there
 *     free    zeros, and in nobody's hands
 *
 * The index goes from a name, a digest of all that went into a block and all
 * blocks before it, to the block.  When there is no free block, the one that
 * has been kept the longest is given up.
 *
 * Behind the blocks that can be taken there are others:
 *
 *     0 .. n - 1     are taken and given back
 *     n              stands for what no window reaches any more: zeros, which
 *                    are read but count for nothing; only in the store of
 *                    windows
 *     n + 1 ..       are lent: they lie in memory of somebody else, and are
 *                    never written to nor given back
 */
#ifndef SOV_RUN_STORE_H
#define SOV_RUN_STORE_H

#include "nn/attn.h"
#include "sov/hash.h"

#define SOV_NO_BLOCK UINT32_MAX

struct sov_block {
    uint32_t refs;
    bool named;          /* it is in the index */
    uint32_t next, prev; /* of the free (next alone), or of those kept */
    uint32_t chain;      /* of the same place in the index */
    unsigned char name[SOV_SHA256_LEN];
};

struct sov_store {
    const struct sov_cache *kv; /* [n_layer] of which some are the store's */
    size_t n_layer;
    bool local;              /* those that see a window */
    size_t heads;            /* of the store's layers */
    size_t bytes;            /* of a head in a block */
    uint32_t n;              /* blocks that can be taken */
    uint32_t n_lent;         /* those behind them */
    struct sov_place *at;    /* [n + 1 + n_lent] */
    uint32_t n_fresh;        /* that were never taken: the last ones */
    uint32_t n_free;         /* that were given back, in a list from free */
    uint32_t free;
    uint32_t n_kept;         /* in a list from oldest to newest */
    uint32_t oldest, newest;
    uint32_t n_places;       /* of the index: a power of two */
    uint32_t *place;         /* [n_places] */
    struct sov_block *block; /* [n] */
};

/* Cut what the pool needs of its own from an arena, or count it; kv, n_layer,
 * n and n_lent are set, and n is 1 or more. */
void sov_store_place(struct sov_store *p, struct sov_arena *a);

/* The same for keys and values; heads and bytes are set. */
unsigned char *sov_store_memory(const struct sov_store *p,
                                struct sov_arena *a);

/* All blocks are free, and zero: memory as it was when it was given. */
void sov_store_begin(struct sov_store *p, unsigned char *memory);

/* The block that stands for what is not seen; the first that is lent. */
static inline uint32_t
sov_store_hole(const struct sov_store *p)
{
    return p->n;
}

static inline uint32_t
sov_store_lent(const struct sov_store *p)
{
    return p->n + 1;
}

/* May a timeline that holds the block write to it? */
static inline bool
sov_store_owned(const struct sov_store *p, uint32_t b)
{
    return b < p->n && p->block[b].refs == 1;
}

/* Blocks that can be taken. */
uint32_t sov_store_room(const struct sov_store *p);

/* A block of zeros, held once; SOV_NO_BLOCK if there is no room. */
uint32_t sov_store_take(struct sov_store *p);

/* Hold a block once more; or once less, which may wipe it. */
void sov_store_hold(struct sov_store *p, uint32_t b);
void sov_store_drop(struct sov_store *p, uint32_t b);

/* The block of that name, or SOV_NO_BLOCK.  It is not held by this. */
uint32_t sov_store_find(const struct sov_store *p,
                       const unsigned char name[SOV_SHA256_LEN]);

/* Put a held block into the index, where nothing has its name; or take it
 * out, since what is in it changes. */
void sov_store_name(struct sov_store *p, uint32_t b,
                   const unsigned char name[SOV_SHA256_LEN]);
void sov_store_unname(struct sov_store *p, uint32_t b);

/* Give up all that is kept. */
void sov_store_forget(struct sov_store *p);

#endif

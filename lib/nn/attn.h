/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attn.h - keys and values of what was read, and attention over them
 *
 * They are kept in blocks of 64 positions, which timelines may share; where a
 * timeline's position p is, its table says: in block[p / 64].  A block has
 * room for all heads of all layers, and a head has in it rows of a plain type,
 *
 *     [64] keys of k_len, then [64] values of v_len
 *
 * or a page of 64 keys and values in eight bits, as struct sov_page (kern.h)
 * draws it.  Where a block is, its place says: a head's bytes at p, those of
 * the next head `step` further.  Blocks that were made together lie side by
 * side,
 *
 *     [heads of all layers][blocks] rows or page
 *
 * so that those that follow each other are read as one stream; others may be
 * anywhere, in a file that is mapped, say.
 *
 * Layers that see a window go by tables of their own, which need have nothing
 * real where no window reaches.  What is computed does not depend on it.
 *
 * With rows the softmax of a query goes over a span of SOV_SPAN_KEYS at once:
 * the largest score, then the sum of the exponentials in the 16 lanes of
 * kern.h, then the values in the order of their positions; later spans are
 * added to the first in order, weighed by their sums.  With pages it goes page
 * by page, as struct sov_attn_span says.  So it does not matter in what pieces
 * the queries come, in which blocks the keys are, with whom they are shared,
 * nor who does the work.
 */
#ifndef SOV_NN_ATTN_H
#define SOV_NN_ATTN_H

#include "nn/nn.h"

#define SOV_BLOCK_KEYS SOV_PAGE_KEYS

/* Where a block is. */
struct sov_place {
    unsigned char *p; /* of the first head of the first layer */
    size_t step;
};

/* The keys and values of one layer, of all timelines; memory is the caller's,
 * and zero at first. */
struct sov_cache {
    bool paged;
    bool local;              /* goes by the tables of windows */
    enum sov_type type;      /* of rows */
    struct sov_page page;    /* of pages */
    size_t n_kv;
    size_t n_ctx;            /* positions of a timeline, at most */
    size_t k_len, v_len;
    size_t k_bytes, v_bytes; /* of a row */
    size_t bytes;            /* of a head in a block */
    size_t head;             /* the first of this layer's among all */
    const struct sov_place *place; /* of blocks */
};

/* Blocks that hold n positions. */
static inline size_t
sov_blocks_of(size_t n)
{
    return n / SOV_BLOCK_KEYS + (n % SOV_BLOCK_KEYS != 0);
}

/* Set the row or page sizes of a cache, and what a head has in a block. */
void sov_cache_sizes(struct sov_cache *kv);

/* The places of n blocks in memory for as many of all heads. */
void sov_cache_lay(struct sov_place *place, unsigned char *p, size_t n,
                   size_t bytes);

/*
 * Keep key k[n_kv * k_len] and value v[n_kv * v_len] of position pos of the
 * timeline with this table; both are used up.  Different positions may be kept
 * by different threads at once.
 */
void sov_cache_put(const struct sov_nn *nn, const struct sov_cache *kv,
                   const uint32_t *block, size_t pos, float *k, float *v);

/* All of a block, from another one; or zeros, which no compiler leaves out. */
void sov_cache_copy(const struct sov_cache *kv, uint32_t from, uint32_t to);
void sov_cache_wipe(const struct sov_cache *kv, uint32_t block);

/*
 * Columns [column, column + n_cols) of a pass are the positions of a timeline
 * from pos on.  The first `shared` blocks of its table are those that the
 * timeline before it in the list has as well.
 */
struct sov_attn_seq {
    const uint32_t *block;
    size_t pos;
    size_t column;
    size_t n_cols;
    size_t shared;
};

/*
 * Rows (columns times the query heads of a key head) that are done together:
 * some of one timeline, or all of several that share their first blocks, which
 * are then read once for all of them.
 */
struct sov_tile {
    size_t seq;
    size_t n_seq;
    size_t row;    /* the first, of the first timeline */
    size_t n_rows;
    size_t shared;   /* blocks; of one timeline: all */
};

/*
 * o[c][n_head * v_len] = attention of queries q[c][n_head * k_len] over all
 * keys of their timeline from first[c] up to their own, or with both up to the
 * timeline's last, or up to before end[c].  A score s becomes cap * tanh(s / cap) if there is a cap.
 * The sink of a head is one more score, of a key without a value.
 */
struct sov_attn {
    const struct sov_cache *kv;
    size_t n_head; /* a multiple of n_kv */
    float scale;
    const struct sov_attn_seq *seq; /* [n_seq], none without columns */
    size_t n_seq;
    const uint32_t *first; /* [columns], not falling in a timeline; NULL: all
                              begin at 0 */
    const uint32_t *end;   /* likewise, in place of pos; or NULL */
    bool both;
    float cap;             /* 0: none */
    const float *sink;     /* [n_head], or NULL */
    const float *q;
    size_t q_stride;
    float *o;
    size_t o_stride;
    const struct sov_tile *tile;
    size_t n_tiles;
};

/* Set the tiles; there is room for sov_attn_tiles() of as many columns. */
void sov_attn_cut(struct sov_attn *at, struct sov_tile *tile);
uint64_t sov_attn_tiles(const struct sov_cache *kv, size_t n_head,
                        size_t n_cols);

/*
 * Inside a parallel region: units 0 .. sov_attn_units() - 1 may be done in any
 * order by any workers, each once; all of them together are the attention.
 * Keys and values of all columns must be there before the first unit begins.
 */
size_t sov_attn_units(const struct sov_attn *at);
void sov_attn_unit(const struct sov_nn *nn, const struct sov_attn *at,
                   size_t first, size_t last, unsigned worker);

/* Multiplications of an average unit, about. */
uint64_t sov_attn_work(const struct sov_attn *at);

/* All units, on all threads. */
void sov_attn(const struct sov_nn *nn, const struct sov_attn *at);

/* Floats of scratch that a worker needs; 0 if they cannot be counted. */
size_t sov_attn_room(const struct sov_cache *kv, size_t n_head);

/* Bytes that all workers need together, nn.share, zero at first; UINT64_MAX
 * if they cannot be counted. */
uint64_t sov_attn_share(const struct sov_cache *kv, size_t n_head);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session.h - what a batch and its sessions are, for the files of this folder
 */
#ifndef SOV_RUN_SESSION_H
#define SOV_RUN_SESSION_H

#include "arch/arch.h"
#include "run/store.h"
#include "sov/run.h"

struct sov_session {
    sov_batch *batch;
    bool open;
    bool alone;       /* the batch is its own */
    uint32_t pos;
    uint32_t n_blocks; /* in the table: as many as pos needs, or more */
    uint32_t *block;  /* [blocks of n_ctx] */
    uint32_t *local;  /* [blocks of n_ctx] of layers that see a window */
    uint32_t local_first, local_end; /* those that are there */
    int32_t *ids;     /* [n_ctx] what was read */
    uint32_t n_read;  /* the most that were there: to be wiped */
    unsigned char root[SOV_SHA256_LEN]; /* the name before the first block */
    /* of the last eval */
    uint64_t eval;    /* its number */
    size_t row;       /* the first of logits */
    size_t n_rows;
    size_t done;      /* of the part, what was read and is in ids */
    uint64_t check;   /* the number of the last check that it was in */
};

struct sov_batch {
    const sov_model *model; /* borrowed, as are the adapters */
    const struct sov_lora_use *lora;
    size_t n_lora;
    struct sov_net *net;
    struct sov_pass pass;
    struct sov_store store;
    struct sov_store local; /* of layers that see a window; without heads
                               there are none, or the context is as small */
    uint32_t local_keep;    /* blocks that a session keeps of its windows, if
                               it is alone; 0: those that are seen */
    void *work;        /* what the pass and the tables are cut from */
    void *kv;          /* what the caches are cut from */
    float *logits;     /* [n_logits, n_vocab] */
    size_t n_logits;
    size_t n_rows;     /* of the last eval */
    size_t n_stale;    /* and behind them, of evals before */
    uint32_t n_ctx;
    uint32_t n_seq;
    bool ready;        /* all memory is there */
    bool reuse;
    enum sov_kv_form kv_form;
    uint64_t eval;     /* number of the last one */
    uint64_t check;
    sov_session *session;        /* [n_seq] */
    struct sov_stretch *stretch; /* [n_batch] of a pass */
};

/* May these ids be read by a session, here and now? */
int sov_session_check(const struct sov_session *s, const int32_t *ids,
                      size_t n, enum sov_logits what,
                      struct sov_err *err) SOV_MUST_CHECK;

/* Ids that were read are there now. */
void sov_session_extend(struct sov_session *s, const int32_t *ids, size_t n);

/* Give back and wipe all that it has. */
void sov_session_end(struct sov_session *s);

/* Forget everything, without wiping what will be written over. */
void sov_session_rewind(struct sov_session *s);

/*
 * Read n ids, n_batch at most, that were checked; of the last n_out logits go
 * to logits, or what the head would have seen stays in the pass's norm.
 * SOV_EMEM: there are too few blocks, and nothing was read.
 */
int sov_session_read(struct sov_session *s, const int32_t *ids, size_t n,
                     float *logits, size_t n_out,
                     struct sov_err *err) SOV_MUST_CHECK;

/* blocks.c: the table of a timeline. */

/* Have blocks for all of them, of which nobody else has those that are
 * written to; SOV_EMEM: there are too few, and nothing has changed. */
int sov_blocks_take(struct sov_batch *b, const struct sov_batch_part *part, size_t n,
                    struct sov_err *err) SOV_MUST_CHECK;

/*
 * Have blocks for the windows of n more tokens, n_batch at most, and give back
 * those that they have left.  Where there are sov_blocks_take() is first.
 */
void sov_blocks_slide(struct sov_session *s, size_t n);

/* Are the windows of a token at pos, up to the session's, still there? */
bool sov_blocks_seen(const struct sov_session *s, uint32_t pos);

/* Positions from `from` up to the session's are there: name full blocks. */
void sov_blocks_name(struct sov_session *s, uint32_t from);

/* Give back all but those of the first n. */
void sov_blocks_drop(struct sov_session *s, uint32_t n);

#endif

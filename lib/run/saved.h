/* SPDX-License-Identifier: Apache-2.0 */
/*
 * saved.h - how a session lies in a file
 *
 * All numbers are little-endian, all that follows begins at multiples of 4096,
 * and what is not named is zero.  First a header:
 *
 *        0   8  "sov-kv", CR, LF
 *        8   4  version: 1
 *       12   4  4096, its length
 *       16  32  the model (identity.c)
 *       48  32  its adapters; zeros: none
 *       80   4  form of keys and values: 1 f32, 2 f16, 3 bf16, 4 q8
 *       84   4  1: computed as --precise does; 2: with positions that are
 *               turned as those of long contexts
 *       88   4  tokens of the vocabulary
 *       92   4  tokens of a block: 64
 *       96   4  heads of keys in all layers that see everything,
 *      100   4  and in all that see a window
 *      104   4  the window; 0: no layer keeps less than everything
 *      108   4  bytes of a head in a block
 *     4080  16  XXH3-128 of all before
 *
 * Then records, each of which goes on from what those before it say:
 *
 *        0   8  "sov-rec", LF
 *        8   8  bytes of the record, a multiple of 4096
 *       16   4  kind: 1 tokens, 2 messages
 *       20   4  pos
 *       24   4  n_read
 *       28   4  n_ids
 *       32   4  n_gone
 *       36   4  -
 *       40   8  bytes of text
 *       48  16  the last 16 bytes of what stands before the record
 *       64      ids [n_ids] 32 bits each; or the text
 *               keys and values [heads][blocks] bytes of a head, as attn.h
 *               draws them
 *               those of windows [heads][blocks - n_gone]
 *      -16  16  XXH3-128 of all of the record before
 *
 * A record of tokens says: up to pos, which is a multiple of 64, the session
 * is what it was; then it has read n_read tokens, the first of ids, whose keys
 * and values are in blocks of 64, the last one maybe not full; and n_ids -
 * n_read more tokens were said, and not read.  So a record takes back whatever
 * was there from pos on: the last block, when it has become fuller, or a text
 * that went another way.  The first n_gone of its blocks had left the window
 * when it was written.  Messages are a JSON array, and replace those before.
 *
 * The records up to the first one that is not whole are the session; what comes
 * after them is what a run that died had begun.  So nothing needs to be undone,
 * and a pipe can carry it.
 */
#ifndef SOV_RUN_SAVED_H
#define SOV_RUN_SAVED_H

#include "run/session.h"
#include "sov/saved.h"
#include "sys/file.h"
#include "sys/hash.h"

#define SOV_SAVED_PAGE    4096
#define SOV_SAVED_VERSION 1
#define SOV_SAVED_HEAD    64 /* bytes before ids or text */
#define SOV_SAVED_MAGIC   "sov-kv\r\n"
#define SOV_SAVED_RECORD  "sov-rec\n"

enum { SOV_SAVED_TOKENS = 1, SOV_SAVED_MESSAGES };
enum { SOV_SAVED_PRECISE = 1, SOV_SAVED_LONG = 2 };

/* What the header says. */
struct sov_saved_form {
    unsigned char model[SOV_SHA256_LEN];
    unsigned char adapters[SOV_SHA256_LEN];
    uint32_t kv;
    uint32_t flags;
    uint32_t n_vocab;
    uint32_t heads;
    uint32_t local_heads;
    uint32_t window;
    uint32_t bytes;
};

/* A record's fields. */
struct sov_saved_record {
    uint64_t bytes;
    uint32_t kind;
    uint32_t pos;
    uint32_t n_read;
    uint32_t n_ids;
    uint32_t n_gone;
    uint64_t len;
    uint32_t blocks; /* that n_read makes */
    uint64_t far;    /* where keys and values begin, */
    uint64_t near;   /* and those of windows */
};

/* A block of the session, in the map. */
struct sov_saved_block {
    const unsigned char *far;
    size_t far_step;
    const unsigned char *near; /* or NULL: it had left the window */
    size_t near_step;
};

struct sov_saved {
    struct sov_file file;
    bool append;
    const void *map; /* or NULL */
    uint64_t map_size;
    uint64_t size; /* bytes that are whole; 0: not even the header */
    unsigned char check[SOV_XXH3_LEN]; /* the last of them */
    struct sov_saved_form form;
    struct sov_saved_block *block; /* [n_blocks] */
    size_t n_blocks;
    size_t cap_blocks;
    int32_t *ids; /* [n_ids] */
    size_t n_read;
    size_t n_ids;
    size_t cap_ids;
    struct sov_span messages; /* in the map */
    sov_session *session;     /* borrowed, or NULL */
    bool moved;               /* something was appended */
    bool broken;              /* nothing can be appended any more */
};

/* Where the parts of a record are, and its bytes; 0 if they cannot be
 * counted. */
uint64_t sov_saved_lay(const struct sov_saved_form *form,
                       struct sov_saved_record *r);

/* Everything that stands in map, which is borrowed. */
int sov_saved_parse(struct sov_saved *s, const void *map, uint64_t size,
                    struct sov_err *err) SOV_MUST_CHECK;

/* The form that a session of this batch has. */
int sov_saved_form_of(const struct sov_batch *b, struct sov_saved_form *form,
                      struct sov_err *err) SOV_MUST_CHECK;

/* identity.c: SHA-256 of what makes a model, or adapters, this one. */
int sov_identity_model(const sov_model *model,
                       unsigned char out[SOV_SHA256_LEN],
                       struct sov_err *err) SOV_MUST_CHECK;
int sov_identity_adapters(const struct sov_lora_use *use, size_t n,
                          unsigned char out[SOV_SHA256_LEN],
                          struct sov_err *err) SOV_MUST_CHECK;

#endif

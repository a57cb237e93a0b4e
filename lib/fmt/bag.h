/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bag.h - what was taken out of an archive, to be found by name
 *
 * An archive is read once, from its beginning to its end.  Small texts are kept
 * in memory.  Weights lie where they are, if they can be reached there (a plain
 * tar in a plain file); or are pulled as if from a pipe, if it is one GGUF file
 * that is read in order; else they are spooled to one nameless temporary file.
 */
#ifndef SOV_FMT_BAG_H
#define SOV_FMT_BAG_H

#include "base/map.h"
#include "sov/model.h"
#include "sys/archive.h"
#include "sys/file.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sov_part;

enum sov_item_kind {
    SOV_ITEM_OTHER,   /* nothing of it was kept */
    SOV_ITEM_TEXT,    /* a file of a model, in memory */
    SOV_ITEM_SIDE,    /* claims or an index, in memory */
    SOV_ITEM_WEIGHTS, /* bytes of a file */
    SOV_ITEM_STREAM,  /* being pulled */
};

struct sov_item {
    char *name; /* owned */
    enum sov_item_kind kind;
    enum sov_side_kind side;
    bool gguf;
    char *text; /* owned, NUL-terminated */
    size_t len;
    int fd;     /* borrowed */
    uint64_t base;
    uint64_t size;
    size_t digest; /* index in model->digests; SIZE_MAX: not of the model */
};

struct sov_bag {
    char *path;             /* of the archive */
    sov_archive *archive;
    struct sov_part *outer; /* owned: the file that the archive is */
    struct sov_item *item;
    size_t n;
    size_t cap;
    struct sov_map names;
    int spool;              /* the temporary file, or -1 */
    uint64_t spooled;
    uint64_t kept;          /* bytes in memory */
    bool dir;               /* the model is a folder in it */
    bool streaming;
    bool streamed;          /* ... and its end was reached */
    bool ended;             /* all members were seen */
    bool failed;            /* pulling did, with an error that names it all */
    size_t stream;          /* the item that is pulled ... */
    unsigned char peek[8];  /* ... and what was read of it before */
    size_t n_peek;
    size_t peek_at;
};

void sov_bag_free(struct sov_bag *bag);

/* Take members until the end, or until one can be pulled. */
int sov_bag_fill(sov_model *m, struct sov_err *err) SOV_MUST_CHECK;

/* The rest of the members, once the one that is pulled was read. */
int sov_bag_finish(sov_model *m, struct sov_err *err) SOV_MUST_CHECK;

/* NULL: there is none. */
struct sov_item *sov_bag_find(const struct sov_bag *bag, const char *name);

/* A file to read the weights from. */
int sov_bag_open(struct sov_bag *bag, const char *name, struct sov_file *f,
                 size_t *digest, struct sov_err *err) SOV_MUST_CHECK;

/* Name of a member without the model's folder; borrowed from name. */
const char *sov_bag_inner(const sov_model *m, const char *name);

#endif

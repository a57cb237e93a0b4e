/* SPDX-License-Identifier: Apache-2.0 */
/*
 * feed.h - lines of a file that may be compressed
 *
 * One line is in memory, and what was read beyond it.  All that goes by is
 * hashed.
 */
#ifndef SOV_MEASURE_FEED_H
#define SOV_MEASURE_FEED_H

#include "sov/archive.h"
#include "sov/base.h"
#include "sov/hash.h"
#include "sys/file.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SOV_FEED_HEAD 512 /* bytes that show whether it is compressed */

struct sov_feed {
    struct sov_file file; /* owned */
    char *name;           /* owned, for messages */
    sov_archive *archive; /* owned; NULL: the bytes are as they are */
    sov_hasher *hasher;   /* owned */
    unsigned char head[SOV_FEED_HEAD];
    size_t n_head, at_head; /* of it, given already */
    char *buf;              /* owned */
    size_t cap, begin, seen, end;
    bool ended;
    uint64_t line; /* number of the one given last, from 1 */
};

/* The file is taken over, in any case.  The feed must not move. */
int sov_feed_open(struct sov_feed *f, const struct sov_file *file,
                  const char *name, struct sov_err *err) SOV_MUST_CHECK;
void sov_feed_close(struct sov_feed *f);

/*
 * The next line without its end, borrowed until the next call: 1; at the end 0.
 * One that is longer than SOV_TASK_LINE_MAX is SOV_EFORMAT.
 */
int sov_feed_next(struct sov_feed *f, struct sov_span *line,
                  struct sov_err *err) SOV_MUST_CHECK;

/* Read the rest; the digest of everything.  Nothing comes after it. */
int sov_feed_digest(struct sov_feed *f, unsigned char sha256[SOV_SHA256_LEN],
                    struct sov_err *err) SOV_MUST_CHECK;

#endif

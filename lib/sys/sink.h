/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sink.h - what sink.c and sink_set.c share
 */
#ifndef SOV_SYS_SINK_H
#define SOV_SYS_SINK_H

#include "sov/io.h"

struct sov_sink {
    int fd;
    bool regular; /* whole or nothing applies */
    bool no_sync;
    bool if_changed;
    bool replace; /* the name may be taken */
    char *name;   /* as it was given, for messages */
    char *path;   /* final name, links resolved */
    int dir;      /* the folder of path, to be synced; or -1 */
    int old;      /* with if_changed: the file that has the name; or -1 */
    char *tmp;    /* hidden name, or NULL while nameless; of a part, its own */
    int lock;     /* descriptor of the lock file, or -1 */
    char *lock_path;
    sov_hasher *hasher; /* borrowed; or NULL */
    uint64_t count;
    uint64_t pushed; /* write-back was started up to here */

    /* See part.h: */
    bool part;
    bool kept;    /* it stays when the sink ends without its name */
    bool fresh;   /* the journal is new */
    int journal;  /* descriptor, or -1 */
    char *journal_path;

    sov_sink_fn call; /* where the bytes go instead of fd, or NULL */
    void *call_arg;
};

/* The bytes are on the disk, and room that was taken beyond them is not. */
int sov_sink_settle(struct sov_sink *s, struct sov_err *err) SOV_MUST_CHECK;

/* Give a nameless file a hidden name, if it has none. */
int sov_sink_hide(struct sov_sink *s, struct sov_err *err) SOV_MUST_CHECK;

/* Are the bytes those of the file that has the name now? */
bool sov_sink_same(const struct sov_sink *s);

/* The outputs have their names: what only served to get there goes. */
void sov_sink_done(sov_sink *const *sink, size_t n);

/* Wait until the folder of path has its new names on the disk. */
void sov_dir_sync(const char *path);

/* Folder of a path, fresh. */
char *sov_dir_name(const char *path);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io.h - bytes in and bytes out
 *
 * A source is pulled, a sink is pushed.  Neither ever seeks, so files, pipes
 * and sockets are one thing here.
 *
 * A sink on a regular file is whole or not at all: the bytes go to a nameless
 * (or hidden) temporary file in the same folder and take the name only in
 * sov_sink_commit(), after they are on the disk.  What stood under the name
 * before stands until then.  Pipes, terminals and devices are written straight
 * through.
 */
#ifndef SOV_IO_H
#define SOV_IO_H

#include "sov/err.h"
#include "sov/hash.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct sov_source sov_source;
typedef struct sov_sink sov_sink;

/* Open path for reading; "-" is standard input. */
SOV_API int sov_source_open(sov_source **src, const char *path,
                            struct sov_err *err) SOV_MUST_CHECK;
SOV_API void sov_source_close(sov_source *src);

/* Up to len bytes; 0 at the end, less than len only at the end. */
SOV_API int64_t sov_source_read(sov_source *src, void *buf, size_t len,
                                struct sov_err *err) SOV_MUST_CHECK;

/* What there is now, up to len bytes; waits while there is nothing.  0 at the
 * end. */
SOV_API int64_t sov_source_some(sov_source *src, void *buf, size_t len,
                                struct sov_err *err) SOV_MUST_CHECK;

/* Does the next sov_source_some() wait for nobody? */
SOV_API bool sov_source_ready(const sov_source *src);

/*
 * All of path ("-": standard input) into fresh memory with a NUL byte behind
 * it, which is not counted; more than max bytes fail.  free() it.
 */
SOV_API int sov_read_whole(const char *path, size_t max, char **text,
                           size_t *len, struct sov_err *err) SOV_MUST_CHECK;

/* Two writers of one output: the last one wins, or they take turns. */
enum sov_lock {
    SOV_LOCK_NONE,
    SOV_LOCK_FAIL, /* held by another: SOV_EIO, SOV_WHERE_LOCK */
    SOV_LOCK_WAIT,
};

struct sov_sink_opts {
    bool force;        /* replace an existing file; else it is refused */
    bool if_changed;   /* same bytes as the old file: keep the old one */
    enum sov_lock lock;
    bool no_sync;      /* do not wait for the disk (scratch work) */
    bool secret;       /* for the owner alone, whatever umask says (0600) */
    uint64_t size;     /* planned size, allocated at once, or 0 */
    const char *const *inputs; /* refused as output (same file), or NULL */
    size_t n_inputs;
    /*
     * The bytes grow in PATH.part, which stays, once it is worth it, where the
     * sink ends without a commit, or the program dies; PATH.part.journal says
     * what is in it.  Of outputs that belong together the first is the head
     * of the others and has the journal.  Not for pipes and devices.
     */
    bool part;
    const sov_sink *head; /* NULL: this one */
};

/*
 * Open path for writing; "-" is standard output, and it and /dev/fd/N are
 * written straight through.  opts may be NULL.
 */
SOV_API int sov_sink_open(sov_sink **sink, const char *path,
                          const struct sov_sink_opts *opts,
                          struct sov_err *err) SOV_MUST_CHECK;
SOV_API int sov_sink_write(sov_sink *sink, const void *buf, size_t len,
                           struct sov_err *err) SOV_MUST_CHECK;

/*
 * Everything written from now on goes through a hasher too (borrowed until the
 * sink ends; NULL: no more).  Where the hasher fails, the write fails.
 */
SOV_API void sov_sink_hash(sov_sink *sink, sov_hasher *h);

SOV_API uint64_t sov_sink_count(const sov_sink *sink); /* bytes so far */

/* The name of its part, borrowed, or NULL. */
SOV_API const char *sov_sink_part(const sov_sink *sink);

/* What a sink hands bytes to. */
typedef int (*sov_sink_fn)(void *arg, const void *buf, size_t len,
                           struct sov_err *err);

/* A sink that is a function; name is for messages. */
SOV_API int sov_sink_call(sov_sink **sink, const char *name, sov_sink_fn fn,
                          void *arg, struct sov_err *err) SOV_MUST_CHECK;

/*
 * Make the bytes durable and give them their name.  Ends the sink in either
 * case: *sink is NULL afterwards, and after a failure no output is left.
 */
SOV_API int sov_sink_commit(sov_sink **sink, struct sov_err *err)
    SOV_MUST_CHECK;

/*
 * The same for outputs in one folder that belong together: all of them, or, on
 * failure, what was there before.  The first is the one that the others are
 * found by: it is the last to take its name, and a set that was cut short by
 * the power has none.  With if_changed they all stay, or none does.  Entries
 * are NULL afterwards.
 */
SOV_API int sov_sink_commit_all(sov_sink **sinks, size_t n,
                                struct sov_err *err) SOV_MUST_CHECK;

/*
 * A folder that appears whole or not at all: open sinks in sov_folder_path(),
 * which is a hidden folder, then commit it with them.  Of opts
 * force, if_changed, lock and inputs count.  What is replaced must be the
 * folder of a model (config.json and files alone) or empty.
 */
typedef struct sov_folder sov_folder;

SOV_API int sov_folder_open(sov_folder **folder, const char *path,
                            const struct sov_sink_opts *opts,
                            struct sov_err *err) SOV_MUST_CHECK;
SOV_API const char *sov_folder_path(const sov_folder *f);
/* Ends it in either case, as sov_sink_commit(). */
SOV_API int sov_folder_commit(sov_folder **folder, sov_sink **sinks,
                              size_t n, struct sov_err *err) SOV_MUST_CHECK;
SOV_API void sov_folder_abort(sov_folder *f);

/* Forget what was written; NULL is fine. */
SOV_API void sov_sink_abort(sov_sink *sink);

/*
 * A file that is added to where it stands: what was written stays, however the
 * program ends.  Plain files only; of opts (which may be NULL) lock and inputs
 * count, and one process at a time has it (SOV_LOCK_NONE is as FAIL).  If it is
 * not there it is made, or, without make, *append is NULL.
 */
typedef struct sov_append sov_append;

SOV_API int sov_append_open(sov_append **append, const char *path, bool make,
                            const struct sov_sink_opts *opts,
                            struct sov_err *err) SOV_MUST_CHECK;
SOV_API void sov_append_close(sov_append *a);
SOV_API uint64_t sov_append_size(const sov_append *a);
/* Bytes [off, off + len), which must be there. */
SOV_API int sov_append_read(const sov_append *a, void *buf, size_t len,
                            uint64_t off, struct sov_err *err) SOV_MUST_CHECK;
/* Forget all but the first len bytes. */
SOV_API int sov_append_cut(sov_append *a, uint64_t len,
                           struct sov_err *err) SOV_MUST_CHECK;
/* After a failure a part of it may be there. */
SOV_API int sov_append_write(sov_append *a, const void *buf, size_t len,
                             struct sov_err *err) SOV_MUST_CHECK;
/* Wait until all of it is on the disk. */
SOV_API int sov_append_sync(sov_append *a, struct sov_err *err) SOV_MUST_CHECK;

/* Remove temporary files of open sinks; safe inside a signal handler. */
SOV_API void sov_sink_cleanup(void);

#endif

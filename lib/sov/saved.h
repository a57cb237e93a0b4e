/* SPDX-License-Identifier: Apache-2.0 */
/*
 * saved.h - sessions that go on later: a file that grows
 *
 * What a session has read is kept in a file, keys and values with it, so that a
 * later run goes on without reading it again.  The file is mapped, and its
 * blocks are used where they lie; what is new is put behind its end, and
 * nothing that stands in it is ever changed.  lib/run/saved.h draws it.
 *
 * A run with a saved session gives the same bits as one without.
 */
#ifndef SOV_SAVED_H
#define SOV_SAVED_H

#include "sov/base.h"
#include "sov/err.h"
#include "sov/io.h"
#include "sov/run.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct sov_saved sov_saved;

/*
 * Open path and believe nothing yet.  To append to it, it must be a regular
 * file, is made if there is none (for its owner alone), and nobody else may
 * have it open so (SOV_EIO, SOV_WHERE_LOCK).  Else it is only read: "-" is
 * standard input, and a pipe is kept in a nameless temporary file.
 */
SOV_API int sov_saved_open(sov_saved **saved, const char *path, bool append,
                           struct sov_err *err) SOV_MUST_CHECK;

/*
 * Read what stands in it.  A record at the end that is not whole is left out,
 * and so is what comes after it.  What is no session at all, or one whose
 * records contradict each other, is SOV_EFORMAT; one of another version
 * SOV_EUNSUP.
 */
SOV_API int sov_saved_load(sov_saved *saved,
                           struct sov_err *err) SOV_MUST_CHECK;

/* The session that it was fitted to must be closed before. */
SOV_API void sov_saved_close(sov_saved *saved);

/* Its tokens: all that were read, and then what was said and not yet read. */
SOV_API size_t sov_saved_ids(const sov_saved *saved, const int32_t **ids);

/* The messages of its conversation as JSON, borrowed; empty if it is none. */
SOV_API struct sov_span sov_saved_messages(const sov_saved *saved);

/* Bytes at the end that are left out, and those of keys and values that are
 * mapped. */
SOV_API uint64_t sov_saved_lost(const sov_saved *saved);
SOV_API uint64_t sov_saved_bytes(const sov_saved *saved);

/*
 * Is it a session of this model, its adapters, and this way to compute?  If
 * not, SOV_EFORMAT says what differs.  The session is alone, not of a batch;
 * from here on the two go together.
 */
SOV_API int sov_saved_fit(sov_saved *saved, sov_session *session,
                          struct sov_err *err) SOV_MUST_CHECK;

/*
 * The session, whatever it has read, is to read ids[n] from their beginning:
 * it takes over what of them is known, but never all.  Gives the number of
 * tokens that need not be read again.  For the beginning: once something was
 * appended, nothing is known any more.
 */
SOV_API size_t sov_saved_recall(sov_saved *saved, const int32_t *ids, size_t n);

/* Append blocks that are full now, if there are any; nothing if it is only
 * read. */
SOV_API int sov_saved_update(sov_saved *saved,
                             struct sov_err *err) SOV_MUST_CHECK;

/* What a session is besides what it has read. */
struct sov_saved_state {
    const int32_t *ids;   /* what it has read, */
    size_t n;             /* then what was said and not yet read */
    const char *messages; /* as JSON, or NULL: as they are */
    size_t len;
};

/*
 * Append the rest, and wait for the disk.  After any failure (a full disk) the
 * file is what it was after the last record that is whole, and nothing is
 * appended any more.
 */
SOV_API int sov_saved_finish(sov_saved *saved,
                             const struct sov_saved_state *state,
                             struct sov_err *err) SOV_MUST_CHECK;

/* All of a session, as a file of its own. */
SOV_API int sov_saved_write(const sov_session *session,
                            const struct sov_saved_state *state, sov_sink *sink,
                            struct sov_err *err) SOV_MUST_CHECK;

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * part.h - output that stays, under a name of its own, where a run ends early
 *
 *     OUT.part            the bytes so far
 *     OUT.part.journal    what is known of them, for the first of several
 *
 * What is in a journal is its writer's business; here it begins with 16 bytes
 * by which it is known as one of ours.  It is made before the part is, and
 * goes after it, so that a part without a journal is somebody else's file and
 * is left alone.  Who writes a part holds the lock of its journal.
 */
#ifndef SOV_SYS_PART_H
#define SOV_SYS_PART_H

#include "sov/io.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SOV_PART_MAGIC 16 /* bytes before the journal's own */

/* Open the part of an output, and its journal unless o->head has one. */
int sov_part_open(sov_sink *s, const struct sov_sink_opts *o,
                  struct sov_err *err) SOV_MUST_CHECK;

/* Was the sink opened so? */
bool sov_part_is(const sov_sink *s);

/* Bytes that are in it, whatever they are worth. */
uint64_t sov_part_size(const sov_sink *s);

/* Fewer than len bytes are an error. */
int sov_part_read(const sov_sink *s, void *buf, size_t len, uint64_t off,
                  struct sov_err *err) SOV_MUST_CHECK;

/* Take the first len bytes as written; a hasher is shown them. */
int sov_part_skip(sov_sink *s, uint64_t len, struct sov_err *err)
    SOV_MUST_CHECK;

/* The journal behind its magic, at most max bytes of it; free() them. */
int sov_part_journal(sov_sink *head, size_t max, unsigned char **bytes,
                     size_t *len, struct sov_err *err) SOV_MUST_CHECK;

/* Forget what stands behind the first len bytes. */
int sov_part_cut(sov_sink *head, uint64_t len, struct sov_err *err)
    SOV_MUST_CHECK;

/* From here on s stays, and the journal if it has one. */
void sov_part_keep(sov_sink *s);

/* Append. */
int sov_part_note(sov_sink *head, const void *bytes, size_t len,
                  struct sov_err *err) SOV_MUST_CHECK;

/* Wait until the bytes of s, then the journal of head, are on the disk. */
int sov_part_sync(sov_sink *head, sov_sink *s, struct sov_err *err)
    SOV_MUST_CHECK;

/* The output path is complete: what a run left that was never continued goes.
 * Of a set the first path has the journal. */
void sov_part_sweep(sov_sink *const *sink, size_t n);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * archive.h - what the library may do with archives beyond sov/archive.h
 */
#ifndef SOV_SYS_ARCHIVE_H
#define SOV_SYS_ARCHIVE_H

#include "sov/archive.h"
#include "sov/base.h"
#include "sys/file.h"

#include <stdbool.h>

/*
 * What these first bytes of a file (512 will do) look like, for messages, and
 * how it is compressed; NULL if it is none of ours.
 */
const char *sov_archive_look(struct sov_span head, enum sov_pack *how);

/* Memory that decompressing takes, as far as the first bytes say it. */
uint64_t sov_archive_window(struct sov_span head);

/*
 * As sov_archive_open, of a file that is open already.  file is borrowed until
 * the archive is closed, head are the bytes that were taken from it (copied);
 * name is its name in messages.
 */
int sov_archive_over(sov_archive **a, struct sov_file *file,
                     struct sov_span head, const char *name,
                     struct sov_err *err) SOV_MUST_CHECK;

/* Is it one compressed file, not an archive?  Known after the first member. */
bool sov_archive_single(const sov_archive *a);

/*
 * Do the bytes of the member that was just begun lie as they are in the file?
 * Then *off is where they begin.
 */
bool sov_archive_in_place(const sov_archive *a, uint64_t *off);

/* Why a name is not to be trusted, or NULL.  A folder may end in a slash. */
const char *sov_archive_bad_name(const char *name, size_t len);

/* The error says "ARCHIVE: MEMBER: " before it; gives back err->rc. */
int sov_archive_wrap(const sov_archive *a, struct sov_err *err);

#endif

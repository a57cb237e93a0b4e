/* SPDX-License-Identifier: Apache-2.0 */
/*
 * archive.h - members of tar and zip files, read and written as streams
 *
 * Nothing here touches the file system by a member's name: a name is text to
 * look at, and bytes are pulled by the caller.  A name that is absolute, has
 * "..", an empty part, a backslash, a drive letter, control characters or
 * broken UTF-8, that was there before, or a member that is no plain file or
 * folder, is refused as bad data.
 */
#ifndef SOV_ARCHIVE_H
#define SOV_ARCHIVE_H

#include "sov/err.h"
#include "sov/io.h"

#include <stddef.h>
#include <stdint.h>

/* ---- reading: tar, zip; as they are or in gzip, bzip2, xz, zstd ---- */

typedef struct sov_archive sov_archive;

struct sov_member {
    const char *name; /* borrowed until the next one */
    uint64_t size;    /* UINT64_MAX where the archive does not say */
};

/* path "-" is standard input. */
SOV_API int sov_archive_open(sov_archive **a, const char *path,
                             struct sov_err *err) SOV_MUST_CHECK;
SOV_API void sov_archive_close(sov_archive *a);

/* The next plain file; what was not read of the last one is skipped.  1, or
 * 0 at the end. */
SOV_API int sov_archive_next(sov_archive *a, struct sov_member *m,
                             struct sov_err *err) SOV_MUST_CHECK;

/* Up to len bytes of the member; less than len only at its end. */
SOV_API int64_t sov_archive_read(sov_archive *a, void *buf, size_t len,
                                 struct sov_err *err) SOV_MUST_CHECK;

/* ---- writing: a tar file that is the same whenever and by whomever ---- */

typedef struct sov_packer sov_packer;

enum sov_pack {
    SOV_PACK_PLAIN,
    SOV_PACK_GZIP,
    SOV_PACK_XZ,
    SOV_PACK_ZSTD,
    SOV_PACK_BZIP2, /* is read, and never written */
};

/* sink is borrowed until sov_packer_end().  Time of all members: mtime. */
SOV_API int sov_packer_new(sov_packer **p, sov_sink *sink, enum sov_pack how,
                           int64_t mtime, struct sov_err *err) SOV_MUST_CHECK;

/* Begin a member of size bytes; align its data in the plain tar (0: not). */
SOV_API int sov_packer_member(sov_packer *p, const char *name, uint64_t size,
                              uint32_t align, struct sov_err *err)
    SOV_MUST_CHECK;
SOV_API int sov_packer_data(sov_packer *p, const void *buf, size_t len,
                            struct sov_err *err) SOV_MUST_CHECK;

/* Fails with SOV_EARG if bytes of a member are missing.  Frees p. */
SOV_API int sov_packer_end(sov_packer **p, struct sov_err *err) SOV_MUST_CHECK;
SOV_API void sov_packer_abort(sov_packer *p);

#endif

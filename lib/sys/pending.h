/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pending.h - hidden names of outputs that are not whole yet, and their locks
 */
#ifndef SOV_SYS_PENDING_H
#define SOV_SYS_PENDING_H

#include "sov/io.h"

/* Names that sov_sink_cleanup() removes: files, and folders when empty. */
void sov_pending_add(const char *path);
void sov_pending_drop(const char *path);

/*
 * "dir/.name<suffix>", fresh; NULL: no memory.  A name that would get too
 * long is cut.
 */
char *sov_path_beside(const char *path, const char *suffix);

/* A hidden name beside path that nobody has, fresh; it is pending. */
char *sov_path_hidden(const char *path);

/* Remove what killed runs left in dir for the output path. */
void sov_pending_sweep(const char *path, const char *dir);

/*
 * Take the lock of the output path; drop it in any case.  *lock_path is fresh
 * or NULL, *fd -1 where there is none.
 */
int sov_lock_take(const char *path, enum sov_lock how, int *fd,
                  char **lock_path, struct sov_err *err) SOV_MUST_CHECK;
void sov_lock_drop(int fd, char *lock_path);

/* Remove a folder and the files in it, not what they link to; a folder in it
 * stays, and so does it. */
void sov_folder_remove(const char *path);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pending.h - hidden names of outputs that are not whole yet
 */
#ifndef SOV_SYS_PENDING_H
#define SOV_SYS_PENDING_H

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

#endif

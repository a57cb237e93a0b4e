/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file.h - files by descriptor: reading at a place, mapping, spooling
 */
#ifndef SOV_SYS_FILE_H
#define SOV_SYS_FILE_H

#include "sov/err.h"
#include "sys/guard.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Up to len bytes; fewer only at the end. */
typedef int64_t (*sov_pull_fn)(void *arg, void *buf, size_t len,
                               struct sov_err *err);
/* Sees bytes go by; not 0 stops the reading with that error. */
typedef int (*sov_tap_fn)(void *arg, const void *buf, size_t len,
                          struct sov_err *err);

struct sov_file {
    int fd;
    bool regular;  /* can be read at any place, and mapped */
    bool borrowed; /* fd is another's: not closed */
    bool scratch;  /* a temporary file, which nobody else can change */
    uint64_t base; /* regular: where in fd it begins (a part of a file) */
    uint64_t size; /* regular files */
    uint64_t at;   /* pipes: bytes taken so far */
    uint64_t dev;
    uint64_t ino;
    int64_t mtime;    /* nanoseconds, when it was opened */
    int64_t ctime;    /* the same, which nobody can set back */
    struct sov_guard *guard; /* owned: bytes are those that it has checked, at
                                any place and in maps; or NULL */
    sov_pull_fn pull; /* bytes come from here and not from fd, or NULL */
    void *pull_arg;
};

/* path "-" is standard input.  A directory is refused (66). */
int sov_file_open(struct sov_file *f, const char *path, struct sov_err *err)
    SOV_MUST_CHECK;
void sov_file_close(struct sov_file *f);

/* len bytes at off of a regular file; the end of the file is SOV_EFORMAT. */
int sov_file_pread(const struct sov_file *f, void *buf, size_t len,
                   uint64_t off, struct sov_err *err) SOV_MUST_CHECK;

/* The next len bytes of any file; fewer only at its end.  Gives the number. */
int64_t sov_file_next(struct sov_file *f, void *buf, size_t len,
                      struct sov_err *err) SOV_MUST_CHECK;

/* The same without waiting for more than there is: 0 at the end alone. */
int64_t sov_file_some(struct sov_file *f, void *buf, size_t len,
                      struct sov_err *err) SOV_MUST_CHECK;

/* Read-only map of [0, size).  An empty file gives *map NULL. */
int sov_file_map(const struct sov_file *f, const void **map,
                 struct sov_err *err) SOV_MUST_CHECK;
void sov_file_unmap(const void *map, uint64_t size);

/* Of a map: these bytes will not be read for a while and need not stay in
 * memory.  They are there again when they are read. */
void sov_file_unneeded(const void *p, uint64_t len);

/* len bytes of a nameless file, which grows to that, to be read and written. */
int sov_file_map_scratch(int fd, uint64_t len, void **map,
                         struct sov_err *err) SOV_MUST_CHECK;

/*
 * The fs-verity digest that the kernel keeps of a file and enforces on each
 * page that is read; 1: it keeps none.
 */
int sov_file_verity(const struct sov_file *f, unsigned char digest[32]);

/* Put a copy in the place of a regular file, which nobody else can change. */
int sov_file_copy(struct sov_file *f, struct sov_err *err) SOV_MUST_CHECK;

/* SOV_EIO if a regular file has changed since it was opened. */
int sov_file_unchanged(const struct sov_file *f, struct sov_err *err)
    SOV_MUST_CHECK;

/* A file without a name in the temporary folder, to be written and read. */
int sov_file_nameless(int *fd, struct sov_err *err) SOV_MUST_CHECK;
/* Append to it. */
int sov_file_append(int fd, const void *buf, size_t len, struct sov_err *err)
    SOV_MUST_CHECK;

/* Write to it at a place. */
int sov_file_pwrite(int fd, const void *buf, size_t len, uint64_t off,
                    struct sov_err *err) SOV_MUST_CHECK;

/*
 * Replace a pipe by a nameless file in the temporary folder with the given
 * head (bytes already taken from it) and the rest of it.
 */
int sov_file_spool(struct sov_file *f, const void *head, size_t len,
                   struct sov_err *err) SOV_MUST_CHECK;

/* Tell the kernel that [off, off + len) will be read, or will not be again. */
void sov_file_will_need(const struct sov_file *f, uint64_t off, uint64_t len);
void sov_file_done_with(const struct sov_file *f, uint64_t off, uint64_t len);

/* Wall clock that only goes forward, in seconds. */
double sov_clock(void);

/* Is path a directory? */
bool sov_path_is_dir(const char *path);
/* "dir/name", fresh. */
char *sov_path_join(const char *dir, const char *name);

#endif

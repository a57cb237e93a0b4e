/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zipdir.h - what stands behind the last member of a zip file
 */
#ifndef SOV_SYS_ZIPDIR_H
#define SOV_SYS_ZIPDIR_H

#include "sys/file.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sov_zip_entry {
    const char *name; /* not NUL-terminated */
    size_t len;
    bool utf8;        /* the name says that it is */
    bool encrypted;
    unsigned mode;    /* of Unix, 0 where there is none */
    uint64_t size;
};

/* Not 0 stops the reading with that error. */
typedef int (*sov_zip_fn)(void *arg, const struct sov_zip_entry *e,
                          struct sov_err *err);

/*
 * Read the central directory, which begins with the first byte that pull()
 * gives, and what follows it, to the end of the file.
 */
int sov_zip_dir(sov_pull_fn pull, void *pull_arg, sov_zip_fn each,
                void *each_arg, struct sov_err *err) SOV_MUST_CHECK;

#endif

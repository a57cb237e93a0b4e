/* SPDX-License-Identifier: Apache-2.0 */
/*
 * members.h - the names in an archive, each of which has one meaning
 */
#ifndef SOV_SYS_MEMBERS_H
#define SOV_SYS_MEMBERS_H

#include "base/map.h"
#include "sys/file.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sov_seen_kind { SOV_SEEN_FOLDER, SOV_SEEN_FILE };

/* A name that was seen, in lower case. */
struct sov_seen {
    char *key; /* owned */
    enum sov_seen_kind kind;
    bool listed;   /* by the directory of a zip file */
    uint64_t size; /* of a file; UINT64_MAX: not known */
};

/* Start with { 0 }. */
struct sov_members {
    struct sov_seen *seen;
    size_t n;
    size_t cap;
    uint64_t bytes;       /* of all names */
    struct sov_map names; /* -> index in seen */
};

void sov_members_free(struct sov_members *m);

/* 0; 1: such a name was there before, and may not be; or an error. */
int sov_members_add(struct sov_members *m, const char *name, size_t len,
                    enum sov_seen_kind kind, struct sov_err *err)
    SOV_MUST_CHECK;

/*
 * Does the directory at the end of a zip file, which begins with the first
 * byte that pull() gives, say the same as the members did?
 */
int sov_members_check_zip(struct sov_members *m, sov_pull_fn pull, void *arg,
                          struct sov_err *err) SOV_MUST_CHECK;

#endif

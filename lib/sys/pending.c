/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pending.c - hidden names of outputs that are not whole yet
 *
 * A name is in the table from before the file is made until it is gone or
 * stands for a whole output, so that a signal handler can remove it.  What a
 * killed run left is found by its name and by that nobody holds its lock.
 */
#include "sys/pending.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "sov/io.h"

#define STALE_AFTER 10  /* seconds: age of a dead temporary */
#define N_PENDING   512 /* the shards of a model, and their folder */
#define SUFFIX_MAX  17  /* ".sov-" and 12 hex digits */

static char pending[N_PENDING][PATH_MAX];
static volatile int pending_used[N_PENDING];

void
sov_sink_cleanup(void)
{
    for (int i = 0; i < N_PENDING; i++) {
        if (pending_used[i] == 1) /* 2: being written, not made yet */
            unlink(pending[i]);
    }
    for (int i = 0; i < N_PENDING; i++) {
        if (pending_used[i] == 1) /* a folder, empty by now */
            rmdir(pending[i]);
    }
}

void
sov_pending_add(const char *path)
{
    for (int i = 0; i < N_PENDING; i++) {
        int expect = 0;

        if (strlen(path) < sizeof(pending[i]) &&
            __atomic_compare_exchange_n(&pending_used[i], &expect, 2, false,
                                        __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
            memcpy(pending[i], path, strlen(path) + 1);
            __atomic_store_n(&pending_used[i], 1, __ATOMIC_RELEASE);
            return;
        }
    }
}

void
sov_pending_drop(const char *path)
{
    for (int i = 0; i < N_PENDING; i++) {
        if (pending_used[i] == 1 && strcmp(pending[i], path) == 0) {
            __atomic_store_n(&pending_used[i], 0, __ATOMIC_RELEASE);
            return;
        }
    }
}

char *
sov_path_beside(const char *path, const char *suffix)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    size_t len = strlen(path) + strlen(suffix) + 2;
    char *s = malloc(len);

    if (s != NULL)
        snprintf(s, len, "%.*s.%.*s%s", (int)(name - path), path,
                 NAME_MAX - 1 - SUFFIX_MAX, name, suffix);
    return s;
}

char *
sov_path_hidden(const char *path)
{
    unsigned char r[6];
    char suffix[32];
    char *name;

    if (getrandom(r, sizeof(r), GRND_NONBLOCK) != (ssize_t)sizeof(r)) {
        struct timespec now;

        clock_gettime(CLOCK_REALTIME, &now);
        memcpy(r, &now.tv_nsec, 4);
        r[4] = (unsigned char)getpid();
        r[5] = (unsigned char)(getpid() >> 8);
    }
    snprintf(suffix, sizeof(suffix), ".sov-%02x%02x%02x%02x%02x%02x", r[0],
             r[1], r[2], r[3], r[4], r[5]);
    name = sov_path_beside(path, suffix);
    if (name != NULL)
        sov_pending_add(name);
    return name;
}

/* Files alone go. */
static void
empty_folder(int fd)
{
    int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = copy >= 0 ? fdopendir(copy) : NULL;
    struct dirent *e;

    while (d != NULL && (e = readdir(d)) != NULL)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            unlinkat(fd, e->d_name, 0);
    if (d != NULL)
        closedir(d);
    else if (copy >= 0)
        close(copy);
}

void
sov_folder_remove(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0)
        return;
    empty_folder(fd);
    close(fd);
    rmdir(path);
}

void
sov_pending_sweep(const char *path, const char *dir)
{
    char *prefix = sov_path_beside(path, ".sov-");
    const char *slash = prefix != NULL ? strrchr(prefix, '/') : NULL;
    const char *want = slash != NULL ? slash + 1 : prefix;
    DIR *d = prefix != NULL ? opendir(dir) : NULL;
    struct dirent *e;

    while (d != NULL && (e = readdir(d)) != NULL) {
        struct stat st;
        int fd;

        if (strncmp(e->d_name, want, strlen(want)) != 0 ||
            strlen(e->d_name) != strlen(want) + 12)
            continue;
        fd = openat(dirfd(d), e->d_name,
                    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (fd < 0)
            continue;
        if (fstat(fd, &st) == 0 &&
            (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)) &&
            st.st_mtime + STALE_AFTER < time(NULL) &&
            flock(fd, LOCK_EX | LOCK_NB) == 0) {
            if (S_ISDIR(st.st_mode))
                empty_folder(fd);
            unlinkat(dirfd(d), e->d_name,
                     S_ISDIR(st.st_mode) ? AT_REMOVEDIR : 0);
        }
        close(fd);
    }
    if (d != NULL)
        closedir(d);
    free(prefix);
}

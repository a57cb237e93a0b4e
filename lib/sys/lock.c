/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lock.c - one writer of an output at a time
 */
#include "sys/pending.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * Take the lock of an output.  The lock file goes away with its holder, so
 * after waiting one must look whether it still has its name.
 */
int
sov_lock_take(const char *path, enum sov_lock how, int *fd, char **lock_path,
              struct sov_err *err)
{
    *fd = -1;
    *lock_path = sov_path_beside(path, ".lock");
    if (*lock_path == NULL)
        return sov_mem_fail(err);
    for (;;) {
        struct stat named;
        struct stat held;

        *fd = open(*lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
        if (*fd < 0)
            return sov_fail_sys(err, SOV_WHERE_OUTPUT, "cannot lock");
        while (flock(*fd, LOCK_EX | (how == SOV_LOCK_FAIL ? LOCK_NB : 0)) < 0) {
            if (errno == EINTR)
                continue;
            if (errno == EWOULDBLOCK) {
                errno = 0; /* is all that the line says */
                sov_fail_sys(err, SOV_WHERE_LOCK,
                             "another run is writing this output");
            } else { /* nobody can hold it here */
                sov_fail_sys(err, SOV_WHERE_OUTPUT, "cannot lock");
                unlink(*lock_path);
            }
            close(*fd);
            *fd = -1;
            return SOV_EIO;
        }
        if (stat(*lock_path, &named) == 0 && fstat(*fd, &held) == 0 &&
            named.st_ino == held.st_ino && named.st_dev == held.st_dev) {
            sov_pending_add(*lock_path);
            return 0;
        }
        close(*fd);
        *fd = -1;
    }
}

void
sov_lock_drop(int fd, char *lock_path)
{
    if (fd >= 0) {
        sov_pending_drop(lock_path); /* from here on it may be another's */
        unlink(lock_path);
        close(fd);
    }
    free(lock_path);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * grow.c - a file that one process at a time puts something behind
 */
#include "sys/grow.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int
lock(int fd, struct sov_err *err)
{
    while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        if (errno == EINTR)
            continue;
        if (errno != EWOULDBLOCK)
            return sov_fail_sys(err, SOV_WHERE_OUTPUT, "cannot lock");
        errno = 0; /* is all that the line says */
        return sov_fail_sys(err, SOV_WHERE_LOCK, "another process is using it");
    }
    return 0;
}

static int
open_locked(struct sov_file *f, struct sov_err *err)
{
    struct stat st;
    int rc;

    if (fstat(f->fd, &st) < 0)
        return sov_fail_sys(err, SOV_WHERE_OUTPUT, "cannot open");
    if (!S_ISREG(st.st_mode))
        return sov_fail(err, SOV_EARG, "it is no regular file");
    f->regular = true;
    f->dev = (uint64_t)st.st_dev;
    f->ino = (uint64_t)st.st_ino;
    rc = lock(f->fd, err);
    if (rc < 0)
        return rc;
    if (fstat(f->fd, &st) < 0) /* who had it before may have put something */
        return sov_fail_sys(err, SOV_WHERE_OUTPUT, "cannot open");
    f->size = (uint64_t)st.st_size;
    return 0;
}

int
sov_grow_open(struct sov_file *f, const char *path, struct sov_err *err)
{
    int rc;

    /* not waiting for somebody at the other end of a fifo */
    *f = (struct sov_file){
        .fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
                   0600),
    };
    if (f->fd < 0)
        return sov_fail_sys(err, SOV_WHERE_OUTPUT, "cannot open");
    rc = open_locked(f, err);
    if (rc < 0)
        sov_file_close(f);
    return rc;
}

int
sov_grow_put(const struct sov_file *f, uint64_t at, const void *buf, size_t len,
             struct sov_err *err)
{
    const unsigned char *p = buf;

    while (len > 0) {
        ssize_t n = pwrite(f->fd, p, len, (off_t)at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return sov_fail_sys(err, SOV_WHERE_ANY, "cannot write");
        p += n;
        len -= (size_t)n;
        at += (uint64_t)n;
    }
    return 0;
}

int
sov_grow_cut(const struct sov_file *f, uint64_t at, struct sov_err *err)
{
    if (ftruncate(f->fd, (off_t)at) < 0)
        return sov_fail_sys(err, SOV_WHERE_ANY, "cannot cut");
    return 0;
}

int
sov_grow_sync(const struct sov_file *f, struct sov_err *err)
{
    if (fdatasync(f->fd) < 0)
        return sov_fail_sys(err, SOV_WHERE_ANY, "cannot write");
    return 0;
}

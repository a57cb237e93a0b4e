/* SPDX-License-Identifier: Apache-2.0 */
/*
 * grow.c - a file that one process at a time puts something behind
 *
 * It is opened for appending, as a file must be that nobody can shorten
 * (chattr +a).
 */
#include "sys/grow.h"

#include "sys/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int
lock(int fd, const struct sov_grow_how *how, struct sov_err *err)
{
    while (flock(fd, LOCK_EX | (how->wait ? 0 : LOCK_NB)) < 0) {
        if (errno == EINTR)
            continue;
        if (errno != EWOULDBLOCK)
            return sov_fail_sys(err, SOV_WHERE_OUTPUT, "cannot be locked");
        errno = 0; /* is all that the line says */
        return sov_fail_sys(err, SOV_WHERE_LOCK, "%s", how->held);
    }
    return 0;
}

static int
open_locked(struct sov_file *f, const struct sov_grow_how *how,
            struct sov_err *err)
{
    struct stat st;
    int rc;

    if (fstat(f->fd, &st) < 0)
        return sov_fail_sys(err, SOV_WHERE_OUTPUT, "cannot be read");
    if (!S_ISREG(st.st_mode))
        return sov_fail(err, SOV_EARG,
                        "is no regular file, which alone can "
                        "be continued");
    f->regular = true;
    f->dev = (uint64_t)st.st_dev;
    f->ino = (uint64_t)st.st_ino;
    rc = lock(f->fd, how, err);
    if (rc < 0)
        return rc;
    if (fstat(f->fd, &st) < 0) /* who had it before may have put something */
        return sov_fail_sys(err, SOV_WHERE_OUTPUT, "cannot be read");
    f->size = (uint64_t)st.st_size;
    return 0;
}

int
sov_grow_open(struct sov_file *f, const char *path,
              const struct sov_grow_how *how, struct sov_err *err)
{
    /* not waiting for somebody at the other end of a fifo */
    const int flags = O_RDWR | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
    bool is_new = false;
    int rc;

    *f = (struct sov_file){ .fd = open(path, flags) };
    if (f->fd < 0 && errno == ENOENT) {
        if (how->mode == 0)
            return 0;
        f->fd = open(path, flags | O_CREAT, (mode_t)how->mode);
        is_new = true;
    }
    if (f->fd < 0)
        return sov_fail_sys(err, SOV_WHERE_OUTPUT, "cannot be written");
    rc = open_locked(f, how, err);
    if (rc < 0) {
        sov_file_close(f);
        f->fd = -1;
    } else if (is_new) {
        sov_dir_sync(path);
    }
    return rc;
}

int
sov_grow_put(struct sov_file *f, const void *buf, size_t len,
             struct sov_err *err)
{
    const unsigned char *p = buf;

    while (len > 0) {
        ssize_t n = write(f->fd, p, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return sov_fail_sys(err, SOV_WHERE_ANY, "cannot be written");
        p += n;
        len -= (size_t)n;
        f->size += (uint64_t)n;
    }
    return 0;
}

int
sov_grow_cut(struct sov_file *f, uint64_t at, struct sov_err *err)
{
    while (ftruncate(f->fd, (off_t)at) < 0)
        if (errno != EINTR)
            return sov_fail_sys(err, SOV_WHERE_OUTPUT, "cannot be cut");
    f->size = at;
    return 0;
}

int
sov_grow_sync(const struct sov_file *f, struct sov_err *err)
{
    if (fdatasync(f->fd) < 0 && errno != EINVAL && errno != EROFS)
        return sov_fail_sys(err, SOV_WHERE_ANY, "cannot be written");
    return 0;
}

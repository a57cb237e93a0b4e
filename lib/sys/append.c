/* SPDX-License-Identifier: Apache-2.0 */
/*
 * append.c - a file that is added to where it stands
 *
 * Always holds: the file has size bytes that we know of, and nobody else adds
 * to it while we hold its lock.
 */
#include "base/mem.h"
#include "sov/io.h"
#include "sys/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct sov_append {
    int fd;
    char *name; /* for messages */
    uint64_t size;
};

static int
failed(const struct sov_append *a, const char *what, struct sov_err *err)
{
    return sov_fail_sys(err, SOV_WHERE_OUTPUT, "%s: %s", a->name, what);
}

static int
take_lock(const struct sov_append *a, enum sov_lock how, struct sov_err *err)
{
    while (flock(a->fd, LOCK_EX | (how == SOV_LOCK_WAIT ? 0 : LOCK_NB)) < 0) {
        if (errno == EINTR)
            continue;
        if (errno != EWOULDBLOCK)
            return failed(a, "cannot be locked", err);
        errno = 0; /* is all that the line says */
        return sov_fail_sys(err, SOV_WHERE_LOCK,
                            "%s: another run is writing this output", a->name);
    }
    return 0;
}

/* Is it a plain file, and none of those that are read? */
static int
look_at(struct sov_append *a, const struct sov_sink_opts *opts,
        struct sov_err *err)
{
    struct stat st, in;

    if (fstat(a->fd, &st) < 0)
        return failed(a, "cannot be read", err);
    errno = 0;
    if (!S_ISREG(st.st_mode))
        return failed(a, "is no plain file, which alone can be continued", err);
    for (size_t i = 0; i < opts->n_inputs; i++)
        if (stat(opts->inputs[i], &in) == 0 && in.st_dev == st.st_dev &&
            in.st_ino == st.st_ino) {
            errno = 0;
            return failed(a, "is an input, too", err);
        }
    a->size = (uint64_t)st.st_size;
    return 0;
}

static int
open_file(struct sov_append *a, bool make, const struct sov_sink_opts *opts,
          struct sov_err *err)
{
    const int flags = O_RDWR | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
    bool is_new = false;
    int rc;

    a->fd = open(a->name, flags);
    if (a->fd < 0 && errno == ENOENT && !make)
        return 0;
    if (a->fd < 0 && errno == ENOENT) {
        a->fd = open(a->name, flags | O_CREAT, 0666);
        is_new = true;
    }
    if (a->fd < 0)
        return failed(a, "cannot be written", err);
    rc = take_lock(a, opts->lock, err);
    if (rc == 0)
        rc = look_at(a, opts, err);
    if (rc == 0 && is_new)
        sov_dir_sync(a->name);
    return rc;
}

int
sov_append_open(sov_append **append, const char *path, bool make,
                const struct sov_sink_opts *opts, struct sov_err *err)
{
    static const struct sov_sink_opts none = { 0 };
    struct sov_append *a = sov_mem_array(1, sizeof(*a));
    int rc;

    *append = NULL;
    if (a == NULL)
        return sov_mem_fail(err);
    a->fd = -1;
    a->name = sov_mem_dup(path, strlen(path));
    rc = a->name == NULL ? sov_mem_fail(err)
                         : open_file(a, make, opts != NULL ? opts : &none, err);
    if (rc < 0 || a->fd < 0) {
        sov_append_close(a);
        return rc;
    }
    *append = a;
    return 0;
}

void
sov_append_close(sov_append *a)
{
    if (a == NULL)
        return;
    if (a->fd >= 0)
        close(a->fd);
    free(a->name);
    free(a);
}

uint64_t
sov_append_size(const sov_append *a)
{
    return a->size;
}

int
sov_append_read(const sov_append *a, void *buf, size_t len, uint64_t off,
                struct sov_err *err)
{
    unsigned char *p = buf;

    if (off > a->size || len > a->size - off)
        return sov_fail(err, SOV_EARG,
                        "%s: %zu bytes at %" PRIu64 " of %" PRIu64, a->name,
                        len, off, a->size);
    while (len > 0) {
        ssize_t n = pread(a->fd, p, len, (off_t)off);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return failed(a, "cannot be read", err);
        if (n == 0)
            return sov_fail(err, SOV_EFORMAT, "%s: was made shorter", a->name);
        p += n;
        off += (uint64_t)n;
        len -= (size_t)n;
    }
    return 0;
}

int
sov_append_cut(sov_append *a, uint64_t len, struct sov_err *err)
{
    if (len >= a->size)
        return 0;
    while (ftruncate(a->fd, (off_t)len) < 0)
        if (errno != EINTR)
            return failed(a, "cannot be cut", err);
    a->size = len;
    return 0;
}

int
sov_append_write(sov_append *a, const void *buf, size_t len,
                 struct sov_err *err)
{
    const unsigned char *p = buf;

    while (len > 0) {
        ssize_t n = write(a->fd, p, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return sov_fail_sys(err, SOV_WHERE_ANY, "%s: cannot be written",
                                a->name);
        p += n;
        a->size += (uint64_t)n;
        len -= (size_t)n;
    }
    return 0;
}

int
sov_append_sync(sov_append *a, struct sov_err *err)
{
    if (fdatasync(a->fd) < 0 && errno != EINVAL && errno != EROFS)
        return sov_fail_sys(err, SOV_WHERE_ANY, "%s: cannot be written",
                            a->name);
    return 0;
}

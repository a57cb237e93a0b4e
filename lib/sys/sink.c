/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sink.c - output that appears whole or not at all
 *
 * What always holds for an output that is a regular file:
 *
 * 1. The old file under the name is not touched before the new bytes are on
 *    the disk; then one rename (or link) puts the new file in its place.
 * 2. Until then the new bytes have no name at all (O_TMPFILE), or, where the
 *    file system cannot do that, the hidden name ".NAME.sov-XXXXXXXX" in the
 *    same folder.  Replacing an old file passes through such a name for an
 *    instant in either case, since link(2) does not replace.  Asked to keep
 *    what a run that ends early has written, they have one that stays (part.h).
 * 3. A hidden name (a lock's too) is pending (pending.h) while it may exist, so
 *    that a signal handler can remove it; its file is locked by its writer, so
 *    that a later run can tell what a killed one left from what another one
 *    writes.
 *
 * Pipes, sockets and devices are written straight through.  Outputs that belong
 * together are committed in sink_set.c.
 */
#include "sys/sink.h"

#include "base/mem.h"
#include "sys/file.h"
#include "sys/part.h"
#include "sys/pending.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define WRITE_BACK ((uint64_t)16 << 20) /* start writing out so often */

char *
sov_dir_name(const char *path)
{
    char *copy = sov_mem_dup(path, strlen(path));
    char *dir = NULL;

    if (copy != NULL) {
        const char *d = dirname(copy);

        dir = sov_mem_dup(d, strlen(d));
    }
    free(copy);
    return dir;
}

/* An output that is one of the inputs would eat itself. */
static int
refuse_input(const struct stat *st, const char *const *inputs, size_t n,
             struct sov_err *err)
{
    for (size_t i = 0; i < n; i++) {
        struct stat in;
        int rc = strcmp(inputs[i], "-") == 0 ? fstat(STDIN_FILENO, &in)
                                             : stat(inputs[i], &in);

        if (rc == 0 && S_ISREG(in.st_mode) && in.st_dev == st->st_dev &&
            in.st_ino == st->st_ino) {
            sov_fail(err, SOV_EIO, "is also the input; name another output");
            if (err != NULL)
                err->where = SOV_WHERE_OUTPUT;
            return SOV_EIO;
        }
    }
    return 0;
}

static int
open_temporary(struct sov_sink *s, const char *dir, struct sov_err *err)
{
    /* the nameless way ends in a link of /proc/self/fd/N */
    if (access("/proc/self/fd", X_OK) == 0)
        s->fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0666);
    for (int tries = 0; s->fd < 0 && tries < 100; tries++) {
        s->tmp = sov_path_hidden(s->path);
        if (s->tmp == NULL)
            return sov_mem_fail(err);
        s->fd = open(s->tmp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (s->fd < 0) {
            int saved = errno;

            sov_pending_drop(s->tmp);
            free(s->tmp);
            s->tmp = NULL;
            errno = saved;
            if (errno != EEXIST)
                break;
        }
    }
    if (s->fd < 0)
        return sov_fail_sys(err, SOV_WHERE_OUTPUT, "cannot create");
    flock(s->fd, LOCK_EX | LOCK_NB);
    return 0;
}

static int
refuse_old(struct sov_err *err)
{
    errno = EEXIST;
    return sov_fail_sys(err, SOV_WHERE_OUTPUT,
                        "will not be replaced without --force");
}

/* What the commit looks at, opened before a sandbox says that nothing is. */
static void
hold(struct sov_sink *s, const char *dir)
{
    if (!s->no_sync)
        s->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s->if_changed)
        s->old = open(s->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
}

/* A regular file, existing (st) or not (NULL). */
static int
open_regular(struct sov_sink *s, const struct sov_sink_opts *o,
             const struct stat *st, struct sov_err *err)
{
    struct stat now;
    char *dir = NULL;
    int rc = 0;

    s->regular = true;
    s->no_sync = o->no_sync;
    s->if_changed = o->if_changed;
    s->replace = o->force || o->if_changed;
    if (st != NULL) {
        rc = refuse_input(st, o->inputs, o->n_inputs, err);
        if (rc == 0 && !s->replace)
            rc = refuse_old(err);
    }
    if (rc == 0 && o->lock != SOV_LOCK_NONE)
        rc = sov_lock_take(s->path, o->lock, &s->lock, &s->lock_path, err);
    if (rc == 0) {
        dir = sov_dir_name(s->path);
        if (dir == NULL)
            rc = sov_mem_fail(err);
    }
    if (rc == 0) {
        sov_pending_sweep(s->path, dir);
        hold(s, dir);
        rc = o->part ? sov_part_open(s, o, err) : open_temporary(s, dir, err);
    }
    /* who had a lock that was waited for may have made it */
    if (rc == 0 && st == NULL && !s->replace && stat(s->path, &now) == 0)
        rc = refuse_old(err);
    if (rc == 0 && o->part && fstat(s->fd, &now) == 0)
        rc = refuse_input(&now, o->inputs, o->n_inputs, err);
    if (rc == 0 && o->secret && fchmod(s->fd, 0600) < 0)
        rc = sov_fail_sys(err, SOV_WHERE_OUTPUT, "cannot be kept secret");
    else if (rc == 0 && !o->secret && st != NULL)
        (void)!fchmod(s->fd, st->st_mode & 07777);
    if (rc == 0 && o->size > 0 && o->size <= INT64_MAX &&
        fallocate(s->fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)o->size) < 0 &&
        (errno == ENOSPC || errno == EDQUOT || errno == EFBIG))
        rc = sov_fail_sys(err, SOV_WHERE_ANY, "no room for %llu bytes",
                          (unsigned long long)o->size);
    free(dir);
    return rc;
}

/* The descriptor that path stands for: "-", "/dev/fd/N"; or -1. */
static int
inherited_fd(const char *path)
{
    char rest;
    int fd;

    if (strcmp(path, "-") == 0)
        return STDOUT_FILENO;
    if (sscanf(path, "/dev/fd/%9d%c", &fd, &rest) == 1 ||
        sscanf(path, "/proc/self/fd/%9d%c", &fd, &rest) == 1)
        return fd;
    return -1;
}

/* Written straight through, also where it is a file: >> must go on working. */
static int
open_inherited(struct sov_sink *s, int fd, const struct sov_sink_opts *o,
               struct sov_err *err)
{
    struct stat st;

    s->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (s->fd < 0)
        return sov_fail_sys(err, SOV_WHERE_OUTPUT, "cannot write");
    if (fstat(s->fd, &st) == 0 && S_ISREG(st.st_mode))
        return refuse_input(&st, o->inputs, o->n_inputs, err);
    return 0;
}

int
sov_sink_open(sov_sink **sink, const char *path,
              const struct sov_sink_opts *opts, struct sov_err *err)
{
    static const struct sov_sink_opts none = { 0 };
    struct sov_sink *s = sov_mem_array(1, sizeof(*s));
    const char *name;
    struct stat st;
    bool exists;
    int fd;
    int rc = 0;

    if (s == NULL)
        return sov_mem_fail(err);
    if (opts == NULL)
        opts = &none;
    s->fd = -1;
    s->lock = -1;
    s->journal = -1;
    s->dir = -1;
    s->old = -1;
    name = strcmp(path, "-") == 0 ? "standard output" : path;
    s->name = sov_mem_dup(name, strlen(name));
    if (s->name == NULL) {
        rc = sov_mem_fail(err);
        goto out;
    }
    fd = inherited_fd(path);
    if (fd >= 0 && opts->part) {
        rc = sov_fail(err, SOV_EARG, "is no file, and cannot be continued");
        goto out;
    }
    if (fd >= 0) {
        rc = open_inherited(s, fd, opts, err);
        goto out;
    }
    exists = stat(path, &st) == 0;
    if (opts->part && exists && !S_ISREG(st.st_mode)) {
        rc = sov_fail(err, SOV_EARG, "is no file, and cannot be continued");
        goto out;
    }
    if (exists && !S_ISREG(st.st_mode)) {
        s->fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
        if (s->fd < 0)
            rc = sov_fail_sys(err, SOV_WHERE_OUTPUT, "cannot write");
        goto out;
    }
    s->path = exists ? realpath(path, NULL) : sov_mem_dup(path, strlen(path));
    if (s->path == NULL)
        rc = sov_mem_fail(err);
    else
        rc = open_regular(s, opts, exists ? &st : NULL, err);
out:
    if (rc < 0) {
        if (rc != SOV_EMEM)
            sov_err_wrap(err, "%s", s->name);
        sov_sink_abort(s);
        return rc;
    }
    *sink = s;
    return 0;
}

int
sov_sink_call(sov_sink **sink, const char *name, sov_sink_fn fn, void *arg,
              struct sov_err *err)
{
    struct sov_sink *s = sov_mem_array(1, sizeof(*s));

    if (s == NULL)
        return sov_mem_fail(err);
    s->fd = -1;
    s->lock = -1;
    s->journal = -1;
    s->dir = -1;
    s->old = -1;
    s->call = fn;
    s->call_arg = arg;
    s->name = sov_mem_dup(name, strlen(name));
    if (s->name == NULL) {
        free(s);
        return sov_mem_fail(err);
    }
    *sink = s;
    return 0;
}

/* Let the disk begin while we still compute; the wait at the end is short. */
static void
write_back(struct sov_sink *s)
{
    if (!s->regular || s->count - s->pushed < WRITE_BACK)
        return;
    sync_file_range(s->fd, (off_t)s->pushed, (off_t)(s->count - s->pushed),
                    SYNC_FILE_RANGE_WRITE);
    s->pushed = s->count;
}

static int
write_fd(sov_sink *sink, const void *buf, size_t len, struct sov_err *err)
{
    const unsigned char *b = buf;

    while (len > 0) {
        ssize_t n = write(sink->fd, b, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            struct pollfd p = { .fd = sink->fd, .events = POLLOUT };

            poll(&p, 1, -1);
            continue;
        }
        if (n < 0)
            return sov_fail_sys(err,
                                errno == EPIPE ? SOV_WHERE_PIPE
                                               : SOV_WHERE_ANY,
                                "%s: cannot write", sink->name);
        b += n;
        len -= (size_t)n;
        sink->count += (uint64_t)n;
    }
    write_back(sink);
    return 0;
}

int
sov_sink_write(sov_sink *sink, const void *buf, size_t len,
               struct sov_err *err)
{
    int rc = 0;

    if (sink->hasher != NULL)
        rc = sov_hasher_update(sink->hasher, buf, len, err);
    if (rc < 0)
        return rc;
    if (sink->call == NULL) {
        rc = write_fd(sink, buf, len, err);
    } else {
        rc = sink->call(sink->call_arg, buf, len, err);
        if (rc == 0)
            sink->count += len;
    }
    return rc;
}

void
sov_sink_hash(sov_sink *sink, sov_hasher *h)
{
    sink->hasher = h;
}

uint64_t
sov_sink_count(const sov_sink *sink)
{
    return sink->count;
}

/* The file that has the name now, if it is the one that had it at first. */
static bool
is_old(const struct sov_sink *s, struct sov_file *old)
{
    struct stat held, now;

    *old = (struct sov_file){ .fd = s->old, .regular = true };
    if (s->old < 0 || fstat(s->old, &held) < 0 || stat(s->path, &now) < 0 ||
        held.st_dev != now.st_dev || held.st_ino != now.st_ino)
        return false;
    old->size = (uint64_t)held.st_size;
    return S_ISREG(held.st_mode);
}

bool
sov_sink_same(const struct sov_sink *s)
{
    struct sov_file old;
    struct sov_file new = { .fd = s->fd, .regular = true };
    unsigned char *a = malloc(2 * WRITE_BACK);
    unsigned char *b = a != NULL ? a + WRITE_BACK : NULL;
    bool same = a != NULL && is_old(s, &old) && old.size == s->count;
    uint64_t at = 0;

    while (same && at < s->count) {
        uint64_t left = s->count - at;
        size_t n = (size_t)(left < WRITE_BACK ? left : WRITE_BACK);

        same = sov_file_pread(&old, a, n, at, NULL) == 0 &&
               sov_file_pread(&new, b, n, at, NULL) == 0 &&
               memcmp(a, b, n) == 0;
        at += n;
    }
    free(a);
    return same;
}

void
sov_dir_sync(const char *path)
{
    char *dir = sov_dir_name(path);
    int fd = dir != NULL ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
    free(dir);
}

static int
link_fd(int fd, const char *path)
{
    char self[64];

    snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
    return linkat(AT_FDCWD, self, AT_FDCWD, path, AT_SYMLINK_FOLLOW);
}

int
sov_sink_settle(struct sov_sink *s, struct sov_err *err)
{
    if (ftruncate(s->fd, (off_t)s->count) < 0 ||
        (!s->no_sync && fsync(s->fd) < 0))
        return sov_fail_sys(err, SOV_WHERE_ANY, "cannot write");
    return 0;
}

int
sov_sink_hide(struct sov_sink *s, struct sov_err *err)
{
    if (s->tmp != NULL)
        return 0;
    s->tmp = sov_path_hidden(s->path);
    if (s->tmp == NULL)
        return sov_mem_fail(err);
    if (link_fd(s->fd, s->tmp) < 0)
        return sov_fail_sys(err, SOV_WHERE_OUTPUT, "cannot create");
    return 0;
}

/* Give the bytes their name. */
static int
publish(struct sov_sink *s, struct sov_err *err)
{
    int rc;

    if (s->tmp == NULL) {
        if (link_fd(s->fd, s->path) == 0)
            return 0;
        if (errno != EEXIST || !s->replace)
            return sov_fail_sys(err, SOV_WHERE_OUTPUT, "cannot create");
        rc = sov_sink_hide(s, err);
        if (rc < 0)
            return rc;
    }
    if (!s->replace) {
        /* a part that is killed between two names would have both */
        if (s->part && renameat2(AT_FDCWD, s->tmp, AT_FDCWD, s->path,
                                 RENAME_NOREPLACE) == 0) {
            free(s->tmp);
            s->tmp = NULL;
            return 0;
        }
        if (link(s->tmp, s->path) == 0)
            return 0; /* the hidden name goes with the sink */
        if (errno == EEXIST)
            return sov_fail_sys(err, SOV_WHERE_OUTPUT, "cannot create");
        /* no hard links here: the window between look and rename is small */
        if (access(s->path, F_OK) == 0) {
            errno = EEXIST;
            return sov_fail_sys(err, SOV_WHERE_OUTPUT, "cannot create");
        }
    }
    if (rename(s->tmp, s->path) < 0)
        return sov_fail_sys(err, SOV_WHERE_OUTPUT, "cannot replace");
    sov_pending_drop(s->tmp);
    free(s->tmp);
    s->tmp = NULL;
    return 0;
}

void
sov_sink_done(sov_sink *const *sink, size_t n)
{
    if (sink[0]->regular && !sink[0]->part)
        sov_part_sweep(sink, n);
    for (size_t i = 0; i < n; i++)
        sink[i]->kept = false; /* what is left of it is not needed */
}

const char *
sov_sink_part(const sov_sink *sink)
{
    return sink->part ? sink->tmp : NULL;
}

int
sov_sink_commit(sov_sink **sink, struct sov_err *err)
{
    struct sov_sink *s = *sink;
    int rc = 0;

    *sink = NULL;
    if (s->regular && !(s->if_changed && sov_sink_same(s))) {
        rc = sov_sink_settle(s, err);
        if (rc == 0)
            rc = publish(s, err);
        if (rc == 0 && s->dir >= 0)
            fsync(s->dir);
    } else if (s->fd >= 0 && !s->regular && close(s->fd) < 0) {
        s->fd = -1;
        rc = sov_fail_sys(err, SOV_WHERE_ANY, "cannot write");
    } else if (!s->regular) {
        s->fd = -1;
    }
    if (rc < 0 && rc != SOV_EMEM)
        sov_err_wrap(err, "%s", s->name);
    if (rc == 0)
        sov_sink_done(&s, 1);
    sov_sink_abort(s);
    return rc;
}

void
sov_sink_abort(sov_sink *sink)
{
    if (sink == NULL)
        return;
    if (sink->tmp != NULL && !sink->kept) {
        unlink(sink->tmp);
        sov_pending_drop(sink->tmp);
    }
    if (sink->journal_path != NULL && !sink->kept)
        unlink(sink->journal_path);
    if (sink->journal >= 0)
        close(sink->journal); /* and with it goes the lock */
    if (sink->fd >= 0)
        close(sink->fd);
    if (sink->dir >= 0)
        close(sink->dir);
    if (sink->old >= 0)
        close(sink->old);
    free(sink->journal_path);
    sov_lock_drop(sink->lock, sink->lock_path);
    free(sink->tmp);
    free(sink->path);
    free(sink->name);
    free(sink);
}

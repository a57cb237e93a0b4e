/* SPDX-License-Identifier: Apache-2.0 */
/*
 * part.c - output that stays, under a name of its own, where a run ends early
 *
 * What always holds:
 *
 * 1. The journal has its name, and its magic is on the disk, before the part
 *    is made; it loses the name after the part has.
 * 2. Its lock is held from before the part is opened until the sink ends.  The
 *    lock is of a file and not of a name, so whoever got it looks whether that
 *    file still has the name: it is not the journal of a run that just ended.
 * 3. Both belong to who runs us, and have no other name and no link on their
 *    way: nobody else can have put bytes there that we would take for ours.
 */
#include "sys/part.h"

#include "base/mem.h"
#include "sys/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK ((size_t)1 << 20)

static const char magic[SOV_PART_MAGIC] = "sov journal 1\n";

static char *
with_suffix(const char *path, const char *suffix)
{
    char *s = NULL;

    return asprintf(&s, "%s%s", path, suffix) < 0 ? NULL : s;
}

static int
refuse(struct sov_err *err, const char *path, const char *why)
{
    sov_fail(err, SOV_EIO, "%s: %s; remove it, or name another output", path,
             why);
    if (err != NULL)
        err->where = SOV_WHERE_OUTPUT;
    return SOV_EIO;
}

/* Is that a file of ours alone? */
static int
check_owner(int fd, const char *path, struct stat *st, struct sov_err *err)
{
    if (fstat(fd, st) < 0)
        return sov_fail_sys(err, SOV_WHERE_OUTPUT, "%s", path);
    if (!S_ISREG(st->st_mode))
        return refuse(err, path, "is no file");
    if (st->st_uid != geteuid())
        return refuse(err, path, "belongs to another user");
    if (st->st_nlink > 1)
        return refuse(err, path, "has a second name");
    return 0;
}

/* ---- the journal ---- */

static bool
has_name(int fd, const char *path)
{
    struct stat named, held;

    return lstat(path, &named) == 0 && fstat(fd, &held) == 0 &&
           named.st_ino == held.st_ino && named.st_dev == held.st_dev;
}

/* The lock of the journal; the file may be new. */
static int
lock_journal(sov_sink *s, enum sov_lock how, struct sov_err *err)
{
    for (;;) {
        s->journal = open(s->journal_path,
                          O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
        if (s->journal < 0)
            return sov_fail_sys(err, SOV_WHERE_OUTPUT, "%s: cannot create",
                                s->journal_path);
        while (flock(s->journal,
                     LOCK_EX | (how == SOV_LOCK_WAIT ? 0 : LOCK_NB)) < 0) {
            if (errno == EINTR)
                continue;
            if (errno == EWOULDBLOCK) {
                errno = 0; /* is all that the line says */
                return sov_fail_sys(err, SOV_WHERE_LOCK,
                                    "another run is writing this output");
            }
            return sov_fail_sys(err, SOV_WHERE_OUTPUT, "cannot lock");
        }
        if (has_name(s->journal, s->journal_path))
            return 0;
        close(s->journal);
        s->journal = -1;
    }
}

static bool
is_ours(int fd)
{
    char head[SOV_PART_MAGIC];

    return pread(fd, head, sizeof(head), 0) == (ssize_t)sizeof(head) &&
           memcmp(head, magic, sizeof(head)) == 0;
}

/* An empty one is new, or of a run that was killed before it made the part. */
static int
open_journal(sov_sink *s, enum sov_lock how, struct sov_err *err)
{
    struct stat st;
    int rc;

    s->journal_path = with_suffix(s->tmp, ".journal");
    if (s->journal_path == NULL)
        return sov_mem_fail(err);
    rc = lock_journal(s, how, err);
    if (rc == 0)
        rc = check_owner(s->journal, s->journal_path, &st, err);
    if (rc < 0)
        return rc;
    s->fresh = st.st_size == 0;
    if (!s->fresh && !is_ours(s->journal))
        return refuse(err, s->journal_path, "is no journal of ours");
    return 0;
}

/* The part is new, or ours: now the journal can say so. */
static int
begin_journal(sov_sink *s, struct sov_err *err)
{
    if (s->journal < 0 || !s->fresh)
        return 0;
    if (pwrite(s->journal, magic, sizeof(magic), 0) != (ssize_t)sizeof(magic) ||
        (!s->no_sync && fsync(s->journal) < 0))
        return sov_fail_sys(err, SOV_WHERE_ANY, "%s: cannot write",
                            s->journal_path);
    if (!s->no_sync)
        sov_dir_sync(s->journal_path);
    return 0;
}

/* ---- the part ---- */

int
sov_part_open(sov_sink *s, const struct sov_sink_opts *o, struct sov_err *err)
{
    bool fresh = false;
    struct stat st;
    int rc = 0;

    s->part = true;
    s->tmp = with_suffix(s->path, ".part");
    if (s->tmp == NULL)
        return sov_mem_fail(err);
    if (o->head == NULL)
        rc = open_journal(s, o->lock, err);
    if (rc < 0)
        goto out;
    fresh = o->head == NULL ? s->fresh : o->head->fresh;
    if (fresh && lstat(s->tmp, &st) == 0) {
        rc = refuse(err, s->tmp, "is there, and no journal says what it is");
        goto out;
    }
    rc = begin_journal(s, err);
    if (rc < 0)
        goto out;
    s->fd = open(s->tmp, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (s->fd < 0)
        rc = sov_fail_sys(err, SOV_WHERE_OUTPUT, "%s: cannot create", s->tmp);
    else
        rc = check_owner(s->fd, s->tmp, &st, err);
out:
    if (rc < 0 && s->journal >= 0 && s->fresh && s->fd < 0)
        unlink(s->journal_path);
    s->kept = rc < 0 || !fresh; /* not ours to remove, or of worth */
    return rc;
}

void
sov_part_keep(sov_sink *s)
{
    s->kept = true;
}

bool
sov_part_is(const sov_sink *s)
{
    return s->part;
}

uint64_t
sov_part_size(const sov_sink *s)
{
    struct stat st;

    return fstat(s->fd, &st) == 0 ? (uint64_t)st.st_size : 0;
}

int
sov_part_read(const sov_sink *s, void *buf, size_t len, uint64_t off,
              struct sov_err *err)
{
    unsigned char *b = buf;

    while (len > 0) {
        ssize_t n = pread(s->fd, b, len, (off_t)off);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            errno = n == 0 ? EIO : errno;
            return sov_fail_sys(err, SOV_WHERE_ANY, "%s: cannot read", s->tmp);
        }
        b += n;
        off += (uint64_t)n;
        len -= (size_t)n;
    }
    return 0;
}

int
sov_part_skip(sov_sink *s, uint64_t len, struct sov_err *err)
{
    unsigned char *buf = s->hasher != NULL ? malloc(CHUNK) : NULL;
    int rc = 0;

    if (s->hasher != NULL && buf == NULL)
        return sov_mem_fail(err);
    for (uint64_t at = 0; at < len && s->hasher != NULL && rc == 0;) {
        size_t n = len - at < CHUNK ? (size_t)(len - at) : CHUNK;

        rc = sov_part_read(s, buf, n, at, err);
        if (rc == 0)
            rc = sov_hasher_update(s->hasher, buf, n, err);
        at += n;
    }
    free(buf);
    if (rc == 0 && lseek(s->fd, (off_t)len, SEEK_SET) < 0)
        rc = sov_fail_sys(err, SOV_WHERE_ANY, "%s: cannot write", s->tmp);
    if (rc == 0)
        s->count = s->pushed = len;
    return rc;
}

/* ---- what the journal holds ---- */

int
sov_part_journal(sov_sink *head, size_t max, unsigned char **bytes, size_t *len,
                 struct sov_err *err)
{
    struct stat st;
    unsigned char *p;
    ssize_t n = 1;
    size_t at = 0;

    if (fstat(head->journal, &st) < 0)
        return sov_fail_sys(err, SOV_WHERE_ANY, "%s", head->journal_path);
    if (st.st_size < SOV_PART_MAGIC)
        st.st_size = SOV_PART_MAGIC;
    if ((uint64_t)(st.st_size - SOV_PART_MAGIC) < max)
        max = (size_t)(st.st_size - SOV_PART_MAGIC);
    p = sov_mem_array(max + 1, 1);
    if (p == NULL)
        return sov_mem_fail(err);
    while (at < max && n > 0) {
        n = pread(head->journal, p + at, max - at,
                  (off_t)(SOV_PART_MAGIC + at));
        if (n < 0 && errno == EINTR)
            n = 1;
        else if (n > 0)
            at += (size_t)n;
    }
    if (n < 0) {
        free(p);
        return sov_fail_sys(err, SOV_WHERE_ANY, "%s: cannot read",
                            head->journal_path);
    }
    *bytes = p;
    *len = at;
    return 0;
}

int
sov_part_cut(sov_sink *head, uint64_t len, struct sov_err *err)
{
    if (ftruncate(head->journal, (off_t)(SOV_PART_MAGIC + len)) < 0 ||
        lseek(head->journal, 0, SEEK_END) < 0)
        return sov_fail_sys(err, SOV_WHERE_ANY, "%s: cannot write",
                            head->journal_path);
    return 0;
}

int
sov_part_note(sov_sink *head, const void *bytes, size_t len,
              struct sov_err *err)
{
    const unsigned char *b = bytes;

    while (len > 0) {
        ssize_t n = write(head->journal, b, len);

        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (n < 0)
            return sov_fail_sys(err, SOV_WHERE_ANY, "%s: cannot write",
                                head->journal_path);
        b += n;
        len -= (size_t)n;
    }
    return 0;
}

int
sov_part_sync(sov_sink *head, sov_sink *s, struct sov_err *err)
{
    if (s->no_sync)
        return 0;
    if (fdatasync(s->fd) < 0 || fdatasync(head->journal) < 0)
        return sov_fail_sys(err, SOV_WHERE_ANY, "%s: cannot write", s->name);
    sov_dir_sync(s->tmp); /* that the part has its name */
    return 0;
}

void
sov_part_sweep(sov_sink *const *sink, size_t n)
{
    char *part = with_suffix(sink[0]->path, ".part");
    char *journal = part != NULL ? with_suffix(part, ".journal") : NULL;
    struct stat st;
    int fd =
        journal == NULL
            ? -1
            : open(journal, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
        flock(fd, LOCK_EX | LOCK_NB) == 0 && has_name(fd, journal) &&
        is_ours(fd)) {
        for (size_t i = 0; i < n; i++) {
            char *other = i == 0 ? NULL : with_suffix(sink[i]->path, ".part");

            if (i == 0 || other != NULL)
                unlink(i == 0 ? part : other);
            free(other);
        }
        unlink(journal);
    }
    if (fd >= 0)
        close(fd);
    free(journal);
    free(part);
}

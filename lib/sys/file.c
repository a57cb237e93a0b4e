/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file.c - files by descriptor: reading at a place, mapping, spooling
 */
#include "sys/file.h"
#include "base/mem.h"
#include "sov/base.h"
#include "sys/tmpdir.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fsverity.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define CHUNK ((size_t)1 << 20)

static int64_t
nanoseconds(const struct timespec *t)
{
    return (int64_t)t->tv_sec * 1000000000 + t->tv_nsec;
}

int
sov_file_open(struct sov_file *f, const char *path, struct sov_err *err)
{
    bool is_stdin = strcmp(path, "-") == 0;
    struct stat st;
    off_t at = 0;
    int fd;

    fd = is_stdin ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
                  : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return sov_fail_sys(err, SOV_WHERE_INPUT, "cannot open");
    if (fstat(fd, &st) < 0) {
        sov_fail_sys(err, SOV_WHERE_INPUT, "cannot open");
        close(fd);
        return SOV_EIO;
    }
    if (S_ISDIR(st.st_mode)) {
        close(fd);
        errno = EISDIR;
        return sov_fail_sys(err, SOV_WHERE_INPUT, "cannot read");
    }
    /* Standard input may stand in the middle of a file: then it is a stream */
    if (is_stdin && S_ISREG(st.st_mode))
        at = lseek(fd, 0, SEEK_CUR);
    *f = (struct sov_file){
        .fd = fd,
        .regular = S_ISREG(st.st_mode) && at == 0,
        .size = S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0,
        .dev = (uint64_t)st.st_dev,
        .ino = (uint64_t)st.st_ino,
        .mtime = nanoseconds(&st.st_mtim),
        .ctime = nanoseconds(&st.st_ctim),
    };
    if (f->regular)
        posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    return 0;
}

void
sov_file_close(struct sov_file *f)
{
    if (f->fd >= 0 && !f->borrowed)
        close(f->fd);
    sov_guard_close(f->guard);
    f->guard = NULL;
    f->fd = -1;
}

int
sov_file_unchanged(const struct sov_file *f, struct sov_err *err)
{
    struct stat st;

    if (f->fd < 0 || !f->regular || f->borrowed || f->scratch)
        return 0;
    if (fstat(f->fd, &st) < 0)
        return sov_fail_sys(err, SOV_WHERE_ANY, "cannot look at the file");
    if (f->base + f->size != (uint64_t)st.st_size ||
        f->mtime != nanoseconds(&st.st_mtim) ||
        f->ctime != nanoseconds(&st.st_ctim))
        return sov_fail(err, SOV_EIO, "the file was changed while it was read");
    return 0;
}

/* Wait until a descriptor that does not block has something. */
static void
wait_for(int fd, short events)
{
    struct pollfd p = { .fd = fd, .events = events };

    poll(&p, 1, -1);
}

int
sov_file_pread(const struct sov_file *f, void *buf, size_t len, uint64_t off,
               struct sov_err *err)
{
    unsigned char *b = buf;
    size_t done = 0;

    if (f->guard != NULL && off <= f->size && len <= f->size - off) {
        memcpy(buf, sov_guard_bytes(f->guard) + off, len);
        return 0;
    }
    while (done < len) {
        ssize_t n =
            pread(f->fd, b + done, len - done, (off_t)(f->base + off + done));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return sov_fail_sys(err, SOV_WHERE_ANY,
                                "offset 0x%" PRIx64 ": cannot read",
                                off + done);
        if (n == 0)
            return sov_fail(err, SOV_EFORMAT,
                            "offset 0x%" PRIx64 ": the file ends here, %zu "
                            "bytes too early",
                            off + done, len - done);
        done += (size_t)n;
    }
    return 0;
}

/* What read(2) gives when there is something, or at the end; f->at + done is
 * where that is. */
static int64_t
some_of_fd(struct sov_file *f, void *buf, size_t len, size_t done,
           struct sov_err *err)
{
    for (;;) {
        ssize_t n = read(f->fd, buf, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            wait_for(f->fd, POLLIN);
            continue;
        }
        if (n < 0)
            return sov_fail_sys(err, SOV_WHERE_ANY,
                                "offset 0x%" PRIx64 ": cannot read",
                                f->at + done);
        return n;
    }
}

static int64_t
next_of_fd(struct sov_file *f, void *buf, size_t len, struct sov_err *err)
{
    unsigned char *b = buf;
    size_t done = 0;

    while (done < len) {
        int64_t n = some_of_fd(f, b + done, len - done, done, err);

        if (n < 0)
            return n;
        if (n == 0)
            break;
        done += (size_t)n;
    }
    return (int64_t)done;
}

/* What is read in order out of a guarded file. */
static int64_t
next_of_guard(const struct sov_file *f, void *buf, size_t len)
{
    uint64_t left = f->size - f->at;

    if (len > left)
        len = (size_t)left;
    memcpy(buf, sov_guard_bytes(f->guard) + f->at, len);
    return (int64_t)len;
}

int64_t
sov_file_next(struct sov_file *f, void *buf, size_t len, struct sov_err *err)
{
    int64_t n = f->pull != NULL    ? f->pull(f->pull_arg, buf, len, err)
                : f->guard != NULL ? next_of_guard(f, buf, len)
                                   : next_of_fd(f, buf, len, err);

    f->at += n > 0 ? (uint64_t)n : 0;
    return n;
}

int64_t
sov_file_some(struct sov_file *f, void *buf, size_t len, struct sov_err *err)
{
    int64_t n = f->pull != NULL    ? f->pull(f->pull_arg, buf, len, err)
                : f->guard != NULL ? next_of_guard(f, buf, len)
                                   : some_of_fd(f, buf, len, 0, err);

    f->at += n > 0 ? (uint64_t)n : 0;
    return n;
}

static size_t
page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

int
sov_file_map(const struct sov_file *f, const void **map, struct sov_err *err)
{
    uint64_t lead = f->base % page_size();
    unsigned char *p;

    *map = NULL;
    if (f->size == 0)
        return 0;
    if (f->guard != NULL) {
        *map = sov_guard_bytes(f->guard);
        return 0;
    }
    if (f->size > SIZE_MAX - lead)
        return sov_fail(err, SOV_EMEM, "too large for this machine to map");
    p = mmap(NULL, (size_t)(lead + f->size), PROT_READ, MAP_SHARED, f->fd,
             (off_t)(f->base - lead));
    if (p == MAP_FAILED && errno == ENOMEM)
        return sov_fail(err, SOV_EMEM,
                        "cannot map %" PRIu64 " bytes: out of memory or over "
                        "a limit of it",
                        f->size);
    if (p == MAP_FAILED)
        return sov_fail_sys(err, SOV_WHERE_ANY, "cannot map");
    /* what is read from the disk by it may come in large pages, at the disk's
     * full rate, whatever the system reads ahead for others */
    madvise(p, (size_t)(lead + f->size), MADV_HUGEPAGE);
    *map = p + lead;
    return 0;
}

void
sov_file_unmap(const void *map, uint64_t size)
{
    uintptr_t lead = (uintptr_t)map % page_size();

    if (map != NULL && !sov_guard_holds(map))
        munmap((void *)((uintptr_t)map - lead), (size_t)(lead + size));
}

void
sov_file_unneeded(const void *p, uint64_t len)
{
    uintptr_t lead = (uintptr_t)p % page_size();

    /* the map is shared: a page that is dropped comes back from the file */
    if (len > 0 && !sov_guard_holds(p))
        madvise((void *)((uintptr_t)p - lead), (size_t)(lead + len),
                MADV_DONTNEED);
}

int
sov_file_map_scratch(int fd, uint64_t len, void **map, struct sov_err *err)
{
    void *p;

    *map = NULL;
    if (len == 0)
        return 0;
    if (len > SIZE_MAX)
        return sov_fail(err, SOV_EMEM, "too large for this machine to map");
    if (posix_fallocate(fd, 0, (off_t)len) != 0)
        return sov_fail(err, SOV_EIO,
                        "no room for %" PRIu64 " bytes in %s (set TMPDIR to a "
                        "folder with room)",
                        len, sov_tmpdir());
    p = mmap(NULL, (size_t)len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (p == MAP_FAILED)
        return sov_fail_sys(err, SOV_WHERE_ANY, "cannot map");
    *map = p;
    return 0;
}

static int
write_all(int fd, const void *buf, size_t len)
{
    const unsigned char *b = buf;

    while (len > 0) {
        ssize_t n = write(fd, b, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        b += n;
        len -= (size_t)n;
    }
    return 0;
}

/* A file without a name in the temporary folder. */
static int
nameless(void)
{
    const char *dir = sov_tmpdir();
    char path[4200];
    int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

    if (fd >= 0)
        return fd;
    snprintf(path, sizeof(path), "%s/.sov-spool-XXXXXX", dir);
    fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0)
        unlink(path);
    return fd;
}

int
sov_file_nameless(int *fd, struct sov_err *err)
{
    int made = nameless();

    if (made < 0)
        return sov_fail_sys(err, SOV_WHERE_ANY,
                            "cannot make a temporary file in %s", sov_tmpdir());
    *fd = made;
    return 0;
}

int
sov_file_append(int fd, const void *buf, size_t len, struct sov_err *err)
{
    if (write_all(fd, buf, len) < 0)
        return sov_fail_sys(err, SOV_WHERE_ANY,
                            "cannot spool to a temporary file in %s (set "
                            "TMPDIR to a folder with room)",
                            sov_tmpdir());
    return 0;
}

int
sov_file_pwrite(int fd, const void *buf, size_t len, uint64_t off,
                struct sov_err *err)
{
    const unsigned char *b = buf;

    while (len > 0) {
        ssize_t n = pwrite(fd, b, len, (off_t)off);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return sov_fail_sys(err, SOV_WHERE_ANY,
                                "cannot spool to a temporary file in %s (set "
                                "TMPDIR to a folder with room)",
                                sov_tmpdir());
        b += n;
        off += (uint64_t)n;
        len -= (size_t)n;
    }
    return 0;
}

/* Its bytes are those of the nameless file fd from now on. */
static void
become(struct sov_file *f, int fd, uint64_t size)
{
    sov_file_close(f);
    *f = (struct sov_file){
        .fd = fd,
        .regular = true,
        .scratch = true,
        .size = size,
        .dev = f->dev,
        .ino = f->ino,
    };
}

int
sov_file_spool(struct sov_file *f, const void *head, size_t len,
               struct sov_err *err)
{
    unsigned char *buf = malloc(CHUNK);
    uint64_t size = len;
    int64_t n = 1;
    int fd = -1;
    int rc;

    rc = buf == NULL ? sov_mem_fail(err) : sov_file_nameless(&fd, err);
    if (rc == 0)
        rc = sov_file_append(fd, head, len, err);
    while (rc == 0 && n > 0) {
        n = sov_file_next(f, buf, CHUNK, err);
        if (n < 0)
            rc = (int)n;
        else
            rc = sov_file_append(fd, buf, (size_t)n, err);
        size += n > 0 ? (uint64_t)n : 0;
    }
    if (rc < 0)
        goto out;
    become(f, fd, size);
    fd = -1;
out:
    if (fd >= 0)
        close(fd);
    free(buf);
    return rc;
}

int
sov_file_copy(struct sov_file *f, struct sov_err *err)
{
    unsigned char *buf = malloc(CHUNK);
    uint64_t at = 0;
    int fd = -1;
    int rc = buf == NULL ? sov_mem_fail(err) : sov_file_nameless(&fd, err);

    while (rc == 0 && at < f->size) {
        size_t n = (size_t)(f->size - at < CHUNK ? f->size - at : CHUNK);

        rc = sov_file_pread(f, buf, n, at, err);
        if (rc == 0)
            rc = sov_file_append(fd, buf, n, err);
        at += n;
    }
    if (rc == 0) {
        become(f, fd, f->size);
        fd = -1;
    }
    if (fd >= 0)
        close(fd);
    free(buf);
    return rc;
}

int
sov_file_verity(const struct sov_file *f, unsigned char digest[32])
{
    union {
        struct fsverity_digest head;
        unsigned char room[sizeof(struct fsverity_digest) + 64];
    } m;

    memset(&m, 0, sizeof(m));
    m.head.digest_size = 64;
    if (!f->regular || f->base != 0 ||
        ioctl(f->fd, FS_IOC_MEASURE_VERITY, &m) < 0 ||
        m.head.digest_algorithm != FS_VERITY_HASH_ALG_SHA256 ||
        m.head.digest_size != 32)
        return 1;
    memcpy(digest, m.room + sizeof(m.head), 32);
    return 0;
}

void
sov_file_will_need(const struct sov_file *f, uint64_t off, uint64_t len)
{
    if (f->regular)
        posix_fadvise(f->fd, (off_t)(f->base + off), (off_t)len,
                      POSIX_FADV_WILLNEED);
}

void
sov_file_done_with(const struct sov_file *f, uint64_t off, uint64_t len)
{
    if (f->regular)
        posix_fadvise(f->fd, (off_t)(f->base + off), (off_t)len,
                      POSIX_FADV_DONTNEED);
}

double
sov_clock(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

bool
sov_path_is_dir(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

char *
sov_path_join(const char *dir, const char *name)
{
    size_t len = strlen(dir) + strlen(name) + 2;
    char *path = malloc(len);
    bool slash = *dir != '\0' && dir[strlen(dir) - 1] == '/';

    if (path != NULL)
        snprintf(path, len, "%s%s%s", dir, slash ? "" : "/", name);
    return path;
}

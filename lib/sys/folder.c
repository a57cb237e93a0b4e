/* SPDX-License-Identifier: Apache-2.0 */
/*
 * folder.c - an output folder that appears whole or not at all
 *
 * It is made under a hidden name beside the one that it shall have, filled,
 * and renamed when all files in it are on the disk.  An old folder is exchanged
 * with it in one step where the file system can do that, and then removed.
 *
 * Whatever stands under the name is replaced only if it is a model: a folder
 * with config.json, and with files alone; or an empty one.
 */
#include "sov/io.h"

#include "base/mem.h"
#include "sys/file.h"
#include "sys/pending.h"
#include "sys/sink.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK (1 << 20)

struct sov_folder {
    char *path; /* final name, without a slash at the end */
    char *tmp;  /* hidden name */
    int fd;     /* of the hidden folder: its lock shows that we live */
    bool exists;
    bool if_changed;
    int lock;
    char *lock_path;
};

static int
refuse(enum sov_where where, struct sov_err *err)
{
    if (err != NULL)
        err->where = where;
    return SOV_EIO;
}

/* ---- the old folder */

/* Are there files alone, and config.json among them, or nothing? */
static int
check_old(const char *path, struct sov_err *err)
{
    DIR *d = opendir(path);
    struct dirent *e;
    bool config = false, any = false, folder = false;
    struct stat st;

    if (d == NULL)
        return sov_fail_sys(err, SOV_WHERE_OUTPUT, "cannot be looked into");
    while ((e = readdir(d)) != NULL) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        any = true;
        config = config || strcmp(e->d_name, "config.json") == 0;
        if (fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISDIR(st.st_mode))
            folder = true;
    }
    closedir(d);
    if (!any || (config && !folder))
        return 0;
    sov_fail(err, SOV_EIO,
             folder
                 ? "has folders in it; it is not replaced"
                 : "is no model folder (no config.json); it is not replaced");
    return refuse(SOV_WHERE_OUTPUT, err);
}

/* A folder out of which the model comes would be removed under it. */
static int
check_inputs(const struct stat *old, const struct sov_sink_opts *o,
             struct sov_err *err)
{
    for (size_t i = 0; i < o->n_inputs; i++) {
        char *dir = sov_dir_name(o->inputs[i]);
        struct stat st;
        bool same = dir != NULL && stat(dir, &st) == 0 &&
                    st.st_dev == old->st_dev && st.st_ino == old->st_ino;

        free(dir);
        if (same) {
            sov_fail(err, SOV_EIO, "is also the input; name another output");
            return refuse(SOV_WHERE_OUTPUT, err);
        }
    }
    return 0;
}

static int
look_at_old(struct sov_folder *f, const struct sov_sink_opts *o,
            struct sov_err *err)
{
    struct stat st;
    int rc;

    if (stat(f->path, &st) < 0)
        return 0;
    f->exists = true;
    if (!S_ISDIR(st.st_mode)) {
        errno = ENOTDIR;
        return sov_fail_sys(err, SOV_WHERE_OUTPUT, "cannot create");
    }
    rc = check_inputs(&st, o, err);
    if (rc == 0 && !o->force && !o->if_changed) {
        errno = EEXIST;
        rc = sov_fail_sys(err, SOV_WHERE_OUTPUT,
                          "will not be replaced without --force");
    }
    return rc < 0 ? rc : check_old(f->path, err);
}

/* ---- opening */

static int
make_hidden(struct sov_folder *f, struct sov_err *err)
{
    char *dir = sov_dir_name(f->path);

    if (dir != NULL)
        sov_pending_sweep(f->path, dir);
    free(dir);
    f->tmp = sov_path_hidden(f->path);
    if (f->tmp == NULL)
        return sov_mem_fail(err);
    if (mkdir(f->tmp, 0777) < 0)
        return sov_fail_sys(err, SOV_WHERE_OUTPUT, "cannot create");
    f->fd = open(f->tmp, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (f->fd >= 0)
        flock(f->fd, LOCK_EX | LOCK_NB);
    return 0;
}

/* The name without slashes at its end, and without links if it is there. */
static char *
final_name(const char *path)
{
    size_t len = strlen(path);
    char *real = realpath(path, NULL);

    if (real != NULL)
        return real;
    while (len > 1 && path[len - 1] == '/')
        len--;
    return sov_mem_dup(path, len);
}

int
sov_folder_open(sov_folder **folder, const char *path,
                const struct sov_sink_opts *opts, struct sov_err *err)
{
    struct sov_folder *f = sov_mem_array(1, sizeof(*f));
    int rc;

    if (f == NULL)
        return sov_mem_fail(err);
    f->fd = -1;
    f->lock = -1;
    f->if_changed = opts->if_changed;
    f->path = final_name(path);
    rc = f->path == NULL ? sov_mem_fail(err) : look_at_old(f, opts, err);
    if (rc == 0 && opts->lock != SOV_LOCK_NONE)
        rc = sov_lock_take(f->path, opts->lock, &f->lock, &f->lock_path, err);
    if (rc == 0)
        rc = make_hidden(f, err);
    if (rc < 0) {
        if (rc != SOV_EMEM)
            sov_err_wrap(err, "%s", path);
        sov_folder_abort(f);
        return rc;
    }
    *folder = f;
    return 0;
}

const char *
sov_folder_path(const sov_folder *f)
{
    return f->tmp;
}

/* ---- the end */

static bool
same_bytes(const char *a, const char *b)
{
    struct sov_file x, y;
    unsigned char *buf = malloc(2 * CHUNK);
    bool same = false;

    if (buf == NULL || sov_file_open(&x, a, NULL) < 0) {
        free(buf);
        return false;
    }
    if (sov_file_open(&y, b, NULL) == 0) {
        same = x.regular && y.regular && x.size == y.size;
        for (uint64_t at = 0; same && at < x.size; at += CHUNK) {
            size_t n = x.size - at < CHUNK ? (size_t)(x.size - at) : CHUNK;

            same = sov_file_pread(&x, buf, n, at, NULL) == 0 &&
                   sov_file_pread(&y, buf + CHUNK, n, at, NULL) == 0 &&
                   memcmp(buf, buf + CHUNK, n) == 0;
        }
        sov_file_close(&y);
    }
    sov_file_close(&x);
    free(buf);
    return same;
}

/* Has the folder b every file of a?  And n says how many there are. */
static bool
holds_all(const char *a, const char *b, size_t *n)
{
    DIR *d = opendir(a);
    struct dirent *e;
    bool same = d != NULL;

    *n = 0;
    while (d != NULL && (e = readdir(d)) != NULL) {
        char *x, *y;

        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        ++*n;
        if (b == NULL || !same)
            continue;
        x = sov_path_join(a, e->d_name);
        y = sov_path_join(b, e->d_name);
        same = x != NULL && y != NULL && same_bytes(x, y);
        free(x);
        free(y);
    }
    if (d != NULL)
        closedir(d);
    return same;
}

static bool
unchanged(const struct sov_folder *f)
{
    size_t n_new, n_old;

    return f->if_changed && f->exists && holds_all(f->tmp, f->path, &n_new) &&
           holds_all(f->path, NULL, &n_old) && n_new == n_old;
}

/* Without RENAME_EXCHANGE: the old one goes aside for a moment. */
static int
swap_in_steps(struct sov_folder *f)
{
    char *aside = sov_path_hidden(f->path);
    int rc = -1;

    if (aside == NULL) {
        errno = ENOMEM;
        return -1;
    }
    sov_pending_drop(aside);
    if (rename(f->path, aside) == 0) {
        rc = rename(f->tmp, f->path);
        if (rc < 0)
            (void)!rename(aside, f->path);
        else
            (void)!rename(aside, f->tmp);
    }
    free(aside);
    return rc;
}

static int
publish(struct sov_folder *f, struct sov_err *err)
{
    if (!f->exists &&
        renameat2(AT_FDCWD, f->tmp, AT_FDCWD, f->path, RENAME_NOREPLACE) < 0) {
        if (errno != EINVAL && errno != ENOSYS)
            return sov_fail_sys(err, SOV_WHERE_OUTPUT, "cannot create");
        if (rename(f->tmp, f->path) < 0)
            return sov_fail_sys(err, SOV_WHERE_OUTPUT, "cannot create");
    }
    if (f->exists &&
        renameat2(AT_FDCWD, f->tmp, AT_FDCWD, f->path, RENAME_EXCHANGE) < 0 &&
        swap_in_steps(f) < 0)
        return sov_fail_sys(err, SOV_WHERE_OUTPUT, "cannot replace");
    return 0;
}

/* The files take their names, then the folder does. */
static int
commit_all(struct sov_folder *f, sov_sink **sinks, size_t n,
           struct sov_err *err)
{
    int rc = sov_sink_commit_all(sinks, n, err);

    if (rc < 0 || unchanged(f))
        return rc;
    if (f->fd >= 0)
        fsync(f->fd);
    rc = publish(f, err);
    if (rc < 0)
        return sov_err_wrap(err, "%s", f->path);
    sov_dir_sync(f->path);
    if (!f->exists) { /* else the old one has the hidden name */
        sov_pending_drop(f->tmp);
        free(f->tmp);
        f->tmp = NULL;
    }
    return 0;
}

int
sov_folder_commit(sov_folder **folder, sov_sink **sinks, size_t n,
                  struct sov_err *err)
{
    struct sov_folder *f = *folder;
    sigset_t block, old;
    int rc = 0;

    *folder = NULL;
    for (size_t i = 0; i < n && rc == 0; i++) { /* this may take a while */
        rc = sov_sink_settle(sinks[i], err);
        if (rc < 0)
            sov_err_wrap(err, "%s", sinks[i]->name);
    }
    /* a signal's handler cannot remove a folder with files in it */
    sigemptyset(&block);
    sigaddset(&block, SIGINT);
    sigaddset(&block, SIGTERM);
    sigaddset(&block, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &block, &old);
    if (rc == 0)
        rc = commit_all(f, sinks, n, err);
    for (size_t i = 0; i < n; i++) {
        sov_sink_abort(sinks[i]);
        sinks[i] = NULL;
    }
    sov_folder_abort(f);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return rc;
}

void
sov_folder_abort(sov_folder *f)
{
    if (f == NULL)
        return;
    if (f->tmp != NULL) {
        sov_folder_remove(f->tmp);
        sov_pending_drop(f->tmp);
    }
    if (f->fd >= 0)
        close(f->fd);
    sov_lock_drop(f->lock, f->lock_path);
    free(f->tmp);
    free(f->path);
    free(f);
}

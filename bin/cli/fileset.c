/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fileset.c - the files that a model is, and their digests
 */
#include "cli/fileset.h"

#include "cli/progress.h"
#include "sov/index.h"
#include "sov/oms.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_FILES 10000 /* of a folder */
#define MAX_DEPTH 16
#define MAX_PARTS 99999
#define WINDOW    ((uint64_t)128 << 20) /* bytes mapped at a time */
#define STEP      ((size_t)16 << 20)    /* bytes between words of progress */

static const char *const sides[] = { SOV_CLAIMS_SUFFIX, SOV_INDEX_SUFFIX,
                                     SOV_CLAIMS_SUFFIX ".minisig" };

static bool
ends_in(const char *name, const char *end)
{
    size_t len = strlen(name), n = strlen(end);

    return len > n && strcmp(name + len - n, end) == 0;
}

bool
sov_fileset_is_side(const char *name)
{
    for (size_t i = 0; i < sizeof(sides) / sizeof(sides[0]); i++)
        if (strcmp(name, sides[i] + 1) == 0 || ends_in(name, sides[i]))
            return true;
    return false;
}

bool
sov_fileset_is_regular(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

/* Of git, and, last, two of others. */
static bool
is_foreign(const char *name, bool all)
{
    static const char *const names[] = { ".git",       ".gitattributes",
                                         ".gitignore", ".github",
                                         ".cache",     SOV_OMS_NAME };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) - (all ? 2 : 0);
         i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

char *
sov_fileset_beside(const char *model, bool dir, const char *suffix)
{
    const char *between = dir ? "/claims" : "";
    size_t len = strlen(model);
    char *path;

    if (dir && strcmp(suffix, SOV_CLAIMS_SUFFIX) == 0)
        between = "/claims", suffix = ".jsonl";
    while (dir && len > 1 && model[len - 1] == '/')
        len--;
    if (asprintf(&path, "%.*s%s%s", (int)len, model, between, suffix) < 0)
        return NULL;
    return path;
}

/* ---- listing ---- */

/* Takes path, which may be NULL for want of memory; name is copied. */
static int
add(struct sov_fileset *set, const char *name, char *path, uint64_t size,
    struct sov_err *err)
{
    struct sov_claim_file *file =
        reallocarray(set->file, set->n + 1, sizeof(*file));
    char **paths;

    if (file != NULL)
        set->file = file;
    paths = reallocarray(set->paths, set->n + 1, sizeof(*paths));
    if (paths != NULL)
        set->paths = paths;
    if (file == NULL || paths == NULL || path == NULL ||
        (name = strdup(name)) == NULL) {
        free(path);
        return sov_fail(err, SOV_EMEM, "out of memory");
    }
    memset(&file[set->n], 0, sizeof(*file));
    file[set->n].name = name;
    file[set->n].digest.size = size;
    paths[set->n++] = path;
    set->bytes += size;
    return 0;
}

static int list_dir(struct sov_fileset *set, const char *sub, int depth,
                    struct sov_err *err);

/* One entry of a folder; name is relative to the top. */
static int
list_entry(struct sov_fileset *set, const char *name, int depth,
           struct sov_err *err)
{
    struct stat st, link;
    char *path;
    int rc;

    if (asprintf(&path, "%s/%s", set->path, name) < 0)
        return sov_fail(err, SOV_EMEM, "out of memory");
    if (set->n >= MAX_FILES)
        rc = sov_fail(err, SOV_EFORMAT,
                      "%s: more than %d files, which is no model", set->path,
                      MAX_FILES);
    else if (lstat(path, &link) < 0 || stat(path, &st) < 0)
        rc = sov_fail_sys(err, SOV_WHERE_INPUT, "%s", path);
    else if (set->all && S_ISLNK(link.st_mode))
        rc = sov_fail(err, SOV_EFORMAT, "%s: is a link, which is not signed",
                      path);
    else if (S_ISREG(st.st_mode))
        return add(set, name, path, (uint64_t)st.st_size, err);
    else if (S_ISDIR(st.st_mode) && S_ISLNK(link.st_mode))
        rc = sov_fail(err, SOV_EFORMAT,
                      "%s: is a link to a folder; a model is followed only "
                      "where it cannot lead out",
                      path);
    else if (S_ISDIR(st.st_mode))
        rc = list_dir(set, name, depth + 1, err);
    else
        rc = sov_fail(err, SOV_EFORMAT, "%s: is neither file nor folder", path);
    free(path);
    return rc;
}

static int
list_dir(struct sov_fileset *set, const char *sub, int depth,
         struct sov_err *err)
{
    struct dirent **list;
    char *path;
    int rc = 0;
    int n;

    if (depth > MAX_DEPTH)
        return sov_fail(err, SOV_EFORMAT, "%s/%s: more than %d folders deep",
                        set->path, sub, MAX_DEPTH);
    if (asprintf(&path, "%s/%s", set->path, sub) < 0)
        return sov_fail(err, SOV_EMEM, "out of memory");
    n = scandir(path, &list, NULL, NULL);
    if (n < 0)
        rc = sov_fail_sys(err, SOV_WHERE_INPUT, "%s", path);
    for (int i = 0; i < n; i++) {
        const char *name = list[i]->d_name;
        bool skip = strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
                    (depth == 0 && (is_foreign(name, set->all) ||
                                    (!set->all && sov_fileset_is_side(name))));
        char *full;

        if (rc == 0 && !skip) {
            if (asprintf(&full, "%s%s%s", sub, depth > 0 ? "/" : "", name) < 0)
                rc = sov_fail(err, SOV_EMEM, "out of memory");
            else {
                rc = list_entry(set, full, depth, err);
                free(full);
            }
        }
        free(list[i]);
    }
    if (n >= 0)
        free(list);
    free(path);
    return rc;
}

/*
 * Where the number of the part stands in NAME-00001-of-00003.EXT, and how
 * many there are; NULL where it is no such name.
 */
static const char *
part_number(const char *name, unsigned *total)
{
    const char *dot = strrchr(name, '.');
    const char *at = dot != NULL && dot - name > 15 ? dot - 15 : NULL;

    if (at == NULL || at[0] != '-' || strncmp(at + 6, "-of-", 4) != 0)
        return NULL;
    for (int i = 0; i < 5; i++)
        if (!isdigit((unsigned char)at[1 + i]) ||
            !isdigit((unsigned char)at[10 + i]))
            return NULL;
    *total = (unsigned)strtoul(at + 10, NULL, 10);
    return at + 1;
}

/* A part that is missing is left out: the claim knows that it was there. */
static int
list_parts(struct sov_fileset *set, const char *number, unsigned total,
           struct sov_err *err)
{
    int head = (int)(number - set->path);
    int rc = 0;

    for (unsigned i = 1; i <= total && rc == 0; i++) {
        struct stat st;
        const char *slash;
        char *path;

        if (asprintf(&path, "%.*s%05u%s", head, set->path, i, number + 5) < 0)
            return sov_fail(err, SOV_EMEM, "out of memory");
        if (stat(path, &st) < 0 || !S_ISREG(st.st_mode)) {
            free(path);
            continue;
        }
        slash = strrchr(path, '/');
        rc = add(set, slash != NULL ? slash + 1 : path, path,
                 (uint64_t)st.st_size, err);
    }
    return rc;
}

static int
compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* By name; the paths have one head, so that their order is the same. */
static int
sort(struct sov_fileset *set, struct sov_err *err)
{
    char **order = calloc(set->n + 1, sizeof(*order));

    if (order == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    for (size_t i = 0; i < set->n; i++)
        order[i] = set->paths[i];
    qsort(order, set->n, sizeof(*order), compare);
    for (size_t i = 0; i < set->n; i++) {
        size_t from = i;

        while (set->paths[from] != order[i])
            from++;
        if (from != i) {
            struct sov_claim_file f = set->file[i];

            set->file[i] = set->file[from];
            set->file[from] = f;
            set->paths[from] = set->paths[i];
            set->paths[i] = order[i];
        }
    }
    free(order);
    return 0;
}

static int
list(struct sov_fileset *set, const char *path, bool all, struct sov_err *err)
{
    const char *slash = strrchr(path, '/');
    const char *number;
    struct stat st;
    unsigned total;
    int rc;

    *set = (struct sov_fileset){ .path = path, .all = all };
    if (strcmp(path, "-") == 0) {
        rc = add(set, "-", strdup(path), 0, err);
        if (rc == 0)
            set->file[0].any_name = true;
        return rc;
    }
    if (stat(path, &st) < 0)
        return sov_fail_sys(err, SOV_WHERE_INPUT, "%s", path);
    set->dir = S_ISDIR(st.st_mode);
    if (!set->dir && ends_in(path, ".index.json"))
        return sov_fail(err, SOV_EFORMAT,
                        "%s: is only the list of a model's files; name the "
                        "folder that they are in",
                        path);
    number = part_number(slash != NULL ? slash + 1 : path, &total);
    if (set->dir) {
        rc = list_dir(set, "", 0, err);
        if (rc == 0)
            rc = sort(set, err);
    } else if (number != NULL && S_ISREG(st.st_mode)) {
        rc = list_parts(set, number, total, err);
    } else {
        rc = add(set, slash != NULL ? slash + 1 : path, strdup(path),
                 S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0, err);
    }
    if (rc == 0 && set->n == 0)
        rc = sov_fail(err, SOV_EFORMAT, "%s: there are no files in it", path);
    if (rc == 0 && set->n == 1 && !set->dir)
        set->file[0].any_name = true;
    if (rc < 0)
        sov_fileset_free(set);
    return rc;
}

int
sov_fileset_list(struct sov_fileset *set, const char *path, struct sov_err *err)
{
    return list(set, path, false, err);
}

int
sov_fileset_list_all(struct sov_fileset *set, const char *path,
                     struct sov_err *err)
{
    return list(set, path, true, err);
}

void
sov_fileset_free(struct sov_fileset *set)
{
    for (size_t i = 0; i < set->n; i++) {
        free((char *)(uintptr_t)set->file[i].name);
        free(set->paths[i]);
    }
    free(set->file);
    free(set->paths);
    *set = (struct sov_fileset){ 0 };
}

/* ---- streams ---- */

/* The first bytes of what comes through a pipe, which stay in it. */
static ssize_t
peek(int fd, void *buf, size_t size)
{
    int p[2];
    ssize_t n;

    if (pipe2(p, O_CLOEXEC) < 0)
        return -1;
    n = tee(fd, p[1], size, 0);
    if (n > 0)
        n = read(p[0], buf, (size_t)n);
    close(p[0]);
    close(p[1]);
    return n;
}

bool
sov_fileset_is_stream(const char *path)
{
    static const struct {
        size_t at;
        const char *bytes;
    } heads[] = {
        { 0, "\x1f\x8b" }, /* gzip */
        { 0, "\xfd"
             "7zXZ" },             /* xz */
        { 0, "\x28\xb5\x2f\xfd" }, /* zstd */
        { 0, "PK\3\4" },           /* zip */
        { 257, "ustar" },
    };
    bool from_stdin = strcmp(path, "-") == 0;
    unsigned char head[512] = { 0 };
    struct stat st;
    ssize_t n = -1;
    int fd = from_stdin ? STDIN_FILENO
                        : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0)
        return false;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
        n = pread(fd, head, sizeof(head),
                  from_stdin ? lseek(fd, 0, SEEK_CUR) : 0);
    else if (from_stdin)
        n = peek(fd, head, sizeof(head));
    if (!from_stdin)
        close(fd);
    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
        if (n > 0 && memcmp(head + heads[i].at, heads[i].bytes,
                            strlen(heads[i].bytes)) == 0)
            return true;
    /* what a pipe holds and is not plainly a model */
    return from_stdin && n != 0 && memcmp(head, "GGUF", 4) != 0;
}

int
sov_fileset_of_model(struct sov_fileset *set, const char *path,
                     const sov_model *model, struct sov_err *err)
{
    const char *name;
    int rc = 0;

    *set = (struct sov_fileset){ .path = path };
    for (size_t i = 0;
         rc == 0 && (name = sov_model_file_name(model, i)) != NULL; i++) {
        const struct sov_digest *d = sov_model_digest(model, i);

        if (sov_fileset_is_side(name))
            continue;
        if (d == NULL)
            rc = sov_fail(err, SOV_EIO, "%s was not hashed", name);
        else
            rc = add(set, name, strdup(path), d->size, err);
        if (rc == 0)
            set->file[set->n - 1].digest = *d;
    }
    if (rc == 0 && set->n == 1)
        set->file[0].any_name = true;
    if (rc < 0)
        sov_fileset_free(set);
    return rc;
}

void
sov_fileset_drop(struct sov_fileset *set, size_t i)
{
    set->bytes -= set->file[i].digest.size;
    free((char *)(uintptr_t)set->file[i].name);
    free(set->paths[i]);
    set->n--;
    memmove(&set->file[i], &set->file[i + 1],
            (set->n - i) * sizeof(*set->file));
    memmove(&set->paths[i], &set->paths[i + 1],
            (set->n - i) * sizeof(*set->paths));
}

/* ---- hashing ---- */

/* How far all the files together are. */
struct progress {
    uint64_t done;
    uint64_t total;
};

static int
hash_mapped(sov_hasher *h, int fd, uint64_t size, struct progress *p,
            struct sov_err *err)
{
    int rc = 0;

    for (uint64_t at = 0; at < size && rc == 0; at += WINDOW) {
        size_t len = (size_t)(size - at < WINDOW ? size - at : WINDOW);
        unsigned char *map =
            mmap(NULL, len, PROT_READ, MAP_PRIVATE, fd, (off_t)at);

        if (map == MAP_FAILED)
            return sov_fail_sys(err, SOV_WHERE_ANY, "cannot be mapped");
        madvise(map, len, MADV_SEQUENTIAL);
        posix_fadvise(fd, (off_t)(at + len), (off_t)WINDOW,
                      POSIX_FADV_WILLNEED);
        for (size_t i = 0; i < len && rc == 0; i += STEP) {
            size_t n = len - i < STEP ? len - i : STEP;

            rc = sov_hasher_update(h, map + i, n, err);
            p->done += n;
            sov_progress_update(NULL, p->done, p->total, NULL);
        }
        munmap(map, len);
    }
    return rc;
}

static bool
same_time(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/* Is what has the name now the file that was read, as it was before? */
static int
check_unchanged(int fd, const char *path, const struct stat *before,
                struct sov_err *err)
{
    struct stat held, named;

    if (fstat(fd, &held) < 0 || stat(path, &named) < 0)
        return sov_fail_sys(err, SOV_WHERE_ANY, "went away while it was read");
    if (held.st_size != before->st_size ||
        !same_time(&held.st_mtim, &before->st_mtim) ||
        !same_time(&held.st_ctim, &before->st_ctim) ||
        named.st_dev != held.st_dev || named.st_ino != held.st_ino)
        return sov_fail(err, SOV_EIO, "changed while it was read");
    return 0;
}

static int
feed(const struct sov_fileset *set, size_t i, sov_hasher *h, struct progress *p,
     struct sov_err *err)
{
    const char *path = set->paths[i];
    struct stat st;
    int fd, rc;

    if (strcmp(path, "-") == 0)
        return sov_hasher_path(h, path, err);
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return sov_fail_sys(err, SOV_WHERE_INPUT, "%s", path);
    if (fstat(fd, &st) < 0)
        rc = sov_fail_sys(err, SOV_WHERE_INPUT, "cannot be read");
    else if (S_ISREG(st.st_mode))
        rc = hash_mapped(h, fd, (uint64_t)st.st_size, p, err);
    else
        rc = sov_hasher_path(h, path, err);
    if (rc == 0 && S_ISREG(st.st_mode))
        rc = check_unchanged(fd, path, &st, err);
    close(fd);
    if (rc < 0 && rc != SOV_EMEM && strstr(err->msg, path) == NULL)
        sov_err_wrap(err, "%s", path);
    return rc;
}

int
sov_fileset_feed(const struct sov_fileset *set, size_t i, sov_hasher *h,
                 struct sov_err *err)
{
    struct progress p = { .total = set->file[i].digest.size };
    int rc;

    sov_progress_begin("B");
    rc = feed(set, i, h, &p, err);
    sov_progress_end();
    return rc;
}

/* Of a file that the model has read; NULL: it has not. */
static const struct sov_digest *
digest_of(const sov_model *model, const char *name)
{
    const char *read;

    for (size_t i = 0;
         model != NULL && (read = sov_model_file_name(model, i)) != NULL; i++)
        if (strcmp(read, name) == 0)
            return sov_model_digest(model, i);
    return NULL;
}

static int
hash_named(struct sov_fileset *set, size_t i, unsigned what, struct progress *p,
           struct sov_err *err)
{
    sov_hasher *h = NULL;
    int rc = sov_hasher_new(&h, what, err);

    if (rc == 0)
        rc = feed(set, i, h, p, err);
    if (rc == 0)
        rc = sov_hasher_final(h, &set->file[i].digest, err);
    sov_hasher_free(h);
    return rc;
}

static int
hash_all(struct sov_fileset *set, const sov_model *model, unsigned what,
         struct sov_err *err)
{
    struct progress p = { .total = set->bytes };
    int rc = 0;

    sov_progress_begin("B");
    for (size_t i = 0; i < set->n && rc == 0; i++) {
        const struct sov_digest *d = digest_of(model, set->file[i].name);

        if (d != NULL)
            set->file[i].digest = *d;
        else
            rc = hash_named(set, i, what, &p, err);
    }
    sov_progress_end();
    return rc;
}

int
sov_fileset_hash(struct sov_fileset *set, unsigned what, struct sov_err *err)
{
    return hash_all(set, NULL, what, err);
}

static bool
has_file(const struct sov_fileset *set, const char *name)
{
    for (size_t i = 0; i < set->n; i++)
        if (strcmp(set->file[i].name, name) == 0)
            return true;
    return false;
}

int
sov_fileset_hash_opened(struct sov_fileset *set, const sov_model *model,
                        unsigned what, struct sov_err *err)
{
    const char *read;

    for (size_t i = 0; (read = sov_model_file_name(model, i)) != NULL; i++)
        if (!sov_fileset_is_side(read) && !has_file(set, read))
            return sov_fail(err, SOV_EIO,
                            "%s: was not there before: changed "
                            "while it was read",
                            read);
    return hash_all(set, model, what, err);
}

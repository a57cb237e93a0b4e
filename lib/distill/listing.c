/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listing.c - the files in folders, in an order that is the same everywhere
 *
 * Names are compared byte by byte, within each folder.  Hidden ones are left
 * out.  A link to a file is that file; one to a folder is not followed, so
 * that no folder is in itself.
 */
#include "distill/listing.h"

#include "base/mem.h"
#include "distill/limits.h"
#include "sys/file.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

void
sov_listing_free(struct sov_listing *l)
{
    for (size_t i = 0; i < l->n; i++)
        free(l->path[i]);
    free(l->path);
    *l = (struct sov_listing){ 0 };
}

/* Takes the path over. */
static int
put(struct sov_listing *l, char *path, struct sov_err *err)
{
    int rc;

    if (path == NULL)
        return sov_mem_fail(err);
    rc = l->n < SOV_TEXTS_FILES
             ? sov_mem_grow((void **)&l->path, l->n, &l->cap, sizeof(*l->path),
                            err)
             : sov_fail(err, SOV_EFORMAT, "more than %" PRIu64 " files",
                        SOV_TEXTS_FILES);
    if (rc < 0) {
        free(path);
        return rc;
    }
    l->path[l->n++] = path;
    return 0;
}

static int
by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names of a folder. */
static int
read_names(struct sov_listing *names, const char *dir, struct sov_err *err)
{
    DIR *d = opendir(dir);
    struct dirent *e;
    int rc = 0;

    if (d == NULL)
        return sov_fail_sys(err, SOV_WHERE_INPUT, "cannot read the folder");
    while (rc == 0 && (e = readdir(d)) != NULL)
        if (e->d_name[0] != '.')
            rc = put(names, sov_mem_dup(e->d_name, strlen(e->d_name)), err);
    closedir(d);
    if (rc == 0 && names->n > 0)
        qsort(names->path, names->n, sizeof(*names->path), by_name);
    return rc;
}

static int add_folder(struct sov_listing *l, const char *dir, int depth,
                      struct sov_err *err);

/* Takes the path over. */
static int
add_entry(struct sov_listing *l, char *path, int depth, struct sov_err *err)
{
    struct stat link, st;
    int rc = 0;

    if (path == NULL)
        return sov_mem_fail(err);
    if (lstat(path, &link) < 0 || stat(path, &st) < 0) {
        rc = sov_fail_sys(err, SOV_WHERE_INPUT, "cannot open");
        sov_err_wrap(err, "%s", path);
    } else if (S_ISREG(st.st_mode)) {
        return put(l, path, err);
    } else if (S_ISDIR(link.st_mode)) {
        rc = add_folder(l, path, depth + 1, err);
    } else {
        l->skipped++;
    }
    free(path);
    return rc;
}

static int
add_folder(struct sov_listing *l, const char *dir, int depth,
           struct sov_err *err)
{
    struct sov_listing names = { 0 };
    int rc;

    rc = depth > SOV_TEXTS_DEPTH
             ? sov_fail(err, SOV_EFORMAT,
                        "more than %d folders within each other",
                        SOV_TEXTS_DEPTH)
             : read_names(&names, dir, err);
    if (rc < 0)
        sov_err_wrap(err, "%s", dir);
    for (size_t i = 0; i < names.n && rc == 0; i++)
        rc = add_entry(l, sov_path_join(dir, names.path[i]), depth, err);
    sov_listing_free(&names);
    return rc;
}

int
sov_listing_add(struct sov_listing *l, const char *path, struct sov_err *err)
{
    if (strcmp(path, "-") != 0 && sov_path_is_dir(path))
        return add_folder(l, path, 1, err);
    return put(l, sov_mem_dup(path, strlen(path)), err);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * append.c - a file that is added to where it stands, with its name
 */
#include "base/mem.h"
#include "sov/io.h"
#include "sys/grow.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct sov_append {
    struct sov_file file;
    char *name; /* for messages */
};

static int
named(const struct sov_append *a, int rc, struct sov_err *err)
{
    return rc < 0 ? sov_err_wrap(err, "%s", a->name) : rc;
}

/* Is it none of those that are read? */
static int
check_inputs(const struct sov_append *a, const struct sov_sink_opts *opts,
             struct sov_err *err)
{
    struct stat in;

    for (size_t i = 0; i < opts->n_inputs; i++)
        if (stat(opts->inputs[i], &in) == 0 &&
            (uint64_t)in.st_dev == a->file.dev &&
            (uint64_t)in.st_ino == a->file.ino) {
            errno = 0;
            return sov_fail_sys(err, SOV_WHERE_OUTPUT, "is an input, too");
        }
    return 0;
}

static int
open_file(struct sov_append *a, bool make, const struct sov_sink_opts *opts,
          struct sov_err *err)
{
    const struct sov_grow_how how = {
        .mode = make ? 0666 : 0,
        .wait = opts->lock == SOV_LOCK_WAIT,
        .held = "another run is writing this output",
    };
    int rc = sov_grow_open(&a->file, a->name, &how, err);

    if (rc == SOV_EARG) {
        errno = 0;
        rc = sov_fail_sys(err, SOV_WHERE_OUTPUT,
                          "is no plain file, which alone can be continued");
    }
    if (rc == 0 && a->file.fd >= 0)
        rc = check_inputs(a, opts, err);
    return named(a, rc, err);
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
    a->file.fd = -1;
    a->name = sov_mem_dup(path, strlen(path));
    rc = a->name == NULL ? sov_mem_fail(err)
                         : open_file(a, make, opts != NULL ? opts : &none, err);
    if (rc < 0 || a->file.fd < 0) {
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
    if (a->file.fd >= 0)
        sov_file_close(&a->file);
    free(a->name);
    free(a);
}

uint64_t
sov_append_size(const sov_append *a)
{
    return a->file.size;
}

int
sov_append_read(const sov_append *a, void *buf, size_t len, uint64_t off,
                struct sov_err *err)
{
    if (off > a->file.size || len > a->file.size - off)
        return sov_fail(err, SOV_EARG,
                        "%s: %zu bytes at %" PRIu64 " of %" PRIu64, a->name,
                        len, off, a->file.size);
    return named(a, sov_file_pread(&a->file, buf, len, off, err), err);
}

int
sov_append_cut(sov_append *a, uint64_t len, struct sov_err *err)
{
    return len >= a->file.size
               ? 0
               : named(a, sov_grow_cut(&a->file, len, err), err);
}

int
sov_append_write(sov_append *a, const void *buf, size_t len,
                 struct sov_err *err)
{
    return named(a, sov_grow_put(&a->file, buf, len, err), err);
}

int
sov_append_sync(sov_append *a, struct sov_err *err)
{
    return named(a, sov_grow_sync(&a->file, err), err);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* source.c - pulling bytes, and small files whole */
#include "base/mem.h"
#include "sov/base.h"
#include "sov/io.h"
#include "sys/file.h"
#include "sys/tmpdir.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

struct sov_source {
    struct sov_file file;
};

static char *tmpdir; /* owned; NULL: /tmp */

int
sov_set_tmpdir(const char *dir, struct sov_err *err)
{
    char *copy = NULL;

    if (dir != NULL) {
        copy = sov_mem_dup(dir, strlen(dir));
        if (copy == NULL)
            return sov_mem_fail(err);
    }
    free(tmpdir);
    tmpdir = copy;
    return 0;
}

const char *
sov_tmpdir(void)
{
    return tmpdir != NULL ? tmpdir : "/tmp";
}

int
sov_source_open(sov_source **src, const char *path, struct sov_err *err)
{
    struct sov_source *s = sov_mem_array(1, sizeof(*s));
    int rc;

    if (s == NULL)
        return sov_mem_fail(err);
    rc = sov_file_open(&s->file, path, err);
    if (rc < 0) {
        free(s);
        return rc;
    }
    *src = s;
    return 0;
}

void
sov_source_close(sov_source *src)
{
    if (src == NULL)
        return;
    sov_file_close(&src->file);
    free(src);
}

int64_t
sov_source_read(sov_source *src, void *buf, size_t len, struct sov_err *err)
{
    return sov_file_next(&src->file, buf, len, err);
}

int64_t
sov_source_some(sov_source *src, void *buf, size_t len, struct sov_err *err)
{
    return sov_file_some(&src->file, buf, len, err);
}

bool
sov_source_ready(const sov_source *src)
{
    struct pollfd fd = { .fd = src->file.fd, .events = POLLIN };

    if (src->file.pull != NULL || src->file.regular)
        return true;
    return poll(&fd, 1, 0) != 0; /* an error is told by reading */
}

int
sov_read_whole(const char *path, size_t max, char **text, size_t *len,
               struct sov_err *err)
{
    sov_source *src = NULL;
    char *buf = NULL;
    size_t cap = 65536;
    size_t used = 0;
    int rc;

    rc = sov_source_open(&src, path, err);
    while (rc == 0) {
        char *fresh = realloc(buf, cap);
        int64_t n;

        if (fresh == NULL) {
            rc = sov_mem_fail(err);
            break;
        }
        buf = fresh;
        n = sov_source_read(src, buf + used, cap - 1 - used, err);
        if (n < 0)
            rc = (int)n;
        else
            used += (size_t)n;
        if (rc == 0 && used > max)
            rc = sov_fail(err, SOV_EFORMAT,
                          "longer than the limit of %zu bytes", max);
        if (rc == 0 && used < cap - 1)
            break;
        cap *= 2;
    }
    if (rc == 0) {
        buf[used] = '\0';
        *text = buf;
        *len = used;
        buf = NULL;
    }
    free(buf);
    sov_source_close(src);
    return rc;
}

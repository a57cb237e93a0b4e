/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_archive.c - any bytes as an archive, and as a model in one
 *
 * The first byte says which of them, and whether from a file or a pipe.
 */
#include "fuzz_model.h"

#include "sov/archive.h"

#define READ_MAX (8u << 20) /* bytes taken out of an archive */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
use_archive(const char *path)
{
    static char buf[65536];
    struct sov_err err = { 0 };
    struct sov_member m;
    sov_archive *a;
    size_t seen = 0;
    int64_t n = 1;
    int rc;

    if (sov_archive_open(&a, path, &err) < 0)
        return;
    while ((rc = sov_archive_next(a, &m, &err)) == 1 && seen < READ_MAX) {
        if (m.name[0] == '/' || m.name[0] == '\0' || strchr(m.name, '\\'))
            abort();
        if (strlen(m.name) % 2 == 0)
            continue;
        while ((n = sov_archive_read(a, buf, sizeof(buf), &err)) > 0 &&
               seen < READ_MAX)
            seen += (size_t)n;
        if (n < 0)
            break;
    }
    if ((rc < 0 || n < 0) && err.msg[0] == '\0')
        abort();
    sov_archive_close(a);
}

/* A model with all of it hashed. */
static void
use_model(const char *path, bool map)
{
    const struct sov_model_opts opts = {
        .access = map ? SOV_ACCESS_MAP : SOV_ACCESS_STREAM,
        .hash = SOV_HASH_VERITY,
    };
    const char *name, *text;
    struct sov_err err = { 0 };
    sov_model *m;
    size_t len;

    if (sov_model_open_with(&m, path, &opts, &err) < 0)
        return;
    (void)!sov_model_finish(m, &err);
    for (size_t i = 0; sov_model_file_name(m, i) != NULL; i++)
        (void)sov_model_digest(m, i);
    for (size_t i = 0; sov_model_side(m, SOV_SIDE_CLAIMS, i, &name, &text,
                                      &len, &err) == 0;
         i++)
        if (text[len] != '\0')
            abort();
    sov_model_close(m);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    bool pipe;
    int fd;

    if (size < 1)
        return 0;
    pipe = (data[0] & 1) != 0 && size - 1 <= FUZZ_PIPE;
    fd = fuzz_fd(data + 1, size - 1, pipe);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (data[0] & 2)
        use_archive(path);
    else
        use_model(path, (data[0] & 4) != 0);
    close(fd);
    return 0;
}

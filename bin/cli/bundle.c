/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bundle.c - the files of a model as members of one tar file
 *
 *     sink of file 0 --> [ temporary file ] --+
 *     sink of file 1 --> [ temporary file ] --+--> packer --> out
 *     sov_bundle_side() ----------------------+
 */
#include "cli/bundle.h"
#include "cli/spool.h"

#include "cli/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MODEL_ALIGN 4096 /* tensors can be mapped where they lie */
#define CHUNK       ((size_t)1 << 20)

/* A file of the plan on its way. */
struct member {
    struct sov_bundle *b;
    char *name;
    uint64_t bytes;
    uint32_t align;
    bool begun;
};

struct sov_bundle {
    sov_sink *out;
    sov_packer *packer;
    struct member *member;
    size_t n;
    int spool; /* -1: nothing waits */
};

static const struct {
    const char *suffix;
    enum sov_pack how;
} suffixes[] = {
    { ".tar", SOV_PACK_PLAIN }, { ".tar.gz", SOV_PACK_GZIP },
    { ".tgz", SOV_PACK_GZIP },  { ".tar.xz", SOV_PACK_XZ },
    { ".txz", SOV_PACK_XZ },    { ".tar.zst", SOV_PACK_ZSTD },
    { ".tzst", SOV_PACK_ZSTD },
};

const char *
sov_bundle_suffix(const char *name, enum sov_pack *how)
{
    size_t len = strlen(name);

    for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
        size_t n = strlen(suffixes[i].suffix);

        if (len < n || strcmp(name + len - n, suffixes[i].suffix) != 0)
            continue;
        *how = suffixes[i].how;
        return name + len - n;
    }
    return NULL;
}

/* ---- waiting ---- */

static int
spool(int fd, const void *buf, size_t len, struct sov_err *err)
{
    const unsigned char *p = buf;

    while (len > 0) {
        ssize_t n = write(fd, p, len);

        if (n < 0 && errno != EINTR)
            return sov_spool_fail(err);
        p += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
    return 0;
}

/* ---- members ---- */

static int
begin(struct member *m, struct sov_err *err)
{
    m->begun = true;
    return sov_packer_member(m->b->packer, m->name, m->bytes, m->align, err);
}

static int
take(void *arg, const void *buf, size_t len, struct sov_err *err)
{
    struct member *m = arg;
    int rc = 0;

    if (m->b->spool >= 0)
        return spool(m->b->spool, buf, len, err);
    if (!m->begun)
        rc = begin(m, err);
    return rc < 0 ? rc : sov_packer_data(m->b->packer, buf, len, err);
}

int
sov_bundle_side(struct sov_bundle *b, const char *name, const void *bytes,
                size_t len, struct sov_err *err)
{
    int rc = sov_packer_member(b->packer, name, len, 0, err);

    return rc < 0 ? rc : sov_packer_data(b->packer, bytes, len, err);
}

static int
add_member(struct sov_bundle *b, size_t i, const struct sov_plan_file *f,
           const char *folder, sov_sink **sink, struct sov_err *err)
{
    struct member *m = &b->member[i];

    m->b = b;
    m->bytes = f->bytes;
    m->align = f->n > 0 ? MODEL_ALIGN : 0;
    if (asprintf(&m->name, "%s%s%s", folder != NULL ? folder : "",
                 folder != NULL ? "/" : "", f->name) < 0) {
        m->name = NULL;
        return sov_fail(err, SOV_EMEM, "out of memory");
    }
    return sov_sink_call(sink, m->name, take, m, err);
}

/* Digits of SOURCE_DATE_EPOCH. */
static int
read_epoch(int64_t *epoch, struct sov_err *err)
{
    const char *text = getenv("SOURCE_DATE_EPOCH");
    char *end;

    *epoch = 0;
    if (text == NULL || text[0] == '\0')
        return 0;
    errno = 0;
    *epoch = strtoll(text, &end, 10);
    if (errno != 0 || *end != '\0' || text[0] < '0' || text[0] > '9')
        return sov_fail(err, SOV_EARG,
                        "SOURCE_DATE_EPOCH: '%s' is not a number of seconds",
                        text);
    return 0;
}

int
sov_bundle_new(struct sov_bundle **bundle, sov_sink *out, const sov_plan *plan,
               sov_sink **sinks, const struct sov_bundle_opts *opts,
               struct sov_err *err)
{
    struct sov_bundle *b = calloc(1, sizeof(*b));
    int64_t epoch;
    int rc = read_epoch(&epoch, err);

    if (b == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    b->spool = -1;
    b->n = sov_plan_files(plan);
    b->member = calloc(b->n + 1, sizeof(*b->member));
    if (rc == 0 && b->member == NULL)
        rc = sov_fail(err, SOV_EMEM, "out of memory");
    if (rc == 0)
        rc = sov_packer_new(&b->packer, out, opts->how, epoch, err);
    if (rc == 0 && opts->wait)
        rc = sov_spool_open(&b->spool, err);
    for (size_t i = 0; i < b->n && rc == 0; i++)
        rc = add_member(b, i, sov_plan_file(plan, i), opts->folder, &sinks[i],
                        err);
    if (rc < 0) {
        sov_bundle_free(b);
        return rc;
    }
    b->out = out;
    *bundle = b;
    return 0;
}

/* ---- the end ---- */

static int
copy_waiting(struct sov_bundle *b, unsigned char *buf, struct member *m,
             off_t *at, struct sov_err *err)
{
    uint64_t left = m->bytes;
    int rc = begin(m, err);

    while (left > 0 && rc == 0) {
        ssize_t n =
            pread(b->spool, buf, left < CHUNK ? (size_t)left : CHUNK, *at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return sov_spool_fail(err);
        rc = sov_packer_data(b->packer, buf, (size_t)n, err);
        *at += n;
        left -= (uint64_t)n;
    }
    return rc;
}

/* The files were written one after another, so they lie so. */
static int
copy_all(struct sov_bundle *b, struct sov_err *err)
{
    unsigned char *buf = malloc(CHUNK);
    off_t at = 0;
    int rc = buf == NULL ? sov_fail(err, SOV_EMEM, "out of memory") : 0;

    for (size_t i = 0; i < b->n && rc == 0; i++)
        rc = copy_waiting(b, buf, &b->member[i], &at, err);
    free(buf);
    return rc;
}

int
sov_bundle_commit(struct sov_bundle *b, struct sov_err *err)
{
    int rc = b->spool >= 0 ? copy_all(b, err) : 0;

    if (rc == 0)
        rc = sov_packer_end(&b->packer, err);
    return rc < 0 ? rc : sov_sink_commit(&b->out, err);
}

void
sov_bundle_free(struct sov_bundle *b)
{
    if (b == NULL)
        return;
    sov_packer_abort(b->packer);
    sov_sink_abort(b->out);
    for (size_t i = 0; i < b->n && b->member != NULL; i++)
        free(b->member[i].name);
    free(b->member);
    if (b->spool >= 0)
        close(b->spool);
    free(b);
}

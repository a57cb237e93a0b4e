/* SPDX-License-Identifier: Apache-2.0 */
/*
 * squeeze.c - compressing, the same bytes always
 *
 * gzip, xz and zstd as libarchive has them, with a fixed level, one thread and
 * no time of day.  What comes in is handed on in pieces of one size, so that
 * the output does not depend on how it was written.  It does depend on the
 * versions of zlib, liblzma and libzstd.
 */
#include "sys/squeeze.h"

#include "base/mem.h"
#include "base/text.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PIECE ((size_t)1 << 20)

struct sov_squeeze {
    struct archive *la; /* NULL: nothing is done to the bytes */
    sov_sink *sink;
    unsigned char *buf;
    size_t n;
    struct sov_err trouble; /* of the sink, rc not 0 */
};

static const struct {
    const char *name;
    int filter;
    const char *level;
} methods[] = {
    [SOV_PACK_GZIP] = { "gzip", ARCHIVE_FILTER_GZIP, "6" },
    [SOV_PACK_XZ] = { "xz", ARCHIVE_FILTER_XZ, "6" },
    [SOV_PACK_ZSTD] = { "zstd", ARCHIVE_FILTER_ZSTD, "3" },
};

static la_ssize_t
take(struct archive *la, void *arg, const void *buf, size_t len)
{
    struct sov_squeeze *s = arg;

    (void)la;
    if (sov_sink_write(s->sink, buf, len, &s->trouble) < 0)
        return -1;
    return (la_ssize_t)len;
}

static int
complaint(struct sov_squeeze *s, struct sov_err *err)
{
    const char *text = archive_error_string(s->la);

    if (s->trouble.rc != 0) {
        if (err != NULL)
            *err = s->trouble;
        return s->trouble.rc;
    }
    if (archive_errno(s->la) == ENOMEM)
        return sov_mem_fail(err);
    return sov_fail(err, SOV_EUNSUP, "cannot compress: %s",
                    text != NULL ? text : "libarchive does not say why");
}

/* ARCHIVE_WARN of a filter would mean that another program is started. */
static int
start(struct sov_squeeze *s, enum sov_pack how, struct sov_err *err)
{
    struct archive_entry *e;
    const char *name = methods[how].name;
    int rc;

    s->la = archive_write_new();
    s->buf = sov_mem_array(PIECE, 1);
    e = archive_entry_new();
    if (s->la == NULL || s->buf == NULL || e == NULL) {
        archive_entry_free(e);
        return sov_mem_fail(err);
    }
    archive_entry_set_filetype(e, AE_IFREG);
    archive_write_set_format_raw(s->la);
    archive_write_set_bytes_per_block(s->la, 0);
    archive_write_set_bytes_in_last_block(s->la, 1);
    rc = archive_write_add_filter(s->la, methods[how].filter);
    if (rc == ARCHIVE_OK)
        rc = archive_write_set_filter_option(s->la, name, "compression-level",
                                             methods[how].level);
    if (rc == ARCHIVE_OK && how == SOV_PACK_GZIP)
        rc = archive_write_set_filter_option(s->la, name, "timestamp", NULL);
    if (rc == ARCHIVE_OK && how == SOV_PACK_XZ)
        rc = archive_write_set_filter_option(s->la, name, "threads", "1");
    if (rc == ARCHIVE_OK)
        rc = archive_write_open(s->la, s, NULL, take, NULL);
    if (rc == ARCHIVE_OK)
        rc = archive_write_header(s->la, e);
    archive_entry_free(e);
    return rc == ARCHIVE_OK ? 0 : complaint(s, err);
}

int
sov_squeeze_new(struct sov_squeeze **squeeze, sov_sink *sink, enum sov_pack how,
                struct sov_err *err)
{
    struct sov_squeeze *s = sov_mem_array(1, sizeof(*s));
    int rc;

    if (s == NULL)
        return sov_mem_fail(err);
    s->sink = sink;
    rc = how == SOV_PACK_PLAIN ? 0 : start(s, how, err);
    if (rc < 0) {
        sov_squeeze_abort(s);
        return rc;
    }
    *squeeze = s;
    return 0;
}

/* Hand on what has been gathered. */
static int
hand_on(struct sov_squeeze *s, struct sov_err *err)
{
    size_t at = 0;
    la_ssize_t n;

    while (at < s->n) {
        n = archive_write_data(s->la, s->buf + at, s->n - at);
        if (n <= 0)
            return complaint(s, err);
        at += (size_t)n;
    }
    s->n = 0;
    return 0;
}

int
sov_squeeze_write(struct sov_squeeze *s, const void *buf, size_t len,
                  struct sov_err *err)
{
    const unsigned char *p = buf;
    int rc = 0;

    if (s->la == NULL)
        return sov_sink_write(s->sink, buf, len, err);
    while (len > 0 && rc == 0) {
        size_t n = PIECE - s->n < len ? PIECE - s->n : len;

        memcpy(s->buf + s->n, p, n);
        s->n += n;
        p += n;
        len -= n;
        if (s->n == PIECE)
            rc = hand_on(s, err);
    }
    return rc;
}

int
sov_squeeze_end(struct sov_squeeze *s, struct sov_err *err)
{
    int rc = 0;

    if (s->la != NULL)
        rc = hand_on(s, err);
    if (rc == 0 && s->la != NULL && archive_write_close(s->la) != ARCHIVE_OK)
        rc = complaint(s, err);
    sov_squeeze_abort(s);
    return rc;
}

/* Ends without a word to the sink. */
void
sov_squeeze_abort(struct sov_squeeze *s)
{
    if (s == NULL)
        return;
    if (s->la != NULL) {
        archive_write_fail(s->la);
        archive_write_free(s->la);
    }
    free(s->buf);
    free(s);
}

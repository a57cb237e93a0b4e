/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit_write.c - lines added to an audit log
 *
 * Always holds: the file ends in a whole line whose number and hash we know,
 * and nobody else adds to it while we hold its lock (sys/grow.h).  Each line is
 * one write at the end; one that fails in the middle is cut off again, and
 * where that fails too nothing more is added.
 */
#include "trust/audit.h"

#include "base/buf.h"
#include "base/mem.h"
#include "sys/grow.h"
#include "trust/armor.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SEAL_EVERY 1000

struct sov_audit {
    char *path;
    struct sov_file file;
    const sov_seckey *key;
    unsigned seal_every;
    unsigned unsealed; /* lines since the last seal */
    uint64_t seq;      /* of the next line */
    char prev[65];
    bool torn;  /* it ends in half a line */
    bool dirty; /* some of it may not be on the disk */
};

static int
named(const struct sov_audit *log, int rc, struct sov_err *err)
{
    return rc < 0 ? sov_err_wrap(err, "%s", log->path) : rc;
}

/* ---- where it goes on */

/* The last line of n bytes that end the file. */
static int
read_last(struct sov_audit *log, const unsigned char *p, size_t n, bool all,
          struct sov_err *err)
{
    struct sov_audit_line line;
    struct sov_span last = { p, n };
    const char *wrong;

    if (p[n - 1] == '\n') {
        const unsigned char *before = memrchr(p, '\n', n - 1);

        last.len--;
        if (before != NULL)
            last = (struct sov_span){ before + 1,
                                      (size_t)(p + n - 1 - (before + 1)) };
        else if (!all)
            last.len = 0;
        wrong = sov_audit_read(last, &line);
    } else {
        wrong = "is not whole";
    }
    if (wrong != NULL)
        return sov_fail(err, SOV_EFORMAT,
                        "%s: the last line %s; keep the log as it is, look "
                        "at it with sov-verify --audit-log, and begin another "
                        "one",
                        log->path, wrong);
    log->seq = line.seq + 1;
    memcpy(log->prev, line.hash, sizeof(log->prev));
    return 0;
}

static int
find_end(struct sov_audit *log, struct sov_err *err)
{
    uint64_t size = log->file.size;
    size_t n =
        size < 2 * SOV_AUDIT_LINE ? (size_t)size : (size_t)2 * SOV_AUDIT_LINE;
    unsigned char *buf;
    int rc;

    if (n == 0)
        return 0;
    buf = malloc(n);
    if (buf == NULL)
        return sov_mem_fail(err);
    rc = named(log, sov_file_pread(&log->file, buf, n, size - n, err), err);
    if (rc == 0)
        rc = read_last(log, buf, n, n == size, err);
    free(buf);
    return rc;
}

static void
discard(struct sov_audit *log)
{
    if (log == NULL)
        return;
    if (log->file.fd >= 0)
        sov_file_close(&log->file);
    free(log->path);
    free(log);
}

static int
open_file(struct sov_audit *log, struct sov_err *err)
{
    static const struct sov_grow_how how = {
        .mode = 0640,
        .held = "another process is writing this audit log",
    };

    return named(log, sov_grow_open(&log->file, log->path, &how, err), err);
}

int
sov_audit_open(sov_audit **out, const char *path, const sov_seckey *key,
               unsigned seal_every, struct sov_err *err)
{
    struct sov_audit *log = sov_mem_array(1, sizeof(*log));
    int rc;

    if (log == NULL)
        return sov_mem_fail(err);
    *log = (struct sov_audit){
        .file = { .fd = -1 },
        .key = key,
        .seal_every = seal_every != 0 ? seal_every : SEAL_EVERY,
        .path = sov_mem_dup(path, strlen(path)),
    };
    memset(log->prev, '0', 64);
    rc = log->path == NULL ? sov_mem_fail(err) : open_file(log, err);
    if (rc == 0)
        rc = find_end(log, err);
    if (rc < 0) {
        discard(log);
        return rc;
    }
    *out = log;
    return 0;
}

/* ---- lines */

static void
add_text(struct sov_buf *b, const char *text)
{
    sov_buf_add(b, text, strlen(text));
}

/* The head of a line, in UTC. */
static int
add_head(const struct sov_audit *log, struct sov_buf *b, const char *event,
         int64_t time, struct sov_err *err)
{
    time_t seconds = (time_t)(time / 1000);
    struct tm tm;
    char head[256];

    if (time < 0 || gmtime_r(&seconds, &tm) == NULL || tm.tm_year > 8099)
        return sov_fail(err, SOV_EARG, "a time of %" PRId64, time);
    snprintf(head, sizeof(head),
             "{\"seq\":%" PRIu64 ",\"time\":\"%04d-%02d-%02dT%02d:%02d:%02d."
             "%03dZ\",\"prev\":\"%s\",\"event\":\"",
             log->seq, tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
             tm.tm_min, tm.tm_sec, (int)(time % 1000), log->prev);
    add_text(b, head);
    add_text(b, event);
    add_text(b, "\"");
    return 0;
}

/* All of it, or the file as it was. */
static int
write_line(struct sov_audit *log, const struct sov_buf *b, struct sov_err *err)
{
    uint64_t end = log->file.size;
    struct sov_err ignored;
    int rc;

    if (log->torn)
        return sov_fail(err, SOV_EIO, "%s: cannot be written", log->path);
    log->dirty = true;
    rc = sov_grow_put(&log->file, b->p, b->len, err);
    if (rc < 0 && log->file.size > end)
        log->torn = sov_grow_cut(&log->file, end, &ignored) < 0;
    if (rc < 0 && err != NULL)
        err->where = SOV_WHERE_OUTPUT; /* no answer leaves without it */
    return named(log, rc, err);
}

/* b holds all before ,"hash". */
static int
finish_line(struct sov_audit *log, struct sov_buf *b, bool seal,
            struct sov_err *err)
{
    unsigned char sig[SOV_SIG_LEN];
    char text[SOV_AUDIT_SIGNED];
    char base64[SOV_BASE64_LEN(SOV_SIG_LEN) + 1];
    char hash[65];
    int rc = 0;

    if (b->bad)
        return sov_mem_fail(err);
    if (b->len > SOV_AUDIT_LINE - 512)
        return sov_fail(err, SOV_EARG, "a line of %zu bytes for an audit log",
                        b->len);
    sov_audit_hash(b->p, b->len, hash);
    add_text(b, ",\"hash\":\"");
    add_text(b, hash);
    add_text(b, "\"");
    if (seal) {
        sov_audit_signed(hash, text);
        rc = sov_sign(log->key, text, sizeof(text), sig, err);
        sov_base64_encode(sig, sizeof(sig), base64);
        add_text(b, ",\"sig\":\"");
        add_text(b, base64);
        add_text(b, "\"");
    }
    add_text(b, "}\n");
    if (b->bad)
        return sov_mem_fail(err);
    if (rc == 0)
        rc = write_line(log, b, err);
    if (rc < 0)
        return rc;
    memcpy(log->prev, hash, sizeof(log->prev));
    log->seq++;
    log->unsealed = seal ? 0 : log->unsealed + 1;
    return 0;
}

int
sov_audit_sync(sov_audit *log, struct sov_err *err)
{
    int rc = log->dirty ? sov_grow_sync(&log->file, err) : 0;

    log->dirty = false;
    return named(log, rc, err);
}

static int
seal(struct sov_audit *log, int64_t time, struct sov_err *err)
{
    struct sov_buf b = { 0 };
    int rc = add_head(log, &b, "seal", time, err);

    add_text(&b, ",\"keyid\":\"");
    add_text(&b, sov_seckey_public(log->key)->id);
    add_text(&b, "\"");
    if (rc == 0)
        rc = finish_line(log, &b, true, err);
    if (rc == 0)
        rc = sov_audit_sync(log, err);
    sov_buf_free(&b);
    return rc;
}

/* A word of ours, that is not a seal's. */
static bool
is_event(const char *event)
{
    return event[0] != '\0' && strlen(event) <= 64 &&
           strspn(event, "abcdefghijklmnopqrstuvwxyz_") == strlen(event) &&
           strcmp(event, "seal") != 0;
}

int
sov_audit_put(sov_audit *log, const char *event, const char *members,
              int64_t time, struct sov_err *err)
{
    size_t n = members != NULL ? strlen(members) : 2;
    struct sov_buf b = { 0 };
    int rc;

    if (!is_event(event) || n < 2 ||
        (members != NULL && (members[0] != '{' || members[n - 1] != '}' ||
                             strchr(members, '\n') != NULL)))
        return sov_fail(err, SOV_EARG, "event %s of an audit log", event);
    rc = add_head(log, &b, event, time, err);
    if (n > 2) {
        add_text(&b, ",");
        sov_buf_add(&b, members + 1, n - 2);
    }
    if (rc == 0)
        rc = finish_line(log, &b, false, err);
    sov_buf_free(&b);
    if (rc == 0 && log->key != NULL && log->unsealed >= log->seal_every)
        rc = seal(log, time, err);
    return rc;
}

int
sov_audit_close(sov_audit *log, int64_t time, struct sov_err *err)
{
    int rc = 0;

    if (log == NULL)
        return 0;
    if (log->key != NULL && log->unsealed > 0)
        rc = seal(log, time, err);
    if (rc == 0)
        rc = sov_audit_sync(log, err);
    discard(log);
    return rc;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit.c - is an audit log what was written?
 */
#include "trust/audit.h"

#include "base/mem.h"
#include "sov/hash.h"
#include "sov/io.h"
#include "trust/armor.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIG_CHARS SOV_BASE64_LEN(SOV_SIG_LEN)

/* ,"hash":"HEX64"}   and   ,"hash":"HEX64","sig":"BASE64"} */
#define HASH_PART (9 + 64 + 1)
#define TAIL      (HASH_PART + 1)
#define SEAL_TAIL (HASH_PART + 8 + SIG_CHARS + 2)

static const char zeros[65] = "0000000000000000000000000000000000000000000000"
                              "000000000000000000";

void
sov_audit_hash(const void *p, size_t len, char hex[65])
{
    unsigned char digest[SOV_SHA256_LEN];

    sov_sha256(p, len, digest);
    for (size_t i = 0; i < sizeof(digest); i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
}

void
sov_audit_signed(const char hash[65], char *out)
{
    memcpy(out, "urn:sov:audit:v1 ", 17);
    memcpy(out + 17, hash, 64);
}

/* ---- one line */

static bool
is_hex(const unsigned char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!(p[i] >= '0' && p[i] <= '9') && !(p[i] >= 'a' && p[i] <= 'f'))
            return false;
    return true;
}

/* Cut n characters off the front of s, or false. */
static bool
take(struct sov_span *s, size_t n, const unsigned char **p)
{
    if (s->len < n)
        return false;
    *p = s->p;
    s->p += n;
    s->len -= n;
    return true;
}

static bool
take_hex(struct sov_span *s, char out[65])
{
    const unsigned char *p;

    if (!take(s, 64, &p) || !is_hex(p, 64))
        return false;
    memcpy(out, p, 64);
    out[64] = '\0';
    return true;
}

/* A number as we write it: no sign, no leading zero. */
static bool
take_count(struct sov_span *s, uint64_t *n)
{
    size_t digits = 0;

    *n = 0;
    while (digits < s->len && s->p[digits] >= '0' && s->p[digits] <= '9') {
        unsigned digit = (unsigned)(s->p[digits] - '0');

        if (*n > (UINT64_MAX - digit) / 10)
            return false;
        *n = *n * 10 + digit;
        digits++;
    }
    if (digits == 0 || (digits > 1 && s->p[0] == '0'))
        return false;
    s->p += digits;
    s->len -= digits;
    return true;
}

/* 2026-11-20T14:02:11.250Z, by its form alone. */
static bool
take_time(struct sov_span *s, char out[SOV_AUDIT_TIME + 1])
{
    static const char form[] = "0000-00-00T00:00:00.000Z";
    const unsigned char *p;

    if (!take(s, SOV_AUDIT_TIME, &p))
        return false;
    for (size_t i = 0; i < SOV_AUDIT_TIME; i++)
        if (form[i] == '0' ? p[i] < '0' || p[i] > '9'
                           : p[i] != (unsigned char)form[i])
            return false;
    memcpy(out, p, SOV_AUDIT_TIME);
    out[SOV_AUDIT_TIME] = '\0';
    return true;
}

static bool
take_word(struct sov_span *s, struct sov_span *word)
{
    *word = (struct sov_span){ s->p, 0 };
    while (word->len < s->len &&
           ((s->p[word->len] >= 'a' && s->p[word->len] <= 'z') ||
            s->p[word->len] == '_'))
        word->len++;
    s->p += word->len;
    s->len -= word->len;
    return word->len > 0;
}

static bool
is(struct sov_span s, const char *text)
{
    return s.len == strlen(text) && memcmp(s.p, text, s.len) == 0;
}

/* The head up to the event; left are its members. */
static bool
read_head(struct sov_span *s, struct sov_audit_line *line)
{
    return sov_span_skip(s, "{\"seq\":") && take_count(s, &line->seq) &&
           sov_span_skip(s, ",\"time\":\"") && take_time(s, line->time) &&
           sov_span_skip(s, "\",\"prev\":\"") && take_hex(s, line->prev) &&
           sov_span_skip(s, "\",\"event\":\"") &&
           take_word(s, &line->event) && sov_span_skip(s, "\"");
}

/* From ,"hash" on. */
static bool
read_tail(struct sov_span s, struct sov_audit_line *line)
{
    struct sov_span sig;

    if (!sov_span_skip(&s, ",\"hash\":\"") || !take_hex(&s, line->hash) ||
        !sov_span_skip(&s, "\""))
        return false;
    if (!line->sealed)
        return is(s, "}");
    if (!sov_span_skip(&s, ",\"sig\":\"") || s.len != SIG_CHARS + 2)
        return false;
    sig = (struct sov_span){ s.p, SIG_CHARS };
    s.p += SIG_CHARS;
    s.len -= SIG_CHARS;
    return sov_base64_exact(sig, line->sig, SOV_SIG_LEN) && is(s, "\"}");
}

/* What a seal has for members. */
static bool
read_keyid(struct sov_span s, struct sov_audit_line *line)
{
    char id[65];

    if (!sov_span_skip(&s, ",\"keyid\":\""))
        return false;
    line->keyid = (struct sov_span){ s.p, 64 };
    return take_hex(&s, id) && is(s, "\"");
}

const char *
sov_audit_read(struct sov_span text, struct sov_audit_line *line)
{
    struct sov_span s = text;
    char hash[65];
    size_t tail;

    *line = (struct sov_audit_line){ 0 };
    if (!read_head(&s, line))
        return "is not a line of an audit log";
    line->sealed = is(line->event, "seal");
    tail = line->sealed ? SEAL_TAIL : TAIL;
    if (s.len < tail)
        return "is not a whole line of an audit log";
    if (!read_tail((struct sov_span){ s.p + s.len - tail, tail }, line))
        return "was altered: it does not end in a hash";
    sov_audit_hash(text.p, text.len - tail, hash);
    if (memcmp(hash, line->hash, 64) != 0)
        return "was altered: its hash is another one";
    s.len -= tail;
    if (line->sealed && !read_keyid(s, line))
        return "is not a seal as it is written";
    return NULL;
}

/* ---- all of them */

struct check {
    const char *name;
    const sov_keyring *ring;
    struct sov_audit_facts *facts;
    char hash[65]; /* of the line before */
    bool in_run;
};

/* Line number, from 1, of the line that is being looked at. */
#define LINE(c) ((c)->facts->lines + 1)

static int
no(const struct check *c, const char *what, struct sov_err *err)
{
    return sov_fail(err, SOV_ENO, "%s: line %" PRIu64 " %s", c->name, LINE(c),
                    what);
}

/* Does it stand where it was written? */
static int
check_place(const struct check *c, const struct sov_audit_line *line,
            struct sov_err *err)
{
    uint64_t want = c->facts->lines;

    if (line->seq == want + 1)
        return sov_fail(err, SOV_ENO,
                        "%s: line %" PRIu64 " is missing: the one there is "
                        "number %" PRIu64,
                        c->name, LINE(c), line->seq + 1);
    if (line->seq > want)
        return sov_fail(err, SOV_ENO,
                        "%s: lines %" PRIu64 " to %" PRIu64 " are missing, or "
                        "number %" PRIu64 " was moved to line %" PRIu64,
                        c->name, LINE(c), line->seq, line->seq + 1, LINE(c));
    if (line->seq < want)
        return sov_fail(err, SOV_ENO,
                        "%s: line %" PRIu64 " was inserted or moved: it is "
                        "number %" PRIu64,
                        c->name, LINE(c), line->seq + 1);
    if (strcmp(line->prev, c->hash) != 0)
        return sov_fail(err, SOV_ENO,
                        "%s: line %" PRIu64 " does not continue line %" PRIu64
                        ": one of them is another than was written",
                        c->name, LINE(c), want);
    return 0;
}

/* A seal by somebody who is not believed says nothing. */
static int
check_seal(struct check *c, const struct sov_audit_line *line,
           struct sov_err *err)
{
    char id[65], text[SOV_AUDIT_SIGNED];
    const struct sov_pubkey *key;
    struct sov_err why = { 0 };

    memcpy(id, line->keyid.p, 64);
    id[64] = '\0';
    key = c->ring != NULL ? sov_keyring_find(c->ring, id, &why) : NULL;
    if (key == NULL) {
        c->facts->foreign++;
        return 0;
    }
    sov_audit_signed(line->hash, text);
    if (!sov_sig_ok(key, text, sizeof(text), line->sig))
        return no(c, "has a signature that is not valid", err);
    c->facts->seals++;
    c->facts->sealed = c->facts->lines + 1;
    memcpy(c->facts->keyid, id, sizeof(id));
    return 0;
}

static void
count_runs(struct check *c, const struct sov_audit_line *line)
{
    if (is(line->event, "start")) {
        c->facts->runs++;
        c->facts->open += c->in_run;
        c->in_run = true;
    } else if (is(line->event, "end")) {
        c->in_run = false;
    }
}

static int
check_line(struct check *c, struct sov_span text, struct sov_err *err)
{
    struct sov_audit_line line;
    const char *wrong = sov_audit_read(text, &line);
    int rc;

    if (wrong != NULL)
        return no(c, wrong, err);
    rc = check_place(c, &line, err);
    if (rc == 0 && line.sealed)
        rc = check_seal(c, &line, err);
    if (rc < 0)
        return rc;
    count_runs(c, &line);
    memcpy(c->hash, line.hash, sizeof(c->hash));
    memcpy(c->facts->hash, line.hash, sizeof(c->facts->hash));
    memcpy(c->facts->last, line.time, sizeof(line.time));
    if (c->facts->lines == 0)
        memcpy(c->facts->first, line.time, sizeof(line.time));
    c->facts->lines++;
    return 0;
}

/* All whole lines of s, which is left with what follows the last of them. */
static int
check_lines(struct check *c, struct sov_span *s, struct sov_err *err)
{
    int rc = 0;

    while (s->len > 0 && rc == 0) {
        const unsigned char *end = memchr(s->p, '\n', s->len);
        struct sov_span line = { s->p, 0 };

        if (end == NULL)
            return 0;
        line.len = (size_t)(end - s->p);
        rc = check_line(c, line, err);
        s->p += line.len + 1;
        s->len -= line.len + 1;
    }
    return rc;
}

static int
check_end(struct check *c, size_t left, struct sov_err *err)
{
    struct sov_audit_facts *f = c->facts;

    if (left > 0)
        return no(c, "is not whole: it has no end", err);
    f->open += c->in_run;
    if (c->ring == NULL || sov_keyring_count(c->ring) == 0)
        return 0;
    if (f->seals == 0)
        return sov_fail(err, SOV_EDENY,
                        f->foreign > 0
                            ? "%s: the seals are of keys that nobody trusts"
                            : "%s: nothing of it is sealed",
                        c->name);
    if (f->sealed < f->lines)
        return sov_fail(err, SOV_ENO,
                        "%s: line %" PRIu64 " and what follows is behind the "
                        "last seal: nobody signed that it belongs there",
                        c->name, f->sealed + 1);
    return 0;
}

static void
begin(struct check *c, const char *name, const sov_keyring *ring,
      struct sov_audit_facts *facts)
{
    *facts = (struct sov_audit_facts){ 0 };
    *c = (struct check){ .name = name, .ring = ring, .facts = facts };
    memcpy(c->hash, zeros, sizeof(zeros));
}

int
sov_audit_check_text(const char *name, const void *text, size_t len,
                     const sov_keyring *ring, struct sov_audit_facts *facts,
                     struct sov_err *err)
{
    struct sov_span s = { text, len };
    struct check c;
    int rc;

    begin(&c, name, ring, facts);
    rc = check_lines(&c, &s, err);
    return rc == 0 ? check_end(&c, s.len, err) : rc;
}

int
sov_audit_check(const char *path, const sov_keyring *ring,
                struct sov_audit_facts *facts, struct sov_err *err)
{
    unsigned char *buf = malloc(2 * SOV_AUDIT_LINE);
    sov_source *src = NULL;
    size_t held = 0;
    int64_t got = 1;
    struct check c;
    int rc;

    if (buf == NULL)
        return sov_mem_fail(err);
    begin(&c, strcmp(path, "-") == 0 ? "standard input" : path, ring, facts);
    rc = sov_source_open(&src, path, err);
    if (rc < 0)
        sov_err_wrap(err, "%s", c.name);
    while (rc == 0 && got > 0) {
        struct sov_span s = { buf, held };

        got = sov_source_read(src, buf + held, SOV_AUDIT_LINE, err);
        if (got < 0)
            rc = sov_err_wrap(err, "%s", c.name);
        else
            s.len += (size_t)got;
        if (rc == 0)
            rc = check_lines(&c, &s, err);
        if (rc == 0 && s.len > SOV_AUDIT_LINE)
            rc = no(&c, "is too long for a line of an audit log", err);
        held = s.len;
        memmove(buf, s.p, held);
    }
    if (rc == 0)
        rc = check_end(&c, held, err);
    sov_source_close(src);
    free(buf);
    return rc;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ring.c - the keys that are believed, and until when
 *
 * A list of keys with the days between which each counts, and a list of ids
 * that never count.  Believing is asked for one id at a time, at one time;
 * nothing here knows what is signed.
 *
 * What always holds:
 *  1. A file is taken as a whole or not at all.
 *  2. A key counts if one entry for it says so, and no revocation names it.
 */
#include "base/le.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/text.h"
#include "sov/io.h"
#include "trust/armor.h"
#include "trust/keys.h"
#include "trust/words.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define POLICY_HEAD "sov-policy v1"
#define ID_LEN      64
#define FOREVER     INT64_MAX

struct entry {
    struct sov_pubkey key;
    int64_t from;    /* first second */
    int64_t to;      /* last one */
    int64_t expires; /* last one of the file that names it */
};

struct revoked {
    char id[ID_LEN + 1];
};

struct sov_keyring {
    struct entry *entry; /* owned */
    size_t n_entries;
    size_t entries_cap;
    struct revoked *revoked; /* owned */
    size_t n_revoked;
    size_t revoked_cap;
    int64_t now;
    bool has_now;
};

int
sov_keyring_new(sov_keyring **ring, struct sov_err *err)
{
    sov_keyring *r = sov_mem_array(1, sizeof(*r));

    if (r == NULL)
        return sov_mem_fail(err);
    *ring = r;
    return 0;
}

void
sov_keyring_free(sov_keyring *ring)
{
    if (ring == NULL)
        return;
    free(ring->entry);
    free(ring->revoked);
    free(ring);
}

static int
add_entry(sov_keyring *ring, const struct entry *entry, struct sov_err *err)
{
    void *p = ring->entry;
    int rc;

    if (ring->n_entries >= SOV_RING_KEYS_MAX)
        return sov_fail(err, SOV_EDENY,
                        "more than the limit of %" PRIu64 " keys",
                        SOV_RING_KEYS_MAX);
    rc = sov_mem_grow(&p, ring->n_entries, &ring->entries_cap,
                      sizeof(*ring->entry), err);
    ring->entry = p;
    if (rc == 0)
        ring->entry[ring->n_entries++] = *entry;
    return rc;
}

static int
add_revoked(sov_keyring *ring, const struct revoked *id, struct sov_err *err)
{
    void *p = ring->revoked;
    int rc;

    if (ring->n_revoked >= SOV_RING_KEYS_MAX)
        return sov_fail(err, SOV_EDENY,
                        "more than the limit of %" PRIu64 " revoked keys",
                        SOV_RING_KEYS_MAX);
    rc = sov_mem_grow(&p, ring->n_revoked, &ring->revoked_cap,
                      sizeof(*ring->revoked), err);
    ring->revoked = p;
    if (rc == 0)
        ring->revoked[ring->n_revoked++] = *id;
    return rc;
}

int
sov_keyring_add(sov_keyring *ring, const struct sov_pubkey *key,
                struct sov_err *err)
{
    struct entry entry = {
        .from = INT64_MIN,
        .to = FOREVER,
        .expires = FOREVER,
    };
    int rc = sov_pubkey_make(&entry.key, key->key, key->num, err);

    if (rc < 0)
        return rc;
    memcpy(entry.key.name, key->name, sizeof(entry.key.name) - 1);
    return add_entry(ring, &entry, err);
}

/* ---- the words of a line ---- */

struct parser {
    sov_keyring *ring;  /* of this file alone */
    struct sov_words w; /* of this line */
    int64_t expires;    /* FOREVER: not said */
    bool named;
    bool versioned;
};

static int
date(struct sov_span w, bool last, int64_t *out, struct sov_err *err)
{
    if (!sov_word_date(w, last, out))
        return sov_word_quote(
            err, "no date like 2026-01-02 or 2026-01-02T03:04:05Z", w);
    return 0;
}

/* ---- directives ---- */

/* name TEXT */
static int
on_name(struct parser *p, struct sov_err *err)
{
    if (p->w.n != 2 || p->named)
        return sov_fail(err, SOV_EDENY, "\"name NAME\" once");
    p->named = true;
    return 0;
}

/* version N */
static int
on_version(struct parser *p, struct sov_err *err)
{
    uint64_t n;

    if (p->w.n != 2 || p->versioned ||
        !sov_word_number(p->w.word[1], 999999999, &n))
        return sov_fail(err, SOV_EDENY,
                        "\"version NUMBER\" once, up to 999999999");
    p->versioned = true;
    return 0;
}

/* expires DATE */
static int
on_expires(struct parser *p, struct sov_err *err)
{
    if (p->w.n != 2 || p->expires != FOREVER)
        return sov_fail(err, SOV_EDENY, "\"expires DATE\" once");
    return date(p->w.word[1], true, &p->expires, err);
}

/* key NAME KIND BASE64 [from DATE] [to DATE] */
static int
on_key(struct parser *p, struct sov_err *err)
{
    struct entry entry = { .from = INT64_MIN, .to = FOREVER };
    size_t at = 4;
    int rc;

    if (p->w.n < 4)
        return sov_fail(err, SOV_EDENY,
                        "\"key NAME KIND BASE64 [from DATE] [to DATE]\"");
    rc = sov_pubkey_word(&entry.key, p->w.word[2], p->w.word[3], err);
    if (rc == 0 && p->w.n >= at + 2 && sov_word_is(p->w.word[at], "from")) {
        rc = date(p->w.word[at + 1], false, &entry.from, err);
        at += 2;
    }
    if (rc == 0 && p->w.n >= at + 2 && sov_word_is(p->w.word[at], "to")) {
        rc = date(p->w.word[at + 1], true, &entry.to, err);
        at += 2;
    }
    if (rc == 0 && p->w.n > at)
        rc = sov_word_quote(
            err, "\"from DATE\" and \"to DATE\" may follow a key, not",
            p->w.word[at]);
    if (rc == 0 && entry.from > entry.to)
        rc = sov_fail(err, SOV_EDENY, "the key ends before it begins");
    if (rc < 0)
        return rc;
    sov_text_safe(p->w.word[1].p, p->w.word[1].len, entry.key.name,
                  sizeof(entry.key.name));
    return add_entry(p->ring, &entry, err);
}

/* revoke key ID */
static int
on_revoke(struct parser *p, struct sov_err *err)
{
    struct revoked r = { 0 };

    if (p->w.n != 3 || !sov_word_is(p->w.word[1], "key"))
        return sov_fail(err, SOV_EDENY, "\"revoke key ID\"");
    if (p->w.word[2].len != ID_LEN)
        return sov_word_quote(err, "no key id of 64 lower-case hex digits",
                              p->w.word[2]);
    memcpy(r.id, p->w.word[2].p, ID_LEN);
    if (strspn(r.id, "0123456789abcdef") != ID_LEN)
        return sov_word_quote(err, "no key id of 64 lower-case hex digits",
                              p->w.word[2]);
    return add_revoked(p->ring, &r, err);
}

static const struct {
    const char *word;
    int (*take)(struct parser *p, struct sov_err *err);
} directives[] = {
    { "name", on_name }, { "version", on_version }, { "expires", on_expires },
    { "key", on_key },   { "revoke", on_revoke },
};

static int
directive(struct parser *p, struct sov_err *err)
{
    for (size_t i = 0; i < sizeof(directives) / sizeof(directives[0]); i++)
        if (sov_word_is(p->w.word[0], directives[i].word))
            return directives[i].take(p, err);
    return sov_word_quote(err, "an unknown directive", p->w.word[0]);
}

/* ---- files ---- */

static int
one_line(struct parser *p, struct sov_span line, bool *begun,
         struct sov_err *err)
{
    if (!sov_span_printable(line))
        return sov_fail(err, SOV_EDENY,
                        "control characters or bad UTF-8 in the line");
    sov_words_split(&p->w, line);
    if (p->w.n == 0)
        return 0;
    if (*begun)
        return directive(p, err);
    *begun = true;
    if (p->w.n != 2 || !sov_word_is(p->w.word[0], "sov-policy") ||
        !sov_word_is(p->w.word[1], "v1"))
        return sov_fail(err, SOV_EDENY,
                        "does not begin with \"" POLICY_HEAD "\"");
    return 0;
}

static int
parse(struct parser *p, struct sov_span left, struct sov_err *err)
{
    bool begun = false;
    size_t number = 0;

    while (left.len > 0) {
        struct sov_span line;
        int rc;

        number++;
        rc = sov_line_take(&left, &line)
                 ? one_line(p, line, &begun, err)
                 : sov_fail(err, SOV_EDENY,
                            "cut short: the last newline is missing");
        if (rc < 0) {
            sov_err_wrap(err, "line %zu", number);
            return rc;
        }
    }
    if (!begun)
        return sov_fail(err, SOV_EDENY,
                        "does not begin with \"" POLICY_HEAD "\"");
    return 0;
}

/* All of from into ring, or nothing. */
static int
merge(sov_keyring *ring, const sov_keyring *from, int64_t expires,
      struct sov_err *err)
{
    size_t n_entries = ring->n_entries;
    size_t n_revoked = ring->n_revoked;
    int rc = 0;

    for (size_t i = 0; i < from->n_entries && rc == 0; i++) {
        struct entry entry = from->entry[i];

        entry.expires = expires;
        rc = add_entry(ring, &entry, err);
    }
    for (size_t i = 0; i < from->n_revoked && rc == 0; i++)
        rc = add_revoked(ring, &from->revoked[i], err);
    if (rc < 0) {
        ring->n_entries = n_entries;
        ring->n_revoked = n_revoked;
    }
    return rc;
}

int
sov_keyring_parse(sov_keyring *ring, const void *text, size_t len,
                  struct sov_err *err)
{
    struct sov_span all = { .p = text, .len = len };
    struct parser p = { .expires = FOREVER };
    int rc;

    if (len > SOV_RING_FILE_MAX)
        return sov_fail(err, SOV_EDENY,
                        "longer than the limit of %" PRIu64 " bytes",
                        SOV_RING_FILE_MAX);
    rc = sov_keyring_new(&p.ring, err);
    if (rc == 0)
        rc = parse(&p, all, err);
    if (rc == 0)
        rc = merge(ring, p.ring, p.expires, err);
    sov_keyring_free(p.ring);
    return rc;
}

int
sov_keyring_load(sov_keyring *ring, const char *path, struct sov_err *err)
{
    struct sov_err why = { 0 };
    char *text = NULL;
    size_t len = 0;
    int rc;

    rc = sov_read_whole(path, SOV_RING_FILE_MAX, &text, &len, &why);
    if (rc == 0)
        rc = sov_keyring_parse(ring, text, len, &why);
    free(text);
    if (rc < 0)
        return sov_fail(err, rc == SOV_EMEM ? SOV_EMEM : SOV_EDENY, "%s: %s",
                        path, why.msg);
    return 0;
}

/* ---- asking ---- */

void
sov_keyring_set_time(sov_keyring *ring, int64_t now)
{
    ring->now = now;
    ring->has_now = true;
}

size_t
sov_keyring_count(const sov_keyring *ring)
{
    return ring->n_entries;
}

static bool
is_revoked(const sov_keyring *ring, const char *id)
{
    for (size_t i = 0; i < ring->n_revoked; i++)
        if (strcmp(ring->revoked[i].id, id) == 0)
            return true;
    return false;
}

/* Why the entry does not count at this time, or NULL. */
static const char *
refusal(const sov_keyring *ring, const struct entry *entry, int64_t now)
{
    if (is_revoked(ring, entry->key.id))
        return "is revoked";
    if (now > entry->expires)
        return "stands in a policy that has expired";
    if (now > entry->to)
        return "has expired";
    if (now < entry->from)
        return "is not valid yet";
    return NULL;
}

const struct sov_pubkey *
sov_keyring_find(const sov_keyring *ring, const char *id, struct sov_err *err)
{
    int64_t now = ring->has_now ? ring->now : (int64_t)time(NULL);
    const char *why = "is not one of those that are trusted";
    enum sov_rc rc = SOV_ENO;

    for (size_t i = 0; i < ring->n_entries; i++) {
        const struct entry *entry = &ring->entry[i];
        const char *no;

        if (strcmp(entry->key.id, id) != 0)
            continue;
        no = refusal(ring, entry, now);
        if (no == NULL)
            return &entry->key;
        why = no;
        rc = SOV_EDENY;
    }
    sov_fail(err, rc, "key %s %s", id, why);
    return NULL;
}

const struct sov_pubkey *
sov_keyring_find_num(const sov_keyring *ring, const unsigned char num[8],
                     struct sov_err *err)
{
    sov_fail(err, SOV_EDENY,
             "minisign key " SOV_NUM_FORMAT
             " is not one of those that are trusted",
             sov_le64(num));
    for (size_t i = 0; i < ring->n_entries; i++) {
        const struct sov_pubkey *key = &ring->entry[i].key;

        if (memcmp(key->num, num, SOV_NUM_LEN) != 0)
            continue;
        key = sov_keyring_find(ring, key->id, err);
        if (key != NULL)
            return key;
    }
    return NULL;
}

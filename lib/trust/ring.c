/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ring.c - the keys that are believed, and until when
 *
 * A list of keys with the days between which each counts, and a list of ids
 * that do not count.  Believing is asked for one id at a time, at one time;
 * nothing here knows what is signed.
 *
 * What always holds:
 *  1. A file is taken as a whole or not at all.
 *  2. A key counts if one entry for it says so, and no revocation names it.
 */
#include "base/limits.h"
#include "base/mem.h"
#include "base/le.h"
#include "sov/io.h"
#include "trust/keys.h"
#include "trust/policy.h"
#include "trust/ring.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct sov_keyring {
    struct sov_ring_entry *entry; /* owned */
    size_t n_entries;
    size_t entries_cap;
    struct sov_revoked *revoked; /* owned */
    size_t n_revoked;
    size_t revoked_cap;
    enum sov_ring_time time;
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

int
sov_ring_add(sov_keyring *ring, const struct sov_ring_entry *entry,
             struct sov_err *err)
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

int
sov_ring_revoke(sov_keyring *ring, const struct sov_revoked *who,
                struct sov_err *err)
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
        ring->revoked[ring->n_revoked++] = *who;
    return rc;
}

int
sov_keyring_add(sov_keyring *ring, const struct sov_pubkey *key,
                struct sov_err *err)
{
    struct sov_ring_entry entry = {
        .from = INT64_MIN,
        .to = SOV_FOREVER,
        .expires = SOV_FOREVER,
    };
    int rc = sov_pubkey_make(&entry.key, key->key, key->num, err);

    if (rc < 0)
        return rc;
    memcpy(entry.key.name, key->name, sizeof(entry.key.name) - 1);
    return sov_ring_add(ring, &entry, err);
}

/* ---- files ---- */

int
sov_ring_merge(sov_keyring *ring, const sov_keyring *from, int64_t expires,
               enum sov_ring_time time, struct sov_err *err)
{
    size_t n_entries = ring->n_entries;
    size_t n_revoked = ring->n_revoked;
    int rc = 0;

    for (size_t i = 0; i < from->n_entries && rc == 0; i++) {
        struct sov_ring_entry entry = from->entry[i];

        entry.expires = expires;
        rc = sov_ring_add(ring, &entry, err);
    }
    for (size_t i = 0; i < from->n_revoked && rc == 0; i++)
        rc = sov_ring_revoke(ring, &from->revoked[i], err);
    if (rc < 0) {
        ring->n_entries = n_entries;
        ring->n_revoked = n_revoked;
    } else if (time > ring->time) {
        ring->time = time;
    }
    return rc;
}

int
sov_keyring_parse(sov_keyring *ring, const void *text, size_t len,
                  struct sov_err *err)
{
    struct sov_span all = { .p = text, .len = len };
    struct sov_policy_file *file = NULL;
    int rc = sov_policy_file_read(&file, ring, all, true, err);

    sov_policy_file_free(file);
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

void
sov_ring_ignore_ends(sov_keyring *ring)
{
    for (size_t i = 0; i < ring->n_entries; i++)
        ring->entry[i].expires = SOV_FOREVER;
}

int64_t
sov_ring_now(const sov_keyring *ring)
{
    return ring->has_now ? ring->now : (int64_t)time(NULL);
}

enum sov_ring_time
sov_ring_time(const sov_keyring *ring)
{
    return ring->time;
}

size_t
sov_keyring_count(const sov_keyring *ring)
{
    return ring->n_entries;
}

/* Does a revocation reach what was signed then? */
static bool
is_revoked(const sov_keyring *ring, const char *id, int64_t when,
           bool witnessed)
{
    for (size_t i = 0; i < ring->n_revoked; i++)
        if (strcmp(ring->revoked[i].id, id) == 0 &&
            (!witnessed || when >= ring->revoked[i].since))
            return true;
    return false;
}

/* Why the entry does not count at this time, or NULL. */
static const char *
refusal(const sov_keyring *ring, const struct sov_ring_entry *entry,
        int64_t when, bool witnessed)
{
    if (is_revoked(ring, entry->key.id, when, witnessed))
        return "is revoked";
    if (sov_ring_now(ring) > entry->expires)
        return "stands in a policy that has expired";
    if (when > entry->to)
        return "has expired";
    if (when < entry->from)
        return "is not valid yet";
    return NULL;
}

const struct sov_pubkey *
sov_ring_find_at(const sov_keyring *ring, const char *id, int64_t when,
                 bool witnessed, struct sov_err *err)
{
    const char *why = "is not one of those that are trusted";
    enum sov_rc rc = SOV_ENO;

    for (size_t i = 0; i < ring->n_entries; i++) {
        const struct sov_ring_entry *entry = &ring->entry[i];
        const char *no;

        if (strcmp(entry->key.id, id) != 0)
            continue;
        no = refusal(ring, entry, when, witnessed);
        if (no == NULL)
            return &entry->key;
        why = no;
        rc = SOV_EDENY;
    }
    sov_fail(err, rc, "key %s %s", id, why);
    return NULL;
}

const struct sov_pubkey *
sov_keyring_find(const sov_keyring *ring, const char *id, struct sov_err *err)
{
    return sov_ring_find_at(ring, id, sov_ring_now(ring), false, err);
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

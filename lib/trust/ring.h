/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ring.h - a list of keys from inside
 */
#ifndef SOV_TRUST_RING_H
#define SOV_TRUST_RING_H

#include "sov/key.h"

#include <stdbool.h>
#include <stdint.h>

#define SOV_FOREVER INT64_MAX

/* At what time a key has to have been valid.  In order of what is stricter:
 * of several files the strictest counts. */
enum sov_ring_time {
    SOV_TIME_UNSAID,    /* the clock's */
    SOV_TIME_CLAIM,     /* when the claim says that it was made */
    SOV_TIME_WITNESSED, /* when somebody else pointed to the claim */
    SOV_TIME_CLOCK,     /* now */
};

/* Ends of files do not count: those of a file that another one follows. */
void sov_ring_ignore_ends(sov_keyring *ring);

/* A key and when it counts, in seconds since 1970. */
struct sov_ring_entry {
    struct sov_pubkey key;
    int64_t from;    /* first second */
    int64_t to;      /* last one */
    int64_t expires; /* last one of the file that names it */
};

struct sov_revoked {
    char id[65];
    int64_t since; /* INT64_MIN: it never counted */
};

int sov_ring_add(sov_keyring *ring, const struct sov_ring_entry *entry,
                 struct sov_err *err) SOV_MUST_CHECK;
int sov_ring_revoke(sov_keyring *ring, const struct sov_revoked *who,
                    struct sov_err *err) SOV_MUST_CHECK;

/* Files are read into a ring of their own, and merged when they are good: all
 * of from into ring, with that end of all entries, or nothing. */
int sov_ring_merge(sov_keyring *ring, const sov_keyring *from, int64_t expires,
                   enum sov_ring_time time, struct sov_err *err) SOV_MUST_CHECK;

enum sov_ring_time sov_ring_time(const sov_keyring *ring);
int64_t sov_ring_now(const sov_keyring *ring);

/*
 * The key with this id for a signature that was made at a time.  witnessed:
 * that time is not the signer's own word, so that a key that was revoked later
 * counts.  NULL as sov_keyring_find().
 */
const struct sov_pubkey *sov_ring_find_at(const sov_keyring *ring,
                                          const char *id, int64_t when,
                                          bool witnessed, struct sov_err *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit.h - a log that is only added to, whose lines vouch for each other
 *
 * One JSON object a line, in this order and without spaces:
 *
 *     {"seq":7,"time":"2026-11-20T14:02:11.250Z","prev":"HEX64",
 *      "event":"request", members of the event, "hash":"HEX64"}
 *
 * seq counts from 0.  hash is the SHA-256 of the line's bytes before its
 * ',"hash"', and prev is the hash of the line before, in the first one zeros.
 * So nobody can alter, remove, insert or move a line without making all lines
 * after it anew.  A seal makes that of no use too:
 *
 *     {...,"event":"seal","keyid":"HEX64","hash":"HEX64","sig":"BASE64"}
 *
 * sig is the Ed25519 signature of "urn:sov:audit:v1 " and the hex of hash, and
 * keyid the id of the key (key.h).  The event "start" begins a run and "end"
 * ends it; what else there is, and the members, are the writer's.
 *
 * What no log can show of itself is that whole runs at its end are gone, with
 * their seals: keep the last hash elsewhere, or the log where nobody can
 * shorten it (chattr +a).
 */
#ifndef SOV_AUDIT_H
#define SOV_AUDIT_H

#include "sov/err.h"
#include "sov/key.h"

#include <stddef.h>
#include <stdint.h>

#define SOV_AUDIT_LINE 1048576 /* bytes of a line at most */

typedef struct sov_audit sov_audit;

/*
 * Continue a log, or begin it.  One process at a time: another one is SOV_EIO
 * with SOV_WHERE_LOCK.  A log whose last line is not whole is SOV_EFORMAT and
 * stays as it is.  With a key (borrowed) a seal follows after every seal_every
 * lines (0: 1000), and by sov_audit_close().  No path is needed afterwards.
 */
SOV_API int sov_audit_open(sov_audit **log, const char *path,
                           const sov_seckey *key, unsigned seal_every,
                           struct sov_err *err) SOV_MUST_CHECK;

/*
 * Add a line.  event is a word of a-z and _; members is a JSON object (the
 * text, "{...}", on one line) whose members the line gets, or NULL; time is in
 * milliseconds since 1970.  The line is handed to the system at once, and is
 * on the disk after the next seal or the end.
 */
SOV_API int sov_audit_put(sov_audit *log, const char *event,
                          const char *members, int64_t time,
                          struct sov_err *err) SOV_MUST_CHECK;

/* Wait until every line is on the disk. */
SOV_API int sov_audit_sync(sov_audit *log, struct sov_err *err) SOV_MUST_CHECK;

/* Seal what is not sealed and wait for the disk; frees the log in any case. */
SOV_API int sov_audit_close(sov_audit *log, int64_t time,
                            struct sov_err *err) SOV_MUST_CHECK;

/* What was found in a log. */
struct sov_audit_facts {
    uint64_t lines;
    uint64_t runs;     /* that began */
    uint64_t open;     /* of them without an end */
    uint64_t seals;    /* by keys that are believed */
    uint64_t sealed;   /* lines up to the last of these */
    uint64_t foreign;  /* seals by other keys */
    char first[32];    /* time of the first line; "" if there is none */
    char last[32];
    char hash[65];     /* of the last line */
    char keyid[65];    /* of the last believed seal; "" */
};

/*
 * Read a log ("-": standard input) from its first line.  SOV_ENO names the
 * first line that was altered, is missing, or is not where it was.  ring may
 * be NULL or empty: then seals are counted as foreign, and who made the lines
 * is not known.  Otherwise the last line must be a seal that ring believes,
 * else SOV_ENO names the first line behind the last such seal, and a log with
 * none at all is SOV_EDENY.
 */
SOV_API int sov_audit_check(const char *path, const sov_keyring *ring,
                            struct sov_audit_facts *facts,
                            struct sov_err *err) SOV_MUST_CHECK;

/* The same for a log in memory; name is for messages. */
SOV_API int sov_audit_check_text(const char *name, const void *text,
                                 size_t len, const sov_keyring *ring,
                                 struct sov_audit_facts *facts,
                                 struct sov_err *err) SOV_MUST_CHECK;

#endif

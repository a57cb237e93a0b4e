/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit.h - the lines of an audit log, for those who write and check them
 */
#ifndef SOV_TRUST_AUDIT_H
#define SOV_TRUST_AUDIT_H

#include "sov/audit.h"
#include "sov/base.h"

#include <stdbool.h>

#define SOV_AUDIT_TIME 24 /* characters of a time */

/* One line as it was read; hash is computed, and is what the line says. */
struct sov_audit_line {
    uint64_t seq;
    char time[SOV_AUDIT_TIME + 1];
    char prev[65];
    struct sov_span event;
    char hash[65];
    bool sealed;
    struct sov_span keyid; /* of a seal */
    unsigned char sig[SOV_SIG_LEN];
};

/*
 * Take a line apart, without its newline.  NULL, or what is wrong with it: "is
 * not ..." for what no writer writes, "was altered" where the hash is another.
 */
const char *sov_audit_read(struct sov_span text, struct sov_audit_line *line);

/* What a seal signs: out has room for SOV_AUDIT_SIGNED characters. */
#define SOV_AUDIT_SIGNED (17 + 64)
void sov_audit_signed(const char hash[65], char *out);

/* The hash of a line whose bytes before ',"hash"' are these. */
void sov_audit_hash(const void *p, size_t len, char hex[65]);

#endif

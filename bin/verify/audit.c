/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit.c - sov-verify --audit-log: is the log what was written?
 */
#include "cli/report.h"
#include "cli/text.h"
#include "cli/tool.h"
#include "sov/audit.h"
#include "verify/verify.h"

#include <inttypes.h>
#include <stdio.h>

static int
report_json(const struct sov_audit_facts *f, int answer, struct sov_err *err)
{
    struct sov_report *r = sov_report_new("sov.verify/1");

    sov_report_text(r, "mode", NULL, "audit-log");
    sov_report_text(r, "log", NULL, sov_verify.audit_log);
    sov_report_bool(r, "intact", NULL, answer == 0);
    sov_report_uint(r, "lines", NULL, f->lines);
    sov_report_uint(r, "runs", NULL, f->runs);
    sov_report_uint(r, "runs_without_end", NULL, f->open);
    sov_report_uint(r, "seals", NULL, f->seals);
    sov_report_uint(r, "seals_of_others", NULL, f->foreign);
    sov_report_uint(r, "sealed_lines", NULL, f->sealed);
    sov_report_text(r, "key", NULL, f->keyid);
    sov_report_text(r, "first", NULL, f->first);
    sov_report_text(r, "last", NULL, f->last);
    sov_report_text(r, "hash", NULL, f->hash);
    return sov_report_end(r, err);
}

static void
say(const struct sov_audit_facts *f)
{
    char name[1000];

    printf("%s: intact: %" PRIu64 " line%s, %" PRIu64 " run%s",
           sov_text_escape(name, sizeof(name), sov_verify.audit_log), f->lines,
           f->lines == 1 ? "" : "s", f->runs, f->runs == 1 ? "" : "s");
    if (f->lines > 0)
        printf(", %s to %s", f->first, f->last);
    if (f->seals > 0)
        printf("; sealed by key %.16s", f->keyid);
    else
        printf("; nobody vouches for it%s",
               f->foreign > 0 ? " whose key was given" : "");
    printf("\n");
    if (f->open > 0)
        sov_warn("%s: %" PRIu64 " run%s without an end: cut off, or still "
                 "going on",
                 name, f->open, f->open == 1 ? "" : "s");
    if (f->lines > 0)
        printf("last hash: %s\n", f->hash);
}

int
sov_verify_audit(int argc, char **argv, struct sov_err *err)
{
    struct sov_audit_facts facts = { 0 };
    struct sov_err end = { 0 };
    sov_keyring *ring = NULL;
    int rc;

    if (argc > 0)
        return sov_fail(err, SOV_EARG,
                        "--audit-log names the log; '%s' is one too many",
                        argv[0]);
    rc = sov_verify_ring(&ring, err);
    if (rc == 0)
        rc = sov_audit_check(sov_verify.audit_log, ring, &facts, err);
    sov_keyring_free(ring);
    if (rc != 0 && rc != SOV_ENO && rc != SOV_EDENY)
        return rc;
    if (sov_common.json && report_json(&facts, rc, &end) < 0 && rc == 0) {
        *err = end;
        return end.rc;
    }
    if (rc == 0 && !sov_common.json && !sov_common.quiet)
        say(&facts);
    return rc;
}

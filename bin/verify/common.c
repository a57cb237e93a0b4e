/* SPDX-License-Identifier: Apache-2.0 */
/*
 * common.c - what the modes of sov-verify share
 */
#include "cli/claims.h"
#include "cli/names.h"
#include "cli/trust.h"
#include "sov/io.h"
#include "verify/verify.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define INDEX_MAX ((size_t)1 << 30)

int
sov_verify_ring(sov_keyring **ring, struct sov_err *err)
{
    const char *const policy[] = { sov_verify.policy, sov_verify.require };

    return sov_trust_load(ring, &sov_verify.keys, policy, 2, err);
}

int
sov_verify_policy(sov_policy **policy, struct sov_err *err)
{
    const char *const file[] = { sov_verify.policy, sov_verify.require };

    return sov_trust_policy(policy, &sov_verify.keys, file, 2, err);
}

/* What lies beside a model is a file; a fifo there would be waited for. */
int
sov_verify_beside(const char *path, bool *found, struct sov_err *err)
{
    *found = access(path, F_OK) == 0 || errno != ENOENT;
    if (*found && access(path, F_OK) == 0 && !sov_fileset_is_regular(path))
        return sov_fail(err, SOV_EFORMAT, "%s: is not a regular file", path);
    return 0;
}

/* What somebody has beside them; of what it does not belong to it says
 * nothing. */
static int
load_more(sov_claims *set, struct sov_err *err)
{
    int rc = 0;

    for (size_t i = 0; i < sov_verify.more.n && rc == 0; i++)
        rc = sov_claims_load(set, sov_verify.more.items[i], -1, err);
    return rc;
}

int
sov_verify_claims(sov_claims **set, char **path, bool *found, const char *model,
                  bool dir, struct sov_err *err)
{
    bool given = sov_verify.claims != NULL;
    int rc = sov_claims_new(set, err);

    if (rc < 0)
        return rc;
    *found = false;
    rc = load_more(*set, err);
    if (rc < 0)
        return rc;
    if (!given && strcmp(model, "-") == 0)
        return 0; /* nothing lies beside a stream */
    *path = given ? strdup(sov_verify.claims)
                  : sov_fileset_beside(model, dir, SOV_CLAIMS_SUFFIX);
    if (*path == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    *found = given;
    if (!given)
        rc = sov_verify_beside(*path, found, err);
    return rc == 0 && *found ? sov_claims_load(*set, *path, -1, err) : rc;
}

void
sov_verify_name(struct sov_err *err, const char *path)
{
    if (strncmp(err->msg, path, strlen(path)) != 0)
        sov_err_wrap(err, "%s", sov_name_in(path));
}

int
sov_verify_index(sov_index **idx, char **path, const char *model, bool dir,
                 struct sov_err *err)
{
    char *text;
    size_t len;
    bool found;
    int rc;

    *idx = NULL;
    *path = sov_fileset_beside(model, dir, SOV_INDEX_SUFFIX);
    if (*path == NULL)
        return sov_fail(err, SOV_EMEM, "out of memory");
    rc = sov_verify_beside(*path, &found, err);
    if (rc < 0 || !found)
        return rc;
    rc = sov_read_whole(*path, INDEX_MAX, &text, &len, err);
    if (rc < 0)
        return sov_err_wrap(err, "%s", *path);
    rc = sov_index_parse(idx, text, len, err);
    free(text);
    return rc < 0 ? sov_err_wrap(err, "%s", *path) : 0;
}

const char *
sov_verify_deed(const struct sov_claim *claim, char *buf, size_t size)
{
    static const char head[] = "urn:sov:buildtype:";
    const char *type = claim->statement.build_type;
    const char *end;

    if (sov_statement_is_test(&claim->statement))
        type = "test";
    else if (sov_statement_is_facts(&claim->statement))
        type = "facts";
    else if (sov_statement_is_summary(&claim->statement))
        type = "summary";
    if (type == NULL)
        type = claim->statement.predicate_type;
    if (type == NULL)
        type = "statement";
    if (strncmp(type, head, sizeof(head) - 1) == 0)
        type += sizeof(head) - 1;
    end = strstr(type, ":v");
    snprintf(buf, size, "%.*s", end != NULL ? (int)(end - type) : 200, type);
    return buf;
}

const char *
sov_verify_trust_word(enum sov_trust trust)
{
    switch (trust) {
    case SOV_TRUST_UNKNOWN:
        return "not trusted";
    case SOV_TRUST_DENIED:
        return "revoked or expired";
    case SOV_TRUST_BAD:
        return "BAD SIGNATURE";
    case SOV_TRUST_GOOD:
        return "trusted";
    }
    return "?";
}

const char *
sov_verify_time(int64_t when, char *buf, size_t size)
{
    time_t t = (time_t)when;
    struct tm tm;

    buf[0] = '\0';
    if (when != 0 && gmtime_r(&t, &tm) != NULL)
        strftime(buf, size, "%Y-%m-%d %H:%M:%S", &tm);
    return buf;
}

const char *
sov_verify_hint(const char *path)
{
    const char *dash = strstr(path, "-of-");
    unsigned part, all;

    if (sov_fileset_is_side(path))
        return "; this is no model: name the one that it is about";
    while (dash != NULL && strstr(dash + 1, "-of-") != NULL)
        dash = strstr(dash + 1, "-of-");
    if (dash == NULL || dash - path < 6 ||
        sscanf(dash - 6, "-%5u-of-%5u.", &part, &all) != 2 || part == 1)
        return "";
    return "; a split model is named by its first part";
}

const char *
sov_verify_file_of(const struct sov_statement *st)
{
    const char *name = st->subject[0].name;

    for (size_t i = 0; i < st->n_subjects; i++) {
        const char *end = st->subject[i].name != NULL
                              ? strrchr(st->subject[i].name, '.')
                              : NULL;

        if (end != NULL &&
            (strcmp(end, ".gguf") == 0 || strcmp(end, ".safetensors") == 0)) {
            name = st->subject[i].name;
            break;
        }
    }
    return name != NULL ? name : "(no name)";
}
